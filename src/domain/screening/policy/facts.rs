//! What a policy may know of one transaction, worked out once for all its rules.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::kind::IdentifierKind;
use crate::base::limits::decisions::POLICY_TYPOLOGIES;
use crate::base::time::Timestamp;
use crate::domain::belief::parties::MemberNumber;
use crate::domain::profile::facts::ProfileFacts;
use crate::domain::screening::answer::effective_confidence;
use crate::domain::screening::finding::{Finding, Standing, Voice, family, is_card};
use crate::domain::screening::freshness::Freshness;
use crate::domain::screening::own_lists::OwnList;
use crate::domain::screening::transaction::Transaction;

/// What this transaction's customer did beside it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Conditions {
    /// Seconds since the customer last passed a challenge; none where never, or not known.
    pub challenge_passed_s: Option<u64>,
}

/// Everything rules are written in.
#[derive(Debug)]
pub struct Facts<'a> {
    pub transaction: &'a Transaction,
    pub profile: &'a ProfileFacts,
    pub freshness: &'a Freshness,
    pub conditions: Conditions,
    /// By identifier; only identifiers of which somebody speaks.
    pub matches: Vec<MatchFacts<'a>>,
    /// Distinct members that count fully, over the whole transaction.
    pub members: usize,
    pub allowed: bool,
    pub blocked: bool,
}

/// What is held of one identifier.
#[derive(Debug)]
pub struct MatchFacts<'a> {
    /// Index in the request.
    pub identifier: usize,
    pub kind: IdentifierKind,
    /// The forms that matched.
    pub kinds: Vec<IdentifierKind>,
    pub typologies: Vec<&'a str>,
    pub severity: u32,
    /// With age and weights.
    pub confidence: u32,
    pub members: usize,
    pub members_any: usize,
    pub own: usize,
    pub weak: bool,
    pub provisional: bool,
    pub stale: bool,
    pub disputed: bool,
    pub faint: bool,
    pub standing: Standing,
    /// Distinct members that carry the standing.
    pub speaking: usize,
    pub age_s: u64,
}

impl<'a> Facts<'a> {
    pub fn new(
        transaction: &'a Transaction,
        findings: &'a [Finding],
        profile: &'a ProfileFacts,
        freshness: &'a Freshness,
        conditions: Conditions,
        now: Timestamp,
    ) -> Self {
        let full = |finding: &'a Finding| finding.voices.iter().filter(|voice| voice.counts_fully());
        let members: BTreeSet<MemberNumber> = findings.iter().flat_map(full).map(|voice| voice.member).collect();
        let listed = |list| findings.iter().any(|found| found.own_listing.is_some_and(|listing| listing.list == list));
        Self {
            transaction,
            profile,
            freshness,
            conditions,
            matches: findings.iter().filter_map(|finding| MatchFacts::of(finding, now)).collect(),
            members: members.len(),
            allowed: listed(OwnList::Allow),
            blocked: listed(OwnList::Block),
        }
    }
}

impl<'a> MatchFacts<'a> {
    fn of(finding: &'a Finding, now: Timestamp) -> Option<Self> {
        let standing = finding.standing()?;
        let voices = &finding.voices;
        let mut best: BTreeMap<MemberNumber, u32> = BTreeMap::new();
        for voice in voices {
            let held = best.entry(voice.member).or_default();
            *held = voice.confidence.max(*held);
        }
        let typologies: BTreeSet<&str> = voices.iter().map(|voice| voice.typology.as_str()).collect();
        let newest = voices.iter().map(|voice| voice.first_seen).max()?;
        Some(Self {
            identifier: finding.identifier,
            kind: finding.kind,
            kinds: voices.iter().map(|voice| voice.kind).collect::<BTreeSet<_>>().into_iter().collect(),
            typologies: typologies.into_iter().take(POLICY_TYPOLOGIES).collect(),
            severity: voices.iter().map(|voice| voice.severity.number()).max()?,
            members: finding.members(Voice::counts_fully),
            members_any: best.len(),
            confidence: effective_confidence(best.into_values()),
            own: voices.iter().filter(|voice| voice.own).count(),
            weak: standing == Standing::Weak,
            provisional: voices.iter().any(|voice| voice.provisional),
            stale: voices.iter().any(|voice| voice.stale),
            disputed: voices.iter().any(|voice| voice.disputed),
            faint: voices.iter().any(|voice| voice.faint),
            speaking: finding.speaking(standing),
            standing,
            age_s: now.ms_since(newest) / 1000,
        })
    }

    pub fn family(&self) -> IdentifierKind {
        family(self.kind)
    }

    pub fn is_card(&self) -> bool {
        is_card(self.kind)
    }
}
