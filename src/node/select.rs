//! Which of this member's own indicators a caller means: by name, by the publisher's own reference, or all that was published
//! for an identifier.
//!
//! An e-mail address is published with its mailbox, a URL with its host, a domain with its registrable one, an IPv6 address with
//! its network; another case may have published the same mailbox for another address. What an identifier names is only what was
//! published *for it*: the rest is told, not touched.

use std::collections::BTreeSet;

use crate::base::bytes::{Commitment, LocalMac, Pseudonym};
use crate::base::limits;
use crate::base::name::FeedId;
use crate::domain::belief::record::State as Standing;
use crate::domain::belief::view::ListPosition;
use crate::domain::identifier::{RawIdentifier, canonicalise};
use crate::node::Node;
use crate::node::keys;
use crate::node::local_mac::MacDomain;
use crate::node::publish::Refused;
use crate::node::state::damaged;
use crate::node::store::{Journal, StorageFault, Views};

/// What a caller names. A selector that could not even be read carries its refusal.
#[derive(Debug, Default)]
pub struct Selectors {
    pub names: Vec<Result<Commitment, Refused>>,
    pub source_refs: Vec<String>,
    pub identifiers: Vec<Result<RawIdentifier, Refused>>,
}

/// Which indicators may be meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::node) enum Reach {
    /// Those that still count.
    Counting,
    /// All whose content is held, withdrawn ones included.
    Held,
}

/// What the selectors name.
#[derive(Debug, Default)]
pub(in crate::node) struct Selected {
    /// Each once.
    pub targets: BTreeSet<(FeedId, Commitment)>,
    /// Own indicators that an identifier also leads to, but that were published for another one.
    pub kept: BTreeSet<Commitment>,
    /// Selectors that name nothing, by their position among names, references, identifiers.
    pub refused: Vec<Refused>,
}

impl Selected {
    fn take(&mut self, record: usize, field: &'static str, found: Result<Vec<(FeedId, Commitment)>, Refused>) {
        match found {
            Ok(found) if found.is_empty() => {
                let description = "this member has no such indicator, or it is withdrawn already".to_owned();
                self.refused.push(Refused { record, kind: None, field, rule: "not_found", description });
            }
            Ok(found) => self.targets.extend(found),
            Err(refusal) => self.refused.push(Refused { record, ..refusal }),
        }
    }
}

impl<J: Journal, V: Views> Node<J, V> {
    pub(in crate::node) fn select(&self, selectors: &Selectors, reach: Reach) -> Result<Selected, StorageFault> {
        let mut selected = Selected::default();
        let mut positions = 0..;
        let mut next = || positions.next().expect("positions do not end");
        for name in &selectors.names {
            let found = name.clone().map(|target| self.own(&target, reach).into_iter().collect());
            selected.take(next(), "names", found);
        }
        for reference in &selectors.source_refs {
            let found = self.referenced(reference, reach)?;
            selected.take(next(), "source_refs", Ok(found));
        }
        for identifier in &selectors.identifiers {
            let found = match identifier {
                Ok(raw) => self.published_for(raw, reach, &mut selected.kept)?,
                Err(refusal) => Err(refusal.clone()),
            };
            selected.take(next(), "identifiers", found);
        }
        let named: BTreeSet<Commitment> = selected.targets.iter().map(|(_, target)| *target).collect();
        selected.kept.retain(|kept| !named.contains(kept));
        Ok(selected)
    }

    /// An indicator of this member with its feed.
    pub(in crate::node) fn own(&self, target: &Commitment, reach: Reach) -> Option<(FeedId, Commitment)> {
        if reach == Reach::Counting && self.state.pending.withdraws(target) {
            return None;
        }
        if let Some(feed) = self.state.pending.feed_of(target) {
            return Some((feed.clone(), *target));
        }
        let statement = self.state.belief.writer().by_commitment(target)?;
        let view = self.state.belief.view();
        let feed = view.feed(statement.feed).filter(|feed| self.state.identity.is_own(feed))?;
        (reach == Reach::Held || statement.state == Standing::Live).then(|| (feed.clone(), *target))
    }

