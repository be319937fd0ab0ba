//! The story, act by act. Each act does something real, measures it and says in plain words what it means.

use std::ffi::OsStr;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use indicatif::HumanCount;
use tokio::task::JoinSet;

use crate::app::demo::account::Account;
use crate::app::demo::desk::{Desk, identifier, question};
use crate::app::demo::figures::{Decisions, Figures, Release};
use crate::app::demo::founding::{BANK_A, BANK_B, Cast, SHOP};
use crate::app::demo::generator::{Flag, World, publish_csv};
use crate::app::demo::thieves;
use crate::app::outcome::CliError;
use crate::base::kind::IdentifierKind;
use crate::base::time::Timestamp;
use crate::domain::feed::blob::release::StatisticsRelease;
use crate::io::clock;
use crate::io::grpc::wire::hushwire::compliance::v1::ReleaseStatisticsRequest;
use crate::io::grpc::wire::hushwire::compliance::v1::statistics_service_client::StatisticsServiceClient;
use crate::io::grpc::wire::hushwire::local::v1::{ScreenTransactionRequest, ScreenTransactionResponse};
use crate::io::grpc::wire::hushwire::types::v1::Decision;

/// Honest customers of the shop.
const HONEST: usize = 4_000;

/// Of a thousand orders, how many are by fraudsters.
const FRAUD_PER_MILLE: u32 = 60;

/// Checkouts that ask at the same time.
const CHECKOUTS: usize = 8;

/// Fraudsters bank A learns of while a node is dead.
const LATE_FRAUDSTERS: usize = 400;

/// Of the fraudsters bank A knows, every fourth is known to bank B as well when the shop opens.
const SHARED_EVERY: usize = 4;

/// Flags of one call.
const FLAGS_PER_CALL: usize = 200;

/// The story with everything it needs.
#[derive(Debug)]
pub struct Stage<'a> {
    account: &'a Account,
    cast: Cast,
    world: World,
    known: usize,
    orders: usize,
    now: Timestamp,
    bank_a: Desk,
    bank_b: Desk,
    checkout: Desk,
    shop_operator: Desk,
    figures: Figures,
}

impl<'a> Stage<'a> {
    pub fn new(
        account: &'a Account,
        cast: Cast,
        seed: u64,
        fraudsters: usize,
        orders: usize,
    ) -> Result<Self, CliError> {
        let desk = |position: usize, client: &str| {
            let member = cast.members.get(position).ok_or_else(|| CliError::failed("no such member"))?;
            Desk::open(member, client)
        };
        Ok(Self {
            bank_a: desk(BANK_A, "publisher-fraud-desk")?,
            bank_b: desk(BANK_B, "publisher-fraud-desk")?,
            checkout: desk(SHOP, "screener-checkout")?,
            shop_operator: desk(SHOP, "operator-night-shift")?,
            world: World::new(seed, HONEST, fraudsters + LATE_FRAUDSTERS),
            known: fraudsters,
            now: clock::now(),
            figures: Figures::default(),
            account,
            cast,
            orders,
        })
    }

    pub fn cast(&self) -> &Cast {
        &self.cast
    }

    /// An e-mail address that bank A flagged.
    pub fn flagged_email(&self) -> Result<String, CliError> {
        let flags = self.world.flags("bank-a", 0, self.known, self.now);
        self.flag(&flags, IdentifierKind::Email, 0).map(|flag| flag.value.clone())
    }

    pub async fn close(&mut self) {
        self.cast.close().await;
    }

    /// All acts in order.
    pub async fn tell(&mut self) -> Result<Figures, CliError> {
        let flags = self.publish_and_believe().await?;
        self.screen_orders().await?;
        self.corroborate(&flags).await?;
        self.retract(&flags).await?;
        self.kill_and_catch_up().await?;
        self.thieves(&flags)?;
        self.release_statistic().await?;
        self.verify_audit_logs().await?;
        Ok(self.figures.clone())
    }

