//! The CSV files, one function a file: a row in, a verdict out.

use csv::StringRecord;

use crate::base::conformance::FileReport;
use crate::base::kind::IdentifierKind;
use crate::domain::identifier::conformance::{Verdict, form};
use crate::domain::identifier::guard::{Grade, GuardLists};
use crate::domain::identifier::{CanonRules, IdentifierRule, canonical_forms};

/// What an implementation writes for a refused value.
const INVALID: &str = "INVALID";

/// The words that the columns of each file must hold, in their order: makers add versions and remarks to them.
pub(super) const PHONE: [&str; 5] = ["input", "default_region", "e164", "valid", "possible"];
pub(super) const IBAN: [&str; 4] = ["input", "schwifty", "stdnum", "agree"];
pub(super) const PAN: [&str; 4] = ["input", "digits", "luhn", "iin6"];
pub(super) const EMAIL: [&str; 4] = ["input", "minfraud", "uid2", "meta_google_trim_lower"];
pub(super) const DOMAIN: [&str; 5] =
    ["input", "idna2003_ascii", "registrable_private_psl", "registrable_icann_psl", "is_public_suffix"];
pub(super) const IP: [&str; 4] = ["input", "canonical", "v6_slash64", "is_global"];
pub(super) const WALLET: [&str; 6] = ["input", "asset", "kind", "canonical", "display_checksum", "valid"];

/// Checks every row after the header; rows count from 1. A table with another header is not read: its columns may mean
/// something else.
pub(super) fn check(
    name: &str,
    content: &str,
    columns: &[&str],
    row_verdict: impl Fn(&StringRecord) -> Option<Verdict>,
) -> FileReport {
    let mut report = FileReport::new(name);
    let mut reader = csv::ReaderBuilder::new().from_reader(content.as_bytes());
    let is_expected = reader.headers().is_ok_and(|header| {
        header.len() == columns.len() && header.iter().zip(columns).all(|(found, wanted)| found.contains(wanted))
    });
    if !is_expected {
        report.fail(|| format!("the header must name {}", columns.join(", ")));
        return report;
    }
    for (index, record) in reader.records().enumerate() {
        let verdict = record.ok().and_then(|record| row_verdict(&record)).unwrap_or(Verdict::Unreadable);
        verdict.count(&mut report, index + 1);
    }
    report
}

fn of_kind(kind: IdentifierKind, value: &str) -> Result<String, IdentifierRule> {
    form(kind, value, &CanonRules::default())
}

/// From Google's library.
pub(super) fn phone() -> impl Fn(&StringRecord) -> Option<Verdict> {
    |row| {
        let rules = CanonRules { default_region: row.get(1)?.parse().ok() };
        let expected = (row.get(3)? == "1").then_some(row.get(2)?);
        Some(Verdict::of(&form(IdentifierKind::Phone, row.get(0)?, &rules), expected))
    }
}

/// From two libraries.
pub(super) fn iban(row: &StringRecord) -> Option<Verdict> {
    let (input, first, second, agree) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)? == "1");
    let ours = of_kind(IdentifierKind::Iban, input);
    if !agree {
        // One of them accepts hyphens, as we do: then we must give what it gives.
        let accepted = [first, second].into_iter().find(|form| *form != INVALID)?;
        let verdict = Verdict::of(&ours, Some(accepted));
        return Some(if verdict == Verdict::Passed { Verdict::Apart("oracles_disagree") } else { verdict });
    }
    if first == INVALID {
        // Neither looks through characters that nobody sees, nor knows the word in front of a printed number.
        let seen = input.replace('\u{200B}', "");
        let (rule, bare) = match seen.strip_prefix("IBAN ") {
            Some(bare) => ("prefix_dropped", bare),
            None if seen != input => ("invisible_characters_dropped", seen.as_str()),
            None => return Some(Verdict::of(&ours, None)),
        };
        let apart = ours.as_deref() == Ok(bare) && ours == of_kind(IdentifierKind::Iban, bare);
        return Some(if apart { Verdict::Apart(rule) } else { Verdict::OtherForm });
    }
    Some(Verdict::of(&ours, Some(first)))
}

/// Valid where the check digit is right.
pub(super) fn pan(row: &StringRecord) -> Option<Verdict> {
    let expected = (row.get(2)? == "1").then_some(row.get(1)?);
    Some(Verdict::of(&of_kind(IdentifierKind::Pan, row.get(0)?), expected))
}

