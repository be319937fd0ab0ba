//! Who tries to learn an identifier, and how far each gets.

use indicatif::HumanCount;

use crate::app::demo::acts::Stage;
use crate::app::demo::acts::act::{Act, insist};
use crate::app::demo::generator::Flag;
use crate::app::demo::thieves::{self, Loot};
use crate::app::outcome::CliError;

impl Stage<'_> {
    pub(super) fn pry(&mut self, flags: &[Flag]) -> Result<(), CliError> {
        self.account.step(Act::Pry.title());
        let waiting = self.account.waiting("searching");
        let loot = thieves::search(&self.cast, flags)?;
        let guesses = thieves::guesses_per_s();
        waiting.finish_and_clear();
        let figures = &mut self.figures;
        figures.values_searched = loot.values;
        figures.disk_bytes_searched = loot.disk_bytes;
        figures.disk_values_found = loot.disk_found;
        figures.wire_bytes_searched = loot.wire_bytes;
        figures.wire_values_found = loot.wire_found;
        figures.member_guesses_per_s = guesses;
        figures.member_seconds_per_issuer = thieves::NUMBERS_PER_ISSUER / guesses.max(1);
        self.account.say(&format!(
            "The thief has every file of all three nodes, {} MB, and searches them for the {} identifiers bank A published, as \
             text, as hexadecimal and as base64: {} found. (The same search finds all {} in the file of bank A's fraud desk, \
             which never was on a node.) Guessing does not help: the key lies in a keystore sealed under a \
             passphrase, and without the key a guess cannot be compared with a pseudonym. The listener recorded {:.1} MB \
             between bank A and the others: {} found.",
            loot.disk_bytes / 1_000_000,
            HumanCount(loot.values),
            none_or(loot.disk_found),
            HumanCount(loot.values),
            millions(loot.wire_bytes),
            none_or(loot.wire_found)
        ));
        self.account.say(&format!(
            "What this does NOT protect against: a malicious member. Every member holds the key for pseudonyms (it must, to \
             screen), and so can try identifiers out: {:.1} million a second on one core of this machine, all card numbers \
             of one issuer in {} seconds, on a graphics card far sooner. That is the limit of today's method, suite 1. Only \
             the members' agreement and the law bind a member here. A later suite 2 splits the key among the members, so \
             that none can try anything alone; this version does not run it yet.",
            millions(guesses),
            HumanCount(self.figures.member_seconds_per_issuer)
        ));
        insist_on_nothing(&loot)
    }
}

/// Nothing was found, by a search that finds what is there.
fn insist_on_nothing(loot: &Loot) -> Result<(), CliError> {
    insist(loot.desk_found >= loot.values, || {
        format!("the search finds only {} of {} values in the desk's own file", loot.desk_found, loot.values)
    })?;
    insist(loot.disk_bytes > 0 && loot.wire_bytes > 0, || "there was nothing to search".to_owned())?;
    insist(loot.disk_found == 0, || format!("{} values were found on the nodes' disks", loot.disk_found))?;
    insist(loot.wire_found == 0, || format!("{} values were found on the wire", loot.wire_found))
}

pub(super) fn none_or(found: u64) -> String {
    if found == 0 { "none".to_owned() } else { HumanCount(found).to_string() }
}

/// A count in millions.
fn millions(count: u64) -> f64 {
    f64::from(u32::try_from(count / 1000).unwrap_or(u32::MAX)) / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anything_found_or_a_search_that_finds_nothing_fails_the_act() {
        let clean = || Loot { values: 3, desk_found: 3, disk_bytes: 10, wire_bytes: 10, disk_found: 0, wire_found: 0 };
        assert!(insist_on_nothing(&clean()).is_ok());
        let check = |loot: Loot| assert!(insist_on_nothing(&loot).is_err(), "{loot:?}");
        check(Loot { disk_found: 1, ..clean() });
        check(Loot { wire_found: 1, ..clean() });
        check(Loot { desk_found: 2, ..clean() });
        check(Loot { disk_bytes: 0, ..clean() });
        check(Loot { wire_bytes: 0, ..clean() });
    }
}
