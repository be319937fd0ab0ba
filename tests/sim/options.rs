//! What one run of the simulation is made of: printed with every failure, so that a failure is these few words.

/// Where the nodes keep their journals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskKind {
    /// Records in memory; a crash forgets what was not synced.
    Memory,
    /// The journal's real code over a simulated file system; a crash tears and forgets as a power cut does.
    Files,
}

/// A bug planted to see that the simulation would notice it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// The journal says that it synced and did not.
    SkipsSync,
    /// Callers are answered before the journal is durable.
    AnswersEarly,
    /// Views forget where the entries of a feed lie.
    LosesRuns,
    /// Views forget the full tiles of hashes.
    LosesTiles,
    /// Views forget request ids.
    LosesRequests,
    /// A started node is not told what its peers hold of its own feed.
    DeafToPeers,
    /// Members never hear of each other's newest entries.
    Withholds,
    /// Members do not tell each other of heads and of proofs.
    KeepsHeadsToItself,
    /// Members let everything count that is published.
    IgnoresQuotas,
    /// What the journal says behind a snapshot is not read.
    SkipsTails,
    /// Members do not tell each other of rosters.
    KeepsRosters,
    /// Whoever follows orders does not hear of changes one by one.
    MissesChanges,
    /// What was told of an order is told again and again.
    ForgetsTelling,
}

/// What the second member does that the others must not follow: its node has a roster of its own making.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rogue {
    /// Publishes beyond its quota.
    Floods,
    /// Publishes under an epoch that no roster names.
    NamesEpochs,
}

/// Everything a run depends on.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub seed: u64,
    pub steps: u32,
    pub members: usize,
    pub disk: DiskKind,
    pub window_ms: u64,
    /// Entries of one batch: small ones split what real ones would send at once.
    pub batch_entries: usize,
    pub crashes: bool,
    pub partitions: bool,
    /// Members that must cosign a checkpoint before it counts fully.
    pub witness_quorum: u32,
    /// Copies of the store are put back.
    pub restores: bool,
    /// The last member changes, withholds and reorders what it relays of others.
    pub relay: bool,
    /// The first member runs twice under one key.
    pub twin: bool,
    /// Statistics are released.
    pub releases: bool,
    pub rogue: Option<Rogue>,
    /// Publications of several hundred identifiers.
    pub bulk: bool,
    /// Journals are compacted again and again, a step with each tick, while everything else goes on.
    pub compacts: bool,
    /// Days pass between what is asked for.
    pub days: bool,
    /// Indicators every window is filled up to.
    pub decoys: usize,
    /// Snapshots of belief are taken, and started from.
    pub snapshots: bool,
    /// Orders turn out to be fraud or not.
    pub sightings: bool,
    /// Members dispute each other's indicators.
    pub disputes: bool,
    /// Members change the keys of their feeds and audit logs.
    pub rotates: bool,
    /// Orders are stopped, and their cases worked.
    pub cases: bool,
    /// Orders pass and are followed, and what others say is held back.
    pub late: bool,
    pub mutant: Option<Mutant>,
}

impl Options {
    /// A calm run of five members; the seed alone decides what happens in it.
    pub fn calm(seed: u64) -> Self {
        Self {
            seed,
            steps: 100,
            members: 5,
            disk: DiskKind::Memory,
            window_ms: 1_000,
            batch_entries: 5,
            crashes: false,
            partitions: false,
            witness_quorum: 0,
            restores: false,
            relay: false,
            twin: false,
            releases: false,
            rogue: None,
            bulk: false,
            compacts: false,
            days: false,
            decoys: 0,
            snapshots: false,
            sightings: false,
            disputes: false,
            rotates: false,
            cases: false,
            late: false,
            mutant: None,
        }
    }

    /// A run whose faults the seed chooses too.
    pub fn of_seed(seed: u64) -> Self {
        let pick = |divisor: u64| (seed / divisor).is_multiple_of(2);
        Self {
            members: if seed.is_multiple_of(3) { 3 } else { 5 },
            disk: if seed % 5 == 4 { DiskKind::Files } else { DiskKind::Memory },
            window_ms: if seed % 4 == 3 { 0 } else { 1_000 },
            crashes: pick(1) || pick(2),
            partitions: pick(2) || pick(4),
            restores: pick(4),
            releases: pick(1),
            relay: pick(8),
            snapshots: pick(2),
            rotates: pick(4),
            twin: seed % 7 == 6,
            ..Self::calm(seed)
        }
    }

    /// Four members, each of whose checkpoints all three others must cosign, and one that never rests.
    pub fn witnessed(seed: u64) -> Self {
        Self { members: 4, witness_quorum: 3, window_ms: 0, ..Self::calm(seed) }
    }

    pub fn stormy(seed: u64) -> Self {
        Self { crashes: true, partitions: true, ..Self::calm(seed) }
    }
}
