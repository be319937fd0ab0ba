//! The exchange protocol as plain calls: what `io::exchange` drives over gRPC, step for step.
//!
//! 1 hello and welcome, 2 learn heads, 3 subscribe, 4 verify, commit, acknowledge, 5 cosign, 6 tell of newer heads, of
//! heads of other feeds now and then, and of proofs at once. Everything an answer rests on is durable before it is sent.

use std::collections::BTreeSet;
use std::sync::Arc;

use hushwire::base::limits;
use hushwire::base::name::FeedId;
use hushwire::domain::exchange::batch::UnverifiedBatch;
use hushwire::node::accept::{AcceptFault, Wanted};
use hushwire::node::accuse::equivocation_of;
use hushwire::node::commit::Equivocated;
use hushwire::node::witness::audit_feed_of;

use crate::network::{Ask, Stream, Subscription, Tell};
use crate::options::Mutant;
use crate::violation::{Invariant, Violation, broken};
use crate::world::World;

/// Milliseconds between looks for feeds to subscribe to.
const SUBSCRIBE_MS: u64 = 2_000;

/// Milliseconds between heads of other feeds on one stream.
const GOSSIP_MS: u64 = limits::GOSSIP_S * 1_000;

/// Whether a stream goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    GoOn,
    Break,
}

impl World {
    /// One look at every line.
    pub fn exchange(&mut self) -> Result<(), Violation> {
        let pairs: Vec<(usize, usize)> = self.lines.keys().copied().filter(|pair| self.is_line(*pair)).collect();
        for pair in pairs {
            if self.connect(pair) {
                self.serve(pair)?;
                self.pull(pair)?;
            }
        }
        Ok(())
    }

    /// Houses of different members; each sees one of the twins.
    fn is_line(&self, (puller, server): (usize, usize)) -> bool {
        let (from, to) = (self.houses[puller].member, self.houses[server].member);
        let second = server == self.consortium.members.len();
        let twin_for = self.options.twin && puller.is_multiple_of(2);
        from != to && (to != 0 || !self.options.twin || second == twin_for)
    }

    fn connect(&mut self, pair: (usize, usize)) -> bool {
        let up = self.houses[pair.0].is_up() && self.houses[pair.1].is_up();
        let Some(line) = self.lines.get_mut(&pair) else { return false };
        if !up || line.cut {
            line.stream = None;
            return false;
        }
        if line.stream.is_none() && line.retry_at <= self.elapsed_ms {
            line.stream = Some(Stream::default());
            let greeting = self.houses[pair.0].node.as_ref().map(|node| node.introduce().roster_version);
            self.ask(pair, Ask::Hello { roster_version: greeting.unwrap_or_default() });
        }
        self.stream(pair).is_some()
    }

    pub fn stream(&mut self, pair: (usize, usize)) -> Option<&mut Stream> {
        self.lines.get_mut(&pair)?.stream.as_mut()
    }

    pub fn ask(&mut self, pair: (usize, usize), message: Ask) {
        if let Some(line) = self.lines.get_mut(&pair) {
            line.ask(self.elapsed_ms, message, &mut self.rng);
        }
    }

    pub fn tell(&mut self, pair: (usize, usize), message: Tell) {
        if let Some(line) = self.lines.get_mut(&pair) {
            line.tell(self.elapsed_ms, message, &mut self.rng);
        }
    }

    fn serve(&mut self, pair: (usize, usize)) -> Result<(), Violation> {
        let now = self.elapsed_ms;
        self.tell_rosters(pair);
        while let Some(asked) = self.stream(pair).and_then(|stream| stream.up.take_due(now)) {
            self.hear_ask(pair, asked)?;
            self.sync(pair.1)?;
            if let Some(stream) = self.stream(pair) {
                stream.seen = None;
            }
        }
        let version = self.houses[pair.1].version;
        let gossips = self.stream(pair).is_some_and(|stream| stream.connected && stream.next_gossip <= now);
        let news = self.stream(pair).is_some_and(|stream| stream.seen != Some(version));
        if news || gossips {
            if let Some(stream) = self.stream(pair) {
                stream.seen = Some(version);
            }
            self.push(pair)?;
        }
        if gossips {
            self.gossip(pair);
            self.tell_audit_head(pair)?;
        }
        Ok(())
    }

