//! The closed vocabularies of an indicator, each word with its number on the wire and its label in files.
//!
//! The numbers are those of `hushwire.types.v1`; 0 stands for "not given" there and is no word here.

use crate::domain::roster::terms::MinimumGrounds;

/// A label that is no word of its vocabulary. The label is not repeated: a mixed-up column may hold an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what}; known are {known}")]
pub struct UnknownWord {
    pub what: &'static str,
    pub known: &'static str,
}

macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident, $what:literal, $known:literal,
     { $($(#[$word_doc:meta])* $word:ident = $number:literal $label:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$word_doc])* $word,)+
        }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$word),+];

            /// Its number on the wire.
            pub const fn number(self) -> u32 {
                match self {
                    $(Self::$word => $number,)+
                }
            }

            /// None for 0 and for numbers of a later version.
            pub const fn from_number(number: u32) -> Option<Self> {
                match number {
                    $($number => Some(Self::$word),)+
                    _ => None,
                }
            }

            /// Its name in files and on the command line.
            pub const fn label(self) -> &'static str {
                match self {
                    $(Self::$word => $label,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.label())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::domain::indicator::words::UnknownWord;

            fn from_str(label: &str) -> Result<Self, $crate::domain::indicator::words::UnknownWord> {
                let known = Self::ALL.iter().copied().find(|word| word.label() == label);
                known.ok_or($crate::domain::indicator::words::UnknownWord { what: $what, known: $known })
            }
        }
    };
}
pub(in crate::domain) use vocabulary;

vocabulary!(
    /// How bad the fraud is, ascending.
    Severity, "severity", "low, medium, high",
    {
        /// Nuisance or attempt without loss.
        Low = 1 "low",
        /// Loss likely.
        Medium = 2 "medium",
        /// Loss confirmed or organised crime.
        High = 3 "high",
    }
);

vocabulary!(
    /// On what a statement rests, ascending; a roster may demand a minimum.
    Grounds, "grounds", "customer-report, own-confirmed, authority",
    {
        /// Reported by customers, not yet confirmed.
        CustomerReport = 1 "customer-report",
        /// Confirmed by the member's own investigation.
        OwnConfirmed = 2 "own-confirmed",
        /// Told by a competent authority.
        Authority = 3 "authority",
    }
);

impl Grounds {
    /// The roster's word as the indicator's: the roster stands left of the indicator and cannot name it.
    pub const fn demanded(minimum: MinimumGrounds) -> Self {
        match minimum {
            MinimumGrounds::CustomerReport => Self::CustomerReport,
            MinimumGrounds::OwnConfirmed => Self::OwnConfirmed,
            MinimumGrounds::Authority => Self::Authority,
        }
    }
}

vocabulary!(
    /// Traffic Light Protocol 2.0, from open to closed.
    Handling, "handling", "clear, green, amber, amber-strict, red",
    {
        /// No limit on disclosure.
        Clear = 1 "clear",
        /// The community only.
        Green = 2 "green",
        /// The recipient's organisation and its clients, on a need-to-know basis.
        Amber = 3 "amber",
        /// The recipient's organisation only.
        AmberStrict = 4 "amber-strict",
        /// The named recipients only; not published, since a feed goes to a whole group.
        Red = 5 "red",
    }
);

vocabulary!(
    /// Why an earlier statement is withdrawn.
    RetractionReason, "retraction reason", "false-positive, superseded, resolved, published-in-error, legal",
    {
        /// The suspicion turned out wrong.
        FalsePositive = 1 "false-positive",
        /// Replaced by a newer statement.
        Superseded = 2 "superseded",
        /// The risk is over (card replaced, account closed).
        Resolved = 3 "resolved",
        /// Published by mistake.
        PublishedInError = 4 "published-in-error",
        /// Ordered by a court, an authority or a data subject's rights.
        Legal = 5 "legal",
    }
);

vocabulary!(
    /// Why a member holds another's indicator for wrong.
    DisputeReason, "dispute reason", "genuine-customer, wrong-identifier, recycled, resolved, other",
    {
        /// The member knows the customer, and the fraud was not theirs.
        GenuineCustomer = 1 "genuine-customer",
        /// It names another identifier than the fraud's: a typing error, an exchange, a shared one.
        WrongIdentifier = 2 "wrong-identifier",
        /// A number or address that has passed to somebody else.
        Recycled = 3 "recycled",
        /// The risk is over.
        Resolved = 4 "resolved",
        /// Nothing of the above, or a word of a later version.
        Other = 5 "other",
    }
);

/// For what an indicator may be used. Pseudonyms of another purpose are unlinkable by construction (DESIGN §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    FraudScreening,
}

impl Purpose {
    pub const fn label(self) -> &'static str {
        match self {
            Self::FraudScreening => "fraud-screening",
        }
    }

    pub fn from_label(label: &str) -> Option<Self> {
        (label == Self::FraudScreening.label()).then_some(Self::FraudScreening)
    }
}

/// The reporter's confidence, 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Confidence(u8);

impl Confidence {
    pub const MAX: u32 = 100;

    /// None above 100.
    pub fn new(percent: u32) -> Option<Self> {
        if percent > Self::MAX { None } else { u8::try_from(percent).ok().map(Self) }
    }

    pub fn percent(self) -> u32 {
        u32::from(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_labels_lead_back_to_their_word() {
        for word in Severity::ALL {
            assert_eq!(Severity::from_number(word.number()), Some(*word));
            assert_eq!(word.label().parse(), Ok(*word));
        }
        for word in RetractionReason::ALL {
            assert_eq!(RetractionReason::from_number(word.number()), Some(*word));
            assert_eq!(word.label().parse(), Ok(*word));
        }
        for word in Handling::ALL {
            assert_eq!(Handling::from_number(word.number()), Some(*word));
        }
        assert_eq!(Severity::from_number(0), None);
        assert_eq!(Grounds::from_number(4), None);
    }

    #[test]
    fn an_unknown_label_names_the_known_ones_and_is_not_echoed() {
        let refused = "4111111111111111".parse::<Severity>().expect_err("no severity");
        assert_eq!(refused.to_string(), "unknown severity; known are low, medium, high");
    }

    #[test]
    fn grounds_ascend_from_report_to_authority() {
        assert!(Grounds::CustomerReport < Grounds::OwnConfirmed && Grounds::OwnConfirmed < Grounds::Authority);
    }

    #[test]
    fn confidence_ends_at_100() {
        assert_eq!(Confidence::new(100).map(Confidence::percent), Some(100));
        assert_eq!(Confidence::new(101), None);
        assert_eq!(Confidence::new(256), None);
    }
}
