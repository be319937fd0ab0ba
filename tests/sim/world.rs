//! The world: houses, lines, a clock and a ledger of what is true; one thread, one seed.
//!
//! Like the engine, the world runs each job on a node, makes the journal durable and only then lets the answer out; some
//! calls share a round, and a crash in between must leave them unanswered.

use std::collections::BTreeMap;
use std::fmt::Debug;

use hushwire::base::bytes::Commitment;
use hushwire::base::name::MemberId;
use hushwire::base::time::Timestamp;
use hushwire::domain::screening::decision::Decision;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use sha2::{Digest, Sha256};

use crate::cases::CaseBook;
use crate::consortium::{Consortium, ROGUE, START};
use crate::holds::HoldBook;
use crate::house::{House, SimNode, Waiting};
use crate::ledger::Ledger;
use crate::network::Line;
use crate::operation::{Operation, draw};
use crate::options::Options;
use crate::sightings::SightingBook;
use crate::violation::Violation;

/// Milliseconds between two looks at everything.
const QUANTUM_MS: u64 = 100;

/// Milliseconds between two ticks of a node.
const TICK_MS: u64 = 500;

/// The last publication of a house, to be sent again.
#[derive(Debug, Clone)]
pub struct LastRequest {
    pub id: String,
    pub identifiers: Vec<usize>,
    pub source_ref: String,
    pub published: Vec<Commitment>,
    pub acknowledged: bool,
}

pub struct World {
    pub options: Options,
    pub consortium: Consortium,
    pub houses: Vec<House>,
    /// By puller and server.
    pub lines: BTreeMap<(usize, usize), Line>,
    pub ledger: Ledger,
    pub last_requests: BTreeMap<usize, LastRequest>,
    pub requests: u64,
    /// What callers were told of cases.
    pub cases: CaseBook,
    /// What orders that passed were answered.
    pub orders: BTreeMap<(usize, String), Decision>,
    pub sightings: SightingBook,
    pub holds: HoldBook,
    pub elapsed_ms: u64,
    pub rng: ChaCha20Rng,
    /// The relay changes what it passes on.
    pub relay_lies: bool,
    trace: Sha256,
}

impl World {
    pub fn new(options: Options) -> Result<Self, Violation> {
        let mut rng = ChaCha20Rng::seed_from_u64(options.seed);
        let consortium = Consortium::new(&options, &mut rng);
        let last = options.members - 1;
        let rogue = |member: usize| options.rogue.is_some() && member == ROGUE;
        let honest = |member: usize| !(options.twin && member == 0 || options.relay && member == last || rogue(member));
        let mut houses: Vec<House> =
            (0..options.members).map(|member| House::new(member, honest(member), &consortium, &options)).collect();
        if options.twin {
            houses.push(House::new(0, false, &consortium, &options));
        }
        let pairs = (0..houses.len()).flat_map(|puller| (0..houses.len()).map(move |server| (puller, server)));
        let mut world = Self {
            lines: pairs.map(|pair| (pair, Line { latency_ms: 50, ..Line::default() })).collect(),
            options,
            consortium,
            houses,
            ledger: Ledger::default(),
            last_requests: BTreeMap::new(),
            requests: 0,
            cases: CaseBook::new(),
            orders: BTreeMap::new(),
            sightings: SightingBook::new(),
            holds: HoldBook::new(),
            elapsed_ms: 0,
            rng,
            relay_lies: options.relay,
            trace: Sha256::new(),
        };
        for house in 0..world.houses.len() {
            world.start(house)?;
        }
        Ok(world)
    }

    /// Runs these operations and then the end of the run.
    pub fn play(options: Options, script: &[Operation]) -> Result<(), Violation> {
        let mut world = Self::new(options)?;
        world.advance(3_000)?;
        script.iter().try_for_each(|operation| world.apply(operation.clone()))?;
        world.quieten()?;
        world.check_end()
    }

    /// Runs every step and then the end of the run; the hash of everything that happened.
    pub fn run(options: Options) -> Result<[u8; 32], Violation> {
        let mut world = Self::new(options)?;
        world.advance(3_000)?;
        for _ in 0..options.steps {
            let operation = draw(&world.options, world.houses.len(), &mut world.rng);
            world.note(&operation);
            world.apply(operation)?;
        }
        world.quieten()?;
        world.check_end()?;
        Ok(world.trace.finalize().into())
    }

    /// Adds to the trace.
    pub fn note(&mut self, what: &impl Debug) {
        if std::env::var_os("HUSHWIRE_SIM_TRACE").is_some() {
            use std::io::Write;
            writeln!(std::io::stderr(), "{:>8} {what:?}", self.elapsed_ms).expect("standard error is open");
        }
        self.trace.update(format!("{} {what:?}\n", self.elapsed_ms).as_bytes());
    }

    pub fn now(&self) -> Timestamp {
        START.plus_s(3_600).plus_ms(self.elapsed_ms)
    }

    pub fn start(&mut self, house: usize) -> Result<(), Violation> {
        let now = self.houses[house].clock(self.now());
        self.houses[house].start(&self.consortium, &self.options, now, &mut self.rng)?;
        self.check_budget(house)?;
        self.sync(house)
    }

    pub fn crash(&mut self, house: usize) {
        let seed = self.rng.random();
        self.houses[house].crash(seed);
        self.break_lines(house);
        if let Some(last) = self.last_requests.get_mut(&house) {
            last.acknowledged &= !last.published.is_empty() && self.ledger.attempts[&last.published[0]].acknowledged;
        }
    }

