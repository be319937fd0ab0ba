//! Sessions of console users: in memory alone, so that a restart signs everybody out and nothing on disk opens a door.
//!
//! The cookie holds 256 random bits, the table its SHA-256: who reads the table cannot sign in with it. An id is drawn anew
//! when somebody signs in and when they prove again who they are, so that one planted or seen before is worth nothing. Time
//! is an argument; it is the machine's steady clock, which nobody can set back.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::base::limits::console as limits;
use crate::base::time::Timestamp;
use crate::domain::user::Generation;
use crate::domain::user::name::UserName;
use crate::io::console::secret_text::SecretText;
use crate::io::random;
use crate::node::sign_in::{SessionUser, SignOut};

/// Random bytes of a session's id, and of the token in its forms.
const ID_BYTES: usize = 32;

/// SHA-256 of an id.
type Key = [u8; 32];

/// What a browser sends back to be known. Never shown, and wiped.
pub struct SessionId(Zeroizing<String>);

impl SessionId {
    fn draw() -> Self {
        Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(random::bytes::<ID_BYTES>())))
    }

    /// The value of a cookie. Whatever it is, it is only hashed.
    pub fn of_cookie(value: &str) -> Self {
        Self(Zeroizing::new(value.to_owned()))
    }

    /// For the cookie alone.
    pub fn cookie_value(&self) -> &str {
        &self.0
    }

    fn key(&self) -> Key {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

impl std::fmt::Debug for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionId(…)")
    }
}

/// A message for the next page of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flash {
    pub tone: Tone,
    pub text: String,
}

/// How a message is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Note,
    Done,
    Warning,
}

impl Tone {
    /// The class of its style.
    pub fn class(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Done => "done",
            Self::Warning => "warning",
        }
    }
}

/// Where a session began.
#[derive(Debug, Clone)]
pub struct Origin {
    pub address: IpAddr,
    /// What the browser calls itself, shortened.
    pub browser: String,
    pub at: Timestamp,
}

/// A moment on both clocks: the steady one ends sessions, the other is shown.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    pub steady: Instant,
    pub wall: Timestamp,
}

#[derive(Debug)]
struct Session {
    user: SessionUser,
    token: SecretText,
    began: Instant,
    seen: Instant,
    seen_at: Timestamp,
    /// When password and code were given last.
    proved: Instant,
    origin: Origin,
    flashes: Vec<Flash>,
}

impl Session {
    /// Why it is over, where it is.
    fn over(&self, now: Instant) -> Option<SignOut> {
        let since = |then: Instant| now.saturating_duration_since(then);
        if since(self.began) >= Duration::from_secs(limits::SESSION_S) {
            Some(SignOut::Age)
        } else if since(self.seen) >= Duration::from_secs(limits::SESSION_IDLE_S) {
            Some(SignOut::Idle)
        } else {
            None
        }
    }
}

/// A session that counts now.
#[derive(Debug, Clone)]
pub struct Found {
    pub user: SessionUser,
    /// What every form of the session carries.
    pub token: SecretText,
    /// Whether password and code were given just now.
    pub proved: bool,
    /// What it is called where sessions are listed.
    pub handle: Handle,
}

impl Found {
    /// Whether a form carries the token of its session.
    pub fn owns(&self, token: &str) -> bool {
        self.token.shown().as_bytes().ct_eq(token.as_bytes()).into()
    }
}

/// Names a session in lists and forms; opens nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handle(String);

