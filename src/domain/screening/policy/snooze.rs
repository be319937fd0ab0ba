//! Putting a rule of a policy to sleep, and waking it, in the text of its file: one line comes, changes or goes, all else stays as
//! its author wrote it.
//!
//! The file decides and its digest names what decided; so a snooze stands in it, and no answer given meanwhile can be mistaken for
//! one of the whole policy. What comes out is read again and compared with what went in, rule by rule: a file written in a way
//! this does not expect is left alone.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::base::limits::decisions::SNOOZE_DAYS;
use crate::base::time::Timestamp;
use crate::domain::indicator::note::Note;
use crate::domain::screening::policy::fault::{PolicyFaults, nearest};
use crate::domain::screening::policy::file;
use crate::domain::screening::policy::rule::{Mode, Rule};
use crate::domain::screening::policy::word::Word;

const KEY: &str = "snoozed_until";

/// Why a file is left as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnoozeError {
    #[error("the file has faults:\n{0}")]
    Faults(PolicyFaults),
    #[error("no rule {name:?}{}", nearest.as_deref().map(|near| format!("; did you mean {near:?}?")).unwrap_or_default())]
    UnknownRule { name: String, nearest: Option<String> },
    #[error("{name} is {mode} and decides nothing: only a live rule is snoozed")]
    NotLive { name: Word, mode: Mode },
    #[error("{name} is not snoozed")]
    Awake { name: Word },
    #[error("a snooze ends within {SNOOZE_DAYS} days and not in the past; for longer set mode = \"off\"")]
    TooLong,
    #[error("rule {name} is not written with a line for each key; write {KEY} into it by hand, at line {line}")]
    ByHand { name: Word, line: usize },
}

/// The text with the rule asleep until then. `why` stands beside it as a comment.
pub fn snooze(text: &str, name: &str, until: Timestamp, why: &Note, now: Timestamp) -> Result<String, SnoozeError> {
    let until = Timestamp::from_unix_s(until.unix_s());
    if until <= now || until > now.plus_s(SNOOZE_DAYS * 86_400) {
        return Err(SnoozeError::TooLong);
    }
    let (rules, place) = found(text, name)?;
    let rule = &rules[place];
    if rule.mode != Mode::Live {
        return Err(SnoozeError::NotLive { name: rule.name.clone(), mode: rule.mode });
    }
    let by_hand = || SnoozeError::ByHand { name: rule.name.clone(), line: rule.line };
    let seconds = i64::try_from(until.unix_s()).ok().and_then(|second| jiff::Timestamp::from_second(second).ok());
    let seconds = seconds.ok_or(SnoozeError::TooLong)?;
    let said = format!("{KEY} = {seconds} # {}", why.as_str());
    let lines = lines(text, place).ok_or_else(by_hand)?;
    let edited = match lines.snoozed {
        Some(line) => {
            let indent = indent(&text[line.clone()]);
            spliced(text, line, &format!("{indent}{said}"))
        }
        None => {
            let (indent, end) = (indent(&text[lines.name.clone()]), lines.name.end);
            let line_break = if text[end..].starts_with("\r\n") { "\r\n" } else { "\n" };
            spliced(text, end..end, &format!("{line_break}{indent}{said}"))
        }
    };
    same_but_for(&rules, place, &edited, Some(until)).then_some(edited).ok_or_else(by_hand)
}

/// The text with the rule awake.
pub fn wake(text: &str, name: &str) -> Result<String, SnoozeError> {
    let (rules, place) = found(text, name)?;
    let rule = &rules[place];
    if rule.snoozed_until.is_none() {
        return Err(SnoozeError::Awake { name: rule.name.clone() });
    }
    let by_hand = || SnoozeError::ByHand { name: rule.name.clone(), line: rule.line };
    let line = lines(text, place).and_then(|lines| lines.snoozed).ok_or_else(by_hand)?;
    // With its line break, or at the end of the file with the one before.
    let line = match text[line.end..].find('\n') {
        Some(more) => line.start..line.end + more + 1,
        None => text[..line.start].trim_end_matches(['\r', '\n']).len()..line.end,
    };
    let edited = spliced(text, line, "");
    same_but_for(&rules, place, &edited, None).then_some(edited).ok_or_else(by_hand)
}

/// The rules of the file, and the place of one among them.
fn found(text: &str, name: &str) -> Result<(Vec<Rule>, usize), SnoozeError> {
    let rules = file::read(text, None).map_err(SnoozeError::Faults)?.rules;
    match rules.iter().position(|rule| rule.name.as_str() == name) {
        Some(place) => Ok((rules, place)),
        None => {
            let nearest = nearest(name, rules.iter().map(|rule| rule.name.as_str()));
            Err(SnoozeError::UnknownRule { name: name.to_owned(), nearest })
        }
    }
}

/// Lines of a rule, without their breaks.
struct Lines {
    name: Range<usize>,
    snoozed: Option<Range<usize>>,
}

/// None where a key shares its line with something else.
fn lines(text: &str, place: usize) -> Option<Lines> {
    let table = DeTable::parse(text).ok()?;
    let DeValue::Array(rules) = table.get_ref().get("rule")?.get_ref() else { return None };
    let DeValue::Table(rule) = rules.get(place)?.get_ref() else { return None };
    let line = |wanted: &str| {
        let (key, value) = rule.iter().find(|(key, _)| key.get_ref() == wanted)?;
        let start = text[..key.span().start].rfind('\n').map_or(0, |before| before + 1);
        let end = text[value.span().end..].find(['\r', '\n']).map_or(text.len(), |more| value.span().end + more);
        let (before, behind) = (text[start..key.span().start].trim(), text[value.span().end..end].trim());
        Some((before.is_empty() && (behind.is_empty() || behind.starts_with('#'))).then_some(start..end))
    };
    let snoozed = match line(KEY) {
        None => None,
        Some(alone) => Some(alone?),
    };
    Some(Lines { name: line("name")??, snoozed })
}

