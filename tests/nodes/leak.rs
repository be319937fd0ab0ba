//! Nothing raw is left behind: unusual values go through every command and call, accepted, refused and malformed, and then
//! everything the nodes wrote, logged, said, exported and sent is searched for them.

use std::sync::Mutex;

use hushwire::io::grpc::wire::hushwire::compliance::v1 as compliance;
use hushwire::io::grpc::wire::hushwire::local::v1 as local;
use hushwire::io::grpc::wire::hushwire::types::v1::{Decision, IdentifierKind};
use hushwire::io::journal::file::{FileJournal, JournalOptions};
use hushwire::io::journal::format::{KEY_FILE_BYTES, KeyFile};
use hushwire::io::journal::frames::{FrameWalk, Step};
use hushwire::io::journal::fs::{Fs, FsFile};
use hushwire::io::journal::real_fs::RealFs;
use hushwire::io::journal::seal::open_segment_key;
use hushwire::node::store::{Journal, RecordNumber};
use prost::Message;
use tonic::Status;

use crate::caller::{RUNTIME, draft, feed_size, identifier};
use crate::consortium::{Consortium, PASSPHRASE};
use crate::monitoring;
use crate::node::{Home, Node, wait};
use crate::puller::entries;
use crate::search::{Hit, Searcher};
use crate::webhooks::{Desk, loopback, secret};
use crate::wiretap::Wiretap;

/// Kind, as typed, and what of it or its canonical forms must not be found. One of each kind.
const MARKED: [(&str, &str, &[&str]); 16] = [
    ("pan", "4929 0731 8846 2052", &["4929073188462052"]),
    ("iban", "DE33 5001 0517 9931 7746 02", &["DE33500105179931774602"]),
    ("account", "US:021000021:99317746021", &["99317746021"]),
    ("email", "Zqx.Nebelhorn77+shop@gmail.com", &["zqx.nebelhorn77", "zqxnebelhorn77"]),
    ("mailbox", "kormoran.9931@googlemail.com", &["kormoran9931@gmail.com"]),
    ("phone", "+49 1512 9931774", &["+4915129931774", "15129931774"]),
    ("device", "dev-Zq7x-Nebel-55081", &[]),
    ("ip", "185.73.211.94", &[]),
    ("ip6net", "2a0c:d981:6f3e:7a10::/64", &["2a0c:d981:6f3e:7a10"]),
    ("wallet", "eth:0x7c0d1e9a55b83f6624d1907ae3b55c08d9f17e63", &["7c0d1e9a55b83f6624d1907ae3b55c08d9f17e63"]),
    ("domain", "login.zqx-nebelhorn-9931.com", &["zqx-nebelhorn-9931"]),
    ("url", "https://zqx-kormoran.net/pay/Nebel9931?x=1#frag", &["zqx-kormoran", "pay/nebel9931"]),
    ("address", "DE|80331|Nebelhornstr. 9931", &["nebelhornstr 9931"]),
    ("merchant", "acme:NEBEL9931774", &["nebel9931774"]),
    ("par", "Q1J4ZQX7NEBEL9931774KORMORAN5", &[]),
    ("token", "visa:ZQX7NEBELTOKEN31774", &["zqx7nebeltoken31774"]),
];

/// Breaks a rule, or stands where it does not belong.
const REFUSED: [&str; 5] =
    ["4929 0731 8846 2053", "DE34500105179931774602", "kormoran@@9931", "+49 1 99317", "0xNebel9931"];

const NOTE: &str = "Nebelkraehe am Kormoranfelsen";
const REFERENCE: &str = "REF-Nebelkraehe-0007";
const REQUEST: &str = "rq-Nebelkraehe-0042";
const CUSTOMER: &str = "CUST-Nebelkraehe-08";
const ORDER: &str = "TX-Nebelkraehe-09";
const DELIVERY: &str = "SMS-Nebelkraehe-10";
/// Stands in the policy's file, and so in the journal, which keeps that word for word; nowhere else.
const REASON: &str = "Nebelkraehe hemmt zu viel";

