//! Between wire messages and the words of the core. Nothing unknown passes: an unknown number is told by field and rule.

use prost_types::Timestamp as WireTime;

use crate::base::bytes::Commitment;
use crate::base::kind::IdentifierKind;
use crate::base::limits;
use crate::base::name::MemberId;
use crate::base::time::Timestamp;
use crate::domain::audit::record::Actor;
use crate::domain::identifier::RawIdentifier;
use crate::domain::indicator::words::{Grounds, Handling, RetractionReason, Severity};
use crate::domain::screening::decision::Decision;
use crate::domain::screening::own_lists::ListingReason;
use crate::io::grpc::status::Refusal;
use crate::io::grpc::wire::hushwire::local::v1 as local;
use crate::io::grpc::wire::hushwire::local::v1::{Identifier, RefusedRecord};
use crate::io::grpc::wire::hushwire::types::v1 as types;
use crate::io::transport::caller::LocalCaller;
use crate::node::commit;
use crate::node::copies::Ack;
use crate::node::erase::ErasureReason;
use crate::node::publish::Refused;
use crate::node::select::Selectors;

/// The kind a wire number stands for.
pub fn kind(number: i32) -> Option<IdentifierKind> {
    use types::IdentifierKind as Wire;
    Some(match Wire::try_from(number).ok()? {
        Wire::Unspecified => return None,
        Wire::Pan => IdentifierKind::Pan,
        Wire::Iban => IdentifierKind::Iban,
        Wire::Account => IdentifierKind::Account,
        Wire::Email => IdentifierKind::Email,
        Wire::Mailbox => IdentifierKind::Mailbox,
        Wire::Phone => IdentifierKind::Phone,
        Wire::Device => IdentifierKind::Device,
        Wire::Ip => IdentifierKind::Ip,
        Wire::Ip6net => IdentifierKind::Ip6Net,
        Wire::Wallet => IdentifierKind::Wallet,
        Wire::Domain => IdentifierKind::Domain,
        Wire::Url => IdentifierKind::Url,
        Wire::Address => IdentifierKind::Address,
        Wire::Merchant => IdentifierKind::Merchant,
        Wire::Par => IdentifierKind::Par,
        Wire::Token => IdentifierKind::Token,
    })
}

/// The wire's number of a kind.
pub fn wire_kind(kind: IdentifierKind) -> types::IdentifierKind {
    use types::IdentifierKind as Wire;
    match kind {
        IdentifierKind::Pan => Wire::Pan,
        IdentifierKind::Iban => Wire::Iban,
        IdentifierKind::Account => Wire::Account,
        IdentifierKind::Email => Wire::Email,
        IdentifierKind::Mailbox => Wire::Mailbox,
        IdentifierKind::Phone => Wire::Phone,
        IdentifierKind::Device => Wire::Device,
        IdentifierKind::Ip => Wire::Ip,
        IdentifierKind::Ip6Net => Wire::Ip6net,
        IdentifierKind::Wallet => Wire::Wallet,
        IdentifierKind::Domain => Wire::Domain,
        IdentifierKind::Url => Wire::Url,
        IdentifierKind::Address => Wire::Address,
        IdentifierKind::Merchant => Wire::Merchant,
        IdentifierKind::Par => Wire::Par,
        IdentifierKind::Token => Wire::Token,
    }
}

/// A refusal without the position, which the caller of this module knows.
pub fn refused(record: usize, field: &'static str, rule: &'static str, description: &str) -> Refused {
    Refused { record, kind: None, field, rule, description: description.to_owned() }
}

/// A raw identifier, out of the message and into its closed type.
pub fn identifier(record: usize, wire: Option<Identifier>) -> Result<RawIdentifier, Refused> {
    let mut wire = wire.ok_or_else(|| refused(record, "identifier", "missing", "must be given"))?;
    let kind = kind(wire.kind).ok_or_else(|| refused(record, "kind", "unknown_kind", "no kind of identifier"))?;
    Ok(RawIdentifier::new(kind, std::mem::take(&mut wire.value)))
}

/// A word whose wire numbers are its own; 0 is left out, anything unknown refused.
fn word<T>(
    record: usize,
    field: &'static str,
    number: i32,
    from: impl Fn(u32) -> Option<T>,
) -> Result<Option<T>, Refused> {
    if number == 0 {
        return Ok(None);
    }
    let known = u32::try_from(number).ok().and_then(from);
    known.map(Some).ok_or_else(|| refused(record, field, "unknown_word", "not one of the words of the interface"))
}

