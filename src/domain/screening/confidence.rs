//! Effective confidence of one statement: what is left of its reporter's confidence with age, weighed by what the member's
//! own outcomes taught of that reporter.
//!
//! ```text
//! remains    = 1 − (age / lifetime) ^ (halves / 2)          0 from the lifetime on
//! effective  = confidence · remains · weight / 1000         rounded to the nearest percent, halves up
//! ```
//! The form is that of the polynomial model of MISP's decaying indicators (Mokaddem, Wagener, Dulaunoy et al.: *Taxonomy driven
//! indicator scoring in MISP threat intelligence platforms*, 2019), whose `1/δ` is `halves / 2` here. All in integers, in
//! millionths and rounded down at each step, so that every node and every replay reckons the same.
//!
//! Decay only ever lowers: it replaces no validity, and no decision becomes stricter by it.

use crate::base::kind::IdentifierKind;
use crate::base::limits::feedback::CONFIDENCE_FLOOR;
use crate::domain::screening::experience::Weight;

/// Billionths in one.
const ONE: u64 = 1_000_000_000;

/// How statements about one kind age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Curve {
    /// From this age on nothing is left.
    pub lifetime_days: u32,
    /// The exponent in halves: below 2 most is lost early, above 2 late.
    pub halves: u32,
}

/// The curve of a kind. Lifetimes are as long as the thing stays with the same hands; exponents say how abruptly it leaves them.
pub const fn curve(kind: IdentifierKind) -> Curve {
    let (lifetime_days, halves) = match kind {
        // A stolen card is used until its issuer replaces it.
        IdentifierKind::Pan | IdentifierKind::Par | IdentifierKind::Token => (180, 4),
        // Mule accounts and mailboxes are kept as long as they work.
        IdentifierKind::Iban | IdentifierKind::Account | IdentifierKind::Email | IdentifierKind::Mailbox => (365, 4),
        // Numbers are given to somebody else after some months of rest; devices are reset and sold.
        IdentifierKind::Phone | IdentifierKind::Device => (180, 2),
        // Leases change hands within days.
        IdentifierKind::Ip | IdentifierKind::Ip6Net => (30, 1),
        // Taken down soon, and then parked or registered by others.
        IdentifierKind::Domain => (180, 2),
        IdentifierKind::Url => (90, 2),
        // A wallet stays with who holds its key, a merchant with its contract.
        IdentifierKind::Wallet | IdentifierKind::Merchant => (730, 6),
        // People move; drop addresses are left after weeks.
        IdentifierKind::Address => (180, 2),
    };
    Curve { lifetime_days, halves }
}

impl Curve {
    /// What is left at an age, in billionths.
    pub fn remains(self, age_s: u64) -> u64 {
        let lifetime_s = u64::from(self.lifetime_days) * 86_400;
        if age_s >= lifetime_s {
            return 0;
        }
        let share = age_s * ONE / lifetime_s;
        let power = (0..self.halves).fold(ONE, |power, _| power * share / ONE);
        ONE - (power * ONE).isqrt()
    }
}

/// What a statement is worth now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Worth {
    /// Effective confidence, 0 to 100.
    pub effective: u32,
    /// So little is left that it only informs. Never of a statement that lost nothing: what its reporter said of it counts.
    pub faint: bool,
}

/// What is left of `percent`, said of a kind so long ago by a member of such weight.
pub fn worth(percent: u32, kind: IdentifierKind, age_s: u64, weight: Weight) -> Worth {
    let percent = percent.min(100);
    let whole = ONE * 1_000;
    let left = u64::from(percent) * curve(kind).remains(age_s) * u64::from(weight.per_mille());
    let effective = u32::try_from((left + whole / 2) / whole).expect("at most 100");
    Worth { effective, faint: effective < CONFIDENCE_FLOOR && effective < percent }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR_S: u64 = 3_600;
    const DAY_S: u64 = 24 * HOUR_S;

    /// Computed apart from this code, with real numbers, and rounded.
    #[test]
    fn confidence_of_eighty_ages_as_documented() {
        let check = |kind, ages: &[(u64, u32)]| {
            for (age_s, expected) in ages {
                assert_eq!(worth(80, kind, *age_s, Weight::NEUTRAL).effective, *expected, "{kind} at {age_s} s");
            }
        };
        check(IdentifierKind::Pan, &[(0, 80), (DAY_S, 80), (30 * DAY_S, 78), (90 * DAY_S, 60), (180 * DAY_S, 0)]);
        check(IdentifierKind::Iban, &[(DAY_S, 80), (90 * DAY_S, 75), (365 * DAY_S - 1, 0)]);
        check(IdentifierKind::Device, &[(DAY_S, 80), (45 * DAY_S, 60), (90 * DAY_S, 40)]);
        check(IdentifierKind::Ip, &[(HOUR_S, 77), (DAY_S, 65), (7 * DAY_S, 41), (25 * DAY_S, 7), (30 * DAY_S, 0)]);
        check(IdentifierKind::Url, &[(9 * DAY_S, 72), (81 * DAY_S, 8)]);
        check(IdentifierKind::Wallet, &[(90 * DAY_S, 80), (365 * DAY_S, 70)]);
    }

    #[test]
    fn what_is_left_in_billionths_never_changes() {
        let remains = |kind, days: u64| curve(kind).remains(days * DAY_S);
        assert_eq!(remains(IdentifierKind::Pan, 45), 937_500_000);
        assert_eq!(remains(IdentifierKind::Ip, 1), 817_425_816);
        assert_eq!(remains(IdentifierKind::Wallet, 365), 875_000_000);
        assert_eq!(remains(IdentifierKind::Url, 1), 988_888_925);
        assert_eq!(remains(IdentifierKind::Url, u64::MAX / DAY_S), 0);
    }

    #[test]
    fn only_what_lost_something_can_become_faint() {
        let check = |percent, age_s, effective, faint| {
            let found = worth(percent, IdentifierKind::Device, age_s, Weight::NEUTRAL);
            assert_eq!(found, Worth { effective, faint }, "{percent} at {age_s} s");
        };
        check(5, 0, 5, false);
        check(0, 0, 0, false);
        check(0, 200 * DAY_S, 0, false);
        check(80, 157 * DAY_S, 10, false);
        check(80, 159 * DAY_S, 9, true);
        check(5, 90 * DAY_S, 3, true);
    }

    proptest! {
        #[test]
        fn age_never_adds_confidence(
            percent in 0..=100_u32, kind in 0..IdentifierKind::ALL.len(), age_s in 0..100_000_000_u64, more in 0..50_000_000_u64,
        ) {
            let kind = *IdentifierKind::ALL.get(kind).expect("in range");
            let young = worth(percent, kind, age_s, Weight::NEUTRAL).effective;
            prop_assert!(young <= percent);
            prop_assert!(worth(percent, kind, age_s + more, Weight::NEUTRAL).effective <= young);
        }
    }
}