/// `drawn` are secrets that came up on the way.
fn searcher(homes: &[Home], drawn: &[String]) -> Searcher {
    let mut texts = vec![NOTE, REFERENCE, REQUEST, CUSTOMER, ORDER, DELIVERY, PASSPHRASE];
    texts.extend(drawn.iter().map(String::as_str));
    texts.extend(REFUSED);
    for (_, raw, forms) in MARKED {
        texts.push(raw);
        texts.extend(forms);
    }
    let mut secrets = Vec::new();
    for home in homes {
        let keys = home.keystore().keys;
        secrets.extend([keys.feed, keys.audit, keys.witness].map(|key| key.to_bytes().to_vec()));
        secrets.extend([&keys.storage, &keys.local_mac].map(|key| key.expose().to_vec()));
        secrets.extend(keys.epochs.values().map(|secret| secret.expose().to_vec()));
        let tls = keys.tls.expect("a node has TLS keys");
        for pem in [tls.peer, tls.local_ca, tls.server] {
            // The inner lines: DER of the key in base64.
            secrets.extend(pem.lines().filter(|line| line.len() == 64).map(|line| line.as_bytes().to_vec()));
        }
    }
    Searcher::new(&texts, &secrets)
}

/// Every answer and refusal of the calls made through the library, as bytes.
#[derive(Default)]
struct Heard(Mutex<Vec<Vec<u8>>>);

impl Heard {
    fn refusal(&self, status: &Status) {
        let mut heard = self.0.lock().expect("not poisoned");
        heard.push(status.message().as_bytes().to_vec());
        heard.push(status.details().to_vec());
    }

    fn any<T: Message>(&self, answer: Result<T, Status>) -> Option<T> {
        match answer {
            Ok(answer) => {
                self.0.lock().expect("not poisoned").push(answer.encode_to_vec());
                Some(answer)
            }
            Err(status) => {
                self.refusal(&status);
                None
            }
        }
    }

    #[track_caller]
    fn refused<T: Message>(&self, answer: Result<T, Status>) {
        assert!(self.any(answer).is_none(), "it was to be refused");
    }
}

fn connection(node: &Node, role: &str) -> [String; 4] {
    let folder = node.home.identity(role).display().to_string();
    ["--endpoint".to_owned(), node.local.to_string(), "--identity".to_owned(), folder]
}

/// Runs a command against a node; its words come with a role.
fn run(consortium: &Consortium, node: &Node, role: &str, words: &[&str], code: i32) -> String {
    let connection = connection(node, role);
    let words: Vec<&str> = words.iter().copied().chain(connection.iter().map(String::as_str)).collect();
    let said = consortium.run(&words);
    assert_eq!(said.code, code, "{words:?}\n{}\n{}", said.stdout, said.stderr);
    said.stdout
}

