//! The invariants at the end of a run, when everything was healed and quiet for a while.

use std::collections::{BTreeMap, BTreeSet};

use hushwire::base::bytes::Commitment;
use hushwire::base::name::{FeedId, MemberId};
use hushwire::base::position::TreeSize;
use hushwire::domain::audit::keys::LogKeys;
use hushwire::domain::audit::record::{Actor, AuditRecord};
use hushwire::domain::belief::Held;
use hushwire::domain::belief::record::State as Standing;
use hushwire::domain::feed::entry::leaf_hash;
use hushwire::domain::feed::tree::CompactRange;
use hushwire::node::accuse::equivocation_of;
use hushwire::node::feeds::verifier_for;
use hushwire::node::fence::FenceState;

use crate::calls::raw;
use crate::consortium::ROGUE;
use crate::house::Said;
use crate::violation::{Invariant, Violation, broken, ensure};
use crate::world::World;

/// Rules that a mangled line may make a receiver blame on an honest sender.
const MANGLED_RULES: [&str; 2] = ["gap", "replayed"];

/// Rules that the sender or the author may have broken.
const UNDECIDED_RULES: [&str; 2] = ["inconsistent", "root_mismatch"];

impl World {
    pub fn check_end(&mut self) -> Result<(), Violation> {
        self.check_progress()?;
        self.check_quarantine()?;
        let feeds: Vec<FeedId> = self.consortium.feeds().filter(|feed| !self.is_twins(&feed.member)).collect();
        for feed in &feeds {
            self.check_same_feed(feed)?;
            self.check_witnessed(feed)?;
            let said = self.check_author(feed)?;
            for house in self.honest() {
                self.check_belief(house, feed, &said)?;
            }
        }
        self.check_disputes()?;
        self.check_sightings()?;
        for house in self.honest() {
            self.check_look_up(house)?;
            self.check_releases(house)?;
            self.check_sums(house)?;
            self.check_cases(house)?;
            self.check_late(house)?;
            self.check_brake(house)?;
            self.check_audit(house)?;
            self.check_audit_witnessed(house)?;
        }
        self.honest().into_iter().try_for_each(|house| self.check_start(house))
    }

    fn is_twins(&self, member: &MemberId) -> bool {
        self.options.twin && self.consortium.place(member) == 0
    }

    fn is_twin(&self, house: usize) -> bool {
        self.is_twins(&self.member_of(house))
    }

    /// What an honest member passes on of a liar's second history does not fit the first; that says who sent it, and leaves
    /// open whose fault it is until the proof comes.
    fn is_undecided(&self, subject: &str, rule: &str) -> bool {
        let author = subject.split('/').next().and_then(|member| member.parse().ok());
        author.is_some_and(|author| self.is_twins(&author)) && UNDECIDED_RULES.contains(&rule)
    }

    fn check_progress(&mut self) -> Result<(), Violation> {
        for house in self.honest() {
            let fence = self.houses[house].fence();
            ensure(fence == Some(FenceState::Open), Invariant::Progress, || format!("house {house}: {fence:?}"))?;
            let pending = self.on_node(house, |node, now, _| node.status(now).pending).unwrap_or_default();
            ensure(pending == 0, Invariant::Progress, || format!("house {house}: {pending} entries still wait"))?;
            let (followed, newest) = (self.houses[house].followed + 1, self.consortium.rosters.len());
            ensure(followed == newest, Invariant::Progress, || {
                format!("house {house} follows {followed} of {newest}")
            })?;
        }
        Ok(())
    }

