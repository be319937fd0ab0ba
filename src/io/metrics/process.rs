//! What the kernel says of this process, under the names every Prometheus client library uses.
//!
//! Read from `/proc/self`, which a node may read of itself also where core dumps are forbidden and `/proc` is hidden.

use std::time::Duration;

use rustix::process::{Resource, getrlimit};

/// One reading; what cannot be read is left out.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Process {
    pub cpu_s: Option<f64>,
    pub resident_bytes: Option<u64>,
    pub open_fds: Option<u64>,
    pub max_fds: Option<u64>,
    pub threads: Option<u64>,
}

/// The unit of times in `/proc`: 1/100 s on every Linux there is, whatever the kernel's own clock.
const TICK: Duration = Duration::from_millis(10);

impl Process {
    pub fn read() -> Self {
        let stat = std::fs::read_to_string("/proc/self/stat").ok();
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let fds = std::fs::read_dir("/proc/self/fd").ok().map(Iterator::count);
        Self {
            cpu_s: stat.as_deref().and_then(cpu_s),
            resident_bytes: number(&status, "VmRSS:").and_then(|kib| kib.checked_mul(1024)),
            // One of them is the folder that is being read.
            open_fds: fds.and_then(|fds| u64::try_from(fds).ok()).map(|fds| fds.saturating_sub(1)),
            max_fds: getrlimit(Resource::Nofile).current,
            threads: number(&status, "Threads:"),
        }
    }
}

/// User and system time. The name of the program stands in parentheses and may hold anything.
fn cpu_s(stat: &str) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u32>().ok();
    let total = ticks()?.checked_add(ticks()?)?;
    Some(TICK.saturating_mul(total).as_secs_f64())
}

fn number(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_a_name_that_looks_like_fields() {
        let stat = "42 (a) 1 (b) S 1 42 42 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 3 0 100 1 1";
        assert_eq!(cpu_s(stat), Some(2.0));
        assert_eq!(cpu_s("42 (a"), None);
        assert_eq!(cpu_s("42 (a) S 1"), None);
    }

    #[test]
    fn a_number_is_found_by_its_key() {
        let status = "Name:\tx\nVmRSS:\t   2048 kB\nThreads:\t3\n";
        assert_eq!((number(status, "VmRSS:"), number(status, "Threads:")), (Some(2048), Some(3)));
        assert_eq!(number(status, "VmSwap:"), None);
    }

    #[test]
    fn this_process_has_memory_files_and_threads() {
        let read = Process::read();
        assert!(read.resident_bytes.is_some_and(|bytes| bytes > 1024 * 1024), "{read:?}");
        assert!(read.open_fds.is_some_and(|fds| fds > 2) && read.threads.is_some_and(|threads| threads > 0));
        assert!(read.cpu_s.is_some() && read.max_fds.is_some());
    }
}
