//! What a verified entry adds to belief.

use crate::base::limits;
use crate::base::name::FeedId;
use crate::base::position::EntryIndex;
use crate::base::time::Timestamp;
use crate::domain::belief::said::{BeliefFull, Said, SaidContent};
use crate::domain::belief::writer::Writer;
use crate::domain::feed::blob::Body;
use crate::domain::feed::entry::{Entry, EntryKind, Leaf};

/// Takes a verified entry into belief. What says nothing about a pseudonym changes nothing.
pub(in crate::node) fn believe(
    writer: &mut Writer<'_>,
    feed: &FeedId,
    index: EntryIndex,
    entry: &Entry,
    first_seen: Timestamp,
) -> Result<(), BeliefFull> {
    let Some(content) = entry.content() else { return Ok(()) };
    // Bodies were decoded before they were accepted; what an older program let pass says nothing to this one.
    let Ok(body) = Body::decode(entry.leaf().kind, &content.blob) else { return Ok(()) };
    let Some(said_content) = SaidContent::of(&body) else { return Ok(()) };
    let leaf = entry.leaf();
    if is_kept_too_long(leaf, first_seen) {
        return Ok(());
    }
    let feed = writer.feed(feed)?;
    let said = Said {
        feed,
        index,
        commitment: leaf.commitment,
        epoch_id: leaf.epoch_id,
        expires_day: leaf.expires_day,
        first_seen,
        content: said_content,
    };
    writer.apply(&said).map(drop)
}

/// An indicator that would outlast every validity a roster may allow is kept and served, but not believed: it would take
/// memory here for as long as its publisher likes. Two days of slack: the day after the end, and clocks that differ.
fn is_kept_too_long(leaf: &Leaf, first_seen: Timestamp) -> bool {
    let last = first_seen.day().0.saturating_add(limits::VALIDITY_DAYS + 2);
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
        check(EntryKind::Indicator, limits::VALIDITY_DAYS + 2, false);
        check(EntryKind::Indicator, limits::VALIDITY_DAYS + 3, true);
        check(EntryKind::Indicator, u32::MAX, true);
        check(EntryKind::Retraction, u32::MAX, false);
    }
}
