//! How faults of the node and its engine become refusals a caller can act on, in one place and exhaustively.

use crate::base::limits;
use crate::domain::case::StepFault;
use crate::domain::statistics::ledger::BudgetRefusal;
use crate::io::engine::EngineFault;
use crate::io::grpc::status::Refusal;
use crate::io::releasing::ReleasingFault;
use crate::node::case::CaseFault;
use crate::node::challenge::ChallengeFault;
use crate::node::dispute::DisputeFault;
use crate::node::erase::EraseFault;
use crate::node::hold::HoldFault;
use crate::node::list::ListFault;
use crate::node::manage_users::UserFault;
use crate::node::publish::PublishFault;
use crate::node::quarantine::QuarantineFault;
use crate::node::release::ReleaseFault;
use crate::node::retract::RetractFault;
use crate::node::store::StorageFault;

/// `QuotaFailure.subject` of the entries the roster lets this member publish in a day, and of the privacy loss of a quarter.
pub const PUBLISHED_A_DAY: &str = "feed/entries_per_day";
/// Of wrong codes: of one customer in a day, of the node in an hour.
pub const GUESSES_A_CUSTOMER: &str = "challenge/guesses_per_customer";
pub const GUESSES_A_NODE: &str = "challenge/guesses_per_node";
pub const PRIVACY_A_QUARTER: &str = "statistics/privacy_loss_per_quarter";

/// The engine did not do the work.
pub fn engine_refusal(fault: EngineFault) -> Refusal {
    match fault {
        EngineFault::Busy => Refusal::ResourceExhausted {
            reason: "BUSY",
            description: fault.to_string(),
            retry_after_ms: limits::RETRY_AFTER_MS,
        },
        EngineFault::Opening => Refusal::Unavailable {
            reason: "STORE_OPENING",
            description: fault.to_string(),
            retry_after_ms: limits::OPENING_RETRY_MS,
        },
        EngineFault::Stopping => Refusal::Unavailable {
            reason: "STOPPING",
            description: fault.to_string(),
            retry_after_ms: limits::RETRY_AFTER_MS,
        },
        EngineFault::Stuck { .. } => Refusal::Unavailable {
            reason: "STORE_STUCK",
            description: fault.to_string(),
            retry_after_ms: limits::STORE_RETRY_MS,
        },
        EngineFault::Storage(fault) => storage_refusal(&fault),
    }
}

/// The store did not do what was asked. Nothing was acknowledged.
pub fn storage_refusal(fault: &StorageFault) -> Refusal {
    let description = fault.to_string();
    match fault {
        StorageFault::Full => Refusal::Unavailable {
            reason: "DISK_FULL",
            description: format!("{description}: free space, then restart the node"),
            retry_after_ms: limits::STORE_RETRY_MS,
        },
        StorageFault::Views(_) => {
            Refusal::Unavailable { reason: "VIEWS_REBUILDING", description, retry_after_ms: limits::STORE_RETRY_MS }
        }
        StorageFault::Stopped => {
            Refusal::Unavailable { reason: "STORE_STOPPED", description, retry_after_ms: limits::STORE_RETRY_MS }
        }
        StorageFault::Os(_) => Refusal::Unavailable {
            reason: "STORE_STOPPED",
            description: format!("{description}: mend the disk, then restart the node"),
            retry_after_ms: limits::STORE_RETRY_MS,
        },
        StorageFault::Damaged(_)
        | StorageFault::NoRecord(_)
        | StorageFault::InUse
        | StorageFault::WrongKey
        | StorageFault::UnknownVersion { .. } => Refusal::Damaged { reason: "STORE_DAMAGED", description },
        StorageFault::RosterBehind { .. } | StorageFault::OtherRoster { .. } => {
            Refusal::FailedPrecondition { reason: "ROSTER_BEHIND", description }
        }
        StorageFault::ClockBehind { .. } => Refusal::FailedPrecondition { reason: "CLOCK_BEHIND", description },
        StorageFault::TooLarge { .. } => {
            Refusal::ResourceExhausted { reason: "RECORD_TOO_LARGE", description, retry_after_ms: 0 }
        }
    }
}

pub fn hold_refusal(fault: &HoldFault) -> Refusal {
    let description = fault.to_string();
    match fault {
        HoldFault::TooMany { .. } => Refusal::FailedPrecondition { reason: "TOO_MANY_HOLDS", description },
        HoldFault::Sweeping => {
            Refusal::Unavailable { reason: "STORE_SWEEPING", description, retry_after_ms: limits::RETRY_AFTER_MS }
        }
        HoldFault::Unknown => Refusal::NotFound { reason: "NO_SUCH_HOLD", description },
        HoldFault::NotAsked { .. } => Refusal::FailedPrecondition { reason: "LIFT_NOT_ASKED", description },
        HoldFault::SamePerson { .. } => Refusal::FailedPrecondition { reason: "SECOND_PERSON_NEEDED", description },
        HoldFault::Storage(fault) => storage_refusal(fault),
    }
}

