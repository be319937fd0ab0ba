//! Who looked at what stands in the audit log: the first look at once, the same again within a minute as a number, and nothing typed.

use hushwire::base::time::Timestamp;
use hushwire::domain::audit::looked::{At, Looked, Object};
use hushwire::domain::audit::record::Actor;
use hushwire::domain::user::name::UserName;
use hushwire::node::store::StorageFault;

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House};

fn caller(name: &str) -> Actor {
    Actor::Local { member: "bank-a".parse().expect("valid"), role: "operator", name: name.to_owned() }
}

fn page_of(user: &str) -> Looked {
    let user: UserName = user.parse().expect("a name");
    Looked::new(At::Page("/users/{name}")).of(Object::User(user))
}

struct Desk {
    house: House,
}

impl Desk {
    fn new() -> Self {
        let mut house = House::open(&Consortium::new(&["bank-a"]), 0, Disk::default(), START);
        house.tick(START);
        Self { house }
    }

    fn look(&mut self, who: &str, looked: Looked, now: Timestamp) -> Result<(), StorageFault> {
        let recorded = self.house.node.record_look(&caller(who), looked, now, &mut self.house.rng);
        self.house.node.sync().expect("syncs");
        recorded
    }

    /// Actor, subject and number of each look.
    fn told(&mut self, now: Timestamp) -> Vec<(String, String, String)> {
        let records = self.house.audited("console.viewed", now);
        let row = |record: &hushwire::domain::audit::record::AuditRecord| {
            let times = record.fields().find(|(name, _)| *name == "times").map(|(_, times)| times.to_owned());
            (record.actor().to_owned(), record.subject().to_owned(), times.expect("a number"))
        };
        records.iter().map(row).collect()
    }
}

fn row(who: &str, object: &str, times: u64) -> (String, String, String) {
    (format!("hushwire://bank-a/operator/{who}"), object.to_owned(), times.to_string())
}

#[test]
fn a_first_look_is_told_at_once_and_the_same_again_as_a_number_when_its_minute_is_over() {
    let mut desk = Desk::new();
    for second in 0..50 {
        desk.look("anna", page_of("carla"), START.plus_s(second)).expect("taken");
    }
    assert_eq!(desk.told(START.plus_s(50)), [row("anna", "carla", 1)]);
    let size = desk.house.node.state().audit.size();
    desk.look("anna", page_of("carla"), START.plus_s(59)).expect("taken");
    assert_eq!(desk.house.node.state().audit.size(), size, "a page that is loaded again and again fills no log");
    desk.house.tick(START.plus_s(60));
    desk.house.tick(START.plus_s(61));
    assert_eq!(desk.told(START.plus_s(61)), [row("anna", "carla", 1), row("anna", "carla", 50)]);
    desk.look("anna", page_of("carla"), START.plus_s(62)).expect("taken");
    desk.look("anna", page_of("carla"), START.plus_s(63)).expect("taken");
    // The minute is over before the clock ticks: what was counted is told before the look that begins another.
    desk.look("anna", page_of("carla"), START.plus_s(125)).expect("taken");
    let told = desk.told(START.plus_s(125));
    assert_eq!(told[2..], [row("anna", "carla", 1), row("anna", "carla", 1), row("anna", "carla", 1)]);
}

#[test]
fn another_person_and_another_object_are_other_looks() {
    let mut desk = Desk::new();
    for (who, user) in [("anna", "carla"), ("anna", "dora"), ("ben", "carla"), ("anna", "carla")] {
        desk.look(who, page_of(user), START).expect("taken");
    }
    let told = desk.told(START);
    assert_eq!(told, [row("anna", "carla", 1), row("anna", "dora", 1), row("ben", "carla", 1)]);
}

#[test]
fn a_look_that_cannot_be_recorded_is_refused_and_not_taken_for_one_that_was() {
    let mut desk = Desk::new();
    desk.house.disk.break_writes();
    for try_ in ["first", "again within the minute"] {
        let refused = desk.house.node.record_look(&caller("anna"), page_of("carla"), START, &mut desk.house.rng);
        refused.expect_err(try_);
    }
}
