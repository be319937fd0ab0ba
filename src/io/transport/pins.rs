//! The live table of pinned keys: which member a key belongs to, as the roster in force says.
//!
//! It is asked at the handshake, on every request and by every running stream: a roster that drops a member ends what that
//! member is doing, not only what it would do next.

use crate::base::bytes::Sha256Digest;
use crate::base::name::MemberId;
use arc_swap::ArcSwap;
use std::collections::BTreeMap;
use tokio::sync::watch;

/// SPKI hash → member. Readers never wait; [`PinRegistry::replace`] is seen by all of them at once.
#[derive(Debug)]
pub struct PinRegistry {
    pins: ArcSwap<BTreeMap<Sha256Digest, MemberId>>,
    version: watch::Sender<u64>,
}

impl PinRegistry {
    pub fn new(pins: BTreeMap<Sha256Digest, MemberId>) -> Self {
        Self { pins: ArcSwap::from_pointee(pins), version: watch::Sender::new(0) }
    }

    /// Puts the pins of a new roster in force and wakes everybody who waits in [`PinRegistry::dropped`].
    pub fn replace(&self, pins: BTreeMap<Sha256Digest, MemberId>) {
        // The table first: whoever is woken by the version must find the new pins.
        self.pins.store(pins.into());
        self.version.send_modify(|version| *version = version.wrapping_add(1));
    }

    /// The same where the pins differ; otherwise nobody is woken.
    pub fn update(&self, pins: BTreeMap<Sha256Digest, MemberId>) {
        if **self.pins.load() != pins {
            self.replace(pins);
        }
    }

    /// The member this key belongs to.
    pub fn member_of(&self, spki: &Sha256Digest) -> Option<MemberId> {
        self.pins.load().get(spki).cloned()
    }

    /// Whether this key belongs to this member.
    pub fn holds(&self, spki: &Sha256Digest, member: &MemberId) -> bool {
        self.pins.load().get(spki) == Some(member)
    }

    /// Returns once the key no longer belongs to the member; at once where it does not now.
    pub async fn dropped(&self, spki: &Sha256Digest, member: &MemberId) {
        let mut version = self.version.subscribe();
        // Subscribed before looking, so that no change falls between the look and the wait.
        while self.holds(spki, member) {
            version.changed().await.expect("the registry holds the sender for as long as it is borrowed here");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn pins(entries: &[(u8, &str)]) -> BTreeMap<Sha256Digest, MemberId> {
        entries.iter().map(|(pin, member)| (Sha256Digest([*pin; 32]), member.parse().expect("valid"))).collect()
    }

    #[tokio::test]
    async fn a_dropped_pin_wakes_who_waits_and_another_change_does_not() {
        let registry = Arc::new(PinRegistry::new(pins(&[(1, "bank-a"), (2, "bank-b")])));
        let waiting = tokio::spawn({
            let registry = Arc::clone(&registry);
            async move { registry.dropped(&Sha256Digest([1; 32]), &"bank-a".parse().expect("valid")).await }
        });
        tokio::task::yield_now().await;
        registry.replace(pins(&[(1, "bank-a")]));
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        registry.replace(pins(&[(2, "bank-b")]));
        waiting.await.expect("ends");
    }

    #[tokio::test]
    async fn a_pin_that_moves_to_another_member_is_dropped_for_the_first() {
        let registry = PinRegistry::new(pins(&[(1, "bank-a")]));
        registry.replace(pins(&[(1, "bank-b")]));
        registry.dropped(&Sha256Digest([1; 32]), &"bank-a".parse().expect("valid")).await;
        assert_eq!(registry.member_of(&Sha256Digest([1; 32])), Some("bank-b".parse().expect("valid")));
    }
}
