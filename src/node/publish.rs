//! Publishing: raw identifiers in, prepared entries in the journal, names out.
//!
//! 1 recognise a repeated request · 2 check each draft · 3 canonicalise, grade, pseudonymise, seal · 4 one commit: the
//! prepared entries and the audit records. The caller is answered once that commit is durable; signing follows at the end
//! of the window ([`crate::node::window`]).

use rand::{CryptoRng, RngExt};

use crate::base::bytes::{Commitment, LocalMac, Pseudonym, Salt};
use crate::base::kind::IdentifierKind;
use crate::base::limits;
use crate::base::name::GroupId;
use crate::base::time::{Day, Timestamp};
use crate::domain::audit::event::{AuditEvent, IndicatorRef};
use crate::domain::audit::record::Actor;
use crate::domain::feed::blob::indicator::Indicator;
use crate::domain::feed::entry::{Entry, EntryError, EntryKind, Leaf};
use crate::domain::identifier::guard::Grade;
use crate::domain::identifier::{CanonicalIdentifier, RawIdentifier, canonicalise};
use crate::domain::indicator::details::Details;
use crate::domain::indicator::draft::{Draft, PublishingRules};
use crate::domain::indicator::words::{Grounds, RetractionReason};
use crate::domain::pseudonym::keys::EpochKeys;
use crate::domain::pseudonym::payload::seal_payload;
use crate::domain::pseudonym::suite::Suite;
use crate::domain::screening::traffic::SeenBefore;
use crate::node::Node;
use crate::node::commit::{self, Commit, Prepared, PreparedEntry, change};
use crate::node::local_mac::MacDomain;
use crate::node::requests::{Remembered, Request};
use crate::node::room::DiskLow;
use crate::node::select::Reach;
use crate::node::state::stored;
use crate::node::store::{Journal, StorageFault, Views};
use crate::node::window::window_end;

/// One statement to publish.
#[derive(Debug)]
pub struct IndicatorDraft {
    pub identifier: RawIdentifier,
    pub details: Draft,
    /// The publisher's own case reference.
    pub source_ref: Option<String>,
    /// An earlier indicator of this member that this one replaces.
    pub supersedes: Option<Commitment>,
}

/// Statements to publish. A draft that could not even be read carries its refusal.
#[derive(Debug)]
pub struct PublishRequest {
    pub request: Option<Request>,
    pub group: Option<GroupId>,
    pub drafts: Vec<Result<IndicatorDraft, Refused>>,
    pub dry_run: bool,
    /// Publish also what would concern many of this node's own transactions.
    pub force_wide: bool,
    /// Spread the identifiers over this many seconds.
    pub spread_s: u32,
}

/// Why one record of a request was refused. Words of the code only, never a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub record: usize,
    pub kind: Option<IdentifierKind>,
    pub field: &'static str,
    pub rule: &'static str,
    pub description: String,
}

/// One published indicator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    pub draft: u32,
    pub commitment: Commitment,
    pub kind: IdentifierKind,
    pub weak: bool,
    pub standing: Standing,
    /// How often it was screened here lately; none where that is not counted, and in repeated answers.
    pub seen: Option<SeenBefore>,
}

/// How an indicator stands towards the call that is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// This call published it.
    New,
    /// An earlier call under the same request id did, and it counts.
    Before,
    /// So did an earlier call, and it was withdrawn or has ended since. A repeated call never brings it back: it may be a
    /// retry that was on its way when somebody withdrew it.
    EndedSince,
}

/// What became of the drafts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PublishReceipt {
    pub published: Vec<Published>,
    pub refused: Vec<commit::RefusedRecord>,
}

fn listed(groups: &[GroupId]) -> String {
    let names: Vec<&str> = groups.iter().map(GroupId::as_str).collect();
    if names.is_empty() {
        "none: no group of the roster has a key in its keystore".to_owned()
    } else {
        names.join(", ")
    }
}

