//! What was found about each identifier of a transaction, and how much it counts.

use std::collections::BTreeSet;

use crate::base::kind::IdentifierKind;
use crate::base::time::Timestamp;
use crate::domain::belief::parties::MemberNumber;
use crate::domain::identifier::sandbox::SandboxOutcome;
use crate::domain::indicator::typology::Typology;
use crate::domain::indicator::words::{Severity, vocabulary};
use crate::domain::screening::own_lists::OwnListing;

/// Distinct members that corroborate each other.
const CORROBORATING_MEMBERS: usize = 2;

/// What one statement weighs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voice {
    pub member: MemberNumber,
    /// What it was said of: the identifier as given, or a form derived from it.
    pub kind: IdentifierKind,
    /// Its form is shared by many innocents.
    pub weak: bool,
    /// Too few witnesses so far.
    pub provisional: bool,
    /// Its feed is older than its limit.
    pub stale: bool,
    /// Somebody disputes it, and its author has not answered yet.
    pub disputed: bool,
    /// So little is left of its confidence that it only informs.
    pub faint: bool,
    /// It is this member's own.
    pub own: bool,
    pub typology: Typology,
    pub severity: Severity,
    /// In percent: what age and its reporter's weight left of what was said.
    pub confidence: u32,
    /// When this node first held it.
    pub first_seen: Timestamp,
}

/// What was found about one identifier of the transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Index in the request.
    pub identifier: usize,
    /// The kind as given.
    pub kind: IdentifierKind,
    pub sandbox: Option<SandboxOutcome>,
    pub own_listing: Option<OwnListing>,
    /// Statements that are live, valid now and not of a quarantined member.
    pub voices: Vec<Voice>,
}

vocabulary!(
    /// How far the statements about one identifier carry, together.
    Standing, "standing", "corroborated, corroborated_stale, single, provisional, disputed, weak, faded",
    {
        /// Two distinct members count fully.
        Corroborated = 1 "corroborated",
        /// Two only with a feed that is stale: a retraction may be on its way.
        CorroboratedStale = 2 "corroborated_stale",
        /// One member.
        Single = 3 "single",
        /// Members speak, yet too few witnesses vouch for what they said so far.
        Provisional = 4 "provisional",
        /// Members speak, yet others dispute what they say.
        Disputed = 6 "disputed",
        /// Only forms that many innocents share.
        Weak = 5 "weak",
        /// What is said has faded with age, or with how often its reporters were wrong.
        Faded = 7 "faded",
    }
);

impl Voice {
    /// Neither weak nor faint nor provisional nor disputed nor from a stale feed.
    pub fn counts_fully(&self) -> bool {
        self.stands_fully() && !self.stale
    }

    /// As [`Voice::counts_fully`], its feed's age aside.
    fn stands_fully(&self) -> bool {
        self.is_strong() && !self.provisional && !self.disputed
    }

    fn is_strong(&self) -> bool {
        !self.weak && !self.faint
    }

    fn is_weak(&self) -> bool {
        self.weak && !self.faint
    }
}

impl Finding {
    /// Distinct members among the voices that count: one member counts once over all forms and epochs of the identifier.
    pub fn members(&self, counts: impl Fn(&Voice) -> bool) -> usize {
        let speaking = self.voices.iter().filter(|voice| counts(voice)).map(|voice| voice.member);
        speaking.collect::<BTreeSet<_>>().len()
    }

    /// None where nobody speaks.
    pub fn standing(&self) -> Option<Standing> {
        let fresh = self.members(Voice::counts_fully);
        let with_stale = self.members(Voice::stands_fully);
        let strong = self.members(Voice::is_strong);
        if fresh >= CORROBORATING_MEMBERS {
            Some(Standing::Corroborated)
        } else if with_stale >= CORROBORATING_MEMBERS {
            Some(Standing::CorroboratedStale)
        } else if with_stale > 0 && strong < CORROBORATING_MEMBERS {
            Some(Standing::Single)
        } else if strong > 0 {
            let unwitnessed = self.voices.iter().any(|voice| voice.is_strong() && voice.provisional);
            Some(if unwitnessed { Standing::Provisional } else { Standing::Disputed })
        } else if self.voices.iter().any(Voice::is_weak) {
            Some(Standing::Weak)
        } else {
            (!self.voices.is_empty()).then_some(Standing::Faded)
        }
    }

    /// Distinct members that carry this standing: what a reason tells.
    pub fn speaking(&self, standing: Standing) -> usize {
        match standing {
            Standing::Corroborated => self.members(Voice::counts_fully),
            Standing::CorroboratedStale => self.members(Voice::stands_fully),
            Standing::Single | Standing::Provisional | Standing::Disputed => self.members(Voice::is_strong),
            Standing::Weak => self.members(Voice::is_weak),
            Standing::Faded => self.members(|voice| voice.faint),
        }
    }
}

/// Kinds that stand for one payment card: its number, its account reference, its tokens.
pub fn is_card(kind: IdentifierKind) -> bool {
    matches!(kind, IdentifierKind::Pan | IdentifierKind::Par | IdentifierKind::Token)
}

/// Kinds that are weak whatever the guard lists say: many people share them.
pub fn is_weak_kind(kind: IdentifierKind) -> bool {
    matches!(kind, IdentifierKind::Ip | IdentifierKind::Ip6Net | IdentifierKind::Address)
}

/// Kinds that say the same thing twice have one family: two of them are not two reasons.
pub fn family(kind: IdentifierKind) -> IdentifierKind {
    match kind {
        IdentifierKind::Ip6Net => IdentifierKind::Ip,
        IdentifierKind::Url => IdentifierKind::Domain,
        IdentifierKind::Mailbox => IdentifierKind::Email,
        IdentifierKind::Par | IdentifierKind::Token => IdentifierKind::Pan,
        IdentifierKind::Account => IdentifierKind::Iban,
        IdentifierKind::Pan
        | IdentifierKind::Iban
        | IdentifierKind::Email
        | IdentifierKind::Phone
        | IdentifierKind::Device
        | IdentifierKind::Ip
        | IdentifierKind::Wallet
        | IdentifierKind::Domain
        | IdentifierKind::Address
        | IdentifierKind::Merchant => kind,
    }
}
