//! Which column of a file means what.

use crate::app::records::mapping::{MapOption, Names};
use crate::app::records::source::{Format, ReadOptions};
use crate::app::replay::told::Told;
use crate::base::kind::IdentifierKind;
use crate::base::limits::IDENTIFIERS_PER_TRANSACTION;

/// One column of identifiers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndicatorColumn {
    pub kind: IdentifierKind,
    /// Put before each value with a colon, for kinds that want a scheme.
    pub scheme: Option<String>,
    pub column: String,
}

/// The currency of the amounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Currency {
    /// Of all rows, ISO 4217.
    Code(String),
    Column(String),
}

/// Which column means what.
#[derive(Debug, Clone)]
pub struct Columns {
    pub time: String,
    pub label: String,
    pub amount: Option<String>,
    pub typology: Option<String>,
    pub institution: Option<String>,
    pub customer: Option<String>,
    pub country: Option<String>,
    pub currency: Option<Currency>,
    pub channel: Option<String>,
    pub category: Option<String>,
    pub own_score: Option<String>,
    pub indicators: Vec<IndicatorColumn>,
    pub format: Option<Format>,
    pub delimiter: char,
}

/// Names of columns within this file; those of identifiers follow the order of the options.
pub const TIME: &str = "time";
pub const LABEL: &str = "label";
pub const AMOUNT: &str = "amount";
pub const TYPOLOGY: &str = "typology";
pub const INSTITUTION: &str = "institution";
pub const CUSTOMER: &str = "customer";
pub const COUNTRY: &str = "country";
pub const CURRENCY: &str = "currency";
pub const CHANNEL: &str = "channel";
pub const CATEGORY: &str = "category";
pub const OWN_SCORE: &str = "own_score";

pub fn indicator(nth: usize) -> String {
    format!("indicator-{nth}")
}

impl Columns {
    pub fn options(&self) -> ReadOptions {
        let map = |field: &str, column: &str| MapOption { field: field.to_owned(), column: column.to_owned() };
        let mut maps = vec![map(TIME, &self.time), map(LABEL, &self.label)];
        let optional = [
            (AMOUNT, &self.amount),
            (TYPOLOGY, &self.typology),
            (INSTITUTION, &self.institution),
            (CUSTOMER, &self.customer),
            (COUNTRY, &self.country),
            (CHANNEL, &self.channel),
            (CATEGORY, &self.category),
            (OWN_SCORE, &self.own_score),
        ];
        maps.extend(optional.into_iter().filter_map(|(field, column)| Some(map(field, column.as_deref()?))));
        if let Some(Currency::Column(column)) = &self.currency {
            maps.push(map(CURRENCY, column));
        }
        let indicators = self.indicators.iter().take(IDENTIFIERS_PER_TRANSACTION).enumerate();
        maps.extend(indicators.map(|(nth, of)| map(&indicator(nth), &of.column)));
        ReadOptions { format: self.format, delimiter: self.delimiter, names: Names::only(maps), required: Vec::new() }
    }

    /// The column, or the option, that a field of a checkout comes from.
    pub fn of<'a>(&'a self, field: &'a str) -> &'a str {
        let column = match field {
            "customer_ref" => &self.customer,
            "country" => &self.country,
            "channel" => &self.channel,
            "merchant_category" => &self.category,
            "own_score" => &self.own_score,
            _ => &None,
        };
        match (&self.currency, column) {
            (Some(Currency::Column(column)), _) if field == "currency" => column,
            (_, column) => column.as_deref().unwrap_or(field),
        }
    }

    /// What rows tell.
    pub fn told(&self) -> Told {
        Told {
            amount: self.amount.is_some(),
            customer: self.customer.is_some(),
            country: self.country.is_some(),
            currency: self.currency.is_some(),
            channel: self.channel.is_some(),
            category: self.category.is_some(),
            own_score: self.own_score.is_some(),
            device: self.indicators.iter().any(|of| of.kind == IdentifierKind::Device),
        }
    }
}