impl Handle {
    fn of(key: &Key) -> Self {
        Self(hex::encode(key.first_chunk::<8>().expect("32 bytes have 8")))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A session has begun.
#[derive(Debug)]
pub struct Begun {
    pub id: SessionId,
    /// Whose sessions made room for it, and how those ended.
    pub ended: Vec<(SessionUser, SignOut)>,
}

/// A session as its user and operators see it.
#[derive(Debug, Clone)]
pub struct Shown {
    pub handle: Handle,
    pub user: UserName,
    pub origin: Origin,
    pub seen_at: Timestamp,
}

/// All sessions of the console.
#[derive(Debug, Default)]
pub struct Sessions(Mutex<HashMap<Key, Session>>);

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Signs somebody in whose password and code were right just now.
    pub fn begin(&self, user: SessionUser, origin: Origin, now: Moment) -> Begun {
        let id = SessionId::draw();
        let mut sessions = self.lock();
        let mut ended =
            make_room(&mut sessions, limits::SESSIONS_PER_USER, now.steady, |session| session.user.name == user.name);
        ended.extend(make_room(&mut sessions, limits::SESSIONS, now.steady, |_| true));
        let token = draw_token();
        let (began, seen, proved) = (now.steady, now.steady, now.steady);
        let (seen_at, flashes) = (now.wall, Vec::new());
        let session = Session { user, token, began, seen, seen_at, proved, origin, flashes };
        sessions.insert(id.key(), session);
        Begun { id, ended }
    }

    /// The session of a cookie, which is thereby in use.
    pub fn find(&self, id: &SessionId, now: Moment) -> Option<Found> {
        let key = id.key();
        let mut sessions = self.lock();
        // One that is over waits for the sweep, which tells the audit log.
        let session = sessions.get_mut(&key).filter(|session| session.over(now.steady).is_none())?;
        session.seen = now.steady;
        session.seen_at = now.wall;
        Some(Found {
            user: session.user.clone(),
            token: session.token.clone(),
            proved: now.steady.saturating_duration_since(session.proved) < Duration::from_secs(limits::PROVED_S),
            handle: Handle::of(&key),
        })
    }

    /// Gives a session whose user proved again who they are a new id, a new token and five more minutes; none where it has ended.
    pub fn prove(&self, id: &SessionId, now: Instant) -> Option<SessionId> {
        let mut sessions = self.lock();
        let mut session = sessions.remove(&id.key()).filter(|session| session.over(now).is_none())?;
        session.proved = now;
        session.token = draw_token();
        let renewed = SessionId::draw();
        sessions.insert(renewed.key(), session);
        Some(renewed)
    }

    /// Follows a user's record to a new generation, for the one session that caused it: whoever changes their password stays.
    pub fn keep(&self, id: &SessionId, generation: Generation) {
        if let Some(session) = self.lock().get_mut(&id.key()) {
            session.user.generation = generation;
        }
    }

    /// Takes out what is over, by the clock or because `alive` knows its user no more, and says whose it was and why the clock ended
    /// it; what a user's record ended, the record's change has told already.
    pub fn sweep(&self, now: Instant, alive: impl Fn(&SessionUser) -> bool) -> Vec<(SessionUser, SignOut)> {
        let mut ended = Vec::new();
        self.lock().retain(|_, session| match session.over(now) {
            _ if !alive(&session.user) => false,
            Some(how) => {
                ended.push((session.user.clone(), how));
                false
            }
            None => true,
        });
        ended
    }

    /// Whether there was such a one.
    pub fn end(&self, id: &SessionId) -> bool {
        self.lock().remove(&id.key()).is_some()
    }

    /// Ends one of a user's sessions by its handle; whether there was such a one.
    pub fn end_one(&self, user: &UserName, handle: &str) -> bool {
        let mut sessions = self.lock();
        let before = sessions.len();
        sessions.retain(|key, session| session.user.name != *user || Handle::of(key).as_str() != handle);
        sessions.len() < before
    }

    /// Ends all of a user's sessions but one; how many there were.
    pub fn end_others(&self, user: &UserName, kept: &SessionId) -> usize {
        let (mut sessions, kept) = (self.lock(), kept.key());
        let before = sessions.len();
        sessions.retain(|key, session| session.user.name != *user || *key == kept);
        before - sessions.len()
    }

    /// Sessions that count now, of one user or of all, the one used last first.
    pub fn list(&self, user: Option<&UserName>, now: Instant) -> Vec<Shown> {
        let sessions = self.lock();
        let of_user = |session: &&Session| user.is_none_or(|user| session.user.name == *user);
        let mut shown: Vec<Shown> = sessions
            .iter()
            .filter(|(_, session)| of_user(session) && session.over(now).is_none())
            .map(|(key, session)| Shown {
                handle: Handle::of(key),
                user: session.user.name.clone(),
                origin: session.origin.clone(),
                seen_at: session.seen_at,
            })
            .collect();
        shown.sort_by(|one, other| (other.seen_at, &one.handle.0).cmp(&(one.seen_at, &other.handle.0)));
        shown
    }

    /// Leaves a message for the next page.
    pub fn tell(&self, id: &SessionId, flash: Flash) {
        if let Some(session) = self.lock().get_mut(&id.key())
            && session.flashes.len() < limits::FLASHES
        {
            session.flashes.push(flash);
        }
    }

    /// Takes the messages that wait.
    pub fn told(&self, id: &SessionId) -> Vec<Flash> {
        self.lock().get_mut(&id.key()).map(|session| std::mem::take(&mut session.flashes)).unwrap_or_default()
    }
}

fn draw_token() -> SecretText {
    SecretText::new(Zeroizing::new(URL_SAFE_NO_PAD.encode(random::bytes::<ID_BYTES>())))
}

/// Ends those that rested longest until one more fits; whose they were.
fn make_room(
    sessions: &mut HashMap<Key, Session>,
    most: usize,
    now: Instant,
    counts: impl Fn(&Session) -> bool,
) -> Vec<(SessionUser, SignOut)> {
    let mut resting: Vec<(Instant, Key)> =
        sessions.iter().filter(|(_, session)| counts(session)).map(|(key, session)| (session.seen, *key)).collect();
    if resting.len() < most {
        return Vec::new();
    }
    resting.sort_unstable();
    let ending = resting.len() + 1 - most;
    let ended = resting.into_iter().take(ending).filter_map(|(_, key)| sessions.remove(&key));
    ended.map(|session| (session.user.clone(), session.over(now).unwrap_or(SignOut::Room))).collect()
}

#[cfg(test)]
mod tests;
