//! The member's own allow and block lists, which stand above everything the consortium says.
//!
//! An entry rests under a name made with a key of this node, `HMAC-SHA256(list key, lp(type) ‖ canonical)`: the lists hold no
//! raw identifier, and they outlive key epochs, so that nobody has to add anything again. The name costs a screening one
//! more HMAC a form (about a quarter of a microsecond), and only for kinds of which anything is listed.
//!
//! Left out: who may change the lists, and how changes are kept ([`crate::node::list`]).

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::base::bytes::LocalMac;
use crate::base::framing::framed;
use crate::base::kind::IdentifierKind;
use crate::base::secret::SecretBytes;
use crate::base::time::{Day, Timestamp};
use crate::domain::identifier::CanonicalIdentifier;
use crate::domain::indicator::note::Note;
use crate::domain::indicator::words::vocabulary;

vocabulary!(
    /// One of the two lists, in order of precedence.
    OwnList, "list", "allow, block",
    {
        /// The transaction passes, whatever the consortium says.
        Allow = 1 "allow",
        /// The transaction is refused, whatever the consortium says.
        Block = 2 "block",
    }
);

vocabulary!(
    /// Why an identifier stands on a list.
    ListingReason, "reason", "known-customer, false-positive, own-fraud, legal, other",
    {
        /// The member knows whose it is.
        KnownCustomer = 1 "known-customer",
        /// What others say of it is known to be wrong here.
        FalsePositive = 2 "false-positive",
        /// The member was defrauded with it.
        OwnFraud = 3 "own-fraud",
        /// A court or an authority asks for it.
        Legal = 4 "legal",
        /// The note says why, where anything does.
        Other = 5 "other",
    }
);

/// What is kept of one identifier on one list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The kind as it was given.
    pub kind: IdentifierKind,
    /// When it was first put there.
    pub since: Timestamp,
    /// From then on it stands there no more; none for good.
    pub until: Option<Timestamp>,
    pub reason: ListingReason,
    pub note: Note,
}

impl Listing {
    /// The same for who only screens.
    pub fn without_note(&self) -> Self {
        Self { note: Note::default(), ..*self }
    }

    pub fn acts(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// Where an identifier of a transaction stands. The least is the one that acts: allow before block, the earlier first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct OwnListing {
    pub list: OwnList,
    pub since: Timestamp,
}

/// Makes the names of the lists' entries. Cheap to clone: the key schedule is kept, not the key.
#[derive(Clone)]
pub struct OwnListKey(Hmac<Sha256>);

impl OwnListKey {
    pub fn new(key: &SecretBytes<32>) -> Self {
        Self(Hmac::new_from_slice(key.expose()).expect("HMAC takes keys of any length"))
    }

    fn name(&self, identifier: &CanonicalIdentifier) -> LocalMac {
        let mut mac = self.0.clone();
        mac.update(&framed(&[identifier.kind().type_label().as_bytes()]));
        mac.update(identifier.expose());
        LocalMac(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for OwnListKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnListKey(…)")
    }
}

/// Both lists.
#[derive(Debug, Clone)]
pub struct OwnLists {
    key: OwnListKey,
    entries: BTreeMap<(OwnList, LocalMac), Listing>,
    /// Entries by the kind of the form they stand under, in the order of [`IdentifierKind::ALL`].
    by_form: [usize; IdentifierKind::ALL.len()],
}

impl OwnLists {
    pub fn new(key: OwnListKey) -> Self {
        Self { key, entries: BTreeMap::new(), by_form: [0; IdentifierKind::ALL.len()] }
    }

    /// Where an identifier in this form stands now. Allow comes first.
    pub fn listing(&self, form: &CanonicalIdentifier, now: Timestamp) -> Option<OwnListing> {
        if self.by_form.get(form.kind().ordinal()).is_none_or(|entries| *entries == 0) {
            return None;
        }
        let name = self.key.name(form);
        OwnList::ALL.iter().find_map(|list| {
            let listing = self.entries.get(&(*list, name)).filter(|listing| listing.acts(now))?;
            Some(OwnListing { list: *list, since: listing.since })
        })
    }

