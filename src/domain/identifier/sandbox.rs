//! Documented values of every kind that force each answer, so that a shop can try its own code against a node without
//! real identifiers. `docs/sandbox.md` lists them for people; a test holds that page and code agree.
#![doc = include_str!("../../../docs/sandbox.md")]

use crate::base::kind::IdentifierKind;
use crate::domain::identifier::CanonicalIdentifier;

/// What a sandbox value forces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SandboxOutcome {
    Allow,
    Challenge,
    Hold,
    Block,
    Degraded,
    Stale,
    Overload,
}

impl SandboxOutcome {
    /// In the order of the values of each kind.
    pub const ALL: [Self; 7] =
        [Self::Allow, Self::Challenge, Self::Hold, Self::Block, Self::Degraded, Self::Stale, Self::Overload];
}

/// What the identifier forces where the sandbox is on; none for every other identifier.
pub fn outcome(identifier: &CanonicalIdentifier) -> Option<SandboxOutcome> {
    let given = identifier.expose();
    let place = values(identifier.kind()).iter().position(|value| value.as_bytes() == given)?;
    SandboxOutcome::ALL.get(place).copied()
}

/// The values of a kind, in canonical form, in the order of [`SandboxOutcome::ALL`].
pub const fn values(kind: IdentifierKind) -> &'static [&'static str; 7] {
    match kind {
        IdentifierKind::Pan => &[
            "9999990000000014",
            "9999990000000022",
            "9999990000000030",
            "9999990000000048",
            "9999990000000055",
            "9999990000000063",
            "9999990000000071",
        ],
        IdentifierKind::Iban => &[
            "XS33HUSHWIRESANDBOX1",
            "XS06HUSHWIRESANDBOX2",
            "XS76HUSHWIRESANDBOX3",
            "XS49HUSHWIRESANDBOX4",
            "XS22HUSHWIRESANDBOX5",
            "XS92HUSHWIRESANDBOX6",
            "XS65HUSHWIRESANDBOX7",
        ],
        IdentifierKind::Account => &[
            "XS:SANDBOX:1",
            "XS:SANDBOX:2",
            "XS:SANDBOX:3",
            "XS:SANDBOX:4",
            "XS:SANDBOX:5",
            "XS:SANDBOX:6",
            "XS:SANDBOX:7",
        ],
        IdentifierKind::Email => &[
            "allow@sandbox.hushwire.example",
            "challenge@sandbox.hushwire.example",
            "hold@sandbox.hushwire.example",
            "block@sandbox.hushwire.example",
            "degraded@sandbox.hushwire.example",
            "stale@sandbox.hushwire.example",
            "overload@sandbox.hushwire.example",
        ],
        IdentifierKind::Mailbox => &[
            "allow@sandbox.hushwire.example",
            "challenge@sandbox.hushwire.example",
            "hold@sandbox.hushwire.example",
            "block@sandbox.hushwire.example",
            "degraded@sandbox.hushwire.example",
            "stale@sandbox.hushwire.example",
            "overload@sandbox.hushwire.example",
        ],
        IdentifierKind::Phone => &[
            "+442079460001",
            "+442079460002",
            "+442079460003",
            "+442079460004",
            "+442079460005",
            "+442079460006",
            "+442079460007",
        ],
        IdentifierKind::Device => &[
            "hushwire-sandbox-allow",
            "hushwire-sandbox-challenge",
            "hushwire-sandbox-hold",
            "hushwire-sandbox-block",
            "hushwire-sandbox-degraded",
            "hushwire-sandbox-stale",
            "hushwire-sandbox-overload",
        ],
        IdentifierKind::Ip => {
            &["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5", "192.0.2.6", "192.0.2.7"]
        }
        IdentifierKind::Ip6Net => &[
            "2001:db8:0:1::/64",
            "2001:db8:0:2::/64",
            "2001:db8:0:3::/64",
            "2001:db8:0:4::/64",
            "2001:db8:0:5::/64",
            "2001:db8:0:6::/64",
            "2001:db8:0:7::/64",
        ],
        IdentifierKind::Wallet => &[
            "sandbox:hushwire-allow-0000",
            "sandbox:hushwire-challenge-0000",
            "sandbox:hushwire-hold-0000",
            "sandbox:hushwire-block-0000",
            "sandbox:hushwire-degraded-0000",
            "sandbox:hushwire-stale-0000",
            "sandbox:hushwire-overload-0000",
        ],
        IdentifierKind::Domain => &[
            "allow.sandbox.hushwire.example",
            "challenge.sandbox.hushwire.example",
            "hold.sandbox.hushwire.example",
            "block.sandbox.hushwire.example",
            "degraded.sandbox.hushwire.example",
            "stale.sandbox.hushwire.example",
            "overload.sandbox.hushwire.example",
        ],
        IdentifierKind::Url => &[
            "https://allow.sandbox.hushwire.example/",
            "https://challenge.sandbox.hushwire.example/",
            "https://hold.sandbox.hushwire.example/",
            "https://block.sandbox.hushwire.example/",
            "https://degraded.sandbox.hushwire.example/",
            "https://stale.sandbox.hushwire.example/",
            "https://overload.sandbox.hushwire.example/",
        ],
        IdentifierKind::Address => &[
            "XS|SANDBOX|ALLOW",
            "XS|SANDBOX|CHALLENGE",
            "XS|SANDBOX|HOLD",
            "XS|SANDBOX|BLOCK",
            "XS|SANDBOX|DEGRADED",
            "XS|SANDBOX|STALE",
            "XS|SANDBOX|OVERLOAD",
        ],
        IdentifierKind::Merchant => &[
            "sandbox:allow",
            "sandbox:challenge",
            "sandbox:hold",
            "sandbox:block",
            "sandbox:degraded",
            "sandbox:stale",
            "sandbox:overload",
        ],
        IdentifierKind::Par => &[
            "HUSHWIRE0SANDBOX0000000000001",
            "HUSHWIRE0SANDBOX0000000000002",
            "HUSHWIRE0SANDBOX0000000000003",
            "HUSHWIRE0SANDBOX0000000000004",
            "HUSHWIRE0SANDBOX0000000000005",
            "HUSHWIRE0SANDBOX0000000000006",
            "HUSHWIRE0SANDBOX0000000000007",
        ],
        IdentifierKind::Token => &[
            "sandbox:allow",
            "sandbox:challenge",
            "sandbox:hold",
            "sandbox:block",
            "sandbox:degraded",
            "sandbox:stale",
            "sandbox:overload",
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::identifier::guard::{Grade, GuardLists};
    use crate::domain::identifier::{CanonRules, RawIdentifier, canonicalise};

    #[test]
    fn every_kind_has_a_value_for_every_answer_and_none_can_be_published() {
        let guard = GuardLists::built_in();
        for kind in IdentifierKind::ALL {
            for (value, expected) in values(kind).iter().zip(SandboxOutcome::ALL) {
                let raw = RawIdentifier::new(kind, (*value).to_owned());
                let forms = canonicalise(&raw, &CanonRules::default()).expect("sandbox values are valid");
                let first = forms.first().expect("the first form has the kind given");
                assert_eq!(first.expose(), value.as_bytes(), "{value} is canonical");
                assert_eq!(outcome(first), Some(expected), "{value}");
                assert!(matches!(guard.grade(first), Grade::Rejected(_)), "{value}");
            }
        }
    }

    #[test]
    fn the_page_lists_every_value_with_its_answer() {
        let page = include_str!("../../../docs/sandbox.md");
        let block = page.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a table");
        let rows: Vec<Vec<&str>> = block.lines().skip(1).map(|row| row.split_whitespace().collect()).collect();
        let mut expected = Vec::new();
        for kind in IdentifierKind::ALL {
            for (value, outcome) in values(kind).iter().zip(SandboxOutcome::ALL) {
                expected.push(vec![
                    kind.label().to_owned(),
                    format!("{outcome:?}").to_lowercase(),
                    (*value).to_owned(),
                ]);
            }
        }
        assert_eq!(rows, expected);
    }

    #[test]
    fn another_value_forces_nothing() {
        let raw = RawIdentifier::new(IdentifierKind::Device, "hushwire-sandbox-other".to_owned());
        let forms = canonicalise(&raw, &CanonRules::default()).expect("valid");
        assert!(forms.iter().all(|form| outcome(form).is_none()));
    }
}
