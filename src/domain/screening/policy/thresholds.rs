//! The named amounts of a policy, each by currency: `[amounts.large]` with `EUR = 100000`.

use std::collections::BTreeMap;

/// By name; amounts in minor units by currency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Thresholds(pub BTreeMap<String, Vec<(String, i64)>>);

impl Thresholds {
    pub fn get(&self, name: &str) -> Option<&[(String, i64)]> {
        self.0.get(name).map(Vec::as_slice)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}
