//! Decoys: indicators about nobody, so that a window tells nothing of how much was published in it.
//!
//! Entry kind 10 stands openly on the leaf, so it hides nothing from members. A decoy is therefore an ordinary indicator under
//! the current epoch whose pseudonym and sealed payload are random bytes: no identifier leads to it, nobody opens
//! it. Its outward form (kind of identifier, length, days until it expires) is that of one of this node's own late
//! publications, drawn at random, so that all of them together are spread as the true ones are. A node that has published
//! nothing yet has nothing to copy and makes none.
//!
//! The hour and the epoch in it are those of its window. Where a window is signed late, because the node was away, what was
//! meant carries the hour it waits since; a decoy then has hour and epoch of one of those it goes out with, drawn at random.
//!
//! With `feed.decoys` every window of every own feed is filled up to so many indicators, also where nothing was published, and
//! the one in which a start falls. Decoys count against the day's quota and use half of it at most. That an entry is one says
//! this node's own audit log alone, and from there the node knows it again: it is not listed for republication, and never was in
//! the statistics, which count what callers asked for.

use std::collections::{BTreeMap, VecDeque};

use rand::{CryptoRng, RngExt};

use crate::base::bytes::{Commitment, Pseudonym, Salt};
use crate::base::epoch::EpochId;
use crate::base::kind::IdentifierKind;
use crate::base::limits;
use crate::base::name::FeedId;
use crate::base::time::{Day, Hour, Timestamp};
use crate::domain::audit::event::{AuditEvent, IndicatorRef};
use crate::domain::audit::record::AuditRecord;
use crate::domain::feed::blob::indicator::Indicator;
use crate::domain::feed::entry::{Entry, EntryKind};
use crate::domain::pseudonym::keys::EpochKeys;
use crate::node::Node;
use crate::node::state::Settings;
use crate::node::store::{Journal, Views};
use crate::node::window::window_begin;

/// What everybody sees of an indicator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Form {
    kind: IdentifierKind,
    sealed_bytes: usize,
    /// From the day of its hour on.
    days: u32,
}

impl Form {
    fn of(entry: &Entry) -> Option<Self> {
        let content = entry.content().filter(|_| entry.leaf().kind == EntryKind::Indicator)?;
        let indicator = Indicator::decode(&content.blob).ok()?;
        let days = entry.leaf().expires_day.0.saturating_sub(indicator.hour.day().0);
        Some(Self { kind: indicator.kind, sealed_bytes: indicator.sealed.len(), days })
    }
}

/// What everybody sees of when an indicator was meant to go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Moment {
    hour: Hour,
    epoch_id: EpochId,
}

impl Moment {
    /// None of what is hurried out before its hour: that is withdrawn, and so shows that it was meant.
    fn of(entry: &Entry, now: Timestamp) -> Option<Self> {
        let content = entry.content().filter(|_| entry.leaf().kind == EntryKind::Indicator)?;
        let hour = Indicator::decode(&content.blob).ok()?.hour;
        (hour <= now.hour()).then_some(Self { hour, epoch_id: entry.leaf().epoch_id })
    }
}

/// What the node knows of its decoys.
#[derive(Debug, Default)]
pub struct Decoys {
    /// Of the newest own publications.
    forms: VecDeque<Form>,
    /// Those that have not expired, with the day on which they surely have.
    made: BTreeMap<Commitment, Day>,
    /// The number of the last window that was looked at.
    window: Option<u64>,
}

impl Decoys {
    /// Whether this is a decoy of ours.
    pub fn contains(&self, commitment: &Commitment) -> bool {
        self.made.contains_key(commitment)
    }

    /// Takes note of the form of a publication of ours.
    pub(in crate::node) fn learn(&mut self, entry: &Entry) {
        let Some(form) = Form::of(entry) else { return };
        if self.forms.len() == limits::DECOY_FORMS {
            self.forms.pop_front();
        }
        self.forms.push_back(form);
    }

    /// A record says that an entry of ours is a decoy.
    pub(in crate::node) fn note(&mut self, record: &AuditRecord) {
        let commitment = record.subject().rsplit('/').next().and_then(|text| hex::decode(text).ok());
        if let Some(Ok(commitment)) = commitment.map(|bytes| Commitment::try_from(bytes.as_slice())) {
            let over = Day(record.time().day().0.saturating_add(limits::VALIDITY_DAYS + 2));
            self.made.insert(commitment, over);
        }
    }

    pub(in crate::node) fn expire(&mut self, today: Day) {
        self.made.retain(|_, over| *over >= today);
    }