    fn hear_ask(&mut self, pair: (usize, usize), asked: Ask) -> Result<(), Violation> {
        let (puller, server) = pair;
        let peer = self.member_of(puller);
        match asked {
            Ask::Hello { roster_version } => {
                let consortium = self.consortium.id.clone();
                let deaf = self.options.mutant == Some(Mutant::DeafToPeers);
                let greeting = self.on_node(server, |node, _, _| node.greet(&peer, roster_version));
                let Some(greeting) = greeting else { return Ok(()) };
                let roster = greeting.next_roster.filter(|_| !self.keeps_rosters());
                let follows = greeting.roster_version;
                let heads = greeting.heads.into_iter();
                let heads = heads
                    .filter(|(feed, _)| !(deaf && feed.member == peer))
                    .map(|(feed, head)| (feed.origin(&consortium), head.checkpoint.to_string()))
                    .collect();
                if let Some(stream) = self.stream(pair) {
                    stream.their_roster = Some(roster_version + u64::from(roster.is_some()));
                }
                self.tell(pair, Tell::Welcome { heads, roster, roster_version: follows });
                self.tell_rosters(pair);
            }
            Ask::Subscribe { feed, from } => {
                let allowed = self.on_node(server, |node, now, rng| node.subscribe(&peer, &feed, from, now, rng));
                let allowed = allowed.map(|allowed| self.houses[server].judge(allowed)).transpose()?;
                if let Some(Some(Err(_))) = allowed {
                    self.tell(pair, Tell::Unavailable { feed });
                } else if let Some(stream) = self.stream(pair) {
                    stream
                        .serves
                        .insert(feed, Subscription { sent: from, acknowledged: from, told: None, beside: Vec::new() });
                }
            }
            Ask::Unsubscribe { feed } => {
                if let Some(stream) = self.stream(pair) {
                    stream.serves.remove(&feed);
                }
            }
            Ask::Acknowledge { feed, size } => {
                if let Some(serves) = self.stream(pair).and_then(|stream| stream.serves.get_mut(&feed)) {
                    serves.acknowledged = serves.acknowledged.max(size.min(serves.sent));
                }
                let outcome = self.on_node(server, |node, now, rng| node.acknowledge(&peer, &feed, size, now, rng));
                outcome.map(|outcome| self.houses[server].judge(outcome)).transpose()?;
            }
            Ask::AuditWitnessed { note } => {
                let heard = self.on_node(server, |node, now, rng| node.hear_audit_head(&peer, &note, now, rng));
                let heard = heard.map(|heard| self.houses[server].judge(heard)).transpose()?;
                if let Some(stream) = self.stream(pair) {
                    stream.witnessed = heard.flatten().flatten();
                }
                self.sync(server)?;
                self.tell_audit_head(pair)?;
            }
            Ask::Cosign { feed, size, line } => {
                self.on_node(server, |node, _, _| node.accept_cosignature(&peer, &feed, size, &line));
            }
        }
        Ok(())
    }

    /// Sends what the puller's window allows, and newer heads.
    fn push(&mut self, pair: (usize, usize)) -> Result<(), Violation> {
        let feeds: Vec<FeedId> =
            self.stream(pair).map(|stream| stream.serves.keys().cloned().collect()).unwrap_or_default();
        for feed in feeds {
            self.send_entries(pair, &feed)?;
            let head = self.houses[pair.1].heads.get(&feed).cloned();
            let Some(subscription) = self.stream(pair).and_then(|stream| stream.serves.get_mut(&feed)) else {
                continue;
            };
            let Some(head) = head else { continue };
            let mut news = Vec::new();
            if head.beside.iter().all(|(size, _)| *size <= subscription.sent) {
                let old = std::mem::replace(&mut subscription.beside, head.beside.clone());
                news.extend(head.beside.into_iter().filter(|told| !old.contains(told)).map(|(_, note)| note));
            }
            if subscription.sent == head.size && subscription.told.as_ref() != Some(&head.checkpoint) {
                subscription.told = Some(head.checkpoint.clone());
                news.push(head.checkpoint);
            }
            for note in news {
                self.tell(pair, Tell::Heartbeat { feed: feed.clone(), checkpoint: note.to_string() });
            }
        }
        Ok(())
    }

