//! Examining one record of the audit log: what proves it, who vouches for it, and the same of the entries it tells of. Every step
//! is computed anew from the stored bytes. Looking is recorded.

use rand::CryptoRng;

use crate::base::bytes::{Commitment, TreeHash};
use crate::base::limits;
use crate::base::name::FeedId;
use crate::base::position::{EntryIndex, TreeSize};
use crate::base::time::Timestamp;
use crate::domain::audit::check::{CheckStep, Cosigned, Keys, Stored, check_entry, cosignatures};
use crate::domain::audit::keys::LogKeys;
use crate::domain::audit::record::{Actor, AuditRecord};
use crate::domain::feed::checkpoint::SignedCheckpoint;
use crate::domain::feed::entry::{EntryKind, Leaf};
use crate::domain::feed::proof::inclusion_proof;
use crate::domain::note::key::VerifierKey;
use crate::node::Node;
use crate::node::audit::{AuditProof, LoggedEntry};
use crate::node::commit::StoredEntry;
use crate::node::feeds::Feed;
use crate::node::state::damaged;
use crate::node::store::{Journal, StorageFault, Views};

/// A record with everything that speaks for it.
#[derive(Debug)]
pub struct Examined {
    pub proof: AuditProof,
    /// None once its retention has ended.
    pub record: Option<AuditRecord>,
    pub steps: Vec<CheckStep>,
    pub cosigned: Vec<Cosigned>,
    /// Entries of feeds that it tells of, as far as they are held.
    pub entries: Vec<ExaminedEntry>,
    /// Further ones for which there was no room.
    pub entries_left_out: u64,
}

/// An entry of a feed that a record tells of.
#[derive(Debug)]
pub struct ExaminedEntry {
    pub feed: FeedId,
    pub index: EntryIndex,
    pub kind: EntryKind,
    pub commitment: Commitment,
    /// Its leaf's hash in the tree.
    pub inclusion: Vec<TreeHash>,
    /// Its author's checkpoint as a signed note.
    pub checkpoint: String,
    pub verifier_key: String,
    pub steps: Vec<CheckStep>,
    pub cosigned: Vec<Cosigned>,
}

/// An entry as it is stored with what proves it.
#[derive(Debug)]
pub(in crate::node) struct EntryProof {
    /// Without its content where its author ordered that erased.
    pub(in crate::node) stored: StoredEntry,
    pub(in crate::node) inclusion: Vec<TreeHash>,
    pub(in crate::node) checkpoint: SignedCheckpoint,
    /// Of those who cosigned it.
    pub(in crate::node) witness_keys: Vec<VerifierKey>,
}

