//! A followed file is published line by line and each line once, whatever is killed, rotated or emptied meanwhile.

use std::fs::{self, File};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::caller::feed_size;
use crate::consortium::{Consortium, command};
use crate::node::{Node, wait};
use crate::wiretap::Wiretap;

const ORIGIN: &str = "demo.example/bank-a/all";

/// A command that runs until it is told to stop. Dropped, it is killed.
pub struct Running(Child);

impl Running {
    /// `log` gets what it says.
    pub fn start(folder: &Path, words: &[&str], log: &str) -> Self {
        let log = File::options().append(true).create(true).open(folder.join(log)).expect("a log");
        let mut command = command(folder);
        command.args(words).stdin(Stdio::null()).stdout(log.try_clone().expect("a file")).stderr(log);
        Self(command.spawn().expect("the binary runs"))
    }

    /// SIGTERM; its exit code.
    pub fn stop(mut self) -> Option<i32> {
        let pid = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw).expect("our child");
        kill_process(pid, Signal::TERM).expect("our child");
        wait("the command ends", || self.0.try_wait().expect("our child")).code()
    }

    /// Waits until it ends by itself.
    pub fn ended(mut self) -> Option<i32> {
        wait("the command ends by itself", || self.0.try_wait().expect("our child")).code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Options of every command that publishes here.
pub fn reach(node: &Node) -> [String; 4] {
    reach_at(node, node.local)
}

fn reach_at(node: &Node, local: SocketAddr) -> [String; 4] {
    let identity = node.home.identity("publisher").display().to_string();
    ["--endpoint".to_owned(), local.to_string(), "--identity".to_owned(), identity]
}

/// What a draft needs besides its identifier.
pub const REST: [&str; 8] =
    ["--typology", "F1012", "--severity", "high", "--confidence", "80", "--grounds", "own-confirmed"];

struct Followed {
    consortium: Consortium,
    node: Node,
    file: PathBuf,
}

impl Followed {
    fn new(content: &str) -> Self {
        let consortium = Consortium::found(&["bank-a"]);
        let node = consortium.start("bank-a");
        node.until_ready();
        let file = consortium.file("events.csv", content);
        Self { consortium, node, file }
    }

    fn start(&self) -> Running {
        self.start_at(self.node.local)
    }

    /// With another address on the way to the node.
    fn start_at(&self, local: SocketAddr) -> Running {
        let reach = reach_at(&self.node, local);
        let mut words = vec!["publish", "events.csv", "--follow", "--state", "state", "--report", "refused.csv"];
        words.extend(REST);
        words.extend(reach.iter().map(String::as_str));
        Running::start(self.consortium.path(), &words, "follow.log")
    }

    fn append(&self, text: &str) {
        let mut file = File::options().append(true).open(&self.file).expect("there");
        file.write_all(text.as_bytes()).expect("written");
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.consortium.path().join(name)
    }

    /// Exactly so many entries: one less would be lost, one more published twice.
    fn until_published(&self, entries: u64) {
        let status = self.node.until(&format!("{entries} published: {}", self.said()), |status| {
            status.pending == 0 && feed_size(status, ORIGIN) >= entries
        });
        assert_eq!(feed_size(&status, ORIGIN), entries, "{}", self.said());
    }

    /// The node signs before the command has written down that its call is done; killed in between, it makes the call again.
    fn until_written_down(&self) {
        wait("the call is written down as done", || {
            let position: serde_json::Value = serde_json::from_str(&self.position()?).expect("JSON");
            position["call"].is_null().then_some(())
        });
    }

    fn said(&self) -> String {
        fs::read_to_string(self.beside("follow.log")).unwrap_or_default()
    }

    fn position(&self) -> Option<String> {
        let mut files = fs::read_dir(self.beside("state")).ok()?.filter_map(|file| Some(file.ok()?.path()));
        fs::read_to_string(files.find(|path| path.extension().is_some_and(|end| end == "position"))?).ok()
    }
}

fn rows(range: std::ops::Range<u32>) -> String {
    range.map(|number| format!("device,followed-device-{number:05}\n")).collect()
}

#[test]
fn a_follower_killed_again_and_again_loses_nothing_and_repeats_nothing() {
    let followed = Followed::new("kind,value\n");
    for round in 0..6u32 {
        let running = followed.start();
        followed.append(&rows(round * 700..round * 700 + 350));
        std::thread::sleep(Duration::from_millis(u64::from(round * 97 % 400)));
        followed.append(&rows(round * 700 + 350..round * 700 + 700));
        std::thread::sleep(Duration::from_millis(u64::from(round * 151 % 900)));
        drop(running);
    }
    let running = followed.start();
    followed.until_published(4_200);
    assert_eq!(running.stop(), Some(0));
    let position = followed.position().expect("written");
    assert!(!position.contains("followed-device"), "{position}");
    let running = followed.start();
    followed.append(&rows(4_200..4_201));
    followed.until_published(4_201);
    let second = followed.start();
    assert_eq!(second.ended(), Some(1), "one follower a file");
    assert!(followed.said().contains("is followed by another process"), "{}", followed.said());
    drop(running);
}

#[test]
fn a_call_whose_answer_never_came_is_made_again_under_its_id() {
    let followed = Followed::new("kind,value\n");
    let tap = Wiretap::before(followed.node.local);
    let running = followed.start_at(tap.address);
    followed.append(&rows(0..1));
    followed.until_published(1);
    kill_process(followed.node.pid(), Signal::STOP).expect("our child");
    let before = tap.heard().len();
    followed.append(&rows(1..40));
    let call = wait("the call is written down", || {
        let position: serde_json::Value = serde_json::from_str(&followed.position()?).expect("JSON");
        position["call"]["request_id"].as_str().map(str::to_owned)
    });
    // The call itself, whose every record takes more than its value, and not a frame or two of the connection.
    let call_bytes = rows(1..40).len();
    wait("the call is on its way", || (tap.heard().len() >= before + call_bytes).then_some(()));
    drop(running);
    kill_process(followed.node.pid(), Signal::CONT).expect("our child");
    // More has come meanwhile: the call holds what it held all the same.
    followed.append(&rows(40..60));
    let running = followed.start();
    followed.until_published(60);
    assert_eq!(running.stop(), Some(0));
    assert!(!followed.position().expect("written").contains(&call));
}

#[test]
fn rotation_truncation_and_half_a_line_are_seen_while_the_command_runs_and_while_it_does_not() {
    let followed = Followed::new("kind,value\ndevice,followed-one-0001\ndevice,followed-one");
    let running = followed.start();
    followed.until_published(1);
    followed.append("-0002\n");
    followed.until_published(2);
    // A record nobody can use does not stop the next; both go on after a restart.
    followed.append("pan,4111111111111112\ndevice,followed-one-0003\n");
    followed.until_published(3);
    fs::rename(&followed.file, followed.beside("events.csv.1")).expect("renamed");
    let mut old = File::options().append(true).open(followed.beside("events.csv.1")).expect("there");
    old.write_all(b"device,followed-late-0001\n").expect("written");
    fs::write(&followed.file, "device,followed-two-0001\n").expect("written");
    followed.until_published(5);
    assert_eq!(running.stop(), Some(3), "one was refused");

    followed.append("device,followed-two-0002\n");
    fs::rename(followed.beside("events.csv.1"), followed.beside("events.csv.2")).expect("renamed");
    fs::rename(&followed.file, followed.beside("events.csv.1")).expect("renamed");
    fs::write(&followed.file, "value,kind\nfollowed-three-0001,device\n").expect("written");
    let running = followed.start();
    followed.until_published(7);
    fs::write(&followed.file, "followed-four-0001,device\n").expect("written");
    followed.until_published(8);
    followed.until_written_down();
    drop(running);

    fs::copy(&followed.file, followed.beside("events.csv.3")).expect("copied");
    let mut copy = File::options().append(true).open(followed.beside("events.csv.3")).expect("there");
    copy.write_all(b"followed-four-0002,device\n").expect("written");
    fs::write(&followed.file, "kind,value\ndevice,followed-five-0001\n").expect("written");
    let running = followed.start();
    followed.until_published(10);
    followed.until_written_down();
    drop(running);

    for name in ["events.csv", "events.csv.1", "events.csv.2", "events.csv.3"] {
        fs::remove_file(followed.beside(name)).expect("there");
    }
    fs::write(&followed.file, "kind,value\ndevice,followed-six-0001\n").expect("written");
    let running = followed.start();
    followed.until_published(11);
    drop(running);
    let said = followed.said();
    for part in ["another file took the name", "was emptied or written anew", "its first 2 lines are published"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let report = fs::read_to_string(followed.beside("refused.csv")).expect("written");
    assert!(report.lines().count() == 2 && report.contains("\n4,pan,card_luhn,"), "{report}");
    for text in [said, report] {
        assert!(!text.contains("followed-") && !text.contains("4111"), "{text}");
    }
}

#[test]
fn without_a_place_for_its_position_nothing_is_followed() {
    let followed = Followed::new("kind,value\n");
    let reach = reach(&followed.node);
    let refused = |words: &[&str], part: &str| {
        let words: Vec<&str> = words.iter().copied().chain(reach.iter().map(String::as_str)).collect();
        let said = followed.consortium.run(&words);
        assert!(said.code == 2 && said.stderr.contains(part), "{}", said.stderr);
    };
    refused(&["publish", "events.csv", "--follow"], "--state FOLDER");
    refused(&["publish", "events.csv", "--follow", "--dry-run", "--state", "s"], "--dry-run");
    refused(&["publish", "missing.csv", "--follow", "--state", "s"], "missing.csv");
}
