//! The keys under which an audit log is verified, and its checkpoints.
//!
//! An audit log is a feed named `<consortium>/<member>/audit` with a key of its own. Whoever verifies a file compares the key
//! printed with the one in the roster: a forger can make a whole log of his own under a key of his own.

use crate::base::name::{ConsortiumId, FeedId};
use crate::domain::audit::evidence::{Fault, Witnessed};
use crate::domain::feed::checkpoint::SignedCheckpoint;
use crate::domain::feed::verifier::FeedVerifier;
use crate::domain::note::key::VerifierKey;
use crate::domain::note::{SignatureLine, SignedNote};

/// The sharing group in whose place audit logs have this name; no roster may give it to a group.
pub const AUDIT_GROUP: &str = "audit";

/// The log's own key, and those of the members that may have cosigned it.
#[derive(Debug, Clone)]
pub struct LogKeys {
    verifier: FeedVerifier,
    keys: Vec<VerifierKey>,
}

impl LogKeys {
    pub fn new(log: VerifierKey, witnesses: Vec<VerifierKey>) -> Result<Self, Fault> {
        Self::of(log, witnesses, true)
    }

    /// Of a member's feed, whose checkpoints are signed and cosigned in the same way.
    pub fn of_feed(feed: VerifierKey, witnesses: Vec<VerifierKey>) -> Result<Self, Fault> {
        Self::of(feed, witnesses, false)
    }

    fn of(log: VerifierKey, witnesses: Vec<VerifierKey>, is_audit: bool) -> Result<Self, Fault> {
        let (consortium, _) = log.name().split_once('/').ok_or(Fault::Key)?;
        let consortium: ConsortiumId = consortium.parse().map_err(|_| Fault::Key)?;
        let feed = FeedId::from_origin(&consortium, log.name()).map_err(|_| Fault::Key)?;
        if (feed.group.as_str() == AUDIT_GROUP) != is_audit {
            return Err(Fault::Key);
        }
        let keys = [log.clone()].into_iter().chain(witnesses.clone()).collect();
        Ok(Self { verifier: FeedVerifier::new(&consortium, feed, log, witnesses)?, keys })
    }

    /// From their texts.
    pub fn parse(log: &str, witnesses: &[String]) -> Result<Self, Fault> {
        let key = |text: &str| text.parse().map_err(|_| Fault::Key);
        Self::new(key(log)?, witnesses.iter().map(|text| key(text)).collect::<Result<_, _>>()?)
    }

    /// Of a member's feed, from their texts.
    pub fn parse_feed(feed: &str, witnesses: &[String]) -> Result<Self, Fault> {
        let key = |text: &str| text.parse().map_err(|_| Fault::Key);
        Self::of_feed(key(feed)?, witnesses.iter().map(|text| key(text)).collect::<Result<_, _>>()?)
    }

    /// Whose log or feed it is.
    pub fn feed(&self) -> &FeedId {
        self.verifier.feed()
    }

    pub fn origin(&self) -> &str {
        self.verifier.origin()
    }

    pub fn log(&self) -> &VerifierKey {
        self.keys.first().expect("the log's key is always there")
    }

    pub fn witnesses(&self) -> impl Iterator<Item = &VerifierKey> {
        self.keys.iter().skip(1)
    }

    /// Verifies a checkpoint in which every signature is of one of these keys: a line nobody can check could be changed
    /// without anybody noticing.
    pub fn checkpoint(&self, note: &str) -> Result<SignedCheckpoint, Fault> {
        let signed = SignedCheckpoint::verify(note.as_bytes(), &self.verifier)?;
        let parsed = SignedNote::parse(note.as_bytes()).map_err(|_| Fault::Form)?;
        let known = parsed.verify(&self.keys).map_err(|_| Fault::Form)?;
        if known.len() != parsed.signatures().len() {
            return Err(Fault::UnknownSignature);
        }
        Ok(signed)
    }

    /// Which other members cosigned a checkpoint of the log; none where no other did.
    pub fn witnesses_of(&self, signed: &SignedCheckpoint) -> Option<Witnessed> {
        let own = self.verifier.author_witness();
        let time = |key: &VerifierKey| signed.cosigners().get(key.name()).map(|time| (key.clone(), *time));
        let by: Vec<_> = self.witnesses().filter(|key| key.name() != own).filter_map(time).collect();
        (!by.is_empty()).then(|| Witnessed { size: signed.size().0, by })
    }

    /// The note without the signatures that [`Self::checkpoint`] would refuse, verified: what a file carries.
    pub fn trim(&self, note: &str) -> Result<String, Fault> {
        let parsed = SignedNote::parse(note.as_bytes()).map_err(|_| Fault::Form)?;
        let known =
            |line: &&SignatureLine| self.keys.iter().any(|key| key.id() == line.key_id() && key.name() == line.name());
        let mut lines = parsed.signatures().iter().filter(known);
        let first = lines.next().ok_or(Fault::UnknownSignature)?;
        let mut trimmed = SignedNote::new(parsed.text().to_owned(), first.clone()).map_err(|_| Fault::Form)?;
        for line in lines {
            trimmed.add_signature(line.clone()).map_err(|_| Fault::Form)?;
        }
        let text = trimmed.to_string();
        self.checkpoint(&text)?;
        Ok(text)
    }
}