    async fn publish_and_believe(&mut self) -> Result<Vec<Flag>, CliError> {
        self.account.step("The banks publish what they know");
        let flags = self.world.flags("bank-a", 0, self.known, self.now);
        let file = self.cast.folder().join("bank-a-flags.csv");
        let text =
            publish_csv(&flags).map_err(|error| CliError::failed(format!("the file cannot be made: {error}")))?;
        std::fs::write(&file, text).map_err(|error| CliError::failed(format!("{}: {error}", file.display())))?;
        let config = self.config(BANK_A);
        let waiting = self.account.waiting("publishing the file");
        let since = Instant::now();
        let publish = ["publish", "--json", "--config"].map(OsStr::new).into_iter();
        let printed = self.cast.run(publish.chain([config.as_os_str(), file.as_os_str()])).await?;
        self.figures.publish_ms = millis(since.elapsed());
        waiting.finish_and_clear();
        let report: serde_json::Value = serde_json::from_str(&printed)
            .map_err(|error| CliError::failed(format!("publish did not answer in JSON: {error}")))?;
        self.figures.published = report["published"].as_u64().unwrap_or_default();
        let also = self.world.flags("bank-b", 0, self.known / SHARED_EVERY, self.now);
        for (call, flags) in also.chunks(FLAGS_PER_CALL).enumerate() {
            let names = self.bank_b.publish(flags, &format!("demo-bank-b-{call}")).await?;
            self.figures.published += u64::try_from(names.len()).unwrap_or(u64::MAX);
        }
        let (believed, waited) = self.shop_operator.wait_until_believed(self.figures.published).await?;
        self.figures.believed = believed;
        self.figures.believe_ms = millis(waited);
        self.account.say(&format!(
            "Bank A's fraud desk hands its own node a file of {} identifiers. The node turns each into a pseudonym (an e-mail \
             address into two: as written, and the mailbox it reaches) and publishes only that; the identifiers themselves \
             never leave it, and it never writes them to its disk. Bank B publishes what it knows of every fourth of these \
             fraudsters. {} ms after the last publication was acknowledged, the shop's node had fetched and verified all {} \
             indicators and believes them: only what is verified ever counts.",
            HumanCount(u64::try_from(flags.len()).unwrap_or(u64::MAX)),
            self.figures.believe_ms,
            HumanCount(self.figures.published)
        ));
        self.account.figure("indicators published by both banks", HumanCount(self.figures.published).to_string());
        self.account.figure("bank A's file took", format!("{} ms", self.figures.publish_ms));
        self.account.figure("believed by the shop", HumanCount(believed).to_string());
        Ok(flags)
    }

    async fn screen_orders(&mut self) -> Result<(), CliError> {
        self.account.step("The shop screens its orders");
        let orders = self.world.orders(self.orders, FRAUD_PER_MILLE);
        let fraudulent: Vec<bool> =
            orders.iter().map(|order| order.fraudster.is_some_and(|who| who < self.known)).collect();
        let questions: Vec<ScreenTransactionRequest> = orders.iter().map(question).collect();
        let bar = self.account.bar(questions.len(), "orders");
        let shares: Vec<Vec<(usize, ScreenTransactionRequest)>> = shares(questions, CHECKOUTS);
        let since = Instant::now();
        let mut checkouts = JoinSet::new();
        for share in shares {
            checkouts.spawn(check_out(self.checkout.clone(), share, bar.clone()));
        }
        let mut latencies = Histogram::<u64>::new_with_max(60_000_000, 3).expect("the bounds of a minute are valid");
        let mut decisions = Decisions::default();
        while let Some(done) = checkouts.join_next().await {
            let answers = done.map_err(|error| CliError::failed(format!("a checkout failed: {error}")))??;
            for (order, micros, decision) in answers {
                latencies.saturating_record(micros);
                let stopped = count(&mut decisions, decision);
                match fraudulent.get(order) {
                    Some(true) => self.figures.fraudulent_stopped += u64::from(stopped),
                    _ => self.figures.honest_stopped += u64::from(stopped),
                }
            }
        }
        let took = since.elapsed();
        bar.finish_and_clear();
        let figures = &mut self.figures;
        figures.screened = latencies.len();
        figures.decisions = decisions;
        figures.fraudulent = u64::try_from(fraudulent.iter().filter(|fraud| **fraud).count()).unwrap_or(u64::MAX);
        figures.screenings_per_s = figures.screened.saturating_mul(1000) / millis(took).max(1);
        figures.screen_p50_us = latencies.value_at_quantile(0.5);
        figures.screen_p90_us = latencies.value_at_quantile(0.9);
        figures.screen_p99_us = latencies.value_at_quantile(0.99);
        figures.screen_max_us = latencies.max();
        let figures = &self.figures;
        self.account.say(&format!(
            "{CHECKOUTS} checkouts ask the shop's node about {} orders, one call each; an order shows its e-mail address, \
             phone, device, network address and means of payment. Of {} orders by fraudsters the banks know, {} were \
             stopped; of the {} others, {}. One bank's word makes the customer prove more (challenge); two banks' word \
             refuses the order (block), or sets it aside for a person (hold) where only a card speaks against it.",
            HumanCount(figures.screened),
            HumanCount(figures.fraudulent),
            HumanCount(figures.fraudulent_stopped),
            HumanCount(figures.screened.saturating_sub(figures.fraudulent)),
            none_or(figures.honest_stopped)
        ));
        self.account.say(
            "The known fraudsters who got through came with everything new but a flagged network address. Many innocents \
             share such an address, so it is reported and never stops an order alone.",
        );
        let Decisions { allow, challenge, hold, block } = figures.decisions;
        self.account.figure("allowed", HumanCount(allow).to_string());
        self.account.figure("challenged", HumanCount(challenge).to_string());
        self.account.figure("held", HumanCount(hold).to_string());
        self.account.figure("blocked", HumanCount(block).to_string());
        self.account
            .figure("throughput", format!("{} answers a second on this machine", HumanCount(figures.screenings_per_s)));
        self.account.figure(
            "one answer, seen by the checkout",
            format!(
                "median {} µs, 90 % {} µs, 99 % {} µs, slowest {} µs",
                figures.screen_p50_us, figures.screen_p90_us, figures.screen_p99_us, figures.screen_max_us
            ),
        );
        Ok(())
    }

