//! One institution of a replay: its node, and what its screening reads.

use std::sync::Arc;

use rand::rngs::StdRng;

use crate::app::replay::founding::{Consortium, FoundingFault};
use crate::app::replay::journal::ShortJournal;
use crate::app::replay::rule::Policies;
use crate::base::bytes::Commitment;
use crate::base::limits::decisions::{PROFILE_CUSTOMERS, PROFILE_RETENTION_DAYS};
use crate::base::limits::{BATCH_ENTRIES, DRAFTS_PER_CALL};
use crate::base::name::{FeedId, MemberId};
use crate::base::position::TreeSize;
use crate::base::secret::SecretBytes;
use crate::base::time::{Day, Timestamp};
use crate::domain::audit::record::Actor;
use crate::domain::case::challenge::ChallengeRules;
use crate::domain::case::rules::CaseRules;
use crate::domain::exchange::batch::UnverifiedBatch;
use crate::domain::identifier::guard::GuardLists;
use crate::domain::identifier::{CanonRules, RawIdentifier};
use crate::domain::indicator::draft::Draft;
use crate::domain::indicator::typology::TypologyList;
use crate::domain::indicator::words::{Grounds, Severity};
use crate::domain::profile::facts::ProfileFacts;
use crate::domain::profile::key::ProfileKey;
use crate::domain::roster::exclusion::Exclusions;
use crate::domain::screening::answer::Screening;
use crate::domain::screening::decision::Decision;
use crate::domain::screening::demands::Demands;
use crate::domain::screening::freshness::{FeedSigned, Freshness};
use crate::domain::screening::policy::facts::Conditions;
use crate::domain::screening::screen::{ScreeningContext, screen};
use crate::domain::screening::transaction::Transaction;
use crate::domain::statistics::budget::Epsilon;
use crate::domain::statistics::schedule::Schedule;
use crate::io::profiles::{Asked, ProfileBounds, Profiles};
use crate::io::random;
use crate::io::views::memory::MemoryViews;
use crate::node::Node;
use crate::node::accept::AcceptFault;
use crate::node::publish::{IndicatorDraft, PublishFault, PublishRequest};
use crate::node::state::Settings;
use crate::node::store::StorageFault;

