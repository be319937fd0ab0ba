//! What each node did stands in a log that others can check without it.

use std::ffi::OsStr;
use std::path::Path;

use indicatif::HumanCount;

use crate::app::demo::acts::act::{Act, insist};
use crate::app::demo::acts::{Stage, config, count};
use crate::app::demo::founding::{BANK_A, BANK_B, Member, SHOP};
use crate::app::outcome::CliError;

impl Stage<'_> {
    pub(super) async fn verify_audit_logs(&mut self) -> Result<(), CliError> {
        self.account.step(Act::Audit.title());
        // Each log is verified with the key that another member's roster gives for it: the log's own word is not enough.
        for (logged, witness) in [(BANK_A, BANK_B), (BANK_B, SHOP), (SHOP, BANK_A)] {
            let (logged, witness) = (self.cast.member(logged)?, self.cast.member(witness)?);
            let key = self.audit_key(logged.id, witness).await?;
            let file = self.cast.folder().join(format!("{}-audit.jsonl", logged.id));
            let config = config(logged);
            let export = ["audit", "export", "--config"].map(OsStr::new).into_iter();
            self.cast.run(export.chain([config.as_os_str(), OsStr::new("--out"), file.as_os_str()])).await?;
            let records = records(&file)?;
            insist(records > 0, || format!("the log of {} is empty", logged.title))?;
            let code = self.verify(&file, &key).await?;
            insist(code == Some(0), || format!("the log of {} does not verify", logged.title))?;
            self.figures.audit_records += records;
            self.account.figure(logged.title, format!("{} records, every line proved", HumanCount(records)));
        }
        self.insist_on_finding_forgeries().await?;
        self.figures.audit_verified = true;
        self.account.say(
            "What was published, sent and received, which orders were stopped and why, and who asked: all of it stands in a \
             log that can only grow, sealed by signatures. Whoever gets an export can check it with this program, the key \
             from any member's roster and no access to the node. One word changed, in a copy of the shop's log, and it no \
             longer verifies; neither does it under another member's key.",
        );
        Ok(())
    }

    /// A changed word is found, and so is a log under another's key.
    async fn insist_on_finding_forgeries(&self) -> Result<(), CliError> {
        let (shop, bank) = (self.cast.member(SHOP)?, self.cast.member(BANK_A)?);
        let (file, forged) =
            (self.cast.folder().join("shop-audit.jsonl"), self.cast.folder().join("shop-forged.jsonl"));
        let unreadable = |error: std::io::Error| CliError::failed(format!("{}: {error}", file.display()));
        let text = std::fs::read_to_string(&file).map_err(unreadable)?;
        let changed = text.replacen("\"challenge\"", "\"allow\"", 1);
        insist(changed != text, || "the shop's log holds no challenge".to_owned())?;
        std::fs::write(&forged, changed).map_err(unreadable)?;
        let found = Some(i32::from(CliError::NOT_VERIFIED));
        let key = self.audit_key(shop.id, bank).await?;
        insist(self.verify(&forged, &key).await? == found, || "a forged log verifies".to_owned())?;
        let other = self.audit_key(bank.id, shop).await?;
        insist(self.verify(&file, &other).await? == found, || "a log verifies under another's key".to_owned())
    }

    /// The key of a member's audit log, from the roster that another member holds.
    pub(super) async fn audit_key(&self, member: &str, witness: &Member) -> Result<String, CliError> {
        let roster = ["member", "roster", "--json", "--dir"].map(OsStr::new).into_iter();
        let printed = self.cast.run(roster.chain([witness.dir.as_os_str()])).await?;
        let roster: serde_json::Value = serde_json::from_str(&printed)
            .map_err(|error| CliError::failed(format!("the roster is not JSON: {error}")))?;
        let rows = roster["members"].as_array().into_iter().flatten();
        let key = rows.filter(|row| row["id"] == member).find_map(|row| row["audit_key"].as_str());
        key.map(str::to_owned).ok_or_else(|| CliError::not_verified(format!("the roster has no audit key of {member}")))
    }

    async fn verify(&self, file: &Path, key: &str) -> Result<Option<i32>, CliError> {
        let words = [OsStr::new("audit"), OsStr::new("verify"), file.as_os_str(), OsStr::new("--key"), OsStr::new(key)];
        Ok(self.cast.command(words).await?.status.code())
    }
}

/// Records of an export: every line but its head and its checkpoint.
fn records(file: &Path) -> Result<u64, CliError> {
    let text =
        std::fs::read_to_string(file).map_err(|error| CliError::failed(format!("{}: {error}", file.display())))?;
    Ok(count(text.lines().count().saturating_sub(2)))
}