    async fn corroborate(&mut self, flags: &[Flag]) -> Result<(), CliError> {
        self.account.step("A second bank corroborates, and a challenge becomes a block");
        let device = self.flag(flags, IdentifierKind::Device, 0)?;
        let order = order_with(device.kind, &device.value);
        let before = self.checkout.screen(order.clone()).await?;
        let seen = Flag { source_ref: "bank-b-case-1".to_owned(), ..same(device) };
        self.bank_b.publish(&[seen], "demo-corroboration").await?;
        let since = Instant::now();
        let (after, took) =
            self.checkout.screen_until(&order, since, |answer| answer.decision() == Decision::Block).await?;
        self.figures.corroboration_ms = millis(took);
        self.account.say(&format!(
            "An order from a device that bank A alone flagged: {}. Then bank B sees the same device and says so; neither bank \
             tells the other whose it is. {} ms later the shop asks about the same order: {}.",
            told(&before),
            self.figures.corroboration_ms,
            told(&after)
        ));
        let card = self.flag(flags, IdentifierKind::Pan, 1)?;
        let seen = Flag { source_ref: "bank-b-case-2".to_owned(), ..same(card) };
        self.bank_b.publish(&[seen], "demo-corroboration-card").await?;
        let order = order_with(card.kind, &card.value);
        let (held, _) =
            self.checkout.screen_until(&order, Instant::now(), |answer| answer.decision() == Decision::Hold).await?;
        self.account.say(&format!(
            "And a card that both flag: {}. A stolen card still has an honest holder, so a person decides.",
            told(&held)
        ));
        Ok(())
    }

    async fn retract(&mut self, flags: &[Flag]) -> Result<(), CliError> {
        self.account.step("Bank A was wrong once, and takes it back");
        let device = self.flag(flags, IdentifierKind::Device, 2)?;
        let order = order_with(device.kind, &device.value);
        let before = self.checkout.screen(order.clone()).await?;
        let since = Instant::now();
        self.bank_a.retract(device.kind, &device.value).await?;
        let (after, took) =
            self.checkout.screen_until(&order, since, |answer| answer.decision() == Decision::Allow).await?;
        self.figures.retraction_ms = millis(took);
        self.account.say(&format!(
            "Bank A flagged the wrong device. The shop's answer about an order from it: {}. Bank A retracts, and {} ms after \
             the call the shop's answer to the same order is: {}.",
            told(&before),
            self.figures.retraction_ms,
            told(&after)
        ));
        Ok(())
    }

    async fn kill_and_catch_up(&mut self) -> Result<(), CliError> {
        self.account.step("The shop's node dies without warning while entries flow");
        let late = self.world.flags("bank-a", self.known, LATE_FRAUDSTERS, self.now);
        let before = self.shop_operator.status().await?.believed;
        let bar = self.account.bar(late.len(), "identifiers");
        let mut published = 0;
        for (call, flags) in late.chunks(FLAGS_PER_CALL).enumerate() {
            if call == 2 {
                self.cast.kill(SHOP).await?;
            }
            published += self.bank_a.publish(flags, &format!("demo-late-{call}")).await?.len();
            bar.inc(u64::try_from(flags.len()).unwrap_or(0));
        }
        bar.finish_and_clear();
        let published = u64::try_from(published).unwrap_or(u64::MAX);
        self.figures.published_while_down = published;
        let since = Instant::now();
        self.cast.start(SHOP).await?;
        let (believed, _) = self.shop_operator.wait_until_believed(before + published).await?;
        self.figures.catch_up_ms = millis(since.elapsed());
        self.account.say(&format!(
            "Bank A publishes {} more indicators. After the first few hundred the shop's process is killed (SIGKILL: no \
             time to save anything). Bank A goes on. Started again, the shop's node reads its journal, asks for what it \
             missed from exactly where it stood, and {} ms after its start holds all {} verified indicators.",
            HumanCount(published),
            self.figures.catch_up_ms,
            HumanCount(believed)
        ));
        Ok(())
    }

