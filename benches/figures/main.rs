//! The figures of TARGETS: what Hushwire costs in CPU time, memory and disk, measured on the real types and the release
//! binary. Nothing here asserts a time: machines are shared, so figures are CPU time per operation and ratios of
//! interleaved rounds, each with the machine, the commit and the command beside it.
//!
//! `make bench` runs all groups and writes `benches/RESULTS.md`; `cargo bench --bench figures -- GROUP…` runs some;
//! `--indicators N` scales the stock.

mod consortium;
mod echo;
mod figure;
mod late;
mod latency;
mod load;
mod measure;
mod parts;
mod policy;
mod profiles;
mod publishing;
mod raw;
mod report;
mod rpc;
mod screening;
mod stock;
mod world;

use std::io::Write;

use crate::figure::Book;

/// That of the program, so that what is measured in this process is what the node does.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// What stops a run. Benchmarks explain themselves by the message alone.
pub type Fault = Box<dyn std::error::Error>;

/// Groups in the order they run: quiet ones first, the one that fills the disk last.
const GROUPS: [&str; 5] = ["screening", "latency", "publishing", "stock", "rpc"];

/// Indicators held by the node whose size, start and calls are measured, unless `--indicators` says otherwise: what a machine
/// with 4 GB of memory and disk to spare holds, in minutes. Figures an indicator do not depend on it; a start does.
const INDICATORS: u32 = 1_000_000;

fn main() -> Result<(), Fault> {
    // `cargo bench` adds `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [role, folder, bytes] = arguments.as_slice()
        && role == echo::ROLE
    {
        return echo::serve(folder.as_ref(), bytes.parse()?);
    }
    let mut groups = Vec::new();
    let mut indicators = INDICATORS;
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--indicators" => indicators = arguments.next().ok_or("--indicators takes a number")?.parse()?,
            group if GROUPS.contains(&group) => groups.push(group.to_owned()),
            other => return Err(format!("{other} is none of the groups {}", GROUPS.join(", ")).into()),
        }
    }
    if groups.is_empty() {
        groups = GROUPS.map(str::to_owned).to_vec();
    }
    let wanted = |group: &str| groups.iter().any(|wanted| wanted == group);
    let mut book = Book::open(indicators)?;
    if wanted("screening") {
        // Before anything else took memory and gave it back.
        late::measure(&mut book)?;
        parts::measure(&mut book)?;
        profiles::measure(&mut book)?;
        screening::measure(&mut book)?;
        // After each group: a later one that fails does not take what is measured.
        report::write()?;
    }
    if wanted("latency") {
        latency::measure(&mut book)?;
        report::write()?;
    }
    if wanted("publishing") {
        publishing::measure(&mut book)?;
        report::write()?;
    }
    if wanted("stock") || wanted("rpc") {
        let folder = tempfile::tempdir()?;
        let stock = stock::measure(&mut book, folder.path(), indicators)?;
        report::write()?;
        if wanted("rpc") {
            rpc::measure(&mut book, &stock)?;
            report::write()?;
        }
    }
    Ok(())
}

/// One line about what goes on.
pub fn say(text: impl std::fmt::Display) -> Result<(), Fault> {
    writeln!(std::io::stderr(), "{text}")?;
    Ok(())
}
