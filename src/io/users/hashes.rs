//! Hashing passwords: argon2id, few at once and beside everything else.
//!
//! A hash takes 19 MB and 20 ms on purpose. A flood of sign-ins must take neither the machine's memory nor its time: so many are
//! hashed at once, so many wait, fewer of one address, and everybody else is told to come back. Who waits and goes away takes no hash;
//! one that has begun is ended.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::Semaphore;

use crate::base::limits::users as limits;
use crate::base::secret::SecretBytes;
use crate::domain::user::password::{Password, Verifier};
use crate::io::random;
use crate::io::users::strength::{self, WeakPassword};

/// Bytes of a hash.
const HASH_BYTES: usize = 32;

/// Where passwords are hashed.
pub struct Hashes {
    pepper: Arc<SecretBytes<32>>,
    /// Fits no password, with the parameters of all others: who names nobody waits as long as who names somebody.
    nobody: Verifier,
    running: Arc<Semaphore>,
    /// Those that run or wait, by address.
    seats: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
}

/// No room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// One who runs or waits; room for another when dropped.
#[derive(Debug)]
struct Seat {
    from: IpAddr,
    seats: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
}

impl Hashes {
    pub fn new(pepper: SecretBytes<32>) -> Self {
        Self {
            nobody: fits_nothing(),
            pepper: Arc::new(pepper),
            running: Arc::new(Semaphore::new(limits::HASHES_AT_ONCE)),
            seats: Arc::default(),
        }
    }

    /// What is kept of a new password, where it withstands guessing by somebody who knows so much of the user.
    pub async fn hash_new(
        &self,
        password: Password,
        known: [String; 2],
        from: IpAddr,
    ) -> Result<Result<Verifier, WeakPassword>, Full> {
        let salt: [u8; 16] = random::bytes();
        // The estimate beside the hash: of a hundred odd characters it takes its time, too.
        self.run(from, move |argon2| {
            strength::check(&password, &known.each_ref().map(String::as_str))?;
            let hash = argon2.hash_password_with_salt(password.expose().as_bytes(), &salt);
            Ok(Verifier::new(hash.expect("a salt of 16 bytes and parameters within bounds").to_string()))
        })
        .await
    }

    /// Whether a password is the one a verifier was made of; as slow where there is none.
    pub async fn is_right(&self, password: Password, verifier: Option<Verifier>, from: IpAddr) -> Result<bool, Full> {
        let known = verifier.is_some();
        let verifier = verifier.unwrap_or_else(|| self.nobody.clone());
        let fits = self.run(from, move |argon2| {
            let kept = PasswordHash::new(verifier.as_phc());
            // Compared in constant time. What cannot be read fits nothing.
            kept.is_ok_and(|kept| argon2.verify_password(password.expose().as_bytes(), &kept).is_ok())
        });
        Ok(fits.await? && known)
    }

    async fn run<T: Send + 'static>(
        &self,
        from: IpAddr,
        work: impl FnOnce(&Argon2<'_>) -> T + Send + 'static,
    ) -> Result<T, Full> {
        let seat = self.sit(from)?;
        let permit = Arc::clone(&self.running).acquire_owned().await.expect("the semaphore is never closed");
        let pepper = Arc::clone(&self.pepper);
        let hashing = tokio::task::spawn_blocking(move || {
            // Held until the work is done, also where nobody waits for it any more.
            let _held = (seat, permit);
            let argon2 = Argon2::new_with_secret(pepper.expose(), Algorithm::Argon2id, Version::V0x13, params());
            work(&argon2.expect("a short secret"))
        });
        // Only a stopping process ends it otherwise.
        hashing.await.map_err(|_| Full)
    }

    fn sit(&self, from: IpAddr) -> Result<Seat, Full> {
        let from = network(from);
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = seats.values().sum();
        let of_it = seats.get(&from).copied().unwrap_or_default();
        if all >= limits::HASHES_AT_ONCE + limits::HASHES_WAITING || of_it >= limits::HASHES_PER_ADDRESS {
            return Err(Full);
        }
        seats.insert(from, of_it + 1);
        Ok(Seat { from, seats: Arc::clone(&self.seats) })
    }
}

impl fmt::Debug for Hashes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hashes")
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        match seats.get_mut(&self.from) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) | None => drop(seats.remove(&self.from)),
        }
    }
}

fn params() -> Params {
    Params::new(limits::HASH_KIB, limits::HASH_PASSES, limits::HASH_LANES, Some(HASH_BYTES))
        .expect("within argon2's bounds")
}

