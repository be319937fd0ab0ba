//! Proofs that a batch was evaluated with one known key, RFC 9497 §2.2: without them a helper could answer each member with
//! another key and tell them apart.

use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::Identity;
use rand::CryptoRng;
use sha2::{Digest, Sha512};

use crate::domain::pseudonym::oprf::{Element, Mode, OprfError, SecretScalar, evaluate, update_framed};

/// Evaluations under one proof.
pub const BATCH_EVALUATIONS: usize = 1_024;

/// Challenge and response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EvaluationProof {
    challenge: Scalar,
    response: Scalar,
}

impl EvaluationProof {
    pub fn encode(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        let (challenge, response) = bytes.split_at_mut(32);
        challenge.copy_from_slice(self.challenge.as_bytes());
        response.copy_from_slice(self.response.as_bytes());
        bytes
    }

    /// Refuses scalars that are not canonical: one proof has one encoding.
    pub fn decode(bytes: &[u8; 64]) -> Result<Self, OprfError> {
        let (halves, _) = bytes.as_chunks::<32>();
        let mut scalars = halves.iter().map(|half| Option::<Scalar>::from(Scalar::from_canonical_bytes(*half)));
        match (scalars.next().flatten(), scalars.next().flatten()) {
            (Some(challenge), Some(response)) => Ok(Self { challenge, response }),
            _ => Err(OprfError::Scalar),
        }
    }
}

/// Evaluations that were checked against their helper's public key. Only [`verify_evaluations`] makes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedEvaluations(Vec<Element>);

impl VerifiedEvaluations {
    /// In the order of the blinded elements.
    pub fn elements(&self) -> &[Element] {
        &self.0
    }
}

/// Evaluates a batch and proves that `key` did it.
pub fn evaluate_and_prove(
    key: &SecretScalar,
    blinded: &[Element],
    rng: &mut impl CryptoRng,
) -> Result<(Vec<Element>, EvaluationProof), OprfError> {
    prove(key, blinded, &SecretScalar::draw(rng))
}

/// The same with a given nonce, which must be fresh and secret: two proofs under one nonce give the key away.
pub(in crate::domain::pseudonym) fn prove(
    key: &SecretScalar,
    blinded: &[Element],
    nonce: &SecretScalar,
) -> Result<(Vec<Element>, EvaluationProof), OprfError> {
    let evaluated: Vec<Element> = blinded.iter().map(|element| evaluate(key, element)).collect();
    let public = key.public();
    let (weighted, _) = composites(&public, blinded, &evaluated)?;
    let commitments = [weighted, key.0 * weighted, RistrettoPoint::mul_base(&nonce.0), nonce.0 * weighted];
    let challenge = challenge(&public, &commitments);
    let response = nonce.0 - challenge * key.0;
    Ok((evaluated, EvaluationProof { challenge, response }))
}

/// Accepts evaluations that the holder of the key behind `public` made from `blinded`.
pub fn verify_evaluations(
    public: &Element,
    blinded: &[Element],
    evaluated: Vec<Element>,
    proof: &EvaluationProof,
) -> Result<VerifiedEvaluations, OprfError> {
    let (weighted, answered) = composites(public, blinded, &evaluated)?;
    let EvaluationProof { challenge: claimed, response } = *proof;
    let by_generator = RistrettoPoint::mul_base(&response) + claimed * public.0;
    let by_weighted = response * weighted + claimed * answered;
    let expected = challenge(public, &[weighted, answered, by_generator, by_weighted]);
    if expected == claimed { Ok(VerifiedEvaluations(evaluated)) } else { Err(OprfError::Proof) }
}

