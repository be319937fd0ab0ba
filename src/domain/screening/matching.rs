//! From raw identifiers to the statements that count: canonicalise, pseudonymise under every readable epoch, look up, open.
//!
//! A statement counts when its payload opens under the seal of the identifier in hand, which only somebody who knew the
//! identifier could have made. Copying another member's pseudonym therefore corroborates nothing.

use crate::base::bytes::Pseudonym;
use crate::base::epoch::{EpochId, KeyEpoch};
use crate::base::kind::IdentifierKind;
use crate::base::name::{FeedId, MemberId};
use crate::base::time::Timestamp;
use crate::domain::belief::disputes::Disputed;
use crate::domain::belief::parties::MemberNumber;
use crate::domain::belief::record::State;
use crate::domain::belief::view::{Statement, View};
use crate::domain::identifier::guard::Grade;
use crate::domain::identifier::sandbox::{self, SandboxOutcome};
use crate::domain::identifier::{CanonicalIdentifier, RawIdentifier, canonicalise};
use crate::domain::indicator::details::Details;
use crate::domain::pseudonym::keys::{EpochKeys, Seal};
use crate::domain::pseudonym::payload::open_payload;
use crate::domain::screening::answer::RefusedIdentifier;
use crate::domain::screening::confidence::{Worth, worth};
use crate::domain::screening::experience::{Experience, Weight};
use crate::domain::screening::finding::is_weak_kind;
use crate::domain::screening::late::order::Traced;
use crate::domain::screening::own_lists::OwnListing;
use crate::domain::screening::screen::ScreeningContext;

/// One statement that counts for an identifier.
#[derive(Debug, Clone)]
pub(super) struct Hit {
    pub(super) statement: Statement,
    pub(super) details: Details,
    pub(super) reporter: MemberId,
    pub(super) feed: FeedId,
    pub(super) member: MemberNumber,
    pub(super) last_seen: Timestamp,
    /// Seconds since it was observed, began to count or last proved right here, whichever came last.
    pub(super) age_s: u64,
    pub(super) worth: Worth,
    /// Somebody disputes it, and its author has not answered yet.
    pub(super) disputed: bool,
    pub(super) own: bool,
    pub(super) weak: bool,
    pub(super) stale: bool,
}

/// What is known of one identifier of the transaction.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) identifier: usize,
    pub(super) kind: IdentifierKind,
    pub(super) sandbox: Option<SandboxOutcome>,
    pub(super) own_listing: Option<OwnListing>,
    pub(super) hits: Vec<Hit>,
}

/// What a look-up found, and what was looked up.
#[derive(Debug)]
pub(super) struct LookedUp {
    /// By identifier.
    pub(super) known: Vec<Known>,
    pub(super) refused: Vec<RefusedIdentifier>,
    pub(super) traced: Traced,
}

/// One form of an identifier that may match.
#[derive(Debug)]
pub(super) struct Form {
    /// Position of its identifier among the known ones.
    known: usize,
    /// Index in the request.
    pub(super) identifier: usize,
    /// The kind as given.
    pub(super) given: IdentifierKind,
    pub(super) canonical: CanonicalIdentifier,
    pub(super) weak: bool,
}

/// A form under one epoch.
#[derive(Debug)]
pub(super) struct Probe {
    pub(super) form: usize,
    pub(super) epoch: KeyEpoch,
    pub(super) epoch_id: EpochId,
    pub(super) pseudonym: Pseudonym,
}

/// What statements must be of to count: all of this follows from the identifier and the epoch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sought<'a> {
    pub(super) kind: IdentifierKind,
    pub(super) weak: bool,
    pub(super) epoch_id: EpochId,
    pub(super) seal: &'a Seal,
}