    /// The name an identifier has on the lists, from its canonical forms. An e-mail address stands there as the mailbox it
    /// reaches, so that no spelling slips through; everything else as it is: nobody who lists a page means its host.
    pub fn name(&self, forms: &[CanonicalIdentifier]) -> Option<LocalMac> {
        let kind = listed_form(forms.first()?.kind());
        forms.iter().find(|form| form.kind() == kind).map(|form| self.key.name(form))
    }

    pub fn get(&self, list: OwnList, name: &LocalMac) -> Option<&Listing> {
        self.entries.get(&(list, *name))
    }

    /// Entries, expired ones included until they are forgotten.
    pub fn held(&self) -> usize {
        self.entries.len()
    }

    /// Entries of a list that act now.
    pub fn acting(&self, list: OwnList, now: Timestamp) -> usize {
        self.entries.iter().filter(|((of, _), listing)| *of == list && listing.acts(now)).count()
    }

    /// Entries after `after`, in the order of list and name.
    pub fn after(
        &self,
        after: Option<(OwnList, LocalMac)>,
    ) -> impl Iterator<Item = (OwnList, &LocalMac, &Listing)> + use<'_> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.entries.range((start, Bound::Unbounded)).map(|((list, name), listing)| (*list, name, listing))
    }

    /// Puts an entry there, in place of an earlier one. `name` is that of an identifier of the listing's kind.
    pub fn put(&mut self, list: OwnList, name: LocalMac, listing: Listing) {
        self.remove(list, &name);
        self.count(&listing, |entries| entries + 1);
        self.entries.insert((list, name), listing);
    }

    pub fn remove(&mut self, list: OwnList, name: &LocalMac) {
        if let Some(listing) = self.entries.remove(&(list, *name)) {
            self.count(&listing, |entries| entries - 1);
        }
    }

    /// Forgets what expired before `horizon`.
    pub fn forget_expired(&mut self, horizon: Day) {
        let expired = self.entries.iter().filter(|(_, listing)| listing.expired_before(horizon));
        for (list, name) in expired.map(|(place, _)| *place).collect::<Vec<_>>() {
            self.remove(list, &name);
        }
    }

