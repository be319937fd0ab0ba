//! What a conformance check of one file found: counted, with the first failures in words.
//!
//! Each checker below `app` takes a file's name and content and hands back one [`FileReport`]; it reads nothing itself.

/// How many failures are described; the rest is only counted.
const DESCRIBED_FAILURES: usize = 10;

/// The outcome of checking this build against one file of published cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReport {
    /// Name of the file, without its folder.
    pub file: String,
    /// Cases in which this build gives what the file says.
    pub passed: u64,
    /// Cases in which it does not.
    pub failed: u64,
    /// Cases that are no test of this build, counted by the name of the rule that sets them apart.
    pub apart: Vec<(&'static str, u64)>,
    /// The first failures in words.
    pub first_failures: Vec<String>,
}

impl FileReport {
    pub fn new(file: impl Into<String>) -> Self {
        Self { file: file.into(), passed: 0, failed: 0, apart: Vec::new(), first_failures: Vec::new() }
    }

    pub fn pass(&mut self) {
        self.passed += 1;
    }

    /// Counts a failure; `describe` runs only for the first few.
    pub fn fail(&mut self, describe: impl FnOnce() -> String) {
        self.failed += 1;
        if self.first_failures.len() < DESCRIBED_FAILURES {
            self.first_failures.push(describe());
        }
    }

    /// Counts a case as passed or failed.
    pub fn check(&mut self, holds: bool, describe: impl FnOnce() -> String) {
        if holds {
            self.pass();
        } else {
            self.fail(describe);
        }
    }

    /// Counts a case that is set apart under the name of a rule.
    pub fn set_apart(&mut self, rule: &'static str) {
        match self.apart.iter_mut().find(|(name, _)| *name == rule) {
            Some((_, count)) => *count += 1,
            None => self.apart.push((rule, 1)),
        }
    }

    /// Fails a file of which no case could be read: nothing was checked, and nothing must look as if it had been.
    pub fn demand_cases(mut self) -> Self {
        if self.passed == 0 && self.failed == 0 && self.apart.is_empty() {
            self.fail(|| "no case could be read".to_owned());
        }
        self
    }

    /// Whether every case that is a test of this build passed.
    pub fn conforms(&self) -> bool {
        self.failed == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_cases_fails() {
        assert_eq!(FileReport::new("some.csv").demand_cases().failed, 1);
        let mut report = FileReport::new("some.csv");
        report.set_apart("oracles_disagree");
        assert!(report.demand_cases().conforms(), "what is set apart was read");
    }

    #[test]
    fn failures_are_all_counted_but_only_the_first_are_described() {
        let mut report = FileReport::new("some.json");
        for case in 0..25 {
            report.check(false, || format!("case {case}"));
        }
        report.pass();
        report.set_apart("oracles_disagree");
        report.set_apart("oracles_disagree");
        assert_eq!((report.passed, report.failed), (1, 25));
        assert_eq!(report.first_failures.len(), DESCRIBED_FAILURES);
        assert_eq!(report.apart, vec![("oracles_disagree", 2)]);
        assert!(!report.conforms());
    }
}
