//! A node is killed in the middle of work and loses nothing.

use std::time::Instant;

use indicatif::HumanCount;

use crate::app::demo::acts::act::{Act, insist};
use crate::app::demo::acts::{FLAGS_PER_CALL, LATE_FRAUDSTERS, Stage, count, millis};
use crate::app::demo::founding::SHOP;
use crate::app::outcome::CliError;

/// Calls of bank A after which the shop's node is killed.
const CALLS_BEFORE_KILL: usize = 2;

impl Stage<'_> {
    pub(super) async fn kill_and_catch_up(&mut self) -> Result<(), CliError> {
        self.account.step(Act::CatchUp.title());
        let late = self.world.flags("bank-a", self.known, LATE_FRAUDSTERS, self.now);
        let before = self.shop_operator.status().await?.believed;
        let bar = self.account.bar(late.len(), "identifiers");
        let mut published = 0;
        let mut missed = 0;
        for (call, flags) in late.chunks(FLAGS_PER_CALL).enumerate() {
            if call == CALLS_BEFORE_KILL {
                self.cast.kill(SHOP).await?;
            }
            let names = count(self.bank_a.publish(flags, &format!("demo-late-{call}")).await?.len());
            published += names;
            missed += if call < CALLS_BEFORE_KILL { 0 } else { names };
            bar.inc(count(flags.len()));
        }
        bar.finish_and_clear();
        insist(missed > 0, || "nothing was published while the node was dead".to_owned())?;
        self.figures.published_while_down = missed;
        let since = Instant::now();
        self.cast.start(SHOP).await?;
        let (believed, _) = self.shop_operator.wait_until_believed(before + published).await?;
        self.figures.catch_up_ms = millis(since.elapsed());
        self.account.say(&format!(
            "Bank A publishes {} more indicators. After the first few hundred the shop's process is killed (SIGKILL: no \
             time to save anything). Bank A goes on and publishes {} that nobody at the shop hears of. Started again, the \
             shop's node reads its journal, asks for what it missed from exactly where it stood, and {} ms after its start \
             holds all {} verified indicators.",
            HumanCount(published),
            HumanCount(missed),
            self.figures.catch_up_ms,
            HumanCount(believed)
        ));
        insist(believed == before + published, || {
            format!("the shop believes {believed} indicators instead of {}", before + published)
        })
    }
}
