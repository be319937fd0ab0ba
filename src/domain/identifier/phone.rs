//! Phone numbers: E.164 by the numbering plans of Google's library, extension dropped, invalid numbers refused.

use rlibphonenumber::{PHONE_NUMBER_UTIL, ParseError, PhoneNumberFormat, Region};

use zeroize::Zeroizing;

use crate::domain::identifier::fold::trimmed;
use crate::domain::identifier::rule::IdentifierRule;

/// Longer texts are no phone numbers; the library has the same limit.
const PHONE_BYTES: usize = 250;

/// Whether national numbers can be read in this region.
pub(super) fn has_numbering_plan(region: Region) -> bool {
    PHONE_NUMBER_UTIL.get_country_code_for_region(region).is_some()
}

/// `+` and country code and number.
pub(super) fn e164(text: &str, default_region: Option<Region>) -> Result<Zeroizing<String>, IdentifierRule> {
    let text = trimmed(text);
    if text.is_empty() {
        return Err(IdentifierRule::Empty);
    }
    if text.len() > PHONE_BYTES {
        return Err(IdentifierRule::Length);
    }
    let number = PHONE_NUMBER_UTIL.parse(text, default_region).map_err(|error| match error {
        ParseError::InvalidCountryCode if default_region.is_none() && !text.starts_with(['+', '\u{FF0B}']) => {
            IdentifierRule::PhoneRegionMissing
        }
        _ => IdentifierRule::PhoneSyntax,
    })?;
    if !PHONE_NUMBER_UTIL.is_valid_number(&number) {
        return Err(IdentifierRule::PhoneInvalid);
    }
    Ok(Zeroizing::new(PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164).into_owned()))
}
