//! `--rule` and `--against`: the name of a rule, or a policy file.

use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use crate::app::cli::policy::faults;
use crate::app::outcome::CliError;
use crate::app::replay::rule::StopRule;
use crate::base::bytes::Sha256Digest;
use crate::io::policy_file::{self, PolicyFileError};

/// A rule as it was asked for; a file is read later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleOption {
    Any,
    Corroborated,
    BuiltIn,
    File(PathBuf),
}

impl FromStr for RuleOption {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "any" => Self::Any,
            "corroborated" => Self::Corroborated,
            "built-in" => Self::BuiltIn,
            file => Self::File(file.into()),
        })
    }
}

impl RuleOption {
    /// The rule. What is wrong with a file is told as `policy check` tells it.
    pub fn rule(&self, guard_digest: &Sha256Digest) -> Result<StopRule, CliError> {
        match self {
            Self::Any => Ok(StopRule::Any),
            Self::Corroborated => Ok(StopRule::Corroborated),
            Self::BuiltIn => Ok(StopRule::built_in(guard_digest)),
            Self::File(path) => match policy_file::load(Some(path), guard_digest) {
                Ok(policy) => {
                    let name = format!("{} ({})", path.display(), policy.title());
                    Ok(StopRule::Policy { name, policy: Arc::new(policy) })
                }
                Err(PolicyFileError::Policy { path, text, faults }) => {
                    faults::tell(&path, &text, &faults);
                    let short = faults::in_short(&path, &faults);
                    Err(CliError::usage(format!("{short}: nothing was replayed")))
                }
                Err(error) => Err(CliError::usage(format!(
                    "{error}; a rule is any, corroborated, built-in or the file of a policy"
                ))),
            },
        }
    }
}
