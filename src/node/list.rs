//! The member's own allow and block lists: raw identifiers in, keyed names in the journal.
//!
//! 1 recognise a repeated request · 2 check each record · 3 one commit: the entries, the remembered request, and an audit
//! record for each change. Answered once durable; screening sees it from that moment. Entries end by their own time: no
//! record is written then, the audit record of the addition told it.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rand::CryptoRng;

use crate::base::bytes::LocalMac;
use crate::base::kind::IdentifierKind;
use crate::base::limits;
use crate::base::time::Timestamp;
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::Actor;
use crate::domain::identifier::guard::Grade;
use crate::domain::identifier::{RawIdentifier, canonicalise};
use crate::domain::indicator::note::{Note, NoteError};
use crate::domain::screening::own_lists::{Listing, ListingReason, OwnList, OwnLists};
use crate::node::Node;
use crate::node::commit::{self, Commit, Listed, ListedEntry, Prepared, change};
use crate::node::publish::{Refused, stored_refusal};
use crate::node::requests::{Remembered, Request};
use crate::node::state::{State, damaged};
use crate::node::store::{Journal, StorageFault, Views};

/// One identifier to put on a list.
#[derive(Debug)]
pub struct ListingDraft {
    pub list: OwnList,
    pub identifier: RawIdentifier,
    /// None for good.
    pub until: Option<Timestamp>,
    pub reason: ListingReason,
    pub note: String,
}

/// What to take from a list.
#[derive(Debug)]
pub enum ListTarget {
    Identifier(RawIdentifier),
    /// By its name on the list, for who has the value no more.
    Name(LocalMac),
}

/// How many records were done, and which were refused.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ListReceipt {
    pub done: usize,
    pub refused: Vec<commit::RefusedRecord>,
}

/// The call as a whole was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListFault {
    #[error("the request id was used before with other content")]
    RequestIdReused,
    #[error(transparent)]
    Storage(#[from] StorageFault),
}

/// One entry on a list, as it is shown.
pub type ListRow = (OwnList, LocalMac, Listing);

/// The stored form of an entry on a list.
pub(in crate::node) fn stored_row((list, name, listing): &ListRow) -> ListedEntry {
    stored_listing(*list, name, listing)
}

