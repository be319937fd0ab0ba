//! Many orders at once: who is stopped, and how long an answer takes.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use indicatif::HumanCount;
use tokio::task::JoinSet;

use crate::app::demo::acts::act::{Act, insist};
use crate::app::demo::acts::{Stage, count, millis};
use crate::app::demo::desk::{Desk, question};
use crate::app::demo::figures::{Decisions, Figures};
use crate::app::demo::generator::Flag;
use crate::app::demo::generator::orders::Order;
use crate::app::outcome::CliError;
use crate::base::kind::IdentifierKind;
use crate::io::grpc::wire::hushwire::local::v1::ScreenTransactionRequest;
use crate::io::grpc::wire::hushwire::types::v1::Decision;

/// Of a thousand orders, how many are by fraudsters.
const FRAUD_PER_MILLE: u32 = 60;

/// Checkouts that ask at the same time.
const CHECKOUTS: usize = 8;

/// So many orders and fraudsters show every decision; of fewer, the rarest may be missing.
const ORDERS_OF_EVERY_DECISION: usize = 20_000;
const FRAUDSTERS_OF_EVERY_DECISION: usize = 1_000;

/// What the story knows of an order and the shop does not.
#[derive(Debug, Clone, Copy)]
struct Truth {
    /// By a fraudster the banks know.
    fraudulent: bool,
    /// It shows a flagged identifier that may stop an order: any but a network address.
    flagged: bool,
}

impl Stage<'_> {
    pub(super) async fn screen_orders(&mut self, flags: &[Flag]) -> Result<(), CliError> {
        self.account.step(Act::Screen.title());
        let orders = self.world.orders(self.orders, FRAUD_PER_MILLE);
        let flagged = flags.iter().filter(|flag| flag.kind != IdentifierKind::Ip);
        let flagged: BTreeSet<(IdentifierKind, &str)> = flagged.map(|flag| (flag.kind, flag.value.as_str())).collect();
        let truths: Vec<Truth> = orders.iter().map(|order| truth(order, self.known, &flagged)).collect();
        let questions: Vec<ScreenTransactionRequest> = orders.iter().map(question).collect();
        let bar = self.account.bar(questions.len(), "orders");
        let shares: Vec<Vec<(usize, ScreenTransactionRequest)>> = shares(questions, CHECKOUTS);
        let since = Instant::now();
        let mut checkouts = JoinSet::new();
        for share in shares {
            checkouts.spawn(check_out(self.checkout.clone(), share, bar.clone()));
        }
        let mut latencies = Histogram::<u64>::new_with_max(60_000_000, 3).expect("the bounds of a minute are valid");
        let mut wrong = 0;
        while let Some(done) = checkouts.join_next().await {
            let answers = done.map_err(|error| CliError::failed(format!("a checkout failed: {error}")))??;
            for (order, micros, decision) in answers {
                latencies.saturating_record(micros);
                let stopped = tally(&mut self.figures.decisions, decision);
                let truth = truths.get(order).ok_or_else(|| CliError::failed("an answer to no order"))?;
                wrong += u64::from(stopped != truth.flagged);
                if truth.fraudulent {
                    self.figures.fraudulent_stopped += u64::from(stopped);
                } else {
                    self.figures.honest_stopped += u64::from(stopped);
                }
            }
        }
        self.figures.fraudulent = count(truths.iter().filter(|truth| truth.fraudulent).count());
        note_speed(&mut self.figures, &latencies, since.elapsed());
        bar.finish_and_clear();
        self.tell_of_screening();
        self.insist_on_screening(wrong)
    }

    fn tell_of_screening(&self) {
        let (account, figures) = (self.account, &self.figures);
        account.say(&format!(
            "{CHECKOUTS} checkouts ask the shop's node about {} orders, one call each; an order shows its e-mail address, \
             phone, device, network address and means of payment. Of {} orders by fraudsters the banks know, {} were \
             stopped; of the {} others, {}. One bank's word makes the customer prove more (challenge); two banks' word \
             refuses the order (block), or sets it aside for a person (hold) where only a card speaks against it.",
            HumanCount(figures.screened),
            HumanCount(figures.fraudulent),
            HumanCount(figures.fraudulent_stopped),
            HumanCount(figures.screened.saturating_sub(figures.fraudulent)),
            super::pry::none_or(figures.honest_stopped)
        ));
        account.say(
            "The known fraudsters who got through came with everything new but a flagged network address. Many innocents \
             share such an address, so it is reported and never stops an order alone.",
        );
        let Decisions { allow, challenge, hold, block } = figures.decisions;
        account.figure("allowed", HumanCount(allow).to_string());
        account.figure("challenged", HumanCount(challenge).to_string());
        account.figure("held", HumanCount(hold).to_string());
        account.figure("blocked", HumanCount(block).to_string());
        account
            .figure("throughput", format!("{} answers a second on this machine", HumanCount(figures.screenings_per_s)));
        account.figure(
            "one answer, seen by the checkout",
            format!(
                "half within {} µs, 90 % within {} µs, 99 % within {} µs, slowest {} µs",
                figures.screen_p50_us, figures.screen_p90_us, figures.screen_p99_us, figures.screen_max_us
            ),
        );
    }

    fn insist_on_screening(&self, wrong: u64) -> Result<(), CliError> {
        let Figures { screened, decisions, .. } = self.figures;
        insist(screened == count(self.orders), || format!("{screened} of {} orders were answered", self.orders))?;
        insist(wrong == 0, || {
            format!("{wrong} orders were stopped without a flag that may stop one, or passed in spite of it")
        })?;
        let all = self.orders >= ORDERS_OF_EVERY_DECISION && self.known >= FRAUDSTERS_OF_EVERY_DECISION;
        let Decisions { allow, challenge, hold, block } = decisions;
        insist(!all || [allow, challenge, hold, block].iter().all(|orders| *orders > 0), || {
            format!("a decision did not occur: {decisions:?}")
        })
    }
}

fn truth(order: &Order, known: usize, flagged: &BTreeSet<(IdentifierKind, &str)>) -> Truth {
    let mut shown = order.identifiers.iter().map(|(kind, value)| (*kind, value.as_str()));
    Truth {
        fraudulent: order.fraudster.is_some_and(|who| who < known),
        flagged: shown.any(|identifier| flagged.contains(&identifier)),
    }
}

fn note_speed(figures: &mut Figures, latencies: &Histogram<u64>, took: Duration) {
    figures.screened = latencies.len();
    figures.screenings_per_s = figures.screened.saturating_mul(1000) / millis(took).max(1);
    figures.screen_p50_us = latencies.value_at_quantile(0.5);
    figures.screen_p90_us = latencies.value_at_quantile(0.9);
    figures.screen_p99_us = latencies.value_at_quantile(0.99);
    figures.screen_max_us = latencies.max();
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
fn tally(decisions: &mut Decisions, decision: Decision) -> bool {
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
