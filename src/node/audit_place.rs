//! Where a listing of the audit log goes on: the token of its next page.
//!
//! Who looks is recorded once, with the first page. A token therefore proves that its listing was recorded: it carries a
//! fingerprint that only this node can make, over the caller, the filter, the place and the listing's beginning. Whoever comes
//! with anything else, or comes back later than a listing takes, begins another listing, and that is recorded too.
//! ```text
//! INDEX                       a place of the caller's own choice
//! INDEX-BEGUN_S-FINGERPRINT   the next page of a listing begun then; 64 hexadecimal digits
//! ```

use std::fmt;
use std::str::FromStr;

use crate::base::bytes::LocalMac;
use crate::base::limits;
use crate::base::position::EntryIndex;
use crate::base::time::Timestamp;
use crate::domain::audit::record::Actor;
use crate::domain::audit::search::AuditFilter;
use crate::node::local_mac::{LocalMacKey, MacDomain};

/// The place of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditPlace {
    pub from: EntryIndex,
    continued: Option<Continued>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Continued {
    begun_s: u64,
    fingerprint: LocalMac,
}

impl AuditPlace {
    /// Where a listing begins that was given no token.
    pub const START: Self = Self { from: EntryIndex(0), continued: None };
}

/// Whose listing of what.
#[derive(Debug, Clone, Copy)]
pub struct Looker<'a> {
    pub key: &'a LocalMacKey,
    pub caller: &'a Actor,
    pub filter: &'a AuditFilter,
}

impl Looker<'_> {
    /// When the listing began that `place` goes on with, where that was recorded.
    pub fn begun(&self, place: &AuditPlace, now: Timestamp) -> Option<Timestamp> {
        let continued = place.continued.as_ref()?;
        let begun = Timestamp::from_unix_s(continued.begun_s);
        let is_fresh = begun <= now && now < begun.plus_s(limits::AUDIT_LISTING_S);
        (is_fresh && self.fingerprint(place.from, begun) == continued.fingerprint).then_some(begun)
    }

    /// The next page of the listing that began and was recorded at `begun`.
    pub fn next(&self, from: EntryIndex, begun: Timestamp) -> AuditPlace {
        let continued = Continued { begun_s: begun.unix_s(), fingerprint: self.fingerprint(from, begun) };
        AuditPlace { from, continued: Some(continued) }
    }

    fn fingerprint(&self, from: EntryIndex, begun: Timestamp) -> LocalMac {
        // The filter comes last: it alone is of any length. Its texts stand in quotes, so no two filters read the same.
        let listing = format!("{}\n{}\n{}\n{:?}", self.caller, from.0, begun.unix_s(), self.filter);
        self.key.fingerprint(MacDomain::AuditListing, listing.as_bytes())
    }
}

impl fmt::Display for AuditPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.from.0)?;
        match &self.continued {
            Some(Continued { begun_s, fingerprint }) => write!(f, "-{begun_s}-{fingerprint}"),
            None => Ok(()),
        }
    }
}

/// No token that this node gave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a page token is what the page before gave, unchanged")]
pub struct NoPlace;

impl FromStr for AuditPlace {
    type Err = NoPlace;

    fn from_str(token: &str) -> Result<Self, NoPlace> {
        let mut parts = token.splitn(3, '-');
        let mut number = || parts.next().map(str::parse::<u64>);
        let from = EntryIndex(number().ok_or(NoPlace)?.map_err(|_| NoPlace)?);
        let Some(begun_s) = number() else { return Ok(Self { from, continued: None }) };
        let begun_s = begun_s.map_err(|_| NoPlace)?;
        let fingerprint = parts.next().and_then(|hex| hex::decode(hex).ok()).ok_or(NoPlace)?;
        let fingerprint = LocalMac::try_from(fingerprint.as_slice()).map_err(|_| NoPlace)?;
        Ok(Self { from, continued: Some(Continued { begun_s, fingerprint }) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::SecretBytes;
    use crate::domain::audit::search::Order;

    const BEGUN: Timestamp = Timestamp::from_unix_s(1_795_305_600);

    fn local(name: &str) -> Actor {
        Actor::Local { member: "bank-a".parse().expect("valid"), role: "auditor", name: name.to_owned() }
    }

    #[test]
    fn a_token_leads_back_to_its_place_and_nothing_else_is_one() {
        let key = LocalMacKey::new(&SecretBytes::new([7; 32]));
        let (caller, filter) = (local("desk"), AuditFilter::default());
        let next = Looker { key: &key, caller: &caller, filter: &filter }.next(EntryIndex(17), BEGUN);
        assert_eq!(next.to_string().parse(), Ok(next));
        assert_eq!("17".parse(), Ok(AuditPlace { from: EntryIndex(17), continued: None }));
        for no_token in ["", "x", "-1", "17-", "17-1", "17-1-00", "17-x-00"] {
            assert_eq!(no_token.parse::<AuditPlace>(), Err(NoPlace), "{no_token}");
        }
    }

    #[test]
    fn only_the_listing_that_was_recorded_goes_on_unrecorded() {
        let key = LocalMacKey::new(&SecretBytes::new([7; 32]));
        let (caller, filter) = (local("desk"), AuditFilter::default());
        let looker = Looker { key: &key, caller: &caller, filter: &filter };
        let next = looker.next(EntryIndex(17), BEGUN);
        let now = BEGUN.plus_s(1);
        assert_eq!(looker.begun(&next, now), Some(BEGUN));

        assert_eq!(looker.begun(&AuditPlace { from: EntryIndex(17), continued: None }, now), None, "any place");
        assert_eq!(looker.begun(&AuditPlace { from: EntryIndex(0), ..next.clone() }, now), None, "another place");
        assert_eq!(looker.begun(&next, BEGUN.plus_s(limits::AUDIT_LISTING_S)), None, "too late");
        let other = local("other");
        assert_eq!(Looker { caller: &other, ..looker }.begun(&next, now), None, "another caller");
        let wider = AuditFilter { action_prefix: "screening.".to_owned(), ..AuditFilter::default() };
        assert_eq!(Looker { filter: &wider, ..looker }.begun(&next, now), None, "another filter");
        let later = AuditFilter { from: Some(BEGUN), ..AuditFilter::default() };
        assert_eq!(Looker { filter: &later, ..looker }.begun(&next, now), None, "another time");
        let backwards = AuditFilter { order: Order::NewestFirst, ..AuditFilter::default() };
        assert_eq!(Looker { filter: &backwards, ..looker }.begun(&next, now), None, "another order");
        let foreign = LocalMacKey::new(&SecretBytes::new([8; 32]));
        assert_eq!(Looker { key: &foreign, ..looker }.begun(&next, now), None, "another node");
    }
}
