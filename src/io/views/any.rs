//! The backend the configuration names, behind one type: the engine need not be built once for each.

use std::path::Path;

use crate::io::views::memory::MemoryViews;
use crate::io::views::sled::SledViews;
use crate::node::store::{Expectation, StorageFault, ViewChange, ViewFault, ViewRows, Views};

/// Views on one of the backends.
#[derive(Debug)]
pub enum AnyViews {
    Sled(Box<SledViews>),
    Memory(MemoryViews),
}

impl AnyViews {
    /// Opens views in sled. Views that sled cannot open any more are derived data: they are removed and built anew.
    pub fn open_sled(dir: &Path) -> Result<Self, StorageFault> {
        let opened = SledViews::open(dir).or_else(|fault| match fault {
            StorageFault::Damaged(_) => {
                SledViews::discard(dir)?;
                SledViews::open(dir)
            }
            other => Err(other),
        });
        Ok(Self::Sled(Box::new(opened?)))
    }

    pub fn in_memory() -> Self {
        Self::Memory(MemoryViews::default())
    }
}

impl Views for AnyViews {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageFault> {
        match self {
            Self::Sled(views) => views.get(key),
            Self::Memory(views) => views.get(key),
        }
    }

    fn scan(&self, start: &[u8], end: &[u8], limit: usize) -> Result<ViewRows, StorageFault> {
        match self {
            Self::Sled(views) => views.scan(start, end, limit),
            Self::Memory(views) => views.scan(start, end, limit),
        }
    }

    fn commit(&mut self, expectations: &[Expectation], changes: &[ViewChange]) -> Result<(), ViewFault> {
        match self {
            Self::Sled(views) => views.commit(expectations, changes),
            Self::Memory(views) => views.commit(expectations, changes),
        }
    }

    fn sync(&mut self) -> Result<(), StorageFault> {
        match self {
            Self::Sled(views) => views.sync(),
            Self::Memory(views) => views.sync(),
        }
    }

    fn clear(&mut self) -> Result<(), StorageFault> {
        match self {
            Self::Sled(views) => views.clear(),
            Self::Memory(views) => views.clear(),
        }
    }
}