impl<J: Journal, V: Views> Node<J, V> {
    /// A record of the log, examined; none where the log has no such entry.
    pub fn examine_audit_record(
        &mut self,
        caller: &Actor,
        index: EntryIndex,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<Examined>, StorageFault> {
        let Some(mut proof) = self.prove_audit_record(caller, index, now, rng)? else { return Ok(None) };
        let keys = LogKeys::parse(&proof.head.verifier_key, &proof.head.witness_keys)
            .map_err(|fault| damaged("audit keys", fault))?;
        // Who left the consortium had cosigned too: nobody can check that line any more.
        if let Ok(trimmed) = keys.trim(&proof.head.checkpoint) {
            proof.head.checkpoint = trimmed;
        }
        let LoggedEntry { index, entry } = &proof.entry;
        let in_roster = self.state.roster.feed_key(&self.state.identity.audit_feed(), proof.head.size);
        let stored = stored_in(*index, entry, &proof.inclusion, &proof.head.checkpoint);
        let steps = check_entry(&stored, &Keys { keys: &keys, in_roster }, now.day());
        let cosigned = cosignatures(&keys, &proof.head.checkpoint);
        let record = AuditRecord::decode(&entry.blob).ok();
        let (places, entries_left_out) = record.as_ref().map(|record| self.places_of(record)).unwrap_or_default();
        let mut entries = Vec::new();
        for (feed, index) in places {
            entries.extend(self.examine_entry(&feed, index, now)?);
        }
        Ok(Some(Examined { proof, record, steps, cosigned, entries, entries_left_out }))
    }

    /// None where nothing signed covers it here, or its author signed two histories.
    fn examine_entry(
        &self,
        id: &FeedId,
        index: EntryIndex,
        now: Timestamp,
    ) -> Result<Option<ExaminedEntry>, StorageFault> {
        let Some(feed) = self.state.feeds.get(id) else { return Ok(None) };
        let Some(proof) = self.prove_entry(feed, index)? else { return Ok(None) };
        let leaf = Leaf::decode(&proof.stored.leaf).map_err(|error| damaged(&feed.origin, error))?;
        let (author, witnesses) = (proof.checkpoint.author_key().clone(), proof.witness_keys);
        let keys = LogKeys::of_feed(author, witnesses).map_err(|fault| damaged("feed keys", fault))?;
        let checkpoint = proof.checkpoint.note_text();
        let checkpoint = keys.trim(&checkpoint).unwrap_or(checkpoint);
        let in_roster = self.state.roster.feed_key(id, proof.checkpoint.size());
        let stored = stored_in(index, &proof.stored, &proof.inclusion, &checkpoint);
        let steps = check_entry(&stored, &Keys { keys: &keys, in_roster }, now.day());
        Ok(Some(ExaminedEntry {
            feed: id.clone(),
            index,
            kind: leaf.kind,
            commitment: leaf.commitment,
            cosigned: cosignatures(&keys, &checkpoint),
            verifier_key: keys.log().to_string(),
            inclusion: proof.inclusion,
            checkpoint,
            steps,
        }))
    }

    /// An entry of a feed with what proves it.
    pub(in crate::node) fn prove_entry(
        &self,
        feed: &Feed,
        index: EntryIndex,
    ) -> Result<Option<EntryProof>, StorageFault> {
        if feed.equivocation.is_some() {
            return Ok(None);
        }
        let Some(checkpoint) = covering(feed, index) else { return Ok(None) };
        let Some(mut stored) = self.entries(feed, TreeSize(index.0), checkpoint.size(), 1)?.pop() else {
            return Ok(None);
        };
        let leaf = Leaf::decode(&stored.leaf).map_err(|error| damaged(&feed.origin, error))?;
        if feed.is_erased(&leaf) {
            stored.blob.clear();
            stored.salt.clear();
        }
        let inclusion = self
            .hashes(feed, |source| inclusion_proof(source, index, checkpoint.size()))
            .ok_or_else(|| self.doubt("a tile is missing"))?;
        let roster = &self.state.roster;
        let author = &feed.id().member;
        let own = roster.member(author).map(|member| member.witness_key.clone());
        let signed = |key: &VerifierKey| checkpoint.cosigners().contains_key(key.name());
        let witness_keys = own.into_iter().chain(roster.witness_keys(author)).filter(signed).collect();
        Ok(Some(EntryProof { stored, inclusion, checkpoint: checkpoint.clone(), witness_keys }))
    }

    /// Where the entries stand that a record tells of, and how many more it tells of.
    fn places_of(&self, record: &AuditRecord) -> (Vec<(FeedId, EntryIndex)>, u64) {
        let field = |name| record.fields().find(|(field, _)| *field == name).map(|(_, value)| value);
        let limit = limits::EXAMINED_ENTRIES;
        if let "feed.delivered" | "feed.received" = record.action() {
            let consortium = &self.state.identity.consortium;
            let feed = FeedId::from_origin(consortium, &format!("{consortium}/{}", record.subject())).ok();
            let number = |name| field(name).and_then(|value| value.parse::<u64>().ok()).unwrap_or_default();
            let (from, until) = (number("from"), number("until"));
            let shown = until.min(from.saturating_add(limit));
            let places = feed.map(|feed| (from..shown).map(|at| (feed.clone(), EntryIndex(at))).collect());
            return (places.unwrap_or_default(), until.saturating_sub(shown));
        }
        let matched = record.fields().filter(|(name, _)| name.starts_with("matched_")).map(|(_, value)| value);
        let named: Vec<Commitment> =
            std::iter::once(record.subject()).chain(matched).filter_map(commitment_of).collect();
        let count = u64::try_from(named.len()).unwrap_or(u64::MAX);
        let (writer, view) = (self.state.belief.writer(), self.state.belief.view());
        let place = |named: Commitment| {
            let statement = writer.by_commitment(&named)?;
            Some((view.feed(statement.feed)?.clone(), statement.index))
        };
        let shown = named.into_iter().take(usize::try_from(limit).unwrap_or(usize::MAX)).filter_map(place).collect();
        (shown, count.saturating_sub(limit))
    }
}

fn stored_in<'a>(
    index: EntryIndex,
    entry: &'a StoredEntry,
    inclusion: &'a [TreeHash],
    checkpoint: &'a str,
) -> Stored<'a> {
    Stored { index, leaf: &entry.leaf, blob: &entry.blob, salt: &entry.salt, inclusion, checkpoint }
}

/// The commitment in `members/{member}/indicators/{commitment}`.
fn commitment_of(name: &str) -> Option<Commitment> {
    let (_, hex) = name.strip_prefix("members/")?.split_once("/indicators/")?;
    Commitment::try_from(hex::decode(hex).ok()?.as_slice()).ok()
}

/// A signed checkpoint that covers an entry: one with its quorum before a newer one without.
fn covering(feed: &Feed, index: EntryIndex) -> Option<&SignedCheckpoint> {
    let cosigned = feed.quorum.cosigned.as_ref().map(|told| &told.checkpoint);
    let covers =
        |checkpoint: &&SignedCheckpoint| index.0 < checkpoint.size().0 && checkpoint.size() <= feed.durable_size;
    [cosigned, feed.cursor.checkpoint.as_ref()].into_iter().flatten().find(covers)
}
