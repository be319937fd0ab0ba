//! Reading guard lists: plain text (also the form of the lists that ship), MISP warning list JSON, public suffix format.
//!
//! Pure: text in, [`GuardList`] out. A list with one bad line is refused as a whole, naming the line: a list that silently
//! lost an entry would stop guarding the people that entry was made for.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::base::kind::IdentifierKind;
use crate::base::limits::GUARD_LIST_ENTRIES;
use crate::domain::identifier::guard::list::{Below, Entry, GuardList, ListGrade, ListHeader, ListScope};
use crate::domain::identifier::{CanonRules, canonical_forms, domain_name};

/// Why a list was refused. Lines count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GuardImportError {
    #[error(
        "line {line}: malformed header; grade is reject or weak, scope site or everything, kinds are kinds of identifiers"
    )]
    Header { line: usize },
    #[error("the list needs a name of 1 to 63 letters, digits, '.', '_' or '-'")]
    Name,
    #[error("line {line}: not a value of the list's kinds")]
    Value { line: usize },
    #[error("entry {entry}: not a valid value of a list of this type")]
    Entry { entry: usize },
    #[error("not a MISP warning list: {expected}")]
    Misp { expected: &'static str },
    #[error("the list matches no kind of identifier that is shared here")]
    NoKind,
    #[error("more than {limit} entries")]
    TooMany { limit: usize },
    #[error("the list has no entry")]
    Empty,
    #[error("the list itself gives another {what} than was asked for")]
    OtherThanAsked { what: &'static str },
    #[error("an expression of the list is not valid or too large")]
    Expression,
}

/// Reads plain text: one value a line, `#` begins a comment. Headers in the file (`# name: …`) override `header`; whoever
/// was asked for something compares ([`check_asked`]).
///
/// Lists of `ip` hold addresses and networks; lists of `domain` hold names, where a leading dot covers everything below
/// and no dot covers what the same owner registered; other lists hold exact values or patterns, in which `?` stands for
/// one character; lists of e-mails may hold `local@` for every domain.
pub fn plain_text(header: ListHeader, text: &str) -> Result<GuardList, GuardImportError> {
    let mut header = header;
    let mut entries = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line_number = index + 1;
        let line = line.trim();
        if let Some(comment) = line.strip_prefix('#') {
            read_header(&mut header, comment).ok_or(GuardImportError::Header { line: line_number })?;
        } else if !line.is_empty() {
            entries.push(plain_entry(&header.kinds, line).ok_or(GuardImportError::Value { line: line_number })?);
        }
    }
    finish(header, entries)
}

/// Refuses a list that says of itself what differs from what was asked for: somebody who asks for `weak` must not get a
/// list that stops orders. Empty fields of `asked` ask for nothing.
pub fn check_asked(asked: &ListHeader, list: &ListHeader) -> Result<(), GuardImportError> {
    let other = |what| Err(GuardImportError::OtherThanAsked { what });
    if !asked.name.is_empty() && asked.name != list.name {
        return other("name");
    }
    if !asked.version.is_empty() && asked.version != list.version {
        return other("version");
    }
    if asked.grade != list.grade {
        return other("grade");
    }
    if asked.scope == ListScope::Everything && list.scope != ListScope::Everything {
        return other("scope");
    }
    if !asked.kinds.is_empty() && asked.kinds != list.kinds {
        return other("set of kinds");
    }
    Ok(())
}

/// `key: value` changes the header; any other comment changes nothing. None for a bad value of a known key.
fn read_header(header: &mut ListHeader, comment: &str) -> Option<()> {
    let Some((key, value)) = comment.split_once(':') else {
        return Some(());
    };
    let value = value.trim();
    match key.trim() {
        "name" => header.name = value.to_owned(),
        "version" => header.version = value.to_owned(),
        "grade" => header.grade = ListGrade::from_name(value)?,
        "scope" => header.scope = ListScope::from_name(value)?,
        "kinds" => header.kinds = value.split_whitespace().map(|label| label.parse().ok()).collect::<Option<_>>()?,
        _ => {}
    }
    Some(())
}

