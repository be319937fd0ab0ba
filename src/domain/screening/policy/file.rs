//! The file of a policy: TOML, read with the place of every value, so that a fault is told by line and column.
//!
//! Every rule is checked, not only up to the first that is wrong. Unknown keys are refused: a misspelt `mode` must not make a
//! rule live.

use std::collections::BTreeMap;
use std::ops::Range;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::base::limits;
use crate::base::time::Timestamp;
use crate::domain::screening::decision::Decision;
use crate::domain::screening::policy::check::{Misfit, check};
use crate::domain::screening::policy::fault::{Fault, PolicyFault, PolicyFaults, nearest};
use crate::domain::screening::policy::needs::Needs;
use crate::domain::screening::policy::reads::reads_matches;
use crate::domain::screening::policy::rule::{Description, Mode, Rule};
use crate::domain::screening::policy::thresholds::Thresholds;
use crate::domain::screening::policy::word::Word;
use crate::domain::screening::policy::{cost, names::Vocabulary};

/// What a file holds.
#[derive(Debug)]
pub struct PolicyFile {
    pub name: Word,
    pub version: u32,
    pub rules: Vec<Rule>,
}

const KEYS: &[&str] = &["name", "version", "description", "amounts", "rule"];
const RULE_KEYS: &[&str] =
    &["name", "description", "when", "each", "decision", "reason", "advice", "mode", "snoozed_until", "not_sole_basis"];
const WORD: &str = "a lower-case word of letters, digits and _, of at most 64 characters";
const DECISION: &str = "\"allow\", \"challenge\", \"hold\" or \"block\"";

