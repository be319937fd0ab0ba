//! Both banks publish; the shop believes what it could verify.

use std::ffi::OsStr;
use std::time::Instant;

use indicatif::HumanCount;

use crate::app::demo::acts::act::{Act, insist};
use crate::app::demo::acts::{FLAGS_PER_CALL, SHARED_EVERY, Stage, config, count, millis};
use crate::app::demo::founding::BANK_A;
use crate::app::demo::generator::{Flag, publish_csv};
use crate::app::outcome::CliError;

impl Stage<'_> {
    pub(super) async fn publish_and_believe(&mut self) -> Result<Vec<Flag>, CliError> {
        self.account.step(Act::Publish.title());
        let flags = self.world.flags("bank-a", 0, self.known, self.now);
        let file = self.cast.desk_file();
        let text =
            publish_csv(&flags).map_err(|error| CliError::failed(format!("the file cannot be made: {error}")))?;
        std::fs::write(&file, text).map_err(|error| CliError::failed(format!("{}: {error}", file.display())))?;
        let config = config(self.cast.member(BANK_A)?);
        let waiting = self.account.waiting("publishing the file");
        let since = Instant::now();
        let publish = ["publish", "--json", "--config"].map(OsStr::new).into_iter();
        let printed = self.cast.run(publish.chain([config.as_os_str(), file.as_os_str()])).await?;
        self.figures.publish_ms = millis(since.elapsed());
        waiting.finish_and_clear();
        let report: serde_json::Value = serde_json::from_str(&printed)
            .map_err(|error| CliError::failed(format!("publish did not answer in JSON: {error}")))?;
        self.figures.published = report["published"].as_u64().unwrap_or_default();
        insist(self.figures.published >= count(flags.len()), || {
            format!("of {} identifiers {} indicators were published", flags.len(), self.figures.published)
        })?;
        let also = self.world.flags("bank-b", 0, self.known / SHARED_EVERY, self.now);
        for (call, flags) in also.chunks(FLAGS_PER_CALL).enumerate() {
            let names = self.bank_b.publish(flags, &format!("demo-bank-b-{call}")).await?;
            self.figures.published += count(names.len());
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
            HumanCount(count(flags.len())),
            self.figures.believe_ms,
            HumanCount(self.figures.published)
        ));
        self.account.figure("indicators published by both banks", HumanCount(self.figures.published).to_string());
        self.account.figure("bank A's file took", format!("{} ms", self.figures.publish_ms));
        self.account.figure("believed by the shop", HumanCount(believed).to_string());
        insist(believed == self.figures.published, || {
            format!("the shop believes {believed} indicators of {} published", self.figures.published)
        })?;
        Ok(flags)
    }
}
