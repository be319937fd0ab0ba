//! Evidence in a browser: a report that the program verifies, holds that two people lift, the size of the log, and the overview
//! of the same node.

use hushwire::io::grpc::wire::hushwire::types::v1::{Decision, IdentifierKind};
use serde_json::{Value, json};

use crate::browser::{CONSOLE, play, stage};
use crate::consortium::Consortium;
use crate::people::invite;

#[test]
fn a_report_is_downloaded_and_verifies_and_a_hold_is_placed_by_one_and_lifted_by_two() {
    let consortium = Consortium::found(&["bank-a", "shop"]);
    let bank = consortium.start("bank-a");
    let node = consortium.home("shop").start_with(&[CONSOLE]).unwrap_or_else(|said| panic!("{}", said.stderr));
    bank.until_ready();
    node.until_ready();
    let device = (IdentifierKind::Device, "console-evidence-0001");
    bank.flag(device);
    let stopped = node.until_decided(device, Decision::Challenge);
    let saved = consortium.path().join("downloaded.jsonl");
    let mut stage = stage(&node);
    stage["codes"] = json!({
        "cleo": invite(&consortium, &node, "cleo", &["auditor"]),
        "ben": invite(&consortium, &node, "ben", &["auditor"]),
        "anna": invite(&consortium, &node, "anna", &["operator"]),
    });
    stage["decision"] = json!(stopped.decision_id);
    stage["saved"] = json!(saved);
    play("evidence", &stage);

    // The file is what the command makes: the same program verifies it and counts the same, and no edited copy passes.
    let said = consortium.succeed("audit verify downloaded.jsonl --json");
    let verified: Value = serde_json::from_str(&said.stdout).expect("JSON");
    let totals = &verified["report"]["totals"];
    assert_eq!(totals["decisions"]["recorded"]["challenge"], 1, "{verified}");
    assert_eq!(totals["came"]["entries"]["bank-a/all"]["indicator"], 1, "{verified}");
    assert_eq!(verified["report"]["made"]["actor"], "hushwire://shop/auditor/cleo", "{verified}");
    let text = std::fs::read_to_string(&saved).expect("downloaded");
    assert!(text.lines().count() > 5, "{text}");
    consortium.file("forged.jsonl", &text.replace("\"challenge\":1", "\"challenge\":2"));
    assert_eq!(consortium.run(&["audit", "verify", "forged.jsonl"]).code, 5);

    let listed = consortium.audit_list(&node, &[]);
    for word in ["audit.reported", "hold.placed", "hold.lift_asked", "hold.refused", "hold.lifted", "hold.listed"] {
        assert!(listed.stdout.contains(word), "{word} is missing in\n{}", listed.stdout);
    }
    assert!(!listed.stdout.contains("4539578763621486"), "a raw identifier stands in the audit log");
}
