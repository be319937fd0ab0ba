//! `hushwire demo`: a consortium of three members as three real node processes on this machine, and what it is good for.
//!
//! Everything is real: keys, certificates, roster, stores, mutual TLS; only the people are invented ([`generator`]). The
//! account and its progress bars go to standard error, the figures (`--json`) to standard output.

pub mod generator;

mod account;
mod acts;
mod console;
mod desk;
mod figures;
mod founding;
mod gateway;
mod process;
mod thieves;
mod wiretap;

use std::path::PathBuf;
use std::pin::pin;

use clap::Args;

use crate::app::demo::account::Account;
use crate::app::demo::acts::Stage;
use crate::app::demo::founding::Cast;
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::answer_json;

/// Run a consortium of two banks and a retailer on this machine and watch them work.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hushwire demo                 tell the story, then keep the three nodes running until Ctrl-C
  hushwire demo --exit          tell the story and stop
  hushwire demo --exit --json   the same, with every figure as one JSON object on standard output

Everything happens in a temporary folder on loopback addresses; nothing is left behind, unless --keep says so.

Each act insists on what it promises. Exit code 5: one did not come true; the message says which, and nothing is printed on \
standard output.")]
pub struct DemoArgs {
    /// Stop when the story is told instead of waiting for Ctrl-C.
    #[arg(long)]
    exit: bool,
    /// Print one JSON object with every figure on standard output.
    #[arg(long)]
    json: bool,
    /// Orders the retailer screens.
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    orders: usize,
    /// Fraudsters the first bank knows; it publishes about three identifiers of each.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    fraudsters: usize,
    /// Seed of the invented people: the same seed invents the same.
    #[arg(long, value_name = "SEED", default_value_t = 2026)]
    seed: u64,
    /// Keep the nodes' folders here instead of a temporary folder that is removed.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

pub fn run(args: DemoArgs) -> Result<Outcome, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| CliError::failed(format!("the runtime cannot start: {error}")))?;
    runtime.block_on(perform(args))
}

/// Ctrl-C, SIGTERM, or SIGHUP: the terminal was closed. Signals that cannot be waited for end the demo at once; nothing is
/// lost by it.
async fn told_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
    let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

async fn perform(args: DemoArgs) -> Result<Outcome, CliError> {
    let early = || CliError::failed("stopped before the story was told");
    let account = Account::new();
    account.prologue();
    let mut stop = pin!(told_to_stop());
    let cast = tokio::select! {
        cast = Cast::found(&account, args.keep.clone()) => cast?,
        () = stop.as_mut() => return Err(early()),
    };
    let mut stage = Stage::new(&account, cast, args.seed, args.fraudsters, args.orders)?;
    let told = tokio::select! {
        told = stage.tell() => told,
        () = stop.as_mut() => Err(early()),
    };
    let figures = match told {
        Ok(figures) => figures,
        Err(error) => {
            stage.close().await;
            return Err(error);
        }
    };
    account.summary(&figures);
    if args.json {
        answer_json(&figures)?;
    }
    if !args.exit {
        let pass = stage.cast().open_console().await?;
        account.by_hand(stage.cast(), &stage.flagged_email()?, &pass);
        stop.await;
        account.step("Stopping the three nodes");
    }
    let kept = stage.cast().is_kept();
    stage.close().await;
    drop(stage);
    let folder = if kept { "the folder is kept" } else { "the temporary folder is removed" };
    account.done(&format!("Everything is stopped; {folder}."));
    Ok(Outcome::Done)
}
