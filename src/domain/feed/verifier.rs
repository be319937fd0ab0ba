//! Whose signatures count on the checkpoints of one feed.

use crate::base::name::{ConsortiumId, FeedId, MemberId};
use crate::domain::feed::checkpoint_error::CheckpointError;
use crate::domain::note::key::{SignatureType, VerifierKey};

/// The name under which a member cosigns: `<consortium>/<member>/witness`.
pub fn witness_name(consortium: &ConsortiumId, member: &MemberId) -> String {
    format!("{consortium}/{member}/witness")
}

/// What verifies the checkpoints of one feed: its origin, its author's key and the keys of those who may cosign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedVerifier {
    feed: FeedId,
    pub(in crate::domain::feed) author_witness: String,
    /// The author's key first.
    pub(in crate::domain::feed) keys: Vec<VerifierKey>,
}

impl FeedVerifier {
    /// `author` is the feed's key at the sizes in question; `cosigners` are witness keys, the author's own included.
    pub fn new(
        consortium: &ConsortiumId,
        feed: FeedId,
        author: VerifierKey,
        cosigners: Vec<VerifierKey>,
    ) -> Result<Self, CheckpointError> {
        if author.signature_type() != SignatureType::Ed25519 || author.name() != feed.origin(consortium) {
            return Err(CheckpointError::WrongFeedKey);
        }
        let author_witness = witness_name(consortium, &feed.member);
        let mut keys = vec![author];
        for cosigner in cosigners {
            // A cosignature does not commit to its key's name: a key under two names would count twice.
            let used =
                keys.iter().any(|key| key.name() == cosigner.name() || key.public_key() == cosigner.public_key());
            if cosigner.signature_type() != SignatureType::Cosignature || used {
                return Err(CheckpointError::WrongCosignerKey);
            }
            keys.push(cosigner);
        }
        Ok(Self { feed, author_witness, keys })
    }

    pub fn feed(&self) -> &FeedId {
        &self.feed
    }

    /// The author's key at the sizes in question.
    pub fn author(&self) -> &VerifierKey {
        self.keys.first().expect("the author's key is always there")
    }

    /// The name under which the author itself cosigns.
    pub fn author_witness(&self) -> &str {
        &self.author_witness
    }

    /// The feed's origin, which is also the name of its key.
    pub fn origin(&self) -> &str {
        self.author().name()
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;

    use super::*;
    use crate::domain::feed::checkpoint::tests::{author, consortium};
    use crate::domain::note::key::NoteSigner;

    #[test]
    fn one_key_never_serves_two_names_or_types() {
        let (bank, witness) = (author("bank-a", 1), author("bank-b", 2));
        let build = |author: &NoteSigner, cosigners: &[&NoteSigner]| {
            let cosigners = cosigners.iter().map(|signer| signer.verifier().clone()).collect();
            FeedVerifier::new(&consortium(), bank.feed.clone(), author.verifier().clone(), cosigners)
        };
        assert_eq!(build(&witness.key, &[]), Err(CheckpointError::WrongFeedKey));
        assert_eq!(build(&bank.witness, &[]), Err(CheckpointError::WrongFeedKey));
        assert_eq!(build(&bank.key, &[&witness.key]), Err(CheckpointError::WrongCosignerKey));
        assert_eq!(build(&bank.key, &[&witness.witness, &witness.witness]), Err(CheckpointError::WrongCosignerKey));
        let twice = NoteSigner::cosigner("demo.example/x/witness", SigningKey::from_bytes(&[102; 32])).expect("valid");
        assert_eq!(build(&bank.key, &[&witness.witness, &twice]), Err(CheckpointError::WrongCosignerKey));
    }
}
