//! The acts by name, and how one fails: the demo ends with exit code 5 and says which act did not come true.

use crate::app::demo::acts::word;
use crate::app::outcome::CliError;
use crate::io::grpc::wire::hushwire::local::v1::ScreenTransactionResponse;
use crate::io::grpc::wire::hushwire::types::v1::Decision;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Publish,
    Screen,
    Corroborate,
    Retract,
    Challenge,
    Hold,
    Explain,
    CatchUp,
    Pry,
    Release,
    Audit,
}

impl Act {
    pub const fn title(self) -> &'static str {
        match self {
            Self::Publish => "The banks publish what they know",
            Self::Screen => "The shop screens its orders",
            Self::Corroborate => "A second bank corroborates, and a challenge becomes a block",
            Self::Retract => "Bank A was wrong once, and takes it back",
            Self::Challenge => "A customer proves who they are, and the order is released",
            Self::Hold => "An order unlike its customer is held, and a person releases it",
            Self::Explain => "A blocked order is explained, and the explanation proved",
            Self::CatchUp => "The shop's node dies without warning while entries flow",
            Self::Pry => "A thief takes the disks, a listener the wire, a member looks too closely",
            Self::Release => "Bank A releases a statistic that gives no case away",
            Self::Audit => "Every node proves what it did",
        }
    }

    /// What the demo ends with when this act does not come true. What the user asked for in vain stays a fault of usage.
    pub fn failed(self, error: CliError) -> CliError {
        if error.code == CliError::USAGE {
            return error;
        }
        let hint = "run it again with --keep DIR: there the nodes' logs say why";
        CliError {
            message: format!("the act \"{}\" failed: {}", self.title(), error.message),
            hint: error.hint.or_else(|| Some(hint.to_owned())),
            code: CliError::NOT_VERIFIED,
        }
    }
}

/// What an act promises. `otherwise` says what came instead.
pub fn insist(kept: bool, otherwise: impl FnOnce() -> String) -> Result<(), CliError> {
    if kept { Ok(()) } else { Err(CliError::not_verified(otherwise())) }
}

/// The decision an act promises about `what`.
pub fn insist_on(decision: Decision, answer: &ScreenTransactionResponse, what: &str) -> Result<(), CliError> {
    let got = answer.decision();
    insist(got == decision, || format!("{what}: the shop's node says {}, expected was {}", word(got), word(decision)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_act_that_fails_is_named_and_ends_with_code_5_whatever_went_wrong() {
        let check = |error: CliError, message: &str, code: u8| {
            let failed = Act::Retract.failed(error);
            assert_eq!((failed.message.as_str(), failed.code), (message, code));
        };
        let named = "the act \"Bank A was wrong once, and takes it back\" failed: ";
        check(CliError::failed("a node refused"), &format!("{named}a node refused"), 5);
        let broken = insist(false, || "nothing matched".to_owned()).expect_err("not kept");
        check(broken, &format!("{named}nothing matched"), 5);
        check(CliError::usage("too few fraudsters"), "too few fraudsters", 2);
        assert!(insist(true, || unreachable!("kept")).is_ok());
    }

    #[test]
    fn another_decision_than_promised_is_a_failure() {
        let answer = |decision: Decision| ScreenTransactionResponse { decision: decision.into(), ..Default::default() };
        assert!(insist_on(Decision::Hold, &answer(Decision::Hold), "the order").is_ok());
        let failed = insist_on(Decision::Challenge, &answer(Decision::Allow), "the order").expect_err("another");
        assert_eq!(failed.message, "the order: the shop's node says allow, expected was challenge");
    }
}
