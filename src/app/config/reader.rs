//! Reads checked values out of a TOML table and the environment, and collects every fault instead of stopping at the
//! first. What a key may hold is said where it is read; a key nobody read is unknown and refused.
//!
//! Values are never repeated in a fault: a passphrase pasted into the wrong line must not end up in a log.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use toml::{Table, Value};

/// Prefix of overrides: `HUSHWIRE__FEED__WINDOW_MS` stands for `feed.window_ms`.
pub const PREFIX: &str = "HUSHWIRE__";

/// Overrides by their full name; none where the value is not UTF-8.
pub type Environment = BTreeMap<String, Option<String>>;

/// One thing that is wrong, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// `section.key`, or the name of the environment variable that overrides it.
    pub key: String,
    pub rule: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.rule)
    }
}

/// A value before its check, with the name under which the user knows it.
enum Raw {
    File(Value),
    Override(String),
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Reader {
    table: Table,
    environment: Environment,
    known: BTreeSet<&'static str>,
    /// Sections of which there may be several.
    lists: BTreeSet<&'static str>,
    faults: Vec<Fault>,
}

impl Reader {
    pub fn new(table: Table, environment: Environment) -> Self {
        Self { table, environment, known: BTreeSet::new(), lists: BTreeSet::new(), faults: Vec::new() }
    }

    /// A whole number within `range`, or `default` where it is not given.
    pub fn integer(&mut self, key: &'static str, range: RangeInclusive<u64>, default: u64) -> u64 {
        let allowed = format!("must be a whole number from {} to {}", range.start(), range.end());
        let read = |raw: &Raw| match raw {
            Raw::File(Value::Integer(number)) => u64::try_from(*number).ok(),
            Raw::Override(text) => text.trim().parse().ok(),
            Raw::File(_) => None,
        };
        self.read(key, &allowed, |raw| read(raw).filter(|number| range.contains(number))).unwrap_or(default)
    }

    /// A decimal number within `range` as billionths, exact to the last of them.
    pub fn billionths(&mut self, key: &'static str, range: RangeInclusive<f64>, default_nano: u64) -> u64 {
        let allowed = format!("must be a number from {} to {}", range.start(), range.end());
        let read = |raw: &Raw| match raw {
            Raw::File(Value::Float(number)) => Some(*number),
            Raw::File(Value::Integer(number)) => i32::try_from(*number).ok().map(f64::from),
            Raw::Override(text) => text.trim().parse().ok(),
            Raw::File(_) => None,
        };
        // Through decimal text: 0.1 is then one hundred million billionths, not what binary fractions make of it.
        let nano = |number: f64| format!("{number:.9}").replace('.', "").parse::<u64>().ok();
        self.read(key, &allowed, |raw| read(raw).filter(|number| range.contains(number)).and_then(nano))
            .unwrap_or(default_nano)
    }

    pub fn flag(&mut self, key: &'static str, default: bool) -> bool {
        self.read(key, "must be true or false", |raw| match raw {
            Raw::File(Value::Boolean(flag)) => Some(*flag),
            Raw::Override(text) => text.trim().parse().ok(),
            Raw::File(_) => None,
        })
        .unwrap_or(default)
    }

    /// A text that `T` accepts; none where it is not given. `allowed` ends the sentence "must be …".
    pub fn optional<T: FromStr>(&mut self, key: &'static str, allowed: &str) -> Option<T> {
        self.read(key, &format!("must be {allowed}"), |raw| match raw {
            Raw::File(Value::String(text)) | Raw::Override(text) => text.parse().ok(),
            Raw::File(_) => None,
        })
    }

    /// A text that `T` accepts; a fault where it is not given.
    pub fn required<T: FromStr>(&mut self, key: &'static str, allowed: &str) -> Option<T> {
        let faults_before = self.faults.len();
        let value = self.optional(key, allowed);
        if value.is_none() && self.faults.len() == faults_before {
            self.fault(key, format!("is missing; it must be {allowed}"));
        }
        value
    }

