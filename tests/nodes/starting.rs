//! What keeps a node from starting, or from publishing: each is said with what to do about it, and nothing is lost by it.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::TcpListener;
use std::path::PathBuf;

use hushwire::app::cli::member::card::Wishes;
use hushwire::app::cli::member::founding::{LocalMember, LocalTerms, found_locally};
use hushwire::app::config::layout::NodeDir;
use hushwire::base::name::ConsortiumId;
use hushwire::base::time::Timestamp;
use hushwire::domain::roster::terms::Limits;
use hushwire::io::grpc::wire::hushwire::types::v1::{Decision, IdentifierKind};
use hushwire::io::keystore::admin::AdminKey;
use hushwire::io::keystore::passphrase::Passphrase;
use hushwire::io::keystore::sealed::WorkFactor;
use hushwire::io::{clock, random};
use tonic::Code;

use crate::caller::{draft, feed_size};
use crate::consortium::{Consortium, PASSPHRASE, Said, command};
use crate::node::{Home, wait};

const DEVICE: (IdentifierKind, &str) = (IdentifierKind::Device, "starting-device-0001");

/// The node must not start; it says all of this, and what to do.
fn refuse(home: &Home, environment: &[(&str, &str)], code: i32, parts: &[&str]) -> Said {
    let said = match home.start_with(environment) {
        Ok(_) => panic!("it starts in spite of: {parts:?}"),
        Err(said) => said,
    };
    for part in parts.iter().chain(&["error: ", "hint: "]) {
        assert!(said.stderr.contains(part), "{part:?} is missing in: {}", said.stderr);
    }
    assert_eq!(said.code, code, "{}", said.stderr);
    said
}

/// The segment files of a node's journal, oldest first.
fn segments(home: &Home) -> Vec<PathBuf> {
    let files = fs::read_dir(home.path().join("journal")).expect("a journal");
    let mut segments: Vec<PathBuf> = files
        .map(|file| file.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "segment"))
        .collect();
    segments.sort();
    segments
}

#[test]
fn a_node_that_cannot_start_says_why_and_what_to_do() {
    let consortium = Consortium::found(&["bank-a", "bank-b"]);
    let home = consortium.home("bank-a");

    let wrong = [("HUSHWIRE_PASSPHRASE", "another passphrase")];
    let said = refuse(&home, &wrong, 1, &["the passphrase is wrong"]);
    assert!(!said.stderr.contains("another passphrase"));
    refuse(&home, &[("HUSHWIRE__KEYSTORE__PASSPHRASE", "env:NO_SUCH")], 2, &["NO_SUCH"]);

    let taken = TcpListener::bind(home.peer()).expect("free so far");
    let address = home.peer().to_string();
    refuse(&home, &[], 1, &["peer.listen", &address, "in use"]);
    drop(taken);

    let (own, other) = (home.path().join("keystore.age"), consortium.path().join("bank-b/keystore.age"));
    let keystore = fs::read(&own).expect("made");
    fs::copy(other, &own).expect("copied");
    refuse(&home, &[], 1, &["the keystore belongs to bank-b", "bank-a"]);
    fs::write(&own, &keystore[..keystore.len() / 2]).expect("cut");
    refuse(&home, &[], 1, &["keystore"]);
    fs::write(&own, &keystore).expect("restored");

    let certificate = home.path().join("tls/server.pem");
    let pem = fs::read(&certificate).expect("made");
    fs::remove_file(&certificate).expect("there");
    refuse(&home, &[], 1, &["server.pem"]);
    fs::write(&certificate, pem).expect("restored");

    let roster = home.path().join("rosters/1.note");
    let note = fs::read_to_string(&roster).expect("applied");
    fs::write(&roster, note.replace("bank-b", "bank-c")).expect("forged");
    refuse(&home, &[], 5, &["roster"]);
    fs::write(&roster, note).expect("restored");

    let running = home.start().unwrap_or_else(|said| panic!("all is well again: {}", said.stderr));
    let elsewhere = consortium.free_address().to_string();
    refuse(&home, &[("HUSHWIRE__PEER__LISTEN", &elsewhere)], 1, &["another process has this store open"]);
    assert_eq!(running.status().member, "bank-a", "the first is not disturbed");
}

#[test]
fn a_damaged_byte_of_the_journal_is_found_and_named_and_a_torn_tail_is_fetched_from_a_peer() {
    let consortium = Consortium::found(&["bank-a", "bank-b"]);
    let [a, b] = consortium.start_all(["bank-a", "bank-b"]);
    a.until_ready();
    for value in ["starting-device-0001", "starting-device-0002", "starting-device-0003"] {
        a.flag((IdentifierKind::Device, value));
        a.until("signed", |status| status.pending == 0);
    }
    b.until("has all", |status| status.believed == 3);
    let home = a.home.clone();
    assert_eq!(a.stop().0.code(), Some(0));

    let segment = segments(&home).pop().expect("a segment");
    let mut file = File::options().read(true).write(true).open(&segment).expect("there");
    let length = file.metadata().expect("a file").len();
    let flip = |file: &mut File| {
        let mut byte = [0];
        file.seek(SeekFrom::Start(length / 2)).expect("within");
        file.read_exact(&mut byte).expect("within");
        file.seek(SeekFrom::Start(length / 2)).expect("within");
        file.write_all(&[byte[0] ^ 1]).expect("written");
    };
    flip(&mut file);
    refuse(&home, &[], 5, &["damaged store: segment 1 at record"]);
    flip(&mut file);

    // Half of what was written is torn off, as if the disk had lied: it is behind its peers, and takes it back from them.
    file.set_len(length / 2).expect("cut");
    drop(file);
    let a = home.start().unwrap_or_else(|said| panic!("a torn tail is cut: {}", said.stderr));
    let mended = a.until("recovered", |status| status.state == "ready" && status.pending == 0 && status.believed == 3);
    let of_a = "demo.example/bank-a/all";
    let root = |status: &hushwire::io::grpc::wire::hushwire::local::v1::GetStatusResponse| {
        status.feeds.iter().find(|feed| feed.origin == of_a).map(|feed| (feed.size, feed.root.clone()))
    };
    assert!(feed_size(&mended, of_a) >= 3, "{mended:?}");
    a.flag((IdentifierKind::Device, "starting-device-0004"));
    let after = a.until("signed", |status| status.pending == 0 && status.believed == 4);
    let held = b.until("follows", |status| status.believed == 4);
    assert_eq!(root(&after), root(&held), "one tree");
    assert!(held.feeds.iter().all(|feed| !feed.quarantined), "{held:?}");
}