pub fn dispute_refusal(fault: &DisputeFault) -> Refusal {
    let description = fault.to_string();
    match fault {
        DisputeFault::UnknownIndicator => Refusal::NotFound { reason: "NO_SUCH_INDICATOR", description },
        DisputeFault::NotDisputed => Refusal::NotFound { reason: "NO_SUCH_DISPUTE", description },
        DisputeFault::OwnIndicator => Refusal::FailedPrecondition { reason: "OWN_INDICATOR", description },
        DisputeFault::NotTheAuthor => Refusal::FailedPrecondition { reason: "NOT_THE_AUTHOR", description },
        DisputeFault::TooMany { .. } => Refusal::FailedPrecondition { reason: "TOO_MANY_DISPUTES", description },
        DisputeFault::Storage(fault) => storage_refusal(fault),
    }
}

pub fn publish_refusal(fault: &PublishFault) -> Refusal {
    let description = fault.to_string();
    let invalid = |field: &str, rule| Refusal::InvalidArgument {
        field: field.to_owned(),
        rule,
        description: description.clone(),
    };
    match fault {
        PublishFault::TooMany { .. } => invalid("indicators", "too_many"),
        PublishFault::UnknownGroup { .. } => invalid("group", "unknown_group"),
        PublishFault::RosterExpired => Refusal::FailedPrecondition { reason: "ROSTER_EXPIRED", description },
        PublishFault::NotTakingPart => Refusal::FailedPrecondition { reason: "NOT_TAKING_PART", description },
        PublishFault::SuiteTooWeak { .. } => Refusal::FailedPrecondition { reason: "SUITE_TOO_WEAK", description },
        PublishFault::NoEpoch => Refusal::FailedPrecondition { reason: "NO_KEY_EPOCH", description },
        PublishFault::RequestIdReused => Refusal::AlreadyExists { reason: "REQUEST_ID_REUSED", description },
        PublishFault::Quota { .. } => Refusal::QuotaExhausted {
            reason: "PUBLISHING_QUOTA",
            subject: PUBLISHED_A_DAY,
            description,
            retry_after_ms: Some(limits::QUOTA_RETRY_MS),
        },
        PublishFault::DiskLow(_) => {
            Refusal::ResourceExhausted { reason: "DISK_LOW", description, retry_after_ms: limits::STORE_RETRY_MS }
        }
        PublishFault::Storage(fault) => storage_refusal(fault),
    }
}

pub fn retract_refusal(fault: &RetractFault) -> Refusal {
    match fault {
        RetractFault::RequestIdReused => {
            Refusal::AlreadyExists { reason: "REQUEST_ID_REUSED", description: fault.to_string() }
        }
        RetractFault::Storage(fault) => storage_refusal(fault),
    }
}

pub fn erase_refusal(fault: &EraseFault) -> Refusal {
    let description = fault.to_string();
    match fault {
        EraseFault::RequestIdReused => Refusal::AlreadyExists { reason: "REQUEST_ID_REUSED", description },
        EraseFault::TooMany { .. } => {
            Refusal::InvalidArgument { field: "names".to_owned(), rule: "too_many", description }
        }
        EraseFault::TooManyWaiting { .. } => Refusal::FailedPrecondition { reason: "ERASURES_WAITING", description },
        EraseFault::Unknown { .. } => Refusal::NotFound { reason: "NO_SUCH_ERASURE", description },
        EraseFault::SamePerson { .. } => Refusal::FailedPrecondition { reason: "SECOND_PERSON_NEEDED", description },
        EraseFault::Storage(fault) => storage_refusal(fault),
    }
}

pub fn quarantine_refusal(fault: &QuarantineFault) -> Refusal {
    let description = fault.to_string();
    match fault {
        QuarantineFault::Unknown => Refusal::NotFound { reason: "NO_SUCH_QUARANTINE", description },
        QuarantineFault::SamePerson { .. } => {
            Refusal::FailedPrecondition { reason: "SECOND_PERSON_NEEDED", description }
        }
        QuarantineFault::Storage(fault) => storage_refusal(fault),
    }
}

pub fn list_refusal(fault: &ListFault) -> Refusal {
    match fault {
        ListFault::RequestIdReused => {
            Refusal::AlreadyExists { reason: "REQUEST_ID_REUSED", description: fault.to_string() }
        }
        ListFault::Storage(fault) => storage_refusal(fault),
    }
}

pub fn case_refusal(fault: &CaseFault) -> Refusal {
    let description = fault.to_string();
    match fault {
        CaseFault::Unknown => Refusal::NotFound { reason: "NO_SUCH_CASE", description },
        CaseFault::Changed { .. } => Refusal::Aborted { reason: "CASE_CHANGED", description },
        CaseFault::Step { fault: StepFault::Illegal(_), .. } => {
            Refusal::FailedPrecondition { reason: "CASE_STATE", description }
        }
        CaseFault::Step { fault: StepFault::SamePerson { .. }, .. } => {
            Refusal::FailedPrecondition { reason: "SECOND_PERSON_NEEDED", description }
        }
        CaseFault::Step { fault: StepFault::Notes { .. }, .. } => {
            Refusal::FailedPrecondition { reason: "CASE_NOTES", description }
        }
        CaseFault::Storage(fault) => storage_refusal(fault),
    }
}

