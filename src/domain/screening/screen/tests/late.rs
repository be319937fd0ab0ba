//! Orders that passed, judged again as belief changes: over the same keys, seals and belief as screening.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use super::worth::step;
use super::*;
use crate::base::bytes::Pseudonym;
use crate::base::limits;
use crate::domain::belief::changes::Changed;
use crate::domain::feed::blob::dispute::DisputeStep;
use crate::domain::screening::late::followed::Followed;
use crate::domain::screening::late::judge::{Judged, News, judge, news};
use crate::domain::screening::late::order::{Order, OrderNumber, Trace};
use crate::domain::screening::late::window::{Bounds, LateWindow};

const WIDE: Bounds = Bounds { keep_s: 72 * 3_600, orders: 1_000, names: 10_000 };

impl World {
    fn with_context<T>(&self, look: impl FnOnce(&ScreeningContext<'_>) -> T) -> T {
        look(&ScreeningContext {
            keys: &self.keys,
            belief: &self.belief,
            canon: &CanonRules::default(),
            guard: &self.guard,
            lists: &self.lists,
            experience: &self.experience,
            freshness: &self.freshness,
            policy: &self.policy,
            candidate: None,
            profile: &ProfileFacts::default(),
            conditions: Conditions::default(),
            demands: &self.demands,
            own: &"shop".parse().expect("valid"),
            sandbox: self.sandbox,
            now: self.now,
        })
    }

    /// Screens an order and takes it into the window.
    fn pass(&self, window: &mut LateWindow, identifiers: &[(IdentifierKind, &str)]) -> Option<OrderNumber> {
        self.pass_under(window, identifiers, Conditions::default())
    }

    fn pass_under(
        &self,
        window: &mut LateWindow,
        identifiers: &[(IdentifierKind, &str)],
        conditions: Conditions,
    ) -> Option<OrderNumber> {
        let (order, traces) = self.order(identifiers, conditions);
        window.put(order, "till".into(), traces)
    }

    /// An order as it was answered.
    fn order(&self, identifiers: &[(IdentifierKind, &str)], conditions: Conditions) -> (Box<Order>, Vec<Trace>) {
        let identifiers = identifiers.iter().map(|(kind, value)| raw(*kind, value)).collect();
        let draft = TransactionDraft { identifiers, ..TransactionDraft::default() };
        let transaction = Transaction::new(draft, self.now).expect("within bounds");
        let (screening, traced) = self.with_context(|context| screen_traced(&transaction, context));
        let (answered, outline) = (screening.decision, transaction.outline());
        assert!(outline.identifiers().is_empty(), "nothing raw is kept");
        let order = Order {
            id: [1; 16],
            at: self.now,
            answered,
            outline,
            profile: ProfileFacts::default(),
            conditions,
            customer: None,
            transaction: None,
        };
        (Box::new(order), traced.seal(&self.keys))
    }

    fn judged(&self, window: &LateWindow, number: OrderNumber) -> Judged {
        let held = window.get(number).expect("it is held");
        self.with_context(|context| judge(&held, None, context, &mut self.belief.view()))
    }

    /// The orders that what changed concerns.
    fn concerned(&self, window: &LateWindow) -> Vec<OrderNumber> {
        match self.belief.take_changes() {
            Changed::All => window.all().collect(),
            Changed::These(pseudonyms) => pseudonyms.iter().flat_map(|pseudonym| window.concerned(pseudonym)).collect(),
        }
    }
}

#[test]
fn an_order_that_passed_is_stopped_by_what_is_said_afterwards_as_a_checkout_would_be() {
    let (mut world, mut window) = (World::new(), LateWindow::new(WIDE));
    let order = world.pass(&mut window, &[(CARD, PAN), (EMAIL, MAIL)]).expect("kept");
    let other = world.pass(&mut window, &[(EMAIL, "someone@posteo.de")]).expect("kept");
    assert_eq!(world.concerned(&window), [order, other], "of a new belief nothing is known");
    assert_eq!(world.judged(&window, order).decision, Decision::Allow);
    world.says("bank-a", EMAIL, MAIL);
    assert_eq!(world.concerned(&window), [order], "the other is none of it");
    let late = world.judged(&window, order).screening;
    assert_eq!((late.decision, late.matches[0].identifier), (Decision::Challenge, 1));
    // By the mailbox, and under the previous epoch: every name it was looked up under is watched.
    let mailbox = Saying { form: 1, previous_epoch: true, ..saying("bank-b", EMAIL, MAIL) };
    world.say(&mailbox);
    assert_eq!(world.concerned(&window), [order]);
    let late = world.judged(&window, order).screening;
    let checkout = world.screen(&[(CARD, PAN), (EMAIL, MAIL)]);
    assert_eq!((late.decision, &late.reasons), (Decision::Block, &checkout.reasons));
    assert_eq!((late.matches, late.policy_sha256), (checkout.matches, checkout.policy_sha256));
}

#[test]
fn a_copied_pseudonym_raises_nothing() {
    let (mut world, mut window) = (World::new(), LateWindow::new(WIDE));
    let order = world.pass(&mut window, &[(EMAIL, MAIL)]).expect("kept");
    world.says("bank-a", EMAIL, MAIL);
    // The payload of bank-a under the same pseudonym in the feed of another: it opens for bank-a alone.
    world.say(&Saying { sealed_by: "bank-a", ..saying("bank-b", EMAIL, MAIL) });
    assert_eq!(world.judged(&window, order).decision, Decision::Challenge, "one member speaks, not two");
}

#[test]
fn a_retraction_takes_back_what_was_raised() {
    let (mut world, mut window) = (World::new(), LateWindow::new(WIDE));
    let order = world.pass(&mut window, &[(EMAIL, MAIL)]).expect("kept");
    let flag = world.says("bank-a", EMAIL, MAIL);
    let raised = world.judged(&window, order).decision;
    assert_eq!(news(Decision::Allow, raised), Some(News::Stricter));
    window.tell(order, raised);
    assert_eq!(news(raised, world.judged(&window, order).decision), None, "it is told once");
    assert_eq!(window.raised().collect::<Vec<_>>(), [order]);
    world.concerned(&window);
    let hour = Hour(u32::try_from(NOW_S / 3_600).expect("this century"));
    let (reason, superseded_by) = (RetractionReason::FalsePositive, None);
    let taken_back = SaidContent::Retraction { target: flag, reason, hour, superseded_by };
    let epoch_id = world.keys.current.epoch_id();
    assert_eq!(world.apply("bank-a", Commitment([8; 32]), epoch_id, taken_back), Effect::Retracted);
    assert_eq!(world.concerned(&window), [order]);
    let now = world.judged(&window, order).decision;
    assert_eq!((now, news(raised, now)), (Decision::Allow, Some(News::Eased)));
    window.tell(order, now);
    assert_eq!(window.raised().count(), 0);
}

#[test]
fn the_window_ends_by_time_by_orders_and_by_names_and_lets_go_of_every_trace() {
    let (mut world, mut window) = (World::new(), LateWindow::new(Bounds { orders: 2, ..WIDE }));
    let flagged = |world: &World, window: &LateWindow| world.concerned(window).len();
    flagged(&world, &window);
    let shared = (IdentifierKind::Device, "device-of-all");
    for mail in ["a@posteo.de", "b@posteo.de", "c@posteo.de"] {
        assert!(world.pass(&mut window, &[(EMAIL, mail), shared]).is_some());
    }
    assert_eq!((window.orders(), window.crowded_out()), (2, 1));
    world.says("bank-a", EMAIL, "a@posteo.de");
    assert_eq!(flagged(&world, &window), 0, "the oldest left");
    world.says("bank-a", shared.0, shared.1);
    assert_eq!(flagged(&world, &window), 2, "a name that orders share leaves with the last");
    window.expire(world.now.plus_s(WIDE.keep_s - 1));
    assert_eq!(window.orders(), 2);
    window.expire(world.now.plus_s(WIDE.keep_s));
    assert_eq!((window.orders(), window.crowded_out()), (0, 1));
    world.says("bank-b", shared.0, shared.1);
    assert_eq!(flagged(&world, &window), 0);

    // Two epochs make two names of each form.
    let mut narrow = LateWindow::new(Bounds { names: 3, ..WIDE });
    let device = |value| [(IdentifierKind::Device, value)];
    assert!(world.pass(&mut narrow, &device("device-1")).is_some());
    assert!(world.pass(&mut narrow, &device("device-2")).is_some());
    assert_eq!((narrow.orders(), narrow.crowded_out()), (1, 1));
    assert!(world.pass(&mut narrow, &[("device-3"), ("device-4")].map(|value| device(value)[0])).is_none());
    assert_eq!((narrow.orders(), narrow.crowded_out()), (0, 3), "one that is too large for it keeps nothing");
}

#[test]
fn a_name_leads_to_the_held_orders_that_have_it_whatever_came_and_went() {
    const DEVICES: [&str; 7] = ["device-0", "device-1", "device-2", "device-3", "device-4", "device-5", "device-6"];
    let (world, mut window) = (World::new(), LateWindow::new(Bounds { orders: 20, ..WIDE }));
    let mut pseudonyms = DEVICES.map(|_| BTreeSet::new());
    let mut held = VecDeque::new();
    for nth in 0..300 {
        // Some come in every order for a while, some once in many, and some twice in one.
        let chosen = [nth % 7, nth / 40 % 7, nth * nth % 7];
        let identifiers = chosen.map(|device| (IdentifierKind::Device, DEVICES[device]));
        let (order, traces) = world.order(&identifiers, Conditions::default());
        let names: Vec<Pseudonym> = traces.iter().map(|trace| trace.pseudonym).collect();
        for trace in &traces {
            pseudonyms[chosen[trace.identifier]].insert(trace.pseudonym);
        }
        held.push_back((window.put(order, "till".into(), traces).expect("kept"), chosen, names));
        if held.len() > 20 {
            held.pop_front();
        }
        assert!(window.all().eq(held.iter().map(|(number, ..)| *number)));
        for (device, pseudonyms) in pseudonyms.iter().enumerate() {
            let with_it = held.iter().filter(|(_, chosen, _)| chosen.contains(&device)).map(|(number, ..)| *number);
            let with_it: Vec<_> = with_it.collect();
            assert!(pseudonyms.iter().all(|pseudonym| window.concerned(pseudonym).eq(with_it.iter().copied())));
        }
        for (number, _, names) in &held {
            let order = window.get(*number).expect("it is held");
            assert!(order.traces().map(|(_, name)| name.pseudonym).eq(names.iter().copied()), "its own names");
        }
    }
}

#[test]
fn an_order_nothing_can_match_is_not_kept() {
    let (world, mut window) = (World::new(), LateWindow::new(WIDE));
    assert_eq!(world.pass(&mut window, &[(IdentifierKind::Domain, "gmail.com")]), None, "a guard list rejects it");
}

#[test]
fn a_rule_that_came_after_the_answer_is_no_late_match_and_what_others_say_under_it_is() {
    let (mut world, mut window) = (World::new(), LateWindow::new(WIDE));
    let order = world.pass(&mut window, &[(EMAIL, MAIL)]).expect("kept");
    let strict = r#"
name = "strict"
version = 2

[[rule]]
name = "all"
description = "everything"
when = "transaction.amount_minor >= 0"
decision = "hold"

[[rule]]
name = "flagged"
description = "{flags} the {kind}"
each = "match"
when = "match.members > 0"
decision = "block"
"#;
    world.policy = Policy::parse(strict, &world.guard.digest()).expect("valid");
    let judged = world.judged(&window, order);
    assert_eq!((judged.screening.decision, judged.decision), (Decision::Hold, Decision::Allow), "nobody speaks of it");
    world.says("bank-a", EMAIL, MAIL);
    assert_eq!(world.judged(&window, order).decision, Decision::Block);
}

#[test]
fn a_challenge_that_was_passed_at_the_checkout_or_since_counts_for_good() {
    let cases = [
        (None, None, Decision::Challenge),
        (Some(60), None, Decision::Allow),
        (Some(60), Some(9_999), Decision::Allow),
        (None, Some(60), Decision::Allow),
        (None, Some(9_999), Decision::Challenge),
    ];
    for (at_checkout, since, expected) in cases {
        let (mut world, mut window) = (World::new(), LateWindow::new(WIDE));
        let conditions = Conditions { challenge_passed_s: at_checkout };
        let order = world.pass_under(&mut window, &[(EMAIL, MAIL)], conditions).expect("kept");
        world.says("bank-a", EMAIL, MAIL);
        let held = window.get(order).expect("it is held");
        let judged = world.with_context(|context| judge(&held, since, context, &mut world.belief.view()));
        assert_eq!(judged.decision, expected, "{at_checkout:?} {since:?}");
    }
}

#[test]
fn a_dispute_eases_what_was_raised_and_names_the_order_it_concerns() {
    let (mut world, mut window) = (World::new(), LateWindow::new(WIDE));
    let order = world.pass(&mut window, &[(EMAIL, MAIL)]).expect("kept");
    world.says("bank-a", EMAIL, MAIL);
    let target = world.says("bank-b", EMAIL, MAIL);
    assert_eq!(world.judged(&window, order).decision, Decision::Block);
    world.concerned(&window);
    step(&mut world, "bank-c", target, DisputeStep::Opened, None);
    assert_eq!(world.concerned(&window), [order]);
    assert_eq!(world.judged(&window, order).decision, Decision::Challenge);
}

#[test]
fn of_a_flood_the_first_of_each_minute_are_told_the_rest_in_the_next_and_what_was_not_recorded_again() {
    let room = limits::late::MATCHES_PER_MINUTE;
    let orders = usize::try_from(room).expect("small") + 10;
    let (mut world, now) = (World::new(), Duration::from_secs);
    let mut followed = Followed::new(Bounds { orders, names: 10 * orders, ..WIDE });
    for _ in 0..orders {
        let (order, traces) = world.order(&[(EMAIL, MAIL)], Conditions::default());
        followed.take(order, "till".into(), traces, world.belief.version());
    }
    followed.look(world.belief.version(), world.now, now(0));
    let judge_all = |world: &World, followed: &mut Followed| {
        let telling = world.with_context(|context| {
            let mut view = world.belief.view();
            followed.judge_due(|held| judge(held, None, context, &mut view))
        });
        telling.iter().map(|telling| (telling.number, telling.judged.decision)).collect::<Vec<_>>()
    };
    assert_eq!(followed.begin_minute(now(0)), None);
    assert_eq!(judge_all(&world, &mut followed), [], "nothing is said of any");
    world.belief.take_changes();
    world.says("bank-a", EMAIL, MAIL);
    let Changed::These(changed) = world.belief.take_changes() else { panic!("few") };
    followed.changed(&changed);
    followed.look(world.belief.version(), world.now, now(1));

    let first = judge_all(&world, &mut followed);
    assert_eq!(first.len(), orders - 10, "as many as a minute has room for");
    followed.untold(&first);
    let again = judge_all(&world, &mut followed);
    assert_eq!(again, first, "what could not be recorded is told again, in the same minute");
    assert!(followed.told(&again, now(2)).is_some_and(|took| took <= now(2)));
    assert_eq!(judge_all(&world, &mut followed), [], "the minute is full");
    assert_eq!(followed.begin_minute(now(59)), None);
    assert_eq!(followed.begin_minute(now(60)), Some(10), "how many had to wait");
    let rest = judge_all(&world, &mut followed);
    assert_eq!(rest.len(), 10);
    followed.told(&rest, now(61));
    assert_eq!(followed.begin_minute(now(120)), None, "nobody waits");
}
