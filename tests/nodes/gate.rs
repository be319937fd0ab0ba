//! A gate in front of the opening of a store: it stands still there until it is let on, however fast or slow the machine is.
//!
//! Every opening reads the configuration of the views first. In its place stands a FIFO, and whoever opens one to read waits until
//! somebody opens it to write.

use std::fs::{self, File};
use std::path::PathBuf;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::node::Home;

/// A shut gate. A node that is stopped in front of it leaves it shut for the next.
pub struct Gate {
    place: PathBuf,
    /// What belongs in the place.
    kept: PathBuf,
}

impl Gate {
    /// Shuts the gate of a stopped node that was open before.
    pub fn shut(home: &Home) -> Self {
        let (place, kept) = (home.path().join("views/conf"), home.path().join("views.conf.kept"));
        fs::rename(&place, &kept).expect("an earlier opening made it");
        mknodat(CWD, &place, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a FIFO");
        Self { place, kept }
    }

    /// Lets the opening on. Whoever has found the FIFO and not opened it yet is let through as long as what is returned lives.
    pub fn open(self) -> File {
        let aside = self.kept.with_extension("fifo");
        fs::rename(&self.place, &aside).expect("the FIFO");
        fs::rename(&self.kept, &self.place).expect("what was kept");
        // Both ends at once: waits for nobody, and nobody waits any more.
        File::options().read(true).write(true).open(aside).expect("the FIFO")
    }
}
