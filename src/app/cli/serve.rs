//! `hushwire serve`: runs a node until it is told to stop.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::Args;
use tracing_subscriber::EnvFilter;

use crate::app::cli::{CliError, Outcome};
use crate::app::config::Config;
use crate::app::config::values::LogFormat;
use crate::app::serve::serve;

/// Run a node until it is told to stop (Ctrl-C or SIGTERM). SIGHUP reads the certificates again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hushwire serve --config bank-a/hushwire.toml
  HUSHWIRE_PASSPHRASE=... hushwire serve --config bank-a/hushwire.toml
  HUSHWIRE__LOG__FORMAT=json hushwire serve --config bank-a/hushwire.toml")]
pub struct ServeArgs {
    /// The node's configuration.
    #[arg(long, short, value_name = "FILE", default_value = "hushwire.toml")]
    config: PathBuf,
    /// Write the addresses here once both listeners are open.
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

pub fn run(args: ServeArgs) -> Result<Outcome, CliError> {
    let config = Config::load(&args.config).map_err(|error| CliError::usage(error.to_string()))?;
    start_log(&config);
    let doctor = format!("hushwire doctor --config {}", args.config.display());
    serve(&config, args.ready_file).map_err(|error| CliError::failed(error.to_string()).hint(doctor))?;
    Ok(Outcome::Done)
}

/// One event a line on standard error, as text for people or JSON for machines.
fn start_log(config: &Config) {
    let filter = EnvFilter::new(format!("warn,hushwire={}", config.log_level.name()));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match config.log_format {
        LogFormat::Json => log.json().flatten_event(true).try_init(),
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).try_init(),
    };
    // A log that was started before (by whoever embeds this) stays.
    drop(started);
}