/// Looks all identifiers up. Malformed ones are told apart and do not keep the others from being screened.
pub(super) fn look_up(identifiers: &[RawIdentifier], context: &ScreeningContext<'_>, view: &mut View<'_>) -> LookedUp {
    let mut known = Vec::with_capacity(identifiers.len());
    let mut refused = Vec::new();
    let mut forms = Vec::with_capacity(identifiers.len() * 2);
    for (identifier, raw) in identifiers.iter().enumerate() {
        match canonicalise(raw, context.canon) {
            Ok(canonical) => known.push(forms_of(identifier, raw.kind(), canonical, known.len(), context, &mut forms)),
            Err(error) => refused.push(RefusedIdentifier { identifier, error }),
        }
    }
    let mut probes = Vec::with_capacity(forms.len() * 2);
    for (form, of) in forms.iter().enumerate() {
        for keys in context.keys.readable() {
            let pseudonym = keys.pseudonym(&of.canonical);
            probes.push(Probe { form, epoch: keys.epoch(), epoch_id: keys.epoch_id(), pseudonym });
        }
    }
    view.prepare(probes.iter().map(|probe| &probe.pseudonym));
    for probe in &probes {
        let form = &forms[probe.form];
        let about = &mut known[form.known];
        let statements = view.statements(&probe.pseudonym);
        if !statements.is_empty() {
            let keys = context.keys.by_id(&probe.epoch_id).expect("it was asked under this epoch");
            let (kind, seal) = (form.canonical.kind(), keys.seal(&form.canonical));
            let sought = Sought { kind, weak: form.weak, epoch_id: probe.epoch_id, seal: &seal };
            about.hits.extend(open_all(statements, &sought, context, view));
        }
    }
    LookedUp { known, refused, traced: Traced { forms, probes } }
}

fn forms_of(
    identifier: usize,
    kind: IdentifierKind,
    canonical: Vec<CanonicalIdentifier>,
    position: usize,
    context: &ScreeningContext<'_>,
    forms: &mut Vec<Form>,
) -> Known {
    let mut known = Known { identifier, kind, sandbox: None, own_listing: None, hits: Vec::new() };
    for canonical in canonical {
        if context.sandbox && known.sandbox.is_none() {
            known.sandbox = sandbox::outcome(&canonical);
        }
        let weak = match context.guard.grade(&canonical) {
            // Never published, never matched: it is not even hashed.
            Grade::Rejected(_) => continue,
            Grade::Weak(_) => true,
            Grade::Clear => is_weak_kind(canonical.kind()),
        };
        known.own_listing = known.own_listing.into_iter().chain(context.lists.listing(&canonical, context.now)).min();
        forms.push(Form { known: position, identifier, given: kind, canonical, weak });
    }
    known
}

/// Of the statements of a pseudonym those that count.
pub(super) fn open_all(
    statements: Vec<Statement>,
    sought: &Sought<'_>,
    context: &ScreeningContext<'_>,
    view: &View<'_>,
) -> Vec<Hit> {
    if !context.demands.accept(EpochKeys::SUITE) {
        return Vec::new();
    }
    let own_number = view.member_number(context.own);
    let opened = statements.into_iter().filter_map(|statement| {
        let counts = match statement.state {
            State::Live => !statement.quarantined,
            State::Retracted => false,
        };
        if !counts || statement.kind != sought.kind || statement.epoch_id != sought.epoch_id {
            return None;
        }
        let feed = view.feed(statement.feed)?.clone();
        let reporter = feed.member.clone();
        if !context.demands.trust(&reporter, &statement.epoch_id, statement.first_seen) {
            return None;
        }
        let plaintext =
            open_payload(sought.seal, &reporter, statement.kind, &statement.pseudonym, &statement.sealed).ok()?;
        let details = Details::decode(&plaintext).ok()?;
        if !details.validity.contains(context.now) || !context.demands.admit(&details) {
            return None;
        }
        let disputed = view.disputed(&statement.commitment);
        let counts_no_more =
            |disputed: &Disputed| disputed.is_overdue(context.now) || own_number.is_some_and(|own| disputed.is_by(own));
        if disputed.as_deref().is_some_and(counts_no_more) {
            return None;
        }
        let own = reporter == *context.own;
        let weight = if own { Weight::NEUTRAL } else { context.experience.weight(&reporter, statement.kind) };
        let age_s = age_s(&statement, &details, context.experience, context.now);
        Some(Hit {
            age_s,
            worth: worth(details.confidence.percent(), statement.kind, age_s, weight),
            disputed: disputed.is_some_and(|disputed| disputed.is_unanswered()),
            member: statement.reporter,
            last_seen: view.last_seen(&statement),
            stale: !own && context.freshness.is_stale(&feed),
            weak: sought.weak,
            own,
            reporter,
            feed,
            details,
            statement,
        })
    });
    opened.collect()
}

/// How old a statement is. Its author may claim any moment; one after it came here makes it no younger.
pub(super) fn age_s(statement: &Statement, details: &Details, experience: &Experience, now: Timestamp) -> u64 {
    let observed = details.observed_at.min(statement.first_seen);
    let counts_from = Timestamp::from_unix_s(details.validity.from_s());
    let confirmed = experience.confirmed_at(&statement.commitment);
    let newest = observed.max(counts_from).max(confirmed.unwrap_or(observed));
    now.ms_since(newest) / 1_000
}
