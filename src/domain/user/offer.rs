//! Which offer of an authenticator's secret somebody looks at. Each is drawn anew: who saw one (over a shoulder, with a code that was
//! meant for somebody else) knows nothing of the one that is taken in later. Nothing is kept of an offer: the form that takes it
//! carries it.

use std::fmt;
use std::str::FromStr;

const BYTES: usize = 16;

/// One offer. It is no secret by itself, and leads to one together with the user's code or session: not shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Offer([u8; BYTES]);

/// What came back is no offer of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an offer has {} hexadecimal digits", 2 * BYTES)]
pub struct NoOffer;

impl Offer {
    /// Of fresh random bytes.
    pub const fn new(drawn: [u8; BYTES]) -> Self {
        Self(drawn)
    }

    /// For the keyed fingerprint its secret is made of.
    pub fn bytes(&self) -> &[u8; BYTES] {
        &self.0
    }

    /// For the form that takes it.
    pub fn field(&self) -> String {
        hex::encode(self.0)
    }
}

impl FromStr for Offer {
    type Err = NoOffer;

    fn from_str(text: &str) -> Result<Self, NoOffer> {
        let mut bytes = [0; BYTES];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| NoOffer)?;
        Ok(Self(bytes))
    }
}

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Offer(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_comes_back_in_its_form_and_nothing_else_is_one() {
        let offer = Offer::new([0xA7; BYTES]);
        assert_eq!(offer.field().parse(), Ok(offer));
        assert_eq!(format!("{offer:?}"), "Offer(…)");
        for text in ["", "a7", &"a7".repeat(17), &"g".repeat(32), &format!(" {}", offer.field())] {
            assert_eq!(text.parse::<Offer>(), Err(NoOffer), "{text:?}");
        }
    }
}
