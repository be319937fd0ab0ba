//! Screening within the process: from raw identifiers and from pseudonyms, against beliefs of growing size.

use std::hint::black_box;

use hushwire::app::demo::generator::Person;
use hushwire::base::bytes::{Commitment, LocalMac, Pseudonym};
use hushwire::base::epoch::KeyEpoch;
use hushwire::base::kind::IdentifierKind;
use hushwire::base::name::{ConsortiumId, FeedId, MemberId};
use hushwire::base::position::EntryIndex;
use hushwire::base::secret::SecretBytes;
use hushwire::base::time::Timestamp;
use hushwire::domain::belief::parties::MemberNumber;
use hushwire::domain::belief::place::TableKey;
use hushwire::domain::belief::said::{Said, SaidContent};
use hushwire::domain::belief::{Belief, Memory, Witnessing};
use hushwire::domain::identifier::guard::GuardLists;
use hushwire::domain::identifier::{CanonRules, RawIdentifier, canonicalise};
use hushwire::domain::indicator::draft::PublishingRules;
use hushwire::domain::indicator::note::Note;
use hushwire::domain::indicator::typology::TypologyList;
use hushwire::domain::indicator::words::Grounds;
use hushwire::domain::profile::facts::ProfileFacts;
use hushwire::domain::pseudonym::keys::{EpochKeys, EpochSecret, KeyRing};
use hushwire::domain::pseudonym::payload::seal_payload;
use hushwire::domain::roster::terms::Limits;
use hushwire::domain::screening::demands::Demands;
use hushwire::domain::screening::experience::Experience;
use hushwire::domain::screening::freshness::Freshness;
use hushwire::domain::screening::own_lists::{Listing, ListingReason, OwnList, OwnListKey, OwnLists};
use hushwire::domain::screening::policy::Policy;
use hushwire::domain::screening::policy::facts::Conditions;
use hushwire::domain::screening::screen::{ScreeningContext, screen};
use hushwire::domain::screening::transaction::Transaction;
use hushwire::io::clock;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;

use crate::figure::{Book, Sample, Target};
use crate::measure::{float, median, per, timed};
use crate::{Fault, policy, say, world};

const SIZES: [(u32, &str); 3] = [(100_000, "100k"), (1_000_000, "1m"), (10_000_000, "10m")];
/// Rounds of every figure of this group.
pub const ROUNDS: u32 = 7;
const TRANSACTIONS: usize = 4_096;
const SCREENINGS: u64 = 200_000;
const LOOKUPS: u64 = 1_000_000;

/// Nonce, one block of padded details and tag: details without a note.
const SEALED_BYTES: usize = 24 + 64 + 16;

/// Pseudonyms of what is held, a sample of them.
const SAMPLED: usize = 65_536;

