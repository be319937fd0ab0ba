//! What a node takes over from its damaged journal: budgets are never refunded, what was acknowledged is not forgotten, and
//! the audit log goes on as far as it is whole.

use std::path::{Path, PathBuf};

use hushwire::base::bytes::{LocalMac, Sha256Digest};
use hushwire::base::kind::IdentifierKind;
use hushwire::base::position::TreeSize;
use hushwire::base::role::Role;
use hushwire::base::secret::SecretBytes;
use hushwire::domain::audit::event::AuditEvent;
use hushwire::domain::audit::record::Actor;
use hushwire::domain::case::CaseId;
use hushwire::domain::case::challenge::{Code, Method};
use hushwire::domain::identifier::RawIdentifier;
use hushwire::domain::indicator::draft::Draft;
use hushwire::domain::indicator::words::{Grounds, Severity};
use hushwire::domain::statistics::budget::Epsilon;
use hushwire::domain::statistics::period::Period;
use hushwire::domain::statistics::question::{Query, Question};
use hushwire::domain::user::UserState;
use hushwire::domain::user::name::UserName;
use hushwire::domain::user::roles::ConsoleRoles;
use hushwire::io::journal::file::{FileJournal, JournalOptions};
use hushwire::io::journal::fs::{Fs, FsFile};
use hushwire::io::journal::sim_fs::SimFs;
use hushwire::io::rescue::{Owner, rescue};
use hushwire::io::views::memory::MemoryViews;
use hushwire::node::Node;
use hushwire::node::challenge::ChallengeFault;
use hushwire::node::commit::StoredEntry;
use hushwire::node::manage_users::Via;
use hushwire::node::publish::{IndicatorDraft, PublishRequest};
use hushwire::node::record_screening::{CaseFacts, ScreeningRecord};
use hushwire::node::release::{ReleaseFault, ReleaseStep};
use hushwire::node::salvage::Rescued;
use hushwire::node::store::StorageFault;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::consortium::{Consortium, START};

const OLD: &str = "/journal";
const NEW: &str = "/journal.salvaged";
const OPTIONS: JournalOptions = JournalOptions { rotate_bytes: 4_000, reserve_bytes: 0 };
const PRICE: Epsilon = Epsilon::from_nano(250_000_000);

struct House {
    node: Node<FileJournal<SimFs>, MemoryViews>,
    rng: StdRng,
}

fn key() -> SecretBytes<32> {
    SecretBytes::new([3; 32])
}

impl House {
    fn open(consortium: &Consortium, fs: &SimFs, dir: &str) -> Result<Self, StorageFault> {
        let mut rng = StdRng::seed_from_u64(1);
        let journal = FileJournal::open(fs.clone(), Path::new(dir), &key(), OPTIONS)?;
        let (identity, settings, roster) = (consortium.identity(0), consortium.settings(), consortium.roster.clone());
        let node = Node::open(identity, settings, roster, journal, MemoryViews::new(), START, &mut rng)?;
        Ok(Self { node, rng })
    }

    fn publish(&mut self, device: &str) -> usize {
        let draft = IndicatorDraft {
            identifier: RawIdentifier::new(IdentifierKind::Device, device.to_owned()),
            details: Draft {
                typology: "F1012".to_owned(),
                severity: Some(Severity::High),
                confidence: 80,
                grounds: Some(Grounds::OwnConfirmed),
                ..Draft::default()
            },
            source_ref: Some(device.to_owned()),
            supersedes: None,
        };
        let request = self.node.request(device, device.as_bytes());
        let asked = PublishRequest { request, group: None, drafts: vec![Ok(draft)], dry_run: false, spread_s: 0 };
        let receipt = self.node.publish_indicators(&Actor::Node, asked, START, &mut self.rng).expect("publishes");
        self.node.sync().expect("syncs");
        receipt.published.len()
    }

    fn record(&mut self, count: usize) {
        for _ in 0..count {
            let event = AuditEvent::AuditListed { records: 0, more: false };
            self.node.record(&Actor::Node, vec![event], START, &mut self.rng).expect("records");
            self.node.sync().expect("syncs");
        }
    }

    fn tick(&mut self) {
        self.node.tick(START, &mut self.rng).expect("ticks");
        self.node.sync().expect("syncs");
    }

