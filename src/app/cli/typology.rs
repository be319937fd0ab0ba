//! `hushwire typology …`: under which reason codes this node publishes.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::app::cli::client::load_config;
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::{answer, answer_json, counted, remark};
use crate::domain::indicator::typology::TypologyList;
use crate::io::typology_file;

/// The reason codes a node publishes under
#[derive(Debug, Args)]
pub struct TypologyArgs {
    #[command(subcommand)]
    command: TypologyCommand,
}

#[derive(Debug, Subcommand)]
enum TypologyCommand {
    /// Show id and name of each, or of those that hold a word
    List(ListArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hushwire typology list
  hushwire typology list card
  hushwire typology list --json | jq -r '.[].id'

The list is the one that typology.file names in the node's configuration; where it names none, or there is no configuration, MITRE's \
Fight Fraud Framework (F3) v1.1, which ships. MITRE describes each of its techniques.")]
struct ListArgs {
    /// Only those whose id or name holds it, in capitals or not
    word: Option<String>,
    /// Configuration of the node [default: hushwire.toml, where it is there]
    #[arg(long, env = "HUSHWIRE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// One JSON list on standard output
    #[arg(long)]
    json: bool,
}

/// See the module's documentation.
pub fn run(args: TypologyArgs) -> Result<Outcome, CliError> {
    match args.command {
        TypologyCommand::List(args) => list(&args),
    }
}

fn list(args: &ListArgs) -> Result<Outcome, CliError> {
    let here = args.config.is_some() || PathBuf::from("hushwire.toml").exists();
    let file = if here { load_config(args.config.as_deref())?.typology_file } else { None };
    let all = typology_file::load(file.as_deref()).map_err(|error| CliError::usage(error.to_string()))?;
    let found = matching(&all, args.word.as_deref());
    if args.json {
        let rows: Vec<_> = found.iter().map(|(id, name)| json!({ "id": id, "name": name })).collect();
        answer_json(&rows)?;
    } else {
        let width = found.iter().map(|(id, _)| id.len()).max().unwrap_or(0);
        for (id, name) in &found {
            answer(format!("{id:<width$}  {name}"))?;
        }
        remark(counted(found.len(), "typology", "typologies"));
    }
    Ok(Outcome::Done)
}

fn matching<'a>(all: &'a TypologyList, word: Option<&str>) -> Vec<(&'a str, &'a str)> {
    let word = word.unwrap_or_default().to_lowercase();
    let holds = |text: &str| text.to_lowercase().contains(&word);
    all.iter().map(|(id, name)| (id.as_str(), name)).filter(|(id, name)| holds(id) || holds(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_the_name_or_the_id_finds_a_typology() {
        let all = TypologyList::built_in();
        assert_eq!(matching(&all, None).len(), all.iter().count());
        for word in ["card testing", "CARD TEST", "f1012"] {
            assert_eq!(matching(&all, Some(word)), [("F1012", "Card Testing")], "{word}");
        }
        assert_eq!(matching(&all, Some("no such word")), []);
    }
}
