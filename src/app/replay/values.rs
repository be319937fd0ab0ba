//! The identifiers of a history, each kept once however many rows name it, and what the node makes of each.

use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroizing;

use crate::app::replay::raw_text::RawText;
use crate::base::bytes::Pseudonym;
use crate::base::kind::IdentifierKind;
use crate::domain::identifier::guard::{Grade, GuardLists};
use crate::domain::identifier::{CanonRules, RawIdentifier, canonicalise};
use crate::domain::pseudonym::keys::EpochKeys;

/// Names one distinct identifier of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ValueId(u32);

/// A value as somebody typed it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Value(IdentifierKind, RawText);

/// What a node makes of an identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It has these forms; two values with a form in common match each other.
    Usable(Vec<FormId>),
    /// It breaks this rule of its kind.
    Malformed(&'static str),
    /// It stands on a list of values that are never published and never matched.
    Guarded,
}

/// Names one canonical form that occurs in the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FormId(u32);

impl FormId {
    pub fn position(self) -> usize {
        usize::try_from(self.0).expect("32 bits fit")
    }
}

/// All distinct identifiers.
#[derive(Default)]
pub struct Values {
    known: BTreeMap<Value, ValueId>,
    by_id: Vec<Value>,
    standing: Vec<Standing>,
    forms: usize,
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Values({} distinct)", self.by_id.len())
    }
}

impl Values {
    pub fn take(&mut self, kind: IdentifierKind, text: Zeroizing<String>) -> ValueId {
        let value = Value(kind, RawText::new(text));
        if let Some(id) = self.known.get(&value) {
            return *id;
        }
        let id = ValueId(u32::try_from(self.by_id.len()).expect("rows and columns are bounded"));
        self.by_id.push(value.clone());
        self.known.insert(value, id);
        id
    }

    /// Judges every identifier once, for the report and to know which rows speak of the same thing. Screening and publishing
    /// go through all of it again, row by row.
    pub fn judge(&mut self, canon: &CanonRules, guards: &GuardLists, keys: &EpochKeys) {
        self.known = BTreeMap::new();
        let mut forms: BTreeMap<Pseudonym, FormId> = BTreeMap::new();
        let judged = self.by_id.iter().map(|value| {
            let raw = raw(value);
            let canonical = match canonicalise(&raw, canon) {
                Ok(canonical) => canonical,
                Err(error) => return Standing::Malformed(error.rule.name()),
            };
            let is_guarded = |identifier| matches!(guards.grade(identifier), Grade::Rejected(_));
            if canonical.first().is_none_or(is_guarded) {
                return Standing::Guarded;
            }
            let usable = canonical.iter().filter(|form| !is_guarded(form)).map(|form| {
                let next = FormId(u32::try_from(forms.len()).expect("rows and columns are bounded"));
                *forms.entry(keys.pseudonym(form)).or_insert(next)
            });
            Standing::Usable(usable.collect())
        });
        self.standing = judged.collect();
        self.forms = forms.len();
    }

    /// As somebody typed it, for the node.
    pub fn raw(&self, id: ValueId) -> RawIdentifier {
        raw(self.at(id))
    }

    pub fn kind(&self, id: ValueId) -> IdentifierKind {
        self.at(id).0
    }

    /// After [`Values::judge`].
    pub fn standing(&self, id: ValueId) -> &Standing {
        self.standing.get(position(id)).expect("every value was judged")
    }

    /// How many forms occur.
    pub fn forms(&self) -> usize {
        self.forms
    }

    fn at(&self, id: ValueId) -> &Value {
        self.by_id.get(position(id)).expect("ids come from this list")
    }
}

fn raw(value: &Value) -> RawIdentifier {
    RawIdentifier::new(value.0, value.1.copied())
}

fn position(id: ValueId) -> usize {
    usize::try_from(id.0).expect("32 bits fit")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::epoch::KeyEpoch;
    use crate::base::secret::SecretBytes;
    use crate::domain::pseudonym::keys::EpochSecret;

    fn keys() -> EpochKeys {
        let consortium = "replay.hushwire.example".parse().expect("valid");
        EpochKeys::derive(&consortium, KeyEpoch(1), &EpochSecret::new(SecretBytes::new([1; 32])))
    }

    #[test]
    fn values_are_kept_once_and_those_that_reach_one_mailbox_share_a_form() {
        let mut values = Values::default();
        let mut take = |kind, text: &str| values.take(kind, Zeroizing::new(text.to_owned()));
        let (mail, card) = (IdentifierKind::Email, IdentifierKind::Pan);
        let ids = [
            take(mail, "jane.doe@gmail.com"),
            take(mail, "janedoe+x@gmail.com"),
            take(mail, "jane.doe@gmail.com"),
            take(card, "5204740009900015"),
            take(IdentifierKind::Device, "00000000000000000000"),
        ];
        assert_eq!(ids[0], ids[2]);
        assert_eq!(format!("{values:?}"), "Values(4 distinct)");
        values.judge(&CanonRules::default(), &GuardLists::built_in(), &keys());
        let forms = |id| match values.standing(id) {
            Standing::Usable(forms) => forms.clone(),
            other => panic!("{other:?}"),
        };
        let (first, second) = (forms(ids[0]), forms(ids[1]));
        assert_eq!(first.iter().filter(|form| second.contains(form)).count(), 1, "the mailbox");
        assert_eq!(*values.standing(ids[3]), Standing::Malformed("card_luhn"));
        assert_eq!(*values.standing(ids[4]), Standing::Guarded);
        assert_eq!(values.forms(), 3);
    }
}
