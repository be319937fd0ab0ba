//! Profiles as records of their journal.
//!
//! ```text
//! u8 1  version
//! { [16] name ‖ u16 length ‖ profile }…     length 0: the customer was erased
//! ```

use crate::domain::profile::key::CustomerName;

const VERSION: u8 = 1;

/// Begins a record.
pub fn begin() -> Vec<u8> {
    vec![VERSION]
}

/// Adds a customer; no bytes for one that is erased.
pub fn push(record: &mut Vec<u8>, name: &CustomerName, profile: &[u8]) {
    record.extend_from_slice(&name.0);
    let length = u16::try_from(profile.len()).expect("profiles are bounded far below");
    record.extend_from_slice(&length.to_be_bytes());
    record.extend_from_slice(profile);
}

/// The customers of a record; ends at the first that is cut short, and has none where the version is another.
pub fn entries(record: &[u8]) -> Entries<'_> {
    Entries(match record.split_first() {
        Some((&VERSION, entries)) => entries,
        _ => &[],
    })
}

/// See [`entries`].
#[derive(Debug, Clone)]
pub struct Entries<'a>(&'a [u8]);

impl<'a> Iterator for Entries<'a> {
    type Item = (CustomerName, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, rest) = self.0.split_first_chunk::<16>()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (profile, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        self.0 = rest;
        Some((CustomerName(*name), profile))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pushed_is_read_and_the_rest_is_left() {
        let mut record = begin();
        push(&mut record, &CustomerName([1; 16]), &[7, 8]);
        push(&mut record, &CustomerName([2; 16]), &[]);
        let read: Vec<(CustomerName, &[u8])> = entries(&record).collect();
        assert_eq!(read, [(CustomerName([1; 16]), &[7, 8][..]), (CustomerName([2; 16]), &[][..])]);
        assert_eq!(hex::encode(&record[..21]), format!("01{}00020708", "01".repeat(16)));
        for length in 0..record.len() {
            assert!(entries(&record[..length]).count() < 2, "{length}");
        }
        record[0] = 2;
        assert_eq!(entries(&record).count(), 0);
    }
}