fn indent(line: &str) -> &str {
    &line[..line.len() - line.trim_start().len()]
}

fn spliced(text: &str, range: Range<usize>, with: &str) -> String {
    format!("{}{with}{}", &text[..range.start], &text[range.end..])
}

/// Whether the text holds the same rules, and this one with this end of its snooze.
fn same_but_for(rules: &[Rule], place: usize, edited: &str, until: Option<Timestamp>) -> bool {
    let Ok(after) = file::read(edited, None) else { return false };
    // Where a rule stands is no part of what it says.
    let said = |rule: &Rule, snoozed_until| format!("{:?}", Rule { snoozed_until, line: 0, ..rule.clone() });
    let same = rules.iter().zip(&after.rules).enumerate().all(|(nth, (before, after))| {
        let expected = if nth == place { until } else { before.snoozed_until };
        said(before, expected) == said(after, after.snoozed_until)
    });
    same && rules.len() == after.rules.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_s(1_796_000_000);
    const UNTIL: Timestamp = Timestamp::from_unix_s(1_796_007_200);

    /// A file with two rules, the second of which says this beside its name.
    fn policy(more: &str) -> String {
        format!(
            "# ours\nname = \"own\"\nversion = 1\n\n[[rule]]\nname = \"first\" # kept\nwhen = \"true\"\ndecision = \"hold\"\n\n\
             [[rule]]\n  name = \"second\"\n{more}  when = '''\ntrue\n'''\n  decision = \"hold\"\n"
        )
    }

    fn why(text: &str) -> Note {
        Note::new(text).expect("plain")
    }

    fn asleep(text: &str, name: &str) -> Result<String, SnoozeError> {
        snooze(text, name, UNTIL, &why("stops \"too\" many"), NOW)
    }

    #[test]
    fn a_snoozed_rule_is_one_line_more_and_a_woken_one_the_file_as_it_was() {
        let line = "snoozed_until = 2026-11-30T02:53:20Z # stops \"too\" many\n";
        let text = policy("");
        let snoozed = asleep(&text, "second").expect("snoozed");
        assert_eq!(snoozed, policy(&format!("  {line}")));
        assert_eq!(wake(&snoozed, "second"), Ok(text.clone()));
        let snoozed = asleep(&text, "first").expect("snoozed");
        assert_eq!(snoozed, text.replace("# kept\n", &format!("# kept\n{line}")));
        assert_eq!(wake(&snoozed, "first"), Ok(text.clone()));
        // With the line breaks of another system, and without one at its end.
        let text = text.replace('\n', "\r\n");
        let snoozed = asleep(&text, "second").expect("snoozed");
        assert!(snoozed.contains("\"second\"\r\n  snoozed_until = 2026-11-30T02:53:20Z"), "{snoozed}");
        assert_eq!(wake(&snoozed, "second"), Ok(text));
        let last = "name = \"own\"\nversion = 1\n[[rule]]\nwhen = \"true\"\ndecision = \"hold\"\nname = \"last\"";
        let snoozed = asleep(last, "last").expect("snoozed");
        assert!(snoozed.ends_with(line.trim_end()), "{snoozed}");
        assert_eq!(wake(&snoozed, "last"), Ok(last.to_owned()));
    }

    #[test]
    fn a_snooze_can_be_made_longer_and_shorter() {
        let before = policy("  snoozed_until = \"2026-11-29T00:00:00Z\"   # earlier words\n");
        let snoozed = asleep(&before, "second").expect("snoozed anew");
        assert_eq!(snoozed, policy("  snoozed_until = 2026-11-30T02:53:20Z # stops \"too\" many\n"));
    }

    #[test]
    fn what_cannot_be_snoozed_is_left_as_it_is() {
        let check = |text: &str, name: &str, part: &str| {
            let said = asleep(text, name).expect_err(part).to_string();
            assert!(said.contains(part), "{part:?} is missing in {said:?}");
        };
        check(&policy(""), "secnd", "did you mean \"second\"");
        check(&policy("  mode = \"shadow\"\n"), "second", "only a live rule");
        check(&policy("  colour = 7\n"), "second", "colour");
        let inline = "name = \"own\"\nversion = 1\nrule = [{ name = \"one\", when = \"true\", decision = \"hold\" }]\n";
        check(inline, "one", "by hand, at line 3");
        let broken = inline.replace("{ name = \"one\", when", "{\n name = \"one\" # x\n, when");
        check(&broken, "one", "by hand");
        for until in [NOW, NOW.plus_s(31 * 86_400)] {
            assert_eq!(snooze(&policy(""), "second", until, &why("x"), NOW), Err(SnoozeError::TooLong));
        }
        let said = wake(&policy(""), "second").expect_err("awake").to_string();
        assert_eq!(said, "second is not snoozed");
        let shared = inline.replace("decision", "snoozed_until = 2026-11-29T00:00:00Z, decision");
        assert!(matches!(wake(&shared, "one"), Err(SnoozeError::ByHand { .. })));
    }
}