    fn charge(&mut self, id: &str) -> Result<ReleaseStep, ReleaseFault> {
        let today = START.day();
        let period = Period::new(today, today.next(), today).expect("a day");
        let question = Question { query: Query::PublishedIndicatorsByKind, period, asked: PRICE };
        let id = id.parse().expect("an id");
        let step = self.node.begin_release(&Actor::Node, &id, question, PRICE, START, &mut self.rng)?;
        self.node.sync()?;
        Ok(step)
    }

    fn spent(&self) -> Epsilon {
        self.node.budget(START.day()).spent
    }

    fn audit_log(&self) -> Vec<StoredEntry> {
        let size = self.node.status(START).audit_size;
        let slice = self.node.export_audit_slice(TreeSize::EMPTY, size).expect("reads");
        slice.into_iter().map(|logged| logged.entry).collect()
    }
}

/// A node that charged a release without an answer, signed one publication, and acknowledged another without signing it; then
/// it was killed. With its audit log.
fn killed(consortium: &Consortium) -> (SimFs, Vec<StoredEntry>) {
    let fs = SimFs::new();
    let mut house = House::open(consortium, &fs, OLD).expect("opens");
    assert!(matches!(house.charge("week-1"), Ok(ReleaseStep::Draw(_))));
    house.publish("device-of-a-case-01");
    house.tick();
    house.record(30);
    house.publish("device-of-a-case-02");
    house.record(30);
    // Enough behind the damage that it cannot pass for a torn end.
    while size(&fs, segments(&fs).last().expect("several")) < 2_500 {
        house.record(1);
    }
    (fs, house.audit_log())
}

fn segments(fs: &SimFs) -> Vec<PathBuf> {
    let mut names = fs.names(Path::new(OLD)).expect("lists");
    names.retain(|name| name.ends_with(".segment"));
    names.sort();
    names.iter().map(|name| Path::new(OLD).join(name)).collect()
}

fn size(fs: &SimFs, segment: &Path) -> u64 {
    fs.open(segment).and_then(|file| file.size()).expect("a size")
}

/// Garbles the frames up to `until`.
fn damage(fs: &SimFs, segment: &Path, until: u64) {
    let file = fs.open(segment).expect("opens");
    for at in (140..until).step_by(50) {
        file.write_all_at(&[0xA5; 8], at).expect("writes");
    }
}

/// Takes over what is left, and opens a node on it.
fn recovered(consortium: &Consortium, fs: &SimFs) -> (Rescued, House) {
    let identity = consortium.identity(0);
    let owner = Owner { identity: &identity, roster: &consortium.roster, quarter_cap: Epsilon::QUARTER_CAP };
    let rescued = rescue(fs, (Path::new(OLD), Path::new(NEW)), &key(), OPTIONS, owner, START).expect("rescues");
    (rescued, House::open(consortium, fs, NEW).expect("opens"))
}

fn is_damaged(consortium: &Consortium, fs: &SimFs) -> bool {
    matches!(House::open(consortium, fs, OLD), Err(StorageFault::Damaged(_)))
}

#[test]
fn of_a_whole_journal_everything_of_its_own_is_taken_over_once() {
    let consortium = Consortium::new(&["bank-a"]);
    let (fs, log) = killed(&consortium);
    let (rescued, mut house) = recovered(&consortium, &fs);
    let audit_records = u64::try_from(log.len()).expect("small");
    assert_eq!(rescued, Rescued { publications: 1, charges: 1, audit_records, audit_left: 0, breaks: 0 });
    assert_eq!(house.spent(), PRICE);
    assert!(house.audit_log().starts_with(&log));
    assert!(matches!(house.charge("week-1"), Ok(ReleaseStep::Draw(_))), "paid for already");
    assert_eq!(house.spent(), PRICE);
    assert_eq!(house.publish("device-of-a-case-02"), 1, "the answer to a repeated request");
    assert_eq!(house.node.status(START).pending, 1, "the signed one comes back from peers and is not signed again");
    house.tick();
    assert_eq!(house.node.status(START).held.live, 1);
}

