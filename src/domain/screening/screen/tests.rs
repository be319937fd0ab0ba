//! Screening from raw identifiers on, over real keys, seals and belief.

mod demands;

mod late;

mod worth;

mod inputs;

use rand::SeedableRng;

use super::*;
use crate::base::bytes::{Commitment, Salt};
use crate::base::epoch::KeyEpoch;
use crate::base::kind::IdentifierKind;
use crate::base::name::FeedId;
use crate::base::position::{EntryIndex, TreeSize};
use crate::base::secret::SecretBytes;
use crate::base::time::Hour;
use crate::domain::belief::Witnessing;
use crate::domain::belief::place::TableKey;
use crate::domain::belief::said::{Effect, Said, SaidContent};
use crate::domain::feed::entry::commit;
use crate::domain::identifier::{RawIdentifier, canonicalise};
use crate::domain::indicator::details::Details;
use crate::domain::indicator::note::Note;
use crate::domain::indicator::typology::Typology;
use crate::domain::indicator::validity::Validity;
use crate::domain::indicator::words::{Confidence, Grounds, Handling, Purpose, RetractionReason, Severity};
use crate::domain::pseudonym::keys::{EpochKeys, EpochSecret};
use crate::domain::pseudonym::payload::seal_payload;
use crate::domain::roster::terms::Limits;
use crate::domain::screening::decision::Decision;
use crate::domain::screening::freshness::FeedSigned;
use crate::domain::screening::own_lists::{Listing, ListingReason, OwnList, OwnListKey};
use crate::domain::screening::transaction::TransactionDraft;

const NOW_S: u64 = 1_795_000_000;
const PAN: &str = "5204 7400 0990 0014";
const MAIL: &str = "Jane.Doe+shop@gmail.com";

/// One node's view of a small consortium.
struct World {
    keys: KeyRing,
    belief: Belief,
    guard: GuardLists,
    lists: OwnLists,
    experience: Experience,
    freshness: Freshness,
    demands: Demands,
    policy: Policy,
    sandbox: bool,
    now: Timestamp,
    entries: u64,
}

fn epoch(number: u32) -> EpochKeys {
    let secret = u8::try_from(number).expect("small");
    let consortium = "demo.hushwire.example".parse().expect("valid");
    EpochKeys::derive(&consortium, KeyEpoch(number), &EpochSecret::new(SecretBytes::new([secret; 32])))
}

fn feed(member: &str) -> FeedId {
    FeedId { member: member.parse().expect("valid"), group: "all".parse().expect("valid") }
}

fn raw(kind: IdentifierKind, value: &str) -> RawIdentifier {
    RawIdentifier::new(kind, value.to_owned())
}

/// What a member says, with defaults.
struct Saying<'a> {
    member: &'a str,
    kind: IdentifierKind,
    value: &'a str,
    /// Which of its forms.
    form: usize,
    validity: (u64, u64),
    previous_epoch: bool,
    /// The member whose name goes into the seal: another than `member` is a forgery.
    sealed_by: &'a str,
}

fn saying<'a>(member: &'a str, kind: IdentifierKind, value: &'a str) -> Saying<'a> {
    let validity = (NOW_S - 100, NOW_S + 100);
    Saying { member, kind, value, form: 0, validity, previous_epoch: false, sealed_by: member }
}

impl World {
    fn new() -> Self {
        Self::witnessed(Witnessing::NotNeeded)
    }

    fn witnessed(witnessing: Witnessing) -> Self {
        let key = TableKey::draw(&mut rand_chacha::ChaCha12Rng::seed_from_u64(5));
        let guard = GuardLists::built_in();
        let mut world = Self {
            policy: Policy::built_in(&guard.digest()),
            keys: KeyRing { current: epoch(8), previous: Some(epoch(7)) },
            belief: Belief::new(key, witnessing),
            guard,
            lists: OwnLists::new(OwnListKey::new(&SecretBytes::new([3; 32]))),
            experience: Experience::default(),
            freshness: Freshness::default(),
            demands: Demands::new(&Limits::default(), &[]),
            sandbox: false,
            now: Timestamp::from_unix_s(NOW_S),
            entries: 0,
        };
        world.set_stale(&[]);
        world
    }

    fn list(&mut self, list: OwnList, kind: IdentifierKind, value: &str, until: Option<Timestamp>) {
        let forms = canonicalise(&raw(kind, value), &CanonRules::default()).expect("valid");
        let name = self.lists.name(&forms).expect("it has a form");
        let listing = Listing { kind, since: self.now, until, reason: ListingReason::Other, note: Note::default() };
        self.lists.put(list, name, listing);
    }

