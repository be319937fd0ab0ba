//! The member's own lists, as an analyst fills them by hand and from a file.

use hushwire::io::grpc::wire::hushwire::types::v1::{Decision, IdentifierKind};

use crate::consortium::{Consortium, Said};
use crate::node::Node;

const MAIL: (IdentifierKind, &str) = (IdentifierKind::Email, "listed.person@gmail.com");
const DEVICE: (IdentifierKind, &str) = (IdentifierKind::Device, "listed-device-0001");

/// Runs a command as a role; its exit code must be this.
fn run(consortium: &Consortium, node: &Node, role: &str, words: &[&str], code: i32) -> Said {
    let identity = node.home.identity(role).display().to_string();
    let reach = ["--endpoint", &node.local.to_string(), "--identity", &identity];
    let said = consortium.run(&[words, &reach[..]].concat());
    assert_eq!(said.code, code, "{words:?}\n{}\n{}", said.stdout, said.stderr);
    said
}

#[test]
fn an_analyst_blocks_and_allows_above_what_members_say_and_it_survives_a_kill() {
    let consortium = Consortium::found(&["bank-a"]);
    let node = consortium.start("bank-a");
    node.until_ready();
    assert_eq!(node.screen(MAIL).decision(), Decision::Allow);
    let words = ["list", "add", "block", "email=Listed.Person+x@googlemail.com", "--reason", "own-fraud"];
    let said = run(&consortium, &node, "analyst", &words, 0);
    assert_eq!(said.stdout, "1 identifier on the block list, 0 refused\n");
    let answer = node.screen(MAIL);
    assert_eq!(answer.decision(), Decision::Block, "every spelling of the mailbox");
    assert_eq!(answer.reasons[0].code, "own_block_list");
    assert!(answer.reasons[0].since.is_some() && answer.reasons[0].description.contains(" since 20"));

    node.flag(DEVICE);
    node.until_decided(DEVICE, Decision::Challenge);
    let words = ["list", "add", "allow", "device=listed-device-0001", "--note", "a terminal of ours"];
    run(&consortium, &node, "operator", &words, 0);
    assert_eq!(node.screen(DEVICE).decision(), Decision::Allow);
    let status = node.status();
    assert_eq!((status.allow_listed, status.block_listed), (1, 1));
    let said = run(&consortium, &node, "operator", &["status"], 0);
    assert!(said.stdout.contains("own lists  1 allowed, 1 blocked"), "{}", said.stdout);

    let home = node.home.clone();
    node.kill();
    let node = home.start().expect("starts again");
    assert_eq!((node.screen(MAIL).decision(), node.screen(DEVICE).decision()), (Decision::Block, Decision::Allow));

    let shown = run(&consortium, &node, "analyst", &["list", "show", "--json"], 0).stdout;
    let rows: Vec<serde_json::Value> = shown.lines().map(|row| serde_json::from_str(row).expect("JSON")).collect();
    let row =
        |at: usize| ["list", "kind", "reason", "note"].map(|key| rows[at][key].as_str().expect("text").to_owned());
    assert_eq!(row(0), ["allow", "device", "other", "a terminal of ours"]);
    assert_eq!(row(1), ["block", "email", "own-fraud", ""]);
    let name = rows[1]["name"].as_str().expect("text");
    run(&consortium, &node, "analyst", &["list", "remove", "block", name], 0);
    assert_eq!(node.screen(MAIL).decision(), Decision::Allow);
    let said = run(&consortium, &node, "analyst", &["list", "remove", "block", "email=listed.person@gmail.com"], 1);
    assert!(said.stderr.contains("not_found") || said.stderr.contains("does not stand"), "{}", said.stderr);

    let words = ["list", "add", "block", "email=Listed.Person+x@googlemail.com", "--reason", "own-fraud"];
    run(&consortium, &node, "analyst", &words, 0);
    assert_eq!(node.screen(MAIL).decision(), Decision::Block, "the same words act again");

    let said = run(&consortium, &node, "auditor", &["audit", "list", "--action", "list."], 0).stdout;
    for part in ["list.added", "list.removed", "kind=email", "reason=own-fraud", "/analyst/desk", "/operator/desk"] {
        assert!(said.contains(part), "{part} is missing in {said}");
    }
    assert!(!said.to_lowercase().contains("listed.person") && !said.contains(name), "{said}");
    run(&consortium, &node, "publisher", &["list", "show"], 1);
}

#[test]
fn a_file_of_identifiers_is_listed_and_what_is_refused_is_told_by_line() {
    let consortium = Consortium::found(&["bank-a"]);
    let node = consortium.start("bank-a");
    let file = "list,kind,value,until,reason,note\n\
                block,pan,4539 5787 6362 1486,,own-fraud,\n\
                allow,email,listed.person@gmail.com,2099-01-01T00:00:00Z,known-customer,opened an account in 2019\n\
                block,pan,4539 5787 6362 1487,,,\n\
                allow,phone,+49 1512 3456789,2001-01-01T00:00:00Z,,\n\
                grey,phone,+49 1512 3456789,,,\n\
                block,device,listed-device-0002,,,call +49 1512 3456789\n\
                block,ip,10.0.0.1,,,\n";
    consortium.file("lists.csv", file);
    let words = ["list", "import", "lists.csv", "--report", "refused.csv"];
    let said = run(&consortium, &node, "analyst", &words, 3);
    assert!(said.stdout.contains("7 records: 2 identifiers listed, 5 records refused"), "{}", said.stdout);
    let report = std::fs::read_to_string(consortium.path().join("refused.csv")).expect("written");
    let rows: Vec<String> =
        report.lines().skip(1).map(|row| row.splitn(4, ',').take(3).collect::<Vec<_>>().join(",")).collect();
    let expected = [
        "4,value,card_luhn",
        "5,until,past",
        "6,list,unknown_list",
        "7,note,note_holds_identifier",
        "8,value,guard_list",
    ];
    assert_eq!(rows, expected);
    assert!(!said.stderr.contains("4539") && !report.contains("4539") && !report.contains("1512"), "{report}");
    assert_eq!(node.screen((IdentifierKind::Pan, "4539578763621486")).decision(), Decision::Block);
    assert_eq!(node.screen(MAIL).decision(), Decision::Allow);
    run(&consortium, &node, "analyst", &words, 3);
    assert_eq!((node.status().allow_listed, node.status().block_listed), (1, 1), "a repeated run changes nothing");
    let said = run(&consortium, &node, "analyst", &["list", "show", "allow"], 0);
    assert!(said.stdout.contains("until 2099-01-01") && said.stdout.contains("known-customer"), "{}", said.stdout);
}