/// The entry of a stored form.
pub(in crate::node) fn read_row(entry: &ListedEntry) -> Result<ListRow, StorageFault> {
    let (list, name) = list_and_name(entry)?;
    Ok((list, name, read_listing(entry)?))
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Lets the own lists show there from now on: where whoever screens looks already.
    pub fn show_lists_in(&mut self, shown: Arc<ArcSwap<OwnLists>>) {
        self.state.shown_lists = shown;
        self.state.show_lists();
    }

    /// Puts identifiers on the own lists. One that stands there gets the new end, reason and note, and keeps its `since`.
    pub fn add_listed(
        &mut self,
        caller: &Actor,
        request: Option<Request>,
        drafts: Vec<Result<ListingDraft, Refused>>,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<ListReceipt, ListFault> {
        if let Some(receipt) = self.listed_before(request.as_ref(), drafts.len(), now)? {
            return Ok(receipt);
        }
        let mut change = ListChange { records: drafts.len(), ..ListChange::default() };
        for (record, draft) in drafts.into_iter().enumerate() {
            let checked = draft.and_then(|draft| self.check_listing(draft, change.entries.len(), now));
            match checked {
                // Said again word for word: it stands as it stood.
                Ok((list, name, listing)) if self.state.lists.get(list, &name) == Some(&listing) => {}
                Ok((list, name, listing)) => {
                    change.events.push(AuditEvent::IdentifierListed {
                        list: list.label(),
                        kind: listing.kind,
                        reason: listing.reason.label(),
                        until: listing.until,
                    });
                    change.entries.push(stored_listing(list, &name, &listing));
                }
                Err(refusal) => change.refused.push(Refused { record, ..refusal }),
            }
        }
        self.change_lists(caller, request, change, now, rng)
    }

    /// Takes identifiers from one of the own lists.
    pub fn remove_listed(
        &mut self,
        caller: &Actor,
        request: Option<Request>,
        list: OwnList,
        targets: Vec<Result<ListTarget, Refused>>,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<ListReceipt, ListFault> {
        if let Some(receipt) = self.listed_before(request.as_ref(), targets.len(), now)? {
            return Ok(receipt);
        }
        let mut change = ListChange { records: targets.len(), ..ListChange::default() };
        for (record, target) in targets.into_iter().enumerate() {
            match target.and_then(|target| self.find_listed(list, &target)) {
                Ok((name, kind)) => {
                    change.events.push(AuditEvent::IdentifierDelisted { list: list.label(), kind });
                    change.entries.push(ListedEntry {
                        name: name.0.to_vec(),
                        list: list.number(),
                        removed: true,
                        ..ListedEntry::default()
                    });
                }
                Err(refusal) => change.refused.push(Refused { record, ..refusal }),
            }
        }
        self.change_lists(caller, request, change, now, rng)
    }

    /// Entries that act now, after `after`, in the order of list and name; at most `limit`, and whether there are more.
    pub fn list_listed(
        &self,
        only: Option<OwnList>,
        after: Option<(OwnList, LocalMac)>,
        limit: usize,
        now: Timestamp,
    ) -> (Vec<ListRow>, bool) {
        let wanted = self.state.lists.after(after).filter(|(list, _, _)| only.is_none_or(|only| only == *list));
        let mut rows = wanted.filter(|(_, _, listing)| listing.acts(now));
        let page = rows.by_ref().take(limit).map(|(list, name, listing)| (list, *name, listing.clone())).collect();
        (page, rows.next().is_some())
    }

    fn listed_before(
        &self,
        request: Option<&Request>,
        records: usize,
        now: Timestamp,
    ) -> Result<Option<ListReceipt>, ListFault> {
        match self.remembered(request, now)? {
            // The same content, so the same records: what was not refused was done.
            Some(Remembered::Same(earlier)) => Ok(Some(receipt(records, earlier.refused))),
            Some(Remembered::Other) => Err(ListFault::RequestIdReused),
            None => Ok(None),
        }
    }

    fn check_listing(
        &self,
        draft: ListingDraft,
        before: usize,
        now: Timestamp,
    ) -> Result<(OwnList, LocalMac, Listing), Refused> {
        let kind = draft.identifier.kind();
        let refuse = |field, rule, description| Refused { record: 0, kind: Some(kind), field, rule, description };
        if draft.until.is_some_and(|until| until <= now) {
            return Err(refuse("until", "past", "the end lies in the past".to_owned()));
        }
        let note = Note::new(&draft.note).map_err(|error| refuse("note", note_rule(&error), error.to_string()))?;
        let name = self.name_on_lists(&draft.identifier)?;
        let earlier = self.state.lists.get(draft.list, &name);
        let limit = limits::LISTED_IDENTIFIERS;
        if earlier.is_none() && self.state.lists.held() + before >= limit {
            return Err(refuse("value", "lists_full", format!("the own lists hold at most {limit} identifiers")));
        }
        let since = earlier.filter(|listing| listing.acts(now)).map_or(now, |listing| listing.since);
        Ok((draft.list, name, Listing { kind, since, until: draft.until, reason: draft.reason, note }))
    }

    fn find_listed(&self, list: OwnList, target: &ListTarget) -> Result<(LocalMac, IdentifierKind), Refused> {
        let (name, field) = match target {
            ListTarget::Identifier(identifier) => (self.name_on_lists(identifier)?, "value"),
            ListTarget::Name(name) => (*name, "name"),
        };
        match self.state.lists.get(list, &name) {
            Some(listing) => Ok((name, listing.kind)),
            None => Err(Refused {
                record: 0,
                kind: None,
                field,
                rule: "not_found",
                description: format!("it does not stand on the {list} list"),
            }),
        }
    }

    fn name_on_lists(&self, identifier: &RawIdentifier) -> Result<LocalMac, Refused> {
        let kind = identifier.kind();
        let refuse = |rule, description| Refused { record: 0, kind: Some(kind), field: "value", rule, description };
        let settings = &self.state.settings;
        let forms = canonicalise(identifier, &settings.canon_rules)
            .map_err(|error| refuse(error.rule.name(), error.rule.to_string()))?;
        // Screening does not even hash these: an entry would stand there and never act.
        if let Some(Grade::Rejected(list)) = forms.first().map(|form| settings.guards.grade(form)) {
            return Err(refuse("guard_list", format!("stands on the guard list \"{list}\" and is never matched")));
        }
        Ok(self.state.lists.name(&forms).expect("an identifier has at least the form it was given in"))
    }

    fn change_lists(
        &mut self,
        caller: &Actor,
        request: Option<Request>,
        change: ListChange,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<ListReceipt, ListFault> {
        let ListChange { records, entries, events, refused } = change;
        let refused: Vec<commit::RefusedRecord> = refused.iter().map(stored_refusal).collect();
        let receipt = receipt(records, refused.clone());
        if entries.is_empty() {
            return Ok(receipt);
        }
        let mut commit = Commit::default();
        if let Some(request) = request {
            // A publication of nothing: requests are remembered, and forgotten, in one way only.
            let (request, content) = (request.id.0.to_vec(), request.content.0.to_vec());
            let remembered = Prepared { request, content, time_ms: now.unix_ms(), refused, ..Prepared::default() };
            commit.push(change::Kind::Prepared(remembered));
        }
        commit.push(change::Kind::Listed(Listed { entries }));
        self.commit(commit, caller, events, now, rng)?;
        Ok(receipt)
    }
}

/// What one call changes.
#[derive(Default)]
struct ListChange {
    records: usize,
    entries: Vec<ListedEntry>,
    events: Vec<AuditEvent>,
    refused: Vec<Refused>,
}

fn receipt(records: usize, refused: Vec<commit::RefusedRecord>) -> ListReceipt {
    ListReceipt { done: records.saturating_sub(refused.len()), refused }
}

fn note_rule(error: &NoteError) -> &'static str {
    match error {
        NoteError::Length { .. } => "note_too_long",
        NoteError::Control => "note_not_printable",
        NoteError::HoldsIdentifier { .. } => "note_holds_identifier",
    }
}

impl State {
    /// What a stored change does to the lists.
    pub(in crate::node) fn apply_listed(&mut self, listed: &Listed) -> Result<(), StorageFault> {
        change_listed(Arc::make_mut(&mut self.lists), listed)
    }
}

pub(in crate::node) fn change_listed(lists: &mut OwnLists, listed: &Listed) -> Result<(), StorageFault> {
    for entry in &listed.entries {
        let (list, name) = list_and_name(entry)?;
        if entry.removed {
            lists.remove(list, &name);
        } else {
            lists.put(list, name, read_listing(entry)?);
        }
    }
    Ok(())
}

/// Whether compaction keeps a stored entry: the one that stands on the list. Older records are rewritten before newer ones, so
/// a removal never goes before the addition it ended.
pub(in crate::node) fn still_listed(lists: &OwnLists, entry: &ListedEntry, horizon: crate::base::time::Day) -> bool {
    let (Ok((list, name)), Ok(listing)) = (list_and_name(entry), read_listing(entry)) else { return false };
    !entry.removed && lists.get(list, &name) == Some(&listing) && !listing.expired_before(horizon)
}

fn stored_listing(list: OwnList, name: &LocalMac, listing: &Listing) -> ListedEntry {
    ListedEntry {
        name: name.0.to_vec(),
        list: list.number(),
        removed: false,
        kind: u32::try_from(listing.kind.ordinal()).expect("there are sixteen kinds"),
        since_ms: listing.since.unix_ms(),
        until_ms: listing.until.map(Timestamp::unix_ms),
        reason: listing.reason.number(),
        note: listing.note.as_str().to_owned(),
    }
}

fn list_and_name(entry: &ListedEntry) -> Result<(OwnList, LocalMac), StorageFault> {
    let list = OwnList::from_number(entry.list).ok_or_else(|| damaged("own lists", "an unknown list"))?;
    let name = LocalMac::try_from(entry.name.as_slice()).map_err(|error| damaged("own lists", error))?;
    Ok((list, name))
}

fn read_listing(entry: &ListedEntry) -> Result<Listing, StorageFault> {
    let kind = usize::try_from(entry.kind).ok().and_then(|ordinal| IdentifierKind::ALL.get(ordinal));
    Ok(Listing {
        kind: *kind.ok_or_else(|| damaged("own lists", "an unknown kind"))?,
        since: Timestamp::from_unix_ms(entry.since_ms),
        until: entry.until_ms.map(Timestamp::from_unix_ms),
        reason: ListingReason::from_number(entry.reason).ok_or_else(|| damaged("own lists", "an unknown reason"))?,
        // As it was taken: a rule that became stricter since does not make the store unreadable.
        note: Note::received(&entry.note).map_err(|error| damaged("own lists", error))?,
    })
}
