//! Sessions of console users, by the clock and by who they belong to.

use std::net::Ipv4Addr;

use super::*;

fn origin() -> Origin {
    let at = Timestamp::from_unix_s(1_795_000_000);
    Origin { address: Ipv4Addr::LOCALHOST.into(), browser: "Firefox".to_owned(), at }
}

fn user(name: &str) -> SessionUser {
    SessionUser { name: name.parse().expect("a name"), generation: Generation(1) }
}

fn begin(sessions: &Sessions, user: SessionUser, at: Moment) -> SessionId {
    sessions.begin(user, origin(), at).id
}

/// A moment so many seconds after the first.
fn after(first: Instant, s: u64) -> Moment {
    let wall = Timestamp::from_unix_s(1_795_000_000 + s);
    Moment { steady: first + Duration::from_secs(s), wall }
}

#[test]
fn a_session_ends_after_a_rest_and_after_a_day_at_work_however_busy_it_was() {
    let (sessions, first) = (Sessions::default(), Instant::now());
    let id = begin(&sessions, user("ann"), after(first, 0));
    assert!(sessions.find(&id, after(first, limits::SESSION_IDLE_S - 1)).is_some());
    let rested = 2 * limits::SESSION_IDLE_S - 1;
    assert!(sessions.find(&id, after(first, rested)).is_none(), "it rested too long");
    assert!(sessions.find(&id, after(first, rested)).is_none());
    let id = begin(&sessions, user("ann"), after(first, 0));
    for at in (0..limits::SESSION_S).step_by(600) {
        assert!(sessions.find(&id, after(first, at)).is_some(), "{at}");
    }
    assert!(sessions.find(&id, after(first, limits::SESSION_S)).is_none());
}

