//! The lists of one grade, arranged for looking up: sorted ranges of addresses, sorted names, sorted values.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

use crate::base::kind::IdentifierKind;
use crate::domain::identifier::guard::list::{Below, Entry, GuardList, ListScope};
use crate::domain::identifier::{CanonicalIdentifier, domain_name};

/// Position of a list in [`GuardIndex::lists`].
type ListNumber = usize;

#[derive(Debug, Clone)]
struct HostRule {
    below: Below,
    list: ListNumber,
}

/// Values of one kind.
#[derive(Debug, Clone, Default)]
struct Values {
    /// Sorted by value.
    exact: Vec<(Box<str>, ListNumber)>,
    patterns: Vec<(Box<str>, ListNumber)>,
    /// Lists whose expressions are asked.
    expressions: Vec<ListNumber>,
}

/// All lists of one grade.
#[derive(Debug, Clone, Default)]
pub struct GuardIndex {
    lists: Vec<GuardList>,
    /// First and last address of disjoint networks, ascending; IPv4 as IPv4-mapped IPv6.
    networks: Vec<(u128, u128, ListNumber)>,
    hosts: BTreeMap<Box<str>, HostRule>,
    values: BTreeMap<IdentifierKind, Values>,
}

impl GuardIndex {
    pub fn of<'a>(lists: impl Iterator<Item = &'a GuardList>) -> Self {
        let mut index = Self::default();
        for list in lists {
            let number = index.lists.len();
            for entry in list.entries() {
                index.add(list, number, entry);
            }
            if list.has_expressions() {
                for kind in &list.header().kinds {
                    index.values.entry(*kind).or_default().expressions.push(number);
                }
            }
            index.lists.push(list.clone());
        }
        for values in index.values.values_mut() {
            values.exact.sort_unstable();
            values.exact.dedup_by(|later, earlier| later.0 == earlier.0);
        }
        index.networks = disjoint(std::mem::take(&mut index.networks));
        index
    }

    fn add(&mut self, list: &GuardList, number: ListNumber, entry: &Entry) {
        match entry {
            Entry::Network(network) => {
                let (first, last) = ends(*network);
                self.networks.push((first, last, number));
            }
            Entry::Host { name, below } => {
                let rule = HostRule { below: *below, list: number };
                let wider = |known: &HostRule| (list.header().scope, *below) > (self.scope_of(known.list), known.below);
                if self.hosts.get(name.as_str()).is_none_or(wider) {
                    self.hosts.insert(name.as_str().into(), rule);
                }
            }
            Entry::Exact(value) => {
                for kind in &list.header().kinds {
                    self.values.entry(*kind).or_default().exact.push((value.as_str().into(), number));
                }
            }
            Entry::Pattern(value) => {
                for kind in &list.header().kinds {
                    self.values.entry(*kind).or_default().patterns.push((value.as_str().into(), number));
                }
            }
            // Compiled with the list; asked below.
            Entry::Expression(_) => {}
        }
    }

    /// The list being added is not yet in `lists`: two rules for one name inside it have one scope.
    fn scope_of(&self, number: ListNumber) -> ListScope {
        self.lists.get(number).map_or(ListScope::Everything, |list| list.header().scope)
    }

    /// Name of a list that covers the identifier.
    pub fn find(&self, identifier: &CanonicalIdentifier) -> Option<&str> {
        let text = identifier.expose_text();
        let kind = identifier.kind();
        let number = match kind {
            IdentifierKind::Ip => self.network(text, kind, ListScope::Site),
            IdentifierKind::Ip6Net => self.subnet(text),
            IdentifierKind::Domain => self.host(text, kind, ListScope::Site),
            IdentifierKind::Url => self.page(text),
            IdentifierKind::Email | IdentifierKind::Mailbox => self.mail(text),
            IdentifierKind::Pan
            | IdentifierKind::Iban
            | IdentifierKind::Account
            | IdentifierKind::Phone
            | IdentifierKind::Device
            | IdentifierKind::Wallet
            | IdentifierKind::Address
            | IdentifierKind::Merchant
            | IdentifierKind::Par
            | IdentifierKind::Token => None,
        };
        let number = number.or_else(|| self.value(kind, text))?;
        self.lists.get(number).map(|list| list.header().name.as_str())
    }

    /// Whether the list is asked about this kind, as far as `scope`.
    fn applies(&self, number: ListNumber, kind: IdentifierKind, scope: ListScope) -> bool {
        let header = self.lists.get(number).map(GuardList::header);
        header.is_some_and(|header| match scope {
            ListScope::Everything => header.scope == ListScope::Everything,
            ListScope::Site => header.kinds.contains(&kind) || header.scope == ListScope::Everything,
        })
    }

    fn network(&self, text: &str, kind: IdentifierKind, scope: ListScope) -> Option<ListNumber> {
        if self.networks.is_empty() {
            return None;
        }
        let address = mapped(text.parse().ok()?);
        self.overlapping(address, address).filter(|number| self.applies(*number, kind, scope))
    }

    /// A /64 is covered where any part of it is: a warning about the whole would reach that part too.
    fn subnet(&self, text: &str) -> Option<ListNumber> {
        let first = text.strip_suffix("/64")?.parse::<Ipv6Addr>().ok()?.to_bits();
        let last = first | u128::from(u64::MAX);
        self.overlapping(first, last).filter(|number| self.applies(*number, IdentifierKind::Ip6Net, ListScope::Site))
    }

    fn overlapping(&self, first: u128, last: u128) -> Option<ListNumber> {
        let after = self.networks.partition_point(|network| network.0 <= last);
        let (_, end, number) = self.networks.get(after.checked_sub(1)?)?;
        (*end >= first).then_some(*number)
    }

    fn host(&self, name: &str, kind: IdentifierKind, scope: ListScope) -> Option<ListNumber> {
        if self.hosts.is_empty() {
            return None;
        }
        let mut rest = name;
        let mut depth = 0;
        loop {
            if let Some(rule) = self.hosts.get(rest) {
                let covered = match (rule.below, depth) {
                    (Below::Exception, 0) => return None,
                    (Below::Exception | Below::Nothing, _) => depth == 0 && rule.below == Below::Nothing,
                    (_, 0) => true,
                    (Below::OneLabel, depth) => depth == 1,
                    // One owner, unless a public suffix lies between the two names.
                    (Below::SameOwner, _) => domain_name::registrable(name).is_some_and(|own| own.len() <= rest.len()),
                    (Below::Everything, _) => true,
                };
                if covered && self.applies(rule.list, kind, scope) {
                    return Some(rule.list);
                }
            }
            rest = rest.split_once('.')?.1;
            depth += 1;
        }
    }

    /// A URL stands for its host where it is the front page; lists of unreachable names cover every page.
    fn page(&self, text: &str) -> Option<ListNumber> {
        let (_, rest) = text.split_once("://")?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, page) = rest.split_at_checked(end)?;
        let scope = if matches!(page, "" | "/") { ListScope::Site } else { ListScope::Everything };
        if let Some(bracketed) = authority.strip_prefix('[') {
            return self.network(bracketed.split(']').next()?, IdentifierKind::Url, scope);
        }
        let host = authority.split(':').next()?;
        let host = host.strip_suffix('.').unwrap_or(host);
        self.host(host, IdentifierKind::Url, scope).or_else(|| self.network(host, IdentifierKind::Url, scope))
    }

    /// An e-mail by its domain, where nobody can be reached there, or by its local part for all domains.
    fn mail(&self, text: &str) -> Option<ListNumber> {
        let at = text.rfind('@')?;
        let (local, domain) = text.split_at_checked(at + 1)?;
        self.host(domain, IdentifierKind::Email, ListScope::Everything)
            .or_else(|| self.exact(self.values.get(&IdentifierKind::Email)?, local))
    }

    fn value(&self, kind: IdentifierKind, text: &str) -> Option<ListNumber> {
        let values = self.values.get(&kind)?;
        self.exact(values, text)
            .or_else(|| values.patterns.iter().find(|(pattern, _)| fits(pattern, text)).map(|(_, number)| *number))
            .or_else(|| {
                let matching =
                    |number: &&ListNumber| self.lists.get(**number).is_some_and(|list| list.expression_matches(text));
                values.expressions.iter().find(matching).copied()
            })
    }

    fn exact(&self, values: &Values, text: &str) -> Option<ListNumber> {
        let position = values.exact.binary_search_by(|(value, _)| (**value).cmp(text)).ok()?;
        values.exact.get(position).map(|(_, number)| *number)
    }
}

/// Whether `text` is `pattern` with some character in the place of each `?`.
fn fits(pattern: &str, text: &str) -> bool {
    pattern.len() == text.len()
        && pattern.bytes().zip(text.bytes()).all(|(wanted, byte)| wanted == b'?' || wanted == byte)
}

/// IPv4 addresses lie among IPv6 addresses as `::ffff:a.b.c.d`, a range no canonical IPv6 address is in.
fn mapped(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn ends(network: IpNet) -> (u128, u128) {
    (mapped(network.network()), mapped(network.broadcast()))
}

/// Networks are nested or disjoint; of nested ones the widest stays.
fn disjoint(mut networks: Vec<(u128, u128, ListNumber)>) -> Vec<(u128, u128, ListNumber)> {
    networks.sort_unstable_by_key(|(first, last, number)| (*first, std::cmp::Reverse(*last), *number));
    let mut kept: Vec<(u128, u128, ListNumber)> = Vec::with_capacity(networks.len());
    for network in networks {
        if kept.last().is_none_or(|(_, last, _)| *last < network.0) {
            kept.push(network);
        }
    }
    kept
}
