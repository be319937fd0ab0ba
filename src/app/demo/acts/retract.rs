//! A mistake is taken back, and its victim can order again.

use std::time::Instant;

use crate::app::demo::acts::act::{Act, insist, insist_on};
use crate::app::demo::acts::{Stage, millis, order_with, told};
use crate::app::demo::generator::Flag;
use crate::app::outcome::CliError;
use crate::base::kind::IdentifierKind;
use crate::io::grpc::wire::hushwire::types::v1::Decision;

impl Stage<'_> {
    pub(super) async fn retract(&mut self, flags: &[Flag]) -> Result<(), CliError> {
        self.account.step(Act::Retract.title());
        let device = self.flag(flags, IdentifierKind::Device, 2)?;
        let order = order_with(device);
        let before = self.checkout.screen(order.clone()).await?;
        insist_on(Decision::Challenge, &before, "an order from the device before the retraction")?;
        let since = Instant::now();
        let retracted = self.bank_a.retract(device.kind, &device.value).await?;
        insist(retracted == 1, || format!("{retracted} indicators were retracted instead of one"))?;
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
}
