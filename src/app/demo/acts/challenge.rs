//! One bank's word is a reason to ask, and an answer settles it.

use std::time::Instant;

use crate::app::demo::acts::act::{Act, insist, insist_on};
use crate::app::demo::acts::{Stage, millis, named, order_with, told, word};
use crate::app::demo::figures::ChallengedOrder;
use crate::app::demo::generator::Flag;
use crate::app::outcome::CliError;
use crate::base::kind::IdentifierKind;
use crate::io::grpc::wire::hushwire::types::v1::Decision;

/// What the shop's gateway knows the customer by.
const DELIVERY: &str = "sms-route-17";

impl Stage<'_> {
    pub(super) async fn challenge(&mut self, flags: &[Flag]) -> Result<(), CliError> {
        self.account.step(Act::Challenge.title());
        let device = self.flag(flags, IdentifierKind::Device, 3)?;
        let asked = self.checkout.screen(named(order_with(device), "customer-mara", "order-mara-1")).await?;
        insist_on(Decision::Challenge, &asked, "an order from a device that one bank flagged")?;
        let since = Instant::now();
        self.checkout.start_code(&asked.decision_id, DELIVERY).await?;
        let message = self.cast.gateway.next().await?;
        let code_ms = millis(since.elapsed());
        insist(message.decision_id == asked.decision_id && message.delivery_ref == DELIVERY, || {
            "the gateway was posted a code of another order".to_owned()
        })?;
        let missed = self.checkout.answer_code(&asked.decision_id, &mistyped(&message.code)).await?;
        insist(!missed.passed && missed.attempts_left > 0, || "a wrong code passed".to_owned())?;
        let passed = self.checkout.answer_code(&asked.decision_id, &message.code).await?;
        let released = passed.passed && self.analyst.is_released(&asked.case).await?;
        insist(released, || "the right code did not release the order".to_owned())?;
        let next = self.checkout.screen(named(order_with(device), "customer-mara", "order-mara-2")).await?;
        insist_on(Decision::Allow, &next, "the customer's next order")?;
        self.account.say(&format!(
            "Mara orders from a second-hand tablet whose last owner bank A flagged: {}. The shop's node draws a code and \
             posts it, signed, to the shop's own message gateway, which has it {code_ms} ms later and sends it to the \
             telephone the shop knows. Mistyped it is refused, {} attempts are left; typed right it releases the order. \
             Her next order from the same tablet: {}. She is not asked again for an hour; the tablet stays flagged for \
             everybody else.",
            told(&asked),
            missed.attempts_left,
            told(&next)
        ));
        self.figures.challenged_order = ChallengedOrder {
            decision: word(asked.decision()),
            reason: asked.reasons.first().map(|reason| reason.code.clone()).unwrap_or_default(),
            code_ms,
            wrong_refused: !missed.passed,
            released,
            next_decision: word(next.decision()),
        };
        Ok(())
    }
}

/// The code with another last digit.
fn mistyped(code: &str) -> String {
    let mut typed = code.to_owned();
    let last = if typed.pop() == Some('0') { '1' } else { '0' };
    typed.push(last);
    typed
}