    fn set_stale(&mut self, stale: &[&str]) {
        let feeds = ["bank-a", "bank-b", "bank-c"].map(|member| FeedSigned {
            feed: feed(member),
            signed_at: (!stale.contains(&member)).then_some(self.now),
            limit_s: 300,
            quarantined: false,
        });
        self.freshness = Freshness::assess(&feeds, &"shop".parse().expect("valid"), false, self.now);
    }

    fn apply(
        &mut self,
        member: &str,
        commitment: Commitment,
        epoch_id: crate::base::epoch::EpochId,
        content: SaidContent<'_>,
    ) -> Effect {
        self.entries += 1;
        let mut writer = self.belief.writer();
        let said = Said {
            feed: writer.feed(&feed(member)).expect("room"),
            index: EntryIndex(self.entries),
            commitment,
            epoch_id,
            expires_day: self.now.day().next(),
            first_seen: self.now,
            content,
        };
        writer.apply(&said).expect("room")
    }

    fn say(&mut self, saying: &Saying<'_>) -> Commitment {
        let forms = canonicalise(&raw(saying.kind, saying.value), &CanonRules::default()).expect("valid");
        let form = &forms[saying.form];
        let previous = self.keys.previous.as_ref().expect("two epochs");
        let keys = if saying.previous_epoch { previous } else { &self.keys.current };
        let (pseudonym, seal) = keys.pseudonymise(form);
        let details = Details {
            typology: Typology::well_formed("F1012").expect("valid"),
            severity: Severity::High,
            confidence: Confidence::new(80).expect("valid"),
            grounds: Grounds::OwnConfirmed,
            purpose: Purpose::FraudScreening,
            handling: Handling::Amber,
            validity: Validity::new(saying.validity.0, saying.validity.1).expect("not empty"),
            observed_at: Timestamp::from_unix_s(NOW_S - 500),
            note: Note::default(),
        };
        let sealer = saying.sealed_by.parse().expect("valid");
        let nonce = [u8::try_from(self.entries).expect("small"); 24];
        let sealed = seal_payload(&seal, &sealer, form.kind(), &pseudonym, nonce, &details.encode());
        let commitment = commit(&Salt([9; 32]), &[sealed.as_slice(), saying.member.as_bytes()].concat());
        let epoch_id = keys.epoch_id();
        let content = SaidContent::Indicator { pseudonym, kind: form.kind(), sealed: &sealed };
        assert_eq!(self.apply(saying.member, commitment, epoch_id, content), Effect::Believed);
        commitment
    }

    fn says(&mut self, member: &str, kind: IdentifierKind, value: &str) -> Commitment {
        self.say(&saying(member, kind, value))
    }

    fn screen(&self, identifiers: &[(IdentifierKind, &str)]) -> Screening {
        let identifiers = identifiers.iter().map(|(kind, value)| raw(*kind, value)).collect();
        let draft = TransactionDraft { identifiers, ..TransactionDraft::default() };
        let transaction = Transaction::new(draft, self.now).expect("within bounds");
        let context = ScreeningContext {
            keys: &self.keys,
            belief: &self.belief,
            canon: &CanonRules::default(),
            guard: &self.guard,
            lists: &self.lists,
            experience: &self.experience,
            freshness: &self.freshness,
            policy: &self.policy,
            candidate: None,
            profile: &ProfileFacts::default(),
            conditions: Conditions::default(),
            demands: &self.demands,
            own: &"shop".parse().expect("valid"),
            sandbox: self.sandbox,
            now: self.now,
        };
        screen(&transaction, &context)
    }

    fn decides(&self, identifiers: &[(IdentifierKind, &str)], decision: Decision, code: Option<&str>) {
        let screening = self.screen(identifiers);
        let carried_by = screening.reasons.first().map(|reason| reason.code.name());
        assert_eq!((screening.decision, carried_by), (decision, code));
    }
}

const EMAIL: IdentifierKind = IdentifierKind::Email;
const CARD: IdentifierKind = IdentifierKind::Pan;

#[test]
fn what_nobody_flagged_passes() {
    let mut world = World::new();
    world.says("bank-a", EMAIL, "mallory@example.org");
    let screening = world.screen(&[(EMAIL, "someone@posteo.de"), (CARD, PAN)]);
    assert_eq!((screening.decision, screening.reasons.len(), screening.matches.len()), (Decision::Allow, 0, 0));
    assert_eq!((screening.advice, screening.degraded, screening.freshness.len()), (Advice::Proceed, false, 3));
}