/// Entries such a member may publish in a day.
pub const ENTRIES_PER_DAY: u32 = 1_000;

/// A member that founded its consortium on this machine at another time than now.
pub fn founded_at(consortium: &Consortium, now: Timestamp, valid_days: u32) -> Home {
    let folder = consortium.path().join("elsewhere");
    fs::create_dir_all(folder.join("bank-a")).expect("made");
    let home = Home::new(&folder, "bank-a", consortium.free_address());
    let mut rng = random::generator();
    let name: ConsortiumId = "demo.example".parse().expect("valid");
    let members = [LocalMember {
        node: NodeDir::new(home.path()),
        member: "bank-a".parse().expect("valid"),
        wishes: Wishes {
            name: "bank-a".parse().expect("valid"),
            endpoints: vec![home.peer().to_string().parse().expect("valid")],
            groups: vec!["all".parse().expect("valid")],
            entries_per_day: ENTRIES_PER_DAY,
            valid_days: 365,
        },
        hosts: vec!["127.0.0.1".to_owned()],
    }];
    let admins = [AdminKey::generate(name.clone(), "anna".parse().expect("valid"), &mut rng)];
    let terms = LocalTerms {
        consortium: name,
        members: &members,
        admins: &admins,
        quorum: 1,
        limits: Limits::default(),
        valid_days,
        passphrase: &Passphrase::new(PASSPHRASE).expect("a line"),
        work: WorkFactor::danger_quick(),
    };
    found_locally(&terms, now, &mut rng).expect("founded");
    home.configure();
    home
}

const DAY_S: u64 = 86_400;

#[test]
fn with_an_expired_roster_checkouts_are_answered_and_nothing_is_published() {
    let consortium = Consortium::found(&[]);
    let two_days_ago = Timestamp::from_unix_s(clock::now().unix_ms() / 1000 - 2 * DAY_S);
    let a = founded_at(&consortium, two_days_ago, 1).start().unwrap_or_else(|said| panic!("{}", said.stderr));
    assert_eq!(a.screen(DEVICE).decision(), Decision::Allow);
    let refused = a.publish("", vec![draft(DEVICE)]).expect_err("expired");
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused:?}");
    assert!(refused.message().contains("the roster has expired; apply its successor"), "{refused:?}");
    let status = a.status();
    assert!(status.alarms.iter().any(|alarm| alarm.contains("the roster expired")), "{status:?}");
}

#[test]
fn a_clock_behind_the_last_record_is_told_and_nothing_is_written() {
    let consortium = Consortium::found(&[]);
    let now = clock::now();
    let home = founded_at(&consortium, now, 365);
    // The last start of this store was tomorrow.
    drop(home.open_store(now.plus_s(DAY_S)));
    let written = fs::metadata(segments(&home).pop().expect("a segment")).expect("there").len();
    refuse(&home, &[], 1, &["the clock", "set the clock"]);
    let after = fs::metadata(segments(&home).pop().expect("a segment")).expect("there").len();
    assert_eq!(written, after);
}

#[test]
fn a_second_process_on_the_same_folder_leaves_the_ready_file_of_the_first_alone() {
    let consortium = Consortium::found(&["bank-a"]);
    let first = consortium.start("bank-a");
    let ready = consortium.path().join("bank-a.ready");
    let told = fs::read(&ready).expect("it serves");
    let again = |listen: Option<&str>| {
        let mut again = command(consortium.path());
        again.args(["serve", "--config", "bank-a/hushwire.toml", "--ready-file", "bank-a.ready"]);
        again.args(["--recover"].iter().filter(|_| listen.is_none()));
        again.env("HUSHWIRE__PEER__LISTEN", listen.unwrap_or("127.0.0.1:0"));
        let output = again.output().expect("the binary runs");
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(fs::read(&ready).expect("still there"), told);
    };
    // The port is taken; another port, but the store is; the same where damage would be mended.
    again(Some(&first.home.peer().to_string()));
    again(Some("127.0.0.1:0"));
    again(None);
    assert_eq!(first.stop().0.code(), Some(0));
    assert!(!ready.exists(), "its own it removes");
}

#[test]
fn a_passphrase_from_the_environment_opens_the_keystore_again_on_sighup() {
    let consortium = Consortium::found(&["bank-a"]);
    let prompt = [("HUSHWIRE__KEYSTORE__PASSPHRASE", "prompt")];
    let node = consortium.home("bank-a").start_with(&prompt).unwrap_or_else(|said| panic!("{}", said.stderr));
    node.reload();
    let log = || fs::read_to_string(node.home.log()).expect("a log");
    wait("read again", || log().contains("certificates.reloaded").then_some(()));
    assert!(!log().contains("keystore.kept"), "{}", log());
}