/// What is typed: files and options of the commands.
fn through_the_commands(consortium: &Consortium, a: &Node, shop: &Node) {
    let columns = ["--typology", "F1012", "--severity", "high", "--confidence", "80", "--grounds", "own-confirmed"];
    let publish = |file: &str, more: &[&str], code| {
        let words = [&["publish", file, "--json"], &columns[..], more].concat();
        run(consortium, a, "publisher", &words, code)
    };
    let mut csv = "kind,value,source_ref\n".to_owned();
    MARKED.iter().for_each(|(kind, raw, _)| csv += &format!("{kind},\"{raw}\",{REFERENCE}\n"));
    consortium.file("input.csv", &csv);
    publish("input.csv", &["--dry-run"], 0);
    publish("input.csv", &["--names", "names.csv"], 0);
    publish("input.csv", &["--names", "again.csv"], 0);

    let mut bad = "kind,value,note\n".to_owned();
    for value in REFUSED {
        ["pan", "iban", "email", "phone", "wallet"].iter().for_each(|kind| bad += &format!("{kind},{value},\n"));
        // A value in the wrong column.
        bad += &format!("{value},pan,\n");
    }
    bad += "phone,+49 1512 9931774,\n";
    bad += "pan,4929 0731 8846 2052,call +49 1512 9931774\n";
    bad += "pan,\"4929 0731 8846 2052\nkormoran@@9931\",unclosed \"quote\n";
    consortium.file("bad.csv", &bad);
    publish("bad.csv", &["--report", "report.csv"], 3);
    let lines = "{\"kind\":\"device\",\"value\":\"dev-Zq7x-Nebel-55081\"}\n{\"kind\":\"pan\",\"value\":\"4929 0731 8846 2052\"\n{\"4929 0731 8846 2052\":1}\n[\"+4915129931774\"]\n\
                 {\"kind\":\"+4915129931774\",\"value\":\"x\",\"confidence\":\"4929073188462052\"}\n";
    consortium.file("bad.jsonl", lines);
    publish("bad.jsonl", &["--report", "report2.csv"], 3);
    consortium.file("columns.csv", "4929073188462052,+4915129931774\n1,2\n");
    let said = consortium.run(&["publish", "columns.csv"]);
    assert_ne!(said.code, 0);

    let screen =
        |words: &[&str], code| run(consortium, shop, "screener", &[&["screen", "--json"], words].concat(), code);
    let mut orders = "kind,value,customer_ref\n".to_owned();
    MARKED.iter().for_each(|(kind, raw, _)| orders += &format!("{kind},\"{raw}\",{CUSTOMER}\n"));
    REFUSED.iter().for_each(|raw| orders += &format!("pan,{raw},{CUSTOMER}\n"));
    consortium.file("orders.csv", &orders);
    screen(&["orders.csv"], 3);
    screen(&["--identifier", "phone=+49 1512 9931774", "--customer-ref", CUSTOMER], 0);
    screen(&["--identifier", "pan=4929 0731 8846 2053"], 1);
    screen(&["--identifier", "device=no-marked-device-1", "--identifier", "pan=4929 0731 8846 2053"], 3);
    screen(&["--identifier", "4929073188462052"], 2);

    let list = |words: &[&str], code| run(consortium, a, "analyst", &[&["list"], words].concat(), code);
    list(&["import", "input.csv", "--list", "block", "--ignore-unknown"], 0);
    list(&["import", "bad.csv", "--list", "allow", "--report", "report3.csv"], 3);
    list(&["add", "allow", "phone=+49 1512 9931774", "pan=4929 0731 8846 2053"], 3);
    list(&["add", "block", "device=dev-Zq7x-Nebel-55081", "--note", "mail Zqx.Nebelhorn77@gmail.com"], 1);
    list(&["add", "block", "4929073188462052"], 2);
    list(&["remove", "allow", "phone=+49 1512 9931774", "iban=DE34500105179931774602"], 3);
    list(&["show", "--json"], 0);

    let retract = |words: &[&str], code| {
        run(consortium, a, "publisher", &[&["retract", "--reason", "resolved"], words].concat(), code)
    };
    retract(&["--identifier", "device=dev-Zq7x-Nebel-55081"], 0);
    retract(&["--identifier", "pan=4929 0731 8846 2053", "--name", "4929073188462052"], 1);
    retract(&["--source-ref", "REF-Nebelkraehe-0007-other"], 1);

    let erase = |words: &[&str], code| run(consortium, a, "publisher", &[&["erase"], words].concat(), code);
    let ask = ["ask", "--reason", "data-subject", "--json"];
    erase(&[&ask[..], &["--identifier", "email=Zqx.Nebelhorn77+shop@gmail.com"]].concat(), 0);
    erase(&[&ask[..], &["--identifier", "pan=4929 0731 8846 2053", "--source-ref", PASSPHRASE]].concat(), 1);
    erase(&["confirm", "4929073188462052"], 1);
}