#[test]
fn one_member_challenges_and_a_second_blocks() {
    let mut world = World::new();
    let first = world.says("bank-a", EMAIL, MAIL);
    world.decides(&[(EMAIL, MAIL)], Decision::Challenge, Some("single_indicator"));
    world.says("bank-b", EMAIL, MAIL);
    let screening = world.screen(&[(CARD, PAN), (EMAIL, MAIL)]);
    assert_eq!(screening.decision, Decision::Block);
    let [found] = screening.matches.as_slice() else { panic!("one identifier matched") };
    assert_eq!((found.identifier, found.kind, found.members, found.own), (1, EMAIL, 2, 0));
    assert_eq!((found.confidence, found.weak, found.indicators.len()), (96, false, 2));
    assert_eq!(found.indicators[0].name(), format!("members/bank-a/indicators/{first}"));
    assert_eq!(found.indicators[0].feed, feed("bank-a"));
    assert_eq!(found.indicators[0].first_seen, world.now);
}

#[test]
fn a_member_counts_once_over_mailbox_forms_and_epochs() {
    let mut world = World::new();
    world.says("bank-a", EMAIL, MAIL);
    world.say(&Saying { form: 1, ..saying("bank-a", EMAIL, MAIL) });
    world.say(&Saying { previous_epoch: true, ..saying("bank-a", EMAIL, MAIL) });
    let screening = world.screen(&[(EMAIL, MAIL)]);
    assert_eq!((screening.decision, screening.matches[0].members), (Decision::Challenge, 1));
    assert_eq!((screening.matches[0].indicators.len(), screening.matches[0].confidence), (3, 80));
    // Another spelling of the mailbox, flagged by another member, is the same identifier.
    world.say(&Saying { form: 1, ..saying("bank-b", EMAIL, "janedoe@gmail.com") });
    world.decides(&[(EMAIL, MAIL)], Decision::Block, Some("corroborated_indicator"));
}

#[test]
fn an_own_flag_counts_as_one_member() {
    let mut world = World::new();
    world.says("shop", EMAIL, MAIL);
    world.decides(&[(EMAIL, MAIL)], Decision::Challenge, Some("single_indicator"));
    world.says("bank-a", EMAIL, MAIL);
    let screening = world.screen(&[(EMAIL, MAIL)]);
    assert_eq!((screening.decision, screening.matches[0].own), (Decision::Block, 1));
}

#[test]
fn a_card_flagged_by_two_is_held_for_its_genuine_holder() {
    let mut world = World::new();
    world.says("bank-a", CARD, PAN);
    world.says("bank-b", CARD, PAN);
    world.decides(&[(CARD, PAN), (EMAIL, MAIL)], Decision::Hold, Some("corroborated_card"));
    assert_eq!(world.screen(&[(CARD, PAN)]).advice.key(), "contact_card_issuer");
    world.says("bank-a", EMAIL, MAIL);
    world.decides(&[(CARD, PAN), (EMAIL, MAIL)], Decision::Block, Some("corroborated_indicator"));
}

#[test]
fn a_retracted_indicator_no_longer_matches() {
    let mut world = World::new();
    let target = world.says("bank-a", EMAIL, MAIL);
    let content =
        SaidContent::Retraction { target, reason: RetractionReason::FalsePositive, hour: Hour(1), superseded_by: None };
    world.apply("bank-a", Commitment([1; 32]), crate::base::epoch::EpochId::NONE, content);
    world.decides(&[(EMAIL, MAIL)], Decision::Allow, None);
}

#[test]
fn validity_acts_to_the_second() {
    let mut world = World::new();
    world.say(&Saying { validity: (NOW_S + 10, NOW_S + 20), ..saying("bank-a", EMAIL, MAIL) });
    let mut check = |now_ms: u64, decision: Decision| {
        world.now = Timestamp::from_unix_ms(now_ms);
        assert_eq!(world.screen(&[(EMAIL, MAIL)]).decision, decision, "{now_ms}");
    };
    check((NOW_S + 10) * 1000 - 1, Decision::Allow);
    check((NOW_S + 10) * 1000, Decision::Challenge);
    check((NOW_S + 20) * 1000 - 1, Decision::Challenge);
    check((NOW_S + 20) * 1000, Decision::Allow);
}

#[test]
fn a_copied_pseudonym_corroborates_nothing() {
    let mut world = World::new();
    world.says("bank-a", EMAIL, MAIL);
    world.say(&Saying { sealed_by: "bank-a", ..saying("bank-b", EMAIL, MAIL) });
    let screening = world.screen(&[(EMAIL, MAIL)]);
    assert_eq!((screening.decision, screening.matches[0].members), (Decision::Challenge, 1));
}

#[test]
fn a_quarantined_member_does_not_count() {
    let mut world = World::new();
    world.says("bank-a", EMAIL, MAIL);
    world.says("bank-b", EMAIL, MAIL);
    world.belief.writer().set_quarantined(&"bank-b".parse().expect("valid"), true);
    world.decides(&[(EMAIL, MAIL)], Decision::Challenge, Some("single_indicator"));
    world.belief.writer().set_quarantined(&"bank-a".parse().expect("valid"), true);
    world.decides(&[(EMAIL, MAIL)], Decision::Allow, None);
}

