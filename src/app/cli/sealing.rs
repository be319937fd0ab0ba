//! Options shared by the commands that work offline on a node's folder and its sealed files.

use std::path::PathBuf;

use clap::Args;

use crate::app::config::layout::NodeDir;
use crate::app::outcome::CliError;
use crate::io::keystore::passphrase::{Passphrase, PassphraseSource};
use crate::io::keystore::sealed::WorkFactor;
use crate::io::keystore::store::Keystore;

/// Which node's folder.
#[derive(Debug, Args)]
pub struct DirArgs {
    /// The node's folder.
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

impl DirArgs {
    pub fn node(&self) -> NodeDir {
        NodeDir::new(&self.dir)
    }
}

/// Where the passphrase of a sealed file comes from.
#[derive(Debug, Args)]
pub struct PassphraseArgs {
    /// Where the passphrase comes from: prompt, file:PATH, credential:NAME, env:NAME or fd:NUMBER; without it,
    /// HUSHWIRE_PASSPHRASE is used where set, otherwise you are asked.
    #[arg(long, value_name = "SOURCE")]
    // Parsed by us: the parser of arguments would repeat what may be a passphrase typed in the wrong place.
    passphrase: Option<String>,
    /// Seals new files with a thousandth of the usual work. Only for passphrases that are themselves random keys.
    #[arg(long, hide = true, env = "HUSHWIRE_DANGER_QUICK_SEALING")]
    danger_quick_sealing: bool,
}

impl PassphraseArgs {
    /// Of a file that exists.
    pub fn existing(&self) -> Result<Passphrase, CliError> {
        Ok(Passphrase::obtain(self.source()?.as_ref())?)
    }

    /// Of a file about to be made.
    pub fn chosen(&self) -> Result<Passphrase, CliError> {
        Ok(Passphrase::obtain_new(self.source()?.as_ref())?)
    }

    /// Of a file that exists, with the one it is to be sealed under from now on.
    pub fn change(&self, new: &str) -> Result<(Passphrase, Passphrase), CliError> {
        let new = new.parse()?;
        Ok(Passphrase::obtain_change(self.source()?.as_ref(), &new)?)
    }

    /// The source that was named, if one was.
    pub fn source(&self) -> Result<Option<PassphraseSource>, CliError> {
        Ok(self.passphrase.as_deref().map(str::parse).transpose()?)
    }

    pub fn work(&self) -> WorkFactor {
        if self.danger_quick_sealing { WorkFactor::danger_quick() } else { WorkFactor::DEFAULT }
    }

    /// Opens the node's keystore; the passphrase is handed back for sealing it again.
    pub fn open(&self, node: &NodeDir) -> Result<(Keystore, Passphrase), CliError> {
        let passphrase = self.existing()?;
        Ok((Keystore::read(&node.keystore(), &passphrase)?, passphrase))
    }
}
