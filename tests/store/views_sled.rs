//! sled made safe: each of the three steps shown necessary, power cuts, damage, rebuilding.

use std::fs;
use std::path::Path;

use super::recorded::{RecordedFs, Unsynced};
use hushwire::io::views::sled::SledViews;
use hushwire::node::store::{StorageFault, ViewChange, Views};

fn put(views: &mut impl Views, from: u32, count: u32) {
    let row = |n: u32| ViewChange::Put { key: n.to_be_bytes().to_vec(), value: vec![7; 60] };
    for n in from..from + count {
        views.commit(&[], &[row(n)]).expect("commits");
    }
}

/// How many of the rows `0..count` are there with their value.
fn rows_held(views: &impl Views) -> Result<usize, StorageFault> {
    let rows = views.scan(&[], &[255; 8], 1_000_000)?;
    assert!(rows.iter().all(|(_, value)| *value == [7; 60]));
    Ok(rows.len())
}

/// A directory of the views before a power cut and one for after it.
fn two_dirs() -> (tempfile::TempDir, tempfile::TempDir) {
    (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"))
}

#[test]
fn step_one_an_unfinished_snapshot_bricks_sled_but_not_the_views() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut views = SledViews::open(dir.path()).expect("opens");
    put(&mut views, 0, 100);
    views.sync().expect("syncs");
    drop(views);
    // What a crash in the middle of the snapshot of an opening leaves.
    let planted = dir.path().join("snap.7FFFFFFFFFFFFFFF.generating");
    fs::write(&planted, b"half a snapsh").expect("plants");
    let plain = std::panic::catch_unwind(|| sled::open(dir.path()).map(|_| ()));
    assert!(!matches!(plain, Ok(Ok(()))), "sled opens it by itself: the step is no longer needed");
    assert!(planted.exists());
    let views = SledViews::open(dir.path()).expect("opens");
    assert_eq!(rows_held(&views), Ok(100));
    assert!(!planted.exists());
}

/// Fills views on a recorded disk that is deaf to some syncs, cuts the power, and opens what is left.
fn held_after_power_cut(deaf_to: fn(&Path) -> bool, unsynced: Unsynced) -> Result<usize, StorageFault> {
    let (before, after) = two_dirs();
    let fs = RecordedFs::default();
    fs.set_deaf_to(deaf_to);
    let dir = before.path().join("views");
    let mut views = SledViews::open_with(fs.clone(), &dir).expect("opens");
    put(&mut views, 0, 50);
    views.sync().expect("syncs");
    fs.power_cut(&dir, after.path(), unsynced);
    rows_held(&SledViews::open(after.path())?)
}

#[test]
fn with_all_three_steps_a_power_cut_loses_nothing_synced() {
    assert_eq!(held_after_power_cut(|_| false, Unsynced::Gone), Ok(50));
    assert_eq!(held_after_power_cut(|_| false, Unsynced::Zeros), Ok(50));
}

#[test]
fn step_two_without_the_syncs_after_opening_the_views_are_gone() {
    let conf = held_after_power_cut(|path| path.file_name().is_some_and(|name| name == "conf"), Unsynced::Zeros);
    assert_ne!(conf, Ok(50), "unsynced conf");
    let names = held_after_power_cut(Path::is_dir, Unsynced::Gone);
    assert_ne!(names, Ok(50), "unsynced directory");
}

#[test]
fn step_three_without_the_sync_of_the_log_committed_rows_are_gone() {
    let log = |path: &Path| path.file_name().is_some_and(|name| name == "db");
    assert_ne!(held_after_power_cut(log, Unsynced::Gone), Ok(50));
    assert_ne!(held_after_power_cut(log, Unsynced::Zeros), Ok(50));
}

#[test]
fn power_cuts_at_any_time_keep_what_was_synced() {
    let mut images = 0;
    for seed in 0..12u64 {
        let (before, _) = two_dirs();
        let fs = RecordedFs::default();
        let dir = before.path().join("views");
        let mut synced = 0;
        for session in 0..3 {
            let mut views = SledViews::open_with(fs.clone(), &dir).expect("opens");
            for round in 0..3u32 {
                put(&mut views, synced, 40);
                if (seed + u64::from(round)) % 3 != 0 {
                    views.sync().expect("syncs");
                    synced += 40;
                }
                for unsynced in [Unsynced::Gone, Unsynced::Zeros, Unsynced::AnySectors(seed * 100 + session)] {
                    let after = tempfile::tempdir().expect("a directory");
                    fs.power_cut(&dir, after.path(), unsynced);
                    let views = SledViews::open(after.path()).expect("opens after a power cut");
                    let held = rows_held(&views).expect("reads");
                    assert!(held >= usize::try_from(synced).expect("small"), "{held} of {synced}, seed {seed}");
                    images += 1;
                }
            }
            views.sync().expect("syncs");
            synced = u32::try_from(rows_held(&views).expect("reads")).expect("small");
        }
    }
    eprintln!("{images} images, 0 synced rows lost");
}

#[test]
fn damaged_views_say_so_and_can_be_rebuilt() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path().join("views");
    let mut views = SledViews::open(&dir).expect("opens");
    put(&mut views, 0, 300);
    views.sync().expect("syncs");
    drop(views);
    for name in ["conf", "db"] {
        fs::write(dir.join(name), vec![0x5A; 700_000]).expect("damages");
    }
    let opened = SledViews::open(&dir).map(|_| ());
    assert!(matches!(opened, Err(StorageFault::Damaged(_) | StorageFault::Os(_))), "{opened:?}");
    SledViews::discard(&dir).expect("discards");
    let mut views = SledViews::open(&dir).expect("opens anew");
    assert_eq!(rows_held(&views), Ok(0));
    put(&mut views, 0, 10);
    assert_eq!(rows_held(&views), Ok(10));
}

#[test]
fn a_second_holder_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let held = SledViews::open(dir.path()).expect("opens");
    assert_eq!(SledViews::open(dir.path()).map(|_| ()), Err(StorageFault::InUse));
    drop(held);
}

#[test]
fn the_largest_values_are_durable_too() {
    let (before, after) = two_dirs();
    let fs = RecordedFs::default();
    let dir = before.path().join("views");
    let mut views = SledViews::open_with(fs.clone(), &dir).expect("opens");
    let row = |n: u8| ViewChange::Put { key: vec![n], value: vec![n; 64 * 1024] };
    for n in 0..40 {
        views.commit(&[], &[row(n)]).expect("commits");
        views.sync().expect("syncs");
    }
    fs.power_cut(&dir, after.path(), Unsynced::Gone);
    let opened = SledViews::open(after.path()).expect("opens");
    for n in 0..40u8 {
        assert_eq!(opened.get(&[n]), Ok(Some(vec![n; 64 * 1024])));
    }
}
