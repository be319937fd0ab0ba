//! What every test of policies needs: a transaction, and findings written short.

mod built_in;
mod decisions;
mod faults;
mod language;
mod oracle;
mod precedence;

use crate::base::bytes::Sha256Digest;
use crate::base::kind::IdentifierKind;
use crate::base::time::Timestamp;
use crate::domain::belief::parties::MemberNumber;
use crate::domain::identifier::RawIdentifier;
use crate::domain::identifier::sandbox::SandboxOutcome;
use crate::domain::indicator::typology::Typology;
use crate::domain::indicator::words::Severity;
use crate::domain::profile::facts::ProfileFacts;
use crate::domain::screening::finding::{Finding, Voice};
use crate::domain::screening::freshness::Freshness;
use crate::domain::screening::own_lists::{OwnList, OwnListing};
use crate::domain::screening::policy::Policy;
use crate::domain::screening::policy::decide::Verdict;
use crate::domain::screening::policy::facts::{Conditions, Facts};
use crate::domain::screening::transaction::{Transaction, TransactionDraft};

/// When everything on the own lists was put there, and when every decision is made.
const SINCE: Timestamp = Timestamp::from_unix_s(1_795_000_000);

/// `a`, `b`: a member's full voice; upper case: from a stale feed; in front `~`: provisional, `?`: weak, `!`: disputed,
/// `-`: faint.
fn voices(kind: IdentifierKind, text: &str) -> Vec<Voice> {
    text.split_whitespace()
        .map(|voice| {
            let name = voice.trim_start_matches(['~', '?', '!', '-']);
            let letter = name.chars().next().expect("a voice has a name");
            let member = u32::from(letter.to_ascii_lowercase()) - u32::from('a');
            Voice {
                member: MemberNumber::for_test(u16::try_from(member).expect("a letter")),
                kind,
                weak: voice.contains('?'),
                provisional: voice.contains('~'),
                stale: letter.is_ascii_uppercase(),
                disputed: voice.contains('!'),
                faint: voice.contains('-'),
                own: false,
                typology: Typology::well_formed("F1012").expect("valid"),
                severity: Severity::High,
                confidence: 80,
                first_seen: Timestamp::from_unix_s(SINCE.unix_s() - 60),
            }
        })
        .collect()
}

/// `KIND: VOICES`, or a word in their place.
fn finding(identifier: usize, text: &str) -> Finding {
    let (kind, rest) = text.split_once(':').expect("KIND: VOICES");
    let kind = kind.trim().parse().expect("a kind");
    let mut finding = Finding { identifier, kind, sandbox: None, own_listing: None, voices: Vec::new() };
    match rest.trim() {
        "allowed" => finding.own_listing = Some(OwnListing { list: OwnList::Allow, since: SINCE }),
        "blocked" => finding.own_listing = Some(OwnListing { list: OwnList::Block, since: SINCE }),
        "test-block" => finding.sandbox = Some(SandboxOutcome::Block),
        "test-allow" => finding.sandbox = Some(SandboxOutcome::Allow),
        "test-stale" => finding.sandbox = Some(SandboxOutcome::Stale),
        "test-degraded" => finding.sandbox = Some(SandboxOutcome::Degraded),
        spoken => finding.voices = voices(kind, spoken),
    }
    finding
}

/// Where transactions are decided.
#[derive(Debug, Default)]
struct Shop {
    /// The policy that ships where none.
    policy: Option<Policy>,
    draft: (i64, &'static str, &'static str),
    profile: ProfileFacts,
    challenge_passed_s: Option<u64>,
}

impl Shop {
    fn with_rules(rules: &str) -> Self {
        Self { policy: Some(policy(rules)), ..Self::default() }
    }

    fn decides(&self, findings: &[Finding]) -> Verdict {
        self.look(findings, |policy, facts| policy.decide(findings, facts, SINCE))
    }

    fn look<T>(&self, findings: &[Finding], look: impl FnOnce(&Policy, &Facts<'_>) -> T) -> T {
        let shipped;
        let policy = match &self.policy {
            Some(policy) => policy,
            None => {
                shipped = Policy::built_in(&Sha256Digest([0; 32]));
                &shipped
            }
        };
        let (amount_minor, currency, country) = self.draft;
        let transaction = TransactionDraft {
            identifiers: vec![
                RawIdentifier::new(IdentifierKind::Email, "x@example.org".to_owned()),
                RawIdentifier::new(IdentifierKind::Device, "device-0001".to_owned()),
            ],
            amount_minor,
            currency: currency.to_owned(),
            country: country.to_owned(),
            channel: "web".to_owned(),
            own_score: Some(700),
            ..TransactionDraft::default()
        };
        let transaction = Transaction::new(transaction, SINCE).expect("within bounds");
        let conditions = Conditions { challenge_passed_s: self.challenge_passed_s };
        let freshness = Freshness::default();
        let facts = Facts::new(&transaction, findings, &self.profile, &freshness, conditions, SINCE);
        look(policy, &facts)
    }
}

/// A policy of these rules.
fn policy(rules: &str) -> Policy {
    let amounts = "[amounts.large]\nEUR = 100000\n";
    Policy::parse(&format!("name = \"test\"\nversion = 1\n{amounts}{rules}"), &Sha256Digest([0; 32])).expect("a policy")
}

#[test]
fn the_digest_names_file_and_guard_lists() {
    let digest = |text: &str, guard: u8| Policy::parse(text, &Sha256Digest([guard; 32])).expect("valid").digest();
    let (one, other) = ("name = \"a\"\nversion = 1\n", "name = \"a\"\nversion = 1\n\n");
    assert_eq!(digest(one, 1), digest(one, 1));
    assert_ne!(digest(one, 1), digest(one, 2));
    assert_ne!(digest(one, 1), digest(other, 1));
}