pub fn severity(record: usize, number: i32) -> Result<Option<Severity>, Refused> {
    word(record, "severity", number, Severity::from_number)
}

pub fn grounds(record: usize, number: i32) -> Result<Option<Grounds>, Refused> {
    word(record, "grounds", number, Grounds::from_number)
}

pub fn listing_reason(record: usize, number: i32) -> Result<Option<ListingReason>, Refused> {
    word(record, "reason", number, ListingReason::from_number)
}

pub fn handling(record: usize, number: i32) -> Result<Option<Handling>, Refused> {
    word(record, "handling", number, Handling::from_number)
}

/// Where a publication must be durable; none where the caller does not say.
pub fn ack(number: i32) -> Result<Option<Ack>, Refusal> {
    match local::Ack::try_from(number) {
        Ok(local::Ack::Unspecified) => Ok(None),
        Ok(local::Ack::Local) => Ok(Some(Ack::Local)),
        Ok(local::Ack::Peer) => Ok(Some(Ack::Peer)),
        Ok(local::Ack::Quorum) => Ok(Some(Ack::Quorum)),
        Err(_) => Err(Refusal::InvalidArgument {
            field: "ack".to_owned(),
            rule: "unknown_word",
            description: "acknowledgements are local, peer and quorum".to_owned(),
        }),
    }
}

pub fn wire_ack(ack: Ack) -> local::Ack {
    match ack {
        Ack::Local => local::Ack::Local,
        Ack::Peer => local::Ack::Peer,
        Ack::Quorum => local::Ack::Quorum,
    }
}

pub fn wire_decision(decision: Decision) -> types::Decision {
    match decision {
        Decision::Allow => types::Decision::Allow,
        Decision::Challenge => types::Decision::Challenge,
        Decision::Hold => types::Decision::Hold,
        Decision::Block => types::Decision::Block,
    }
}

/// A count as the wire has it.
pub fn count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Why something is retracted; must be given.
pub fn retraction_reason(number: i32) -> Result<RetractionReason, Refusal> {
    u32::try_from(number).ok().and_then(RetractionReason::from_number).ok_or_else(|| Refusal::InvalidArgument {
        field: "reason".to_owned(),
        rule: "missing",
        description: "say why: false positive, superseded, resolved, published in error or legal".to_owned(),
    })
}

/// Why something is erased; must be given.
pub fn erasure_reason(number: i32) -> Result<ErasureReason, Refusal> {
    u32::try_from(number).ok().and_then(ErasureReason::from_number).ok_or_else(|| Refusal::InvalidArgument {
        field: "reason".to_owned(),
        rule: "missing",
        description: "say why: data subject, authority or mistake".to_owned(),
    })
}

pub fn wire_erasure_reason(reason: ErasureReason) -> local::ErasureReason {
    match reason {
        ErasureReason::DataSubject => local::ErasureReason::DataSubject,
        ErasureReason::Authority => local::ErasureReason::Authority,
        ErasureReason::Mistake => local::ErasureReason::Mistake,
    }
}

/// Which indicators of `member` a caller names, at least one selector and at most as many as a call may hold drafts.
pub fn selectors(
    member: &MemberId,
    names: Vec<String>,
    source_refs: Vec<String>,
    identifiers: Vec<Identifier>,
) -> Result<Selectors, Refusal> {
    let count = names.len() + source_refs.len() + identifiers.len();
    if count == 0 || count > limits::DRAFTS_PER_CALL {
        let description = format!("name 1 to {} indicators, references or identifiers", limits::DRAFTS_PER_CALL);
        return Err(Refusal::InvalidArgument { field: "names".to_owned(), rule: "count", description });
    }
    Ok(Selectors {
        names: names.iter().map(|name| own_commitment(0, "names", member, name)).collect(),
        source_refs,
        identifiers: identifiers.into_iter().map(|wire| identifier(0, Some(wire))).collect(),
    })
}