    /// Every honest member holds of an honest feed what its author holds.
    fn check_same_feed(&mut self, feed: &FeedId) -> Result<(), Violation> {
        let mut held = BTreeMap::new();
        let author = self.consortium.place(&feed.member);
        for house in self.honest().into_iter().chain([author]) {
            let root = self.on_node(house, |node, _, _| {
                node.state().feeds.get(feed).map(|feed| (feed.size(), feed.cursor.range.root(), feed.told))
            });
            held.insert(house, root.flatten());
        }
        let first = held.values().next().cloned();
        let same = held.values().all(|root| Some(root) == first.as_ref());
        ensure(same, Invariant::SameFeeds, || format!("{feed}: {held:?}"))?;
        self.note(&("feed", feed, held));
        Ok(())
    }

    /// Every honest member counts all entries of an honest feed as cosigned by enough others.
    fn check_witnessed(&mut self, feed: &FeedId) -> Result<(), Violation> {
        if self.options.witness_quorum == 0 {
            return Ok(());
        }
        for house in self.honest() {
            let far = self.on_node(house, |node, _, _| {
                node.state().feeds.get(feed).map(|feed| (feed.witnessed, feed.size(), feed.quorum.size()))
            });
            let all = far.flatten().is_none_or(|(witnessed, size, _)| witnessed == size);
            ensure(all, Invariant::Witnessed, || format!("house {house}, {feed}: {far:?}"))?;
        }
        Ok(())
    }

    /// What an honest author's feed says is what was asked of it.
    fn check_author(&mut self, feed: &FeedId) -> Result<Said, Violation> {
        let author = self.consortium.place(&feed.member);
        let said = self.houses[author].said(feed)?;
        let decoys = self.check_decoys(author, &said)?;
        for commitment in said.published.keys().filter(|commitment| !decoys.contains(commitment)) {
            let asked = self.ledger.attempts.get(commitment).is_some_and(|attempt| attempt.house == author);
            ensure(asked, Invariant::AcknowledgedOnce, || {
                format!("{feed} holds {commitment:?}, which nobody asked for")
            })?;
        }
        for (commitment, attempt) in self.ledger.attempts.iter().filter(|(_, attempt)| attempt.house == author) {
            let times = said.published.get(commitment).copied().unwrap_or_default();
            let due = attempt.acknowledged && !attempt.excused;
            ensure(times == 1 || times == 0 && !due, Invariant::AcknowledgedOnce, || {
                format!("{feed} holds {commitment:?} {times} times, {attempt:?}")
            })?;
            let Some(withdrawal) = self.ledger.withdrawals.get(commitment) else { continue };
            let withdrawn = said.withdrawn.contains_key(commitment);
            let due = withdrawal.acknowledged && !withdrawal.excused;
            ensure(withdrawn || !due, Invariant::RetractedNeverMatches, || {
                format!("{feed} does not withdraw {commitment:?}, {withdrawal:?} of {attempt:?}")
            })?;
        }
        Ok(said)
    }

    /// The decoys an author knows for its own. Whoever publishes with them has some, and nobody asked for one.
    fn check_decoys(&self, author: usize, said: &Said) -> Result<BTreeSet<Commitment>, Violation> {
        let Some(node) = self.houses[author].node.as_ref().filter(|_| self.options.decoys > 0) else {
            return Ok(BTreeSet::new());
        };
        let is_decoy = |commitment: &&Commitment| node.state().decoys.contains(commitment);
        let decoys: BTreeSet<Commitment> = said.published.keys().filter(is_decoy).copied().collect();
        ensure(said.published.is_empty() || !decoys.is_empty(), Invariant::DecoysAreNobody, || {
            format!("house {author} publishes and makes no decoys")
        })?;
        let asked = decoys.iter().find(|decoy| self.ledger.attempts.contains_key(decoy));
        ensure(asked.is_none(), Invariant::DecoysAreNobody, || format!("house {author} takes {asked:?} for a decoy"))?;
        Ok(decoys)
    }

    pub fn is_rogue(&self, member: &MemberId) -> bool {
        self.options.rogue.is_some() && self.consortium.place(member) == ROGUE
    }