    fn thieves(&mut self, flags: &[Flag]) -> Result<(), CliError> {
        self.account.step("A thief takes the disks, a listener the wire, a member looks too closely");
        let waiting = self.account.waiting("searching");
        let loot = thieves::search(&self.cast, flags)?;
        let guesses = thieves::guesses_per_s();
        waiting.finish_and_clear();
        let figures = &mut self.figures;
        figures.values_searched = loot.values;
        figures.disk_bytes_searched = loot.disk_bytes;
        figures.disk_values_found = loot.disk_found;
        figures.wire_bytes_searched = loot.wire_bytes;
        figures.wire_values_found = loot.wire_found;
        figures.member_guesses_per_s = guesses;
        figures.member_seconds_per_issuer = thieves::NUMBERS_PER_ISSUER / guesses.max(1);
        self.account.say(&format!(
            "The thief has every file of all three nodes, {} MB, and searches them for the {} identifiers bank A published, as \
             text, as hexadecimal and as base64: {} found. Guessing does not help: the key lies in a keystore sealed under a \
             passphrase, and without the key a guess cannot be compared with a pseudonym. The listener recorded {:.1} MB \
             between bank A and the others: {} found.",
            loot.disk_bytes / 1_000_000,
            HumanCount(loot.values),
            none_or(loot.disk_found),
            millions(loot.wire_bytes),
            none_or(loot.wire_found)
        ));
        self.account.say(&format!(
            "What this does NOT protect against: a malicious member. Every member holds the key for pseudonyms (it must, to \
             screen), and so can try identifiers out: {:.1} million a second on one core of this machine, all card numbers \
             of one issuer in {} seconds, on a graphics card far sooner. That is the limit of today's method, suite 1. Only \
             the members' agreement and the law bind a member here. A later suite 2 splits the key among the members, so \
             that none can try anything alone; this version does not run it yet.",
            millions(guesses),
            HumanCount(self.figures.member_seconds_per_issuer)
        ));
        Ok(())
    }

    async fn release_statistic(&mut self) -> Result<(), CliError> {
        self.account.step("Bank A releases a statistic that gives nobody away");
        let operator = self.desk(BANK_A, "operator-night-shift")?;
        let today = self.now.day();
        let mut client = StatisticsServiceClient::new(operator.channel());
        let request = ReleaseStatisticsRequest {
            release_id: "demo-first-release".to_owned(),
            from_day: today.0,
            until_day: today.next().0,
            epsilon_nano: 500_000_000,
        };
        let answer = client.release_statistics(request).await;
        let answer =
            answer.map_err(|status| CliError::failed(format!("no release: {}", status.message())))?.into_inner();
        let release = StatisticsRelease::decode(&answer.release)
            .map_err(|error| CliError::failed(format!("the release cannot be read: {error}")))?;
        let mut counts: Vec<(String, i64)> = release.categories.into_iter().zip(release.counts).collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let shown = counts.iter().take(6).map(|(kind, count)| format!("{kind} {count}"));
        let shown = shown.collect::<Vec<_>>().join(", ");
        self.account.say(&format!(
            "How many cases it published for each kind of identifier (pan is a card number; a case counts for two kinds \
             at most), with random noise that hides whether any one person is among them: {shown}. In 95 of 100 cases the true count lies within ±{:.0}. It cost 0.5 of this quarter's privacy budget of 2, charged before the noise was \
             drawn; asked again, the same numbers come back and nothing is charged.",
            release.accuracy_95
        ));
        self.figures.release =
            Release { id: release.release_id, epsilon: 0.5, accuracy_95: release.accuracy_95, counts };
        Ok(())
    }