/// What is sent: well and badly formed messages of every service.
fn through_the_calls(a: &Node, shop: &Node, heard: &Heard) {
    let device = (IdentifierKind::Device, "dev-Zq7x-Nebel-55081");
    let noted = local::IndicatorDraft { note: NOTE.to_owned(), source_ref: REFERENCE.to_owned(), ..draft(device) };
    assert_eq!(heard.any(a.publish(REQUEST, vec![noted.clone()])).expect("published").published.len(), 1);
    assert!(heard.any(a.publish(REQUEST, vec![noted.clone()])).is_some(), "the same again");
    heard.refused(a.publish(REQUEST, vec![draft(device)]));
    heard.refused(a.publish(&REQUEST.repeat(20), vec![]));
    let wrong = |change: &dyn Fn(&mut local::IndicatorDraft)| {
        let mut draft = draft(device);
        change(&mut draft);
        let answer = heard.any(a.publish("", vec![draft])).expect("reported");
        assert_eq!((answer.published.len(), answer.refused.len()), (0, 1));
    };
    wrong(&|draft| draft.typology = "4929073188462052".to_owned());
    wrong(&|draft| draft.note = "mail Zqx.Nebelhorn77@gmail.com".to_owned());
    wrong(&|draft| draft.note = NOTE.repeat(9));
    wrong(&|draft| draft.source_ref = REFERENCE.repeat(20));
    wrong(&|draft| draft.supersedes = format!("members/bank-a/indicators/{REFERENCE}"));
    wrong(&|draft| draft.identifier = Some(local::Identifier { kind: 99, value: "4929073188462052".to_owned() }));
    wrong(&|draft| draft.identifier = Some(local::Identifier { kind: 1, value: "4929073188462053".repeat(200) }));

    // What the reporter wrote is read by whoever holds the identifier, and nobody else: the answer is not kept.
    let answer = shop.until_decided(device, Decision::Challenge);
    assert_eq!(answer.matches[0].indicators[0].note, NOTE);

    let names = vec!["members/bank-a/indicators/4929073188462052".to_owned(), PASSPHRASE.to_owned()];
    let source_refs = vec![REFERENCE.repeat(2), REFERENCE.repeat(40)];
    let identifiers = vec![identifier((IdentifierKind::Pan, "4929 0731 8846 2053"))];
    let request_id = REQUEST.repeat(2);
    let all = local::RetractIndicatorsRequest { request_id, names, source_refs, identifiers, ..Default::default() };
    heard.any(a.retract(all));

    let mut publishing = local::publishing_service_client::PublishingServiceClient::new(a.channel("publisher"));
    let page_token = "4929073188462052x".to_owned();
    let request = local::ListDueForRepublicationRequest { page_size: 10, page_token };
    let due = RUNTIME.block_on(publishing.list_due_for_republication(request));
    heard.refused(due.map(tonic::Response::into_inner));
    let group = "4929 0731 8846 2052".to_owned();
    let request = local::PublishIndicatorsRequest { group, indicators: vec![draft(device)], ..Default::default() };
    heard.refused(RUNTIME.block_on(publishing.publish_indicators(request)).map(tonic::Response::into_inner));

    let mut screening = local::screening_service_client::ScreeningServiceClient::new(shop.channel("screener"));
    let mut order = |change: &dyn Fn(&mut local::ScreenTransactionRequest)| {
        let mut request = local::ScreenTransactionRequest {
            identifiers: vec![identifier(device)],
            currency: "EUR".to_owned(),
            customer_ref: CUSTOMER.to_owned(),
            ..Default::default()
        };
        change(&mut request);
        heard.refused(RUNTIME.block_on(screening.screen_transaction(request)).map(tonic::Response::into_inner));
    };
    order(&|order| order.currency = "4929073188462052".to_owned());
    order(&|order| order.country = "+4915129931774".to_owned());
    order(&|order| order.channel = "4929073188462052".repeat(40));
    order(&|order| order.customer_ref = CUSTOMER.repeat(40));
    order(&|order| order.merchant_category = "4929073188462052".to_owned());
    order(&|order| order.transaction_ref = ORDER.repeat(40));
    order(&|order| order.identifiers = vec![identifier(device); 40]);
    let request = local::ScreenTransactionRequest {
        identifiers: vec![identifier(device)],
        currency: "EUR".to_owned(),
        customer_ref: CUSTOMER.to_owned(),
        transaction_ref: ORDER.to_owned(),
        ..Default::default()
    };
    let answer = RUNTIME.block_on(screening.screen_transaction(request)).expect("answered").into_inner();
    assert_eq!(answer.transaction_ref, ORDER, "the caller's own reference comes back, to the caller only");

    let mut profiles = local::profiles_service_client::ProfilesServiceClient::new(shop.channel("analyst"));
    let shown = profiles.show_profile(local::ShowProfileRequest { customer_ref: CUSTOMER.repeat(40) });
    heard.refused(RUNTIME.block_on(shown).map(tonic::Response::into_inner));
    let shown = profiles.show_profile(local::ShowProfileRequest { customer_ref: CUSTOMER.to_owned() });
    heard.any(RUNTIME.block_on(shown).map(tonic::Response::into_inner));
    let erased = profiles.erase_profile(local::EraseProfileRequest { customer_ref: CUSTOMER.to_owned() });
    heard.any(RUNTIME.block_on(erased).map(tonic::Response::into_inner));

    let mut lists = local::lists_service_client::ListsServiceClient::new(a.channel("analyst"));
    let entry = local::ListingDraft { identifier: Some(identifier(device)), list: 2, ..Default::default() };
    let request = |id: &str, entry: local::ListingDraft| {
        let (request_id, entries) = (id.to_owned(), vec![entry]);
        local::AddListedRequest { request_id, entries }
    };
    let mut add = |asked| RUNTIME.block_on(lists.add_listed(asked)).map(tonic::Response::into_inner);
    assert!(heard.any(add(request(REQUEST, entry.clone()))).is_none(), "the id stood for a publication");
    assert_eq!(heard.any(add(request(ORDER, entry.clone()))).map(|answer| answer.listed), Some(1));
    heard.refused(add(request(&REQUEST.repeat(20), entry.clone())));
    let note = local::ListingDraft { note: "call +49 1512 9931774".to_owned(), ..entry.clone() };
    assert_eq!(heard.any(add(request("", note))).map(|answer| answer.refused.len()), Some(1));
    let page_token = "block-4929073188462052".to_owned();
    let page = RUNTIME.block_on(lists.list_listed(local::ListListedRequest { page_token, ..Default::default() }));
    heard.refused(page.map(tonic::Response::into_inner));
    let target = local::ListTarget { name: "4929073188462052".to_owned(), ..Default::default() };
    let request = local::RemoveListedRequest { list: 2, targets: vec![target], ..Default::default() };
    heard.any(RUNTIME.block_on(lists.remove_listed(request)).map(tonic::Response::into_inner));

    let mut node = local::node_service_client::NodeServiceClient::new(a.channel("operator"));
    let roster_note = format!("{PASSPHRASE}\n\n— 4929073188462052").into_bytes();
    let applied = RUNTIME.block_on(node.apply_roster(local::ApplyRosterRequest { roster_note }));
    heard.refused(applied.map(tonic::Response::into_inner));
    let mut audit = compliance::audit_service_client::AuditServiceClient::new(a.channel("auditor"));
    let decision_id = "4929 0731 8846 2052".to_owned();
    let prove = compliance::ProveAuditRecordRequest { decision_id, index: None };
    heard.refused(RUNTIME.block_on(audit.prove_audit_record(prove)).map(tonic::Response::into_inner));
    let action_prefix = "4929073188462052".to_owned();
    let list = compliance::ListAuditRecordsRequest { action_prefix, ..Default::default() };
    heard.any(RUNTIME.block_on(audit.list_audit_records(list)).map(tonic::Response::into_inner));
    let mut statistics = compliance::statistics_service_client::StatisticsServiceClient::new(a.channel("operator"));
    let release_id = "4929 0731 8846 2052".to_owned();
    let release = compliance::ReleaseStatisticsRequest { release_id, ..Default::default() };
    heard.refused(RUNTIME.block_on(statistics.release_statistics(release)).map(tonic::Response::into_inner));
    // Not even by its role is a caller's message repeated.
    let mut wrong_role = local::publishing_service_client::PublishingServiceClient::new(a.channel("screener"));
    let request = local::PublishIndicatorsRequest { indicators: vec![noted], ..Default::default() };
    heard.refused(RUNTIME.block_on(wrong_role.publish_indicators(request)).map(tonic::Response::into_inner));
}