#[test]
fn cases_authenticators_and_used_attempts_are_taken_over() {
    let consortium = Consortium::new(&["bank-a"]);
    let fs = SimFs::new();
    let mut house = House::open(&consortium, &fs, OLD).expect("opens");
    let (id, customer) = (CaseId([0xC5; 16]), LocalMac([0xEE; 32]));
    let record = ScreeningRecord {
        caller: Actor::Node,
        time: START,
        decision_id: id.to_string(),
        decision: "challenge",
        reasons: Vec::new(),
        matched: Vec::new(),
        policy_sha256: Sha256Digest([1; 32]),
        degraded: false,
        anomalies: Vec::new(),
        case: Some(CaseFacts { customer: Some(customer), ..CaseFacts::default() }),
        behind: None,
    };
    house.node.record_screenings(vec![record], &mut house.rng).expect("recorded");
    house.node.enrol_totp(&Actor::Node, customer, "orders", START, &mut house.rng).expect("enrolled");
    house.node.start_challenge(&Actor::Node, id, Method::Totp, false, START, &mut house.rng).expect("started");
    let wrong = Code::typed("000000").expect("a code");
    house.node.answer_challenge(&Actor::Node, id, &wrong, false, START, &mut house.rng).expect("counted");
    house.node.sync().expect("syncs");
    let case = house.node.state().cases.get(&id).cloned();
    let (_, mut house) = recovered(&consortium, &fs);
    let cases = &house.node.state().cases;
    assert!(case.is_some() && cases.get(&id) == case.as_ref());
    assert_eq!(cases.challenge(&id).map(|challenge| challenge.failed), Some(1));
    let twice = house.node.enrol_totp(&Actor::Node, customer, "orders", START, &mut house.rng).map(|_| ());
    assert_eq!(twice, Err(ChallengeFault::Enrolled));
}

#[test]
fn users_of_the_console_are_taken_over_and_let_in_by_an_operator_alone() {
    let consortium = Consortium::new(&["bank-a"]);
    let fs = SimFs::new();
    let mut house = House::open(&consortium, &fs, OLD).expect("opens");
    let name: UserName = "anna".parse().expect("a name");
    let roles = ConsoleRoles::new([Role::Analyst]).expect("a role of people");
    let made = house
        .node
        .create_user(&Actor::Node, Via::Certificate, name.clone(), roles, START, &mut house.rng)
        .expect("made");
    house.node.sync().expect("syncs");
    let (_, mut house) = recovered(&consortium, &fs);
    let user = house.node.state().users.get(&name).expect("taken over");
    assert_eq!((&user.roles, user.state(START)), (&made.0.roles, UserState::Disabled));
    assert!(house.node.invited(&made.1, START).is_err());
    let user = house.node.enable_user(&Actor::Node, &name, START, &mut house.rng).expect("let in");
    assert_eq!(user.state(START), UserState::Invited);
}

#[test]
fn damage_at_the_end_costs_what_stood_there_and_no_budget_is_refunded() {
    let consortium = Consortium::new(&["bank-a"]);
    let (fs, log) = killed(&consortium);
    damage(&fs, segments(&fs).last().expect("several"), 1_000);
    assert!(is_damaged(&consortium, &fs));
    let (rescued, mut house) = recovered(&consortium, &fs);
    assert!(rescued.breaks > 0 && rescued.publications == 1 && rescued.charges == 1, "{rescued:?}");
    let kept = usize::try_from(rescued.audit_records).expect("small");
    assert!(kept > 40 && kept < log.len(), "{kept} of {}", log.len());
    assert_eq!(house.audit_log().get(..kept), log.get(..kept));
    assert_eq!(house.spent(), Epsilon::QUARTER_CAP, "what is missing may have been a charge");
    assert!(matches!(house.charge("week-2"), Err(ReleaseFault::Refused(_))));
    house.tick();
    assert_eq!(house.node.status(START).held.live, 1, "acknowledged, and signed now");
}

#[test]
fn damage_at_the_beginning_leaves_the_audit_log_aside_and_what_was_acknowledged_stands() {
    let consortium = Consortium::new(&["bank-a"]);
    let (fs, log) = killed(&consortium);
    let first = segments(&fs).remove(0);
    damage(&fs, &first, size(&fs, &first) - 8);
    assert!(is_damaged(&consortium, &fs));
    let (rescued, mut house) = recovered(&consortium, &fs);
    assert!(rescued.breaks > 0 && rescued.charges == 0, "the charge itself cannot be read: {rescued:?}");
    assert!(rescued.audit_left > 20 && rescued.audit_records < 10, "{rescued:?} of {}", log.len());
    assert_eq!(house.spent(), Epsilon::QUARTER_CAP, "and is not refunded");
    assert!(matches!(house.charge("week-1"), Err(ReleaseFault::Refused(_))));
    house.tick();
    assert!(house.node.status(START).held.live >= 1, "acknowledged, and signed now");
    assert_eq!(house.publish("device-of-a-case-02"), 1, "the answer to a repeated request");
}