/// Why a node of the replay did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum HouseFault {
    #[error(transparent)]
    Founding(#[from] FoundingFault),
    #[error("publication: {0}")]
    Publish(#[from] PublishFault),
    #[error("exchange: {0}")]
    Accept(#[from] AcceptFault),
    #[error(transparent)]
    Storage(#[from] StorageFault),
}

/// What all nodes of a replay have in common.
#[derive(Debug)]
pub struct Common {
    pub consortium: Consortium,
    pub canon: CanonRules,
    pub guards: Arc<GuardLists>,
    pub typologies: TypologyList,
    /// How long an indicator counts.
    pub expiry_ms: u64,
    /// Rows name their customers.
    pub has_customers: bool,
}

/// A fraud as its institution learns of it: what it was committed with, and the reason code where the history has one.
#[derive(Debug)]
pub struct Learned {
    /// Names the fraud in what [`House::learn`] returns.
    pub place: usize,
    pub identifier: RawIdentifier,
    pub typology: String,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct House {
    node: Node<ShortJournal, MemoryViews>,
    rng: StdRng,
    member: MemberId,
    feed: FeedId,
    handed_over: TreeSize,
    freshness: Freshness,
    policies: Policies,
    demands: Demands,
    /// None where no row names its customer.
    profiles: Option<Profiles>,
    tended_on: Day,
}

/// Reason code of a fraud whose history names none that the node's list has.
const TYPOLOGY: &str = "F1012";

impl House {
    pub fn open(common: &Common, policies: &Policies, position: usize, now: Timestamp) -> Result<Self, HouseFault> {
        let consortium = &common.consortium;
        let mut rng = random::generator();
        let identity = consortium.identity(position, now)?;
        let settings = Settings {
            window_ms: 0,
            decoys: 0,
            canon_rules: common.canon,
            guards: Arc::clone(&common.guards),
            typologies: common.typologies.clone(),
            quarter_cap: Epsilon::QUARTER_CAP,
            schedule: Schedule::default(),
            cases: CaseRules::default(),
            challenge: ChallengeRules::default(),
            version: env!("CARGO_PKG_VERSION"),
            brake: None,
        };
        let member = identity.member.clone();
        let roster = consortium.roster.clone();
        let feeds = || {
            consortium.roster.groups_of(&member).into_iter().flat_map(|group| consortium.roster.feeds_of_group(&group))
        };
        let own = feeds().find(|feed| feed.member == member).expect("every member is in the one group");
        // The consortium of a replay has no outages: each feed was signed a moment ago.
        let signed =
            feeds().map(|feed| FeedSigned { feed, signed_at: Some(now), limit_s: u32::MAX, quarantined: false });
        let freshness = Freshness::assess(&signed.collect::<Vec<_>>(), &member, false, now);
        let demands = Demands::of(&roster, &Exclusions::default());
        let mut node =
            Node::open(identity, settings, roster, ShortJournal::default(), MemoryViews::new(), now, &mut rng)?;
        // Nobody holds anything yet: with that said, the node may sign.
        for peer in consortium.members.iter().filter(|peer| **peer != member) {
            node.learn_heads(peer, Vec::new(), now, &mut rng)?;
        }
        node.sync()?;
        let policies = policies.clone();
        let profiles = common.has_customers.then(profiles);
        let (handed_over, tended_on) = (TreeSize::EMPTY, now.day());
        Ok(Self { node, rng, feed: own, member, handed_over, freshness, policies, demands, profiles, tended_on })
    }

    pub fn member(&self) -> &MemberId {
        &self.member
    }

    /// How the order stands against its customer's profile; none where the row names no customer.
    pub fn ask(&self, common: &Common, transaction: &Transaction, now: Timestamp) -> Option<Asked> {
        self.profiles.as_ref()?.ask(transaction, &common.canon, &common.guards, now)
    }

    /// The product's own answer, on what this node believes now.
    pub fn screen(
        &self,
        common: &Common,
        transaction: &Transaction,
        profile: &ProfileFacts,
        now: Timestamp,
    ) -> Screening {
        let state = self.node.state();
        let context = ScreeningContext {
            keys: &state.identity.key_ring,
            belief: &state.belief,
            canon: &common.canon,
            guard: &common.guards,
            lists: &state.lists,
            experience: state.outcomes.experience(),
            freshness: &self.freshness,
            policy: &self.policies.live,
            demands: &self.demands,
            own: &self.member,
            candidate: self.policies.candidate.as_deref(),
            profile,
            conditions: Conditions::default(),
            sandbox: false,
            now,
        };
        screen(transaction, &context)
    }

    /// Tells the customer's profile how an order went. One that was stopped is remembered by its `id` for [`House::release`].
    pub fn take(&self, asked: Asked, stopped: bool, id: [u8; 16], now: Timestamp) {
        let decision = if stopped { Decision::Hold } else { Decision::Allow };
        if let Some(profiles) = &self.profiles {
            profiles.take(asked, decision, id, now);
        }
    }

    /// A stopped order turned out to be honest: it becomes habit.
    pub fn release(&self, id: [u8; 16], now: Timestamp) {
        if let Some(profiles) = &self.profiles {
            profiles.confirm(&id, now);
        }
    }

    /// Publishes frauds and signs them into the own feed: the names of what each became.
    pub fn learn(
        &mut self,
        common: &Common,
        learned: Vec<Learned>,
        now: Timestamp,
    ) -> Result<Vec<(usize, Commitment)>, HouseFault> {
        let mut names = Vec::new();
        let mut learned = learned.into_iter().peekable();
        while learned.peek().is_some() {
            let call: Vec<Learned> = learned.by_ref().take(DRAFTS_PER_CALL).collect();
            let places: Vec<usize> = call.iter().map(|fraud| fraud.place).collect();
            let drafts = call.into_iter().map(|fraud| Ok(draft(common, fraud, now))).collect();
            let request =
                PublishRequest { request: None, group: None, drafts, dry_run: false, force_wide: true, spread_s: 0 };
            // What is malformed or guarded is refused here, as screening passes it over; the report counts both.
            let receipt = self.node.publish_indicators(&Actor::Node, request, now, &mut self.rng)?;
            names.extend(receipt.published.iter().filter_map(|published| {
                let place = places.get(usize::try_from(published.draft).ok()?)?;
                Some((*place, published.commitment))
            }));
        }
        self.node.close_window(now, &mut self.rng)?;
        self.node.sync()?;
        Ok(names)
    }

    /// What stands in the own feed and was not handed over before, in batches as peers get them.
    pub fn hand_over(&mut self) -> Result<Vec<UnverifiedBatch>, HouseFault> {
        let mut batches = Vec::new();
        while let Some(outgoing) = self.node.outgoing(&self.member, &self.feed, self.handed_over, BATCH_ENTRIES)? {
            self.handed_over = outgoing.end;
            batches.push(outgoing.unverified(&self.feed));
        }
        Ok(batches)
    }

    /// Takes in what another node handed over, through the door that all entries come in by.
    pub fn accept(&mut self, from: &MemberId, batch: UnverifiedBatch, now: Timestamp) -> Result<(), HouseFault> {
        self.node.accept_batch(from, batch, now, &mut self.rng)?;
        Ok(self.node.sync()?)
    }

    /// What happens by itself with each new day: what expired leaves the belief and the profiles.
    pub fn tend(&mut self, now: Timestamp) -> Result<(), HouseFault> {
        if self.tended_on < now.day() {
            self.tended_on = now.day();
            self.profiles.iter().for_each(|profiles| {
                profiles.expire(now.day());
            });
            self.node.tick(now, &mut self.rng)?;
            self.node.sync()?;
        }
        Ok(())
    }
}

/// As a node keeps them that is not told otherwise.
fn profiles() -> Profiles {
    let customers = usize::try_from(PROFILE_CUSTOMERS).expect("far below the size of memory");
    let bounds = ProfileBounds { customers, retention_days: PROFILE_RETENTION_DAYS };
    let profiles = Profiles::new(ProfileKey::new(&SecretBytes::new(random::bytes())), bounds);
    profiles.all_read();
    profiles
}

fn draft(common: &Common, fraud: Learned, now: Timestamp) -> IndicatorDraft {
    let is_listed = common.typologies.typology(&fraud.typology).is_ok();
    IndicatorDraft {
        identifier: fraud.identifier,
        details: Draft {
            typology: if is_listed { fraud.typology } else { TYPOLOGY.to_owned() },
            severity: Some(Severity::High),
            confidence: 100,
            grounds: Some(Grounds::OwnConfirmed),
            valid_until: Some(now.plus_ms(common.expiry_ms)),
            ..Draft::default()
        },
        source_ref: None,
        supersedes: None,
    }
}