    /// A list of texts that `T` accepts; none where it is not given.
    pub fn texts<T: FromStr>(&mut self, key: &'static str, allowed: &str) -> Option<Vec<T>> {
        self.read(key, &format!("must be a list of {allowed}"), |raw| match raw {
            Raw::File(Value::Array(values)) if !values.is_empty() => {
                values.iter().map(|value| value.as_str()?.parse().ok()).collect()
            }
            Raw::File(_) | Raw::Override(_) => None,
        })
    }

    /// Every `[[section]]`, at most `most`, each read by `read` from a reader that knows this table alone. The environment
    /// overrides nothing in them: it could not say in which.
    pub fn tables<T>(
        &mut self,
        section: &'static str,
        most: usize,
        mut read: impl FnMut(&mut Self) -> Option<T>,
    ) -> Vec<T> {
        self.lists.insert(section);
        let tables = match self.table.remove(section) {
            None => Vec::new(),
            Some(Value::Array(tables)) if tables.iter().all(Value::is_table) && tables.len() <= most => tables,
            Some(_) => {
                self.fault(section, format!("must be up to {most} tables, each under [[{section}]]"));
                Vec::new()
            }
        };
        let mut out = Vec::with_capacity(tables.len());
        for (place, table) in tables.into_iter().enumerate() {
            let mut one = Self::new(Table::from_iter([(section.to_owned(), table)]), Environment::new());
            out.extend(read(&mut one));
            for Fault { key, rule } in one.finish().err().unwrap_or_default() {
                let key = key.replacen(section, &format!("{section}[{}]", place + 1), 1);
                self.faults.push(Fault { key, rule });
            }
        }
        out
    }

    /// Notes a fault that concerns more than the form of one value.
    pub fn fault(&mut self, key: &str, rule: impl Into<String>) {
        self.faults.push(Fault { key: key.to_owned(), rule: rule.into() });
    }

    /// Every fault met, in the order of the keys; keys nobody asked for are faults too.
    pub fn finish(mut self) -> Result<(), Vec<Fault>> {
        for (section, value) in &self.table {
            let known: Vec<&str> = self.known_of(section);
            if known.is_empty() {
                let single = self.known.iter().filter_map(|key| Some(key.split_once('.')?.0));
                let sections: BTreeSet<&str> = single.chain(self.lists.iter().copied()).collect();
                let sections = sections.into_iter().collect::<Vec<_>>().join(", ");
                self.faults
                    .push(Fault { key: section.clone(), rule: format!("is not a section; sections are {sections}") });
            } else if let Value::Table(keys) = value {
                for key in keys.keys().filter(|key| !known.contains(&key.as_str())) {
                    let rule = format!("is not a key; [{section}] has {}", known.join(", "));
                    self.faults.push(Fault { key: format!("{section}.{key}"), rule });
                }
            } else {
                self.faults.push(Fault { key: section.clone(), rule: format!("must be a section, [{section}]") });
            }
        }
        for name in self.environment.keys().filter(|name| !self.known.iter().any(|key| &override_name(key) == *name)) {
            let rule = "overrides no key; the form is HUSHWIRE__SECTION__KEY".to_owned();
            self.faults.push(Fault { key: name.clone(), rule });
        }
        self.faults.sort_by(|a, b| a.key.cmp(&b.key));
        if self.faults.is_empty() { Ok(()) } else { Err(self.faults) }
    }

    fn known_of(&self, section: &str) -> Vec<&'static str> {
        self.known.iter().filter_map(|key| key.strip_prefix(section)?.strip_prefix('.')).collect()
    }

    fn read<T>(&mut self, key: &'static str, rule: &str, check: impl FnOnce(&Raw) -> Option<T>) -> Option<T> {
        self.known.insert(key);
        let (section, name) = key.split_once('.').expect("keys are written section.key");
        let variable = override_name(key);
        let (shown, raw) = match self.environment.get(&variable) {
            Some(Some(text)) => (variable, Raw::Override(text.clone())),
            Some(None) => {
                self.fault(&variable, "must be UTF-8");
                return None;
            }
            None => (key.to_owned(), Raw::File(self.table.get(section)?.as_table()?.get(name)?.clone())),
        };
        let value = check(&raw);
        if value.is_none() {
            self.fault(&shown, rule);
        }
        value
    }
}

fn override_name(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_uppercase())
}
