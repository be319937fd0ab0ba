//! Two banks' word weighs more than one's, and a card is treated with care.

use std::time::Instant;

use crate::app::demo::acts::act::{Act, insist_on};
use crate::app::demo::acts::{Stage, millis, order_with, told};
use crate::app::demo::generator::Flag;
use crate::app::outcome::CliError;
use crate::base::kind::IdentifierKind;
use crate::io::grpc::wire::hushwire::types::v1::Decision;

impl Stage<'_> {
    pub(super) async fn corroborate(&mut self, flags: &[Flag]) -> Result<(), CliError> {
        self.account.step(Act::Corroborate.title());
        let device = self.flag(flags, IdentifierKind::Device, 0)?;
        let order = order_with(device);
        let before = self.checkout.screen(order.clone()).await?;
        insist_on(Decision::Challenge, &before, "a device that one bank flagged")?;
        self.bank_b.publish(&[seen_by_bank_b(device, 1)], "demo-corroboration").await?;
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
        let order = order_with(card);
        insist_on(Decision::Challenge, &self.checkout.screen(order.clone()).await?, "a card that one bank flagged")?;
        self.bank_b.publish(&[seen_by_bank_b(card, 2)], "demo-corroboration-card").await?;
        let (held, _) =
            self.checkout.screen_until(&order, Instant::now(), |answer| answer.decision() == Decision::Hold).await?;
        self.account.say(&format!(
            "And a card that both flag: {}. A stolen card still has an honest holder, so a person decides.",
            told(&held)
        ));
        Ok(())
    }
}

/// The same identifier in another bank's case.
fn seen_by_bank_b(flag: &Flag, case: u32) -> Flag {
    Flag { value: flag.value.clone(), source_ref: format!("bank-b-case-{case}"), ..*flag }
}
