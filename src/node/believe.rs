//! What a verified entry adds to belief, and which entries add nothing.

use std::collections::BTreeMap;

use crate::base::limits;
use crate::base::name::{FeedId, MemberId};
use crate::base::position::EntryIndex;
use crate::base::time::{Day, Timestamp};
use crate::domain::belief::said::{Effect, Said, SaidContent};
use crate::domain::belief::writer::Writer;
use crate::domain::exchange::quota::FeedQuota;
use crate::domain::feed::blob::Body;
use crate::domain::feed::entry::{Entry, EntryKind, Leaf};
use crate::domain::roster::verified::Roster;
use crate::node::unbelieved::{Waiting, Why};

/// A verified entry on its way into belief.
#[derive(Debug)]
pub(in crate::node) struct Heard {
    pub(in crate::node) feed: FeedId,
    pub(in crate::node) index: EntryIndex,
    pub(in crate::node) entry: Entry,
    pub(in crate::node) first_seen: Timestamp,
    /// Its place among the indicators of its day, where it was judged before and did not count.
    pub(in crate::node) place: Option<u64>,
    /// The day it was reckoned to, where compaction took the content that says so.
    pub(in crate::node) reckoned_to: Option<Day>,
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
        // Entries come by the million at a start: the name is copied once a batch.
        if !self.room.contains_key(author) {
            let most = self.quota(author).saturating_mul(limits::KEPT_DAYS.into());
            self.room.insert(author.clone(), most.saturating_sub(writer.held_of(author)));
        }
        self.room.get_mut(author).expect("counted just now")
    }
}

/// Takes a verified entry into belief, or says why it does not count. What says nothing about a pseudonym changes nothing.
pub(in crate::node) fn believe(
    writer: &mut Writer<'_>,
    quota: &mut FeedQuota,
    allowances: &mut Allowances<'_>,
    heard: &Heard,
) -> Option<Waiting> {
    let Heard { entry, index, first_seen, .. } = heard;
    let Some(content) = entry.content() else {
        // It says nothing any more, and was in the way of nothing less: what came after it keeps its place.
        if let Some(day) = heard.reckoned_to {
            quota.place(day);
        }
        return None;
    };
    let leaf = entry.leaf();
    // Bodies were decoded before they were accepted; what an older program let pass says nothing to this one.
    let body = Body::decode(leaf.kind, &content.blob).ok()?;
    let said_content = SaidContent::of(&body)?;
    let author = &heard.feed.member;
    let mut place = heard.place.unwrap_or_default();
    let doubt = |why, place| Some(Waiting { why, first_seen: *first_seen, place });
    if let Body::Indicator(indicator) = &body {
        // Whatever else keeps it from counting, so that places depend on the feed alone.
        if heard.place.is_none() {
            place = quota.place(indicator.hour.day());
        }
        if place >= allowances.quota(author) {
            return doubt(Why::OverQuota, place);
        }
        if is_kept_too_long(leaf, *first_seen) {
            return doubt(Why::KeptTooLong, place);
        }
        if allowances.roster.epoch_by_id(&leaf.epoch_id).is_none() {
            return doubt(Why::UnknownEpoch, place);
        }
        if *allowances.room(author, writer) == 0 {
            return doubt(Why::TooManyHeld, place);
        }
    }
    let said = writer.feed(&heard.feed).and_then(|number| {
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
            let room = allowances.room(author, writer);
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
        Ok(Effect::Crowded) => doubt(Why::Crowded, place),
        Err(_) => doubt(Why::NoRoom, place),
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
    use rand::SeedableRng;

    use super::*;
    use crate::base::bytes::{Commitment, Salt};
    use crate::base::epoch::EpochId;
    use crate::base::time::Hour;
    use crate::domain::belief::place::TableKey;
    use crate::domain::belief::{Belief, Witnessing};
    use crate::domain::feed::blob::indicator::tests::sample;
    use crate::domain::roster::samples::{NOW, consortium, roster};
    use crate::node::feeds::Feed;

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

    #[test]
    fn a_member_holds_over_all_its_groups_what_its_quota_allows_in_the_longest_validity() {
        let (roster, quotas) = (roster(&["bank-a"]), BTreeMap::from([("bank-a".parse().expect("valid"), 1)]));
        let key = TableKey::draw(&mut rand_chacha::ChaCha12Rng::seed_from_u64(7));
        let belief = Belief::new(key, Witnessing::NotNeeded);
        let author: MemberId = "bank-a".parse().expect("valid");
        let feed = |group: &str| {
            Feed::new(&consortium(), FeedId { member: author.clone(), group: group.parse().expect("valid") })
        };
        let (mut all, mut cards) = (feed("all"), feed("cards"));
        let said = |feed: &mut Feed, day: u8| {
            let hour = Hour((NOW.day().0 + u32::from(day)) * 24);
            let mut blob = sample("bank-a", day);
            blob.hour = hour;
            let salt = Salt([if feed.id().group.as_str() == "all" { day } else { 255 - day }; 32]);
            let epoch_id = roster.epochs()[0].id;
            let expires = Day(NOW.day().0 + 90);
            let entry = Entry::seal_new(EntryKind::Indicator, epoch_id, expires, blob.encode(), salt).expect("short");
            let heard = Heard {
                feed: feed.id().clone(),
                index: EntryIndex(day.into()),
                entry,
                first_seen: NOW,
                place: None,
                reckoned_to: None,
            };
            let doubt = believe(&mut belief.writer(), &mut feed.quota, &mut Allowances::new(&roster, &quotas), &heard);
            doubt.map(|doubt| doubt.why)
        };
        let most = u8::try_from(limits::KEPT_DAYS).expect("small");
        assert!((0..most).all(|day| said(&mut all, day).is_none()));
        assert_eq!(said(&mut cards, 0), Some(Why::TooManyHeld));
        assert_eq!(said(&mut all, most), Some(Why::TooManyHeld));
        belief.writer().expire(Day(NOW.day().0 + 91));
        assert_eq!(said(&mut cards, 1), None);
    }
}
