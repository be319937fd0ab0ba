//! `hushwire serve`: runs a node until it is told to stop.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::Args;
use tracing_subscriber::EnvFilter;

use crate::app::config::values::LogFormat;
use crate::app::config::{Config, ConfigError};
use crate::app::outcome::{CliError, Outcome};
use crate::app::serve::material::ServeError;
use crate::app::serve::store::OnDamage;
use crate::app::serve::{Order, serve};
use crate::io::log::{Lines, tell_panics};
use crate::node::store::StorageFault;

/// Run a node until it is told to stop (Ctrl-C or SIGTERM). SIGHUP reads keystore, rosters and certificates
/// again; the configuration is read at the start alone.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hushwire serve --config bank-a/hushwire.toml
  HUSHWIRE_PASSPHRASE=... hushwire serve --config bank-a/hushwire.toml
  hushwire serve --config bank-a/hushwire.toml --recover
  HUSHWIRE__LOG__FORMAT=json hushwire serve --config bank-a/hushwire.toml")]
pub struct ServeArgs {
    /// The node's configuration.
    #[arg(long, short, value_name = "FILE", env = "HUSHWIRE_CONFIG", default_value = "hushwire.toml")]
    config: PathBuf,
    /// Write the addresses here once both listeners are open, as JSON. Where a snapshot answers checkouts before the store is open
    /// it says "opening": true at first, and is written again when everything is served. Removed at the start and at the stop.
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Should the journal be damaged, set it aside and fetch every feed again from other members. What only this node
    /// held (publications not yet sent, privacy charges, its audit log) is taken over as far as it can be read.
    #[arg(long)]
    recover: bool,
    /// Stop when standard input ends, as when whoever holds its other end is gone.
    #[arg(long, hide = true)]
    stop_with_stdin: bool,
}

pub fn run(args: ServeArgs) -> Result<Outcome, CliError> {
    let config = Config::load(&args.config).map_err(|error| {
        let failure = CliError::usage(error.to_string());
        match error {
            ConfigError::Unreadable { .. } => failure.hint(
                "name it with --config FILE or HUSHWIRE_CONFIG, or make a node: hushwire init --member ID --dir DIR",
            ),
            ConfigError::Syntax { .. } | ConfigError::Faults { .. } => failure,
        }
    })?;
    start_log(&config);
    let on_damage = if args.recover { OnDamage::Recover } else { OnDamage::Refuse };
    let order = Order { ready_file: args.ready_file, on_damage, stop_with_stdin: args.stop_with_stdin };
    serve(&config, order).map_err(|error| explain(error, &args.config))?;
    Ok(Outcome::Done)
}

/// Why a node does not start, what to do about it, and the exit code: 5 where stored or signed bytes are not what they
/// should be, so that a supervisor does not start it again and again.
fn explain(error: ServeError, config: &Path) -> CliError {
    let doctor = || format!("hushwire doctor --config {} tells more", config.display());
    let message = error.to_string();
    match error {
        ServeError::Passphrase(fault) => CliError { message, ..fault.into() },
        ServeError::Keystore(fault) => with_hint(CliError { message, ..fault.into() }, doctor),
        ServeError::Roster(fault) => with_hint(CliError { message, ..fault.into() }, doctor),
        ServeError::OtherMember { .. } => {
            CliError::failed(message).hint("put the member's own keystore back, or correct node.member and keystore.path")
        }
        ServeError::Canaries(_) => CliError::failed(message).hint("correct brake.canaries, or leave the key out"),
        ServeError::Listen { key, error, .. } => CliError::failed(message).hint(listen_advice(key, error.kind())),
        ServeError::Store(StorageFault::InUse) => {
            CliError::failed(message).hint("is this node running already? one process at a time may open its folder")
        }
        ServeError::Store(StorageFault::ClockBehind { .. }) => CliError::failed(message).hint(
            "timedatectl status shows whether the clock is synchronised; where it is right and ran ahead before, see line 4 of \
             docs/runbook.md",
        ),
        ServeError::BeforeTheFirstEpoch { .. } => {
            CliError::failed(message).hint("timedatectl status shows whether the clock is synchronised")
        }
        ServeError::Forbidden { .. } => CliError::failed(message)
            .hint(format!("{}; as root, chown -R --reference=FOLDER FOLDER gives all of a folder to its owner", doctor())),
        ServeError::Store(StorageFault::RosterBehind { .. } | StorageFault::OtherRoster { .. }) => {
            CliError::not_verified(message).hint("hushwire member roster --dir DIR shows which version the files end with")
        }
        ServeError::Store(StorageFault::WrongKey) => CliError::not_verified(message)
            .hint("keystore and journal belong to different nodes or backups: put the two back that belong together"),
        ServeError::Store(
            StorageFault::Damaged(_) | StorageFault::NoRecord(_) | StorageFault::TooLarge { .. },
        ) => CliError::not_verified(message).hint(format!(
            "restore the folder journal from a backup, all of it, or start without it: hushwire serve --recover --config {}; \
             either way what other members hold comes back from them",
            config.display()
        )),
        ServeError::Store(StorageFault::UnknownVersion { .. }) => {
            CliError::failed(message).hint("start the newer program that wrote it")
        }
        ServeError::Store(StorageFault::Full) => {
            CliError::failed(message).hint("free some space and start again: nothing acknowledged is lost")
        }
        ServeError::EngineEnded => CliError::failed(message)
            .hint("start it again; if it ends again, report the lines before this one: the store itself is verified at each start"),
        ServeError::StoreStuck => CliError::failed(message)
            .hint("look at the disk (dmesg, smartctl) before the next start"),
        ServeError::Store(StorageFault::Stopped | StorageFault::Views(_) | StorageFault::Os(_))
        | ServeError::CoreDumps(_)
        | ServeError::NoTlsKeys
        | ServeError::NotAMember
        | ServeError::Keys(_)
        | ServeError::Tls { .. }
        | ServeError::OtherKey { .. }
        | ServeError::File { .. }
        | ServeError::Guard(_)
        | ServeError::Policy(_)
        | ServeError::Typology(_)
        | ServeError::Advice(_)
        | ServeError::Webhook { .. }
        | ServeError::Connect(_)
        | ServeError::SetAside(_)
        | ServeError::Runtime(_) => CliError::failed(message).hint(doctor()),
    }
}

/// What to do about an address that cannot be listened on.
pub fn listen_advice(key: &str, kind: ErrorKind) -> String {
    match kind {
        ErrorKind::AddrNotAvailable => format!(
            "this machine has no such address (ip address shows those it has): set {key} to one of them, or to 0.0.0.0:PORT for \
             all of them"
        ),
        ErrorKind::PermissionDenied => format!("ports below 1024 are not for every user: set {key} to a higher one"),
        _ => format!("end what listens there (ss -ltnp shows it), or set another {key}"),
    }
}

fn with_hint(error: CliError, hint: impl FnOnce() -> String) -> CliError {
    CliError { hint: error.hint.or_else(|| Some(hint())), ..error }
}

/// One event a line on standard error, as text for people or JSON for machines.
fn start_log(config: &Config) {
    let filter = EnvFilter::new(format!("warn,hushwire={}", config.log_level.name()));
    let lines = match config.log_format {
        LogFormat::Json => Lines::Json,
        LogFormat::Text => Lines::Text,
    };
    let log = tracing_subscriber::fmt().event_format(lines).with_env_filter(filter).with_writer(std::io::stderr);
    // A log that was started before (by whoever embeds this) stays.
    if log.try_init().is_ok() {
        tell_panics();
    }
}
