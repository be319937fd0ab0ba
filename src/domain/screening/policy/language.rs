//! A condition after its check: a tree in which every operand has its type, so that its evaluation cannot fail.

use crate::domain::screening::policy::facts::{Facts, MatchFacts};
use crate::domain::screening::policy::names::{Name, Read, ReadMatch};

/// A name and how it is read.
pub type Fact = &'static Name<Read>;
pub type MatchFact = &'static Name<ReadMatch>;

/// What a loop or `each = "match"` stands on, counted from the innermost outwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding(pub usize);

#[derive(Debug, Clone)]
pub enum Condition {
    Always(bool),
    Fact(Fact, fn(&Facts<'_>) -> bool),
    Match(Binding, MatchFact, fn(&MatchFacts<'_>) -> bool),
    Not(Box<Condition>),
    And(Vec<Condition>),
    Or(Vec<Condition>),
    If(Box<[Condition; 3]>),
    Same(Box<[Condition; 2]>),
    Numbers(Comparison, Number, Number),
    Texts(Comparison, Text, Text),
    NumberIn(Number, Vec<Number>),
    TextIn(Text, List),
    Part(Part, Text, Text),
    Some(List, Box<Condition>),
    Every(List, Box<Condition>),
    One(List, Box<Condition>),
    /// Some identifier is flagged by so many members that count fully.
    Corroborated(Number),
    /// An identifier of this kind is flagged by a member that counts fully.
    Flags(Text),
    /// The amount is above the threshold of its currency.
    Over(Vec<(String, i64)>),
    ChallengePassed(Number),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
    GreaterOrEqual,
    Greater,
}

impl Comparison {
    pub fn holds<T: Ord + ?Sized>(self, left: &T, right: &T) -> bool {
        match self {
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::GreaterOrEqual => left >= right,
            Self::Greater => left > right,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Start,
    End,
    Within,
}

#[derive(Debug, Clone)]
pub enum Number {
    Literal(i64),
    Fact(Fact, fn(&Facts<'_>) -> i64),
    Match(Binding, MatchFact, fn(&MatchFacts<'_>) -> i64),
    Size(List),
    Arithmetic(Arithmetic, Box<[Number; 2]>),
    If(Box<(Condition, Number, Number)>),
}

/// Results that do not fit are cut to what does. The divisor is a literal that is not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

#[derive(Debug, Clone)]
pub enum Text {
    Literal(String),
    Fact(Fact, for<'f> fn(&'f Facts<'_>) -> &'f str),
    Match(Binding, MatchFact, fn(&MatchFacts<'_>) -> &'static str),
    /// The text a loop stands on.
    Bound(Binding),
}

#[derive(Debug, Clone)]
pub enum List {
    Matches,
    TransactionKinds,
    MatchKinds(Binding),
    MatchTypologies(Binding),
    Literal(Vec<String>),
    Filter(Box<List>, Box<Condition>),
}
