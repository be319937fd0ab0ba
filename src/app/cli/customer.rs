//! Naming one of the member's own customers on the command line, without leaving the reference in the shell's history.

use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::app::cli::client::ClientArgs;
use crate::app::cli::identifier_option::ask;
use crate::app::outcome::CliError;

/// Bytes of a file that names a customer.
const FILE_BYTES: u64 = 4_096;

/// Which customer, and how the answer is printed.
#[derive(Debug, clap::Args)]
pub struct CustomerArgs {
    /// File whose first line is your reference of the customer
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    #[command(flatten)]
    pub client: ClientArgs,
    /// One JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

impl CustomerArgs {
    pub fn reference(&self) -> Result<String, CliError> {
        let Some(path) = &self.from else { return Ok(ask("customer reference")?.as_str().to_owned()) };
        let failed = |reason: String| CliError::failed(format!("{} cannot be read: {reason}", path.display()));
        let length = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
        if length > FILE_BYTES {
            return Err(failed(format!("{length} bytes exceed the limit of {FILE_BYTES}")));
        }
        let text = std::fs::read_to_string(path).map(Zeroizing::new).map_err(|error| failed(error.to_string()))?;
        let line = text.lines().next().unwrap_or_default().trim();
        if line.is_empty() {
            return Err(CliError::usage(format!("the first line of {} names no customer", path.display())));
        }
        Ok(line.to_owned())
    }
}
