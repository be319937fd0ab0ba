//! One record of the exchange log: what it says, where it stands in the log, who vouches for that, and every step checked at once.

use std::str::FromStr;

use askama::Template;

use crate::base::bytes::{Salt, TreeHash};
use crate::base::position::EntryIndex;
use crate::domain::audit::check::{CheckStep, Cosigned, Held, all_hold, kind_words};
use crate::domain::audit::keys::LogKeys;
use crate::domain::audit::proof::{proof_file, verify_proof};
use crate::domain::audit::record::AuditRecord;
use crate::domain::feed::entry::{Content, Entry, Leaf, leaf_hash};
use crate::io::console::answer::Answer;
use crate::io::console::chart::grouped;
use crate::io::console::fault::Fault;
use crate::io::console::frame::Frame;
use crate::io::console::kinds;
use crate::io::console::pages::log::filters::Filters;
use crate::io::console::pages::log::{Row, above, actions, stored, words};
use crate::io::console::visit::Visit;
use crate::io::console::words::Badge;
use crate::io::console::zone::Time;
use crate::io::grpc::convert::actor;
use crate::node::audit::LoggedEntry;
use crate::node::examine::{Examined, ExaminedEntry};

#[derive(Debug, Template)]
#[template(path = "log/one.html")]
struct One {
    frame: Frame,
    index: u64,
    /// None once its retention has ended.
    said: Option<Said>,
    leaf: LeafFacts,
    inclusion: Vec<String>,
    head: Head,
    cosigned: Vec<Witness>,
    entries: Vec<FeedEntry>,
    left_out: u64,
    /// Of a check that was just made.
    verdict: Option<Verdict>,
    previous: Option<u64>,
    next: Option<u64>,
    file: String,
}

/// What a record says.
#[derive(Debug)]
struct Said {
    at: Time,
    action: String,
    actor: String,
    actor_whole: String,
    subject: String,
    /// Everything else about the same.
    related: Option<String>,
    outcome: Badge,
    decision: Option<Badge>,
    fields: Vec<Field>,
}

#[derive(Debug)]
struct Field {
    words: String,
    name: String,
    value: String,
    /// A name or fingerprint for machines: it stands behind what people read.
    is_code: bool,
}

/// What everybody keeps of an entry.
#[derive(Debug)]
struct LeafFacts {
    hash: String,
    commitment: String,
    kept_until: String,
}

/// The signed head that proves it.
#[derive(Debug)]
struct Head {
    size: String,
    note: String,
    key: String,
}

#[derive(Debug)]
struct Witness {
    member: String,
    at: Time,
    is_author: bool,
}

/// An entry of a feed that the record tells of.
#[derive(Debug)]
struct FeedEntry {
    feed: String,
    index: u64,
    kind: &'static str,
    commitment: String,
    hashes: usize,
    cosigned: Vec<Witness>,
    key: String,
    note: String,
    verdict: Option<Verdict>,
}

/// How a check ended.
#[derive(Debug)]
struct Verdict {
    tone: &'static str,
    text: &'static str,
    steps: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    tone: &'static str,
    held: &'static str,
    title: &'static str,
    detail: String,
}

/// The place of the address.
struct Place(EntryIndex);

impl FromStr for Place {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(EntryIndex).map(Self)
    }
}

impl Verdict {
    fn new(steps: &[CheckStep]) -> Self {
        let open = steps.iter().any(|step| step.held == Held::Open);
        let (tone, text) = match (all_hold(steps), open) {
            (false, _) => (
                "bad",
                "This does not verify. Rely on nothing here, change nothing, and tell whoever runs the node: hushwire doctor says what is damaged.",
            ),
            (true, true) => ("waiting", "Nothing contradicts it, and what is open has its reason below."),
            (true, false) => ("good", "Every step holds."),
        };
        Self { tone, text, steps: steps.iter().map(Step::new).collect() }
    }
}

