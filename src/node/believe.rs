//! What a verified entry adds to belief, and which entries add nothing.

use std::collections::BTreeMap;

use crate::base::limits;
use crate::base::name::{FeedId, MemberId};
use crate::base::position::EntryIndex;
use crate::base::time::Timestamp;
use crate::domain::belief::said::{Effect, Said, SaidContent};
use crate::domain::belief::writer::Writer;
use crate::domain::feed::blob::Body;
use crate::domain::feed::entry::{Entry, EntryKind, Leaf};
use crate::domain::roster::verified::Roster;
use crate::node::feeds::Feed;
use crate::node::unbelieved::Why;

/// A verified entry on its way into belief.
#[derive(Debug)]
pub(in crate::node) struct Heard {
    pub(in crate::node) feed: FeedId,
    pub(in crate::node) index: EntryIndex,
    pub(in crate::node) entry: Entry,
    pub(in crate::node) first_seen: Timestamp,
    /// Why it did not count when it was judged before.
    pub(in crate::node) before: Option<Why>,
}

/// What the roster allows of each author, while one batch of entries is judged.
#[derive(Debug)]
pub(in crate::node) struct Allowances<'a> {
    roster: &'a Roster,
    quotas: &'a BTreeMap<MemberId, u32>,
    /// How much more may be held of each author; counted once for the batch.
    room: BTreeMap<MemberId, u64>,
}

impl<'a> Allowances<'a> {
    pub(in crate::node) fn new(roster: &'a Roster, quotas: &'a BTreeMap<MemberId, u32>) -> Self {
        Self { roster, quotas, room: BTreeMap::new() }
    }

    fn quota(&self, author: &MemberId) -> u64 {
        self.quotas.get(author).copied().unwrap_or_default().into()
    }

    /// What is left of a quota a day over the longest time an entry is kept: an honest author never comes near it.
    fn room(&mut self, author: &MemberId, writer: &Writer<'_>) -> &mut u64 {
        let most = self.quota(author).saturating_mul(limits::KEPT_DAYS.into());
        self.room.entry(author.clone()).or_insert_with(|| most.saturating_sub(writer.held_of(author)))
    }
}

/// Takes a verified entry into belief, or says why it does not count. What says nothing about a pseudonym changes nothing.
pub(in crate::node) fn believe(
    writer: &mut Writer<'_>,
    feed: &mut Feed,
    allowances: &mut Allowances<'_>,
    heard: &Heard,
) -> Option<Why> {
    let Heard { entry, index, first_seen, before, .. } = heard;
    let content = entry.content()?;
    let leaf = entry.leaf();
    // Bodies were decoded before they were accepted; what an older program let pass says nothing to this one.
    let body = Body::decode(leaf.kind, &content.blob).ok()?;
    let said_content = SaidContent::of(&body)?;
    let author = feed.id().member.clone();
    if let Body::Indicator(indicator) = &body {
        // First of all, so that what is used of the quota depends on the feed alone.
        let counted = matches!(before, Some(Why::UnknownEpoch));
        if !counted && !feed.quota.take(indicator.hour, allowances.quota(&author)) {
            return Some(Why::OverQuota);
        }
        if is_kept_too_long(leaf, *first_seen) {
            return Some(Why::KeptTooLong);
        }
        if allowances.roster.epoch_by_id(&leaf.epoch_id).is_none() {
            return Some(Why::UnknownEpoch);
        }
        if *allowances.room(&author, writer) == 0 {
            return Some(Why::TooManyHeld);
        }
    }
    let said = writer.feed(feed.id()).and_then(|number| {
        writer.apply(&Said {
            feed: number,
            index: *index,
            commitment: leaf.commitment,
            epoch_id: leaf.epoch_id,
            expires_day: leaf.expires_day,
            first_seen: *first_seen,
            content: said_content,
        })
    });
    match said {
        Ok(Effect::Believed | Effect::HeldRetracted) => {
            let room = allowances.room(&author, writer);
            *room = room.saturating_sub(1);
            None
        }
        Ok(
            Effect::Retracted
            | Effect::Erased
            | Effect::Noted
            | Effect::Known
            | Effect::ErasedBefore
            | Effect::NotTheAuthor
            | Effect::Unreadable,
        ) => None,
        Ok(Effect::Crowded) => Some(Why::Crowded),
        Err(_) => Some(Why::NoRoom),
    }
}

/// An indicator that would outlast every validity a roster may allow is kept and served, but not believed: it would take
/// memory here for as long as its publisher likes.
fn is_kept_too_long(leaf: &Leaf, first_seen: Timestamp) -> bool {
    let last = first_seen.day().0.saturating_add(limits::KEPT_DAYS);
    leaf.kind == EntryKind::Indicator && leaf.expires_day.0 > last
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::bytes::Commitment;
    use crate::base::epoch::EpochId;
    use crate::base::time::Day;

    #[test]
    fn only_an_indicator_that_outlasts_every_validity_is_kept_too_long() {
        let now = Timestamp::from_unix_s(1_795_000_000);
        let check = |kind, days, expected| {
            let expires_day = Day(now.day().0.saturating_add(days));
            let leaf = Leaf { kind, epoch_id: EpochId::NONE, expires_day, commitment: Commitment([1; 32]) };
            assert_eq!(is_kept_too_long(&leaf, now), expected, "{kind:?} {days}");
        };
        check(EntryKind::Indicator, limits::KEPT_DAYS, false);
        check(EntryKind::Indicator, limits::KEPT_DAYS + 1, true);
        check(EntryKind::Indicator, u32::MAX, true);
        check(EntryKind::Retraction, u32::MAX, false);
    }
}
