//! Looking one identifier up for a person: everything that is held of it, what counts, and of the rest why it does not.
//!
//! The look-up of screening ([`crate::domain::screening::matching`]) leaves out what does not count; this one tells it too, by the
//! same rules. Nothing of the identifier stays: what comes out holds pseudonyms, and what others said.

use crate::base::bytes::{Commitment, Pseudonym};
use crate::base::epoch::KeyEpoch;
use crate::base::kind::IdentifierKind;
use crate::base::name::{FeedId, MemberId};
use crate::base::position::EntryIndex;
use crate::base::time::Timestamp;
use crate::domain::belief::disputes::Disputed;
use crate::domain::belief::record::State;
use crate::domain::belief::view::{Statement, View};
use crate::domain::identifier::guard::{Grade, GuardLists};
use crate::domain::identifier::{CanonRules, CanonicalIdentifier, IdentifierError, RawIdentifier, canonicalise};
use crate::domain::indicator::details::Details;
use crate::domain::indicator::words::vocabulary;
use crate::domain::pseudonym::keys::{EpochKeys, KeyRing};
use crate::domain::pseudonym::payload::open_payload;
use crate::domain::screening::confidence::worth;
use crate::domain::screening::demands::Demands;
use crate::domain::screening::experience::{Experience, Weight};
use crate::domain::screening::finding::is_weak_kind;
use crate::domain::screening::freshness::Freshness;
use crate::domain::screening::matching::age_s;
use crate::domain::screening::own_lists::{OwnListing, OwnLists};

/// What an answer depends on.
#[derive(Debug, Clone, Copy)]
pub struct InquiryContext<'a> {
    pub keys: &'a KeyRing,
    pub canon: &'a CanonRules,
    pub guard: &'a GuardLists,
    pub lists: &'a OwnLists,
    pub experience: &'a Experience,
    pub freshness: &'a Freshness,
    pub demands: &'a Demands,
    /// The member that asks.
    pub own: &'a MemberId,
    pub now: Timestamp,
}

vocabulary!(
    /// Whether a statement counts at a checkout now, or why not: the first rule it breaks.
    Counting, "counting", "counts, retracted, quarantined, sealed, distrusted, unreadable, not_yet_valid, expired, below_demands, dispute_unanswered, disputed_here, held_back, faded",
    {
        /// It does, as far as its standing carries.
        Counts = 1 "counts",
        /// Its author withdrew it.
        Retracted = 2 "retracted",
        /// Its author signed two histories.
        Quarantined = 3 "quarantined",
        /// It was sealed to another identifier: whoever made it did not know this one.
        Sealed = 4 "sealed",
        /// It came after its author was shut out, or after the secret of its epoch was out.
        Distrusted = 5 "distrusted",
        /// It opens, and says nothing this version understands.
        Unreadable = 6 "unreadable",
        NotYetValid = 7 "not_yet_valid",
        Expired = 8 "expired",
        /// The roster demands better grounds, a shorter validity or a stronger suite.
        BelowDemands = 9 "below_demands",
        /// Somebody disputes it, and its author let the time for an answer pass.
        DisputeUnanswered = 10 "dispute_unanswered",
        /// This member holds it for wrong.
        DisputedHere = 11 "disputed_here",
        /// The brake holds it back until people decide.
        HeldBack = 12 "held_back",
        /// Age and its reporter's weight left too little of its confidence: it only informs.
        Faded = 13 "faded",
    }
);

/// One form of the identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookedUpForm {
    pub kind: IdentifierKind,
    /// Shared by many innocents.
    pub weak: bool,
    /// The guard list on which it stands as no identifier at all: it is never published and never matched.
    pub rejected_by: Option<String>,
    /// On an own list.
    pub listing: Option<OwnListing>,
    /// Under every epoch this node reads; none where it is rejected.
    pub pseudonyms: Vec<(KeyEpoch, Pseudonym)>,
}

/// One statement about the identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub reporter: MemberId,
    pub commitment: Commitment,
    /// Of the form it was said of.
    pub kind: IdentifierKind,
    pub feed: FeedId,
    pub index: EntryIndex,
    pub epoch: KeyEpoch,
    pub counting: Counting,
    /// None where it does not open.
    pub details: Option<Details>,
    /// What age and its reporter's weight left of its confidence, 0 to 100; none where it does not open.
    pub effective_confidence: Option<u32>,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    /// This member's own.
    pub own: bool,
    pub weak: bool,
    /// Too few witnesses so far: it may challenge, and not block.
    pub provisional: bool,
    /// Its feed is older than its limit.
    pub stale: bool,
    /// Somebody disputes it, and its author has not answered yet.
    pub disputed: bool,
}

