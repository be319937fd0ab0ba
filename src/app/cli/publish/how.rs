//! What every way to publish is told: where the node is, how records are read, what becomes of them.

use clap::Args;

use crate::app::cli::client::ClientArgs;
use crate::app::cli::stream::InputArgs;
use crate::app::outcome::CliError;
use crate::app::records::draft::{Defaults, FIELDS};
use crate::app::records::source::ReadOptions;
use crate::node::copies::Ack;

#[derive(Debug, Clone, Args)]
pub struct How {
    #[command(flatten)]
    pub client: ClientArgs,
    #[command(flatten)]
    pub input: InputArgs,
    #[command(flatten)]
    pub defaults: Defaults,
    /// Sharing group; the roster's first where not given
    #[arg(long)]
    pub group: Option<String>,
    /// Publish the identifiers spread over this many seconds, so that others cannot tell that they belong together; the
    /// node's feed.spread_s where not given
    #[arg(long, value_name = "SECONDS")]
    pub spread_s: Option<u32>,
    /// Wait until it is durable here (local), also at one other member (peer), or at more than half of the others in the
    /// group (quorum); the node's feed.ack where not given
    #[arg(long, value_name = "WHERE")]
    pub ack: Option<Ack>,
}

impl How {
    /// How records are read, and what they must say themselves.
    pub fn read_options(&self) -> Result<ReadOptions, CliError> {
        Ok(ReadOptions { required: self.defaults.left_to_records(), ..self.input.options(&FIELDS)? })
    }
}
