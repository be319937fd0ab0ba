//! The first command of the README: it tells its whole story on real nodes and its figures agree with each other.

use std::process::Command;

use serde_json::Value;

fn number(figures: &Value, name: &str) -> u64 {
    figures[name].as_u64().unwrap_or_else(|| panic!("{name} is not a count: {}", figures[name]))
}

#[test]
fn the_demo_tells_its_story_and_its_figures_agree() {
    let output = Command::new(env!("CARGO_BIN_EXE_hushwire"))
        .args(["demo", "--exit", "--json", "--orders", "4000", "--fraudsters", "400"])
        .output()
        .expect("the demo runs");
    let account = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{account}");
    let figures: Value = serde_json::from_slice(&output.stdout).expect("one JSON object on standard output");

    assert!(number(&figures, "published") > 600);
    assert_eq!(number(&figures, "believed"), number(&figures, "published"));
    assert_eq!(number(&figures, "screened"), 4000);
    let decisions = &figures["decisions"];
    let stopped: u64 = ["challenge", "hold", "block"].iter().map(|decision| number(decisions, decision)).sum();
    assert_eq!(number(decisions, "allow") + stopped, 4000);
    assert_eq!(stopped, number(&figures, "fraudulent_stopped") + number(&figures, "honest_stopped"));
    assert!(number(decisions, "challenge") > 0 && number(decisions, "block") > 0, "{decisions}");
    assert!(number(&figures, "screen_p50_us") <= number(&figures, "screen_p99_us"));
    assert!(number(&figures, "published_while_down") > 1000);
    assert!(number(&figures, "values_searched") > 600);
    assert!(number(&figures, "disk_bytes_searched") > 1_000_000 && number(&figures, "wire_bytes_searched") > 100_000);
    assert_eq!((number(&figures, "disk_values_found"), number(&figures, "wire_values_found")), (0, 0));
    assert_eq!(figures["audit_verified"], Value::Bool(true));
    for told in [
        "CHALLENGE",
        "BLOCK",
        "HOLD",
        "ALLOW",
        "NOT protect against: a malicious member",
        "budget",
        "every line proved",
    ] {
        assert!(account.contains(told), "the account does not say {told:?}:\n{account}");
    }
}

#[test]
fn too_few_fraudsters_are_refused_with_what_to_do() {
    let output = Command::new(env!("CARGO_BIN_EXE_hushwire"))
        .args(["demo", "--exit", "--orders", "10", "--fraudsters", "1"])
        .output()
        .expect("the demo runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("--fraudsters"), "{told}");
}
