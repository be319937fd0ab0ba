//! The serving side of streams over a running engine: how a stream begins, what is refused on it, and that neither a liar nor one
//! who does not listen stands in the way of others.

use hushwire::io::clock;
use hushwire::io::grpc::wire::hushwire::peer::v1 as peer;
use peer::exchange_request::Message as Asked;
use peer::exchange_response::Message as Told;
use tonic::Code;
use tonic_types::StatusExt;

use crate::consortium::Consortium;
use crate::door::{Doors, hello, subscribe};
use crate::house::{Disk, House, exchange, pull};

const MEMBERS: [&str; 3] = ["bank-a", "bank-b", "shop"];

/// Bank A, which has published once, and the others with nothing.
fn houses(consortium: &Consortium) -> [House; 3] {
    let now = clock::now();
    let [mut bank, other, shop] = [0, 1, 2].map(|member| House::open(consortium, member, Disk::default(), now));
    for peer in [&other, &shop] {
        exchange(consortium, &mut bank, peer, now);
    }
    bank.publish("serving-device-0001", 30, None, now);
    bank.tick(now);
    [bank, other, shop]
}

fn unavailable(told: Told) -> Option<(String, String)> {
    match told {
        Told::Unavailable(said) => Some((said.origin, said.reason)),
        _ => None,
    }
}

fn batch(told: Told) -> Option<usize> {
    match told {
        Told::Batch(batch) => Some(batch.entries.len()),
        _ => None,
    }
}

#[tokio::test]
async fn a_stream_that_does_not_begin_as_agreed_ends_with_the_reason() {
    let consortium = Consortium::new(&MEMBERS);
    let [bank, ..] = houses(&consortium);
    let doors = Doors::of(bank.node);
    let hello = || hello(&consortium);
    let newer = |versions: &[u32]| Asked::Hello(peer::Hello { versions: versions.to_vec(), ..hello() });
    let stranger = Asked::Hello(peer::Hello { consortium: "other.example".to_owned(), ..hello() });
    let refused = [
        (vec![Some(subscribe(&consortium, 0))], Code::InvalidArgument, "HELLO_FIRST"),
        (vec![None], Code::InvalidArgument, "HELLO_FIRST"),
        (vec![Some(newer(&[2]))], Code::FailedPrecondition, "PROTOCOL_VERSION"),
        (vec![Some(newer(&[]))], Code::FailedPrecondition, "PROTOCOL_VERSION"),
        (vec![Some(stranger)], Code::FailedPrecondition, "CONSORTIUM"),
        (vec![Some(Asked::Hello(hello())), Some(Asked::Hello(hello()))], Code::InvalidArgument, "HELLO_ONCE"),
        (vec![Some(Asked::Hello(hello())), None], Code::InvalidArgument, "UNKNOWN_MESSAGE"),
    ];
    for (first, code, reason) in refused {
        let mut stream = doors.open(&consortium.members[1], first).await;
        let refusal = loop {
            match stream.next().await {
                Ok(told) => assert!(!matches!(told, Told::Batch(_)), "{reason}: nothing was asked for"),
                Err(refusal) => break refusal,
            }
        };
        let said = refusal.get_error_details().error_info().map(|info| info.reason.clone());
        assert_eq!((refusal.code(), said.as_deref()), (code, Some(reason)), "{refusal:?}");
    }
    // One that speaks a later version too is served.
    let mut stream = doors.open(&consortium.members[1], [Some(newer(&[2, 1])), Some(subscribe(&consortium, 0))]).await;
    assert_eq!(stream.until(batch).await, 1);
}

