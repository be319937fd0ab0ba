//! Clocks and counters: CPU time of a process, its memory, the bytes of a folder, medians and percentiles.

use std::path::Path;

use hdrhistogram::Histogram;

use crate::Fault;

/// CPU time all threads of a process have used, nanoseconds. `pid` may be `self`. Threads that ended are not counted:
/// the processes measured here keep theirs.
pub fn cpu_ns(pid: &str) -> Result<u64, Fault> {
    let mut total = 0;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end between the listing and the reading.
        let Ok(text) = std::fs::read_to_string(task?.path().join("schedstat")) else { continue };
        let run = text.split(' ').next().ok_or("schedstat has three fields")?;
        total += run.parse::<u64>()?;
    }
    Ok(total)
}

/// Runs `work` and returns what it returned with the CPU time this process used meanwhile.
pub fn timed<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<(T, u64), Fault> {
    let before = cpu_ns("self")?;
    let done = work()?;
    Ok((done, cpu_ns("self")?.saturating_sub(before)))
}

/// Resident memory of a process, bytes.
pub fn resident_bytes(pid: &str) -> Result<u64, Fault> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let row = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("the process has no memory")?;
    let kilobytes: u64 = row.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1024)
}

/// Bytes of disk blocks below a folder.
pub fn disk_bytes(folder: &Path) -> Result<u64, Fault> {
    use std::os::unix::fs::MetadataExt;
    let mut total = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        total += if metadata.is_dir() { disk_bytes(&entry.path())? } else { metadata.blocks() * 512 };
    }
    Ok(total)
}

/// The middle of the values.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => sorted[length / 2],
        length => f64::midpoint(sorted[length / 2 - 1], sorted[length / 2]),
    }
}

/// `total / count` as numbers of this size are divided.
pub fn per(total: u64, count: u64) -> f64 {
    float(total) / float(count)
}

/// A count as a float, exact below 2^52.
pub fn float(count: u64) -> f64 {
    let high = u32::try_from(count >> 32).expect("the upper half has 32 bits");
    let low = u32::try_from(count & u64::from(u32::MAX)).expect("the lower half has 32 bits");
    f64::from(high) * 4_294_967_296.0 + f64::from(low)
}

/// A histogram of nanoseconds up to a minute.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("the bounds are in order")
}

/// A percentile in microseconds.
pub fn percentile_us(histogram: &Histogram<u64>, percentile: f64) -> f64 {
    float(histogram.value_at_percentile(percentile)) / 1_000.0
}