    pub fn break_lines(&mut self, house: usize) {
        let Self { lines, rng, elapsed_ms, .. } = self;
        for (_, line) in lines.iter_mut().filter(|((puller, server), _)| *puller == house || *server == house) {
            line.break_off(*elapsed_ms, rng);
        }
    }

    /// Runs one call on a node. None where the house is down, or its disk failed under the call.
    pub fn on_node<T>(
        &mut self,
        house: usize,
        work: impl FnOnce(&mut SimNode, Timestamp, &mut ChaCha20Rng) -> T,
    ) -> Option<T> {
        let now = self.houses[house].clock(self.now());
        let node = self.houses[house].node.as_mut()?;
        Some(work(node, now, &mut self.rng))
    }

    /// Ends a round: durable, then answered.
    pub fn sync(&mut self, house: usize) -> Result<(), Violation> {
        let Some(outcome) = self.on_node(house, |node, _, _| node.sync()) else { return Ok(()) };
        if self.houses[house].judge(outcome)?.is_none() {
            self.houses[house].waiting.clear();
            return Ok(());
        }
        self.answer(house);
        if self.rng.random_bool(0.05) {
            self.houses[house].views.write_back();
        }
        let heads = self.on_node(house, |node, _, _| node.changed_heads()).flatten();
        if let Some(heads) = heads {
            self.houses[house].heads = heads;
            self.houses[house].version += 1;
        }
        Ok(())
    }

    /// The callers of a round hear that it is durable.
    pub fn answer(&mut self, house: usize) {
        for waiting in std::mem::take(&mut self.houses[house].waiting) {
            match waiting {
                Waiting::Published(commitments) => self.ledger.acknowledge_published(&commitments),
                Waiting::Retracted(targets) => self.ledger.acknowledge_withdrawn(&targets),
                Waiting::Released { id, blob } => self.ledger.books(house).answer(&id, &blob),
                Waiting::Sighted(commitment, outcome) => {
                    self.sightings.entry((house, commitment)).or_default().acknowledge(outcome);
                }
                Waiting::Case(id, state) => drop(self.cases.insert((house, id), state)),
            }
        }
        if let Some(node) = &self.houses[house].node {
            self.ledger.books(house).keep(node.budget(START.day()).spent);
        }
    }

    /// Lets time pass.
    pub fn advance(&mut self, ms: u64) -> Result<(), Violation> {
        let end = self.elapsed_ms + ms;
        while self.elapsed_ms < end {
            self.elapsed_ms += QUANTUM_MS;
            if self.elapsed_ms.is_multiple_of(TICK_MS) {
                for house in 0..self.houses.len() {
                    self.tick(house)?;
                }
            }
            self.exchange()?;
        }
        Ok(())
    }

    fn tick(&mut self, house: usize) -> Result<(), Violation> {
        let Some(outcome) = self.on_node(house, |node, now, rng| node.tick(now, rng)) else { return Ok(()) };
        self.houses[house].judge(outcome)?;
        self.sync(house)?;
        self.follow_orders(house)?;
        self.check_recovered(house);
        if self.options.compacts { self.compact_a_step(house) } else { Ok(()) }
    }

    /// Begins a compaction, has one part of it rewritten and put in force, or ends it.
    pub fn compact_a_step(&mut self, house: usize) -> Result<(), Violation> {
        let Some(mut compaction) = self.houses[house].compaction.take() else {
            let begun = self.on_node(house, |node, now, _| node.begin_compaction(now));
            let begun = begun.map(|begun| self.houses[house].judge(begun)).transpose()?;
            self.houses[house].compaction = begun.flatten().flatten();
            return Ok(());
        };
        let outcome = match compaction.work() {
            Some(part) => {
                self.houses[house].snapshots.discard()?;
                let installed = self.on_node(house, |node, _, _| node.install_compacted(part));
                let installed = installed.map(|installed| self.houses[house].judge(installed)).transpose()?;
                self.houses[house].compaction = installed.flatten().map(|()| compaction);
                return Ok(());
            }
            None => self.on_node(house, |node, _, _| node.end_compaction(compaction)),
        };
        outcome.map(|ended| self.houses[house].judge(ended)).transpose()?;
        Ok(())
    }

    /// Heals everything, starts everybody and waits.
    fn quieten(&mut self) -> Result<(), Violation> {
        self.note(&"quiet");
        self.mend_everything()?;
        self.advance(90_000)?;
        // Sightings are signed on the day behind the one they are said on.
        if self.options.sightings {
            self.pass_days(3)?;
        }
        // With decoys no feed ever rests: it is looked at in the middle of a window.
        if self.options.decoys > 0 {
            let within = self.elapsed_ms % self.options.window_ms;
            self.advance(3 * self.options.window_ms / 2 - within)?;
        }
        Ok(())
    }

    /// Heals everything and starts everybody.
    pub fn mend_everything(&mut self) -> Result<(), Violation> {
        for line in self.lines.values_mut() {
            *line =
                Line { stream: line.stream.take(), was_mangled: line.was_mangled, latency_ms: 50, ..Line::default() };
        }
        for house in 0..self.houses.len() {
            if !self.houses[house].is_up() || self.houses[house].disk_may_fail {
                self.crash(house);
                self.start(house)?;
            }
        }
        Ok(())
    }

    /// The houses of honest members.
    pub fn honest(&self) -> Vec<usize> {
        (0..self.houses.len()).filter(|house| self.houses[*house].honest).collect()
    }

    pub fn member_of(&self, house: usize) -> MemberId {
        self.consortium.members[self.houses[house].member].clone()
    }
}