    /// A member believes of a feed exactly what it says, as far as the roster lets it count.
    fn check_belief(&mut self, house: usize, feed: &FeedId, said: &Said) -> Result<(), Violation> {
        let Some(node) = &self.houses[house].node else { return Ok(()) };
        let belief = &node.state().belief;
        let mut expected = Held::default();
        let today = self.now().day();
        for (commitment, counts) in said.in_order.iter().zip(self.counting(feed, said)) {
            if !counts || said.expires[commitment] < today {
                let held = belief.writer().by_commitment(commitment);
                let invariant = if counts { Invariant::SameBelief } else { Invariant::HeldToTheRoster };
                ensure(held.is_none(), invariant, || format!("house {house}, {feed}: {commitment:?} counts"))?;
                continue;
            }
            let withdrawn = said.withdrawn.contains_key(commitment);
            let standing = if withdrawn { Standing::Retracted } else { Standing::Live };
            let held = belief.writer().by_commitment(commitment);
            let matches = held.as_ref().is_some_and(|held| held.state == standing && !held.quarantined);
            let invariant = if withdrawn { Invariant::RetractedNeverMatches } else { Invariant::SameBelief };
            ensure(matches, invariant, || format!("house {house}, {feed}: {commitment:?} is {held:?}"))?;
            expected.live += u64::from(!withdrawn);
            expected.retracted += u64::from(withdrawn);
        }
        let held = belief.held_by_feed().into_iter().find(|(id, _)| id == feed).map(|(_, held)| held);
        let held = held.unwrap_or_default();
        ensure(held == expected, Invariant::SameBelief, || format!("house {house}, {feed}: {held:?}, not {expected:?}"))
    }

    /// Looked up by the identifier, a member finds the live indicators of others and nothing else.
    fn check_look_up(&mut self, house: usize) -> Result<(), Violation> {
        let Some(node) = &self.houses[house].node else { return Ok(()) };
        let state = node.state();
        for identifier in 0..crate::operation::IDENTIFIERS {
            let canonical = hushwire::domain::identifier::canonicalise(&raw(identifier), &state.settings.canon_rules);
            let canonical = canonical.map_err(|error| broken(Invariant::Progress, error))?;
            let pseudonyms = canonical.iter().map(|one| state.identity.key_ring.current.pseudonym(one));
            let found: Vec<Commitment> = pseudonyms
                .flat_map(|pseudonym| state.belief.view().statements(&pseudonym))
                .filter(|held| held.state == Standing::Live && !held.quarantined)
                .map(|held| held.commitment)
                .collect();
            for commitment in found {
                let attempt = self.ledger.attempts.get(&commitment);
                let right = attempt.is_some_and(|attempt| attempt.identifier == identifier);
                ensure(right, Invariant::SameBelief, || {
                    format!("house {house} believes {commitment:?} of {attempt:?}")
                })?;
                let withdrawal = self.ledger.withdrawals.get(&commitment);
                // Of a twin's feed one half of the members may know what the other half does not.
                let withdrawal = withdrawal.filter(|_| attempt.is_some_and(|attempt| !self.is_twin(attempt.house)));
                let due = withdrawal.is_some_and(|withdrawal| withdrawal.acknowledged && !withdrawal.excused);
                ensure(!due, Invariant::RetractedNeverMatches, || format!("house {house} finds {commitment:?}"))?;
            }
        }
        Ok(())
    }

    /// Two histories are found out by everybody; one history accuses nobody.
    fn check_quarantine(&mut self) -> Result<(), Violation> {
        let honest = self.honest();
        for house in &honest {
            let wrong = self.houses[*house].quarantined().into_iter().find(|member| !self.is_twins(member));
            ensure(wrong.is_none(), Invariant::NoFalseAccusation, || format!("house {house} quarantined {wrong:?}"))?;
        }
        if !self.options.twin {
            return Ok(());
        }
        let feed = self.consortium.feed(0);
        let accusers = honest.iter().filter(|house| !self.houses[**house].quarantined().is_empty()).count();
        ensure(
            accusers == honest.len() || accusers == 0 && !self.is_split(&feed)?,
            Invariant::EquivocationProved,
            || {
                format!(
                    "{accusers} of {} know of the two histories of {feed}: {:?}",
                    honest.len(),
                    self.ledger.seen.get(&feed)
                )
            },
        )?;
        for house in honest {
            self.check_proofs(house)?;
        }
        Ok(())
    }