/// The mailbox is minFraud's form without its repair of typing errors.
pub(super) fn email(row: &StringRecord) -> Option<Verdict> {
    let (input, minfraud, lower) = (row.get(0)?, row.get(1)?, row.get(3)?);
    let ours = of_kind(IdentifierKind::Mailbox, input);
    if ours.as_deref() == Ok(minfraud) {
        return Some(Verdict::Passed);
    }
    let (local, domain) = lower.rsplit_once('@')?;
    if is_mistyped(domain) {
        // The domain stays; only a sub-address is cut.
        let cut = local.find('+').filter(|position| *position > 0).and_then(|position| local.get(..position));
        let verdict = Verdict::of(&ours, Some(&format!("{}@{domain}", cut.unwrap_or(local))));
        return Some(if verdict == Verdict::Passed { Verdict::Apart("typo_not_corrected") } else { verdict });
    }
    if domain.contains('ß') {
        // minFraud follows IDNA 2003, which made "ss" of it; registries have long told the two names apart.
        let (our_local, our_domain) = ours.as_deref().ok()?.rsplit_once('@')?;
        let (shown, valid) = idna::domain_to_unicode(our_domain);
        let fits = valid.is_ok() && shown == domain && minfraud.rsplit_once('@')?.0 == our_local;
        return Some(if fits { Verdict::Apart("sharp_s_kept") } else { Verdict::OtherForm });
    }
    Some(Verdict::of(&ours, Some(minfraud)))
}

/// Whether minFraud repairs the domain: mistyped gmail and outlook, repeated and misspelt com.
fn is_mistyped(domain: &str) -> bool {
    let after_digits = domain.trim_start_matches(|character: char| character.is_ascii_digit());
    let numbered_gmail = after_digits.len() < domain.len() && matches!(after_digits, "gmail.com" | "gmai.com");
    numbered_gmail
        || matches!(domain, "gmai.com" | "putlook.com")
        || domain.ends_with(".com.com")
        || domain.ends_with(".comm")
}

/// The registrable domain follows the list with its private part.
pub(super) fn domain(row: &StringRecord) -> Option<Verdict> {
    let (input, ascii, registrable, is_suffix) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(4)? == "1");
    let ours = canonical_forms(IdentifierKind::Domain, input, &CanonRules::default());
    let forms = match (&ours, is_suffix) {
        (Err(rule), true) => return Some(Verdict::passed_if(*rule == IdentifierRule::PublicSuffix)),
        (Err(rule), false) => return Some(Verdict::Refused(*rule)),
        (Ok(_), true) => return Some(Verdict::OtherForm),
        (Ok(forms), false) => forms,
    };
    // The file shows the registrable domain as typed; its A-labels are the last ones of the whole name.
    let labels = registrable.split('.').count();
    let start = ascii.rmatch_indices('.').nth(labels - 1).map_or(0, |(position, _)| position + 1);
    let registrable = ascii.get(start..)?;
    let host = forms.first()?.expose_text();
    let own = forms.last()?.expose_text();
    Some(Verdict::passed_if(host == ascii && own == registrable && forms.len() == if host == own { 1 } else { 2 }))
}

/// What is not global must be on the guard's list of special networks.
pub(super) fn ip() -> impl Fn(&StringRecord) -> Option<Verdict> {
    let guard = GuardLists::built_in();
    move |row| {
        let (input, canonical, network, global) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)? == "1");
        let ours = canonical_forms(IdentifierKind::Ip, input, &CanonRules::default());
        let trimmed = input.trim();
        if canonical == INVALID && trimmed != input {
            let kept = ours.is_ok_and(|forms| forms.first().is_some_and(|form| form.expose_text() == trimmed));
            return Some(if kept { Verdict::Apart("outer_space_trimmed") } else { Verdict::OtherForm });
        }
        if canonical == INVALID {
            return Some(Verdict::passed_if(ours.is_err()));
        }
        let forms = match ours {
            Ok(forms) => forms,
            Err(rule) => return Some(Verdict::Refused(rule)),
        };
        let texts: Vec<&str> = forms.iter().map(|form| form.expose_text()).collect();
        let expected: Vec<&str> = [canonical, network].into_iter().filter(|form| !form.is_empty()).collect();
        let special = guard.grade(forms.first()?) == Grade::Rejected("special_purpose_networks");
        Some(Verdict::passed_if(texts == expected && special != global))
    }
}

/// `valid` is -1 where the file's maker had no oracle.
pub(super) fn wallet(row: &StringRecord) -> Option<Verdict> {
    let (input, asset, canonical, valid) = (row.get(0)?, row.get(1)?.to_ascii_lowercase(), row.get(3)?, row.get(5)?);
    let ours = of_kind(IdentifierKind::Wallet, &format!("{asset}:{input}"));
    let asset = if asset == "xbt" { "btc" } else { asset.as_str() };
    let expected = format!("{asset}:{canonical}");
    match valid {
        "1" => Some(Verdict::of(&ours, Some(&expected))),
        // The oracle knew the base58 form of this asset only; CashAddr carries a checksum of its own.
        "0" if asset == "bch" && canonical.starts_with(['q', 'p']) && ours.as_ref() == Ok(&expected) => {
            Some(Verdict::Apart("cashaddr_checked_here"))
        }
        "0" => Some(Verdict::of(&ours, None)),
        "-1" if ours.as_ref() == Ok(&expected) => Some(Verdict::Apart("no_oracle")),
        // The base58 of XRP has a checksum too, in an alphabet of its own.
        "-1" if asset == "xrp" && ours == Err(IdentifierRule::WalletChecksum) => Some(Verdict::Apart("no_oracle")),
        _ => Some(Verdict::of(&ours, Some(&expected))),
    }
}
