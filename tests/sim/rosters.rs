//! Rosters on their way: the next names another key of a member, which follows it first; the others hear of it on their streams,
//! each before anything that the key signed, the heads of a welcome among it.

use hushwire::base::bytes::TreeHash;
use hushwire::base::name::FeedId;
use hushwire::base::position::TreeSize;
use hushwire::domain::audit::keys::LogKeys;
use hushwire::domain::audit::record::Actor;
use hushwire::domain::roster::succession::RosterNote;
use hushwire::node::fence::FenceState;

use crate::consortium::NextKey;
use crate::exchange::Then;
use crate::network::{Ask, Tell};
use crate::options::Mutant;
use crate::violation::{Invariant, Violation, broken};
use crate::world::World;

impl World {
    /// Another key of a house takes over: of its feed from a size on that nobody has seen, or of its audit log.
    pub fn next_key(&mut self, house: usize, of_feed: bool, ahead: u64) -> Result<(), Violation> {
        let settled = self.houses[house].honest && self.houses[house].is_up() && !self.is_needed(house);
        if !settled || self.houses[house].fence() != Some(FenceState::Open) || self.options.rogue.is_some() {
            return Ok(());
        }
        // Whoever proposes a roster follows the one before.
        while self.houses[house].followed + 1 < self.consortium.rosters.len() {
            self.follow(house)?;
        }
        let member = self.houses[house].member;
        let feed = self.consortium.feed(member);
        let held = self.on_node(house, |node, _, _| node.state().feeds.get(&feed).map(|feed| feed.size())).flatten();
        let size = held.unwrap_or_default().max(self.ledger.shown_size(&feed));
        let key = if of_feed { NextKey::Feed { from_size: TreeSize(size.0 + ahead) } } else { NextKey::Audit };
        let before = if of_feed { None } else { Some(self.audit_head(house)?) };
        if self.consortium.name_next(member, key, &mut self.rng).is_none() {
            return Ok(());
        }
        if let Some(before) = before {
            self.houses[house].audit_before = before;
        }
        self.note(&("next key", house, key));
        // Now and then somebody else follows it first, and the author hears of it from there.
        let first = if ahead.is_multiple_of(3) { self.another_that_follows_as_far(house) } else { None };
        self.follow(first.unwrap_or(house))
    }

    fn another_that_follows_as_far(&self, house: usize) -> Option<usize> {
        let followed = self.houses[house].followed;
        let others = self.houses.iter().enumerate().filter(|(other, _)| *other != house);
        let mut ready = others.filter(|(_, other)| other.honest && other.is_up() && other.followed == followed);
        ready.next().map(|(other, _)| other)
    }

    /// Size and root of the audit log as the house signs them now.
    fn audit_head(&mut self, house: usize) -> Result<Option<(TreeSize, TreeHash)>, Violation> {
        let Some(head) = self.on_node(house, |node, now, _| node.audit_head(now)) else { return Ok(None) };
        let head = head.map_err(|fault| broken(Invariant::StoreWhole, fault))?;
        let keys = LogKeys::parse(&head.verifier_key, &head.witness_keys);
        let signed = keys.and_then(|keys| keys.checkpoint(&head.checkpoint));
        let signed = signed.map_err(|fault| broken(Invariant::AuditVerifies, format!("house {house}: {fault}")))?;
        Ok(Some((signed.size(), *signed.root())))
    }

    /// The next roster comes into force at a house, with the signers that go with it. Its file is there before the journal
    /// tells of it.
    fn follow(&mut self, house: usize) -> Result<(), Violation> {
        let (member, followed) = (self.houses[house].member, self.houses[house].followed + 1);
        let roster = self.consortium.roster_of(member, followed).clone();
        let signers = self.consortium.signers(member, followed);
        self.houses[house].followed = followed;
        let outcome = self.on_node(house, |node, now, rng| {
            node.apply_roster(&Actor::Node, roster, now, rng).and_then(|()| node.use_signers(signers, now, rng))
        });
        self.note(&("follows", house, followed));
        outcome.map(|outcome| self.houses[house].judge(outcome)).transpose()?;
        self.sync(house)
    }

    pub fn hear_roster(&mut self, house: usize, note: &str) -> Result<(), Violation> {
        let (member, followed) = (self.houses[house].member, self.houses[house].followed);
        let heard =
            RosterNote::parse(note).and_then(|note| note.verify_next(self.consortium.roster_of(member, followed)));
        if heard.is_ok() { self.follow(house) } else { Ok(()) }
    }

    pub fn keeps_rosters(&self) -> bool {
        self.options.mutant == Some(Mutant::KeepsRosters)
    }

    /// Tells a puller each roster it lacks, before anything that rests on it.
    pub fn tell_rosters(&mut self, pair: (usize, usize)) {
        while let Some(theirs) = self.stream(pair).and_then(|stream| stream.their_roster) {
            let next = self.on_node(pair.1, |node, _, _| node.state().rosters.get(&(theirs + 1)).cloned());
            let Some(note) = next.flatten().filter(|_| !self.keeps_rosters()) else { return };
            if let Some(stream) = self.stream(pair) {
                stream.their_roster = Some(theirs + 1);
            }
            self.tell(pair, Tell::Roster(note));
        }
    }

    /// What the server holds of every feed, once the rosters that name the keys are followed.
    pub fn learn_due_heads(&mut self, pair: (usize, usize)) -> Result<Then, Violation> {
        let follows = self.on_node(pair.0, |node, _, _| node.introduce().roster_version).unwrap_or_default();
        let due = self.stream(pair).and_then(|stream| stream.heads_due.take_if(|(by, _)| *by <= follows));
        let Some((_, heads)) = due else { return Ok(Then::GoOn) };
        let from = self.member_of(pair.1);
        for (origin, note) in &heads {
            let feed = FeedId::from_origin(&self.consortium.id, origin).expect("origins of this consortium");
            self.observe(pair.0, &feed, note.as_bytes())?;
        }
        self.note(&("welcome", pair, heads.len()));
        let heard = self.on_node(pair.0, |node, now, rng| node.learn_heads(&from, heads, now, rng));
        let then = self.after(pair, heard)?;
        if then == Then::GoOn
            && let Some(stream) = self.stream(pair)
        {
            stream.connected = true;
            stream.next_gossip = 0;
            self.tell_witnessed(pair);
        }
        Ok(then)
    }

    /// The head of the server's audit log that the puller holds. Told again behind a roster: it may have ended that log.
    pub fn tell_witnessed(&mut self, pair: (usize, usize)) {
        let author = self.member_of(pair.1);
        let note = self.on_node(pair.0, |node, _, _| node.audit_head_of(&author)).unwrap_or_default();
        self.ask(pair, Ask::AuditWitnessed { note });
    }
}
