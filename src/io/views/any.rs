//! The backend the configuration names, behind one type: the engine need not be built once for each.
//!
//! Views are derived, so their faults stop at this place: what sled cannot open, or panics over, is removed and begun anew;
//! where that fails too (a full disk, a folder nobody may write to), the rows are kept in memory and operators are told.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use crate::io::views::memory::MemoryViews;
use crate::io::views::sled::SledViews;
use crate::node::store::{Expectation, StorageFault, ViewChange, ViewFault, ViewRows, Views};

/// Views on one of the backends.
#[derive(Debug)]
pub struct AnyViews {
    backend: Backend,
    /// Why the backend is not the one that was asked for.
    instead: Option<String>,
}

#[derive(Debug)]
enum Backend {
    Sled { views: Box<SledViews>, dir: PathBuf },
    Memory(MemoryViews),
}

impl AnyViews {
    /// Opens views in sled, or whatever can stand in for them.
    pub fn open_sled(dir: &Path) -> Self {
        let fault = match open(dir) {
            Ok(backend) => return Self { backend, instead: None },
            Err(fault) => fault,
        };
        tracing::warn!(event = "views.discarded", fault = %fault, "they are derived from the journal again");
        // Whoever holds them open goes on using them.
        let again = if fault == StorageFault::InUse {
            Err(fault)
        } else {
            discard(dir);
            open(dir)
        };
        match again {
            Ok(backend) => Self { backend, instead: None },
            Err(fault) => Self::stand_in(&fault),
        }
    }

    pub fn in_memory() -> Self {
        Self { backend: Backend::Memory(MemoryViews::default()), instead: None }
    }

    fn stand_in(fault: &StorageFault) -> Self {
        tracing::error!(event = "views.in_memory", fault = %fault, "kept in memory until the next start");
        Self { instead: Some(fault.to_string()), ..Self::in_memory() }
    }
}

impl Views for AnyViews {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageFault> {
        match &self.backend {
            Backend::Sled { views, .. } => guarded(|| views.get(key)),
            Backend::Memory(views) => views.get(key),
        }
    }

    fn scan(&self, start: &[u8], end: &[u8], limit: usize) -> Result<ViewRows, StorageFault> {
        match &self.backend {
            Backend::Sled { views, .. } => guarded(|| views.scan(start, end, limit)),
            Backend::Memory(views) => views.scan(start, end, limit),
        }
    }

    fn commit(&mut self, expectations: &[Expectation], changes: &[ViewChange]) -> Result<(), ViewFault> {
        match &mut self.backend {
            Backend::Sled { views, .. } => guarded(|| Ok(views.commit(expectations, changes)))?,
            Backend::Memory(views) => views.commit(expectations, changes),
        }
    }

    fn sync(&mut self) -> Result<(), StorageFault> {
        match &mut self.backend {
            Backend::Sled { views, .. } => guarded(|| views.sync()),
            Backend::Memory(views) => views.sync(),
        }
    }

    /// Never fails: sled that cannot go on is left, its files removed so that no later start builds on them.
    fn clear(&mut self) -> Result<(), StorageFault> {
        let fault = match &mut self.backend {
            Backend::Memory(views) => return views.clear(),
            Backend::Sled { views, .. } => match guarded(|| views.clear().and_then(|()| views.sync())) {
                Ok(()) => return Ok(()),
                Err(fault) => fault,
            },
        };
        if let Backend::Sled { views, dir } = std::mem::replace(self, Self::stand_in(&fault)).backend {
            // sled writes once more when it is dropped, and may fail at that too.
            drop(guarded(|| {
                drop(views);
                Ok(())
            }));
            discard(&dir);
        }
        Ok(())
    }

    fn stands_in(&self) -> Option<&str> {
        self.instead.as_deref()
    }
}

fn open(dir: &Path) -> Result<Backend, StorageFault> {
    let views = guarded(|| SledViews::open(dir))?;
    Ok(Backend::Sled { views: Box::new(views), dir: dir.to_owned() })
}

/// Removes what it can. A folder that cannot go (it is mounted there) may be empty all the same, and what is left fails again.
fn discard(dir: &Path) {
    if let Err(fault) = SledViews::discard(dir) {
        tracing::warn!(event = "views.left", fault = %fault);
    }
}

/// sled panics over some damage where it might return an error.
fn guarded<T>(act: impl FnOnce() -> Result<T, StorageFault>) -> Result<T, StorageFault> {
    // What the panic left half done is never looked at again: the owner empties the views and derives them anew.
    catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|_| Err(StorageFault::Views("sled failed over them".to_owned())))
}
