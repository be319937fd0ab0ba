//! From the text of a condition to a tree whose every operand has its type: CEL (the Common Expression Language), parsed by
//! the `cel` crate, whose interpreter finds out about types when it is too late. Here every name, function and operand is
//! checked against the table of [`crate::domain::screening::policy::names`] before the policy comes into force.
//!
//! Left out of the language: floating point (amounts are whole), maps, regular expressions, indices (a list may be empty),
//! and everything else that could fail on a transaction.

mod calls;
mod loops;

use cel::Program;
use cel::common::ast::{Expr, IdedExpr, LiteralValue, SelectExpr, SourceInfo};

use crate::base::limits;
use crate::domain::screening::policy::fault::{Fault, nearest};
use crate::domain::screening::policy::language::{Binding, Condition, List, Number, Text};
use crate::domain::screening::policy::names::{MATCH_NAMES, NAMES, Name, Read, ReadMatch, Vocabulary};
use crate::domain::screening::policy::thresholds::Thresholds;

/// A fault with its place in the condition's text, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    pub offset: usize,
    pub fault: Fault,
}

/// Checks one condition. `each_match` says that it is asked of every match by itself, which it names `match`.
pub fn check(source: &str, each_match: bool, thresholds: &Thresholds) -> Result<Condition, Misfit> {
    check_text(source)?;
    let program = Program::compile(source).map_err(|errors| syntax(source, &errors))?;
    let bound = if each_match { vec![("match".to_owned(), Element::Match)] } else { Vec::new() };
    let mut checker = Checker { info: program.source_info(), source, thresholds, bound, depth: 0 };
    checker.condition(program.expression(), "a condition")
}

fn check_text(source: &str) -> Result<(), Misfit> {
    let (got, limit) = (source.len(), limits::decisions::POLICY_CONDITION_BYTES);
    if got > limit {
        return Err(Misfit { offset: 0, fault: Fault::TooLong { what: "a condition", got, limit } });
    }
    if let Some(offset) = source.bytes().position(|byte| !byte.is_ascii()) {
        return Err(Misfit { offset, fault: Fault::NotAscii });
    }
    // Before the parser sees it: it recurses, and so does what it makes.
    let mut open = 0_usize;
    for (offset, byte) in source.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        if open > limits::decisions::POLICY_NESTING {
            return Err(Misfit { offset, fault: Fault::Nesting });
        }
    }
    Ok(())
}

fn syntax(source: &str, errors: &cel::ParseErrors) -> Misfit {
    let Some(first) = errors.errors.first() else {
        return Misfit { offset: 0, fault: Fault::Syntax("it cannot be read".to_owned()) };
    };
    let (line, column) = (usize::try_from(first.pos.0).unwrap_or(1), usize::try_from(first.pos.1).unwrap_or(1));
    let before: usize = source.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let offset = (before + column.saturating_sub(1)).min(source.len());
    if first.msg.contains("Recursion") {
        return Misfit { offset: 0, fault: Fault::Deep };
    }
    // The parser's lists of everything that could stand there help nobody.
    let reason = first.msg.lines().next().unwrap_or_default();
    let reason = reason.strip_prefix("Syntax error: ").unwrap_or(reason);
    let reason = reason.split(" expecting ").next().unwrap_or(reason);
    let reason = if reason.contains("<EOF>") { "it ends too early" } else { reason };
    Misfit { offset, fault: Fault::Syntax(reason.chars().take(120).collect()) }
}

/// What a name of a loop stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    Match,
    Text(Option<Vocabulary>),
}

/// An expression with its type.
enum Typed {
    Condition(Condition),
    Number(Number),
    Text(Text, Option<Vocabulary>),
    Match(Binding),
    List(List, Element),
    Numbers(Vec<Number>),
}

impl Typed {
    const fn type_name(&self) -> &'static str {
        match self {
            Self::Condition(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(..) => "a text",
            Self::Match(_) => "a match",
            Self::List(_, Element::Match) => "a list of matches",
            Self::List(_, Element::Text(_)) => "a list of texts",
            Self::Numbers(_) => "a list of numbers",
        }
    }
}

struct Checker<'s> {
    info: &'s SourceInfo,
    source: &'s str,
    thresholds: &'s Thresholds,
    /// The loops around, the innermost last.
    bound: Vec<(String, Element)>,
    depth: usize,
}

type Checked<T> = Result<T, Misfit>;