    /// Whether `now` is the first moment seen of a window. Also of the one in which a start falls: what waited goes out with
    /// it, and must not go alone.
    fn enter(&mut self, now: Timestamp, window_ms: u64) -> bool {
        let window = now.unix_ms().checked_div(window_ms);
        std::mem::replace(&mut self.window, window) != window
    }
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Fills the window that has just ended: decoys are added to what is due of each own feed.
    pub(in crate::node) fn add_decoys(
        &mut self,
        due: &mut BTreeMap<FeedId, Vec<Entry>>,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> BTreeMap<Commitment, AuditEvent> {
        let mut events = BTreeMap::new();
        let Settings { decoys: wanted, window_ms, .. } = self.state.settings;
        if wanted == 0 || self.check_terms(now).is_err() || !self.has_room_for(wanted, due) {
            return events;
        }
        if !self.state.decoys.enter(now, window_ms) {
            return events;
        }
        let identity = &self.state.identity;
        let window =
            Moment { hour: window_begin(now, window_ms).hour(), epoch_id: identity.key_ring.current.epoch_id() };
        let forms: Vec<Form> = self.state.decoys.forms.iter().copied().chain(forms_of(due)).collect();
        let mut half_left: BTreeMap<Day, u64> = BTreeMap::new();
        for feed in self.own_feeds() {
            let entries = due.entry(feed.clone()).or_default();
            let moments: Vec<Moment> = entries.iter().filter_map(|entry| Moment::of(entry, now)).collect();
            for _ in indicators(entries)..wanted {
                let Some(form) = draw(&forms, rng) else { break };
                let moment = draw(&moments, rng).unwrap_or(window);
                let day = moment.hour.day();
                let left = half_left
                    .entry(day)
                    .or_insert_with(|| (self.quota() / 2).saturating_sub(self.state.published.on(day)));
                let Some(decoy) = (*left > 0).then(|| self.decoy(form, moment, rng)).flatten() else { continue };
                *left -= 1;
                let commitment = decoy.leaf().commitment;
                let indicator = IndicatorRef { member: identity.member.clone(), commitment };
                events.insert(commitment, AuditEvent::DecoyPublished { indicator, group: feed.group.clone() });
                entries.push(decoy);
            }
        }
        due.retain(|_, entries| !entries.is_empty());
        events
    }

    /// Whether every own feed could be filled up beside what is due of it. Where sizes are not reserved yet, decoys wait for
    /// them and leave what there is to what is meant.
    fn has_room_for(&self, wanted: usize, due: &BTreeMap<FeedId, Vec<Entry>>) -> bool {
        self.own_feeds().iter().all(|feed| {
            let entries = due.get(feed).map(Vec::as_slice).unwrap_or_default();
            let decoys = wanted.saturating_sub(indicators(entries));
            decoys == 0 || self.room_for(feed) >= entries.len().saturating_add(decoys)
        })
    }

    /// The feeds this node has keys for.
    fn own_feeds(&self) -> Vec<FeedId> {
        let identity = &self.state.identity;
        let feeds = identity.feeds.keys().map(|group| identity.own_feed(group));
        feeds.filter(|feed| self.state.feeds.contains_key(feed)).collect()
    }

    fn decoy(&self, form: Form, moment: Moment, rng: &mut impl CryptoRng) -> Option<Entry> {
        let mut sealed = vec![0; form.sealed_bytes];
        rng.fill_bytes(&mut sealed);
        let blob = Indicator {
            suite: EpochKeys::SUITE,
            kind: form.kind,
            pseudonym: Pseudonym(rng.random()),
            reporter: self.state.identity.member.clone(),
            hour: moment.hour,
            sealed,
        }
        .encode();
        let expires = Day(moment.hour.day().0.saturating_add(form.days));
        Entry::seal_new(EntryKind::Indicator, moment.epoch_id, expires, blob, Salt(rng.random())).ok()
    }
}

fn indicators(entries: &[Entry]) -> usize {
    entries.iter().filter(|entry| entry.leaf().kind == EntryKind::Indicator).count()
}

/// The first publication of a node is not alone in its window either.
fn forms_of(due: &BTreeMap<FeedId, Vec<Entry>>) -> impl Iterator<Item = Form> {
    due.values().flatten().filter_map(Form::of)
}

fn draw<T: Copy>(from: &[T], rng: &mut impl CryptoRng) -> Option<T> {
    from.get(rng.random_range(0..from.len().max(1))).copied()
}
