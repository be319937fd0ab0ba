//! Operators and functions: what they take, and what they give.

use cel::common::ast::{CallExpr, IdedExpr, operators};

use crate::domain::screening::policy::check::{Checked, Checker, Element, Misfit, Typed};
use crate::domain::screening::policy::fault::{Fault, nearest};
use crate::domain::screening::policy::language::{Arithmetic, Comparison, Condition, List, Number, Part, Text};
use crate::domain::screening::policy::names::Vocabulary;

impl Checker<'_> {
    pub(super) fn call(&mut self, expr: &IdedExpr, call: &CallExpr) -> Checked<Typed> {
        let name = call.func_name.as_str();
        match (&call.target, call.args.as_slice()) {
            (None, [left, right]) if name == operators::LOGICAL_AND => {
                let (mut parts, right) = (Vec::new(), self.condition(right, "each side of &&")?);
                match self.condition(left, "each side of &&")? {
                    Condition::And(earlier) => parts.extend(earlier),
                    one => parts.push(one),
                }
                match right {
                    Condition::And(later) => parts.extend(later),
                    one => parts.push(one),
                }
                Ok(Typed::Condition(Condition::And(parts)))
            }
            (None, [left, right]) if name == operators::LOGICAL_OR => {
                let parts = [self.condition(left, "each side of ||")?, self.condition(right, "each side of ||")?];
                Ok(Typed::Condition(Condition::Or(parts.into())))
            }
            (None, [inner]) if name == operators::LOGICAL_NOT => {
                let inner = self.condition(inner, "what ! turns round")?;
                Ok(Typed::Condition(Condition::Not(Box::new(inner))))
            }
            (None, [inner]) if name == operators::NEGATE => {
                let operands = [Number::Literal(0), self.number(inner, "what - turns round")?];
                Ok(Typed::Number(Number::Arithmetic(Arithmetic::Subtract, Box::new(operands))))
            }
            (None, [which, then, otherwise]) if name == operators::CONDITIONAL => {
                self.conditional(expr, which, then, otherwise)
            }
            (None, [left, right]) if name == operators::IN => self.contained(left, right),
            (None, [left, right]) => {
                if let Some(comparison) = comparison(name) {
                    self.compared(expr, comparison, left, right)
                } else if let Some(operation) = arithmetic(name) {
                    self.arithmetic(operation, left, right)
                } else if name == operators::INDEX {
                    self.unsupported(expr, "an index", "a list may be empty; use exists")
                } else {
                    self.unknown_function(expr, name)
                }
            }
            (None, [of]) if name == "size" => self.size(of),
            (None, [members]) if name == "corroborated" => {
                Ok(Typed::Condition(Condition::Corroborated(self.number(members, "how many members")?)))
            }
            (None, [within]) if name == "challenge_passed" => {
                Ok(Typed::Condition(Condition::ChallengePassed(self.number(within, "the seconds")?)))
            }
            (None, [kind]) if name == "flags" => {
                let (text, vocabulary) = self.text(kind, "the kind")?;
                self.fits(kind, &text, vocabulary, Vocabulary::Kind)?;
                Ok(Typed::Condition(Condition::Flags(text)))
            }
            (None, [amount]) if name == "over" => self.over(amount),
            (Some(target), []) if name == "size" => self.size(target),
            (Some(target), [sought]) if part(name).is_some() => {
                let part = part(name).unwrap_or(Part::Within);
                let text = self.text(target, &format!("what stands before .{name}"))?.0;
                let sought = self.text(sought, &format!("what {name} looks for"))?.0;
                Ok(Typed::Condition(Condition::Part(part, text, sought)))
            }
            (Some(_), _) if name == "matches" => {
                self.unsupported(expr, "a regular expression", "use startsWith, endsWith or contains")
            }
            (Some(_), _) if name == "map" => self.unsupported(expr, "map", "use exists or filter"),
            _ => self.unknown_function(expr, name),
        }
    }

    fn unknown_function(&self, expr: &IdedExpr, name: &str) -> Checked<Typed> {
        const KNOWN: [&str; 12] = [
            "size",
            "corroborated",
            "challenge_passed",
            "flags",
            "over",
            "startsWith",
            "endsWith",
            "contains",
            "exists",
            "all",
            "exists_one",
            "filter",
        ];
        if KNOWN.contains(&name) {
            return self.unsupported(
                expr,
                format!("{name} called like this"),
                "docs/policy-context.md shows how it is written",
            );
        }
        let fault = Fault::UnknownName { what: "function", name: name.to_owned(), nearest: nearest(name, KNOWN) };
        let bracket = self.place(expr);
        let before = self.source.get(..bracket).and_then(|before| before.rfind(name));
        Err(Misfit { offset: before.unwrap_or(bracket), fault })
    }

    fn size(&mut self, of: &IdedExpr) -> Checked<Typed> {
        match self.typed(of)? {
            Typed::List(list, _) => Ok(Typed::Number(Number::Size(list))),
            other => self.wrong(of, "what size counts", "a list", &other),
        }
    }

    fn over(&mut self, amount: &IdedExpr) -> Checked<Typed> {
        let (text, _) = self.text(amount, "the name of an amount")?;
        let Text::Literal(name) = text else {
            return self.unsupported(amount, "a name of an amount that is not written out", "");
        };
        match self.thresholds.get(&name) {
            Some(thresholds) => Ok(Typed::Condition(Condition::Over(thresholds.to_vec()))),
            None => {
                let nearest = nearest(&name, self.thresholds.names());
                self.misfit(amount, Fault::UnknownName { what: "amount", name, nearest })
            }
        }
    }

    fn conditional(
        &mut self,
        expr: &IdedExpr,
        which: &IdedExpr,
        then: &IdedExpr,
        otherwise: &IdedExpr,
    ) -> Checked<Typed> {
        let which = self.condition(which, "what stands before ?")?;
        match (self.typed(then)?, self.typed(otherwise)?) {
            (Typed::Condition(then), Typed::Condition(otherwise)) => {
                Ok(Typed::Condition(Condition::If(Box::new([which, then, otherwise]))))
            }
            (Typed::Number(then), Typed::Number(otherwise)) => {
                Ok(Typed::Number(Number::If(Box::new((which, then, otherwise)))))
            }
            (_, other) => self.wrong(expr, "both outcomes of ?", "two numbers, or two that are true or false", &other),
        }
    }

    fn contained(&mut self, left: &IdedExpr, right: &IdedExpr) -> Checked<Typed> {
        match (self.typed(left)?, self.typed(right)?) {
            (Typed::Number(number), Typed::Numbers(numbers)) => {
                Ok(Typed::Condition(Condition::NumberIn(number, numbers)))
            }
            (Typed::Text(text, vocabulary), Typed::List(list, Element::Text(of))) => {
                if let (Some(vocabulary), List::Literal(words)) = (vocabulary, &list) {
                    words.iter().try_for_each(|word| self.word(right, word, vocabulary))?;
                }
                if let (Text::Literal(word), Some(of)) = (&text, of) {
                    self.word(left, word, of)?;
                }
                Ok(Typed::Condition(Condition::TextIn(text, list)))
            }
            (Typed::Text(..), other) => self.wrong(right, "what a text is in", "a list of texts", &other),
            (Typed::Number(_), other) => self.wrong(right, "what a number is in", "a list of numbers", &other),
            (other, _) => self.wrong(left, "what is in a list", "a text or a number", &other),
        }
    }

    fn compared(
        &mut self,
        expr: &IdedExpr,
        comparison: Comparison,
        left: &IdedExpr,
        right: &IdedExpr,
    ) -> Checked<Typed> {
        let equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        match (self.typed(left)?, self.typed(right)?) {
            (Typed::Number(first), Typed::Number(second)) => {
                Ok(Typed::Condition(Condition::Numbers(comparison, first, second)))
            }
            (Typed::Text(first, of_first), Typed::Text(second, of_second)) if equality => {
                if let (Some(vocabulary), Text::Literal(word)) = (of_first, &second) {
                    self.word(right, word, vocabulary)?;
                }
                if let (Some(vocabulary), Text::Literal(word)) = (of_second, &first) {
                    self.word(left, word, vocabulary)?;
                }
                Ok(Typed::Condition(Condition::Texts(comparison, first, second)))
            }
            (Typed::Text(..), Typed::Text(..)) => {
                self.unsupported(expr, "an order of texts", "compare them with == or !=")
            }
            (Typed::Condition(first), Typed::Condition(second)) if equality => {
                let same = Condition::Same(Box::new([first, second]));
                Ok(Typed::Condition(match comparison {
                    Comparison::Equal => same,
                    _ => Condition::Not(Box::new(same)),
                }))
            }
            (first @ (Typed::Number(_) | Typed::Text(..) | Typed::Condition(_)), other) => {
                self.wrong(right, "the right side of a comparison", first.type_name(), &other)
            }
            (other, _) => self.wrong(left, "the left side of a comparison", "a number or a text", &other),
        }
    }

    fn arithmetic(&mut self, operation: Arithmetic, left: &IdedExpr, right: &IdedExpr) -> Checked<Typed> {
        let first = self.number(left, "each operand")?;
        let second = self.number(right, "each operand")?;
        let divides = matches!(operation, Arithmetic::Divide | Arithmetic::Remainder);
        if divides && !matches!(second, Number::Literal(number) if number != 0) {
            return self.unsupported(right, "a divisor that may be zero", "write a number other than 0");
        }
        Ok(Typed::Number(Number::Arithmetic(operation, Box::new([first, second]))))
    }
}

fn comparison(operator: &str) -> Option<Comparison> {
    Some(match operator {
        operators::EQUALS => Comparison::Equal,
        operators::NOT_EQUALS => Comparison::NotEqual,
        operators::LESS => Comparison::Less,
        operators::LESS_EQUALS => Comparison::LessOrEqual,
        operators::GREATER => Comparison::Greater,
        operators::GREATER_EQUALS => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

fn arithmetic(operator: &str) -> Option<Arithmetic> {
    Some(match operator {
        operators::ADD => Arithmetic::Add,
        operators::SUBSTRACT => Arithmetic::Subtract,
        operators::MULTIPLY => Arithmetic::Multiply,
        operators::DIVIDE => Arithmetic::Divide,
        operators::MODULO => Arithmetic::Remainder,
        _ => return None,
    })
}

fn part(function: &str) -> Option<Part> {
    Some(match function {
        "startsWith" => Part::Start,
        "endsWith" => Part::End,
        "contains" => Part::Within,
        _ => return None,
    })
}