/// A customer proves who it is, by a code and by an authenticator, and mistypes. What was drawn and what was typed.
fn through_challenges(shop: &Node, gateway: &Desk, heard: &Heard) -> Vec<String> {
    let order = shop.until_decided((IdentifierKind::Device, "dev-Zq7x-Nebel-55081"), Decision::Challenge);
    let mut client = local::challenge_service_client::ChallengeServiceClient::new(shop.channel("screener"));
    let mut start = |method: local::ChallengeMethod, delivery_ref: &str| {
        let (decision_id, delivery_ref) = (order.decision_id.clone(), delivery_ref.to_owned());
        let request = local::StartChallengeRequest { decision_id, method: method.into(), delivery_ref };
        RUNTIME.block_on(client.start_challenge(request)).map(tonic::Response::into_inner)
    };
    heard.refused(start(local::ChallengeMethod::Code, &DELIVERY.repeat(40)));
    assert!(heard.any(start(local::ChallengeMethod::Code, DELIVERY)).is_some(), "started");
    let posted = gateway.next().event();
    assert_eq!(posted["data"]["delivery_ref"], DELIVERY);
    let code = posted["data"]["code"].as_str().expect("a code").to_owned();
    let mistyped = format!("{:08}", (code.parse::<u32>().expect("digits") + 1) % 100_000_000);
    let answer = |code: &str| {
        let mut client = local::challenge_service_client::ChallengeServiceClient::new(shop.channel("screener"));
        let (decision_id, code) = (order.decision_id.clone(), code.to_owned());
        let answered = client.answer_challenge(local::AnswerChallengeRequest { decision_id, code });
        RUNTIME.block_on(answered).map(tonic::Response::into_inner)
    };
    heard.refused(answer("4929073188462052"));
    assert!(!heard.any(answer(&mistyped)).expect("counted").passed);
    assert!(heard.any(answer(&code)).expect("counted").passed);
    heard.refused(answer(&code));

    let mut client = local::challenge_service_client::ChallengeServiceClient::new(shop.channel("screener"));
    let mut enrol = |account: &str| {
        let request = local::EnrolTotpRequest { customer_ref: CUSTOMER.to_owned(), account: account.to_owned() };
        RUNTIME.block_on(client.enrol_totp(request)).map(tonic::Response::into_inner)
    };
    heard.refused(enrol("a:b"));
    // The one answer that holds the secret; it is not kept.
    let enrolled = enrol("orders").expect("enrolled");
    heard.refused(enrol("orders"));
    let secret = enrolled.otpauth_uri.split("secret=").nth(1).and_then(|rest| rest.split('&').next());
    vec![code, mistyped, secret.expect("a secret").to_owned()]
}

