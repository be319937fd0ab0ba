//! `hushwire doctor`: what is wrong with a node on this machine, and the command that mends it.
//!
//! It looks, and changes nothing. It asks for no passphrase: the keystore is opened only where the configuration names a
//! source that needs nobody at the terminal.

mod certificates;
mod machine;
mod membership;
mod network;
mod permissions;
mod store;

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::app::config::reader::PREFIX;
use crate::app::config::{Config, ConfigError};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::{answer, answer_json, counted};
use crate::domain::identifier::guard::GuardLists;
use crate::domain::screening::advice::AdviceTexts;
use crate::io::advice_files;
use crate::io::guard_files;
use crate::io::policy_file;
use crate::io::typology_file;

/// Look for what is wrong with a node, and print the command that mends it
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hushwire doctor --config bank-a/hushwire.toml
  hushwire doctor --json | jq '.findings[] | select(.level != \"ok\")'

Looks at configuration, files and their permissions, keystore, roster, certificates, clock, disk, ports, guard lists, typology, advice, \
policy, the store (of a node that does not run: every record is read), the running node and its peers. It changes nothing. Run it as the user \
that runs the node, or as root: then it looks at what the owner of the node's folder may. Exit code 1: something has to be mended.")]
pub struct DoctorArgs {
    /// Configuration of the node
    #[arg(long, env = "HUSHWIRE_CONFIG", value_name = "FILE", default_value = "hushwire.toml")]
    config: PathBuf,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Ok,
    /// It works, for now.
    Warning,
    /// The node does not start, or does not do its work.
    Fault,
}

/// Whether times can be compared with the machine's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clock {
    Plausible,
    Wrong,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Finding {
    level: Level,
    /// What was looked at, e.g. "clock".
    area: &'static str,
    found: String,
    /// What to type or do.
    mend: Option<String>,
}

/// Everything that was looked at, in order.
#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn ok(&mut self, area: &'static str, found: impl Into<String>) {
        self.0.push(Finding { level: Level::Ok, area, found: found.into(), mend: None });
    }

    fn warning(&mut self, area: &'static str, found: impl Into<String>, mend: impl Into<String>) {
        self.0.push(Finding { level: Level::Warning, area, found: found.into(), mend: Some(mend.into()) });
    }

    fn fault(&mut self, area: &'static str, found: impl Into<String>, mend: impl Into<String>) {
        self.0.push(Finding { level: Level::Fault, area, found: found.into(), mend: Some(mend.into()) });
    }
}

/// What is looked at.
#[derive(Debug)]
struct Patient<'a> {
    config: &'a Config,
    /// The configuration as the user names it, for commands to type.
    file: &'a Path,
}

impl Patient<'_> {
    /// `--dir` of the commands that work on the node's folder.
    fn dir(&self) -> String {
        self.config.dir.path().display().to_string()
    }
}

/// See the module's documentation.
pub fn run(args: DoctorArgs) -> Result<Outcome, CliError> {
    let mut findings = Findings::default();
    match Config::load(&args.config) {
        Ok(config) => examine(&Patient { config: &config, file: &args.config }, &mut findings),
        Err(error) => unusable_configuration(&error, &mut findings),
    }
    report(&args, &findings)
}

fn unusable_configuration(error: &ConfigError, findings: &mut Findings) {
    match error {
        ConfigError::Faults { path, faults } => {
            for fault in faults {
                let mend = if fault.key.starts_with(PREFIX) {
                    format!("unset {0}   # or correct what the environment sets it to; see env | grep {0}", fault.key)
                } else {
                    format!("edit {}", path.display())
                };
                findings.fault("configuration", fault.to_string(), mend);
            }
        }
        ConfigError::Syntax { path, .. } => {
            findings.fault("configuration", error.to_string(), format!("edit {}", path.display()));
        }
        ConfigError::Unreadable { .. } => {
            let mend = "name it with --config FILE, or make a node: hushwire init --member ID --dir DIR";
            findings.fault("configuration", error.to_string(), mend);
        }
    }
}

