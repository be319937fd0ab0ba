//! Documented values of every kind that force each answer, so that a shop can try its own code against a node without
//! real identifiers. Heeded only where `sandbox = true`; everywhere and always refused for publishing, because the guard
//! rejects them. They lie in ranges that nobody has: documentation networks and names, drama numbers, the user-assigned
//! country code XS, an issuer range without issuer.
//!
//! ```text
//! kind      answer     value
//! pan       allow      9999990000000014
//! pan       challenge  9999990000000022
//! pan       hold       9999990000000030
//! pan       block      9999990000000048
//! pan       degraded   9999990000000055
//! pan       stale      9999990000000063
//! pan       overload   9999990000000071
//! iban      allow      XS33HUSHWIRESANDBOX1
//! iban      challenge  XS06HUSHWIRESANDBOX2
//! iban      hold       XS76HUSHWIRESANDBOX3
//! iban      block      XS49HUSHWIRESANDBOX4
//! iban      degraded   XS22HUSHWIRESANDBOX5
//! iban      stale      XS92HUSHWIRESANDBOX6
//! iban      overload   XS65HUSHWIRESANDBOX7
//! account   allow      XS:SANDBOX:1
//! account   challenge  XS:SANDBOX:2
//! account   hold       XS:SANDBOX:3
//! account   block      XS:SANDBOX:4
//! account   degraded   XS:SANDBOX:5
//! account   stale      XS:SANDBOX:6
//! account   overload   XS:SANDBOX:7
//! email     allow      allow@sandbox.hushwire.example
//! email     challenge  challenge@sandbox.hushwire.example
//! email     hold       hold@sandbox.hushwire.example
//! email     block      block@sandbox.hushwire.example
//! email     degraded   degraded@sandbox.hushwire.example
//! email     stale      stale@sandbox.hushwire.example
//! email     overload   overload@sandbox.hushwire.example
//! mailbox   allow      allow@sandbox.hushwire.example
//! mailbox   challenge  challenge@sandbox.hushwire.example
//! mailbox   hold       hold@sandbox.hushwire.example
//! mailbox   block      block@sandbox.hushwire.example
//! mailbox   degraded   degraded@sandbox.hushwire.example
//! mailbox   stale      stale@sandbox.hushwire.example
//! mailbox   overload   overload@sandbox.hushwire.example
//! phone     allow      +442079460001
//! phone     challenge  +442079460002
//! phone     hold       +442079460003
//! phone     block      +442079460004
//! phone     degraded   +442079460005
//! phone     stale      +442079460006
//! phone     overload   +442079460007
//! device    allow      hushwire-sandbox-allow
//! device    challenge  hushwire-sandbox-challenge
//! device    hold       hushwire-sandbox-hold
//! device    block      hushwire-sandbox-block
//! device    degraded   hushwire-sandbox-degraded
//! device    stale      hushwire-sandbox-stale
//! device    overload   hushwire-sandbox-overload
//! ip        allow      192.0.2.1
//! ip        challenge  192.0.2.2
//! ip        hold       192.0.2.3
//! ip        block      192.0.2.4
//! ip        degraded   192.0.2.5
//! ip        stale      192.0.2.6
//! ip        overload   192.0.2.7
//! ip6net    allow      2001:db8:0:1::/64
//! ip6net    challenge  2001:db8:0:2::/64
//! ip6net    hold       2001:db8:0:3::/64
//! ip6net    block      2001:db8:0:4::/64
//! ip6net    degraded   2001:db8:0:5::/64
//! ip6net    stale      2001:db8:0:6::/64
//! ip6net    overload   2001:db8:0:7::/64
//! wallet    allow      sandbox:hushwire-allow-0000
//! wallet    challenge  sandbox:hushwire-challenge-0000
//! wallet    hold       sandbox:hushwire-hold-0000
//! wallet    block      sandbox:hushwire-block-0000
//! wallet    degraded   sandbox:hushwire-degraded-0000
//! wallet    stale      sandbox:hushwire-stale-0000
//! wallet    overload   sandbox:hushwire-overload-0000
//! domain    allow      allow.sandbox.hushwire.example
//! domain    challenge  challenge.sandbox.hushwire.example
//! domain    hold       hold.sandbox.hushwire.example
//! domain    block      block.sandbox.hushwire.example
//! domain    degraded   degraded.sandbox.hushwire.example
//! domain    stale      stale.sandbox.hushwire.example
//! domain    overload   overload.sandbox.hushwire.example
//! url       allow      https://allow.sandbox.hushwire.example/
//! url       challenge  https://challenge.sandbox.hushwire.example/
//! url       hold       https://hold.sandbox.hushwire.example/
//! url       block      https://block.sandbox.hushwire.example/
//! url       degraded   https://degraded.sandbox.hushwire.example/
//! url       stale      https://stale.sandbox.hushwire.example/
//! url       overload   https://overload.sandbox.hushwire.example/
//! address   allow      XS|SANDBOX|ALLOW
//! address   challenge  XS|SANDBOX|CHALLENGE
//! address   hold       XS|SANDBOX|HOLD
//! address   block      XS|SANDBOX|BLOCK
//! address   degraded   XS|SANDBOX|DEGRADED
//! address   stale      XS|SANDBOX|STALE
//! address   overload   XS|SANDBOX|OVERLOAD
//! merchant  allow      sandbox:allow
//! merchant  challenge  sandbox:challenge
//! merchant  hold       sandbox:hold
//! merchant  block      sandbox:block
//! merchant  degraded   sandbox:degraded
//! merchant  stale      sandbox:stale
//! merchant  overload   sandbox:overload
//! par       allow      HUSHWIRE0SANDBOX0000000000001
//! par       challenge  HUSHWIRE0SANDBOX0000000000002
//! par       hold       HUSHWIRE0SANDBOX0000000000003
//! par       block      HUSHWIRE0SANDBOX0000000000004
//! par       degraded   HUSHWIRE0SANDBOX0000000000005
//! par       stale      HUSHWIRE0SANDBOX0000000000006
//! par       overload   HUSHWIRE0SANDBOX0000000000007
//! token     allow      sandbox:allow
//! token     challenge  sandbox:challenge
//! token     hold       sandbox:hold
//! token     block      sandbox:block
//! token     degraded   sandbox:degraded
//! token     stale      sandbox:stale
//! token     overload   sandbox:overload
//! ```
//!
//! `allow` to `block` are decisions; `degraded` answers as a node that lost its audit sink, `stale` as one whose peers
//! have been silent beyond their limit, `overload` sheds the call.

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
    fn another_value_forces_nothing() {
        let raw = RawIdentifier::new(IdentifierKind::Device, "hushwire-sandbox-other".to_owned());
        let forms = canonicalise(&raw, &CanonRules::default()).expect("valid");
        assert!(forms.iter().all(|form| outcome(form).is_none()));
    }
}