impl Step {
    fn new(step: &CheckStep) -> Self {
        let (tone, held) = match step.held {
            Held::Holds => ("good", "holds"),
            Held::Open => ("waiting", "open"),
            Held::Fails => ("bad", "fails"),
        };
        let title = match step.step {
            "leaf" => "The stored bytes are an entry",
            "content" => "The content belongs to the entry",
            "words" => "The words shown are all that the bytes say",
            "inclusion" => "The entry stands in the signed tree",
            "signature" => "The root is signed",
            "roster" => "The key is the one the roster names",
            "cosignatures" => "Other members cosigned it",
            other => other,
        };
        Self { tone, held, title, detail: step.detail.clone() }
    }
}

fn witnesses(visit: &Visit, cosigned: &[Cosigned]) -> Vec<Witness> {
    let witness =
        |one: &Cosigned| Witness { member: one.member.clone(), at: visit.time(one.at), is_author: one.is_author };
    cosigned.iter().map(witness).collect()
}

impl Said {
    fn new(visit: &Visit, record: &AuditRecord) -> Self {
        let field = |(name, value): (&str, &str)| Field {
            words: words::field(name),
            name: name.to_owned(),
            value: match (name, value) {
                ("kind", label) => kinds::named(label).to_owned(),
                ("reasons", codes) => codes.replace(',', ", ").replace('_', " "),
                (_, "true") => "yes".to_owned(),
                (_, "false") => "no".to_owned(),
                (_, value) => value.to_owned(),
            },
            is_code: name.ends_with("_sha256") || name.starts_with("matched_0") || name.starts_with("matched_1"),
        };
        let mut fields: Vec<Field> = record.fields().map(field).collect();
        fields.sort_by_key(|field| field.is_code);
        let subject = record.subject().to_owned();
        let row = Row::new(visit, EntryIndex(0), record);
        Self {
            at: row.at,
            action: row.action,
            actor: row.actor,
            actor_whole: record.actor().to_owned(),
            related: Filters::about(&subject).map(|filters| filters.address("/log", &[])),
            subject,
            outcome: row.outcome,
            decision: row.decision,
            fields,
        }
    }
}

impl FeedEntry {
    fn new(visit: &Visit, entry: &ExaminedEntry, checked: bool) -> Self {
        Self {
            feed: entry.feed.to_string(),
            index: entry.index.0,
            kind: kind_words(entry.kind),
            commitment: entry.commitment.to_string(),
            hashes: entry.inclusion.len(),
            cosigned: witnesses(visit, &entry.cosigned),
            key: entry.verifier_key.clone(),
            note: entry.checkpoint.clone(),
            verdict: checked.then(|| Verdict::new(&entry.steps)),
        }
    }
}

/// Shows what there is, unchecked.
pub async fn show(visit: Visit) -> Result<Answer, Fault> {
    page(&visit, false).await
}

/// Checks every step anew, from the stored bytes, and shows how each ended.
pub async fn verify(visit: Visit) -> Result<Answer, Fault> {
    page(&visit, true).await
}

async fn examine(visit: &Visit) -> Result<(Examined, u64), Fault> {
    let (Place(index), caller) = (visit.value("entry")?, actor(&visit.caller()));
    let (examined, size) = visit
        .act(move |node, round| {
            let size = node.audit_size().size.0;
            (node.examine_audit_record(&caller, index, round.now, round.rng), size)
        })
        .await?;
    Ok((examined.map_err(stored)?.ok_or(Fault::NotFound)?, size))
}

