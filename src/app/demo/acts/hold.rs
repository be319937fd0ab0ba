//! What strays from a customer's habits waits for a person, and is no stranger afterwards.

use crate::app::demo::acts::act::{Act, insist, insist_on};
use crate::app::demo::acts::{Stage, named, told, word};
use crate::app::demo::desk::identifier;
use crate::app::demo::figures::HeldOrder;
use crate::app::outcome::CliError;
use crate::base::kind::IdentifierKind;
use crate::base::time::Timestamp;
use crate::io::grpc::convert::wire_time;
use crate::io::grpc::wire::hushwire::local::v1::ScreenTransactionRequest;
use crate::io::grpc::wire::hushwire::types::v1::Decision;

const CUSTOMER: &str = "customer-emil";

/// What he paid for his earlier orders, one every week.
const USUAL: [i64; 6] = [5_900, 4_200, 6_800, 5_100, 7_400, 6_300];

const WEEK_S: u64 = 7 * 86_400;

impl Stage<'_> {
    pub(super) async fn hold(&mut self) -> Result<(), CliError> {
        self.account.step(Act::Hold.title());
        let person = self.world.honest.first().ok_or_else(|| CliError::failed("nobody lives here"))?;
        let order = |country: &str, amount_minor: i64, number: usize| {
            let request = ScreenTransactionRequest {
                identifiers: vec![identifier(IdentifierKind::Device, &person.device)],
                amount_minor,
                currency: "EUR".to_owned(),
                channel: "app".to_owned(),
                country: country.to_owned(),
                ..ScreenTransactionRequest::default()
            };
            named(request, CUSTOMER, &format!("order-emil-{number}"))
        };
        let mut weeks_ago = u64::try_from(USUAL.len()).unwrap_or(u64::MAX);
        for (number, amount) in USUAL.into_iter().enumerate() {
            let time = Timestamp::from_unix_s(self.now.unix_s() - weeks_ago * WEEK_S);
            let usual = ScreenTransactionRequest { time: Some(wire_time(time)), ..order("DE", amount, number) };
            weeks_ago -= 1;
            insist_on(Decision::Allow, &self.checkout.screen(usual).await?, "an order like all others")?;
        }
        let held = self.checkout.screen(order("SE", 6_600, USUAL.len())).await?;
        insist_on(Decision::Hold, &held, "an order from an unusual country")?;
        self.analyst.release(&held.case).await?;
        let next = self.checkout.screen(order("SE", 5_800, USUAL.len() + 1)).await?;
        insist_on(Decision::Allow, &next, "the next order from the country of the released one")?;
        insist(!next.anomalies.contains(&NEW_COUNTRY.to_owned()), || {
            "the released order taught the shop's node nothing".to_owned()
        })?;
        self.account.say(&format!(
            "Emil has ordered from Germany every week; the shop's own node knows that of its own customer, tells nobody, and \
             no member has flagged anything. Now an order of his comes from Sweden: {}. An analyst of the shop calls him: he \
             has moved. She releases the order, and the node takes it into his habits. His next order from Sweden: {}.",
            told(&held),
            told(&next)
        ));
        self.figures.held_order = HeldOrder {
            decision: word(held.decision()),
            reason: held.reasons.first().map(|reason| reason.code.clone()).unwrap_or_default(),
            anomalies: held.anomalies,
            released: true,
            next_decision: word(next.decision()),
            next_anomalies: next.anomalies,
        };
        Ok(())
    }
}

/// As answers name it.
const NEW_COUNTRY: &str = "new_country";
