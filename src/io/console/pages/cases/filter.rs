//! What somebody looks for in the inbox, as it stands in the address.

use std::fmt;
use std::str::FromStr;

use crate::base::bytes::LocalMac;
use crate::base::name::CallerName;
use crate::base::time::Timestamp;
use crate::domain::case::state::State;
use crate::domain::screening::decision::Decision;
use crate::io::console::fields::{FieldError, Fields};
use crate::node::cases::CaseFilter;

/// None of the words of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not one of the words of this filter")]
pub struct UnknownWord;

/// Cases by where they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Whatever nobody has decided.
    Waiting,
    One(State),
    Decided,
    All,
}

impl Shown {
    pub const ALL: [Self; 8] = [
        Self::Waiting,
        Self::One(State::Open),
        Self::One(State::Challenged),
        Self::One(State::ReleaseAsked),
        Self::One(State::Released),
        Self::One(State::Refused),
        Self::Decided,
        Self::All,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::One(state) => state.label(),
            Self::Decided => "decided",
            Self::All => "all",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::Waiting => "not decided yet",
            Self::One(State::Open) => "waits for a decision",
            Self::One(State::Challenged) => "customer is asked for proof",
            Self::One(State::ReleaseAsked) => "waits for a second person",
            Self::One(State::Released) => "released",
            Self::One(State::Refused) => "refused",
            Self::Decided => "released or refused",
            Self::All => "all",
        }
    }

    /// Whether all of them have an end to wait for: these are listed by it.
    pub fn waits(self) -> bool {
        match self {
            Self::Waiting => true,
            Self::One(state) => !state.is_final(),
            Self::Decided | Self::All => false,
        }
    }

    fn states(self) -> Vec<State> {
        match self {
            Self::Waiting => State::ALL.into_iter().filter(|state| !state.is_final()).collect(),
            Self::One(state) => vec![state],
            Self::Decided => State::ALL.into_iter().filter(|state| state.is_final()).collect(),
            Self::All => Vec::new(),
        }
    }
}

impl FromStr for Shown {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|shown| shown.word() == text).ok_or(UnknownWord)
    }
}

/// Whose they are. Nobody's is a word that no caller can have as a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    Nobodys,
    Of(CallerName),
}

pub const NOBODY: &str = "(nobody)";

impl FromStr for Whose {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        if text == NOBODY { Ok(Self::Nobodys) } else { text.parse().map(Self::Of).map_err(|_| UnknownWord) }
    }
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobodys => f.write_str(NOBODY),
            Self::Of(name) => f.write_str(name.as_str()),
        }
    }
}

/// How long ago they were opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    Hour,
    Day,
    Week,
    OverAnHour,
    OverADay,
    OverAWeek,
}

impl Age {
    pub const ALL: [Self; 6] = [Self::Hour, Self::Day, Self::Week, Self::OverAnHour, Self::OverADay, Self::OverAWeek];

    pub fn word(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::OverAnHour => "over-an-hour",
            Self::OverADay => "over-a-day",
            Self::OverAWeek => "over-a-week",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::Hour => "opened within the last hour",
            Self::Day => "opened within the last day",
            Self::Week => "opened within the last week",
            Self::OverAnHour => "older than an hour",
            Self::OverADay => "older than a day",
            Self::OverAWeek => "older than a week",
        }
    }

    /// From when, and before when they were opened.
    fn range(self, now: Timestamp) -> (Option<Timestamp>, Option<Timestamp>) {
        let (seconds, older): (u64, bool) = match self {
            Self::Hour => (3_600, false),
            Self::Day => (86_400, false),
            Self::Week => (7 * 86_400, false),
            Self::OverAnHour => (3_600, true),
            Self::OverADay => (86_400, true),
            Self::OverAWeek => (7 * 86_400, true),
        };
        let at = Timestamp::from_unix_ms(now.unix_ms().saturating_sub(seconds * 1_000));
        if older { (None, Some(at)) } else { (Some(at), None) }
    }
}

impl FromStr for Age {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|age| age.word() == text).ok_or(UnknownWord)
    }
}

/// What an order was stopped by at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop(pub Decision);

impl Stop {
    pub const ALL: [Self; 3] = [Self(Decision::Challenge), Self(Decision::Hold), Self(Decision::Block)];
}

