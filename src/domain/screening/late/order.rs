//! What is kept of an order that passed.

use crate::base::bytes::{LocalMac, Pseudonym};
use crate::base::epoch::EpochId;
use crate::base::kind::IdentifierKind;
use crate::base::time::Timestamp;
use crate::domain::profile::facts::ProfileFacts;
use crate::domain::pseudonym::keys::{KeyRing, Seal};
use crate::domain::screening::answer::Input;
use crate::domain::screening::decision::Decision;
use crate::domain::screening::matching::{Form, Probe};
use crate::domain::screening::policy::facts::Conditions;
use crate::domain::screening::transaction::Transaction;

/// Under what an order was looked up, with its identifiers: for the moment between its answer and the window. The seals,
/// which a look-up that misses does not need, are made out of it where no checkout waits for them.
#[derive(Debug)]
pub struct Traced {
    pub(in crate::domain::screening) forms: Vec<Form>,
    pub(in crate::domain::screening) probes: Vec<Probe>,
}

/// One form of an identifier under one epoch. Nothing leads from it to the identifier; the seal opens what others say of it.
#[derive(Debug)]
pub struct Trace {
    /// Index in the request.
    pub identifier: usize,
    /// The kind as given.
    pub given: IdentifierKind,
    /// The kind of this form.
    pub kind: IdentifierKind,
    pub weak: bool,
    pub epoch_id: EpochId,
    pub pseudonym: Pseudonym,
    pub seal: Seal,
}

/// Names one order of a window; later ones are larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct OrderNumber(pub u64);

/// An order that passed.
#[derive(Debug)]
pub struct Order {
    /// Of its decision.
    pub id: [u8; 16],
    pub at: Timestamp,
    /// What was answered: allow or challenge.
    pub answered: Decision,
    /// Without its identifiers.
    pub outline: Transaction,
    /// How it stood against its customer's profile when it was answered: the profile has learnt from it since.
    pub profile: ProfileFacts,
    /// What its customer had done when it was answered.
    pub conditions: Conditions,
    /// Keyed fingerprints of the caller's references, by which its case is found.
    pub customer: Option<LocalMac>,
    pub transaction: Option<LocalMac>,
}

impl Traced {
    /// The names it was looked up under, of all forms and epochs.
    pub fn names(&self) -> impl Iterator<Item = &Pseudonym> {
        self.probes.iter().map(|probe| &probe.pseudonym)
    }

    /// Every form under every epoch, as explanations tell them.
    pub(in crate::domain::screening) fn inputs(&self) -> Vec<Input> {
        let input = |probe: &Probe| {
            let form = self.forms.get(probe.form)?;
            Some(Input {
                identifier: form.identifier,
                kind: form.canonical.kind(),
                epoch: probe.epoch,
                epoch_id: probe.epoch_id,
                pseudonym: probe.pseudonym,
            })
        };
        self.probes.iter().filter_map(input).collect()
    }

    /// Makes the seals and lets go of the identifiers. An epoch that is no longer readable leaves no trace.
    pub fn seal(self, keys: &KeyRing) -> Vec<Trace> {
        let Self { forms, probes } = self;
        let trace = |probe: Probe| {
            let form = forms.get(probe.form)?;
            Some(Trace {
                identifier: form.identifier,
                given: form.given,
                kind: form.canonical.kind(),
                weak: form.weak,
                epoch_id: probe.epoch_id,
                seal: keys.by_id(&probe.epoch_id)?.seal(&form.canonical),
                pseudonym: probe.pseudonym,
            })
        };
        probes.into_iter().filter_map(trace).collect()
    }
}
