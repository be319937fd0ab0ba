//! Withdrawing what this member published: by name, by the publisher's own reference, or all of an identifier.

use std::collections::BTreeSet;

use rand::{CryptoRng, RngExt};

use crate::base::bytes::{Commitment, Salt};
use crate::base::limits;
use crate::base::name::{FeedId, GroupId};
use crate::base::time::Timestamp;
use crate::domain::audit::event::{AuditEvent, IndicatorRef};
use crate::domain::audit::record::Actor;
use crate::domain::belief::record::State as Standing;
use crate::domain::belief::view::Statement;
use crate::domain::feed::blob::retraction::Retraction;
use crate::domain::feed::entry::{Entry, EntryKind};
use crate::domain::identifier::{RawIdentifier, canonicalise};
use crate::domain::indicator::words::RetractionReason;
use crate::node::Node;
use crate::node::commit::{self, Commit, Prepared, PreparedEntry, change};
use crate::node::keys;
use crate::node::local_mac::MacDomain;
use crate::node::publish::{Refused, stored_refusal};
use crate::node::requests::{Remembered, Request};
use crate::node::state::stored;
use crate::node::store::{Journal, StorageFault, Views};

/// What to withdraw. A selector that could not even be read carries its refusal.
#[derive(Debug)]
pub struct RetractRequest {
    pub request: Option<Request>,
    pub names: Vec<Result<Commitment, Refused>>,
    pub source_refs: Vec<String>,
    pub identifiers: Vec<Result<RawIdentifier, Refused>>,
    pub reason: RetractionReason,
}

/// What was withdrawn, and which selectors named nothing.
#[derive(Debug, Default, PartialEq)]
pub struct RetractReceipt {
    pub retracted: Vec<Commitment>,
    pub refused: Vec<commit::RefusedRecord>,
}

/// The call as a whole was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RetractFault {
    #[error("the request id was used before with other content")]
    RequestIdReused,
    #[error(transparent)]
    Storage(#[from] StorageFault),
}

/// Entries to withdraw, each with its feed, and the selectors that named nothing.
type Selected = (BTreeSet<(FeedId, Commitment)>, Vec<Refused>);

impl<J: Journal, V: Views> Node<J, V> {
    /// Withdraws everything selected that this member published and that still counts. Durable when answered; signed with
    /// the next round, without waiting for the window.
    pub fn retract_indicators(
        &mut self,
        caller: &Actor,
        request: RetractRequest,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<RetractReceipt, RetractFault> {
        match self.remembered(request.request.as_ref(), now)? {
            Some(Remembered::Same(prepared)) => return Ok(receipt_of(&prepared)),
            Some(Remembered::Other) => return Err(RetractFault::RequestIdReused),
            None => {}
        }
        let (targets, refused) = self.select(&request)?;
        let receipt = RetractReceipt {
            retracted: targets.iter().map(|(_, target)| *target).collect(),
            refused: refused.iter().map(stored_refusal).collect(),
        };
        if targets.is_empty() {
            return Ok(receipt);
        }
        let mut entries = Vec::with_capacity(targets.len());
        let mut events = Vec::with_capacity(targets.len());
        for (feed, target) in &targets {
            entries.push(self.retraction(&feed.group, *target, request.reason, None, now, rng)?);
            self.state.pending.hurry(target);
            events.push(AuditEvent::IndicatorRetracted {
                indicator: IndicatorRef { member: self.state.identity.member.clone(), commitment: *target },
                reason: request.reason.label(),
            });
        }
        let mut commit = Commit::default();
        commit.push(change::Kind::Prepared(Prepared {
            request: request.request.as_ref().map(|request| request.id.0.to_vec()).unwrap_or_default(),
            content: request.request.as_ref().map(|request| request.content.0.to_vec()).unwrap_or_default(),
            time_ms: now.unix_ms(),
            entries,
            refused: receipt.refused.clone(),
            retracted: receipt.retracted.iter().map(|target| target.0.to_vec()).collect(),
        }));
        self.commit(commit, caller, events, now, rng)?;
        self.close_window(now, rng)?;
        Ok(receipt)
    }

    /// The entries the selectors name, each once, and the selectors that name nothing.
    fn select(&self, request: &RetractRequest) -> Result<Selected, StorageFault> {
        let mut targets = BTreeSet::new();
        let mut refused = Vec::new();
        let mut position = 0;
        let mut take = |found: Result<Vec<(FeedId, Commitment)>, Refused>, field: &'static str| {
            match found {
                Ok(found) if found.is_empty() => refused.push(Refused {
                    record: position,
                    kind: None,
                    field,
                    rule: "not_found",
                    description: "this member has no such indicator that still counts".to_owned(),
                }),
                Ok(found) => targets.extend(found),
                Err(refusal) => refused.push(Refused { record: position, ..refusal }),
            }
            position += 1;
        };
        for name in &request.names {
            take(name.clone().map(|target| self.own_live(&target).into_iter().collect()), "names");
        }
        for reference in &request.source_refs {
            let mac = self.state.identity.local_mac.fingerprint(MacDomain::SourceRef, reference.as_bytes());
            let mut found = Vec::new();
            let (mut start, end) = keys::source_refs(&mac);
            loop {
                let rows = self.rows(&start, &end, limits::ROWS_PER_SCAN)?;
                let commitments = rows.iter().filter_map(|(key, _)| keys::read_source_ref(key));
                found.extend(commitments.filter_map(|target| self.own_live(&target)));
                match rows.last() {
                    // The least key after it.
                    Some((last, _)) if rows.len() == limits::ROWS_PER_SCAN => start = [last.as_slice(), &[0]].concat(),
                    _ => break,
                }
            }
            take(Ok(found), "source_refs");
        }
        for identifier in &request.identifiers {
            take(identifier.as_ref().map_err(Clone::clone).and_then(|raw| self.own_of(raw)), "identifiers");
        }
        Ok((targets, refused))
    }