impl FromStr for Stop {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|stop| stop.0.label() == text).ok_or(UnknownWord)
    }
}

/// A keyed fingerprint: what stands in an address in place of a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub LocalMac);

impl FromStr for Fingerprint {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| UnknownWord)?;
        Ok(Self(LocalMac(bytes)))
    }
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxFilter {
    pub shown: Shown,
    pub stop: Option<Stop>,
    pub whose: Option<Whose>,
    pub age: Option<Age>,
    pub customer: Option<Fingerprint>,
}

impl InboxFilter {
    /// Names of its fields in an address.
    pub const FIELDS: [&str; 5] = ["state", "decision", "assignee", "age", "customer"];

    pub fn read(query: &Fields) -> Result<Self, FieldError> {
        let customer = query.filter("customer")?;
        // Of one customer all is wanted, unless somebody says otherwise.
        let shown = if customer.is_some() { Shown::All } else { Shown::Waiting };
        Ok(Self {
            shown: query.filter("state")?.unwrap_or(shown),
            stop: query.filter("decision")?,
            whose: query.filter("assignee")?,
            age: query.filter("age")?,
            customer,
        })
    }

    /// As the node understands it.
    pub fn as_asked(&self, now: Timestamp) -> CaseFilter {
        let (opened_from, opened_before) = self.age.map_or((None, None), |age| age.range(now));
        let (assignee, unassigned) = match &self.whose {
            None => (None, false),
            Some(Whose::Nobodys) => (None, true),
            Some(Whose::Of(name)) => (Some(name.as_str().to_owned()), false),
        };
        CaseFilter {
            states: self.shown.states(),
            decision: None,
            stop: self.stop.map(|stop| stop.0),
            assignee,
            unassigned,
            outcome: None,
            customer: self.customer.map(|customer| customer.0),
            opened_from,
            opened_before,
        }
    }

    /// Whether anything but the state narrows it down.
    pub fn is_narrow(&self) -> bool {
        self.stop.is_some() || self.whose.is_some() || self.age.is_some() || self.customer.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_s(1_795_000_000);

    fn read(query: &str) -> Result<InboxFilter, FieldError> {
        InboxFilter::read(&Fields::parse(query.as_bytes()).expect("well-formed"))
    }

    #[test]
    fn the_address_alone_says_what_is_shown() {
        let asked = read("").expect("nothing is a filter, too").as_asked(NOW);
        assert_eq!(asked.states, [State::Open, State::Challenged, State::ReleaseAsked]);
        let asked = read("state=refused&decision=block&assignee=anna&age=over-a-day").expect("known").as_asked(NOW);
        assert_eq!(
            (asked.states.as_slice(), asked.stop, asked.assignee.as_deref(), asked.unassigned),
            (&[State::Refused][..], Some(Decision::Block), Some("anna"), false)
        );
        let day = Timestamp::from_unix_s(1_795_000_000 - 86_400);
        assert_eq!((asked.opened_from, asked.opened_before), (None, Some(day)));
        let asked = read("assignee=%28nobody%29&age=day&state=").expect("known").as_asked(NOW);
        assert_eq!((asked.assignee, asked.unassigned, asked.opened_from), (None, true, Some(day)));
        let customer = read(&format!("customer={}", "ab".repeat(32))).expect("known");
        assert_eq!((customer.shown, customer.as_asked(NOW).customer), (Shown::All, Some(LocalMac([0xAB; 32]))));
    }

    #[test]
    fn words_lead_back_to_what_they_say_and_others_are_refused() {
        for shown in Shown::ALL {
            assert_eq!(shown.word().parse(), Ok(shown));
            assert_eq!(shown.states().iter().all(|state| !state.is_final()) && shown != Shown::All, shown.waits());
        }
        assert!(Age::ALL.iter().all(|age| age.word().parse() == Ok(*age)));
        for query in ["state=odd", "decision=allow", "assignee=ANNA", "age=3", "customer=c-7", "state=open&state=all"] {
            assert!(read(query).is_err(), "{query}");
        }
        assert_eq!(Whose::Nobodys.to_string().parse(), Ok(Whose::Nobodys));
    }
}
