//! `IdnaTestV2.txt` of UTS #46: names to A-labels, non-transitional.
//!
//! Of the standard's flags we set CheckBidi, CheckJoiners and VerifyDnsLength; CheckHyphens is off, and instead of
//! UseSTD3ASCIIRules we allow letters, digits, hyphen and underscore. As the file prescribes, the codes of flags that are
//! off (V2, V3) are not looked for.

use crate::base::conformance::FileReport;
use crate::domain::identifier::conformance::Verdict;
use crate::domain::identifier::domain_name::a_labels;

/// Checks every line that is no comment; rows are lines of the file.
pub(super) fn check(name: &str, content: &str) -> FileReport {
    let mut report = FileReport::new(name);
    for (index, line) in content.lines().enumerate() {
        let cases = line.split('#').next().unwrap_or_default();
        if !cases.trim().is_empty() {
            verdict(cases).unwrap_or(Verdict::Unreadable).count(&mut report, index + 1);
        }
    }
    report
}

fn verdict(line: &str) -> Option<Verdict> {
    let mut columns = line.split(';').map(|column| column.trim_matches([' ', '\t']));
    let (source, unicode, unicode_status) = (columns.next()?, columns.next()?, columns.next()?);
    let (ascii, ascii_status) = (columns.next()?, columns.next()?);
    let or = |value: &'_ str, default: &'_ str| if value.is_empty() { default.to_owned() } else { value.to_owned() };
    let expected = or(ascii, &or(unicode, source));
    let status = or(ascii_status, &or(unicode_status, "[]"));
    let (Some(source), Some(expected)) = (unescaped(source)?, unescaped(&expected)?) else {
        return Some(Verdict::Apart("ill_formed_string"));
    };
    let errors: Vec<&str> = status
        .trim_matches(['[', ']'])
        .split(',')
        .map(str::trim)
        .filter(|code| !matches!(*code, "" | "V2" | "V3"))
        .collect();
    let ours = a_labels(&source);
    match &ours {
        // A final dot names the root; it is the same name without it.
        Ok(form) if errors == ["A4_2"] && expected.strip_suffix('.') == Some(form) => {
            Some(Verdict::Apart("root_dot_dropped"))
        }
        Ok(form) if errors == ["U1"] && form.contains('_') && *form == expected => {
            Some(Verdict::Apart("underscore_allowed"))
        }
        Ok(form)
            if errors == ["V7"]
                && *form == expected
                && source.chars().chain(unicode.chars()).any(is_new_in_unicode_18) =>
        {
            Some(Verdict::Apart("newer_unicode"))
        }
        _ => Some(Verdict::of(&ours, errors.is_empty().then_some(expected.as_str()))),
    }
}

/// Characters that the file's Unicode 17 had not assigned, and that the library's Unicode 18 has: the Seal block.
fn is_new_in_unicode_18(character: char) -> bool {
    matches!(character, '\u{3D000}'..='\u{3FC3F}')
}

/// The text with `\uXXXX` and `\x{X…}` resolved; `""` is the empty text. Outer none: bad escape; inner none: a lone
/// surrogate, which no Rust string can hold.
fn unescaped(text: &str) -> Option<Option<String>> {
    if text == "\"\"" {
        return Some(Some(String::new()));
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, escape)) = rest.split_once('\\') {
        out.push_str(before);
        let (digits, after) = if let Some(braced) = escape.strip_prefix("x{") {
            braced.split_once('}')?
        } else {
            escape.strip_prefix('u')?.split_at_checked(4)?
        };
        let Some(character) = char::from_u32(u32::from_str_radix(digits, 16).ok()?) else {
            return Some(None);
        };
        out.push(character);
        rest = after;
    }
    out.push_str(rest);
    Some(Some(out))
}
