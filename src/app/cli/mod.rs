//! The command line: one file a command, each with its arguments and its `run`.
//!
//! A command is `pub struct XArgs` (derives [`clap::Args`]) and `pub fn run(args: XArgs) -> Result<Outcome, CliError>`,
//! plus one variant of `Command` and one line of `Command::run`. It prints through [`crate::app::output`], and takes `--json`
//! where it answers anything.
//!
//! Exit codes: 0 done · 1 failed · 2 wrong usage · 3 done in part, the refused records are reported · 4 the node or a
//! server could not be reached, try again · 5 a verification failed.

pub mod advice;
pub mod audit;
pub mod backup;
pub mod bench;
mod call_channel;
pub mod case;
pub mod cert;
pub mod challenge;
pub mod client;
pub mod conformance;
mod customer;
pub mod decision;
pub mod dispute;
pub mod doctor;
pub mod due;
pub mod erase;
pub mod explain;
mod faults;
pub mod guard;
pub mod identifier_option;
pub mod init;
pub mod key;
pub mod list;
mod lock;
pub mod lookup;
pub mod member;
pub mod openapi;
pub mod policy;
pub mod profile;
pub mod publish;
mod quarantine;
pub mod replay;
pub mod restore;
pub mod retract;
pub mod screen;
pub mod sealing;
pub mod serve;
pub mod sightings;
pub mod stats;
pub mod status;
pub mod stream;
pub mod token;
pub mod typology;
mod user;
pub mod watch;
mod whole_folder;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory, Parser, Subcommand};

use crate::app::demo;
use crate::app::outcome::{CliError, Outcome};
use crate::app::output;
use crate::domain::identifier::text::looks_like_identifier;
use crate::io::keystore::process::forbid_core_dumps;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed: the message says why, and often what to type
  2  wrong usage or configuration: nothing was done
  3  done in part: the refused records are reported by line, field and rule
  4  the node could not be reached or has no time now: try again
  5  a verification failed: a signature, a proof or a file is not what it should be, or an act of the demo did not come true

A first node in three commands:
  hushwire init --member bank-a --dir ./bank-a
  hushwire serve --config ./bank-a/hushwire.toml
  hushwire status --config ./bank-a/hushwire.toml";

/// Warn each other about fraud without handing over people's data.
#[derive(Debug, Parser)]
#[command(name = "hushwire", version, about, propagate_version = true, after_help = EXIT_CODES)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::InitArgs),
    Demo(demo::DemoArgs),
    Serve(serve::ServeArgs),
    Publish(publish::PublishArgs),
    Watch(watch::WatchArgs),
    Retract(retract::RetractArgs),
    Erase(erase::EraseArgs),
    Due(due::DueArgs),
    Screen(screen::ScreenArgs),
    Quarantine(quarantine::QuarantineArgs),
    Replay(replay::ReplayArgs),
    List(list::ListArgs),
    Sightings(sightings::SightingsArgs),
    Dispute(dispute::DisputeArgs),
    Profile(profile::ProfileArgs),
    Case(case::CaseArgs),
    Challenge(challenge::ChallengeArgs),
    Policy(policy::PolicyArgs),
    Advice(advice::AdviceArgs),
    Status(status::StatusArgs),
    Doctor(doctor::DoctorArgs),
    Lookup(lookup::LookupArgs),
    Explain(explain::ExplainArgs),
    Audit(audit::AuditArgs),
    Stats(stats::StatsArgs),
    Member(member::MemberArgs),
    Cert(cert::CertArgs),
    Token(token::TokenArgs),
    User(user::UserArgs),
    Key(key::KeyArgs),
    Guard(guard::GuardArgs),
    Typology(typology::TypologyArgs),
    Backup(backup::BackupArgs),
    Restore(restore::RestoreArgs),
    Conformance(conformance::ConformanceArgs),
    Bench(bench::BenchArgs),
    #[command(name = "openapi")]
    OpenApi(openapi::OpenApiArgs),
}

impl Command {
    fn run(self) -> Result<Outcome, CliError> {
        match self {
            Self::Init(args) => init::run(args),
            Self::Demo(args) => demo::run(args),
            Self::Serve(args) => serve::run(args),
            Self::Publish(args) => publish::run(args),
            Self::Watch(args) => watch::run(args),
            Self::Retract(args) => retract::run(args),
            Self::Erase(args) => erase::run(args),
            Self::Due(args) => due::run(args),
            Self::Screen(args) => screen::run(args),
            Self::Quarantine(args) => quarantine::run(args),
            Self::Replay(args) => replay::run(args),
            Self::List(args) => list::run(args),
            Self::Sightings(args) => sightings::run(args),
            Self::Dispute(args) => dispute::run(args),
            Self::Profile(args) => profile::run(args),
            Self::Case(args) => case::run(args),
            Self::Challenge(args) => challenge::run(args),
            Self::Policy(args) => policy::run(args),
            Self::Advice(args) => advice::run(args),
            Self::Status(args) => status::run(args),
            Self::Doctor(args) => doctor::run(args),
            Self::Lookup(args) => lookup::run(args),
            Self::Explain(args) => explain::run(args),
            Self::Audit(args) => audit::run(args),
            Self::Stats(args) => stats::run(args),
            Self::Member(args) => member::run(args),
            Self::Cert(args) => cert::run(args),
            Self::Token(args) => token::run(args),
            Self::User(args) => user::run(args),
            Self::Key(args) => key::run(args),
            Self::Guard(args) => guard::run(args),
            Self::Typology(args) => typology::run(args),
            Self::Backup(args) => backup::run(args),
            Self::Restore(args) => restore::run(args),
            Self::Conformance(args) => conformance::run(args),
            Self::Bench(args) => bench::run(args),
            Self::OpenApi(args) => openapi::run(args),
        }
    }
}