#[test]
fn a_block_that_rests_on_a_stale_feed_is_held_and_degraded() {
    let mut world = World::new();
    world.says("bank-a", EMAIL, MAIL);
    world.says("bank-b", EMAIL, MAIL);
    world.set_stale(&["bank-b"]);
    world.decides(&[(EMAIL, MAIL)], Decision::Hold, Some("corroborated_by_stale_feed"));
    assert!(world.screen(&[(EMAIL, MAIL)]).degraded);
    world.says("bank-c", EMAIL, MAIL);
    world.decides(&[(EMAIL, MAIL)], Decision::Block, Some("corroborated_indicator"));
}

#[test]
fn provisional_statements_challenge_until_witnessed() {
    let mut world = World::witnessed(Witnessing::Needed);
    world.says("bank-a", EMAIL, MAIL);
    world.says("bank-b", EMAIL, MAIL);
    world.decides(&[(EMAIL, MAIL)], Decision::Challenge, Some("provisional_indicator"));
    for member in ["bank-a", "bank-b"] {
        let number = world.belief.writer().feed(&feed(member)).expect("known");
        world.belief.set_witnessed(number, TreeSize(10));
    }
    world.decides(&[(EMAIL, MAIL)], Decision::Block, Some("corroborated_indicator"));
}

#[test]
fn an_address_of_the_network_informs_and_never_decides_alone() {
    let mut world = World::new();
    let address = "2a02:2e0:3fe:1001::7";
    for member in ["bank-a", "bank-b"] {
        world.says(member, IdentifierKind::Ip, address);
        world.say(&Saying { form: 1, ..saying(member, IdentifierKind::Ip, address) });
    }
    let screening = world.screen(&[(IdentifierKind::Ip, address)]);
    assert_eq!((screening.decision, screening.matches[0].weak), (Decision::Allow, true));
    assert_eq!(screening.reasons[0].code.name(), "weak_indicator");
}

#[test]
fn own_lists_stand_above_all() {
    let mut world = World::new();
    world.says("bank-a", EMAIL, MAIL);
    world.says("bank-b", EMAIL, MAIL);
    world.list(OwnList::Block, CARD, PAN, None);
    world.decides(&[(CARD, PAN)], Decision::Block, Some("own_block_list"));
    let until = world.now.plus_s(60);
    world.list(OwnList::Allow, CARD, PAN, Some(until));
    world.decides(&[(EMAIL, MAIL), (CARD, PAN)], Decision::Allow, Some("own_allow_list"));
    let reasons = world.screen(&[(CARD, PAN)]).reasons;
    assert_eq!(reasons[0].since, Some(world.now), "the answer says since when");
    world.now = until;
    world.set_stale(&[]);
    world.decides(&[(CARD, PAN)], Decision::Block, Some("own_block_list"));
}

#[test]
fn own_lists_outlive_key_epochs() {
    let mut world = World::new();
    world.list(OwnList::Block, EMAIL, MAIL, None);
    world.keys = KeyRing { current: epoch(10), previous: Some(epoch(9)) };
    world.decides(&[(EMAIL, MAIL)], Decision::Block, Some("own_block_list"));
}

#[test]
fn a_malformed_identifier_is_reported_and_the_rest_is_screened() {
    let mut world = World::new();
    world.says("bank-a", EMAIL, MAIL);
    let screening = world.screen(&[(CARD, "5204 7400 0990 0015"), (EMAIL, MAIL)]);
    assert_eq!(screening.decision, Decision::Challenge);
    assert_eq!((screening.refused.len(), screening.refused[0].identifier), (1, 0));
    assert_eq!(screening.refused[0].error.rule.name(), "card_luhn");
    assert_eq!(screening.matches[0].identifier, 1);
}

#[test]
fn test_values_force_answers_only_in_a_sandbox() {
    let mut world = World::new();
    let check = |world: &World, value: &str, decision: Decision, degraded: bool, overload: bool| {
        let screening = world.screen(&[(IdentifierKind::Device, value)]);
        let got = (screening.decision, screening.degraded, screening.overload);
        assert_eq!(got, (decision, degraded, overload), "{value}");
    };
    check(&world, "hushwire-sandbox-block", Decision::Allow, false, false);
    world.sandbox = true;
    check(&world, "hushwire-sandbox-allow", Decision::Allow, false, false);
    check(&world, "hushwire-sandbox-challenge", Decision::Challenge, false, false);
    check(&world, "hushwire-sandbox-hold", Decision::Hold, false, false);
    check(&world, "hushwire-sandbox-block", Decision::Block, false, false);
    check(&world, "hushwire-sandbox-degraded", Decision::Allow, true, false);
    check(&world, "hushwire-sandbox-stale", Decision::Hold, true, false);
    check(&world, "hushwire-sandbox-overload", Decision::Allow, false, true);
}
