//! How many elements each list of a request may have, known before anything of the list is built: a body of 4 MiB holds a million
//! empty objects. The same limits hold over gRPC, where the handlers check them.

use prost_reflect::FieldDescriptor;

use crate::base::limits;
use crate::domain::case::state::State;
use crate::domain::user::roles::ConsoleRoles;

/// Every list of a message that a route takes, by its full name, with the most it may hold.
const BOUNDS: &[(&str, usize)] = &[
    ("hushwire.local.v1.ScreenTransactionRequest.identifiers", limits::IDENTIFIERS_PER_TRANSACTION),
    ("hushwire.local.v1.ScreenTransactionsRequest.transactions", limits::TRANSACTIONS_PER_BATCH),
    ("hushwire.local.v1.PublishIndicatorsRequest.indicators", limits::DRAFTS_PER_CALL),
    ("hushwire.local.v1.RetractIndicatorsRequest.names", limits::DRAFTS_PER_CALL),
    ("hushwire.local.v1.RetractIndicatorsRequest.source_refs", limits::DRAFTS_PER_CALL),
    ("hushwire.local.v1.RetractIndicatorsRequest.identifiers", limits::DRAFTS_PER_CALL),
    ("hushwire.local.v1.EraseIndicatorsRequest.names", limits::DRAFTS_PER_CALL),
    ("hushwire.local.v1.EraseIndicatorsRequest.source_refs", limits::DRAFTS_PER_CALL),
    ("hushwire.local.v1.EraseIndicatorsRequest.identifiers", limits::DRAFTS_PER_CALL),
    ("hushwire.local.v1.AddListedRequest.entries", limits::LISTED_PER_CALL),
    ("hushwire.local.v1.ListCasesRequest.states", State::ALL.len()),
    ("hushwire.local.v1.RemoveListedRequest.targets", limits::LISTED_PER_CALL),
    ("hushwire.local.v1.CreateUserRequest.roles", ConsoleRoles::ALL.len()),
    ("hushwire.local.v1.SetUserRolesRequest.roles", ConsoleRoles::ALL.len()),
];

/// The most elements of a list; none where it stands in answers only.
pub fn most(field: &FieldDescriptor) -> Option<usize> {
    BOUNDS.iter().find(|(name, _)| *name == field.full_name()).map(|(_, most)| *most)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost_reflect::{DescriptorPool, Kind, MessageDescriptor};

    use super::*;
    use crate::io::grpc::wire::DESCRIPTORS;
    use crate::io::http::routes::{ROUTES, method_of};

    /// Adds every list within a message; one that contains itself would have no bound at all.
    fn lists(of: &MessageDescriptor, above: &[String], found: &mut BTreeSet<String>) {
        assert!(!above.contains(&of.full_name().to_owned()), "{} contains itself", of.full_name());
        let above = [above, &[of.full_name().to_owned()]].concat();
        for field in of.fields() {
            assert!(!field.is_map(), "{} is a map, which nothing bounds", field.full_name());
            if field.is_list() {
                found.insert(field.full_name().to_owned());
            }
            if let Kind::Message(inner) = field.kind() {
                lists(&inner, &above, found);
            }
        }
    }

    #[test]
    fn every_list_a_route_takes_is_bounded_and_nothing_else_is() {
        let pool = DescriptorPool::decode(DESCRIPTORS).expect("made by the build");
        let mut found = BTreeSet::new();
        for route in ROUTES {
            lists(&method_of(&pool, route).expect("a method").input(), &[], &mut found);
        }
        assert_eq!(found, BOUNDS.iter().map(|(name, _)| (*name).to_owned()).collect());
    }
}