async fn page(visit: &Visit, checked: bool) -> Result<Answer, Fault> {
    let (examined, size) = examine(visit).await?;
    let Examined { proof, record, steps, cosigned, entries, entries_left_out } = &examined;
    let LoggedEntry { index, entry } = &proof.entry;
    // Bytes that are no leaf are shown all the same: the check says what is wrong with them.
    let leaf = Leaf::decode(&entry.leaf).ok();
    let of_leaf = |part: &dyn Fn(&Leaf) -> String| leaf.as_ref().map_or_else(|| "unreadable".to_owned(), part);
    let title = record.as_ref().map_or("A record past its retention", |record| actions::action(record.action()));
    let page = One {
        frame: visit.frame(title, &[above()]),
        index: index.0,
        said: record.as_ref().map(|record| Said::new(visit, record)),
        leaf: LeafFacts {
            hash: leaf_hash(&entry.leaf).to_string(),
            commitment: of_leaf(&|leaf| leaf.commitment.to_string()),
            kept_until: of_leaf(&|leaf| leaf.expires_day.to_string()),
        },
        inclusion: proof.inclusion.iter().map(TreeHash::to_string).collect(),
        head: Head {
            size: grouped(proof.head.size.0),
            note: proof.head.checkpoint.clone(),
            key: proof.head.verifier_key.clone(),
        },
        cosigned: witnesses(visit, cosigned),
        entries: entries.iter().map(|entry| FeedEntry::new(visit, entry, checked)).collect(),
        left_out: *entries_left_out,
        verdict: checked.then(|| Verdict::new(steps)),
        previous: index.0.checked_sub(1),
        next: index.0.checked_add(1).filter(|next| *next < size),
        file: file_name(visit, *index),
    };
    Answer::page(&page)
}

fn file_name(visit: &Visit, index: EntryIndex) -> String {
    format!("{}-record-{index}-proof.json", visit.console.engine.member())
}

/// The file that proves the record to somebody who trusts only the roster: what `hushwire audit prove --index` writes.
pub async fn proof(visit: Visit) -> Result<Answer, Fault> {
    let (Place(index), caller) = (visit.value("entry")?, actor(&visit.caller()));
    let found = visit
        .act(move |node, round| node.prove_audit_record(&caller, index, round.now, round.rng))
        .await?
        .map_err(stored)?
        .ok_or(Fault::NotFound)?;
    let broken = |error: &dyn std::fmt::Display| Fault::Broken(format!("proof of record {index}: {error}"));
    let keys = LogKeys::parse(&found.head.verifier_key, &found.head.witness_keys).map_err(|error| broken(&error))?;
    let checkpoint = keys.trim(&found.head.checkpoint).map_err(|error| broken(&error))?;
    let entry = entry_of(&found.entry).map_err(|error| broken(&error))?;
    let file = proof_file(&keys, index, &entry, &found.inclusion, &checkpoint).map_err(|error| broken(&error))?;
    // What a reader would refuse is not handed out.
    verify_proof(&file, visit.now.wall.day()).map_err(|error| broken(&error))?;
    Ok(Answer::file(file_name(&visit, index), "application/json", file))
}

fn entry_of(logged: &LoggedEntry) -> Result<Entry, String> {
    let stored = &logged.entry;
    let content = match (stored.blob.as_slice(), stored.salt.as_slice()) {
        ([], []) => None,
        (blob, salt) => {
            let salt = Salt::try_from(salt).map_err(|error| error.to_string())?;
            Some(Content { blob: blob.to_vec(), salt })
        }
    };
    Entry::from_parts(&stored.leaf, content).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_as_good_as_its_worst_step() {
        let verdict = |held: &[Held]| {
            let step = |held: &Held| CheckStep { step: "leaf", held: *held, detail: String::new() };
            Verdict::new(&held.iter().map(step).collect::<Vec<_>>()).tone
        };
        assert_eq!(verdict(&[Held::Holds, Held::Holds]), "good");
        assert_eq!(verdict(&[Held::Holds, Held::Open]), "waiting");
        assert_eq!(verdict(&[Held::Fails, Held::Open, Held::Holds]), "bad");
    }

    #[test]
    fn only_a_number_is_a_place() {
        assert_eq!("17".parse::<Place>().map(|place| place.0), Ok(EntryIndex(17)));
        for text in ["", "-1", "x", "99999999999999999999", "1.5"] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }
}