/// One pair of elements for the whole batch, each weighted by a hash of everything.
fn composites(
    public: &Element,
    blinded: &[Element],
    evaluated: &[Element],
) -> Result<(RistrettoPoint, RistrettoPoint), OprfError> {
    let got = blinded.len();
    if got == 0 || got > BATCH_EVALUATIONS || evaluated.len() != got {
        return Err(OprfError::BatchSize { got: got.max(evaluated.len()), limit: BATCH_EVALUATIONS });
    }
    let seed_label = [b"Seed-".as_slice(), &Mode::Verifiable.context()].concat();
    let mut seed = Sha512::new();
    update_framed(&mut seed, &public.encode());
    update_framed(&mut seed, &seed_label);
    let seed = seed.finalize();
    let (mut weighted, mut answered) = (RistrettoPoint::identity(), RistrettoPoint::identity());
    for (index, (asked, answer)) in (0u16..).zip(blinded.iter().zip(evaluated)) {
        let weight = Mode::Verifiable.hash_to_scalar(&[
            &[0, 64],
            seed.as_slice(),
            &index.to_be_bytes(),
            &[0, 32],
            &asked.encode(),
            &[0, 32],
            &answer.encode(),
            b"Composite",
        ]);
        weighted += weight * asked.0;
        answered += weight * answer.0;
    }
    Ok((weighted, answered))
}

fn challenge(public: &Element, commitments: &[RistrettoPoint; 4]) -> Scalar {
    let mut transcript = Vec::with_capacity(5 * 34 + 9);
    for encoded in std::iter::once(public.encode()).chain(commitments.iter().map(|point| point.compress().to_bytes())) {
        transcript.extend_from_slice(&[0, 32]);
        transcript.extend_from_slice(&encoded);
    }
    transcript.extend_from_slice(b"Challenge");
    Mode::Verifiable.hash_to_scalar(&[&transcript])
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;

    fn blinded(count: u8, rng: &mut ChaCha20Rng) -> Vec<Element> {
        let blind = |input: u8| Mode::Verifiable.blind(&[input], &SecretScalar::draw(rng)).expect("short");
        (0..count).map(blind).collect()
    }

    #[test]
    fn a_proof_holds_for_its_key_and_its_evaluations_only() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let (key, other) = (SecretScalar::draw(&mut rng), SecretScalar::draw(&mut rng));
        let asked = blinded(3, &mut rng);
        let (answers, proof) = evaluate_and_prove(&key, &asked, &mut rng).expect("a small batch");
        let verify = |public: &SecretScalar, asked: &[Element], answers: &[Element], proof: &EvaluationProof| {
            verify_evaluations(&public.public(), asked, answers.to_vec(), proof)
        };
        assert_eq!(verify(&key, &asked, &answers, &proof), Ok(VerifiedEvaluations(answers.clone())));
        let read_back = EvaluationProof::decode(&proof.encode()).expect("canonical");
        assert_eq!(read_back, proof);
        assert_eq!(verify(&other, &asked, &answers, &proof), Err(OprfError::Proof));
        let swapped = [answers[1], answers[0], answers[2]];
        assert_eq!(verify(&key, &asked, &swapped, &proof), Err(OprfError::Proof));
        let one_by_another_key = [answers[0], evaluate(&other, &asked[1]), answers[2]];
        assert_eq!(verify(&key, &asked, &one_by_another_key, &proof), Err(OprfError::Proof));
        let short = verify(&key, &asked, &answers[..2], &proof);
        assert_eq!(short, Err(OprfError::BatchSize { got: 3, limit: BATCH_EVALUATIONS }));
    }

    #[test]
    fn empty_and_oversized_batches_are_refused() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let key = SecretScalar::draw(&mut rng);
        let one = blinded(1, &mut rng)[0];
        for got in [0, BATCH_EVALUATIONS + 1] {
            let refused = evaluate_and_prove(&key, &vec![one; got], &mut rng).err();
            assert_eq!(refused, Some(OprfError::BatchSize { got, limit: BATCH_EVALUATIONS }));
        }
    }

    #[test]
    fn scalars_of_a_proof_are_canonical() {
        let mut bytes = [0; 64];
        assert!(EvaluationProof::decode(&bytes).is_ok());
        bytes[63] = 0xFF;
        assert_eq!(EvaluationProof::decode(&bytes), Err(OprfError::Scalar));
    }
}