pub fn read(text: &str) -> Result<PolicyFile, PolicyFaults> {
    let mut reader = Reader { text, faults: Vec::new(), rule: None };
    let (got, limit) = (text.len(), limits::decisions::POLICY_BYTES);
    if got > limit {
        reader.fault(0..0, Fault::TooLong { what: "a policy", got, limit });
        return Err(PolicyFaults(reader.faults));
    }
    let file = match DeTable::parse(text) {
        Ok(table) => reader.file(table.get_ref()),
        Err(error) => {
            let reason = error.message().lines().next().unwrap_or_default().to_owned();
            reader.fault(error.span().unwrap_or(0..0), Fault::Toml(reason));
            None
        }
    };
    match file {
        Some(file) if reader.faults.is_empty() => Ok(file),
        _ => {
            reader.faults.sort_by_key(|fault| (fault.line, fault.column));
            Err(PolicyFaults(reader.faults))
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    faults: Vec<PolicyFault>,
    /// The rule that is read.
    rule: Option<String>,
}

type Value<'t> = Spanned<DeValue<'t>>;

impl Reader<'_> {
    fn fault(&mut self, at: Range<usize>, fault: Fault) {
        let (line, column) = self.place(at.start);
        self.faults.push(PolicyFault { line, column, rule: self.rule.clone(), fault });
    }

    fn place(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        (line, before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1)
    }

    fn file(&mut self, table: &DeTable<'_>) -> Option<PolicyFile> {
        self.known(table, KEYS);
        let name = self.required(table, 0, "name", WORD).and_then(|value| self.word("name", value));
        let version = "a whole number from 1, higher with every change";
        let version = self.required(table, 0, "version", version).and_then(|value| {
            let number = number(value).and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0);
            self.or_fault("version", version, value, number)
        });
        if let Some(value) = table.get("description") {
            self.text_of("description", value);
        }
        let amounts = table.get("amounts").map(|value| self.amounts(value)).unwrap_or_default();
        let mut rules = Vec::new();
        match table.get("rule").map(|value| (value.span(), value.get_ref())) {
            None => {}
            Some((span, DeValue::Array(tables))) => {
                let (got, limit) = (tables.len(), limits::decisions::POLICY_RULES);
                if got > limit {
                    self.fault(span, Fault::TooMany { what: "rules", got, limit });
                    return None;
                }
                let mut lines: BTreeMap<String, usize> = BTreeMap::new();
                for value in tables.iter() {
                    rules.extend(self.rule(value, &amounts, &mut lines));
                    self.rule = None;
                }
            }
            Some((span, _)) => {
                self.fault(span, Fault::Value { key: "rule".to_owned(), allowed: "tables: [[rule]]" });
            }
        }
        let got = rules.iter().filter(|rule| rule.mode != Mode::Off).map(|rule| rule.steps).sum();
        if got > limits::decisions::POLICY_STEPS {
            self.fault(0..0, Fault::TotalCost { got, limit: limits::decisions::POLICY_STEPS });
        }
        Some(PolicyFile { name: name?, version: version?, rules })
    }

    fn rule(&mut self, value: &Value<'_>, amounts: &Thresholds, lines: &mut BTreeMap<String, usize>) -> Option<Rule> {
        let DeValue::Table(table) = value.get_ref() else {
            self.fault(value.span(), Fault::Value { key: "rule".to_owned(), allowed: "tables: [[rule]]" });
            return None;
        };
        let start = value.span().start;
        let named = self.required(table, start, "name", WORD);
        let name = named.and_then(|value| self.word("name", value));
        let line = self.place(named.map_or(start, |value| value.span().start)).0;
        self.rule = name.as_ref().map(Word::to_string);
        self.known(table, RULE_KEYS);
        if let (Some(name), Some(value)) = (&name, named)
            && let Some(first_line) = lines.insert(name.to_string(), line)
        {
            self.fault(value.span(), Fault::SameName { first_line });
        }
        let each_match = table.get("each").is_some_and(|value| self.each(value));
        let description = table.get("description").and_then(|value| self.description(value, each_match));
        let decision = self.required(table, start, "decision", DECISION).and_then(|value| {
            let decision = text(value).and_then(Decision::from_label);
            self.or_fault("decision", DECISION, value, decision)
        });
        let reason = table.get("reason").and_then(|value| self.word("reason", value));
        let advice = table.get("advice").and_then(|value| self.word("advice", value));
        let mode = table.get("mode").map(|value| {
            let mode = text(value).and_then(|label| label.parse().ok());
            self.or_fault("mode", "\"live\", \"shadow\" or \"off\"", value, mode)
        });
        let mode = mode.map_or(Some(Mode::Live), |mode| mode);
        let snoozed_until = table.get("snoozed_until").and_then(|value| self.time("snoozed_until", value));
        let when = self.required(table, start, "when", "a condition, docs/policy.md")?;
        let when_text = self.text_of("when", when)?;
        let condition = self.condition(when, when_text, each_match, amounts)?;
        let steps = cost::of_rule(&condition, each_match);
        if steps > limits::decisions::POLICY_RULE_STEPS {
            self.fault(when.span(), Fault::Cost { got: steps, limit: limits::decisions::POLICY_RULE_STEPS });
        }
        let not_sole_basis = table.get("not_sole_basis").is_none_or(|value| self.sole(value, &condition, each_match));
        let name = name?;
        Some(Rule {
            description: description.unwrap_or_else(|| Description(name.as_str().replace('_', " "))),
            when: when_text.to_owned(),
            each_match,
            decision: decision?,
            reason: reason.unwrap_or_else(|| name.clone()),
            advice,
            mode: mode?,
            snoozed_until,
            not_sole_basis,
            needs: Needs::of(&condition, each_match),
            steps,
            condition,
            line,
            name,
        })
    }

    fn condition(
        &mut self,
        value: &Value<'_>,
        source: &str,
        each_match: bool,
        amounts: &Thresholds,
    ) -> Option<crate::domain::screening::policy::language::Condition> {
        match check(source, each_match, amounts) {
            Ok(condition) => Some(condition),
            Err(Misfit { offset, fault }) => {
                let begin = self.begin(&value.span(), source);
                // Where the file writes it with escapes, only its beginning is certain.
                let at = begin.map_or(value.span().start, |begin| begin + offset);
                self.fault(at..at, fault);
                None
            }
        }
    }

    /// Where a text begins behind its quotes; none where the file writes it in another way than it reads.
    fn begin(&self, span: &Range<usize>, value: &str) -> Option<usize> {
        let written = self.text.get(span.clone())?;
        let begins = [3, 1].into_iter().filter_map(|quotes| {
            let rest = written.get(quotes..)?;
            // The line break behind three quotes is not part of the text.
            let lead = if quotes == 3 {
                rest.len() - rest.strip_prefix("\r\n").or(rest.strip_prefix('\n')).unwrap_or(rest).len()
            } else {
                0
            };
            rest.get(lead..)?.starts_with(value).then_some(span.start + quotes + lead)
        });
        let triple = written.starts_with("'''") || written.starts_with("\"\"\"");
        let mut begins: Vec<usize> = begins.collect();
        if !triple {
            begins.retain(|begin| *begin == span.start + 1);
        }
        begins.first().copied()
    }

    fn amounts(&mut self, value: &Value<'_>) -> Thresholds {
        const ALLOWED: &str = "tables of amounts in minor units by currency: [amounts.large] EUR = 100000";
        let mut thresholds = Thresholds::default();
        let DeValue::Table(named) = value.get_ref() else {
            self.fault(value.span(), Fault::Value { key: "amounts".to_owned(), allowed: ALLOWED });
            return thresholds;
        };
        if named.len() > limits::decisions::POLICY_AMOUNTS {
            self.fault(
                value.span(),
                Fault::TooMany { what: "amounts", got: named.len(), limit: limits::decisions::POLICY_AMOUNTS },
            );
        }
        for (name, by_currency) in named.iter() {
            let key = format!("amounts.{}", name.get_ref());
            let table = match by_currency.get_ref() {
                DeValue::Table(table) if Word::from_str(name.get_ref()).is_ok() && !table.is_empty() => table,
                _ => {
                    self.fault(name.span(), Fault::Value { key, allowed: ALLOWED });
                    continue;
                }
            };
            if table.len() > limits::decisions::POLICY_CURRENCIES {
                let fault = Fault::TooMany {
                    what: "currencies",
                    got: table.len(),
                    limit: limits::decisions::POLICY_CURRENCIES,
                };
                self.fault(name.span(), fault);
            }
            let mut amounts = Vec::with_capacity(table.len());
            for (currency, amount) in table.iter() {
                let code = currency.get_ref().as_ref();
                match number(amount).filter(|amount| *amount >= 0) {
                    Some(amount) if !code.is_empty() && Vocabulary::Currency.takes(code) => {
                        amounts.push((code.to_owned(), amount));
                    }
                    _ => self.fault(currency.span(), Fault::Value { key: format!("{key}.{code}"), allowed: ALLOWED }),
                }
            }
            thresholds.0.insert(name.get_ref().to_string(), amounts);
        }
        thresholds
    }

    fn known(&mut self, table: &DeTable<'_>, known: &'static [&'static str]) {
        for (key, _) in table.iter() {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                let nearest = nearest(name, known.iter().copied());
                let fault = Fault::UnknownKey { name: name.to_owned(), known: known.join(", "), nearest };
                self.fault(key.span(), fault);
            }
        }
    }

    fn required<'v, 't>(
        &mut self,
        table: &'v DeTable<'t>,
        start: usize,
        key: &'static str,
        allowed: &'static str,
    ) -> Option<&'v Value<'t>> {
        let value = table.get(key);
        if value.is_none() {
            self.fault(start..start, Fault::Missing { key, allowed });
        }
        value
    }

    fn or_fault<T>(&mut self, key: &str, allowed: &'static str, value: &Value<'_>, read: Option<T>) -> Option<T> {
        if read.is_none() {
            self.fault(value.span(), Fault::Value { key: key.to_owned(), allowed });
        }
        read
    }

    fn word(&mut self, key: &str, value: &Value<'_>) -> Option<Word> {
        let word = text(value).and_then(|text| text.parse().ok());
        self.or_fault(key, WORD, value, word)
    }

    fn text_of<'v>(&mut self, key: &str, value: &'v Value<'_>) -> Option<&'v str> {
        self.or_fault(key, "a text", value, text(value))
    }

    fn description(&mut self, value: &Value<'_>, each_match: bool) -> Option<Description> {
        let description = Description(self.text_of("description", value)?.to_owned());
        let (got, limit) = (description.0.chars().count(), limits::decisions::POLICY_DESCRIPTION_CHARACTERS);
        if got > limit || description.0.contains(char::is_control) {
            self.fault(value.span(), Fault::TooLong { what: "a description of one line", got, limit });
        }
        let known: &[&str] = if each_match { &["flags", "members", "kind"] } else { &[] };
        let unknown = description.placeholders().find(|name| !known.contains(name));
        if let Some(name) = unknown.map(str::to_owned) {
            let nearest = nearest(&name, known.iter().copied());
            self.fault(value.span(), Fault::UnknownName { what: "placeholder", name, nearest });
        }
        Some(description)
    }

    fn each(&mut self, value: &Value<'_>) -> bool {
        let each = text(value).filter(|each| *each == "match");
        self.or_fault("each", "\"match\", or not given", value, each).is_some()
    }

    /// What members reported is never the only ground; what a member knows by itself may be.
    fn sole(
        &mut self,
        value: &Value<'_>,
        condition: &crate::domain::screening::policy::language::Condition,
        each: bool,
    ) -> bool {
        let given = match value.get_ref() {
            DeValue::Boolean(given) => Some(*given),
            _ => None,
        };
        let told = each || reads_matches(condition);
        let allowed = "true, or false in a rule that looks at no match";
        self.or_fault("not_sole_basis", allowed, value, given.filter(|given| *given || !told)).unwrap_or(true)
    }

    fn time(&mut self, key: &str, value: &Value<'_>) -> Option<Timestamp> {
        let written = match value.get_ref() {
            DeValue::Datetime(time) => Some(time.to_string()),
            DeValue::String(text) => Some(text.to_string()),
            _ => None,
        };
        let time = written.and_then(|text| text.parse::<jiff::Timestamp>().ok());
        let time = time.and_then(|time| u64::try_from(time.as_millisecond()).ok()).map(Timestamp::from_unix_ms);
        self.or_fault(key, "a moment with its zone, e.g. 2026-12-01T08:00:00Z", value, time)
    }
}

fn text<'v>(value: &'v Value<'_>) -> Option<&'v str> {
    match value.get_ref() {
        DeValue::String(text) => Some(text),
        _ => None,
    }
}

fn number(value: &Value<'_>) -> Option<i64> {
    match value.get_ref() {
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok(),
        _ => None,
    }
}
