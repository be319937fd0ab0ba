//! What ends or stops by itself, told in the log when it is first seen: at the start, and when it happens. Without a line
//! nobody finds out why a node that was well yesterday exchanges nothing today.

use std::collections::BTreeSet;

use crate::base::time::Timestamp;

/// What is seen of the node, as far as it can end or stop.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    /// Name of the door and end of its certificate.
    pub certificates: &'a [(&'static str, Timestamp)],
    /// None while the engine has not told of it.
    pub node: Option<NodeSight<'a>>,
}

/// What the engine tells of.
#[derive(Debug, Clone, Copy)]
pub struct NodeSight<'a> {
    pub roster_ends: Timestamp,
    /// `ready`, `fenced` or `recovering`.
    pub state: &'static str,
    pub detail: &'a str,
}

/// What was told and still holds. A certificate, roster or state that is mended is told again when it ends anew.
#[derive(Debug, Default)]
pub struct Told {
    told: BTreeSet<Notice>,
    /// At the look before. Every start is fenced until the others have answered; only what lasts is worth a line.
    was_fenced: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Notice {
    CertificateExpired(&'static str),
    RosterExpired,
    Fenced,
}

impl Told {
    /// Logs what is new.
    pub fn look(&mut self, sight: Sight<'_>, now: Timestamp) {
        for notice in self.news(sight, now) {
            let until = |door| sight.certificates.iter().find(|(name, _)| *name == door).map(|(_, until)| *until);
            match notice {
                Notice::CertificateExpired(door) => {
                    let ended = until(door).unwrap_or(now);
                    tracing::error!(event = "certificate.expired", door, %ended, "nobody who checks it can connect");
                }
                Notice::RosterExpired => {
                    let ended = sight.node.map_or(now, |node| node.roster_ends);
                    tracing::error!(event = "roster.expired", %ended, "nothing is published or exchanged");
                }
                Notice::Fenced => {
                    let (state, reason) = sight.node.map_or(("", ""), |node| (node.state, node.detail));
                    tracing::warn!(event = "node.fenced", state, reason);
                }
            }
        }
    }

    /// What was not told yet. That a fence opens again is news too, but none that is waited for: the state says it.
    fn news(&mut self, sight: Sight<'_>, now: Timestamp) -> Vec<Notice> {
        let ended = sight.certificates.iter().filter(|(_, until)| *until <= now);
        let mut holds: BTreeSet<Notice> = ended.map(|(door, _)| Notice::CertificateExpired(door)).collect();
        match sight.node {
            Some(node) => {
                holds.extend((node.roster_ends <= now).then_some(Notice::RosterExpired));
                let fenced = node.state != "ready";
                holds.extend((fenced && self.was_fenced).then_some(Notice::Fenced));
                self.was_fenced = fenced;
            }
            // Nothing is known anew.
            None => holds.extend(self.told.iter().filter(|told| !matches!(told, Notice::CertificateExpired(_)))),
        }
        let news = holds.difference(&self.told).copied().collect();
        self.told = holds;
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_is_told_once_and_again_after_it_was_mended() {
        let now = Timestamp::from_unix_s(1_795_000_000);
        let mut told = Told::default();
        let mut check = |certificate: Timestamp, roster: Option<Timestamp>, state, expected: &[Notice]| {
            let certificates = [("local", certificate), ("peer", now.plus_s(1))];
            let node = roster.map(|roster_ends| NodeSight { roster_ends, state, detail: "" });
            assert_eq!(told.news(Sight { certificates: &certificates, node }, now), expected);
        };
        let later = now.plus_s(1);
        check(later, None, "ready", &[]);
        check(now, None, "ready", &[Notice::CertificateExpired("local")]);
        check(now, Some(now), "fenced", &[Notice::RosterExpired]);
        check(now, Some(now), "fenced", &[Notice::Fenced]);
        check(now, None, "ready", &[]);
        check(now, Some(now), "recovering", &[]);
        check(later, Some(later), "ready", &[]);
        check(now, Some(now), "recovering", &[Notice::CertificateExpired("local"), Notice::RosterExpired]);
        check(now, Some(now), "recovering", &[Notice::Fenced]);
    }
}