pub fn measure(book: &mut Book) -> Result<(), Fault> {
    let now = clock::now();
    let mut bench = Bench::new(now)?;
    let strangers = world::people(1, TRANSACTIONS);
    let known = world::people(2, TRANSACTIONS);
    let strangers: Vec<Transaction> =
        strangers.iter().map(|person| world::transaction(person, now)).collect::<Result<_, _>>()?;
    bench.believe_cards(&known)?;
    let known: Vec<Transaction> =
        known.iter().map(|person| world::transaction(person, now)).collect::<Result<_, _>>()?;
    let mut first_raw_us = None;
    for (size, label) in SIZES {
        let filled = bench.fill(size)?;
        if let Some(apply_ns) = filled {
            let sample = Sample { value: apply_ns / 1_000.0, n: u64::from(size), rounds: 1 };
            book.note(
                (&format!("screening.apply_{label}"), "one verified entry taken into belief"),
                sample,
                "µs CPU",
                Target::None,
                "",
            )?;
        }
        let least = |target| if size == 10_000_000 { Target::AtLeast(target) } else { Target::None };
        if first_raw_us.is_none()
            && let (Some(member), Some(ordinary)) = (bench.reporter_number(), strangers.first())
        {
            policy::measure(book, &bench.policy, member, ordinary, now)?;
        }
        let raw = bench.screenings(&strangers)?;
        first_raw_us.get_or_insert(raw);
        let sample = |value, n| Sample { value, n, rounds: ROUNDS };
        book.note(
            (
                &format!("screening.raw_{label}"),
                "screenings from raw card, e-mail, device, IP, IBAN under two epochs, nothing matches",
            ),
            sample(1_000_000.0 / raw, SCREENINGS),
            "/s per core",
            least(350_000.0),
            "an e-mail has two forms, so a screening makes 12 pseudonyms",
        )?;
        let matched = bench.screenings(&known)?;
        book.note(
            (&format!("screening.raw_match_{label}"), "the same, the card matches one indicator"),
            sample(1_000_000.0 / matched, SCREENINGS),
            "/s per core",
            Target::None,
            "the seal is made and opened, the details are decoded",
        )?;
        bench.list_one_of_each_kind()?;
        let listed = bench.screenings(&strangers)?;
        bench.lists = empty_lists();
        book.note(
            (
                &format!("screening.raw_listed_{label}"),
                "the same, nothing matches, own lists name some of each of these kinds",
            ),
            sample(1_000_000.0 / listed, SCREENINGS),
            "/s per core",
            Target::None,
            "one more HMAC for each form but the e-mail as written",
        )?;
        for (held, what) in [(true, "hit"), (false, "miss")] {
            let us = bench.lookups(held)?;
            book.note(
                (&format!("screening.lookup_{what}_{label}"), &format!("look-ups of 5 pseudonyms, all {what}")),
                sample(1_000_000.0 / us, LOOKUPS),
                "/s per core",
                if held { Target::None } else { least(2_000_000.0) },
                if held { "every statement is copied out with its sealed details" } else { "" },
            )?;
        }
        let memory = bench.memory();
        for (what, bytes, most) in [("table", memory.table_bytes, 16.0), ("total", memory.total_bytes(), 200.0)] {
            let bytes = per(u64::try_from(bytes)?, memory.indicators);
            book.note(
                (&format!("screening.memory_{what}_{label}"), &format!("belief, {what}, of one indicator")),
                Sample { value: bytes, n: memory.indicators, rounds: 1 },
                "bytes",
                Target::AtMost(most),
                if what == "total" {
                    "by the belief's own account; sealed details of 104 bytes, that is without a note"
                } else {
                    ""
                },
            )?;
        }
        if size == 10_000_000
            && let Some(first) = first_raw_us
        {
            book.note(
                ("screening.growth", "CPU of a screening with 10 million held over that with 100,000"),
                Sample { value: raw / first, n: SCREENINGS, rounds: ROUNDS },
                "×",
                Target::AtMost(1.5),
                "",
            )?;
        }
    }
    Ok(())
}

fn empty_lists() -> OwnLists {
    OwnLists::new(OwnListKey::new(&SecretBytes::new([3; 32])))
}

/// A belief with everything screening needs beside it.
pub struct Bench {
    belief: Belief,
    keys: KeyRing,
    guard: GuardLists,
    policy: Policy,
    freshness: Freshness,
    lists: OwnLists,
    own: MemberId,
    reporter: MemberId,
    feed: FeedId,
    now: Timestamp,
    rng: ChaCha12Rng,
    filled: u32,
    next_index: u64,
    sampled: Vec<Pseudonym>,
}

impl Bench {
    pub fn new(now: Timestamp) -> Result<Self, Fault> {
        let mut rng = ChaCha12Rng::seed_from_u64(7);
        let consortium: ConsortiumId = "bench.hushwire.example".parse()?;
        let mut keys =
            |epoch| EpochKeys::derive(&consortium, KeyEpoch(epoch), &EpochSecret::new(SecretBytes::new(rng.random())));
        let keys = KeyRing { current: keys(2), previous: Some(keys(1)) };
        let guard = GuardLists::built_in();
        let own: MemberId = "shop".parse()?;
        let reporter: MemberId = "bank-a".parse()?;
        Ok(Self {
            belief: Belief::new(TableKey::draw(&mut rng), Witnessing::NotNeeded),
            policy: Policy::built_in(&guard.digest()),
            freshness: Freshness::assess(&[], &own, false, now),
            lists: empty_lists(),
            feed: FeedId { member: reporter.clone(), group: "all".parse()? },
            keys,
            guard,
            own,
            reporter,
            now,
            rng,
            filled: 0,
            next_index: 0,
            sampled: Vec::new(),
        })
    }

    /// Entries nobody screens, of every kind a transaction here has.
    fn list_one_of_each_kind(&mut self) -> Result<(), Fault> {
        use IdentifierKind::{Device, Email, Iban, Ip, Pan};
        for (nth, kind) in (0..).zip([Pan, Email, Device, Ip, Iban]) {
            let (reason, note) = (ListingReason::Other, Note::default());
            let listing = Listing { kind, since: self.now, until: None, reason, note };
            self.lists.put(OwnList::Block, LocalMac([nth; 32]), listing);
        }
        Ok(())
    }