#[test]
fn an_id_that_was_not_drawn_here_opens_nothing_and_the_table_holds_none() {
    let (sessions, now) = (Sessions::default(), after(Instant::now(), 0));
    let id = begin(&sessions, user("ann"), now);
    let planted = SessionId::of_cookie("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    assert!(sessions.find(&planted, now).is_none());
    let shown = format!("{sessions:?} {id:?}");
    assert!(!shown.contains(id.cookie_value()), "{shown}");
    let hashed = hex::encode(id.key());
    assert!(sessions.find(&SessionId::of_cookie(&hashed), now).is_none(), "what the table holds is no cookie");
}

#[test]
fn who_proves_again_who_they_are_gets_a_new_id_and_the_old_one_is_dead() {
    let (sessions, first) = (Sessions::default(), Instant::now());
    let id = begin(&sessions, user("ann"), after(first, 0));
    let token = sessions.find(&id, after(first, 1)).expect("counts").token;
    let proved = |id: &SessionId, s| sessions.find(id, after(first, s)).expect("counts").proved;
    assert!(proved(&id, limits::PROVED_S - 1));
    assert!(!proved(&id, limits::PROVED_S));
    let renewed = sessions.prove(&id, after(first, limits::PROVED_S).steady).expect("counts");
    assert!(sessions.find(&id, after(first, limits::PROVED_S)).is_none());
    assert!(proved(&renewed, 2 * limits::PROVED_S - 1));
    assert!(!sessions.find(&renewed, after(first, limits::PROVED_S)).expect("counts").owns(token.shown()));
    assert!(sessions.prove(&id, first).is_none(), "an ended session proves nothing");
}

#[test]
fn the_session_that_rested_longest_makes_room() {
    let (sessions, first) = (Sessions::default(), Instant::now());
    let ids: Vec<SessionId> =
        (0..limits::SESSIONS_PER_USER).map(|_| begin(&sessions, user("ann"), after(first, 0))).collect();
    let (kept, resting) = ids.split_first().expect("several");
    let other = begin(&sessions, user("ben"), after(first, 0));
    sessions.find(kept, after(first, 1)).expect("counts");
    let begun = sessions.begin(user("ann"), origin(), after(first, 2));
    assert_eq!(begun.ended, [(user("ann"), SignOut::Room)], "whose it was is told");
    let rested = after(first, 2 + limits::SESSION_IDLE_S);
    let late = Sessions::default();
    (0..limits::SESSIONS_PER_USER).for_each(|_| drop(begin(&late, user("ann"), after(first, 0))));
    assert_eq!(late.begin(user("ann"), origin(), rested).ended, [(user("ann"), SignOut::Idle)], "the clock's, first");
    assert_eq!(sessions.list(Some(&user("ann").name), first).len(), limits::SESSIONS_PER_USER);
    assert!(sessions.find(kept, after(first, 3)).is_some(), "it was in use");
    assert!(sessions.find(&other, after(first, 3)).is_some(), "another's is no room for ann's");
    assert_eq!(resting.iter().filter(|id| sessions.find(id, after(first, 3)).is_none()).count(), 1);
    for number in 0..limits::SESSIONS + 8 {
        begin(&sessions, user(&format!("user-{number}")), after(first, 4));
    }
    assert_eq!(sessions.list(None, first).len(), limits::SESSIONS);
}

#[test]
fn a_session_is_ended_by_its_own_user_alone() {
    let (sessions, now) = (Sessions::default(), after(Instant::now(), 0));
    let [one, two] = [(); 2].map(|()| begin(&sessions, user("ann"), now));
    let other = begin(&sessions, user("ben"), now);
    let handle = |id: &SessionId| sessions.find(id, now).map(|found| found.handle.as_str().to_owned());
    let (first, bens) = (handle(&one).expect("counts"), handle(&other).expect("counts"));
    let ann = user("ann").name;
    assert!(!sessions.end_one(&ann, &bens), "another's handle is none of hers");
    assert!(sessions.end_one(&ann, &first));
    assert!(!sessions.end_one(&ann, &first));
    assert_eq!((handle(&one), handle(&two).is_some()), (None, true));
    let three = begin(&sessions, user("ann"), now);
    assert_eq!(sessions.end_others(&ann, &two), 1);
    assert_eq!((handle(&three), handle(&two).is_some()), (None, true));
    assert!(sessions.end(&two) && !sessions.end(&two));
    assert_eq!((handle(&two), handle(&other).is_some()), (None, true));
}

#[test]
fn a_form_belongs_to_the_session_whose_token_it_carries() {
    let (sessions, now) = (Sessions::default(), after(Instant::now(), 0));
    let [ann, ben] = ["ann", "ben"].map(|name| begin(&sessions, user(name), now));
    let found = |id| sessions.find(id, now).expect("counts");
    assert!(found(&ann).owns(found(&ann).token.shown()));
    assert!(!found(&ann).owns(found(&ben).token.shown()));
    assert!(!found(&ann).owns(""));
}

#[test]
fn what_the_clock_ended_is_told_once_and_what_a_users_record_ended_is_not() {
    let (sessions, first) = (Sessions::default(), Instant::now());
    let id = begin(&sessions, user("ann"), after(first, 0));
    begin(&sessions, user("ben"), after(first, 0));
    let over = after(first, limits::SESSION_IDLE_S);
    assert!(sessions.find(&id, over).is_none());
    let not_ben = |who: &SessionUser| who.name.as_str() != "ben";
    assert_eq!(sessions.sweep(over.steady, not_ben), [(user("ann"), SignOut::Idle)]);
    assert_eq!(sessions.sweep(over.steady, |_| true), []);
    let id = begin(&sessions, user("ann"), after(first, 0));
    sessions.keep(&id, Generation(2));
    assert_eq!(sessions.find(&id, after(first, 1)).expect("counts").user.generation, Generation(2));
    let aged = sessions.sweep(after(first, limits::SESSION_S).steady, |_| true);
    assert_eq!(aged.first().map(|(_, how)| *how), Some(SignOut::Age));
}

#[test]
fn a_message_is_told_once() {
    let (sessions, now) = (Sessions::default(), after(Instant::now(), 0));
    let id = begin(&sessions, user("ann"), now);
    let flash = Flash { tone: Tone::Done, text: "Saved.".to_owned() };
    (0..limits::FLASHES + 3).for_each(|_| sessions.tell(&id, flash.clone()));
    assert_eq!(sessions.told(&id).len(), limits::FLASHES);
    assert_eq!(sessions.told(&id), []);
}
