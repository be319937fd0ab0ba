//! Nobody is refused without a reason that can be shown, and proved to whoever doubts it.

use std::collections::BTreeSet;
use std::ffi::OsStr;

use crate::app::demo::acts::act::{Act, insist, insist_on};
use crate::app::demo::acts::{Stage, config, named, order_with, told, word};
use crate::app::demo::figures::BlockedOrder;
use crate::app::demo::founding::{BANK_A, SHOP};
use crate::app::demo::generator::Flag;
use crate::app::outcome::CliError;
use crate::base::kind::IdentifierKind;
use crate::io::grpc::wire::hushwire::local::v1::ScreenTransactionResponse;
use crate::io::grpc::wire::hushwire::types::v1::Decision;

/// Characters of a hash that a reader compares.
const HASH_SHOWN: usize = 12;

impl Stage<'_> {
    pub(super) async fn explain(&mut self, flags: &[Flag]) -> Result<(), CliError> {
        self.account.step(Act::Explain.title());
        // Both banks have flagged it by now.
        let device = self.flag(flags, IdentifierKind::Device, 0)?;
        let order = named(order_with(device), "customer-unknown", "order-blocked");
        let blocked = self.checkout.screen(order).await?;
        insist_on(Decision::Block, &blocked, "an order from a device that both banks flagged")?;
        let reported_by = reporters(&blocked);
        insist(reported_by.len() > 1, || format!("{} members reported the device", reported_by.len()))?;
        let said = self.prove(&blocked).await?;
        self.account.say(&format!(
            "An order from the device of the corroborated warning: {}. Its customer asks why, and quotes {}. The answer told \
             the shop who stands behind the warning ({}), the rule that decided ({} of the policy {}), and that no person may \
             be dropped for it alone.",
            told(&blocked),
            blocked.reference,
            reported_by.join(", "),
            blocked.reasons.first().map(|reason| reason.rule.as_str()).unwrap_or_default(),
            blocked.policy_name
        ));
        self.account.figure("decision", format!("{} ({})", blocked.decision_id, word(blocked.decision())));
        for reason in &blocked.reasons {
            self.account.figure(&format!("reason: {}", reason.code), &reason.description);
        }
        let short = blocked.policy_sha256.get(..HASH_SHOWN).unwrap_or_default();
        self.account.figure("policy", format!("{}, SHA-256 {short}…", blocked.policy_name));
        self.account.figure("proof", "verified without the node, under the key that bank A's roster gives");
        self.account.say(
            "The proof is a small file (hushwire audit prove): the record of this decision, its place in the shop's log and \
             the signature over the log. Anybody can check it with this program alone, years later: what was decided, why, \
             on whose word, and by which rules.",
        );
        insist(said, || "the proof says something else than the answer did".to_owned())?;
        self.figures.blocked_order = BlockedOrder {
            decision: word(blocked.decision()),
            decision_id: blocked.decision_id,
            reasons: blocked.reasons.into_iter().map(|reason| reason.code).collect(),
            reported_by,
            policy_name: blocked.policy_name,
            policy_sha256: blocked.policy_sha256,
            proved: said,
        };
        Ok(())
    }

    /// Has the record of a decision proved, verifies the proof without the node, and holds what it says against the answer.
    async fn prove(&self, answer: &ScreenTransactionResponse) -> Result<bool, CliError> {
        let (shop, bank) = (self.cast.member(SHOP)?, self.cast.member(BANK_A)?);
        let key = self.audit_key(shop.id, bank).await?;
        let (file, config) = (self.cast.folder().join("shop-blocked-order.proof"), config(shop));
        let words = ["audit", "prove", "--decision", &answer.decision_id, "--config"].map(OsStr::new).into_iter();
        self.cast.run(words.chain([config.as_os_str(), OsStr::new("--out"), file.as_os_str()])).await?;
        let verify = [OsStr::new("audit"), OsStr::new("verify"), file.as_os_str()].into_iter();
        let printed = self.cast.run(verify.chain(["--key", &key, "--json"].map(OsStr::new))).await?;
        let verified: serde_json::Value = serde_json::from_str(&printed)
            .map_err(|error| CliError::failed(format!("verify did not answer in JSON: {error}")))?;
        let record = verified["record"].to_string();
        let mut told = vec![answer.decision_id.as_str(), word(answer.decision()), answer.policy_sha256.as_str()];
        told.extend(answer.reasons.iter().map(|reason| reason.code.as_str()));
        Ok(verified["verified"] == true && told.iter().all(|part| record.contains(part)))
    }
}

/// The members behind what matched.
fn reporters(answer: &ScreenTransactionResponse) -> Vec<String> {
    let statements = answer.matches.iter().flat_map(|found| &found.indicators);
    let members = statements.filter_map(|statement| statement.name.split('/').nth(1));
    members.map(str::to_owned).collect::<BTreeSet<_>>().into_iter().collect()
}
