//! `hushwire replay` against counts that another computation gives: of generated histories, and of a published one.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::replay::{expected, stopped};
use crate::world::World;

/// One row of a generated history.
struct Row {
    at: u64,
    shop: usize,
    device: usize,
    mail: Option<usize>,
    fraud: bool,
}

const SHOPS: usize = 7;
const DAY: u64 = 86_400;

/// Bursts of fraud on few devices and mailboxes, several rows a second, times in every form that is read.
fn generated(seed: u64) -> (Vec<Row>, String) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut rows: Vec<Row> = (0..700)
        .map(|_| {
            let device = rng.random_range(0..25);
            let at = 1_600_000_000 + rng.random_range(0..6) * DAY + rng.random_range(0..40) * 900;
            let mail = rng.random_bool(0.5).then(|| rng.random_range(0..30));
            Row {
                at,
                shop: rng.random_range(0..SHOPS),
                device,
                mail,
                fraud: rng.random_bool(if device < 6 { 0.3 } else { 0.03 }),
            }
        })
        .collect();
    let mut text = "mail,shop,when,device,label\n".to_owned();
    for (nth, row) in rows.iter().enumerate() {
        let at = i64::try_from(row.at).expect("small");
        let when = match nth % 4 {
            0 => row.at.to_string(),
            1 => format!("{}000", row.at),
            2 => jiff::Timestamp::from_second(at).expect("a time").to_string(),
            _ => jiff::Timestamp::from_second(at + 3_600).expect("a time").to_string().replace('Z', "+01:00"),
        };
        // Spellings that reach one mailbox.
        let dots = if nth % 2 == 0 { "." } else { "" };
        let mail = row.mail.map(|mail| format!("box{dots}{mail}+{}@gmail.com", nth % 3)).unwrap_or_default();
        let label = if row.fraud { ["1", "true", "chargeback"][nth % 3] } else { ["0", "", "false"][nth % 3] };
        writeln!(text, "{mail},shop {},{when},device-{:04},{label}", row.shop, row.device).expect("text grows");
    }
    rows.sort_by_key(|row| row.at);
    (rows, text)
}

fn institution(shop: usize, count: u64) -> u64 {
    let hash = Sha256::digest(format!("salt:shop {shop}"));
    u64::from_be_bytes(hash[..8].try_into().expect("eight bytes")) % count
}

/// What the rules say, by looking at every pair of rows.
fn looked_at(rows: &[Row], delay: Option<u64>, is_corroborated: bool) -> (u64, u64) {
    const EXPIRY: u64 = 2 * DAY;
    let mut stopped = (0, 0);
    for row in rows {
        let own = institution(row.shop, 4);
        let holds = |same: &dyn Fn(&Row) -> bool| {
            let flags =
                rows.iter().filter(|flag| flag.fraud && same(flag) && flag.at < row.at && row.at < flag.at + EXPIRY);
            let visible: Vec<u64> = flags
                .filter(|flag| institution(flag.shop, 4) == own || delay.is_some_and(|delay| flag.at + delay <= row.at))
                .map(|flag| institution(flag.shop, 4))
                .collect();
            let distinct = visible.iter().collect::<BTreeSet<_>>().len();
            let own = visible.iter().filter(|institution| **institution == own).count();
            if is_corroborated { own >= 2 || distinct >= 2 } else { distinct >= 1 }
        };
        let by_device = holds(&|flag| flag.device == row.device);
        if by_device || (row.mail.is_some() && holds(&|flag| flag.mail == row.mail)) {
            *if row.fraud { &mut stopped.0 } else { &mut stopped.1 } += 1;
        }
    }
    stopped
}

#[test]
fn a_generated_history_gives_what_looking_at_every_pair_of_rows_gives() {
    for seed in [1, 2] {
        let (rows, text) = generated(seed);
        let world = World::new();
        world.write("g.csv", text);
        let args = [
            "replay",
            "g.csv",
            "--time",
            "when",
            "--label",
            "label",
            "--indicator",
            "device=device",
            "--indicator",
            "email=mail",
            "--institution-by",
            "shop",
            "--institution-salt",
            "salt",
            "--institutions",
            "4",
            "--share-delay",
            "0s,15m,1d",
            "--rule",
            "any",
            "--against",
            "corroborated",
            "--json",
        ];
        let report = world.run(&args).check(0, &[]).json();
        for (nth, delay) in [None, Some(0), Some(900), Some(DAY)].into_iter().enumerate() {
            let run = &report["runs"][nth];
            let count = |value: &Value| value.as_u64().expect("a count");
            let any = (count(&run["tp"]), count(&run["fp"]));
            assert_eq!(any, looked_at(&rows, delay, false), "seed {seed}, {delay:?}");
            let of =
                |who: &str| count(&run["difference"]["both"][who]) + count(&run["difference"]["only_against"][who]);
            let corroborated = (of("fraud"), of("honest"));
            assert_eq!(corroborated, looked_at(&rows, delay, true), "seed {seed}, {delay:?}");
            assert!(any.0 > corroborated.0 && corroborated.0 > 0, "a history in which nothing differs shows nothing");
        }
    }
}

/// `data/README.md` of the shared folder.
#[test]
fn the_published_history_gives_the_counts_of_its_table() {
    let Some(shared) = std::env::var_os("HUSHWIRE_SHARED").map(PathBuf::from) else {
        eprintln!("not run: HUSHWIRE_SHARED does not name the folder of histories");
        return;
    };
    let (history, names) = (shared.join("data/txn_sparkov.csv"), shared.join("data/merchants_sparkov.csv"));
    let world = World::new();
    let (history, names) = (history.to_str().expect("a path"), names.to_str().expect("a path"));
    let args = [
        "replay",
        history,
        "--time",
        "ts",
        "--amount",
        "amount_cents",
        "--label",
        "fraud",
        "--indicator",
        "pan=pan",
        "--institution-by",
        "merchant",
        "--institution-names",
        names,
        "--institution-salt",
        "retailer",
        "--institutions",
        "5",
        "--share-delay",
        "0s,1h,24h",
        "--rule",
        "any",
        "--against",
        "corroborated",
        "--expiry",
        "2d",
        "--ship-after",
        "24h",
        "--json",
    ];
    let report = world.run(&args).check(0, &[]).json();
    let any = [("alone", 702, 319), ("0s", 1174, 508), ("1h", 1100, 508), ("24h", 884, 473)];
    assert_eq!(stopped(&report), expected(any));
    let runs = report["runs"].as_array().expect("runs");
    let count = |value: &Value| value.as_u64().expect("a count");
    let corroborated = runs.iter().map(|run| {
        let of = |who: &str| count(&run["difference"]["both"][who]) + count(&run["difference"]["only_against"][who]);
        (of("fraud"), of("honest"))
    });
    assert_eq!(corroborated.collect::<Vec<_>>(), [(314, 143), (995, 479), (918, 478), (666, 383)]);
    // Worked out with another program that looks at every flag of a card.
    let late = runs.iter().map(|run| {
        let of = |name: &str| count(&run["late"][name]);
        (of("caught_before_shipment"), of("caught_after_shipment"), of("false_before_shipment"))
    });
    assert_eq!(late.collect::<Vec<_>>(), [(259, 129, 116), (140, 5, 246), (213, 6, 229), (364, 71, 151)]);
}