    /// Real indicators about the cards of these people.
    fn believe_cards(&mut self, people: &[Person]) -> Result<(), Fault> {
        let typologies = TypologyList::built_in();
        let rules =
            PublishingRules { max_validity_days: 90, minimum_grounds: Grounds::OwnConfirmed, typologies: &typologies };
        for person in people {
            let identifier = (IdentifierKind::Pan, person.card.clone());
            let details = world::draft(&identifier).details.check(&rules, self.now)?;
            let canonical = canonicalise(&RawIdentifier::new(identifier.0, identifier.1), &CanonRules::default())?;
            let card = canonical.first().ok_or("a card has one form")?;
            let (pseudonym, seal) = self.keys.current.pseudonymise(card);
            let nonce = self.rng.random();
            let sealed = seal_payload(&seal, &self.reporter, card.kind(), &pseudonym, nonce, &details.encode());
            self.apply(pseudonym, card.kind(), &sealed)?;
        }
        Ok(())
    }

    fn apply(&mut self, pseudonym: Pseudonym, kind: IdentifierKind, sealed: &[u8]) -> Result<(), Fault> {
        let mut writer = self.belief.writer();
        let said = Said {
            feed: writer.feed(&self.feed)?,
            index: EntryIndex(self.next_index),
            commitment: Commitment(self.rng.random()),
            epoch_id: self.keys.current.epoch_id(),
            expires_day: hushwire::base::time::Day(self.now.day().0 + 60),
            first_seen: self.now,
            content: SaidContent::Indicator { pseudonym, kind, sealed },
        };
        writer.apply(&said)?;
        self.next_index += 1;
        Ok(())
    }

    /// Grows belief to `size` strangers' indicators. Returns nanoseconds an indicator.
    fn fill(&mut self, size: u32) -> Result<Option<f64>, Fault> {
        say(format!("filling belief to {size}"))?;
        let more = size.saturating_sub(self.filled);
        let every = usize::try_from(size)?.div_ceil(SAMPLED);
        let mut sealed = [0; SEALED_BYTES];
        self.rng.fill_bytes(&mut sealed);
        let (sampled, ns) = timed(|| {
            let mut sampled = Vec::new();
            for number in 0..more {
                let pseudonym = Pseudonym(self.rng.random());
                if usize::try_from(number)?.is_multiple_of(every) {
                    sampled.push(pseudonym);
                }
                self.apply(pseudonym, IdentifierKind::Device, &sealed)?;
            }
            Ok(sampled)
        })?;
        self.sampled = sampled;
        self.filled = size;
        Ok((more > 0).then(|| per(ns, u64::from(more))))
    }

    /// With everything a screening looks at.
    pub fn with_context<T>(&self, look: impl FnOnce(&ScreeningContext<'_>) -> T) -> T {
        look(&ScreeningContext {
            keys: &self.keys,
            belief: &self.belief,
            canon: &CanonRules::default(),
            guard: &self.guard,
            lists: &self.lists,
            experience: &Experience::default(),
            freshness: &self.freshness,
            policy: &self.policy,
            candidate: None,
            profile: &ProfileFacts::default(),
            conditions: Conditions::default(),
            demands: &Demands::new(&Limits::default(), &[]),
            own: &self.own,
            sandbox: false,
            now: self.now,
        })
    }

    /// Microseconds of CPU a screening.
    fn screenings(&self, transactions: &[Transaction]) -> Result<f64, Fault> {
        self.with_context(|context| {
            rounds(SCREENINGS, || {
                for transaction in transactions.iter().cycle().take(usize::try_from(SCREENINGS)?) {
                    black_box(screen(black_box(transaction), context));
                }
                Ok(())
            })
        })
    }

    /// Microseconds of CPU a look-up of five.
    fn lookups(&mut self, held: bool) -> Result<f64, Fault> {
        let strangers: Vec<Pseudonym> = (0..SAMPLED).map(|_| Pseudonym(self.rng.random())).collect();
        let asked = if held { &self.sampled } else { &strangers };
        rounds(LOOKUPS, || {
            let mut view = self.belief.view();
            for five in asked.chunks_exact(5).cycle().take(usize::try_from(LOOKUPS)?) {
                view.prepare(five);
                for pseudonym in five {
                    black_box(view.statements(black_box(pseudonym)));
                }
            }
            Ok(())
        })
    }

    pub fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// The member that said all of it.
    fn reporter_number(&self) -> Option<MemberNumber> {
        let mut view = self.belief.view();
        let sampled = self.sampled.first()?;
        view.prepare([sampled]);
        Some(view.statements(sampled).first()?.reporter)
    }

    fn memory(&self) -> Memory {
        self.belief.writer().memory()
    }
}

/// The median of the rounds, microseconds of CPU an operation.
pub fn rounds(operations: u64, mut work: impl FnMut() -> Result<(), Fault>) -> Result<f64, Fault> {
    let mut taken = Vec::new();
    for _ in 0..ROUNDS {
        let ((), ns) = timed(&mut work)?;
        taken.push(float(ns) / float(operations) / 1_000.0);
    }
    Ok(median(&taken))
}
