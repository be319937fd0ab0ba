//! Whose customer a row is: the institution that screens it and whose fraud desk learns its label.
//!
//! `SHA-256(salt ‖ ":" ‖ value)`, its first 8 bytes big-endian, modulo the number of institutions. With a file of names the
//! name stands for the value, so that a history whose values were numbered anew is divided as before.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

/// The institution of a row, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Institution(pub u16);

impl Institution {
    pub fn position(self) -> usize {
        self.0.into()
    }
}

/// How rows are divided.
#[derive(Debug, Clone)]
pub struct Division {
    count: u16,
    salt: String,
    names: Option<BTreeMap<String, String>>,
}

/// A value that the file of names does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("stands in no row of the file of names")]
pub struct Unnamed;

impl Division {
    pub fn new(count: u16, salt: String, names: Option<BTreeMap<String, String>>) -> Self {
        Self { count: count.max(1), salt, names }
    }

    pub fn of(&self, value: &str) -> Result<Institution, Unnamed> {
        let value = value.trim();
        let value = match &self.names {
            Some(names) => names.get(value).ok_or(Unnamed)?,
            None => value,
        };
        let hash = Sha256::new().chain_update(&self.salt).chain_update(":").chain_update(value).finalize();
        let first = hash.iter().take(8).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
        Ok(Institution(u16::try_from(first % u64::from(self.count)).expect("below the count")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Computed with another implementation: int.from_bytes(sha256(b"retailer:" + name).digest()[:8], "big") % 5.
    const GROUPS: [(&str, u16); 4] = [("North Harbour Tools", 4), ("North Street Books", 1), ("", 0), ("Café", 1)];

    #[test]
    fn the_formula_divides_as_another_implementation_does() {
        let division = Division::new(5, "retailer".to_owned(), None);
        for (value, expected) in GROUPS {
            assert_eq!(division.of(value), Ok(Institution(expected)), "{value}");
        }
        assert_eq!(division.of(" North Street Books "), Ok(Institution(1)));
    }

    #[test]
    fn a_name_stands_for_its_value_and_a_value_without_name_is_refused() {
        let names = BTreeMap::from([("7".to_owned(), "North Street Books".to_owned())]);
        let division = Division::new(5, "retailer".to_owned(), Some(names));
        assert_eq!((division.of("7"), division.of("8")), (Ok(Institution(1)), Err(Unnamed)));
    }
}
