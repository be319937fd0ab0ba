//! The keys a reader of evidence trusts: as they were given, or as rosters name them.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use crate::app::cli::audit::verify::{Good, VerifyArgs};
use crate::app::outcome::CliError;
use crate::base::bytes::Sha256Digest;
use crate::base::name::FeedId;
use crate::domain::audit::evidence::{Fault, Verified};
use crate::domain::roster::document::RosterDraft;
use crate::domain::roster::succession::{RosterNote, verify_chain};

/// The keys a reader trusts; what was not given is not compared.
pub struct Trusted {
    pub log: Option<BTreeSet<String>>,
    pub witnesses: Option<BTreeSet<String>>,
    /// Keys of feeds, where rosters were given.
    pub feeds: Option<BTreeSet<String>>,
}

impl Trusted {
    pub fn given(args: &VerifyArgs, log: &Verified) -> Result<Self, CliError> {
        let (path, rosters) = match (&args.roster, &args.rosters, &args.genesis) {
            (Some(path), _, _) => (path, vec![one_roster(path)?]),
            (None, Some(folder), Some(genesis)) => (folder, all_rosters(folder, genesis)?),
            (None, _, _) => {
                let trim = |key: &String| key.trim().to_owned();
                let witnesses = (!args.witness_keys.is_empty()).then(|| args.witness_keys.iter().map(trim).collect());
                return Ok(Self {
                    log: args.key.iter().map(trim).map(|key| [key].into()).next(),
                    witnesses,
                    feeds: None,
                });
            }
        };
        let rows = || rosters.iter().flat_map(|roster| &roster.members);
        let consortium = rosters.last().map(|roster| &roster.consortium);
        let author = consortium.and_then(|consortium| FeedId::from_origin(consortium, &log.origin).ok());
        let of_author = rows().filter(|row| author.as_ref().is_some_and(|log| log.member == row.id));
        let keys: BTreeSet<String> = of_author.map(|row| row.audit_key.to_string()).collect();
        if keys.is_empty() {
            let fault = format!("{}: the roster knows no log {}", path.display(), log.origin);
            return Err(CliError::usage(fault));
        }
        let feeds = rows().flat_map(|row| &row.feeds).map(|feed| feed.key.to_string()).collect();
        let witnesses = rows().map(|row| row.witness_key.to_string()).collect();
        Ok(Self { log: Some(keys), witnesses: Some(witnesses), feeds: Some(feeds) })
    }

    pub fn check(&self, good: &Good) -> Result<(), Fault> {
        let known = |keys: &Option<BTreeSet<String>>, key: &str| keys.as_ref().is_none_or(|keys| keys.contains(key));
        if !known(&self.log, &good.log.verifier_key) {
            return Err(Fault::AnotherKey);
        }
        let proofs = good.decision.iter().flat_map(|decision| &decision.indicators);
        let proofs = proofs.enumerate().filter_map(|(nth, indicator)| Some((nth, indicator.proof.as_ref()?)));
        for (nth, proof) in proofs.clone() {
            if !known(&self.feeds, &proof.verifier_key) {
                return Err(Fault::AnotherFeedKey { nth });
            }
        }
        let reported = || good.report.iter().flat_map(|report| &report.feeds);
        if let Some(foreign) = reported().find(|feed| !known(&self.feeds, &feed.verifier_key)) {
            return Err(Fault::ForeignFeed { feed: foreign.origin.clone() });
        }
        let of_feeds = reported().filter_map(|feed| feed.witnessed.as_ref());
        let witnessed =
            good.log.witnessed.iter().chain(of_feeds).chain(proofs.filter_map(|(_, proof)| proof.witnessed.as_ref()));
        let mut by = witnessed.flat_map(|witnessed| &witnessed.by);
        if by.all(|(key, _)| known(&self.witnesses, &key.to_string())) { Ok(()) } else { Err(Fault::AnotherWitness) }
    }
}

fn refused(path: &Path, fault: &impl ToString) -> CliError {
    CliError::usage(format!("{}: {}", path.display(), fault.to_string()))
}

/// A roster as it was given; nobody says that it is the right one.
fn one_roster(path: &Path) -> Result<RosterDraft, CliError> {
    let text = std::fs::read_to_string(path).map_err(|error| refused(path, &error))?;
    Ok(RosterNote::parse(&text).map_err(|error| refused(path, &error))?.content().clone())
}

/// Every version from the genesis on.
fn all_rosters(folder: &Path, genesis: &Sha256Digest) -> Result<Vec<RosterDraft>, CliError> {
    let mut notes = Vec::new();
    loop {
        let path = folder.join(format!("{}.note", notes.len() + 1));
        match std::fs::read_to_string(&path) {
            Ok(note) => notes.push(note),
            Err(error) if error.kind() == ErrorKind::NotFound && !notes.is_empty() => break,
            Err(error) => return Err(refused(&path, &error)),
        }
    }
    let chain = verify_chain(notes.iter().map(String::as_str), genesis);
    let chain = chain.map_err(|error| CliError::not_verified(format!("{}: {error}", folder.display())))?;
    Ok(chain.iter().map(|roster| roster.content().clone()).collect())
}
