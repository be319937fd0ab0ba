//! The proofs behind a case, checked here and now, and as a file for whoever checks them elsewhere.

use askama::Template;

use crate::domain::audit::decision_proof::{VerifiedDecision, VerifiedIndicator, verify_decision};
use crate::domain::audit::evidence::{Fault as EvidenceFault, Witnessed};
use crate::domain::case::CaseId;
use crate::domain::screening::reference::reference;
use crate::io::console::answer::Answer;
use crate::io::console::chart::grouped;
use crate::io::console::fault::Fault;
use crate::io::console::frame::Frame;
use crate::io::console::pages::cases::actor;
use crate::io::console::pages::cases::step::{crumbs, held};
use crate::io::console::visit::Visit;
use crate::io::console::zone::Time;
use crate::io::engine::EngineFault;
use crate::io::grpc::explaining::file_of;

#[derive(Debug, Template)]
#[template(path = "cases/proof.html")]
struct Proofs {
    frame: Frame,
    id: String,
    /// Name of the file to download.
    file: String,
    /// None where nothing is kept that could be proved.
    checked: Option<Result<Checked, String>>,
}

/// What was checked, and found good.
#[derive(Debug)]
struct Checked {
    record: String,
    log: String,
    size: String,
    root: String,
    key: String,
    witnesses: Vec<Witness>,
    witnessed_size: String,
    indicators: Vec<IndicatorRow>,
}

#[derive(Debug)]
struct Witness {
    name: String,
    at: Time,
}

#[derive(Debug)]
struct IndicatorRow {
    feed: String,
    entry: String,
    /// None where it could not be proved.
    proof: Option<IndicatorChecked>,
}

#[derive(Debug)]
struct IndicatorChecked {
    size: String,
    key: String,
    matched: bool,
    witnesses: Vec<Witness>,
}

/// The file of the decision of a case; none where nothing is kept of it any more. That somebody made it is recorded.
async fn file(visit: &Visit, id: CaseId) -> Result<Option<Result<String, EvidenceFault>>, Fault> {
    held(visit, id).await?;
    let caller = actor(visit);
    let proof = visit.act(move |node, round| node.prove_decision(&caller, &id.to_string(), round.now, round.rng));
    let proof = proof.await?.map_err(EngineFault::Storage)?;
    Ok(proof.map(|proof| file_of(&proof)))
}

pub async fn show(visit: Visit) -> Result<Answer, Fault> {
    let id: CaseId = visit.value("case")?;
    let today = visit.now.wall.day();
    let checked = file(&visit, id).await?.map(|file| {
        // By the same function as `hushwire audit verify`, from the bytes of the file.
        let good = file.and_then(|file| verify_decision(&file, today));
        good.map(|good| Checked::of(&visit, &good)).map_err(|fault| fault.to_string())
    });
    let frame = visit.frame("Proofs", &crumbs(id));
    Answer::page(&Proofs { frame, id: id.to_string(), file: file_name(id), checked })
}

pub async fn download(visit: Visit) -> Result<Answer, Fault> {
    let id: CaseId = visit.value("case")?;
    let file = file(&visit, id).await?.ok_or(Fault::NotFound)?;
    let file = file.map_err(|fault| Fault::Broken(format!("the proof of a decision: {fault}")))?;
    Ok(Answer::file(file_name(id), "application/json", file))
}

fn file_name(id: CaseId) -> String {
    format!("decision-{}.json", reference(&id.0))
}

impl Checked {
    fn of(visit: &Visit, good: &VerifiedDecision) -> Self {
        let log = &good.log;
        Self {
            record: grouped(good.record.index.0),
            log: log.origin.clone(),
            size: grouped(log.size),
            root: log.root.clone(),
            key: log.verifier_key.clone(),
            witnesses: witnesses(visit, log.witnessed.as_ref()),
            witnessed_size: log.witnessed.as_ref().map(|seen| grouped(seen.size)).unwrap_or_default(),
            indicators: good.indicators.iter().map(|one| indicator(visit, one)).collect(),
        }
    }
}

fn indicator(visit: &Visit, one: &VerifiedIndicator) -> IndicatorRow {
    IndicatorRow {
        feed: one.place.feed.clone(),
        entry: grouped(one.place.index),
        proof: one.proof.as_ref().map(|proof| IndicatorChecked {
            size: grouped(proof.size),
            key: proof.verifier_key.clone(),
            matched: proof.matched,
            witnesses: witnesses(visit, proof.witnessed.as_ref()),
        }),
    }
}

fn witnesses(visit: &Visit, seen: Option<&Witnessed>) -> Vec<Witness> {
    let by = seen.map(|seen| seen.by.as_slice()).unwrap_or_default();
    by.iter().map(|(key, at)| Witness { name: member_of(key.name()).to_owned(), at: visit.time(*at) }).collect()
}

/// The member of a witness key's name `CONSORTIUM/MEMBER/witness`.
fn member_of(key: &str) -> &str {
    key.split('/').nth(1).unwrap_or(key)
}
