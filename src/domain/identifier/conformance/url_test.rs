//! `urltestdata.json` of the web platform tests: the WHATWG parser's cases.
//!
//! We expect the standard's serialisation without fragment and user information. Relative references, and addresses of
//! other schemes than the web's, are no web addresses to us and must be refused as such.

use serde_json::Value;
use url::Url;

use crate::base::conformance::FileReport;
use crate::domain::identifier::conformance::Verdict;
use crate::domain::identifier::rule::IdentifierRule;
use crate::domain::identifier::web;

/// Checks every case; rows are elements of the array, counted from 1 with the comments between them.
pub(super) fn check(name: &str, content: &str) -> FileReport {
    let mut report = FileReport::new(name);
    let Ok(Value::Array(cases)) = serde_json::from_str(&without_lone_surrogates(content)) else {
        Verdict::Unreadable.count(&mut report, 0);
        return report;
    };
    for (index, case) in cases.iter().enumerate() {
        if case.is_object() {
            verdict(case).unwrap_or(Verdict::Unreadable).count(&mut report, index + 1);
        }
    }
    report
}

fn verdict(case: &Value) -> Option<Verdict> {
    let input = case.get("input")?.as_str()?;
    let base = case.get("base").and_then(Value::as_str);
    let ours = match base {
        None => web::page(input),
        Some(base) => Url::parse(base)
            .and_then(|base| base.join(input))
            .map_err(|_| IdentifierRule::UrlSyntax)
            .and_then(web::page_of),
    };
    let ours = ours.map(|page| page.canonical.to_string());
    if case.get("failure").and_then(Value::as_bool) == Some(true) {
        return Some(Verdict::of(&ours, None));
    }
    let href = case.get("href")?.as_str()?;
    let (scheme, _) = href.split_once(':')?;
    if !matches!(scheme, "http" | "https" | "ftp" | "ws" | "wss") {
        let refused = ours == Err(IdentifierRule::UrlScheme) || (ours.is_err() && input.trim().is_empty());
        return Some(if refused { Verdict::Apart("only_web_addresses") } else { Verdict::of(&ours, None) });
    }
    let expected = stripped(href)?;
    if base.is_some() && Url::parse(input) == Err(url::ParseError::RelativeUrlWithoutBase) {
        // An identifier has no base: the reference must be refused, and what it resolves to must be canonical.
        let refused = web::page(input).map(|page| page.canonical.to_string()) == Err(IdentifierRule::UrlSyntax)
            || input.trim().is_empty();
        let verdict = Verdict::of(&web::page(href).map(|page| page.canonical.to_string()), Some(&expected));
        return Some(match verdict {
            Verdict::Passed if refused => Verdict::Apart("only_absolute_addresses"),
            Verdict::Passed => Verdict::OtherForm,
            other => other,
        });
    }
    Some(Verdict::of(&ours, Some(&expected)))
}

/// The serialisation without fragment and user information, cut out of the text itself.
fn stripped(href: &str) -> Option<String> {
    let address = href.split('#').next()?;
    let (scheme, rest) = address.split_once("://")?;
    let authority_end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, page) = rest.split_at_checked(authority_end)?;
    let host = authority.rsplit('@').next()?;
    Some(format!("{scheme}://{host}{page}"))
}

/// JSON text in which every `\uD800`–`\uDFFF` without its other half is `\uFFFD`: what the web does to such strings, and
/// what a Rust string needs.
fn without_lone_surrogates(json: &str) -> String {
    let escape_at = |position: usize| {
        let digits = json.get(position..)?.strip_prefix("\\u")?.get(..4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    let mut out = String::with_capacity(json.len());
    let mut position = 0;
    while let Some(character) = json.get(position..).and_then(|rest| rest.chars().next()) {
        let taken = match (escape_at(position), escape_at(position + 6)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(0xD800..=0xDFFF), _) => {
                out.push_str("\\uFFFD");
                position += 6;
                continue;
            }
            (Some(_), _) => 6,
            // An escaped backslash must not lend its second half to a false escape.
            (None, _) if character == '\\' => 2,
            (None, _) => character.len_utf8(),
        };
        out.push_str(json.get(position..position + taken).unwrap_or_default());
        position += taken;
    }
    out
}
