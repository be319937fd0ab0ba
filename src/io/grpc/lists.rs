//! `hushwire.local.v1.ListsService`.

use tonic::{Request, Response, Status};

use crate::base::bytes::LocalMac;
use crate::base::limits;
use crate::domain::screening::own_lists::{ListingReason, OwnList};
use crate::io::engine::Engine;
use crate::io::grpc::convert::{self, refused};
use crate::io::grpc::identity::local_caller;
use crate::io::grpc::publishing::{check_request_id, page_size};
use crate::io::grpc::refusals::{engine_refusal, list_refusal};
use crate::io::grpc::status::Refusal;
use crate::io::grpc::wire::hushwire::local::v1 as wire;
use crate::io::grpc::wire::hushwire::local::v1::lists_service_server::ListsService;
use crate::node::list::{ListRow, ListTarget, ListingDraft};
use crate::node::publish::Refused;
use crate::node::store::{Journal, Views};

/// Rows of a page where the caller names none, and at most.
const PAGE: (usize, usize) = (100, 1_000);

/// The service over one engine.
#[derive(Debug)]
pub struct Lists<J, V> {
    pub engine: Engine<J, V>,
}

#[tonic::async_trait]
impl<J, V> ListsService for Lists<J, V>
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    async fn add_listed(
        &self,
        request: Request<wire::AddListedRequest>,
    ) -> Result<Response<wire::AddListedResponse>, Status> {
        let caller = convert::actor(local_caller(&request)?);
        let message = request.into_inner();
        check_request_id(&message.request_id)?;
        check_count("entries", message.entries.len())?;
        let content = content(b"add", &message.entries);
        let drafts = message.entries.into_iter().enumerate().map(|(record, entry)| draft(record, entry)).collect();
        let receipt = self
            .engine
            .call(move |node, round| {
                let request = node.request(&message.request_id, &content);
                node.add_listed(&caller, request, drafts, round.now, round.rng)
            })
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| list_refusal(&fault))?;
        Ok(Response::new(wire::AddListedResponse {
            listed: number(receipt.done),
            refused: receipt.refused.into_iter().map(convert::wire_refusal).collect(),
        }))
    }

    async fn remove_listed(
        &self,
        request: Request<wire::RemoveListedRequest>,
    ) -> Result<Response<wire::RemoveListedResponse>, Status> {
        let caller = convert::actor(local_caller(&request)?);
        let message = request.into_inner();
        check_request_id(&message.request_id)?;
        check_count("targets", message.targets.len())?;
        let list = one_list(message.list)?;
        let content = content(list.label().as_bytes(), &message.targets);
        let targets = message.targets.into_iter().enumerate().map(|(record, wire)| target(record, wire)).collect();
        let receipt = self
            .engine
            .call(move |node, round| {
                let request = node.request(&message.request_id, &content);
                node.remove_listed(&caller, request, list, targets, round.now, round.rng)
            })
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| list_refusal(&fault))?;
        Ok(Response::new(wire::RemoveListedResponse {
            removed: number(receipt.done),
            refused: receipt.refused.into_iter().map(convert::wire_refusal).collect(),
        }))
    }

    async fn list_listed(
        &self,
        request: Request<wire::ListListedRequest>,
    ) -> Result<Response<wire::ListListedResponse>, Status> {
        let message = request.into_inner();
        let only = if message.list == 0 { None } else { Some(one_list(message.list)?) };
        let after = position(&message.page_token)?;
        let limit = page_size(message.page_size, PAGE);
        let (rows, more) = self
            .engine
            .call(move |node, round| node.list_listed(only, after, limit, round.now))
            .await
            .map_err(engine_refusal)?;
        let last = rows.last().filter(|_| more);
        let next_page_token = last.map(|(list, name, _)| format!("{list}-{name}")).unwrap_or_default();
        let entries = rows.into_iter().map(entry).collect();
        Ok(Response::new(wire::ListListedResponse { entries, next_page_token }))
    }
}

fn check_count(field: &str, got: usize) -> Result<(), Refusal> {
    let limit = limits::LISTED_PER_CALL;
    if (1..=limit).contains(&got) {
        return Ok(());
    }
    let description = format!("a call names 1 to {limit} identifiers, got {got}");
    Err(Refusal::InvalidArgument { field: field.to_owned(), rule: "count", description })
}

