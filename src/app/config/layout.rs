//! Where the files of a node stand inside its directory.
//!
//! ```text
//! hushwire.toml            configuration
//! keystore.age             every secret, sealed under the passphrase
//! roster.note              the signed roster in force, a copy for people to read
//! bundles/                 signed bundles of epoch secrets, sealed to each member
//! rosters/                 every roster from the genesis on, verified at every start
//! tls/peer.pem             certificate shown to other members
//! tls/local-ca.pem         the member's own authority: whom the local listener believes
//! tls/server.pem           certificate of the local listener
//! certs/<role>-<name>/     cert.pem, key.pem and ca.pem of one client
//! access/revoked/          callers whose certificates count no more
//! access/token-names       names of tokens that were ever given
//! access/tokens/           what is kept of bearer tokens: hashes, roles, ends
//! commands/                notes of what commands did, until the audit log has them; in no backup
//! journal/ views/ guard/   the record, what is derived from it, imported guard lists
//! belief.snapshot          cache of belief for a quick start; leave it out of copies, as `hushwire backup` does
//! journal.damaged-<time>/  a damaged journal that was set aside, kept for whoever wants to look at it
//! profiles/                profiles of the member's own customers, encrypted; `hushwire backup` leaves them out
//! webhooks/                how far each receiver of webhooks has got in the audit log
//! fence                    sizes reserved before they are signed; leave it out of copies, as `hushwire backup` does
//! ```

use std::path::{Path, PathBuf};

use crate::io::access::folder::AccessFolder;
use crate::io::bundle_files::BundleFiles;
use crate::io::command_files::CommandFiles;
use crate::io::roster_files::RosterFiles;

/// A node's directory. Paths only: nothing is created or read here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeDir(PathBuf);

impl NodeDir {
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn config(&self) -> PathBuf {
        self.0.join("hushwire.toml")
    }

    pub fn profiles(&self) -> PathBuf {
        self.0.join("profiles")
    }

    pub fn keystore(&self) -> PathBuf {
        self.0.join("keystore.age")
    }

    pub fn roster(&self) -> PathBuf {
        self.0.join("roster.note")
    }

    /// The chain of rosters and its readable copy.
    pub fn roster_files(&self) -> RosterFiles {
        RosterFiles::new(self.0.join("rosters"), self.roster())
    }

    /// Bundles of epoch secrets, to be opened here and handed on.
    pub fn bundle_files(&self) -> BundleFiles {
        BundleFiles::new(self.0.join("bundles"))
    }

    pub fn peer_certificate(&self) -> PathBuf {
        self.0.join("tls").join("peer.pem")
    }

    pub fn local_authority(&self) -> PathBuf {
        self.0.join("tls").join("local-ca.pem")
    }

    pub fn server_certificate(&self) -> PathBuf {
        self.0.join("tls").join("server.pem")
    }

    /// Directory of one client's certificate, key and authority.
    pub fn client(&self, role: &str, name: &str) -> PathBuf {
        self.clients().join(format!("{role}-{name}"))
    }

    pub fn clients(&self) -> PathBuf {
        self.0.join("certs")
    }

    /// Who is revoked, and whose tokens count.
    pub fn access(&self) -> AccessFolder {
        AccessFolder::new(self.0.join("access"))
    }

    /// What commands did beside the node, for its audit log.
    pub fn commands(&self) -> CommandFiles {
        CommandFiles::new(self.0.join("commands"))
    }

    pub fn journal(&self) -> PathBuf {
        self.0.join("journal")
    }

    /// A journal being written out of a damaged one, before it takes its place.
    pub fn salvaged_journal(&self) -> PathBuf {
        self.0.join("journal.salvaged")
    }

    /// Reserved sizes: never part of a backup.
    pub fn fence(&self) -> PathBuf {
        self.0.join("fence")
    }

    /// A cache, sealed with a key of its own inside: never part of a backup.
    pub fn snapshot(&self) -> PathBuf {
        self.0.join("belief.snapshot")
    }

    pub fn views(&self) -> PathBuf {
        self.0.join("views")
    }

    /// The place of a receiver of webhooks in the audit log.
    pub fn webhook_place(&self, name: &str) -> PathBuf {
        self.0.join("webhooks").join(format!("{name}.place"))
    }

    /// What a running node writes.
    pub fn written(&self) -> Vec<PathBuf> {
        let own = [self.journal(), self.fence(), self.snapshot(), self.views()];
        own.into_iter().chain(["rosters", "bundles", "access", "webhooks"].map(|name| self.0.join(name))).collect()
    }

    pub fn guard(&self) -> PathBuf {
        self.0.join("guard")
    }
}
