//! What has to be done about roster, epochs and keys, in words: what, until when, how.

use crate::base::time::Timestamp;
use crate::io::console::chart::grouped;
use crate::io::console::visit::Visit;
use crate::io::console::words::{Badge, away};
use crate::io::console::zone::Time;
use crate::node::due::{Due, DueWhat};

/// Less than that is soon: admins need days to meet and sign.
const SOON_S: u64 = 14 * 86_400;

/// One thing to do.
#[derive(Debug)]
pub struct DueRow {
    pub what: String,
    pub how: &'static str,
    /// Where it is told at length.
    pub command: &'static str,
    pub by: Option<Time>,
    pub urgency: Badge,
    pub pressing: bool,
}

impl DueRow {
    pub fn new(visit: &Visit, due: &Due) -> Self {
        let now = visit.now.wall;
        let (what, how, command) = words(&due.what);
        Self {
            what,
            how,
            command,
            by: due.by.map(|by| Time::to_the_minute(by, &visit.zone)),
            urgency: urgency(due.by, now),
            pressing: is_pressing(due.by, now),
        }
    }
}

fn is_pressing(by: Option<Timestamp>, now: Timestamp) -> bool {
    by.is_none_or(|by| by <= now.plus_s(SOON_S))
}

fn urgency(by: Option<Timestamp>, now: Timestamp) -> Badge {
    match by {
        None => Badge::new("waiting", "begun"),
        Some(by) if by <= now => Badge::new("bad", "overdue"),
        Some(by) if is_pressing(Some(by), now) => Badge::new("warning", away(by, now)),
        Some(by) => Badge::new("muted", away(by, now)),
    }
}

/// What it is, what to do, and the command that begins it.
fn words(what: &DueWhat) -> (String, &'static str, &'static str) {
    match what {
        DueWhat::Roster => (
            "Renew the roster".to_owned(),
            "Somebody prepares the next version, the admins sign it, every member applies it. After that day nothing is \
             published or exchanged until it is there.",
            "hushwire member propose --renew-days 365",
        ),
        DueWhat::Member(member) => (
            format!("Renew the place of {member} in the roster"),
            "The member makes a new card, and the next roster takes it over. After that day the member no longer takes part.",
            "hushwire member card",
        ),
        DueWhat::NextEpoch => (
            "Announce the next key epoch".to_owned(),
            "Pseudonyms get a new key every quarter, so that one that gets out opens little. Prepare it two weeks ahead; the \
             admins sign, every member applies.",
            "hushwire key new-epoch --in-days 14",
        ),
        DueWhat::EpochBegins(number) => (
            format!("Key epoch {} begins", number.0),
            "Its sealed secret must have reached this node by then; other members' nodes hand it on by themselves. From that \
             day on publish what is still true again.",
            "hushwire member apply",
        ),
        DueWhat::Republication { indicators, more } => {
            let count = grouped(u64::try_from(*indicators).unwrap_or(u64::MAX));
            let (least, noun) =
                (if *more { "at least " } else { "" }, if *indicators == 1 { "warning" } else { "warnings" });
            (
                format!("Publish {least}{count} {noun} again"),
                "They stand under an earlier key epoch. The node keeps no raw values, so your fraud desk publishes what is still \
                 true from its own records. After that day nobody finds the old ones.",
                "hushwire due --csv",
            )
        }
        DueWhat::KeyChange(name) => (
            format!("Finish the change of the key: {name}"),
            "A new key stands beside the old one. Once a roster names it and all members have applied that, destroy the old one.",
            "hushwire key rotate KEY --finish",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::epoch::KeyEpoch;

    const NOW: Timestamp = Timestamp::from_unix_s(1_795_000_000);
    const DAY_S: u64 = 86_400;

    #[test]
    fn what_is_near_presses_and_what_is_over_presses_more() {
        let check = |by: Option<Timestamp>, tone: &str, text: &str, presses: bool| {
            assert_eq!((urgency(by, NOW).tone, &*urgency(by, NOW).text), (tone, text));
            assert_eq!(is_pressing(by, NOW), presses, "{text}");
        };
        check(Some(NOW), "bad", "overdue", true);
        check(Some(NOW.plus_s(13 * DAY_S)), "warning", "in 13 days", true);
        check(Some(NOW.plus_s(15 * DAY_S)), "muted", "in 15 days", false);
        check(None, "waiting", "begun", true);
    }

    #[test]
    fn everything_that_is_due_says_what_to_do() {
        let all = [
            DueWhat::Roster,
            DueWhat::Member("shop".parse().expect("valid")),
            DueWhat::NextEpoch,
            DueWhat::EpochBegins(KeyEpoch(2)),
            DueWhat::Republication { indicators: 1, more: false },
            DueWhat::KeyChange("witness".to_owned()),
        ];
        for (what, how, command) in all.iter().map(words) {
            assert!(how.ends_with('.') && command.starts_with("hushwire "), "{what}");
        }
        assert_eq!(words(&all[4]).0, "Publish 1 warning again");
        let more = DueWhat::Republication { indicators: 1_000, more: true };
        assert_eq!(words(&more).0.replace('\u{202f}', "_"), "Publish at least 1_000 warnings again");
    }
}
