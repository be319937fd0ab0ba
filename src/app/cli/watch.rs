//! `hushwire watch`: files dropped into a folder are published, each once and whole.
//!
//! A file is moved when everything of it is done, so a run that was ended in the middle finds it again and repeats its calls,
//! whose ids the node knows. Files are moved and never copied: what they hold stays in their writer's own bytes. A report
//! names refused records by line, field and rule.

mod folder;

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::app::cli::client::block_on;
use crate::app::cli::publish::how::How;
use crate::app::cli::publish::{PublishArgs, answered, whole_file};
use crate::app::cli::stream::Account;
use crate::app::cli::watch::folder::{DropFolder, Sort};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::{self, counted};
use crate::app::records::draft;
use crate::app::records::refusal::Refusal;
use crate::app::told_to_stop::told_to_stop;

/// Between two looks at the folder.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// After a node could not be reached, or a file could not be read or moved.
const TROUBLE_PAUSE: Duration = Duration::from_secs(10);

/// Publish every file that is dropped into a folder
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Files are taken in the order of their names, once they have not changed for --settle-s. Write a file under a name that begins \
with a dot or ends with .tmp, .part or ~, or in another folder of the same disk, and rename it when it is whole: such names are \
left alone. What is published moves to done/. A file of which records were refused moves to refused/, with NAME.report.csv \
beside it, which names them by line, field and rule; its other records are published. The columns are those of hushwire publish.

Ended in the middle of a file, the command publishes its rest when it is started again within 24 hours, and nothing twice.

Examples:
  hushwire watch /var/spool/hushwire
  hushwire watch drop --map pan=card_number --typology F1012 --severity high --confidence 80 --grounds own-confirmed
  hushwire watch drop --once

Exit code 3: some records were refused since the command began, also where a signal ended it.")]
pub struct WatchArgs {
    /// The folder; done and refused are made in it
    pub folder: PathBuf,
    #[command(flatten)]
    pub how: How,
    /// Seconds without a change after which a file is whole
    #[arg(long, value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u64).range(0..=86_400))]
    pub settle_s: u64,
    /// Publish what is there and end
    #[arg(long)]
    pub once: bool,
    /// One JSON object a file on standard output
    #[arg(long)]
    pub json: bool,
}

/// What became of a file.
#[derive(Debug, Serialize)]
struct Told<'a> {
    file: &'a str,
    moved_to: String,
    records: u64,
    /// By this run; what was published before is not among them.
    published: u64,
    published_before: u64,
    ended_since: u64,
    refused: u64,
}

/// See the module's documentation.
pub fn run(args: WatchArgs) -> Result<Outcome, CliError> {
    if args.how.input.report.is_some() {
        return Err(CliError::usage("--report: every file gets a report of its own, beside it in refused"));
    }
    // Both are the same for every file: what is wrong with them is told before the first.
    args.how.input.options(&draft::FIELDS)?;
    let folder = DropFolder::open(&args.folder, Duration::from_secs(args.settle_s))?;
    block_on(watch(&args, folder))
}

async fn watch(args: &WatchArgs, mut folder: DropFolder) -> Result<Outcome, CliError> {
    let failed = |error| CliError::failed(format!("signals cannot be waited for: {error}"));
    let mut outcome = Outcome::Done;
    let stopped = tokio::select! {
        ended = watch_on(args, &mut folder, &mut outcome) => ended,
        // What is under way is repeated by the next run.
        told = told_to_stop() => told.map_err(failed),
    };
    stopped.map(|()| outcome)
}

async fn watch_on(args: &WatchArgs, folder: &mut DropFolder, outcome: &mut Outcome) -> Result<(), CliError> {
    loop {
        let look = folder.look()?;
        for name in &look.whole {
            match one_file(args, folder, name).await {
                Ok(Sort::Done) => {}
                Ok(Sort::Refused) => *outcome = Outcome::Partial,
                Err(error) if args.once || error.message.is_empty() => return Err(error),
                Err(error) => {
                    let hint = error.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
                    output::remark(format!(
                        "error: {name} stays where it is and is tried again: {}{hint}",
                        error.message
                    ));
                    tokio::time::sleep(TROUBLE_PAUSE).await;
                    // The order of the names is kept: nothing overtakes it.
                    break;
                }
            }
        }
        if args.once && look.settling == 0 {
            return Ok(());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn one_file(args: &WatchArgs, folder: &DropFolder, name: &str) -> Result<Sort, CliError> {
    let publish = PublishArgs {
        file: folder.path(name),
        how: args.how.clone(),
        dry_run: false,
        force_wide: false,
        follow: false,
        state: None,
        names: None,
        again: None,
        json: false,
    };
    let account = match whole_file(&publish).await {
        Ok(account) => account,
        Err(error) if error.code == CliError::USAGE => {
            output::remark(format!("error: {}", error.message));
            let mut unread = Account::default();
            unread.refuse([Refusal::new(0, "", "unreadable_file", &error.message)]);
            unread
        }
        Err(error) => return Err(error),
    };
    let sort = if account.refused == 0 { Sort::Done } else { Sort::Refused };
    let moved_to = folder.put_away(name, sort, &account.refusals)?;
    if args.json {
        output::answer_json(&Told {
            file: name,
            moved_to,
            records: account.records,
            published: account.accepted - account.before,
            published_before: account.before,
            ended_since: account.ended_since,
            refused: account.refused,
        })?;
        return Ok(sort);
    }
    // A file that is no records at all has none that could be counted.
    let told = match account.records {
        0 if account.refused > 0 => "refused as a whole".to_owned(),
        records => format!("{}, {}", counted(records, "record", "records"), answered::told(&account, "published")),
    };
    output::answer(format!("{name}: {told}; moved to {moved_to}"))?;
    if account.ended_since > 0 {
        let path = args.folder.join(&moved_to);
        output::remark(format!(
            "what was retracted stays retracted: to publish it anew, hushwire publish {} --again WORD, with any word",
            path.display()
        ));
    }
    Ok(sort)
}
