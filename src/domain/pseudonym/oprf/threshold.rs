//! Suite 2: the key is shared t-of-m among helpers (Shamir), each of whom evaluates with its share; any t verified answers
//! combine to what the whole key would have given (2HashTDH, eprint 2017/363).
//!
//! ```text
//! x = lp("hushwire/v2/oprf-input") ‖ suite-1 pseudonym        out = VOPRF(k, x), 64 bytes
//! pseudonym = out[0..32]                                      seal = out[32..64]
//! ```

use std::collections::BTreeSet;

use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::Identity;

use crate::base::bytes::Pseudonym;
use crate::base::framing::push_framed;
use crate::domain::pseudonym::keys::Seal;
use crate::domain::pseudonym::oprf::proof::VerifiedEvaluations;
use crate::domain::pseudonym::oprf::{Element, Mode, OprfError, SecretScalar};

const INPUT_LABEL: &[u8] = b"hushwire/v2/oprf-input";

/// Which share a helper holds; its index in the roster, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShareIndex(pub u16);

/// The input of suite 2: nothing but the suite-1 pseudonym, so that an author converts what it published without raw values.
pub fn input(suite_1: &Pseudonym) -> Vec<u8> {
    let mut input = Vec::with_capacity(INPUT_LABEL.len() + 1 + Pseudonym::LENGTH);
    push_framed(&mut input, INPUT_LABEL);
    input.extend_from_slice(suite_1.as_bytes());
    input
}

/// Combines the answers of distinct helpers to one batch, each verified against that helper's own public key. With fewer than
/// `threshold` answers, or with answers to batches of different length, nothing is given: it would be a wrong value.
pub fn combine(answers: &[(ShareIndex, VerifiedEvaluations)], threshold: usize) -> Result<Vec<Element>, OprfError> {
    let indices: BTreeSet<ShareIndex> = answers.iter().map(|(index, _)| *index).collect();
    if indices.len() != answers.len() || indices.contains(&ShareIndex(0)) {
        return Err(OprfError::ShareIndices);
    }
    let got = answers.len();
    let Some(((_, first), _)) = answers.split_first().filter(|_| got >= threshold) else {
        return Err(OprfError::TooFewShares { got, threshold });
    };
    let length = first.elements().len();
    let mut combined = vec![RistrettoPoint::identity(); length];
    for (index, evaluations) in answers {
        if evaluations.elements().len() != length {
            return Err(OprfError::BatchSize { got: evaluations.elements().len(), limit: length });
        }
        let weight = lagrange_at_zero(*index, &indices);
        for (sum, element) in combined.iter_mut().zip(evaluations.elements()) {
            *sum += weight * element.0;
        }
    }
    combined.into_iter().map(|point| Element::checked(point).ok_or(OprfError::Element)).collect()
}

/// The suite-2 pseudonym and seal of the identifier behind a suite-1 pseudonym.
pub fn finalise(suite_1: &Pseudonym, blind: &SecretScalar, combined: &Element) -> Result<(Pseudonym, Seal), OprfError> {
    let output = Mode::Verifiable.finalise(&input(suite_1), blind, combined)?;
    let (halves, _) = output.as_chunks::<32>();
    match halves {
        [pseudonym, seal] => Ok((Pseudonym(*pseudonym), Seal::new(*seal))),
        _ => unreachable!("64 bytes have two halves"),
    }
}

/// `Π x_j / (x_j − x_i)` over all other indices; they are distinct and not zero, so no divisor is.
fn lagrange_at_zero(index: ShareIndex, indices: &BTreeSet<ShareIndex>) -> Scalar {
    let own = Scalar::from(index.0);
    let (mut over, mut under) = (Scalar::ONE, Scalar::ONE);
    for other in indices.iter().filter(|other| **other != index) {
        let other = Scalar::from(other.0);
        over *= other;
        under *= other - own;
    }
    over * under.invert()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;
    use crate::domain::pseudonym::oprf::evaluate;
    use crate::domain::pseudonym::oprf::proof::{evaluate_and_prove, verify_evaluations};

    const SUITE_1: Pseudonym = Pseudonym([9; 32]);

    /// A 3-of-5 sharing: the polynomial's values at 1 to 5.
    fn shares(rng: &mut ChaCha20Rng) -> (SecretScalar, Vec<(ShareIndex, SecretScalar)>) {
        let coefficients: Vec<SecretScalar> = (0..3).map(|_| SecretScalar::draw(rng)).collect();
        let at = |x: u16| {
            let powers = coefficients.iter().rev();
            SecretScalar(powers.fold(Scalar::ZERO, |sum, coefficient| sum * Scalar::from(x) + coefficient.0))
        };
        (at(0), (1..=5).map(|x| (ShareIndex(x), at(x))).collect())
    }

    fn answer(share: &SecretScalar, blinded: &Element, rng: &mut ChaCha20Rng) -> VerifiedEvaluations {
        let (answers, proof) = evaluate_and_prove(share, &[*blinded], rng).expect("one evaluation");
        verify_evaluations(&share.public(), &[*blinded], answers, &proof).expect("honest")
    }

    #[test]
    fn any_three_of_five_give_what_the_whole_key_gives() {
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        let (key, shares) = shares(&mut rng);
        let blind = SecretScalar::draw(&mut rng);
        let blinded = Mode::Verifiable.blind(&input(&SUITE_1), &blind).expect("short");
        let whole = finalise(&SUITE_1, &blind, &evaluate(&key, &blinded)).expect("short");
        for chosen in [[0, 1, 2], [4, 2, 0], [1, 3, 4]] {
            let answers: Vec<_> = chosen
                .into_iter()
                .filter_map(|at: usize| shares.get(at))
                .map(|(index, share)| (*index, answer(share, &blinded, &mut rng)))
                .collect();
            let combined = combine(&answers, 3).expect("three of five");
            assert_eq!(finalise(&SUITE_1, &blind, combined.first().expect("one")).expect("short"), whole);
            assert_eq!(combine(&answers[..2], 3), Err(OprfError::TooFewShares { got: 2, threshold: 3 }));
            let twice = [answers[0].clone(), answers[1].clone(), answers[0].clone()];
            assert_eq!(combine(&twice, 3), Err(OprfError::ShareIndices));
            let zero = [(ShareIndex(0), answers[0].1.clone()), answers[1].clone(), answers[2].clone()];
            assert_eq!(combine(&zero, 3), Err(OprfError::ShareIndices));
        }
        assert_eq!(combine(&[], 0), Err(OprfError::TooFewShares { got: 0, threshold: 0 }));
    }

    #[test]
    fn two_shares_give_another_value() {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let (key, shares) = shares(&mut rng);
        let blinded = Mode::Verifiable.blind(&input(&SUITE_1), &SecretScalar::draw(&mut rng)).expect("short");
        let two: Vec<_> =
            shares.iter().take(2).map(|(index, share)| (*index, answer(share, &blinded, &mut rng))).collect();
        assert_ne!(combine(&two, 2), Ok(vec![evaluate(&key, &blinded)]));
    }
}