/// A rule is put to sleep and woken; what its reason may not say is refused.
fn through_the_policy(consortium: &Consortium, shop: &Node) {
    let file = ["--file", "policy.toml", "--config", "shop/hushwire.toml"];
    let change = |words: &[&str], code: i32| {
        let said = consortium.run(&[&["policy"], words, &file[..]].concat());
        assert_eq!(said.code, code, "{words:?}\n{}\n{}", said.stdout, said.stderr);
    };
    let snooze = |reason: &str, code| change(&["snooze", "velocity_burst", "--for", "2h", "--reason", reason], code);
    snooze("call +49 1512 9931774", 2);
    snooze(REASON, 0);
    wait("the rule sleeps", || {
        let status = run(consortium, shop, "operator", &["policy", "status"], 0);
        status.contains("snoozed    velocity_burst").then_some(())
    });
    change(&["unsnooze", "velocity_burst"], 0);
}

/// What auditors and operators take out of a node.
fn take_out(consortium: &Consortium, a: &Node, shop: &Node) {
    for (node, name) in [(a, "bank-a"), (shop, "shop")] {
        run(consortium, node, "auditor", &["audit", "export", "--out", &format!("{name}.jsonl")], 0);
        run(consortium, node, "auditor", &["audit", "list", "--json", "--limit", "1000"], 0);
        run(consortium, node, "auditor", &["audit", "prove", "--index", "0", "--out", &format!("{name}.proof")], 0);
        run(consortium, node, "operator", &["status", "--json"], 0);
        run(consortium, node, "operator", &["status"], 0);
        consortium.succeed(&format!("key show --dir {name} --json"));
        consortium.succeed(&format!("cert list --dir {name} --json"));
        consortium.succeed(&format!("member roster --dir {name} --json"));
        consortium.run(&["doctor", "--config", &format!("{name}/hushwire.toml")]);
    }
    run(consortium, a, "operator", &["stats", "release", "--id", "leak-1", "--json"], 0);
}