    fn send_entries(&mut self, pair: (usize, usize), feed: &FeedId) -> Result<(), Violation> {
        loop {
            let batch_entries = self.options.batch_entries;
            let Some(subscription) = self.stream(pair).and_then(|stream| stream.serves.get(feed)) else {
                return Ok(());
            };
            let window = u64::try_from(4 * batch_entries).unwrap_or(u64::MAX);
            let ahead = subscription.sent.0.saturating_sub(subscription.acknowledged.0);
            let limit = usize::try_from(window.saturating_sub(ahead)).unwrap_or(usize::MAX).min(batch_entries);
            let from = subscription.sent;
            if limit == 0 {
                return Ok(());
            }
            let reader = self.member_of(pair.0);
            let outgoing = self.on_node(pair.1, |node, _, _| node.outgoing(&reader, feed, from, limit));
            let outgoing = outgoing.transpose().map_err(|fault| broken(Invariant::StoreWhole, fault))?;
            let Some(outgoing) = outgoing.flatten() else { return Ok(()) };
            if let Some(subscription) = self.stream(pair).and_then(|stream| stream.serves.get_mut(feed)) {
                subscription.sent = outgoing.end;
                subscription.told = Some(outgoing.checkpoint.clone());
            }
            assert!(outgoing.entries.len() <= limits::BATCH_ENTRIES, "a batch within the limit");
            if let Some(sent) = self.tamper(pair, outgoing.unverified(feed)) {
                self.tell(pair, Tell::Batch(Box::new(sent)));
            }
        }
    }

    /// Heads of feeds that are not followed on this stream, so that two who were shown different histories find out; and
    /// the proofs of those who did.
    fn gossip(&mut self, pair: (usize, usize)) {
        let peer = self.member_of(pair.0);
        let heads = self.houses[pair.1].heads.clone();
        let now = self.elapsed_ms;
        let quiet = self.options.mutant == Some(Mutant::KeepsHeadsToItself);
        let proofs = self.on_node(pair.1, |node, _, _| node.equivocations_for(&peer)).unwrap_or_default();
        let audits = self.on_node(pair.1, |node, _, _| {
            let heads = node.state().audits.heads();
            heads.map(|(author, head)| (audit_feed_of(author), head.note_text())).collect::<Vec<_>>()
        });
        let audits = audits.unwrap_or_default();
        let mut news = Vec::new();
        if let Some(stream) = self.stream(pair) {
            stream.next_gossip = now + GOSSIP_MS;
            let fresh = proofs.into_iter().filter(|proof| stream.proved.insert(proof.origin.clone()));
            news.extend(fresh.map(|proof| Tell::Equivocation(Box::new(proof))));
            for (feed, head) in heads.into_iter().filter(|(feed, _)| !stream.serves.contains_key(feed)) {
                if stream.gossiped.insert(feed.clone(), head.checkpoint.clone()).as_ref() != Some(&head.checkpoint) {
                    news.push(Tell::Heartbeat { feed, checkpoint: head.checkpoint.to_string() });
                }
            }
            for (log, head) in audits {
                let note: Arc<str> = head.into();
                if stream.gossiped.insert(log.clone(), Arc::clone(&note)).as_ref() != Some(&note) {
                    news.push(Tell::Heartbeat { feed: log, checkpoint: note.to_string() });
                }
            }
        }
        let own = |news: &Tell| matches!(news, Tell::Heartbeat { feed, .. } if feed.member == peer);
        let deaf = self.options.mutant == Some(Mutant::DeafToPeers);
        for news in news.into_iter().filter(|news| !(quiet || deaf && own(news))) {
            self.tell(pair, news);
        }
    }