fn plain_entry(kinds: &BTreeSet<IdentifierKind>, line: &str) -> Option<Entry> {
    if kinds.contains(&IdentifierKind::Ip) || kinds.contains(&IdentifierKind::Ip6Net) {
        return network(line);
    }
    if kinds.contains(&IdentifierKind::Domain) {
        return host(line);
    }
    if line.contains('?') {
        return Some(Entry::Pattern(line.to_owned()));
    }
    exact(kinds, line)
}

fn network(text: &str) -> Option<Entry> {
    let network = text.parse::<ipnet::IpNet>().ok().or_else(|| text.parse::<std::net::IpAddr>().ok().map(Into::into));
    network.map(|network| Entry::Network(network.trunc()))
}

fn host(text: &str) -> Option<Entry> {
    let (name, below) = match text.strip_prefix("*.").or_else(|| text.strip_prefix('.')) {
        Some(name) => (name, Below::Everything),
        None => (text, Below::SameOwner),
    };
    domain_name::a_labels(name).ok().map(|name| Entry::Host { name, below })
}

fn exact(kinds: &BTreeSet<IdentifierKind>, text: &str) -> Option<Entry> {
    let mail = kinds.contains(&IdentifierKind::Email) || kinds.contains(&IdentifierKind::Mailbox);
    if mail && text.ends_with('@') && text.len() > 1 {
        return Some(Entry::Exact(text.to_ascii_lowercase()));
    }
    // In canonical form of the first kind that takes it, so that a list may be written as people write.
    let rules = CanonRules::default();
    let form = kinds.iter().find_map(|kind| canonical_forms(*kind, text, &rules).ok()?.into_iter().next())?;
    Some(Entry::Exact(form.expose_text().to_owned()))
}

/// Reads the format of the public suffix list: rules, `*.` wildcards and `!` exceptions; `//` begins a comment.
/// Each suffix itself is listed, never what is registered under it.
pub fn public_suffixes(header: ListHeader, text: &str) -> Result<GuardList, GuardImportError> {
    let mut entries = Vec::new();
    for (index, line) in text.lines().enumerate() {
        // Rules end at the first white space.
        let Some(rule) = line.split_whitespace().next() else {
            continue;
        };
        if rule.starts_with("//") {
            continue;
        }
        let (name, below) = if let Some(name) = rule.strip_prefix('!') {
            (name, Below::Exception)
        } else if let Some(name) = rule.strip_prefix("*.") {
            (name, Below::OneLabel)
        } else {
            (rule, Below::Nothing)
        };
        let name = domain_name::a_labels(name).map_err(|_| GuardImportError::Value { line: index + 1 })?;
        entries.push(Entry::Host { name, below });
    }
    let header = ListHeader { kinds: BTreeSet::from([IdentifierKind::Domain]), ..header };
    finish(header, entries)
}

#[derive(Deserialize)]
struct WarningList {
    name: Option<String>,
    version: Option<u64>,
    #[serde(rename = "type")]
    matching: Option<String>,
    #[serde(default)]
    matching_attributes: Vec<String>,
    list: Vec<String>,
}

/// Reads a MISP warning list. `header` gives grade and scope; name and version come from the list where it has them.
///
/// `cidr` lists hold networks; `hostname` lists names with what lies below them; `string` exact values, `substring` and
/// `regex` are matched against the canonical form, anywhere in it, as MISP does.
pub fn misp(header: ListHeader, json: &str) -> Result<GuardList, GuardImportError> {
    let read: WarningList = serde_json::from_str(json)
        .map_err(|_| GuardImportError::Misp { expected: "a JSON object with name, version, type and list" })?;
    let mut header = header;
    if header.name.is_empty() {
        header.name = slug(read.name.as_deref().unwrap_or_default());
    }
    if let Some(version) = read.version {
        header.version = version.to_string();
    }
    header.kinds = read.matching_attributes.iter().flat_map(|name| kinds_of_attribute(name)).copied().collect();
    if header.kinds.is_empty() {
        return Err(GuardImportError::NoKind);
    }
    let entry: fn(&BTreeSet<IdentifierKind>, &str) -> Option<Vec<Entry>> = match read.matching.as_deref() {
        Some("cidr") => |_, value| network(value).map(|entry| vec![entry]),
        Some("hostname") => |_, value| host(value).map(|entry| vec![entry]),
        Some("string") => string_entry,
        Some("substring") => |_, value| Some(vec![Entry::Expression(regex::escape(value))]),
        Some("regex") => |_, value| Some(vec![Entry::Expression(expression(value)?)]),
        _ => return Err(GuardImportError::Misp { expected: "type cidr, hostname, string, substring or regex" }),
    };
    let mut entries = Vec::with_capacity(read.list.len());
    for (index, value) in read.list.iter().enumerate() {
        entries.extend(entry(&header.kinds, value.trim()).ok_or(GuardImportError::Entry { entry: index + 1 })?);
    }
    finish(header, entries)
}

