//! What a transaction tells the profile of its customer: names instead of references and devices.

use crate::base::kind::IdentifierKind;
use crate::domain::identifier::guard::{Grade, GuardLists};
use crate::domain::identifier::{CanonRules, canonicalise};
use crate::domain::profile::event::{Amount, ProfileEvent};
use crate::domain::profile::few::Few;
use crate::domain::profile::key::{CustomerName, ProfileKey};
use crate::domain::screening::transaction::{CustomerRef, Transaction};

/// The customer as profiles know it; none where the caller names nobody.
pub fn customer_name(reference: &CustomerRef, key: &ProfileKey) -> Option<CustomerName> {
    key.customer(reference.expose())
}

/// What profiles take of a transaction. A device that stands for none (all zeros, a test value) is no device.
pub fn profile_event(
    transaction: &Transaction,
    key: &ProfileKey,
    canon: &CanonRules,
    guard: &GuardLists,
) -> ProfileEvent {
    let mut devices = Few::default();
    let given = transaction.identifiers().iter().filter(|identifier| identifier.kind() == IdentifierKind::Device);
    for device in given.filter_map(|identifier| canonicalise(identifier, canon).ok()).flatten() {
        let counts = match guard.grade(&device) {
            Grade::Rejected(_) => false,
            Grade::Weak(_) | Grade::Clear => true,
        };
        if counts && !devices.push(key.device(&device)) {
            break;
        }
    }
    let (minor, currency) = transaction.amount();
    let currency = currency.as_bytes().try_into().ok();
    ProfileEvent {
        time: transaction.time(),
        country: transaction.country().as_bytes().try_into().ok(),
        devices,
        category: transaction.merchant_category(),
        amount: currency.zip(u64::try_from(minor).ok()).map(|(currency, minor)| Amount { currency, minor }),
        reference: key.transaction(transaction.transaction_ref().expose()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::SecretBytes;
    use crate::base::time::Timestamp;
    use crate::domain::identifier::RawIdentifier;
    use crate::domain::profile::event::Category;
    use crate::domain::screening::transaction::{TransactionDraft, TransactionRef};

    const NOW: Timestamp = Timestamp::from_unix_s(1_795_000_000);

    fn event(draft: TransactionDraft) -> ProfileEvent {
        let transaction = Transaction::new(draft, NOW).expect("within bounds");
        let key = ProfileKey::new(&SecretBytes::new([7; 32]));
        profile_event(&transaction, &key, &CanonRules::default(), &GuardLists::built_in())
    }

    fn device(value: &str) -> RawIdentifier {
        RawIdentifier::new(IdentifierKind::Device, value.to_owned())
    }

    #[test]
    fn what_is_given_is_taken_and_what_is_not_is_none() {
        let full = event(TransactionDraft {
            identifiers: vec![device("device-0001"), device(" device-0001 "), device("device-0002")],
            amount_minor: 1_299,
            currency: "EUR".to_owned(),
            country: "DE".to_owned(),
            transaction_ref: TransactionRef::new("o-1".to_owned()),
            merchant_category: "5411".to_owned(),
            ..TransactionDraft::default()
        });
        let devices = full.devices.as_slice();
        assert!(devices.len() == 3 && devices[0] == devices[1] && devices[0] != devices[2]);
        assert_eq!((full.country, full.category), (Some(*b"DE"), Category::parse("5411")));
        assert_eq!(full.amount, Some(Amount { currency: *b"EUR", minor: 1_299 }));
        assert!(full.reference.is_some());
        let bare = event(TransactionDraft {
            identifiers: vec![RawIdentifier::new(IdentifierKind::Email, "a@example.org".to_owned())],
            amount_minor: 5,
            ..TransactionDraft::default()
        });
        assert_eq!(bare, ProfileEvent::at(NOW), "an amount without a currency is none");
    }

    #[test]
    fn a_device_that_stands_for_none_is_no_device_and_of_many_the_first_count() {
        let zeros = "00000000-0000-0000-0000-000000000000";
        let many = (0..9).map(|nth| device(&format!("device-000{nth}")));
        let identifiers = [device(zeros), device("short")].into_iter().chain(many).collect();
        let event = event(TransactionDraft { identifiers, ..TransactionDraft::default() });
        assert_eq!(event.devices.as_slice().len(), 4);
    }
}