    /// Whether honest members were shown histories of which neither begins with the other.
    fn is_split(&self, feed: &FeedId) -> Result<bool, Violation> {
        let mut held = Vec::new();
        for house in self.honest() {
            let entries = self.houses[house].entries(feed)?;
            held.push(entries.into_iter().map(|(leaf, _)| leaf.commitment).collect::<Vec<_>>());
        }
        let joins = |one: &Vec<Commitment>, other: &Vec<Commitment>| one.starts_with(other) || other.starts_with(one);
        let sizes = self.ledger.seen.get(feed).into_iter().flat_map(|seen| seen.values());
        let two_roots = sizes.into_iter().any(|roots| roots.len() > 1);
        Ok(two_roots || held.iter().any(|one| held.iter().any(|other| !joins(one, other))))
    }

    fn check_proofs(&mut self, house: usize) -> Result<(), Violation> {
        let reader = self.member_of(house);
        for proof in self.on_node(house, |node, _, _| node.equivocations_for(&reader)).unwrap_or_default() {
            let feed = FeedId::from_origin(&self.consortium.id, &proof.origin).expect("origins of this consortium");
            let proof = equivocation_of(proof.first, proof.second, &proof.consistency);
            let counts = |note: &[u8]| verifier_for(self.consortium.newest_roster(), &feed, note);
            let holds = proof.is_some_and(|proof| proof.verify(counts).is_ok());
            ensure(holds, Invariant::EquivocationProved, || format!("the proof of house {house} proves nothing"))?;
        }
        let Some(node) = &self.houses[house].node else { return Ok(()) };
        for commitment in self.ledger.attempts.iter().filter(|(_, attempt)| self.houses[attempt.house].member == 0) {
            let counts = node.state().belief.writer().by_commitment(commitment.0).is_some_and(|held| !held.quarantined);
            let quarantined = !self.houses[house].quarantined().is_empty();
            ensure(!(counts && quarantined), Invariant::EquivocationProved, || {
                format!("house {house} still counts it")
            })?;
        }
        Ok(())
    }

    /// The log has the root its head signs, and accuses nobody honest.
    fn check_audit(&mut self, house: usize) -> Result<(), Violation> {
        let exported = self.on_node(house, |node, now, rng| {
            let head = node.begin_audit_export(&Actor::Node, TreeSize::EMPTY, now, rng)?;
            let mut entries = Vec::new();
            let mut from = TreeSize::EMPTY;
            while from < head.size {
                let slice = node.export_audit_slice(from, head.size)?;
                from = TreeSize(from.0 + u64::try_from(slice.len()).unwrap_or(u64::MAX));
                entries.extend(slice);
            }
            Ok((head, entries))
        });
        let Some(exported) = exported else { return Ok(()) };
        let (head, entries) =
            exported.map_err(|fault: hushwire::node::store::StorageFault| broken(Invariant::StoreWhole, fault))?;
        let mut range = CompactRange::default();
        let before = self.houses[house].audit_before.filter(|_| !self.houses[house].restored);
        for logged in &entries {
            range.append(leaf_hash(&logged.entry.leaf));
            let grown = before.is_none_or(|(size, root)| size != range.size() || root == range.root());
            ensure(grown, Invariant::AuditVerifies, || {
                format!("house {house}: another log than under the former key")
            })?;
        }
        let named = self.consortium.newest_roster().member(&self.member_of(house)).map(|row| row.audit_key.to_string());
        ensure(named.as_ref() == Some(&head.verifier_key), Invariant::AuditVerifies, || {
            format!("house {house} signs its log with a key that the roster does not name")
        })?;
        let keys = LogKeys::parse(&head.verifier_key, &head.witness_keys);
        let signed = keys.and_then(|keys| keys.checkpoint(&head.checkpoint));
        let signed = signed.map_err(|fault| broken(Invariant::AuditVerifies, format!("house {house}: {fault}")))?;
        let same = (signed.size(), *signed.root()) == (range.size(), range.root());
        ensure(same, Invariant::AuditVerifies, || format!("house {house}: the log does not have its signed root"))?;
        for logged in entries {
            let record = AuditRecord::decode(&logged.entry.blob);
            let record = record.map_err(|fault| broken(Invariant::AuditVerifies, format!("{fault:?}")))?;
            self.check_accusation(house, &record)?;
        }
        Ok(())
    }

