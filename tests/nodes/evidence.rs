//! The audit log as evidence: an export verifies on any machine, and no edited copy of it does.

use hushwire::io::clock;
use hushwire::io::grpc::wire::hushwire::types::v1::{Decision, IdentifierKind};

use crate::consortium::{Consortium, Said};

#[test]
fn an_export_verifies_and_no_edited_copy_does() {
    let consortium = Consortium::found(&["bank-a", "shop"]);
    let [a, shop] = consortium.start_all(["bank-a", "shop"]);
    a.until_ready();
    let device = (IdentifierKind::Device, "evidence-device-0001");
    a.flag(device);
    let stopped = shop.until_decided(device, Decision::Challenge);
    let connection = format!("--endpoint {} --identity {}", shop.local, shop.home.identity("auditor").display());
    let proved = crate::node::wait("the record is durable", || {
        let said = consortium.run(
            &format!("audit prove --decision {} --out proof.json {connection}", stopped.decision_id)
                .split(' ')
                .collect::<Vec<_>>(),
        );
        (said.code == 0).then_some(said)
    });
    assert!(!proved.stdout.is_empty());
    consortium.succeed(&format!("audit export --out log.jsonl {connection}"));
    let key = consortium.succeed("key show --dir shop --json").stdout;
    let key: serde_json::Value = serde_json::from_str(&key).expect("JSON");
    let key = key["audit_key"].as_str().expect("a key").to_owned();
    for file in ["log.jsonl", "proof.json"] {
        let said = consortium.succeed(&format!("audit verify {file} --json --key {key}"));
        assert!(said.stdout.contains("\"verified\":true"), "{}", said.stdout);
        assert_eq!(consortium.run(&["audit", "verify", file, "--key", "demo.example/shop/audit+00+AA"]).code, 5);
    }

    let log = std::fs::read_to_string(consortium.path().join("log.jsonl")).expect("exported");
    let lines: Vec<&str> = log.lines().collect();
    assert!(lines.len() > 5, "{log}");
    let refuse = |what: &str, edited: String| {
        let path = consortium.file("edited.jsonl", &edited);
        let said = consortium.run(&["audit", "verify", path.to_str().expect("a plain name")]);
        assert_eq!(said.code, 5, "{what}: {}{}", said.stdout, said.stderr);
        assert!(said.stderr.contains("error: "), "{what}: {}", said.stderr);
    };
    let joined = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    for cut in 0..lines.len() {
        let mut without = lines.clone();
        without.remove(cut);
        refuse(&format!("line {cut} is missing"), joined(&without));
        let mut doubled = lines.clone();
        doubled.insert(cut, lines[cut]);
        refuse(&format!("line {cut} stands twice"), joined(&doubled));
        if cut + 1 < lines.len() {
            let mut swapped = lines.clone();
            swapped.swap(cut, cut + 1);
            refuse(&format!("lines {cut} and {} are swapped", cut + 1), joined(&swapped));
        }
        // One digit or letter in the middle of the line.
        let at = (lines[cut].len() / 2..lines[cut].len()).find(|at| lines[cut].as_bytes()[*at].is_ascii_alphanumeric());
        let at = at.expect("there are letters");
        let other = if lines[cut].as_bytes()[at] == b'7' { "8" } else { "7" };
        let mut edited: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        edited[cut].replace_range(at..=at, other);
        refuse(&format!("a byte of line {cut} is another"), edited.join("\n") + "\n");
    }
    refuse("the last line is torn", log[..log.len() - 10].to_owned());
    refuse("nothing is left", String::new());
    refuse("something was added", log.clone() + "{}\n");
}

#[test]
fn a_report_by_command_verifies_and_evidence_is_held_until_two_people_lift_the_hold() {
    let consortium = Consortium::found(&["bank-a", "shop"]);
    let [a, shop] = consortium.start_all(["bank-a", "shop"]);
    a.until_ready();
    let device = (IdentifierKind::Device, "evidence-device-0002");
    a.flag(device);
    let stopped = shop.until_decided(device, Decision::Challenge);
    let desk = shop.home.identity("auditor").display().to_string();
    let run = |identity: &str, words: &str| {
        let line = format!("{words} --endpoint {} --identity {identity}", shop.local);
        consortium.run(&line.split(' ').collect::<Vec<_>>())
    };
    let parsed = |said: &Said| serde_json::from_str::<serde_json::Value>(&said.stdout).expect("JSON");
    let mut nth = 0;
    let report = crate::node::wait("the decision lies within the period", || {
        nth += 1;
        let to = clock::now().unix_s();
        let said = run(&desk, &format!("audit prove --from {} --to {to} --out {nth}.jsonl --json", to - 3_600));
        assert_eq!(said.code, 0, "{}", said.stderr);
        let report = parsed(&said)["report"].clone();
        (report["totals"]["decisions"]["matched_proved"] == 1).then_some(report)
    });
    assert_eq!(report["totals"]["decisions"]["recorded"]["challenge"], 1, "{report}");
    assert_eq!(report["totals"]["came"]["entries"]["bank-a/all"]["indicator"], 1, "{report}");
    let file = format!("{nth}.jsonl");
    let said = consortium.succeed(&format!("audit verify {file} --table"));
    assert!(said.stdout.contains(&format!("screening.decided {}", stopped.decision_id)), "{}", said.stdout);
    assert!(said.stdout.contains("1 of 1 indicators behind decisions proved"), "{}", said.stdout);
    let text = std::fs::read_to_string(consortium.path().join(&file)).expect("written");
    let forged = consortium.file("forged.jsonl", &text.replace("\"challenge\":1", "\"challenge\":2"));
    let said = consortium.run(&["audit", "verify", forged.to_str().expect("a plain name")]);
    assert_eq!(said.code, 5, "{}", said.stdout);
    assert!(said.stderr.contains("the totals are not those of the records"), "{}", said.stderr);
    let future = clock::now().unix_s() + 3_600;
    let said = run(&desk, &format!("audit prove --from 0 --to {future} --out future.jsonl"));
    assert!(said.code != 0 && said.stderr.contains("period"), "{}", said.stderr);
    assert!(!consortium.path().join("future.jsonl").exists());

    let ben = crate::cases::identity_of(&shop.home, "auditor", "ben");
    let said = run(&desk, &format!("audit hold add --decision {} --reason complaint --json", stopped.decision_id));
    let hold = parsed(&said)["hold"].as_str().expect("an id").to_owned();
    assert!(run(&ben, "audit hold list").stdout.contains(&hold));
    assert_eq!(run(&desk, &format!("audit hold lift {hold}")).code, 0);
    let refused = run(&desk, &format!("audit hold confirm {hold}"));
    assert!(refused.code != 0 && refused.stderr.contains("two people"), "{}", refused.stderr);
    assert_eq!(run(&ben, &format!("audit hold confirm {hold}")).code, 0);
    assert!(!run(&ben, "audit hold list").stdout.contains(&hold));
    let size = run(&ben, "audit size");
    assert!(size.stdout.contains("screening") && size.stdout.contains("retention frees"), "{}", size.stdout);
}