/// The journal as who holds the storage key reads it.
pub fn search_journal(searcher: &Searcher, home: &Home, hits: &mut Vec<Hit>) {
    let keys = home.keystore().keys;
    let dir = home.path().join("journal");
    let journal = FileJournal::open(RealFs, &dir, &keys.storage, JournalOptions::default()).expect("opens");
    let mut records = 0;
    let mut search = |number: RecordNumber, record: &[u8]| {
        records += 1;
        searcher.search(&format!("record {} of {}", number.0, home.member), record, hits);
        Ok(())
    };
    journal.replay(RecordNumber(0), &mut search).expect("whole");
    assert!(records > 3);
}

/// The snapshot of belief as who holds the storage key reads it.
fn search_snapshot(searcher: &Searcher, home: &Home, hits: &mut Vec<Hit>) {
    let file = RealFs.open(&home.snapshot()).expect("a clean stop leaves one");
    let mut block = [0; KEY_FILE_BYTES];
    file.read_at(&mut block, 0).expect("readable");
    let key_file = KeyFile::decode(&block).expect("a key block");
    let cipher = open_segment_key(&home.keystore().keys.storage, &key_file).expect("the node's own key");
    let start = u64::try_from(KEY_FILE_BYTES).expect("small");
    let mut walk = FrameWalk::new(&file, start, file.size().expect("a size")).expect("frames");
    let mut frames = 0;
    while let Step::Frame(frame) = walk.step().expect("readable") {
        let content = cipher.open_frame(&frame.head, RecordNumber(frames), &frame.previous, frame.sealed);
        searcher.search(&format!("frame {frames} of {}", home.member), content.expect("whole"), hits);
        frames += 1;
    }
    assert!(frames > 3);
}