    /// All others hold the same head of this house's audit log and have cosigned it, unless an older store was put back; all
    /// know of the two logs of a twin.
    fn check_audit_witnessed(&mut self, house: usize) -> Result<(), Violation> {
        let others = self.consortium.members.len() - 1;
        let author = self.member_of(house);
        let twin = self.options.twin.then(|| self.member_of(0));
        let Some(node) = &self.houses[house].node else { return Ok(()) };
        let audits = &node.state().audits;
        let witnessed = audits.cosigned().map(|head| (head.size(), head.witness_count()));
        let expected = others - usize::from(self.options.twin);
        let enough = witnessed.is_some_and(|(size, by)| by >= expected && size > TreeSize::EMPTY);
        let quiet = self.options.mutant.is_some() || self.options.relay;
        ensure(enough || quiet || self.houses[house].restored, Invariant::AuditWitnessed, || {
            format!("house {house}: its audit log is cosigned {witnessed:?}, expected by {expected}")
        })?;
        let diverged = audits.diverged();
        ensure(diverged.is_none() || self.houses[house].restored, Invariant::AuditWitnessed, || {
            format!("house {house}: others cosigned another log at {diverged:?}")
        })?;
        let rewritten: Vec<MemberId> = audits.rewritten().cloned().collect();
        let right = rewritten.iter().eq(twin.iter().filter(|_| !quiet));
        ensure(right || quiet && rewritten.is_empty(), Invariant::AuditWitnessed, || {
            format!("house {house} of {author} proves two audit logs of {rewritten:?}")
        })
    }

    fn check_accusation(&self, house: usize, record: &AuditRecord) -> Result<(), Violation> {
        let accused = match record.action() {
            "peer.fault" => record.fields().find(|(name, _)| *name == "peer").map(|(_, value)| value.to_owned()),
            "feed.equivocated" => Some(record.subject().split('/').next().unwrap_or_default().to_owned()),
            // Only what a rogue says does not count.
            "feed.unbelieved" => Some(record.subject().split('/').next().unwrap_or_default().to_owned()),
            "quarantine.raised" => Some(record.subject().to_owned()),
            _ => None,
        };
        let Some(accused) = accused else { return Ok(()) };
        let rule = record.fields().find(|(name, _)| *name == "rule").map(|(_, value)| value).unwrap_or_default();
        let member: MemberId = accused.parse().map_err(|_| broken(Invariant::AuditVerifies, &accused))?;
        let place = self.consortium.place(&member);
        let mangled = self.lines.get(&(house, place)).is_some_and(|line| line.was_mangled);
        let guilty = self.is_twins(&member)
            || self.is_rogue(&member) && record.action() == "feed.unbelieved"
            || self.options.relay && place + 1 == self.consortium.members.len()
            || mangled && MANGLED_RULES.contains(&rule)
            || self.is_undecided(record.subject(), rule);
        ensure(guilty, Invariant::NoFalseAccusation, || format!("house {house} accuses {member}: {record:?}"))
    }
}