    fn pull(&mut self, pair: (usize, usize)) -> Result<(), Violation> {
        let now = self.elapsed_ms;
        while let Some(told) = self.stream(pair).and_then(|stream| stream.down.take_due(now)) {
            let then = self.hear_tell(pair, told)?;
            self.sync(pair.0)?;
            if then == Then::Break
                && let Some(line) = self.lines.get_mut(&pair)
            {
                line.break_off(now, &mut self.rng);
            }
        }
        if self.stream(pair).is_some_and(|stream| stream.connected && stream.next_subscribe <= now) {
            self.subscribe(pair);
        }
        Ok(())
    }

    /// The peer's own feeds, and for as long as it takes those whose author is not connected.
    fn subscribe(&mut self, pair: (usize, usize)) {
        let peer = self.member_of(pair.1);
        let wanted = self.on_node(pair.0, |node, _, _| node.wanted_from(&peer)).unwrap_or_default();
        let next = self.elapsed_ms + SUBSCRIBE_MS;
        let mut followed = BTreeSet::new();
        for Wanted { feed, from, .. } in wanted {
            if feed.member != peer && self.is_connected(pair.0, &feed) {
                continue;
            }
            followed.insert(feed.clone());
            if self.stream(pair).is_some_and(|stream| stream.asked.insert(feed.clone())) {
                self.ask(pair, Ask::Subscribe { feed, from });
            }
        }
        let asked = self.stream(pair).map(|stream| stream.asked.clone()).unwrap_or_default();
        for feed in asked.difference(&followed) {
            if let Some(stream) = self.stream(pair) {
                stream.asked.remove(feed);
            }
            self.ask(pair, Ask::Unsubscribe { feed: feed.clone() });
        }
        if let Some(stream) = self.stream(pair) {
            stream.next_subscribe = next;
        }
    }

    fn is_connected(&self, puller: usize, feed: &FeedId) -> bool {
        let author = self.consortium.place(&feed.member);
        let connected = |server: usize| {
            let stream = self.lines.get(&(puller, server)).and_then(|line| line.stream.as_ref());
            stream.is_some_and(|stream| stream.connected)
        };
        (0..self.houses.len()).any(|server| self.houses[server].member == author && connected(server))
    }

    fn hear_tell(&mut self, pair: (usize, usize), told: Tell) -> Result<Then, Violation> {
        let from = self.member_of(pair.1);
        match told {
            Tell::Roster(note) => {
                self.hear_roster(pair.0, &note)?;
                if self.stream(pair).is_some_and(|stream| stream.connected) {
                    self.tell_witnessed(pair);
                }
                self.learn_due_heads(pair)
            }
            Tell::Welcome { heads, roster, roster_version } => {
                let from = self.member_of(pair.1);
                self.on_node(pair.0, |node, _, _| node.hear_roster_version(&from, roster_version));
                if let Some(note) = roster {
                    self.hear_roster(pair.0, &note)?;
                }
                // As long as none is told that leads further, there is none to wait for.
                let judged_by = if self.keeps_rosters() { 0 } else { roster_version };
                if let Some(stream) = self.stream(pair) {
                    stream.heads_due = Some((judged_by, heads));
                }
                self.learn_due_heads(pair)
            }
            Tell::Heartbeat { feed, checkpoint } => {
                self.observe(pair.0, &feed, checkpoint.as_bytes())?;
                self.note(&("heartbeat", pair, &feed));
                let heard =
                    self.on_node(pair.0, |node, now, rng| node.accept_heartbeat(&from, &feed, &checkpoint, now, rng));
                self.sync(pair.0)?;
                if let Some(Ok(Some((size, line)))) = &heard
                    && self.houses[pair.0].is_up()
                {
                    self.ask(pair, Ask::Cosign { feed, size: *size, line: line.clone() });
                }
                self.after(pair, heard.map(|heard| heard.map(drop)))
            }
            Tell::Batch(batch) => self.hear_batch(pair, *batch),
            Tell::AuditHead(news) => self.witness(pair, *news),
            Tell::Unavailable { feed } => {
                if let Some(stream) = self.stream(pair) {
                    stream.asked.remove(&feed);
                }
                Ok(Then::GoOn)
            }
            Tell::Equivocation(proof) => {
                self.note(&("proof", pair, &proof.origin));
                let Equivocated { origin, first, second, consistency } = *proof;
                let Some(proof) = equivocation_of(first, second, &consistency) else { return Ok(Then::Break) };
                let heard = self.on_node(pair.0, |node, now, rng| node.accept_equivocation(&origin, &proof, now, rng));
                self.after(pair, heard)
            }
        }
    }

