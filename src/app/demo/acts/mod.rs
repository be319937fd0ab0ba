//! The story: who takes part, what is measured, and the acts in order. Each act, in a file of its own, does something real,
//! says in plain words what it means, and insists on what it promised: a story that did not come true is never told as one.

mod act;
mod audit;
mod catch_up;
mod challenge;
mod corroborate;
mod explain;
mod hold;
mod pry;
mod publish;
mod release;
mod retract;
mod screen;

use std::path::PathBuf;
use std::time::Duration;

use crate::app::demo::account::Account;
use crate::app::demo::acts::act::Act;
use crate::app::demo::desk::{Desk, identifier};
use crate::app::demo::figures::Figures;
use crate::app::demo::founding::{BANK_A, BANK_B, Cast, Member, SHOP};
use crate::app::demo::generator::{Flag, World};
use crate::app::outcome::CliError;
use crate::base::kind::IdentifierKind;
use crate::base::time::Timestamp;
use crate::io::clock;
use crate::io::grpc::wire::hushwire::local::v1::{AuditState, ScreenTransactionRequest, ScreenTransactionResponse};
use crate::io::grpc::wire::hushwire::types::v1::Decision;

/// Honest customers of the shop, at least, and orders of each: so few teach the shop no habit that one could stray from.
const HONEST: usize = 4_000;
const ORDERS_EACH: usize = 4;

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
    analyst: Desk,
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
        Ok(Self {
            bank_a: Desk::open(cast.member(BANK_A)?, "publisher-fraud-desk")?,
            bank_b: Desk::open(cast.member(BANK_B)?, "publisher-fraud-desk")?,
            checkout: Desk::open(cast.member(SHOP)?, "screener-checkout")?,
            shop_operator: Desk::open(cast.member(SHOP)?, "operator-night-shift")?,
            analyst: Desk::open(cast.member(SHOP)?, "analyst-fraud-team")?,
            world: World::new(seed, HONEST.max(orders.div_ceil(ORDERS_EACH)), fraudsters + LATE_FRAUDSTERS),
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

    /// All acts in order; the first that fails ends the story.
    pub async fn tell(&mut self) -> Result<Figures, CliError> {
        let flags = self.publish_and_believe().await.map_err(|error| Act::Publish.failed(error))?;
        self.screen_orders(&flags).await.map_err(|error| Act::Screen.failed(error))?;
        self.corroborate(&flags).await.map_err(|error| Act::Corroborate.failed(error))?;
        self.retract(&flags).await.map_err(|error| Act::Retract.failed(error))?;
        self.challenge(&flags).await.map_err(|error| Act::Challenge.failed(error))?;
        self.hold().await.map_err(|error| Act::Hold.failed(error))?;
        self.explain(&flags).await.map_err(|error| Act::Explain.failed(error))?;
        self.kill_and_catch_up().await.map_err(|error| Act::CatchUp.failed(error))?;
        self.pry(&flags).map_err(|error| Act::Pry.failed(error))?;
        self.release_statistic().await.map_err(|error| Act::Release.failed(error))?;
        self.verify_audit_logs().await.map_err(|error| Act::Audit.failed(error))?;
        Ok(self.figures.clone())
    }

    /// The `nth` flag of a kind that only bank A has published.
    fn flag<'f>(&self, flags: &'f [Flag], kind: IdentifierKind, nth: usize) -> Result<&'f Flag, CliError> {
        let alone = |flag: &&Flag| flag.kind == kind && flag.fraudster >= self.known / SHARED_EVERY;
        let found = flags.iter().filter(alone).nth(nth);
        found.ok_or_else(|| CliError::usage("too few fraudsters for the story; leave --fraudsters at 100 or more"))
    }
}

fn config(member: &Member) -> PathBuf {
    member.dir.join("hushwire.toml")
}

/// A decision as the story tells it, with its first reason.
fn told(answer: &ScreenTransactionResponse) -> String {
    let decision = word(answer.decision());
    match answer.reasons.first() {
        Some(reason) => format!("{} ({})", decision.to_uppercase(), reason.description),
        None => decision.to_uppercase(),
    }
}

fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Unspecified => "no decision",
        Decision::Allow => "allow",
        Decision::Challenge => "challenge",
        Decision::Hold => "hold",
        Decision::Block => "block",
    }
}

/// An order of which the shop knows one identifier only.
fn order_with(flag: &Flag) -> ScreenTransactionRequest {
    ScreenTransactionRequest {
        identifiers: vec![identifier(flag.kind, &flag.value)],
        amount_minor: 19_900,
        currency: "EUR".to_owned(),
        channel: "web".to_owned(),
        country: "DE".to_owned(),
        ..ScreenTransactionRequest::default()
    }
}

/// The same order of a customer of whom the shop keeps a profile. Answered once its record is on disk: then its case is open.
fn named(order: ScreenTransactionRequest, customer: &str, number: &str) -> ScreenTransactionRequest {
    ScreenTransactionRequest {
        customer_ref: customer.to_owned(),
        transaction_ref: number.to_owned(),
        audit: AuditState::Durable.into(),
        ..order
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn count(items: usize) -> u64 {
    u64::try_from(items).unwrap_or(u64::MAX)
}