/// The list a call is about; it must be given.
fn one_list(number: i32) -> Result<OwnList, Refusal> {
    u32::try_from(number).ok().and_then(OwnList::from_number).ok_or_else(|| Refusal::InvalidArgument {
        field: "list".to_owned(),
        rule: "missing",
        description: "say which list: allow or block".to_owned(),
    })
}

fn draft(record: usize, entry: wire::ListingDraft) -> Result<ListingDraft, Refused> {
    let list = u32::try_from(entry.list).ok().and_then(OwnList::from_number);
    Ok(ListingDraft {
        list: list.ok_or_else(|| refused(record, "list", "missing", "say which list: allow or block"))?,
        identifier: convert::identifier(record, entry.identifier)?,
        until: convert::time(record, "until", entry.until)?,
        reason: convert::listing_reason(record, entry.reason)?.unwrap_or(ListingReason::Other),
        note: entry.note,
    })
}

fn target(record: usize, wire: wire::ListTarget) -> Result<ListTarget, Refused> {
    match (wire.identifier, wire.name.as_str()) {
        (Some(identifier), "") => convert::identifier(record, Some(identifier)).map(ListTarget::Identifier),
        (None, name) if !name.is_empty() => {
            let name = named(name).ok_or_else(|| refused(record, "name", "name_form", "has 64 hex digits"))?;
            Ok(ListTarget::Name(name))
        }
        _ => Err(refused(record, "identifier", "missing", "give either an identifier or a name")),
    }
}

fn named(hex: &str) -> Option<LocalMac> {
    LocalMac::try_from(hex::decode(hex).ok()?.as_slice()).ok()
}

/// Where the page before ended: list and name.
fn position(token: &str) -> Result<Option<(OwnList, LocalMac)>, Refusal> {
    if token.is_empty() {
        return Ok(None);
    }
    let read = token.split_once('-').and_then(|(list, name)| Some((list.parse().ok()?, named(name)?)));
    read.map(Some).ok_or_else(|| Refusal::InvalidArgument {
        field: "page_token".to_owned(),
        rule: "malformed_token",
        description: "pass the next_page_token of the page before, unchanged".to_owned(),
    })
}

fn entry((list, name, listing): ListRow) -> wire::ListedIdentifier {
    wire::ListedIdentifier {
        list: signed(list.number()),
        name: name.to_string(),
        kind: convert::wire_kind(listing.kind).into(),
        since: Some(convert::wire_time(listing.since)),
        until: listing.until.map(convert::wire_time),
        reason: signed(listing.reason.number()),
        note: listing.note.as_str().to_owned(),
    }
}

/// The bytes whose keyed fingerprint tells a repeated request from another one under the same id. Held for the call only.
fn content<M: prost::Message>(what: &[u8], records: &[M]) -> zeroize::Zeroizing<Vec<u8>> {
    let mut bytes = what.to_vec();
    for record in records {
        bytes.extend(record.encode_length_delimited_to_vec());
    }
    zeroize::Zeroizing::new(bytes)
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn signed(number: u32) -> i32 {
    i32::try_from(number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_token_leads_back_to_its_place_and_nothing_else_is_one() {
        let name = LocalMac([0xAB; 32]);
        assert_eq!(position(&format!("{}-{name}", OwnList::Block)).ok(), Some(Some((OwnList::Block, name))));
        assert_eq!(position("").ok(), Some(None));
        for token in ["block", "block-ab", "grey-abababab", "4111111111111111", "17"] {
            assert!(position(token).is_err(), "{token}");
        }
    }

    #[test]
    fn adding_and_removing_the_same_are_two_requests() {
        let none: [wire::ListTarget; 0] = [];
        assert_ne!(content(b"add", &none), content(b"allow", &none));
        assert_ne!(content(b"allow", &none), content(b"block", &none));
    }

    #[test]
    fn words_of_the_core_have_the_numbers_of_the_interface() {
        assert_eq!(one_list(wire::OwnList::Block.into()).ok(), Some(OwnList::Block));
        let reasons = ListingReason::ALL.iter().map(|reason| wire::ListingReason::try_from(signed(reason.number())));
        assert_eq!(reasons.flatten().count(), ListingReason::ALL.len());
        assert_eq!(convert::listing_reason(0, wire::ListingReason::Legal.into()), Ok(Some(ListingReason::Legal)));
        assert!(convert::listing_reason(0, 9).is_err() && one_list(3).is_err());
    }
}
