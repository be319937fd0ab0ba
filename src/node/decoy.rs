//! Decoys: indicators about nobody, so that a window tells nothing of how much was published in it.
//!
//! Entry kind 10 stands openly on the leaf, so it hides nothing from members. A decoy is therefore an ordinary indicator under
//! the current epoch whose pseudonym and sealed payload are random bytes: no identifier leads to it, nobody opens
//! it. Its outward form (kind of identifier, length, days until it expires, hours since it was observed) is that of one of
//! this node's own late publications, drawn at random, so that all of them together are spread as the true ones are. A node
//! that has published nothing yet has nothing to copy and makes none.
//!
//! With `feed.decoys` every window of every own feed is filled up to so many indicators, also where nothing was published.
//! Decoys count against the day's quota and use half of it at most. That an entry is one says this node's own audit log alone,
//! and from there the node knows it again: it is not listed for republication, and never was in the statistics, which count
//! what callers asked for.

use std::collections::{BTreeMap, VecDeque};

use rand::{CryptoRng, RngExt};

use crate::base::bytes::{Commitment, Pseudonym, Salt};
use crate::base::kind::IdentifierKind;
use crate::base::limits;
use crate::base::name::FeedId;
use crate::base::time::{Day, Hour, Timestamp};
use crate::domain::audit::event::{AuditEvent, IndicatorRef};
use crate::domain::audit::record::AuditRecord;
use crate::domain::feed::blob::indicator::Indicator;
use crate::domain::feed::entry::{Entry, EntryKind};
use crate::domain::pseudonym::suite::Suite;
use crate::node::Node;
use crate::node::store::{Journal, Views};

/// What everybody sees of an indicator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Form {
    kind: IdentifierKind,
    sealed_bytes: usize,
    days: u32,
    hours_old: u32,
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
    pub(in crate::node) fn learn(&mut self, entry: &Entry, published_at: Timestamp) {
        let Some(content) = entry.content().filter(|_| entry.leaf().kind == EntryKind::Indicator) else { return };
        let Ok(indicator) = Indicator::decode(&content.blob) else { return };
        if self.forms.len() == limits::DECOY_FORMS {
            self.forms.pop_front();
        }
        self.forms.push_back(Form {
            kind: indicator.kind,
            sealed_bytes: indicator.sealed.len(),
            days: entry.leaf().expires_day.0.saturating_sub(published_at.day().0),
            hours_old: published_at.hour().0.saturating_sub(indicator.hour.0),
        });
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

    /// Whether `now` is the first moment seen of a new window.
    fn enter(&mut self, now: Timestamp, window_ms: u64) -> bool {
        let window = now.unix_ms().checked_div(window_ms);
        let before = std::mem::replace(&mut self.window, window);
        before.is_some() && before != window
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
        let (wanted, window_ms) = (self.state.settings.decoys, self.state.settings.window_ms);
        if wanted == 0 || !self.state.decoys.enter(now, window_ms) || self.check_terms(now).is_err() {
            return events;
        }
        let member = self.state.identity.member.clone();
        let quota = u64::from(self.state.roster.member(&member).map_or(0, |row| row.entries_per_day));
        let left = (quota / 2).saturating_sub(self.state.published_on(now.day()));
        let mut left = usize::try_from(left).unwrap_or(usize::MAX);
        let feeds: Vec<FeedId> =
            self.state.identity.feeds.keys().map(|group| self.state.identity.own_feed(group)).collect();
        for feed in feeds.into_iter().filter(|feed| self.state.feeds.contains_key(feed)) {
            let entries = due.entry(feed.clone()).or_default();
            let held = entries.iter().filter(|entry| entry.leaf().kind == EntryKind::Indicator).count();
            for _ in held..wanted.min(held.saturating_add(left)) {
                let Some(decoy) = self.decoy(now, rng) else { break };
                let commitment = decoy.leaf().commitment;
                let indicator = IndicatorRef { member: member.clone(), commitment };
                events.insert(commitment, AuditEvent::DecoyPublished { indicator, group: feed.group.clone() });
                entries.push(decoy);
                left -= 1;
            }
        }
        due.retain(|_, entries| !entries.is_empty());
        events
    }

    fn decoy(&self, now: Timestamp, rng: &mut impl CryptoRng) -> Option<Entry> {
        let forms = &self.state.decoys.forms;
        let form = forms.get(rng.random_range(0..forms.len().max(1)))?;
        let mut sealed = vec![0; form.sealed_bytes];
        rng.fill_bytes(&mut sealed);
        let identity = &self.state.identity;
        let blob = Indicator {
            suite: Suite::KeyedHash,
            kind: form.kind,
            pseudonym: Pseudonym(rng.random()),
            reporter: identity.member.clone(),
            hour: Hour(now.hour().0.saturating_sub(form.hours_old)),
            sealed,
        }
        .encode();
        let expires = Day(now.day().0.saturating_add(form.days));
        let epoch_id = identity.key_ring.current.epoch_id();
        Entry::seal_new(EntryKind::Indicator, epoch_id, expires, blob, Salt(rng.random())).ok()
    }
}
