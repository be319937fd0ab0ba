//! `hushwire policy …`: rules written, checked and watched.

mod check;
pub mod faults;
mod show;

use clap::{Args, Subcommand};

use crate::app::outcome::{CliError, Outcome};
use crate::app::output;
use crate::domain::screening::policy::DEFAULT;

/// The rules by which a node decides: write, check, watch
#[derive(Debug, Args)]
pub struct PolicyArgs {
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    Default(DefaultArgs),
    Check(check::CheckArgs),
    Show(show::ShowArgs),
    Status(show::StatusArgs),
}

/// Print the policy that ships, to begin your own with
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hushwire policy default > policy.toml")]
struct DefaultArgs {}

/// See the module's documentation.
pub fn run(args: PolicyArgs) -> Result<Outcome, CliError> {
    match args.command {
        PolicyCommand::Default(DefaultArgs {}) => {
            output::answer(DEFAULT.trim_end())?;
            Ok(Outcome::Done)
        }
        PolicyCommand::Check(args) => check::run(args),
        PolicyCommand::Show(args) => show::run(args),
        PolicyCommand::Status(args) => show::status(args),
    }
}