/// A hash of random bytes that no password was hashed to.
fn fits_nothing() -> Verifier {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
    let (salt, hash) = (BASE64.encode(random::bytes::<16>()), BASE64.encode(random::bytes::<HASH_BYTES>()));
    let (memory, passes, lanes) = (limits::HASH_KIB, limits::HASH_PASSES, limits::HASH_LANES);
    Verifier::new(format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${hash}"))
}

/// Whoever has one IPv6 address has all of its /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

    fn password(text: &str) -> Password {
        Password::typed(text).expect("short")
    }

    fn hashes() -> Hashes {
        Hashes::new(SecretBytes::new([7; 32]))
    }

    async fn hashed(hashes: &Hashes, text: &str) -> Result<Verifier, Full> {
        let known = ["anna".to_owned(), "bank-a".to_owned()];
        Ok(hashes.hash_new(password(text), known, HERE).await?.expect("strong enough"))
    }

    #[tokio::test]
    async fn a_password_fits_its_own_hash_under_its_own_pepper_alone() {
        let hashes = hashes();
        let text = "tulpe wandert nachts";
        let [one, other] = [hashed(&hashes, text).await, hashed(&hashes, text).await].map(|hash| hash.expect("room"));
        assert!(one.as_phc().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", one.as_phc());
        assert_ne!(one, other, "each has a salt of its own");
        let right = async |hashes: &Hashes, text, verifier| hashes.is_right(password(text), verifier, HERE).await;
        assert_eq!(right(&hashes, text, Some(one.clone())).await, Ok(true));
        assert_eq!(right(&hashes, "tulpe wandert nacht", Some(one.clone())).await, Ok(false));
        assert_eq!(right(&hashes, text, None).await, Ok(false), "nobody");
        assert_eq!(right(&hashes, text, Some(Verifier::new("damaged".to_owned()))).await, Ok(false));
        let elsewhere = Hashes::new(SecretBytes::new([8; 32]));
        assert_eq!(right(&elsewhere, text, Some(one)).await, Ok(false), "another node's");
    }

    #[test]
    fn who_names_nobody_waits_as_long_as_who_names_somebody() {
        let nobody = fits_nothing();
        let kept = PasswordHash::new(nobody.as_phc()).expect("a whole one");
        assert_eq!(Params::try_from(&kept).expect("argon2's"), params());
    }

    #[tokio::test]
    async fn a_flood_finds_no_room_and_one_address_leaves_some_for_the_others() {
        let hashes = hashes();
        let address = |last: u16| IpAddr::V6(Ipv6Addr::new(0x2001, 0xDB8, 0, last, 0, 0, 0, 1));
        let neighbour = IpAddr::V6(Ipv6Addr::new(0x2001, 0xDB8, 0, 0, 9, 9, 9, 9));
        let mut seats: Vec<Seat> =
            (0..limits::HASHES_PER_ADDRESS).map(|_| hashes.sit(address(0)).expect("room")).collect();
        assert!(hashes.sit(address(0)).is_err() && hashes.sit(neighbour).is_err(), "all of its network");
        let full = limits::HASHES_AT_ONCE + limits::HASHES_WAITING;
        for last in 1.. {
            match hashes.sit(address(last)) {
                Ok(seat) => seats.push(seat),
                Err(Full) => break,
            }
        }
        assert_eq!(seats.len(), full);
        assert_eq!(hashed(&hashes, "tulpe wandert nachts").await, Err(Full));
        seats.pop();
        assert!(hashed(&hashes, "tulpe wandert nachts").await.is_ok());
        seats.clear();
        assert!(hashes.seats.lock().expect("whole").is_empty(), "nothing is kept of who has left");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn so_many_are_hashed_at_once_and_no_more() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let hashes = Arc::new(hashes());
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let all = (0..12u16).map(|last| {
            let (hashes, running, most) = (Arc::clone(&hashes), Arc::clone(&running), Arc::clone(&most));
            let from = IpAddr::V6(Ipv6Addr::new(0x2001, 0xDB8, 0, last, 0, 0, 0, 1));
            tokio::spawn(async move {
                let counted = hashes.run(from, move |_| {
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::sleep(std::time::Duration::from_millis(5));
                    running.fetch_sub(1, Ordering::SeqCst);
                });
                counted.await
            })
        });
        for one in all.collect::<Vec<_>>() {
            assert_eq!(one.await.expect("no panic"), Ok(()));
        }
        assert_eq!(most.load(Ordering::SeqCst), limits::HASHES_AT_ONCE);
    }
}