/// Everything that is held of one identifier, what counts first, then by reporter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inquiry {
    pub forms: Vec<LookedUpForm>,
    pub said: Vec<Said>,
}

/// Looks an identifier up.
pub fn inquire(
    raw: &RawIdentifier,
    context: &InquiryContext<'_>,
    view: &mut View<'_>,
) -> Result<Inquiry, IdentifierError> {
    let mut inquiry = Inquiry { forms: Vec::new(), said: Vec::new() };
    for canonical in canonicalise(raw, context.canon)? {
        let (rejected_by, weak) = match context.guard.grade(&canonical) {
            Grade::Rejected(list) => (Some(list.to_string()), false),
            Grade::Weak(_) => (None, true),
            Grade::Clear => (None, is_weak_kind(canonical.kind())),
        };
        let listing = context.lists.listing(&canonical, context.now);
        let mut form = LookedUpForm { kind: canonical.kind(), weak, rejected_by, listing, pseudonyms: Vec::new() };
        // What is rejected is not even hashed, as at a checkout.
        let epochs = context.keys.readable().filter(|_| form.rejected_by.is_none());
        for keys in epochs {
            let pseudonym = keys.pseudonym(&canonical);
            form.pseudonyms.push((keys.epoch(), pseudonym));
            let statements = view.statements(&pseudonym).into_iter();
            let said = statements.filter_map(|statement| said(statement, &canonical, weak, keys, context, view));
            inquiry.said.extend(said);
        }
        inquiry.forms.push(form);
    }
    inquiry.said.sort_by(|left, right| {
        let key = |said: &Said| (said.counting, said.reporter.clone(), said.feed.clone(), said.index);
        key(left).cmp(&key(right))
    });
    Ok(inquiry)
}

fn said(
    statement: Statement,
    canonical: &CanonicalIdentifier,
    weak: bool,
    keys: &EpochKeys,
    context: &InquiryContext<'_>,
    view: &View<'_>,
) -> Option<Said> {
    let feed = view.feed(statement.feed)?.clone();
    let reporter = feed.member.clone();
    let own = reporter == *context.own;
    let disputed = view.disputed(&statement.commitment);
    // A payload under another kind or epoch was copied to this pseudonym: it is sealed to something else.
    let fits = statement.kind == canonical.kind() && statement.epoch_id == keys.epoch_id();
    let plaintext = fits
        .then(|| {
            open_payload(&keys.seal(canonical), &reporter, statement.kind, &statement.pseudonym, &statement.sealed)
        })
        .and_then(Result::ok);
    let details = plaintext.as_ref().and_then(|plaintext| Details::decode(plaintext).ok());
    let weight = if own { Weight::NEUTRAL } else { context.experience.weight(&reporter, statement.kind) };
    let left = details.as_ref().map(|details| {
        let age_s = age_s(&statement, details, context.experience, context.now);
        worth(details.confidence.percent(), statement.kind, age_s, weight)
    });
    let here = || view.member_number(context.own).zip(disputed.as_deref()).is_some_and(|(own, held)| held.is_by(own));
    let counting = if statement.state == State::Retracted {
        Counting::Retracted
    } else if statement.quarantined {
        Counting::Quarantined
    } else if statement.braked {
        Counting::HeldBack
    } else if plaintext.is_none() {
        Counting::Sealed
    } else if !context.demands.trust(&reporter, &statement.epoch_id, statement.first_seen) {
        Counting::Distrusted
    } else if let Some(details) = &details {
        let validity = details.validity;
        if context.now.unix_s() < validity.from_s() {
            Counting::NotYetValid
        } else if !validity.contains(context.now) {
            Counting::Expired
        } else if !context.demands.accept(EpochKeys::SUITE) || !context.demands.admit(details) {
            Counting::BelowDemands
        } else if disputed.as_deref().is_some_and(|held: &Disputed| held.is_overdue(context.now)) {
            Counting::DisputeUnanswered
        } else if here() {
            Counting::DisputedHere
        } else if left.is_some_and(|left| left.faint) {
            Counting::Faded
        } else {
            Counting::Counts
        }
    } else {
        Counting::Unreadable
    };
    Some(Said {
        commitment: statement.commitment,
        kind: statement.kind,
        index: statement.index,
        epoch: keys.epoch(),
        counting,
        effective_confidence: left.map(|left| left.effective),
        first_seen: statement.first_seen,
        last_seen: view.last_seen(&statement),
        own,
        weak,
        provisional: statement.provisional,
        stale: !own && context.freshness.is_stale(&feed),
        disputed: disputed.is_some_and(|held| held.is_unanswered()),
        details,
        reporter,
        feed,
    })
}