/// Parses the process's arguments, runs the command, and tells on standard error why it failed and what to do.
pub fn run() -> ExitCode {
    // Before anything is read: identifiers in arguments, files and answers, keys and passphrases never rest in a core file.
    if let Err(error) = forbid_core_dumps() {
        output::remark(format!("error: {error}"));
        return ExitCode::from(CliError::FAILED);
    }
    match parse().command.run() {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Partial) => ExitCode::from(CliError::PARTIAL),
        Err(error) => {
            if !error.message.is_empty() {
                output::remark(format!("error: {}", error.message));
            }
            if let Some(hint) = &error.hint {
                output::remark(format!("hint: {hint}"));
            }
            ExitCode::from(error.code)
        }
    }
}

/// The process's arguments, or their refusal. What was typed in the wrong place is repeated, for who mistyped a word, unless
/// it looks like an identifier.
fn parse() -> Cli {
    Cli::try_parse().unwrap_or_else(|error| without_identifiers(as_typed(error, std::env::args_os())).exit())
}

/// The same refusal, whose usage line shows options that were typed. That of the whole command shows those too that the environment
/// gives, as if nobody could leave them out.
fn as_typed(error: clap::Error, words: impl IntoIterator<Item = OsString>) -> clap::Error {
    if !error.use_stderr() {
        return error;
    }
    match without_environment(Cli::command()).try_get_matches_from(words) {
        Err(typed) if typed.kind() == error.kind() => typed,
        // What is wrong is what the environment says.
        Err(_) | Ok(_) => error,
    }
}

fn without_environment(command: clap::Command) -> clap::Command {
    command.mut_args(|arg| arg.env(Resettable::Reset)).mut_subcommands(without_environment)
}

fn without_identifiers(mut error: clap::Error) -> clap::Error {
    for kind in [ContextKind::InvalidValue, ContextKind::InvalidArg, ContextKind::InvalidSubcommand] {
        let Some(ContextValue::String(typed)) = error.get(kind) else { continue };
        if looks_like_identifier(typed).is_some() {
            error.insert(kind, ContextValue::String("(not shown)".to_owned()));
        }
    }
    error
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::{Cli, as_typed, without_identifiers};

    /// The commands that do something, by their words.
    fn leaves(command: &clap::Command, words: &str, found: &mut Vec<(String, String)>) {
        let mut is_leaf = true;
        for inner in command.get_subcommands() {
            is_leaf = false;
            leaves(inner, &format!("{words} {}", inner.get_name()), found);
        }
        if is_leaf {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            found.push((words.to_owned(), help));
        }
    }

    #[test]
    fn every_command_teaches_by_an_example_that_names_it() {
        let mut found = Vec::new();
        leaves(&Cli::command(), "hushwire", &mut found);
        let silent: Vec<String> = found
            .into_iter()
            .filter(|(words, help)| !(help.contains("Example") && help.contains(words.as_str())))
            .map(|(words, _)| words)
            .collect();
        assert_eq!(silent, [""; 0]);
    }

    #[test]
    fn the_command_line_is_consistent_and_documents_its_exit_codes() {
        let mut command = Cli::command();
        command.clone().debug_assert();
        let help = command.render_long_help().to_string();
        for code in ["0  done", "3  done in part", "5  a verification failed"] {
            assert!(help.contains(code), "{code}");
        }
    }

    #[test]
    fn a_usage_line_shows_what_was_typed_and_not_what_the_environment_gives() {
        let words = ["hushwire", "case", "show"];
        let refused = |command: clap::Command| command.try_get_matches_from(words).expect_err("a case is missing");
        // As if the environment gave it: what a variable gives is present like what was typed.
        let given = Cli::command().mut_subcommand("case", |case| {
            case.mut_subcommand("show", |show| show.mut_arg("config", |config| config.env("PATH")))
        });
        let error = refused(given);
        assert!(error.to_string().contains("show --config <FILE> <CASE>"), "{error}");
        let typed = as_typed(error, words.map(Into::into)).to_string();
        assert!(typed.contains("<CASE>") && !typed.contains("--config"), "{typed}");
    }

    #[test]
    fn what_looks_like_an_identifier_is_not_repeated_and_a_mistyped_word_is() {
        let check = |words: &[&str], shown: bool| {
            let error = Cli::try_parse_from(words.iter().copied()).expect_err("something is wrong");
            let typed = words.last().expect("a word").trim_start_matches("--time=");
            let said = without_identifiers(error).to_string();
            assert_eq!(said.contains(typed), shown, "{said}");
        };
        check(&["hushwire", "publsh"], true);
        check(&["hushwire", "4111111111111111"], false);
        check(&["hushwire", "screen", "orders.csv", "4111111111111111"], false);
        check(&["hushwire", "screen", "--identifier", "pan=-", "--time=4111 1111 1111 1111"], false);
        check(&["hushwire", "list", "add", "jane.doe@example.com"], false);
        check(&["hushwire", "list", "add", "grey"], true);
    }
}
