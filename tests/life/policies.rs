//! The policies a node decided by: each is kept word for word, through restarts and compactions, and told once.

use hushwire::base::bytes::Sha256Digest;
use hushwire::domain::screening::policy::{Policy, text_digest};

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House};

const DAY_S: u64 = 86_400;
const GUARDS: Sha256Digest = Sha256Digest([4; 32]);

fn policy(version: u32) -> Policy {
    Policy::parse(&format!("name = \"own\"\nversion = {version}\n"), &GUARDS).expect("a policy")
}

impl House {
    fn apply_policy(&mut self, policy: &Policy, guards: &Sha256Digest) {
        let applied = self.node.apply_policy(&policy.title(), policy.text(), guards, START, &mut self.rng);
        applied.expect("applied");
    }
}

#[test]
fn every_policy_is_kept_and_found_by_the_digest_decisions_name() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut house = House::open(&consortium, 0, Disk::default(), START);
    house.tick(START);
    let (first, second) = (policy(1), policy(2));
    house.apply_policy(&first, &GUARDS);
    house.apply_policy(&second, &GUARDS);
    // Said again, as after a restart, it is not told again; on other guard lists it is another policy.
    house.apply_policy(&second, &GUARDS);
    house.apply_policy(&second, &Sha256Digest([5; 32]));
    let told = house.audited("policy.loaded", START);
    let told: Vec<_> = told.iter().map(|record| record.to_string()).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    let digest = text_digest(first.text());
    assert!(told[0].ends_with(&format!("policy.loaded own/1 by node sha256={digest}")), "{told:?}");

    let later = START.plus_s(400 * DAY_S);
    house.node.compact(later).expect("compacts");
    let again = House::open(&consortium, 0, house.disk, later);
    for policy in [&first, &second] {
        let kept = again.node.policy_of(&policy.digest()).expect("reads").expect("kept");
        assert_eq!((kept.text.as_str(), kept.guard_sha256, kept.since), (policy.text(), GUARDS, START));
    }
    assert_eq!(again.node.policy_of(&Sha256Digest([9; 32])), Ok(None));
    assert_ne!(again.node.state().policy, Some(second.digest()), "the one on the other guard lists is in force");
}

#[test]
fn a_refused_file_is_told_and_changes_nothing() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut house = House::open(&consortium, 0, Disk::default(), START);
    house.apply_policy(&policy(1), &GUARDS);
    house.node.refuse_policy("name = 5", 1, 2, START, &mut house.rng).expect("told");
    house.node.sync().expect("syncs");
    let told = house.audited("policy.refused", START);
    let told: Vec<_> = told.iter().map(|record| record.to_string()).collect();
    assert!(told[0].contains("refused policy.refused by node faults=2 line=1 sha256="), "{told:?}");
    assert_eq!(house.node.state().policy, Some(policy(1).digest()));
}