    fn hear_batch(&mut self, pair: (usize, usize), batch: UnverifiedBatch) -> Result<Then, Violation> {
        let feed = batch.feed.clone();
        let asked = self.stream(pair).is_some_and(|stream| stream.asked.contains(&feed));
        if !asked {
            return Ok(Then::GoOn);
        }
        self.observe(pair.0, &feed, &batch.checkpoint_note)?;
        let from = self.member_of(pair.1);
        let accepted = self.on_node(pair.0, |node, now, rng| node.accept_batch(&from, batch, now, rng));
        self.note(&("batch", pair, &feed, accepted.as_ref().map(|accepted| accepted.is_ok())));
        self.sync(pair.0)?;
        match accepted {
            Some(Ok(accepted)) if self.houses[pair.0].is_up() => {
                self.ask(pair, Ask::Acknowledge { feed: feed.clone(), size: accepted.held });
                if let Some((size, line)) = accepted.cosignature {
                    self.ask(pair, Ask::Cosign { feed, size, line });
                }
                Ok(Then::GoOn)
            }
            Some(Ok(_)) | None => Ok(Then::Break),
            Some(Err(fault)) => {
                if matches!(fault, AcceptFault::Incomplete | AcceptFault::FormerKey)
                    && let Some(stream) = self.stream(pair)
                {
                    stream.asked.remove(&feed);
                }
                self.after(pair, Some(Err(fault)))
            }
        }
    }

    /// Whether the stream goes on after what was heard.
    pub fn after(&mut self, pair: (usize, usize), heard: Option<Result<(), AcceptFault>>) -> Result<Then, Violation> {
        match heard {
            Some(
                Ok(())
                | Err(
                    AcceptFault::Quarantined
                    | AcceptFault::Incomplete
                    | AcceptFault::FormerKey
                    | AcceptFault::UnknownFeed,
                ),
            ) => Ok(Then::GoOn),
            Some(Err(AcceptFault::Storage(fault))) => {
                self.houses[pair.0].judge::<()>(Err(fault))?;
                Ok(Then::Break)
            }
            Some(Err(fault)) => {
                self.note(&("refused", pair, fault.to_string()));
                Ok(Then::Break)
            }
            None => Ok(Then::Break),
        }
    }

    /// A note arrived at a house: remembered as shown, if its author signed it.
    pub fn observe(&mut self, house: usize, feed: &FeedId, note: &[u8]) -> Result<(), Violation> {
        if feed.group != self.consortium.group {
            return Ok(());
        }
        let Some((size, root)) = self.consortium.signed(feed, note) else { return Ok(()) };
        if self.options.twin && self.consortium.place(&feed.member) == 0 {
            if self.houses[house].honest {
                let seen = self.ledger.seen.entry(feed.clone()).or_default();
                seen.entry(size).or_default().entry(root).or_default().insert(house);
            }
            return Ok(());
        }
        self.ledger.show(feed, size, root)
    }
}