pub fn challenge_refusal(fault: &ChallengeFault) -> Refusal {
    let description = fault.to_string();
    match fault {
        ChallengeFault::Case(fault) => case_refusal(fault),
        ChallengeFault::NotWaiting => Refusal::FailedPrecondition { reason: "NO_CHALLENGE", description },
        ChallengeFault::Expired => Refusal::FailedPrecondition { reason: "CHALLENGE_EXPIRED", description },
        ChallengeFault::AttemptsUsed { .. } => {
            Refusal::FailedPrecondition { reason: "CHALLENGE_ATTEMPTS", description }
        }
        ChallengeFault::CodesSent { .. } => Refusal::FailedPrecondition { reason: "CHALLENGE_CODES", description },
        ChallengeFault::CustomerGuesses => Refusal::QuotaExhausted {
            reason: "GUESSES",
            subject: GUESSES_A_CUSTOMER,
            description,
            retry_after_ms: Some(limits::QUOTA_RETRY_MS),
        },
        ChallengeFault::NodeGuesses => Refusal::QuotaExhausted {
            reason: "GUESSES",
            subject: GUESSES_A_NODE,
            description,
            retry_after_ms: Some(limits::QUOTA_RETRY_MS),
        },
        ChallengeFault::NoAuthenticator => Refusal::FailedPrecondition { reason: "NO_AUTHENTICATOR", description },
        ChallengeFault::Enrolled => Refusal::AlreadyExists { reason: "AUTHENTICATOR_ENROLLED", description },
        ChallengeFault::Full { .. } => Refusal::ResourceExhausted {
            reason: "AUTHENTICATORS_FULL",
            description,
            retry_after_ms: limits::QUOTA_RETRY_MS,
        },
        ChallengeFault::Storage(fault) => storage_refusal(fault),
    }
}

pub fn releasing_refusal(fault: &ReleasingFault) -> Refusal {
    let description = fault.to_string();
    match fault {
        ReleasingFault::Engine(fault) => engine_refusal(fault.clone()),
        ReleasingFault::Release(fault) => release_refusal(fault),
        ReleasingFault::Price(_) => {
            Refusal::InvalidArgument { field: "epsilon_nano".to_owned(), rule: "price", description }
        }
        ReleasingFault::Noise(_) | ReleasingFault::Library => Refusal::Damaged { reason: "NOISE", description },
    }
}

pub fn user_refusal(fault: &UserFault) -> Refusal {
    let description = fault.to_string();
    match fault {
        UserFault::Unknown => Refusal::NotFound { reason: "NO_SUCH_USER", description },
        UserFault::Exists => Refusal::AlreadyExists { reason: "USER_EXISTS", description },
        UserFault::TooMany { .. } => Refusal::FailedPrecondition { reason: "TOO_MANY_USERS", description },
        UserFault::OwnUser => Refusal::FailedPrecondition { reason: "OWN_USER", description },
        // Of the console alone: a certificate needs no second person here.
        UserFault::SamePerson { .. } => Refusal::FailedPrecondition { reason: "SECOND_PERSON_NEEDED", description },
        UserFault::NothingAsked | UserFault::Changed | UserFault::CommandLineOnly => {
            Refusal::FailedPrecondition { reason: "USER_STATE", description }
        }
        UserFault::Storage(fault) => storage_refusal(fault),
    }
}

fn release_refusal(fault: &ReleaseFault) -> Refusal {
    let description = fault.to_string();
    match fault {
        ReleaseFault::Fenced => Refusal::FailedPrecondition { reason: "FENCED", description },
        ReleaseFault::Refused(BudgetRefusal::IdTaken) => {
            Refusal::AlreadyExists { reason: "RELEASE_ID_TAKEN", description }
        }
        // No time to come back: what was asked about stays in the quarter whose budget it does not fit.
        ReleaseFault::Refused(BudgetRefusal::Exhausted { .. }) => Refusal::QuotaExhausted {
            reason: "PRIVACY_BUDGET",
            subject: PRIVACY_A_QUARTER,
            description,
            retry_after_ms: None,
        },
        ReleaseFault::Refused(BudgetRefusal::OfSchedule) => {
            Refusal::InvalidArgument { field: "release_id".to_owned(), rule: "of_schedule", description }
        }
        ReleaseFault::Refused(BudgetRefusal::Price { .. }) => {
            Refusal::FailedPrecondition { reason: "RELEASE_PRICE", description }
        }
        // Neither is the caller's doing: what drew was not what was charged for.
        ReleaseFault::NotCharged | ReleaseFault::Counts(_) => Refusal::Damaged { reason: "NOISE", description },
        ReleaseFault::Storage(fault) => storage_refusal(fault),
    }
}
