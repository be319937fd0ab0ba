//! When a snapshot of belief is written: where there is none (a first start, after a compaction), where the roster changed, every
//! hour in which enough came, and at a clean stop.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::base::limits;
use crate::domain::belief::Belief;
use crate::io::engine::{Engine, EngineFault};
use crate::io::journal::fs::Fs;
use crate::io::snapshot_file::{Begun, NotWritten, SnapshotFile};
use crate::node::cut::{Cut, Standpoint};
use crate::node::store::{Journal, StorageFault, Views};

/// Looks every minute whether a snapshot is due, and writes it from a thread of its own. Ends with the engine, or when `stop`
/// turns true.
pub async fn keep_snapshots<J, V, F>(engine: Engine<J, V>, file: Arc<SnapshotFile<F>>, stop: watch::Receiver<bool>)
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
    F: Fs,
{
    while !*stop.borrow() {
        tokio::time::sleep(Duration::from_secs(limits::SNAPSHOT_LOOK_S)).await;
        let Due { begun, cut, belief } = match look(&engine, &file).await {
            Err(EngineFault::Stopping) => return,
            // A node whose store does not answer has other sorrows; a last record that compaction took comes back with the next.
            Err(EngineFault::Busy | EngineFault::Opening | EngineFault::Stuck { .. } | EngineFault::Storage(_)) => {
                continue;
            }
            Ok(None) => continue,
            Ok(Some(due)) => due,
        };
        let (file, stop) = (Arc::clone(&file), stop.clone());
        let writing = tokio::task::spawn_blocking(move || {
            write(&file, begun, &cut, &belief, &mut || {
                std::thread::sleep(Duration::from_millis(limits::SNAPSHOT_REST_MS));
                !*stop.borrow()
            });
        });
        if writing.await.is_err() {
            return;
        }
    }
}

/// A snapshot that is due, begun, with its cut.
#[derive(Debug)]
pub struct Due {
    pub begun: Begun,
    pub cut: Cut,
    pub belief: Arc<Belief>,
}

/// What a look finds due. A cut copies the state of every feed, all quotas and the own lists in the engine's turn: where nothing
/// is due none is made.
pub async fn look<J, V, F>(engine: &Engine<J, V>, file: &SnapshotFile<F>) -> Result<Option<Due>, EngineFault>
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
    F: Fs,
{
    let standpoint = engine.inquire(|node, now| node.standpoint(now)).await?;
    if !is_due(file, &standpoint) {
        return Ok(None);
    }
    let begun = file.begin();
    let (cut, belief) = cut(engine).await?;
    Ok(Some(Due { begun, cut, belief }))
}

/// The snapshot of a clean stop: whatever came since the last one, as long as that is done at `deadline`. A disk that hangs
/// is not waited for.
pub async fn write_last<J, V, F>(engine: &Engine<J, V>, file: Arc<SnapshotFile<F>>, deadline: Instant)
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
    F: Fs,
{
    let last = async {
        let begun = file.begin();
        let Ok((cut, belief)) = cut(engine).await else { return };
        let writing = tokio::task::spawn_blocking(move || {
            write(&file, begun, &cut, &belief, &mut || Instant::now() < deadline);
        });
        drop(writing.await);
    };
    drop(tokio::time::timeout_at(deadline.into(), last).await);
}

/// A cut and the belief of the node that made it: another one might never have been told what the cut covers. Everything it
/// covers is durable and shows once this returns.
async fn cut<J, V>(engine: &Engine<J, V>) -> Result<(Cut, Arc<Belief>), EngineFault>
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    Ok(engine
        .call(|node, round| Ok::<_, StorageFault>((node.cut(round.now)?, Arc::clone(&node.state().belief))))
        .await??)
}

fn is_due<F: Fs>(file: &SnapshotFile<F>, standpoint: &Standpoint) -> bool {
    let Some(covered) = file.covers() else { return true };
    let records = standpoint.record.0.saturating_sub(covered.record.0);
    let hour_over = standpoint.now.ms_since(covered.taken_at) >= limits::SNAPSHOT_EVERY_S * 1000;
    covered.roster_sha256 != standpoint.roster_sha256 || (hour_over && records >= limits::SNAPSHOT_RECORDS)
}

fn write<F: Fs>(file: &SnapshotFile<F>, begun: Begun, cut: &Cut, belief: &Belief, go_on: &mut dyn FnMut() -> bool) {
    let since = Instant::now();
    match file.write(begun, cut, belief, go_on) {
        Ok(()) => {
            let took_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::info!(event = "snapshot.written", record = cut.record.0, took_ms);
        }
        // Ordinary: an erasure, a new day or the end of the node came in between. The next look finds it due again.
        Err(reason @ (NotWritten::Moved(_) | NotWritten::Discarded | NotWritten::GivenUp)) => {
            tracing::info!(event = "snapshot.put_off", reason = %reason);
        }
        Err(reason @ (NotWritten::NoRoom { .. } | NotWritten::Storage(_))) => {
            tracing::warn!(event = "snapshot.unwritten", reason = %reason, "the next start takes longer");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::base::bytes::{Incarnation, Sha256Digest};
    use crate::base::secret::SecretBytes;
    use crate::base::time::Timestamp;
    use crate::domain::belief::Witnessing;
    use crate::domain::belief::place::TableKey;
    use crate::domain::roster::exclusion::Exclusions;
    use crate::io::journal::fs::create_dir_durably;
    use crate::io::journal::sim_fs::SimFs;
    use crate::io::random;
    use crate::node::store::RecordNumber;

    fn at(record: u64, roster: u8, at_s: u64) -> Standpoint {
        let (record, roster_sha256) = (RecordNumber(record), Sha256Digest([roster; 32]));
        Standpoint { record, roster_sha256, now: Timestamp::from_unix_s(at_s) }
    }

    fn cut(standpoint: Standpoint) -> Cut {
        Cut {
            incarnation: Incarnation([1; 16]),
            record: standpoint.record,
            record_sha256: Sha256Digest([2; 32]),
            roster_sha256: standpoint.roster_sha256,
            taken_at: standpoint.now,
            feeds: Vec::new(),
            first_sha256: Sha256Digest([4; 32]),
            quotas: BTreeMap::new(),
            exclusions: Exclusions::default(),
            listed: [].into(),
            held_back: Vec::new(),
        }
    }

    #[test]
    fn a_snapshot_is_due_where_there_is_none_under_another_roster_and_after_an_hour_with_enough_in_it() {
        let fs = SimFs::new();
        create_dir_durably(&fs, "/node".as_ref()).expect("made");
        let consortium = "demo.example".parse().expect("valid");
        let file = SnapshotFile::new(fs, "/node/belief.snapshot".into(), SecretBytes::new([3; 32]), consortium);
        let belief = Belief::new(TableKey::draw(&mut random::generator()), Witnessing::NotNeeded);
        let (hour, enough) = (limits::SNAPSHOT_EVERY_S, limits::SNAPSHOT_RECORDS);
        assert!(is_due(&file, &at(5, 1, 0)));
        write(&file, file.begin(), &cut(at(5, 1, 0)), &belief, &mut || true);
        let check = |now: Standpoint, due: bool| assert_eq!(is_due(&file, &now), due, "{now:?}");
        check(at(5, 1, 0), false);
        check(at(5 + enough, 1, hour - 1), false);
        check(at(4 + enough, 1, hour), false);
        check(at(5 + enough, 1, hour), true);
        check(at(5, 2, 0), true);
        file.discard().expect("discarded");
        check(at(5, 1, 0), true);
    }
}