    /// The feed of an indicator of this member that still counts.
    pub(in crate::node) fn own_live(&self, target: &Commitment) -> Option<(FeedId, Commitment)> {
        if self.state.pending.withdraws(target) {
            return None;
        }
        if let Some(feed) = self.state.pending.feed_of(target) {
            return Some((feed.clone(), *target));
        }
        let statement = self.state.belief.writer().by_commitment(target)?;
        self.own_feed_of(&statement).map(|feed| (feed, *target))
    }

    fn own_feed_of(&self, statement: &Statement) -> Option<FeedId> {
        let view = self.state.belief.view();
        let feed = view.feed(statement.feed)?;
        (self.state.identity.is_own(feed) && statement.state == Standing::Live).then(|| feed.clone())
    }

    /// Every live indicator of this member about an identifier, under every epoch it can read.
    fn own_of(&self, raw: &RawIdentifier) -> Result<Vec<(FeedId, Commitment)>, Refused> {
        let canonical = canonicalise(raw, &self.state.settings.canon_rules).map_err(|error| Refused {
            record: 0,
            kind: Some(raw.kind()),
            field: "value",
            rule: error.rule.name(),
            description: error.to_string(),
        })?;
        let mut found = Vec::new();
        for identifier in &canonical {
            for keys in self.state.identity.key_ring.readable() {
                let (pseudonym, _) = keys.pseudonymise(identifier);
                let statements = self.state.belief.view().statements(&pseudonym);
                let shown = statements.iter().map(|held| held.commitment);
                let named: BTreeSet<Commitment> = shown.chain(self.state.pending.indicators_of(&pseudonym)).collect();
                found.extend(named.iter().filter_map(|target| self.own_live(target)));
            }
        }
        Ok(found)
    }

    /// A retraction ready to be prepared.
    pub(in crate::node) fn retraction(
        &self,
        group: &GroupId,
        target: Commitment,
        reason: RetractionReason,
        superseded_by: Option<Commitment>,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<PreparedEntry, StorageFault> {
        let blob = Retraction {
            target,
            reporter: self.state.identity.member.clone(),
            reason,
            hour: now.hour(),
            superseded_by,
        }
        .encode();
        // Kept as long as the longest indicator could count from now, so that no late joiner believes what was withdrawn.
        // The roster's cap may have been higher when the target was published.
        let expires = now.plus_s(u64::from(limits::VALIDITY_DAYS) * 86_400).day().next();
        let epoch_id = self.state.identity.key_ring.current.epoch_id();
        let entry = Entry::seal_new(EntryKind::Retraction, epoch_id, expires, blob, Salt(rng.random()))
            .map_err(|error| crate::node::state::damaged("retraction", error))?;
        Ok(PreparedEntry {
            group: group.to_string(),
            entry: Some(stored(&entry)),
            not_before_ms: 0,
            source_ref: Vec::new(),
            draft: 0,
            kind: 0,
            weak: false,
            subject: Vec::new(),
        })
    }
}

fn receipt_of(prepared: &Prepared) -> RetractReceipt {
    RetractReceipt {
        retracted: prepared.retracted.iter().filter_map(|bytes| Commitment::try_from(bytes.as_slice()).ok()).collect(),
        refused: prepared.refused.clone(),
    }
}
