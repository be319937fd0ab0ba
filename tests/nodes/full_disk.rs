//! A node whose disk fills up, on a small file system of its own.
//!
//! Mounting one needs a right that test runners often lack; there `tests/life/room.rs` shows the same on a simulated disk.
//! Where the right is there the mount must succeed.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use hushwire::io::grpc::wire::hushwire::types::v1::{Decision, IdentifierKind};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::caller::draft;
use crate::consortium::Consortium;
use crate::node::Node;

/// A small file system, unmounted with this.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None where this process may not mount anything.
    fn mount(dir: PathBuf, limits: &str) -> Option<Self> {
        fs::create_dir_all(&dir).expect("made");
        if !may_mount() {
            eprintln!("this process may mount nothing: left to the simulated disk");
            return None;
        }
        let options = format!("{limits},mode=700");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&dir).status();
        assert!(mounted.is_ok_and(|status| status.success()), "a tmpfs is mounted");
        Some(Self(dir))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

/// Whether this process has CAP_SYS_ADMIN, bit 21 of its effective capabilities.
fn may_mount() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    effective.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).is_some_and(|bits| bits >> 21 & 1 == 1)
}

/// Takes room until only so much is left, or none.
fn fill(ballast: &Path, mib: Option<usize>) {
    let mut file = File::options().append(true).create(true).open(ballast).expect("opens");
    let block = vec![0x5A; 1024 * 1024];
    for _ in 0..mib.unwrap_or(usize::MAX) {
        if file.write_all(&block).is_err() {
            return;
        }
    }
}

fn reason(status: &Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

fn publish(node: &Node, device: &'static str) -> Result<usize, Status> {
    node.publish("", vec![draft((IdentifierKind::Device, device))]).map(|answer| answer.published.len())
}

/// Publishes until the answer is as wanted: the disk is looked at once a second.
fn until_published(node: &Node, device: &'static str, wanted: impl Fn(&Result<usize, Status>) -> bool) {
    crate::node::wait("the node sees how its disk is", || wanted(&publish(node, device)).then_some(()));
}

#[test]
fn a_node_refuses_to_publish_before_its_disk_is_full_answers_checkouts_on_it_and_starts_again_from_it() {
    let consortium = Consortium::found(&["bank-a", "bank-b"]);
    let home = consortium.home("bank-a");
    let Some(disk) = SmallDisk::mount(home.path().join("journal"), "size=160m") else { return };
    let [a, _b] = consortium.start_all(["bank-a", "bank-b"]);
    a.until_ready();
    let known = (IdentifierKind::Device, "disk-device-0001");
    a.flag(known);
    a.until_decided(known, Decision::Challenge);

    let ballast = disk.0.join("ballast");
    fill(&ballast, Some(60));
    let low = |answer: &Result<usize, Status>| {
        answer.as_ref().is_err_and(|status| status.code() == Code::ResourceExhausted && reason(status) == "DISK_LOW")
    };
    until_published(&a, "disk-device-0002", low);
    assert_eq!(a.screen(known).decision(), Decision::Challenge);
    assert!(a.status().alarms.iter().any(|alarm| alarm.contains("publications are refused")));
    fs::remove_file(&ballast).expect("removed");
    until_published(&a, "disk-device-0002", Result::is_ok);

    // Slowly enough for the node to see it: a disk that fills within a second stops the journal unannounced.
    fill(&ballast, Some(60));
    until_published(&a, "disk-device-0003", low);
    fill(&ballast, None);
    // Screenings go on and fill the last page with their records; then the journal stops.
    let stopped = crate::node::wait("the store stops", || {
        assert_eq!(a.screen(known).decision(), Decision::Challenge);
        let alarms = a.status().alarms;
        alarms.into_iter().find(|alarm| alarm.contains("the store stopped"))
    });
    assert!(stopped.contains("free space") && stopped.contains("restart the node"), "{stopped}");
    let refused = publish(&a, "disk-device-0003").expect_err("nothing is taken in");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unavailable, "STORE_STOPPED"), "{refused:?}");
    a.stop();

    // Still full: the reserve lets it start, answer and say what is the matter.
    let a = home.start().unwrap_or_else(|said| panic!("it starts on a full disk: {}", said.stderr));
    a.until_decided(known, Decision::Challenge);
    until_published(&a, "disk-device-0003", low);
    fs::remove_file(&ballast).expect("removed");
    until_published(&a, "disk-device-0003", Result::is_ok);
    for device in ["disk-device-0002", "disk-device-0003"] {
        a.until_decided((IdentifierKind::Device, device), Decision::Challenge);
    }
}

#[test]
fn views_without_room_keep_no_node_from_starting() {
    let consortium = Consortium::found(&["bank-a", "bank-b"]);
    let home = consortium.home("bank-a");
    // Room for no file at all.
    let Some(_disk) = SmallDisk::mount(home.path().join("views"), "nr_inodes=1") else { return };
    let [a, b] = consortium.start_all(["bank-a", "bank-b"]);
    a.until_ready();
    a.flag((IdentifierKind::Device, "disk-device-0004"));
    b.until("has it", |status| status.believed == 1);
    let alarms = a.status().alarms;
    assert!(alarms.iter().any(|alarm| alarm.contains("views are kept in memory only")), "{alarms:?}");
}
