//! Keeps the process's memory off the disk: no core dumps, no attaching debuggers of the same user.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// The operating system would not switch core dumps off.
#[derive(Debug, thiserror::Error)]
#[error("core dumps cannot be switched off: {0}")]
pub struct CoreDumpError(#[from] rustix::io::Errno);

/// Switches core dumps off for good. Called before the first secret is in memory.
pub fn forbid_core_dumps() -> Result<(), CoreDumpError> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    // A limit alone does not stop a kernel that pipes cores to a collector.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use rustix::process::{dumpable_behavior, getrlimit};

    use super::*;

    #[test]
    fn no_core_is_written() {
        forbid_core_dumps().expect("allowed to everyone");
        assert_eq!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable));
        assert_eq!(getrlimit(Resource::Core).maximum, Some(0));
    }
}