impl Checker<'_> {
    fn misfit<T>(&self, at: &IdedExpr, fault: Fault) -> Checked<T> {
        Err(Misfit { offset: self.place(at), fault })
    }

    /// Where an expression stands: a field at its dot, a call at its bracket, an operator at its sign.
    fn place(&self, at: &IdedExpr) -> usize {
        let start = self.info.offset_for(at.id).and_then(|(start, _)| usize::try_from(start).ok());
        start.unwrap_or_default().min(self.source.len())
    }

    fn wrong<T>(&self, at: &IdedExpr, what: impl Into<String>, expected: &'static str, got: &Typed) -> Checked<T> {
        self.misfit(at, Fault::Type { what: what.into(), expected, got: got.type_name() })
    }

    fn unsupported<T>(&self, at: &IdedExpr, what: impl Into<String>, instead: &'static str) -> Checked<T> {
        self.misfit(at, Fault::Unsupported { what: what.into(), instead })
    }

    fn condition(&mut self, expr: &IdedExpr, what: &str) -> Checked<Condition> {
        match self.typed(expr)? {
            Typed::Condition(condition) => Ok(condition),
            other => self.wrong(expr, what, "true or false", &other),
        }
    }

    fn number(&mut self, expr: &IdedExpr, what: &str) -> Checked<Number> {
        match self.typed(expr)? {
            Typed::Number(number) => Ok(number),
            other => self.wrong(expr, what, "a number", &other),
        }
    }

    fn text(&mut self, expr: &IdedExpr, what: &str) -> Checked<(Text, Option<Vocabulary>)> {
        match self.typed(expr)? {
            Typed::Text(text, vocabulary) => Ok((text, vocabulary)),
            other => self.wrong(expr, what, "a text", &other),
        }
    }

    fn list(&mut self, expr: &IdedExpr, what: &str) -> Checked<(List, Element)> {
        match self.typed(expr)? {
            Typed::List(list, element) => Ok((list, element)),
            other => self.wrong(expr, what, "a list", &other),
        }
    }

    fn typed(&mut self, expr: &IdedExpr) -> Checked<Typed> {
        self.depth += 1;
        if self.depth > limits::decisions::POLICY_DEPTH {
            return self.misfit(expr, Fault::Deep);
        }
        let typed = self.typed_here(expr);
        self.depth -= 1;
        typed
    }

    fn typed_here(&mut self, expr: &IdedExpr) -> Checked<Typed> {
        match &expr.expr {
            Expr::Literal(literal) => self.literal(expr, literal),
            Expr::Ident(name) => self.ident(expr, name),
            Expr::Select(select) => self.select(expr, select),
            Expr::Call(call) => self.call(expr, call),
            Expr::Comprehension(comprehension) => self.comprehension(expr, comprehension),
            Expr::List(list) => self.list_literal(expr, &list.elements),
            Expr::Map(_) => self.unsupported(expr, "a map", ""),
            Expr::Struct(_) => self.unsupported(expr, "a message", ""),
            Expr::Unspecified => self.misfit(expr, Fault::Syntax("something is missing".to_owned())),
        }
    }

    fn literal(&self, expr: &IdedExpr, literal: &LiteralValue) -> Checked<Typed> {
        match literal {
            LiteralValue::Boolean(value) => Ok(Typed::Condition(Condition::Always(*value.inner()))),
            LiteralValue::Int(number) => Ok(Typed::Number(Number::Literal(*number.inner()))),
            LiteralValue::String(text) => Ok(Typed::Text(Text::Literal(text.inner().to_owned()), None)),
            LiteralValue::Double(_) => {
                self.unsupported(expr, "a number with a point", "amounts are in minor units, shares in percent")
            }
            LiteralValue::UInt(_) => self.unsupported(expr, "a number with u", "write it without"),
            LiteralValue::Bytes(_) => self.unsupported(expr, "a text of bytes", "write it without b"),
            LiteralValue::Null => self.unsupported(expr, "null", "every name always has a value"),
        }
    }

    fn list_literal(&mut self, expr: &IdedExpr, elements: &[IdedExpr]) -> Checked<Typed> {
        let Some((first, others)) = elements.split_first() else {
            return self.unsupported(expr, "an empty list", "nothing is in it");
        };
        // Each element is looked at once: lists within lists would otherwise take twice as long with every level.
        let first_word = match self.typed(first)? {
            Typed::Number(number) => {
                let mut numbers = vec![number];
                for element in others {
                    numbers.push(self.number(element, "each of these")?);
                }
                return Ok(Typed::Numbers(numbers));
            }
            Typed::Text(text, _) => text,
            other => return self.wrong(first, "each of these", "a text", &other),
        };
        let mut words = Vec::with_capacity(elements.len());
        let mut take = |check: &mut Self, element: &IdedExpr, text: Text| match text {
            Text::Literal(word) => {
                words.push(word);
                Ok(())
            }
            _ => check.unsupported(element, "a list of anything but written words", ""),
        };
        take(self, first, first_word)?;
        for element in others {
            let (text, _) = self.text(element, "each of these")?;
            take(self, element, text)?;
        }
        Ok(Typed::List(List::Literal(words), Element::Text(None)))
    }

    fn binding(&self, name: &str) -> Option<(Binding, Element)> {
        let found = self.bound.iter().rev().enumerate().find(|(_, (bound, _))| bound == name)?;
        Some((Binding(found.0), found.1.1))
    }

    fn ident(&self, expr: &IdedExpr, name: &str) -> Checked<Typed> {
        match self.binding(name) {
            Some((binding, Element::Match)) => return Ok(Typed::Match(binding)),
            Some((binding, Element::Text(vocabulary))) => return Ok(Typed::Text(Text::Bound(binding), vocabulary)),
            None => {}
        }
        if name == "matches" {
            return Ok(Typed::List(List::Matches, Element::Match));
        }
        if let Some(found) = NAMES.iter().find(|known| known.group.is_empty() && known.field == name) {
            return Ok(read(found));
        }
        if name == "match" {
            let instead = "rules with each = \"match\" have it; others write matches.exists(m, …)";
            return self.unsupported(expr, "match", instead);
        }
        if NAMES.iter().any(|known| known.group == name) {
            return self.unsupported(expr, format!("{name:?} by itself"), "name one of its fields");
        }
        let known = self.bound.iter().map(|(bound, _)| bound.as_str()).chain(["matches"]);
        let known =
            known.chain(NAMES.iter().map(|known| if known.group.is_empty() { known.field } else { known.group }));
        let fault = Fault::UnknownName { what: "name", name: name.to_owned(), nearest: nearest(name, known) };
        self.misfit(expr, fault)
    }

    fn select(&mut self, expr: &IdedExpr, select: &SelectExpr) -> Checked<Typed> {
        if select.test {
            return self.unsupported(expr, "has()", "every name always has a value");
        }
        let field = select.field.as_str();
        if let Expr::Ident(group) = &select.operand.expr
            && self.binding(group).is_none()
            && NAMES.iter().any(|known| known.group == group)
        {
            let mut fields = NAMES.iter().filter(|known| known.group == group);
            return match fields.clone().find(|known| known.field == field) {
                Some(found) => Ok(read(found)),
                None => self.unknown_field(expr, field, fields.by_ref().map(|known| known.field)),
            };
        }
        match self.typed(&select.operand)? {
            Typed::Match(binding) => match MATCH_NAMES.iter().find(|known| known.field == field) {
                Some(found) => Ok(read_match(binding, found)),
                None => self.unknown_field(expr, field, MATCH_NAMES.iter().map(|known| known.field)),
            },
            other => self.wrong(expr, format!("what stands before .{field}"), "a match", &other),
        }
    }

    fn unknown_field<'n>(&self, expr: &IdedExpr, name: &str, known: impl Iterator<Item = &'n str>) -> Checked<Typed> {
        let fault = Fault::UnknownName { what: "field", name: name.to_owned(), nearest: nearest(name, known) };
        let dot = self.place(expr);
        let after = self.source.get(dot..).and_then(|rest| rest.find(name)).unwrap_or_default();
        Err(Misfit { offset: dot + after, fault })
    }

    fn fits(&self, at: &IdedExpr, text: &Text, of: Option<Vocabulary>, wanted: Vocabulary) -> Checked<()> {
        match text {
            Text::Literal(word) => self.word(at, word, wanted),
            _ if of == Some(wanted) => Ok(()),
            _ => self.unsupported(at, "another text in this place", "write a kind"),
        }
    }

    fn word(&self, at: &IdedExpr, word: &str, vocabulary: Vocabulary) -> Checked<()> {
        if vocabulary.takes(word) {
            return Ok(());
        }
        let nearest = nearest(word, vocabulary.words());
        self.misfit(at, Fault::Word { word: word.to_owned(), expected: vocabulary.in_words(), nearest })
    }
}

fn read(name: &'static Name<Read>) -> Typed {
    match name.read {
        Read::Flag(read) => Typed::Condition(Condition::Fact(name, read)),
        Read::Number(read) => Typed::Number(Number::Fact(name, read)),
        Read::Text(vocabulary, read) => Typed::Text(Text::Fact(name, read), Some(vocabulary)),
        Read::Kinds => Typed::List(List::TransactionKinds, Element::Text(Some(Vocabulary::Kind))),
    }
}

fn read_match(binding: Binding, name: &'static Name<ReadMatch>) -> Typed {
    match name.read {
        ReadMatch::Flag(read) => Typed::Condition(Condition::Match(binding, name, read)),
        ReadMatch::Number(read) => Typed::Number(Number::Match(binding, name, read)),
        ReadMatch::Text(vocabulary, read) => Typed::Text(Text::Match(binding, name, read), Some(vocabulary)),
        ReadMatch::Kinds => Typed::List(List::MatchKinds(binding), Element::Text(Some(Vocabulary::Kind))),
        ReadMatch::Typologies => Typed::List(List::MatchTypologies(binding), Element::Text(Some(Vocabulary::Typology))),
    }
}