    /// Everything published under a reference.
    fn referenced(&self, reference: &str, reach: Reach) -> Result<Vec<(FeedId, Commitment)>, StorageFault> {
        let mac = self.state.identity.local_mac.fingerprint(MacDomain::SourceRef, reference.as_bytes());
        let mut found = Vec::new();
        let (mut start, end) = keys::source_refs(&mac);
        loop {
            let rows = self.rows(&start, &end, limits::ROWS_PER_SCAN)?;
            let commitments = rows.iter().filter_map(|(key, _)| keys::read_source_ref(key));
            found.extend(commitments.filter_map(|target| self.own(&target, reach)));
            match rows.last() {
                // The least key after it.
                Some((last, _)) if rows.len() == limits::ROWS_PER_SCAN => start = [last.as_slice(), &[0]].concat(),
                _ => return Ok(found),
            }
        }
    }

    /// Everything published for an identifier, under every epoch this node can read; what it leads to besides goes to `kept`.
    fn published_for(
        &self,
        raw: &RawIdentifier,
        reach: Reach,
        kept: &mut BTreeSet<Commitment>,
    ) -> Result<Result<Vec<(FeedId, Commitment)>, Refused>, StorageFault> {
        let canonical = match canonicalise(raw, &self.state.settings.canon_rules) {
            Ok(canonical) => canonical,
            Err(error) => {
                let (rule, description) = (error.rule.name(), error.rule.to_string());
                return Ok(Err(Refused { record: 0, kind: Some(raw.kind()), field: "value", rule, description }));
            }
        };
        let mut found = Vec::new();
        for epoch in self.state.identity.key_ring.readable() {
            let pseudonyms: Vec<Pseudonym> = canonical.iter().map(|form| epoch.pseudonymise(form).0).collect();
            let Some(as_given) = pseudonyms.first() else { continue };
            for (nth, pseudonym) in pseudonyms.iter().enumerate() {
                for target in self.own_about(pseudonym) {
                    let Some(own) = self.own(&target, reach) else { continue };
                    let meant = match self.derived_from(&target)? {
                        None => nth == 0,
                        Some(origin) => origin == self.derivation(as_given),
                    };
                    if meant {
                        found.push(own);
                    } else {
                        kept.insert(target);
                    }
                }
            }
        }
        Ok(Ok(found))
    }

    /// All indicators of this member about a pseudonym, waiting ones and withdrawn ones included.
    fn own_about(&self, pseudonym: &Pseudonym) -> BTreeSet<Commitment> {
        let member = &self.state.identity.member;
        let mut view = self.state.belief.view();
        let reporter = view.member_number(member);
        let statements = view.statements(pseudonym).into_iter();
        let mut own: BTreeSet<Commitment> =
            statements.filter(|held| Some(held.reporter) == reporter).map(|held| held.commitment).collect();
        // A look-up gives out so many of one reporter; where there may be more, all of its statements are gone through.
        let mut next = (own.len() >= limits::STATEMENTS_PER_REPORTER).then(ListPosition::default);
        while let Some(position) = next {
            let (statements, more) = view.reported_by(member, position, limits::ROWS_PER_SCAN);
            own.extend(statements.iter().filter(|held| held.pseudonym == *pseudonym).map(|held| held.commitment));
            next = more;
        }
        own.extend(self.state.pending.indicators_of(pseudonym));
        own
    }

    /// What marks an indicator as derived from the identifier of this pseudonym.
    pub(in crate::node) fn derivation(&self, as_given: &Pseudonym) -> LocalMac {
        self.state.identity.local_mac.fingerprint(MacDomain::DerivedFrom, as_given.as_bytes())
    }

    fn derived_from(&self, target: &Commitment) -> Result<Option<LocalMac>, StorageFault> {
        let key = keys::derived(target);
        // A row of this round stands in no view yet, and must not be missed: without it the indicator counts as given.
        let stored = match self.waiting_row(&key) {
            Some(waiting) => Some(waiting.to_vec()),
            None => self.row(&key)?,
        };
        stored.map(|mac| LocalMac::try_from(mac.as_slice()).map_err(|error| damaged("derivation", error))).transpose()
    }
}