/// Attribute types of MISP that hold an identifier of ours.
fn kinds_of_attribute(name: &str) -> &'static [IdentifierKind] {
    match name {
        "ip-src" | "ip-dst" | "ip-src|port" | "ip-dst|port" => &[IdentifierKind::Ip, IdentifierKind::Ip6Net],
        "domain|ip" => &[IdentifierKind::Domain, IdentifierKind::Ip, IdentifierKind::Ip6Net],
        "domain" | "hostname" | "hostname|port" => &[IdentifierKind::Domain],
        "url" | "uri" | "link" => &[IdentifierKind::Url],
        "email" | "email-src" | "email-dst" | "target-email" | "whois-registrant-email" => {
            &[IdentifierKind::Email, IdentifierKind::Mailbox]
        }
        "phone-number" | "whois-registrant-phone" => &[IdentifierKind::Phone],
        "cc-number" => &[IdentifierKind::Pan],
        "iban" => &[IdentifierKind::Iban],
        "bank-account-nr" => &[IdentifierKind::Account],
        "btc" | "xmr" | "dash" => &[IdentifierKind::Wallet],
        _ => &[],
    }
}

/// A string may be a name, an address or a value of another kind; each reading that is possible is listed.
fn string_entry(kinds: &BTreeSet<IdentifierKind>, value: &str) -> Option<Vec<Entry>> {
    let mut entries = Vec::new();
    if kinds.contains(&IdentifierKind::Ip) {
        entries.extend(network(value));
    }
    if entries.is_empty() && kinds.contains(&IdentifierKind::Domain) {
        entries.extend(match value.strip_prefix('.') {
            Some(_) => host(value),
            None => domain_name::a_labels(value).ok().map(|name| Entry::Host { name, below: Below::Nothing }),
        });
    }
    let others = kinds.iter().copied().filter(|kind| !matches!(kind, IdentifierKind::Ip | IdentifierKind::Domain));
    entries.extend(exact(&others.collect(), value));
    if entries.is_empty() { None } else { Some(entries) }
}

/// The expression between the delimiters of PCRE, with its flags.
fn expression(value: &str) -> Option<String> {
    let Some(delimited) = value.strip_prefix('/') else {
        return Some(value.to_owned());
    };
    let (pattern, flags) = delimited.rsplit_once('/')?;
    // 'g' asks for every match; one is enough here.
    let flags: String = flags.chars().filter(|flag| *flag != 'g').collect();
    let known = flags.chars().all(|flag| matches!(flag, 'i' | 's' | 'm' | 'x'));
    match (known, flags.is_empty()) {
        (false, _) => None,
        (true, true) => Some(pattern.to_owned()),
        (true, false) => Some(format!("(?{flags}){pattern}")),
    }
}

/// A list's name from a sentence.
fn slug(sentence: &str) -> String {
    let words = sentence.split(|character: char| !character.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut name = words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-");
    name.truncate(63);
    name
}

fn finish(header: ListHeader, entries: Vec<Entry>) -> Result<GuardList, GuardImportError> {
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if header.name.is_empty() || header.name.len() > 63 || !header.name.bytes().all(in_name) {
        return Err(GuardImportError::Name);
    }
    if header.kinds.is_empty() {
        return Err(GuardImportError::NoKind);
    }
    if entries.is_empty() {
        return Err(GuardImportError::Empty);
    }
    if entries.len() > GUARD_LIST_ENTRIES {
        return Err(GuardImportError::TooMany { limit: GUARD_LIST_ENTRIES });
    }
    GuardList::new(header, entries).map_err(|_| GuardImportError::Expression)
}

#[cfg(test)]
#[path = "guard_import_tests.rs"]
mod tests;