#[test]
fn nothing_raw_is_left_behind_anywhere() {
    let mut tap = None;
    let consortium = Consortium::found_with(&["bank-a", "shop"], &[], |member, own| {
        if member == "bank-a" { tap.insert(Wiretap::before(own)).address } else { own }
    });
    let tap = tap.expect("bank-a was prepared");
    let homes = ["bank-a", "shop"].map(|member| consortium.home(member));
    let gateway = Desk::open(loopback(), Vec::new(), None);
    let policy = consortium.succeed("policy default").stdout;
    consortium.file("policy.toml", &policy);
    let config = homes[1].path().join("hushwire.toml");
    let hook = "[[webhooks]]\nname = \"sms\"\nevents = [\"challenge.code\"]\nsecret = \"../sms.secret\"";
    let text = std::fs::read_to_string(&config).expect("configured");
    std::fs::write(&config, format!("{text}{hook}\nurl = \"http://{}/\"\n", gateway.address)).expect("written");
    consortium.file("sms.secret", &secret(1));
    let (a, metrics) = monitoring::start(&homes[0]);
    // Codes of eight digits: six stand somewhere by chance.
    let own = [("HUSHWIRE__POLICY__FILE", "../policy.toml"), ("HUSHWIRE__CHALLENGE__DIGITS", "8")];
    let shop = homes[1].start_with(&own).unwrap_or_else(|said| panic!("it starts: {}", said.stderr));
    a.until_ready();
    let heard = Heard::default();
    through_the_commands(&consortium, &a, &shop);
    through_the_calls(&a, &shop, &heard);
    let drawn = through_challenges(&shop, &gateway, &heard);
    through_the_policy(&consortium, &shop);
    take_out(&consortium, &a, &shop);
    let (wrong, feed) = ([("HUSHWIRE_PASSPHRASE", "zq7x-Kormoran-9931-wrong")], "demo.example/bank-a/all");
    let size = a.until("signed", |status| status.pending == 0);
    let size = feed_size(&size, feed);
    shop.until("has all", |status| feed_size(status, feed) == size);
    let pulled = shop.home.pull("bank-a", a.home.peer(), feed, size).expect("served");
    assert!(u64::try_from(entries(&pulled).len()).expect("small") >= size);
    let page = monitoring::scrape(metrics);
    a.stop_with_snapshot();
    assert!(homes[0].start_with(&wrong).is_err());
    shop.stop_with_snapshot();

    let searcher = searcher(&homes, &drawn);
    let reason = Searcher::new(&[REASON], &[]);
    let mut hits = Vec::new();
    for home in &homes {
        reason.search_folder(&home.path(), &mut hits);
        reason.search("the log", &std::fs::read(home.log()).expect("a log"), &mut hits);
        assert!(searcher.search_folder(&home.path(), &mut hits) > 10);
        let log = std::fs::read(home.log()).expect("a log");
        assert!(log.len() > 500, "it is the log of a node at work");
        searcher.search(&home.log().display().to_string(), &log, &mut hits);
        search_journal(&searcher, home, &mut hits);
        search_snapshot(&searcher, home, &mut hits);
    }
    let outputs = ["names.csv", "again.csv", "report.csv", "report2.csv", "report3.csv", "bank-a.jsonl", "shop.jsonl"];
    for file in outputs.iter().chain(&["bank-a.proof", "shop.proof", "anna.age", "founders.invitation"]) {
        let written = std::fs::read(consortium.path().join(file)).expect("written");
        searcher.search(file, &written, &mut hits);
        reason.search(file, &written, &mut hits);
    }
    for said in consortium.transcript() {
        reason.search("what a command said", format!("{}{}", said.stdout, said.stderr).as_bytes(), &mut hits);
        searcher.search(&format!("output: {said:?}"), said.stdout.as_bytes(), &mut hits);
        searcher.search(&format!("errors: {said:?}"), said.stderr.as_bytes(), &mut hits);
    }
    for bytes in heard.0.into_inner().expect("not poisoned") {
        searcher.search(&format!("answer {}", String::from_utf8_lossy(&bytes)), &bytes, &mut hits);
    }
    for response in &pulled {
        searcher.search("what a member receives", &response.encode_to_vec(), &mut hits);
    }
    let wire = tap.heard();
    assert!(wire.len() > 10_000, "{} bytes were tapped", wire.len());
    searcher.search("the wire", &wire, &mut hits);
    reason.search("the wire", &wire, &mut hits);
    assert!(page.contains("hushwire_publications_total"), "{page}");
    searcher.search("what monitoring reads", page.as_bytes(), &mut hits);
    assert_eq!(hits, Vec::<Hit>::new());

    // The same search finds what is there: the files the test itself typed from.
    let mut planted = Vec::new();
    for file in ["input.csv", "bad.csv", "bad.jsonl", "orders.csv"] {
        searcher.search(file, &std::fs::read(consortium.path().join(file)).expect("written"), &mut planted);
    }
    assert_eq!(planted.len(), 4);
    let mut asleep = Vec::new();
    search_journal(&reason, &homes[1], &mut asleep);
    assert_eq!(asleep.len(), 1, "the policy that was in force, word for word: {asleep:?}");
}