#[tokio::test]
async fn a_feed_that_may_not_be_followed_is_refused_by_reason_and_the_stream_goes_on() {
    let consortium = Consortium::new(&MEMBERS);
    let [bank, ..] = houses(&consortium);
    let doors = Doors::of(bank.node);
    let mut stream = doors.open(&consortium.members[1], [Some(Asked::Hello(hello(&consortium)))]).await;
    let own = consortium.feed(0).origin(&consortium.id);
    for (origin, from_size, reason) in [
        ("life.hushwire.example/nobody/all", 0, "unknown_feed"),
        ("other.example/bank-a/all", 0, "unknown_feed"),
        ("no origin at all", 0, "unknown_feed"),
        (own.as_str(), 2, "beyond_head"),
        (own.as_str(), u64::MAX, "beyond_head"),
    ] {
        let origin = origin.to_owned();
        let asked = peer::Subscribe { origin: origin.clone(), from_size, window_entries: 0 };
        stream.ask(Asked::Subscribe(asked)).await;
        assert_eq!(stream.until(unavailable).await, (origin, reason.to_owned()));
    }
    stream.ask(subscribe(&consortium, 0)).await;
    assert_eq!(stream.until(batch).await, 1);
}

#[tokio::test]
async fn a_proof_told_on_one_stream_is_acted_on_and_told_on_others_and_a_false_one_is_not() {
    let consortium = Consortium::new(&MEMBERS);
    let now = clock::now();
    let [bank, mut other, mut shop] = houses(&consortium);
    let mut twin = House::open(&consortium, 0, Disk::default(), now);
    for peer in [&other, &shop] {
        exchange(&consortium, &mut twin, peer, now);
    }
    twin.publish("serving-device-0002", 30, None, now);
    twin.tick(now);
    exchange(&consortium, &mut shop, &bank, now);
    exchange(&consortium, &mut other, &twin, now);
    let found = pull(&consortium, &mut other, &shop, 10, now, |_| {});
    assert_eq!(found, Ok(()), "the author's fault, and none of who shows it");
    let proof = other.node.equivocations().pop().expect("kept");
    let (origin, first, second) = (proof.origin, proof.first, proof.second);
    let proof = peer::Equivocation { origin: origin.clone(), first, second, consistency: Vec::new() };

    let doors = Doors::of(shop.node);
    let greeting = || [Some(Asked::Hello(hello(&consortium)))];
    let mut stream = doors.open(&consortium.members[1], greeting()).await;
    let agreeing = peer::Equivocation { second: proof.first.clone(), ..proof.clone() };
    let unreadable = peer::Equivocation { consistency: vec![vec![7; 31].into()], ..proof.clone() };
    for nothing in [agreeing, unreadable, peer::Equivocation::default()] {
        stream.ask(Asked::Equivocation(nothing)).await;
    }
    stream.ask(subscribe(&consortium, 0)).await;
    assert_eq!(stream.until(batch).await, 1, "nothing is proved");
    stream.ask(Asked::Equivocation(proof.clone())).await;
    stream.ask(subscribe(&consortium, 0)).await;
    assert_eq!(stream.until(unavailable).await, (origin, "quarantined".to_owned()));

    let mut stream = doors.open(&consortium.members[0], greeting()).await;
    let told = stream.until(|told| match told {
        Told::Equivocation(told) => Some(told),
        _ => None,
    });
    let told = told.await;
    assert_eq!((told.origin, told.consistency), (proof.origin, proof.consistency));
    let notes = [&told.first, &told.second];
    assert!(notes == [&proof.first, &proof.second] || notes == [&proof.second, &proof.first]);
}

#[tokio::test]
async fn a_member_that_does_not_listen_keeps_nobody_else_waiting() {
    let consortium = Consortium::new(&MEMBERS);
    let [bank, ..] = houses(&consortium);
    let doors = Doors::of(bank.node);
    let deaf = doors.open(&consortium.members[1], [Some(Asked::Hello(hello(&consortium)))]).await;
    let mut taken = 0;
    // Until its answers wait for it, and then its requests.
    while let Ok(room) = tokio::time::timeout(std::time::Duration::from_millis(500), deaf.requests.reserve()).await {
        let origin = "life.hushwire.example/nobody/all".to_owned();
        let asked = Asked::Subscribe(peer::Subscribe { origin, ..peer::Subscribe::default() });
        room.expect("open").send(peer::ExchangeRequest { message: Some(asked) });
        taken += 1;
        assert!(taken < 10_000, "what it does not take must not pile up");
    }
    let words = [Some(Asked::Hello(hello(&consortium))), Some(subscribe(&consortium, 0))];
    let mut stream = doors.open(&consortium.members[2], words).await;
    assert_eq!(stream.until(batch).await, 1);
}
