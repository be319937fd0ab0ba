//! How long the content of each kind of record is kept. The leaf stays for ever, and with it every proof.

use crate::domain::audit::event::AuditEvent;

/// What only helps to run the node: a year and a month, so that one year can be compared with the last.
const OPERATION_DAYS: u32 = 396;

/// What a customer, a supervisor or a court may ask about: ten years, the longest of the usual limitation periods.
const ANSWERABLE_DAYS: u32 = 3_653;

impl AuditEvent {
    /// Days the content of its record is kept.
    pub const fn keep_days(&self) -> u32 {
        match self {
            // A list tells of nobody in particular.
            Self::Looked(looks) => {
                if looks.looked.is_of_one() {
                    ANSWERABLE_DAYS
                } else {
                    OPERATION_DAYS
                }
            }
            Self::NodeStarted { .. }
            | Self::NodeStopped
            | Self::BatchDelivered { .. }
            | Self::BatchReceived { .. }
            | Self::PublicationRefused { .. }
            | Self::PeerSilent { .. }
            | Self::CheckpointCosigned { .. }
            | Self::DecoyPublished { .. }
            | Self::ScreeningsCounted { .. }
            | Self::CallRefused { .. }
            | Self::SignInsRefused { .. }
            | Self::AuditListed { .. }
            | Self::HoldsListed { .. } => OPERATION_DAYS,
            Self::NodeFenced { .. }
            | Self::NodeRecovered { .. }
            | Self::IndicatorPublished { .. }
            | Self::IndicatorRetracted { .. }
            | Self::EntryErased { .. }
            | Self::ErasureAsked { .. }
            | Self::ErasureConfirmed { .. }
            | Self::ErasureRefused { .. }
            | Self::PeerFault { .. }
            | Self::EquivocationProved { .. }
            | Self::QuarantineRaised { .. }
            | Self::QuarantineLifted { .. }
            | Self::IndicatorQuarantined { .. }
            | Self::QuarantineLiftAsked { .. }
            | Self::IndicatorUnquarantined { .. }
            | Self::QuarantineKept { .. }
            | Self::QuarantineLiftRefused { .. }
            | Self::ScreeningDecided { .. }
            | Self::LateMatchRaised { .. }
            | Self::LateMatchEased { .. }
            | Self::CaseOpened { .. }
            | Self::CaseStepped { .. }
            | Self::CaseStepRefused { .. }
            | Self::CasesUnopened { .. }
            | Self::ChallengeMissed { .. }
            | Self::AuthenticatorChanged { .. }
            | Self::OutcomeReported { .. }
            | Self::SightingReceived { .. }
            | Self::DisputeStepped { .. }
            | Self::GapRecorded { .. }
            | Self::RosterApplied { .. }
            | Self::RosterRefused { .. }
            | Self::EpochActivated { .. }
            | Self::KeyChanged { .. }
            | Self::GuardListsLoaded { .. }
            | Self::PolicyLoaded { .. }
            | Self::CommandDone(_)
            | Self::Console(_)
            | Self::WebhookRefused { .. }
            | Self::PolicyRefused { .. }
            | Self::AuditExported { .. }
            | Self::AuditExtracted { .. }
            | Self::AuditProved { .. }
            | Self::HoldPlaced { .. }
            | Self::HoldLiftAsked { .. }
            | Self::HoldLifted { .. }
            | Self::HoldRefused { .. }
            | Self::AuditReported { .. }
            | Self::DecisionExplained { .. }
            | Self::StatisticsReleased { .. }
            | Self::StatisticsRefused { .. }
            | Self::StatisticsSkipped { .. }
            | Self::ProfileShown { .. }
            | Self::ProfileErased { .. }
            | Self::StoreDamaged { .. }
            | Self::IdentifierListed { .. }
            | Self::IdentifierDelisted { .. }
            | Self::IdentifierLookedUp { .. }
            | Self::StoreRepaired { .. }
            | Self::EntriesUnbelieved { .. }
            | Self::AuditLogDiverged { .. }
            | Self::StoreSalvaged { .. } => ANSWERABLE_DAYS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Timestamp;

    #[test]
    fn a_decision_can_be_explained_longer_than_a_counter_is_kept() {
        let minute = Timestamp::from_unix_s(0);
        let counter = AuditEvent::ScreeningsCounted { minute, allowed: 1, challenged: 0, held: 0, blocked: 0 };
        let outcome = AuditEvent::OutcomeReported { decision_id: String::new(), outcome: "fraud" };
        assert!(counter.keep_days() < outcome.keep_days());
    }
}
