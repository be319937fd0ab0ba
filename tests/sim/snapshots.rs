//! Snapshots of belief: taken while everything goes on, lost, torn and changed; what a start answers from one, before its store
//! is open, is what the store says.

use std::path::Path;

use hushwire::base::bytes::Commitment;
use hushwire::base::name::ConsortiumId;
use hushwire::base::secret::SecretBytes;
use hushwire::base::time::Timestamp;
use hushwire::domain::belief::Belief;
use hushwire::domain::belief::load::Loader;
use hushwire::domain::belief::place::TableKey;
use hushwire::domain::belief::view::{ListPosition, Statement};
use hushwire::domain::roster::verified::Roster;
use hushwire::io::journal::fs::{Fs, FsFile, create_dir_durably};
use hushwire::io::journal::sim_disk::CrashModel;
use hushwire::io::journal::sim_fs::SimFs;
use hushwire::io::snapshot_file::{NotUsed, NotWritten, SnapshotFile};
use hushwire::node::cut::Cut;
use hushwire::node::state::witnessing;
use hushwire::node::store::{Journal, RecordNumber, StorageFault};
use hushwire::node::tail_walk::{TailWalk, Walked};
use rand_chacha::ChaCha20Rng;

use crate::consortium::Consortium;
use crate::disk::SimJournal;
use crate::house::SimNode;
use crate::options::{Mutant, Options};
use crate::violation::{Invariant, Violation, broken, ensure};
use crate::world::World;

const PATH: &str = "/node/belief.snapshot";

/// The snapshot of one house, on a disk of its own.
pub struct Snapshots {
    fs: SimFs,
    file: SnapshotFile<SimFs>,
    consortium: ConsortiumId,
    /// Somebody changed the file: it may turn out to be none.
    damaged: bool,
}

impl Snapshots {
    pub fn new(consortium: ConsortiumId) -> Self {
        let fs = SimFs::new();
        create_dir_durably(&fs, Path::new("/node")).expect("an empty disk takes a folder");
        Self::on(fs, consortium, false)
    }

    fn on(fs: SimFs, consortium: ConsortiumId, damaged: bool) -> Self {
        let key = SecretBytes::new([3; 32]);
        let file = SnapshotFile::new(fs.clone(), PATH.into(), key, consortium.clone());
        Self { fs, file, consortium, damaged }
    }

    pub fn crash(&mut self, seed: u64) {
        *self = Self::on(self.fs.after(CrashModel::AnyOrder, seed), self.consortium.clone(), self.damaged);
    }

    fn take(&mut self, node: &mut SimNode, now: Timestamp) -> Result<Result<(), NotWritten>, StorageFault> {
        let begun = self.file.begin();
        let cut = node.cut(now)?;
        let written = self.file.write(begun, &cut, &node.state().belief, &mut || true);
        self.damaged &= written.is_err();
        Ok(written)
    }

    /// What the journal's compaction does before it destroys a key.
    pub fn discard(&mut self) -> Result<(), Violation> {
        self.damaged = false;
        self.file.discard().map_err(|fault| broken(Invariant::StoreWhole, fault))
    }

    /// Changes a byte of the file, or cuts it off there.
    fn damage(&mut self, at: u64, cuts: bool) -> Result<(), std::io::Error> {
        let Ok(file) = self.fs.open(Path::new(PATH)) else { return Ok(()) };
        let Some(at) = at.checked_rem(file.size()?) else { return Ok(()) };
        self.damaged = true;
        if cuts {
            return file.set_size(at);
        }
        let mut byte = [0];
        file.read_at(&mut byte, at)?;
        file.write_all_at(&[byte[0] ^ 1], at)
    }