    fn count(&mut self, listing: &Listing, change: impl FnOnce(usize) -> usize) {
        let entries = self.by_form.get_mut(listed_form(listing.kind).ordinal()).expect("one row stands for every kind");
        *entries = change(*entries);
    }
}

impl Listing {
    pub fn expired_before(&self, horizon: Day) -> bool {
        self.until.is_some_and(|until| until.day() < horizon)
    }
}

/// The form in which an identifier of this kind stands on the lists.
fn listed_form(kind: IdentifierKind) -> IdentifierKind {
    if kind == IdentifierKind::Email { IdentifierKind::Mailbox } else { kind }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::identifier::{CanonRules, RawIdentifier, canonicalise};

    const NOW: Timestamp = Timestamp::from_unix_s(1_795_000_000);

    fn forms(kind: IdentifierKind, value: &str) -> Vec<CanonicalIdentifier> {
        canonicalise(&RawIdentifier::new(kind, value.to_owned()), &CanonRules::default()).expect("valid")
    }

    fn lists() -> OwnLists {
        OwnLists::new(OwnListKey::new(&SecretBytes::new([7; 32])))
    }

    fn listing(kind: IdentifierKind, until: Option<Timestamp>) -> Listing {
        Listing { kind, since: NOW, until, reason: ListingReason::Other, note: Note::default() }
    }

    fn stands(lists: &OwnLists, kind: IdentifierKind, value: &str, now: Timestamp) -> Option<OwnList> {
        let listed = forms(kind, value).iter().filter_map(|form| lists.listing(form, now)).min();
        listed.map(|listed| listed.list)
    }

    #[test]
    fn allow_comes_before_block_and_each_ends_in_its_time() {
        let mut lists = lists();
        let name = lists.name(&forms(IdentifierKind::Device, "device-0001")).expect("it has a form");
        lists.put(OwnList::Block, name, listing(IdentifierKind::Device, None));
        lists.put(OwnList::Allow, name, listing(IdentifierKind::Device, Some(NOW.plus_s(10))));
        let check = |lists: &OwnLists, after_s: u64, expected| {
            assert_eq!(stands(lists, IdentifierKind::Device, "device-0001", NOW.plus_s(after_s)), expected);
        };
        check(&lists, 0, Some(OwnList::Allow));
        check(&lists, 9, Some(OwnList::Allow));
        check(&lists, 10, Some(OwnList::Block));
        lists.forget_expired(NOW.day().next());
        assert_eq!(lists.held(), 1, "what expired is forgotten, what stands for good is not");
        lists.remove(OwnList::Block, &name);
        check(&lists, 0, None);
    }

    #[test]
    fn entries_are_counted_by_kind_through_every_change() {
        let mut lists = lists();
        let mail = lists.name(&forms(IdentifierKind::Email, "jane@example.com")).expect("it has a form");
        let device = lists.name(&forms(IdentifierKind::Device, "device-0001")).expect("it has a form");
        let counted = |lists: &OwnLists| {
            [IdentifierKind::Email, IdentifierKind::Mailbox, IdentifierKind::Device]
                .map(|kind| lists.by_form[kind.ordinal()])
        };
        lists.put(OwnList::Allow, mail, listing(IdentifierKind::Email, None));
        lists.put(OwnList::Allow, mail, listing(IdentifierKind::Mailbox, Some(NOW)));
        lists.put(OwnList::Block, device, listing(IdentifierKind::Device, None));
        assert_eq!(counted(&lists), [0, 1, 1]);
        lists.forget_expired(NOW.day().next());
        lists.remove(OwnList::Allow, &device);
        assert_eq!(counted(&lists), [0, 0, 1]);
        lists.remove(OwnList::Block, &device);
        assert_eq!((counted(&lists), lists.held()), ([0; 3], 0));
    }

    #[test]
    fn an_email_stands_as_its_mailbox_and_a_page_does_not_list_its_host() {
        let mut lists = lists();
        let mail = lists.name(&forms(IdentifierKind::Email, "Jane.Doe+shop@gmail.com")).expect("it has a form");
        lists.put(OwnList::Block, mail, listing(IdentifierKind::Email, None));
        let page = lists.name(&forms(IdentifierKind::Url, "https://shop.example.net/pay")).expect("it has a form");
        lists.put(OwnList::Block, page, listing(IdentifierKind::Url, None));
        let check = |kind, value, expected| assert_eq!(stands(&lists, kind, value, NOW), expected, "{value}");
        check(IdentifierKind::Email, "janedoe@googlemail.com", Some(OwnList::Block));
        check(IdentifierKind::Mailbox, "janedoe@gmail.com", Some(OwnList::Block));
        check(IdentifierKind::Email, "john.doe@gmail.com", None);
        check(IdentifierKind::Url, "https://shop.example.net/pay#top", Some(OwnList::Block));
        check(IdentifierKind::Url, "https://shop.example.net/", None);
        check(IdentifierKind::Domain, "shop.example.net", None);
    }

    #[test]
    fn names_differ_by_kind_and_by_node_and_show_nothing() {
        let device = forms(IdentifierKind::Device, "device-0001");
        let other = OwnLists::new(OwnListKey::new(&SecretBytes::new([8; 32])));
        assert_ne!(lists().name(&device), other.name(&device));
        assert_ne!(lists().name(&device), lists().name(&forms(IdentifierKind::Device, "device-0002")));
        let shown = format!("{:?}", lists());
        assert!(shown.contains("OwnListKey(…)") && !shown.contains("0707"), "{shown}");
    }
}