/// The call as a whole was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishFault {
    #[error("{got} drafts exceed the limit of {limit} a call")]
    TooMany { got: usize, limit: usize },
    /// The member is in no such group, or the node has no key for its feed there.
    #[error("this node publishes in no such group; it publishes in {}", listed(groups))]
    UnknownGroup { groups: Vec<GroupId> },
    #[error("the roster has expired; apply its successor")]
    RosterExpired,
    #[error(
        "this member is suspended, has left or is outside its time of membership; nothing it says now would count, so the \
         admins must issue a roster that lets it take part again"
    )]
    NotTakingPart,
    #[error("the roster demands pseudonyms of {minimum} at least and this program makes {ours}; update it")]
    SuiteTooWeak { minimum: Suite, ours: Suite },
    #[error(
        "this node holds no key for the epoch in force; apply its bundle (hushwire member apply epoch-N.bundle) and reload, or \
         let an admin issue an epoch where none has begun (hushwire key new-epoch)"
    )]
    NoEpoch,
    #[error("the request id was used before with other content")]
    RequestIdReused,
    #[error(
        "{published} entries published for {day} (UTC) leave no room for {asked} within the quota of {quota} a day"
    )]
    Quota { day: Day, published: u64, asked: u64, quota: u64 },
    #[error(transparent)]
    DiskLow(#[from] DiskLow),
    #[error(transparent)]
    Storage(#[from] StorageFault),
}

/// One entry ready to be prepared, with what its audit record says.
struct Ready {
    entry: PreparedEntry,
    /// None for the retraction of what is superseded.
    published: Option<Published>,
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Publishes what passes every rule and reports the rest.
    pub fn publish_indicators(
        &mut self,
        caller: &Actor,
        request: PublishRequest,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<PublishReceipt, PublishFault> {
        if request.drafts.len() > limits::DRAFTS_PER_CALL {
            return Err(PublishFault::TooMany { got: request.drafts.len(), limit: limits::DRAFTS_PER_CALL });
        }
        let group = self.publishing_group(request.group.as_ref())?;
        self.check_terms(now)?;
        match self.remembered(request.request.as_ref(), now)? {
            Some(Remembered::Same(prepared)) => return Ok(self.receipt_of(&prepared)),
            Some(Remembered::Other) => return Err(PublishFault::RequestIdReused),
            None => {}
        }
        if let Some(low) = self.disk_low().filter(|_| !request.dry_run) {
            return Err(low.into());
        }

        let mut ready = Vec::new();
        let mut refused = Vec::new();
        for (position, draft) in request.drafts.iter().enumerate() {
            let delay_ms =
                if request.spread_s == 0 { 0 } else { rng.random_range(0..u64::from(request.spread_s) * 1000) };
            let prepared = match draft {
                Ok(draft) => {
                    let due = window_end(now.plus_ms(delay_ms), self.state.settings.window_ms);
                    self.prepare(position, draft, &group, now, due, rng).and_then(|entries| {
                        let force = request.force_wide || request.dry_run;
                        if force { Ok(entries) } else { self.check_width(position, draft, entries) }
                    })
                }
                Err(refusal) => Err(refusal.clone()),
            };
            match prepared {
                Ok(entries) => ready.extend(entries),
                Err(refusal) => refused.push(refusal),
            }
        }
        self.check_quota(ready.iter().map(Ready::day))?;
        let receipt = PublishReceipt {
            published: ready.iter().filter_map(|ready| ready.published.clone()).collect(),
            refused: refused.iter().map(stored_refusal).collect(),
        };
        if request.dry_run || (ready.is_empty() && refused.is_empty()) {
            return Ok(receipt);
        }
        let published = receipt.published.iter().map(|published| AuditEvent::IndicatorPublished {
            indicator: IndicatorRef { member: self.state.identity.member.clone(), commitment: published.commitment },
            kind: published.kind,
            epoch: self.state.identity.key_ring.current.epoch(),
            group: group.clone(),
            weak: published.weak,
        });
        let mut events: Vec<AuditEvent> = published.collect();
        events.extend(refused.iter().map(|refusal| AuditEvent::PublicationRefused {
            kind: refusal.kind,
            field: refusal.field,
            rule: refusal.rule,
            drafts: 1,
        }));
        let mut commit = Commit::default();
        commit.push(change::Kind::Prepared(Prepared {
            request: request.request.as_ref().map(|request| request.id.0.to_vec()).unwrap_or_default(),
            content: request.request.as_ref().map(|request| request.content.0.to_vec()).unwrap_or_default(),
            time_ms: now.unix_ms(),
            entries: ready.into_iter().map(|ready| ready.entry).collect(),
            refused: receipt.refused.clone(),
            ..Prepared::default()
        }));
        self.commit(commit, caller, events, now, rng)?;
        Ok(receipt)
    }

    /// The answer the first call gave, and what has become of it since.
    fn receipt_of(&self, prepared: &Prepared) -> PublishReceipt {
        let published = prepared.entries.iter().filter_map(|waiting| {
            let leaf = Leaf::decode(&waiting.entry.as_ref()?.leaf).ok()?;
            let kind = IdentifierKind::ALL.get(usize::try_from(waiting.kind).ok()?).copied()?;
            let Leaf { commitment, .. } = leaf;
            let counts = self.own(&commitment, Reach::Counting).is_some();
            let standing = if counts { Standing::Before } else { Standing::EndedSince };
            let published =
                Published { draft: waiting.draft, commitment, kind, weak: waiting.weak, standing, seen: None };
            (leaf.kind == EntryKind::Indicator).then_some(published)
        });
        PublishReceipt { published: published.collect(), refused: prepared.refused.clone() }
    }

    /// The entries one draft becomes: an e-mail, a domain, a URL and an IPv6 address become more than one.
    fn prepare(
        &self,
        position: usize,
        draft: &IndicatorDraft,
        group: &GroupId,
        now: Timestamp,
        not_before: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<Ready>, Refused> {
        let kind = draft.identifier.kind();
        let record = u32::try_from(position).expect("a call has at most a thousand drafts");
        let refuse =
            |field, rule, description| Refused { record: position, kind: Some(kind), field, rule, description };
        let rules = PublishingRules {
            max_validity_days: self.state.roster.limits().max_validity_days,
            minimum_grounds: Grounds::demanded(self.state.roster.limits().minimum_grounds),
            typologies: &self.state.settings.typologies,
        };
        let details = draft
            .details
            .check(&rules, now)
            .map_err(|error| refuse(error.field, error.rule.name(), error.rule.to_string()))?;
        let source_ref = match &draft.source_ref {
            Some(reference) if reference.chars().count() > limits::SOURCE_REF_CHARACTERS => {
                let limit = limits::SOURCE_REF_CHARACTERS;
                return Err(refuse("source_ref", "too_long", format!("at most {limit} characters")));
            }
            Some(reference) => {
                Some(self.state.identity.local_mac.fingerprint(MacDomain::SourceRef, reference.as_bytes()))
            }
            None => None,
        };
        let canonical = canonicalise(&draft.identifier, &self.state.settings.canon_rules)
            .map_err(|error| refuse("value", error.rule.name(), error.rule.to_string()))?;
        let subject = self.subject(source_ref.as_ref(), &canonical);
        let mut ready = Vec::with_capacity(canonical.len());
        for (nth, identifier) in canonical.iter().enumerate() {
            let weak = match self.state.settings.guards.grade(identifier) {
                Grade::Clear => false,
                Grade::Weak(_) => true,
                // What is only derived (a registrable domain, a mailbox) is left out where it is shared by everybody.
                Grade::Rejected(_) if nth > 0 => continue,
                Grade::Rejected(list) => {
                    return Err(refuse("value", "guard_list", format!("stands on the guard list \"{list}\"")));
                }
            };
            let entry = self
                .indicator_entry(identifier, &details, not_before, rng)
                .map_err(|error| refuse("value", "entry", error.to_string()))?;
            let commitment = entry.leaf().commitment;
            let kind = identifier.kind();
            let seen = self.seen_before(identifier, now);
            // So that withdrawing an identifier leaves alone what other cases derived.
            let derived_from = match canonical.first() {
                Some(as_given) if nth > 0 => {
                    let (pseudonym, _) = self.state.identity.key_ring.current.pseudonymise(as_given);
                    self.derivation(&pseudonym).0.to_vec()
                }
                _ => Vec::new(),
            };
            ready.push(Ready {
                published: Some(Published { draft: record, commitment, kind, weak, standing: Standing::New, seen }),
                entry: PreparedEntry {
                    group: group.to_string(),
                    entry: Some(stored(&entry)),
                    not_before_ms: not_before.unix_ms(),
                    source_ref: source_ref.map(|reference| reference.0.to_vec()).unwrap_or_default(),
                    draft: record,
                    kind: u32::try_from(kind.ordinal()).expect("there are sixteen kinds"),
                    weak,
                    subject: subject.0.to_vec(),
                    derived_from,
                    typology: details.typology.as_str().to_owned(),
                },
            });
        }
        if let (Some(target), Some(replacement)) = (draft.supersedes, ready.first().map(|first| first.commitment())) {
            let Some(feed) = self.own(&target, Reach::Counting) else {
                return Err(refuse(
                    "supersedes",
                    "not_found",
                    "this member has no such indicator that still counts".to_owned(),
                ));
            };
            let reason = RetractionReason::Superseded;
            let retraction = self
                .retraction(&feed.0.group, target, reason, replacement, not_before, rng)
                .map_err(|error| refuse("supersedes", "entry", error.to_string()))?;
            ready.push(Ready {
                published: None,
                entry: PreparedEntry { not_before_ms: not_before.unix_ms(), ..retraction },
            });
        }
        Ok(ready)
    }

    /// How often an identifier was screened here in the last days.
    fn seen_before(&self, identifier: &CanonicalIdentifier, now: Timestamp) -> Option<SeenBefore> {
        let brake = self.state.settings.brake.as_ref()?;
        let epochs = self.state.identity.key_ring.readable();
        let names: Vec<Pseudonym> = epochs.map(|keys| keys.pseudonym(identifier)).collect();
        Some(brake.traffic.seen(&names, now))
    }

    /// Refuses what would concern more of this node's own transactions than its operator allows: nearly always a mistake, such
    /// as a shared network or the member's own address.
    fn check_width(&self, position: usize, draft: &IndicatorDraft, entries: Vec<Ready>) -> Result<Vec<Ready>, Refused> {
        let Some(brake) = &self.state.settings.brake else { return Ok(entries) };
        let seen = entries.iter().filter_map(|ready| ready.published.as_ref()?.seen);
        let too_wide = seen.filter(|seen| seen.is_beyond(brake.refuse_per_mille, limits::brake::WIDE_LEAST));
        let Some(widest) = too_wide.max_by_key(|seen| seen.at_most) else { return Ok(entries) };
        let SeenBefore { at_most, transactions, days, .. } = widest;
        let description = format!(
            "it would have matched {at_most} of the {transactions} transactions screened here in the last {days} days, more than \
             {} of a thousand (brake.refuse_per_mille); publish it with force_wide if it is meant",
            brake.refuse_per_mille
        );
        let kind = Some(draft.identifier.kind());
        Err(Refused { record: position, kind, field: "value", rule: "too_wide", description })
    }

    /// What statistics count once: the case where the publisher names one, otherwise the identifier, of an e-mail address the
    /// mailbox it reaches. All that one draft becomes shares it.
    fn subject(&self, source_ref: Option<&LocalMac>, canonical: &[CanonicalIdentifier]) -> LocalMac {
        let mac = &self.state.identity.local_mac;
        if let Some(reference) = source_ref {
            return mac.subject_of_case(reference);
        }
        let mailbox = canonical.iter().find(|identifier| identifier.kind() == IdentifierKind::Mailbox);
        let given = mailbox.or(canonical.first()).expect("a canonical form has at least one identifier");
        mac.subject_of_identifier(given)
    }

    fn indicator_entry(
        &self,
        identifier: &CanonicalIdentifier,
        details: &Details,
        not_before: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Entry, EntryError> {
        let identity = &self.state.identity;
        let keys = &identity.key_ring.current;
        let (pseudonym, seal) = keys.pseudonymise(identifier);
        let kind = identifier.kind();
        let sealed = seal_payload(&seal, &identity.member, kind, &pseudonym, rng.random(), &details.encode());
        let blob = Indicator {
            suite: EpochKeys::SUITE,
            kind,
            pseudonym,
            reporter: identity.member.clone(),
            // Not of the observation, which the sealed details hold: readers reckon the day's quota by it. Nor of the call,
            // which all that it spreads have in common.
            hour: not_before.hour(),
            sealed,
        }
        .encode();
        Entry::seal_new(EntryKind::Indicator, keys.epoch_id(), details.validity.expires_day(), blob, Salt(rng.random()))
    }
}

impl Ready {
    fn commitment(&self) -> Option<Commitment> {
        self.published.as_ref().map(|published| published.commitment)
    }

    /// The day on which it may be signed.
    fn day(&self) -> Day {
        Timestamp::from_unix_ms(self.entry.not_before_ms).day()
    }
}

/// A refusal as it is stored and told.
pub(in crate::node) fn stored_refusal(refused: &Refused) -> commit::RefusedRecord {
    commit::RefusedRecord {
        record: u32::try_from(refused.record).unwrap_or(u32::MAX),
        field: refused.field.to_owned(),
        rule: refused.rule.to_owned(),
        description: refused.description.clone(),
    }
}