    /// What a start answers with until its store is open, where there is a snapshot that belongs to it.
    pub fn start(
        &mut self,
        (consortium, member, followed): (&Consortium, usize, usize),
        journal: &SimJournal,
        options: &Options,
        now: Timestamp,
        rng: &mut ChaCha20Rng,
    ) -> Result<Option<Walked>, Violation> {
        let roster = consortium.roster_of(member, followed);
        let early = self.walk((consortium, member), roster, journal, options, now, rng);
        match early {
            Ok(early) => Ok(early),
            // Of before a restore or a roster, or damaged: it is thrown away, and the start takes its time.
            Err(reason) => {
                let may_be = self.damaged || matches!(reason, NotUsed::Unfit(_));
                ensure(may_be, Invariant::SnapshotTells, || format!("member {member}: {reason}"))?;
                self.discard()?;
                Ok(None)
            }
        }
    }

    fn walk(
        &self,
        (consortium, member): (&Consortium, usize),
        roster: &Roster,
        journal: &SimJournal,
        options: &Options,
        now: Timestamp,
        rng: &mut ChaCha20Rng,
    ) -> Result<Option<Walked>, NotUsed> {
        let fits = |cut: &Cut| cut.check(|number| journal.read(number).ok(), None, roster, now);
        let key = TableKey::draw(rng);
        let Some((cut, belief)) = self.file.load(fits, |expected| Loader::new(key, witnessing(roster), expected))?
        else {
            return Ok(None);
        };
        let after = RecordNumber(cut.record.0 + 1);
        let lists = consortium.identity(member, 0).local_mac.own_list_key();
        let mut walk = TailWalk::new(belief, cut, roster, lists, now);
        if options.mutant != Some(Mutant::SkipsTails) {
            journal.replay(after, &mut |_, record| walk.take(record))?;
        }
        Ok(Some(walk.finish(&consortium.members[member], None)?))
    }
}

/// Everything belief says, by name: the numbers of feeds and members are each belief's own.
pub fn told(belief: &Belief, consortium: &Consortium) -> Vec<(Commitment, String)> {
    let mut told = Vec::new();
    for member in &consortium.members {
        let statements = belief.view().reported_by(member, ListPosition::default(), usize::MAX).0;
        told.extend(statements.into_iter().map(|statement| {
            let Statement { pseudonym, commitment, index, kind, epoch_id, state, quarantined, .. } = statement;
            let first_seen = statement.first_seen;
            (
                commitment,
                format!("{member} {index} {kind:?} {pseudonym:?} {epoch_id:?} {state:?} {quarantined} {first_seen}"),
            )
        }));
    }
    told.sort();
    told
}

/// What was answered early is what the open store says.
pub fn agree(early: &Walked, node: &SimNode, consortium: &Consortium) -> Result<(), Violation> {
    let (early_says, says) = (told(&early.belief, consortium), told(&node.state().belief, consortium));
    ensure(early_says == says, Invariant::SnapshotTells, || {
        let only = |these: &[(Commitment, String)], others: &[(Commitment, String)]| {
            these.iter().filter(|one| !others.contains(one)).cloned().collect::<Vec<_>>()
        };
        format!("only early {:?}, only later {:?}", only(&early_says, &says), only(&says, &early_says))
    })?;
    let demands = node.demands();
    ensure(early.demands == demands, Invariant::SnapshotTells, || format!("{:?}, not {demands:?}", early.demands))
}

impl World {
    pub fn take_snapshot(&mut self, house: usize) -> Result<(), Violation> {
        let now = self.houses[house].clock(self.now());
        let held = &mut self.houses[house];
        if held.broken {
            return Ok(());
        }
        let Some(node) = held.node.as_mut() else { return Ok(()) };
        let taken = held.snapshots.take(node, now);
        if let Some(written) = self.houses[house].judge(taken)? {
            written.map_err(|fault| broken(Invariant::SnapshotTells, fault))?;
            self.answer(house);
        }
        Ok(())
    }

    pub fn damage_snapshot(&mut self, house: usize, at: u64, cuts: bool) -> Result<(), Violation> {
        let damaged = self.houses[house].snapshots.damage(at, cuts);
        damaged.map_err(|error| broken(Invariant::StoreWhole, error))
    }
}