    async fn verify_audit_logs(&mut self) -> Result<(), CliError> {
        self.account.step("Every node proves what it did");
        let mut verified = true;
        for position in [BANK_A, BANK_B, SHOP] {
            let member = self.cast.members.get(position).ok_or_else(|| CliError::failed("no such member"))?;
            let file = self.cast.folder().join(format!("{}-audit.jsonl", member.id));
            let config = self.config(position);
            let export = ["audit", "export", "--config"].map(OsStr::new).into_iter();
            self.cast.run(export.chain([config.as_os_str(), OsStr::new("--out"), file.as_os_str()])).await?;
            let verify = ["audit", "verify"].map(OsStr::new).into_iter().chain([file.as_os_str()]);
            let outcome = self.cast.run(verify).await;
            verified &= outcome.is_ok();
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            let records = text.lines().count().saturating_sub(2);
            self.figures.audit_records += u64::try_from(records).unwrap_or(0);
            let word = if outcome.is_ok() { "every line proved" } else { "NOT verified" };
            self.account.figure(
                member.title,
                format!("{} records, {word}", HumanCount(u64::try_from(records).unwrap_or(u64::MAX))),
            );
        }
        self.figures.audit_verified = verified;
        self.account.say(
            "What was published, sent and received, which orders were stopped and why, and who asked: all of it stands in a \
             log that can only grow, sealed by signatures. Whoever gets an export can check it with this program and no \
             access to the node; change one letter and it no longer verifies.",
        );
        Ok(())
    }

    fn config(&self, position: usize) -> std::path::PathBuf {
        self.cast.members.get(position).map(|member| member.dir.join("hushwire.toml")).unwrap_or_default()
    }

    fn desk(&self, position: usize, client: &str) -> Result<Desk, CliError> {
        let member = self.cast.members.get(position).ok_or_else(|| CliError::failed("no such member"))?;
        Desk::open(member, client)
    }

    /// The `nth` flag of a kind that only bank A has published.
    fn flag<'f>(&self, flags: &'f [Flag], kind: IdentifierKind, nth: usize) -> Result<&'f Flag, CliError> {
        let alone = |flag: &&Flag| flag.kind == kind && flag.fraudster >= self.known / SHARED_EVERY;
        let found = flags.iter().filter(alone).nth(nth);
        found.ok_or_else(|| CliError::usage("too few fraudsters for the story; leave --fraudsters at 100 or more"))
    }
}

/// One checkout: asks about its orders one after the other.
async fn check_out(
    desk: Desk,
    share: Vec<(usize, ScreenTransactionRequest)>,
    bar: indicatif::ProgressBar,
) -> Result<Vec<(usize, u64, Decision)>, CliError> {
    let mut answers = Vec::with_capacity(share.len());
    for (order, request) in share {
        let since = Instant::now();
        let answer = desk.screen(request).await?;
        let micros = u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX);
        answers.push((order, micros, answer.decision()));
        bar.inc(1);
    }
    Ok(answers)
}

fn shares(questions: Vec<ScreenTransactionRequest>, count: usize) -> Vec<Vec<(usize, ScreenTransactionRequest)>> {
    let mut shares: Vec<Vec<_>> = (0..count).map(|_| Vec::new()).collect();
    for (order, question) in questions.into_iter().enumerate() {
        if let Some(share) = shares.get_mut(order % count) {
            share.push((order, question));
        }
    }
    shares
}

/// Counts a decision; whether it stopped the order.
fn count(decisions: &mut Decisions, decision: Decision) -> bool {
    match decision {
        Decision::Unspecified | Decision::Allow => {
            decisions.allow += 1;
            return false;
        }
        Decision::Challenge => decisions.challenge += 1,
        Decision::Hold => decisions.hold += 1,
        Decision::Block => decisions.block += 1,
    }
    true
}

fn told(answer: &ScreenTransactionResponse) -> String {
    let decision = match answer.decision() {
        Decision::Unspecified => "no decision",
        Decision::Allow => "allow",
        Decision::Challenge => "challenge",
        Decision::Hold => "hold",
        Decision::Block => "block",
    };
    match answer.reasons.first() {
        Some(reason) => format!("{} ({})", decision.to_uppercase(), reason.description),
        None => decision.to_uppercase(),
    }
}

fn order_with(kind: IdentifierKind, value: &str) -> ScreenTransactionRequest {
    ScreenTransactionRequest {
        identifiers: vec![identifier(kind, value)],
        amount_minor: 19_900,
        currency: "EUR".to_owned(),
        channel: "web".to_owned(),
        country: "DE".to_owned(),
        ..ScreenTransactionRequest::default()
    }
}

fn same(flag: &Flag) -> Flag {
    Flag { value: flag.value.clone(), source_ref: flag.source_ref.clone(), ..*flag }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn none_or(found: u64) -> String {
    if found == 0 { "none".to_owned() } else { HumanCount(found).to_string() }
}

/// A count in millions.
fn millions(count: u64) -> f64 {
    f64::from(u32::try_from(count / 1000).unwrap_or(u32::MAX)) / 1000.0
}