fn examine(patient: &Patient<'_>, findings: &mut Findings) {
    let config = patient.config;
    findings.ok("configuration", format!("{} is valid", patient.file.display()));
    if config.screening.sandbox {
        let mend = format!("set sandbox = false under [screening] in {}", patient.file.display());
        findings.warning("configuration", "sandbox is on: documented test values force decisions", mend);
    }
    if machine::examine(patient, findings) == Clock::Wrong {
        // What follows from it would be mended by commands that leave the cause.
        return findings.warning(
            "clock",
            "not looked at while the clock is wrong: keystore, certificates, roster, epochs, store, network",
            "set the clock, then run hushwire doctor again",
        );
    }
    let keystore = membership::keystore(patient, findings);
    certificates::examine(patient, keystore.as_ref(), findings);
    let roster = membership::examine(patient, keystore.as_ref(), findings);
    store::examine(patient, keystore.as_ref(), roster.as_ref(), findings);
    match guard_files::all(&config.guard_dir) {
        Ok(lists) => findings.ok("guard lists", format!("{} lists", lists.lists().count())),
        Err(error) => {
            let again = "hushwire guard import FILE --grade GRADE --config CONFIG";
            let mend = format!("rm {}   # then import it again: {again}", error.path().display());
            findings.fault("guard lists", error.to_string(), mend);
        }
    }
    match typology_file::load(config.typology_file.as_deref()) {
        Ok(list) => findings.ok("typology", format!("{} typologies to publish under", list.iter().count())),
        Err(error) => findings.fault(
            "typology",
            error.to_string(),
            "correct the line, or take typology.file out to publish under the list that ships",
        ),
    }
    let texts = advice_files::load(&config.advice.folder, &config.advice.language);
    match &texts {
        Ok(texts) => findings.ok("advice", format!("{} texts for customers by key", texts.keys().len())),
        Err(error) => findings.fault("advice", error.to_string(), format!("edit {}", error.path().display())),
    }
    policies(config, texts.ok().as_ref(), findings);
    network::examine(patient, roster.as_ref(), findings);
}

fn policies(config: &Config, texts: Option<&AdviceTexts>, findings: &mut Findings) {
    let digest = GuardLists::built_in().digest();
    let own = config.policy.file.as_deref();
    for file in [Some(own), config.policy.candidate.as_deref().map(Some)].into_iter().flatten() {
        match policy_file::load(file, &digest) {
            Ok(policy) => {
                findings.ok("policy", format!("{} of {} rules", policy.title(), policy.rules().len()));
                for (rule, key) in texts.into_iter().flat_map(|texts| advice_files::unknown_advice(&policy, texts)) {
                    let found = format!(
                        "rule {} of {} names advice {key}, of which there is no text",
                        rule.name,
                        policy.title()
                    );
                    findings.warning("policy", found, "write the text where advice.folder names, or name another key");
                }
            }
            Err(error) => findings.fault("policy", error.to_string(), "hushwire policy check FILE shows each place"),
        }
    }
}

fn report(args: &DoctorArgs, findings: &Findings) -> Result<Outcome, CliError> {
    let count = |level: Level| findings.0.iter().filter(|finding| finding.level == level).count();
    let (faults, warnings) = (count(Level::Fault), count(Level::Warning));
    if args.json {
        answer_json(&serde_json::json!({
            "healthy": faults == 0,
            "faults": faults,
            "warnings": warnings,
            "findings": findings.0,
        }))?;
    } else {
        for finding in &findings.0 {
            let mark = match finding.level {
                Level::Ok => "ok     ",
                Level::Warning => "WARNING",
                Level::Fault => "FAULT  ",
            };
            answer(format!("{mark}  {:<13}  {}", finding.area, finding.found))?;
            if let Some(mend) = &finding.mend {
                answer(format!("         {:<13}  → {mend}", ""))?;
            }
        }
    }
    if faults == 0 {
        return Ok(Outcome::Done);
    }
    let (faults, warnings) = (counted(faults, "fault", "faults"), counted(warnings, "warning", "warnings"));
    Err(CliError::failed(format!("{faults}, {warnings}")))
}