/// A time of the wire; before 1970 and beyond representable time is refused.
pub fn time(record: usize, field: &'static str, wire: Option<WireTime>) -> Result<Option<Timestamp>, Refused> {
    let Some(wire) = wire else { return Ok(None) };
    let out_of_range = || refused(record, field, "time_range", "a time from 1970 on, with nanoseconds below 10^9");
    let seconds = u64::try_from(wire.seconds).ok().filter(|s| *s < 253_402_300_800).ok_or_else(out_of_range)?;
    let nanos = u64::try_from(wire.nanos).ok().filter(|nanos| *nanos < 1_000_000_000).ok_or_else(out_of_range)?;
    Ok(Some(Timestamp::from_unix_s(seconds).plus_ms(nanos / 1_000_000)))
}

pub fn wire_time(time: Timestamp) -> WireTime {
    let seconds = i64::try_from(time.unix_s()).unwrap_or(i64::MAX);
    let nanos = i32::try_from(time.unix_ms() % 1000).unwrap_or(0) * 1_000_000;
    WireTime { seconds, nanos }
}

/// `members/{member}/indicators/{commitment}`.
pub fn indicator_name(member: &MemberId, commitment: &Commitment) -> String {
    format!("members/{member}/indicators/{commitment}")
}

/// Reads the name of an indicator of `member`.
pub fn own_commitment(
    record: usize,
    field: &'static str,
    member: &MemberId,
    name: &str,
) -> Result<Commitment, Refused> {
    let form = || refused(record, field, "name_form", "has the form members/MEMBER/indicators/HEX of this member");
    let rest = name.strip_prefix("members/").and_then(|rest| rest.strip_prefix(member.as_str())).ok_or_else(form)?;
    let hex = rest.strip_prefix("/indicators/").ok_or_else(form)?;
    let bytes = hex::decode(hex).map_err(|_| form())?;
    Commitment::try_from(bytes.as_slice()).map_err(|_| form())
}

pub fn wire_refusal(refused: commit::RefusedRecord) -> RefusedRecord {
    let commit::RefusedRecord { record, field, rule, description } = refused;
    RefusedRecord { record, field, rule, description }
}

/// The caller as the audit log names it.
pub fn actor(caller: &LocalCaller) -> Actor {
    Actor::Local { member: caller.member.clone(), role: caller.role.as_str(), name: caller.name.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_lead_back_to_themselves() {
        for known in IdentifierKind::ALL {
            assert_eq!(kind(wire_kind(known).into()), Some(known));
        }
        assert_eq!((kind(0), kind(17)), (None, None));
    }

    #[test]
    fn words_of_the_core_have_the_numbers_of_the_interface() {
        assert_eq!(severity(0, types::Severity::High.into()), Ok(Some(Severity::High)));
        assert_eq!(grounds(0, types::Grounds::OwnConfirmed.into()), Ok(Some(Grounds::OwnConfirmed)));
        assert_eq!(handling(0, types::Handling::AmberStrict.into()), Ok(Some(Handling::AmberStrict)));
        for reason in ErasureReason::ALL {
            assert_eq!(erasure_reason(wire_erasure_reason(reason).into()), Ok(reason));
        }
        assert!(erasure_reason(0).is_err() && erasure_reason(4).is_err());
        assert_eq!(retraction_reason(types::RetractionReason::Legal.into()).ok(), Some(RetractionReason::Legal));
        assert!(severity(3, 9).is_err_and(|refused| (refused.record, refused.rule) == (3, "unknown_word")));
    }

    #[test]
    fn acknowledgements_lead_back_to_themselves_and_an_unknown_one_is_refused() {
        for known in Ack::ALL {
            assert_eq!(ack(wire_ack(known).into()), Ok(Some(known)));
        }
        assert_eq!(ack(0), Ok(None));
        assert!(ack(4).is_err_and(|refusal| refusal.reason() == "UNKNOWN_WORD"));
    }

    #[test]
    fn only_own_names_are_read() {
        let member: MemberId = "bank-a".parse().expect("valid");
        let name = indicator_name(&member, &Commitment([7; 32]));
        assert_eq!(own_commitment(0, "names", &member, &name), Ok(Commitment([7; 32])));
        let other: MemberId = "bank-b".parse().expect("valid");
        assert!(own_commitment(0, "names", &other, &name).is_err());
        assert!(own_commitment(0, "names", &member, "4111111111111111").is_err());
    }
}
