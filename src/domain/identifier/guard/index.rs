//! The lists of one grade, arranged for looking up: sorted ranges of addresses, sorted names, sorted values.
//!
//! Lists only ever add up: whatever a list covers it covers with any other beside it. So what depends on the kind asked
//! about is arranged by kind, every rule for a name is kept, and an exception counts within its own list alone.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

use crate::base::kind::IdentifierKind;
use crate::domain::identifier::guard::list::{Below, Entry, GuardList, ListHeader, ListScope};
use crate::domain::identifier::{CanonicalIdentifier, domain_name};

/// Position of a list in [`GuardIndex::lists`].
type ListNumber = usize;

/// What is asked: about values of a kind, or only of lists that cover all that stands on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Asked {
    Of(IdentifierKind),
    OnlyEverything,
}

/// Kinds that are addresses or stand on one.
const ADDRESSED: [IdentifierKind; 3] = [IdentifierKind::Ip, IdentifierKind::Ip6Net, IdentifierKind::Url];

/// Kinds that are names of hosts or stand on one.
const NAMED: [IdentifierKind; 2] = [IdentifierKind::Domain, IdentifierKind::Url];

impl Asked {
    fn covers(self, header: &ListHeader) -> bool {
        header.scope == ListScope::Everything
            || match self {
                Self::Of(kind) => header.kinds.contains(&kind),
                Self::OnlyEverything => false,
            }
    }
}

/// Ascending by name, of one name the widest first. Mail, asked about most, is looked up among few of them: arranged by what is
/// asked, each question goes through its own rules alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct HostRule {
    name: Box<str>,
    below: Reverse<Below>,
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
    networks: BTreeMap<Asked, Vec<(u128, u128, ListNumber)>>,
    hosts: BTreeMap<Asked, Vec<HostRule>>,
    /// Names that a list takes out of its own wider rules.
    exceptions: BTreeSet<(Box<str>, ListNumber)>,
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
        for networks in index.networks.values_mut() {
            *networks = disjoint(std::mem::take(networks));
        }
        for hosts in index.hosts.values_mut() {
            hosts.sort_unstable();
            hosts.dedup();
        }
        index
    }

    fn add(&mut self, list: &GuardList, number: ListNumber, entry: &Entry) {
        match entry {
            Entry::Network(network) => {
                let (first, last) = ends(*network);
                let questions = ADDRESSED.map(Asked::Of).into_iter().chain([Asked::OnlyEverything]);
                for asked in questions.filter(|asked| asked.covers(list.header())) {
                    self.networks.entry(asked).or_default().push((first, last, number));
                }
            }
            Entry::Host { name, below: Below::Exception } => {
                self.exceptions.insert((name.as_str().into(), number));
            }
            Entry::Host { name, below } => {
                let questions = NAMED.map(Asked::Of).into_iter().chain([Asked::OnlyEverything]);
                for asked in questions.filter(|asked| asked.covers(list.header())) {
                    let rule = HostRule { name: name.as_str().into(), below: Reverse(*below), list: number };
                    self.hosts.entry(asked).or_default().push(rule);
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

    /// Name of a list that covers the identifier.
    pub fn find(&self, identifier: &CanonicalIdentifier) -> Option<&str> {
        let text = identifier.expose_text();
        let kind = identifier.kind();
        let number = match kind {
            IdentifierKind::Ip => self.network(text, Asked::Of(kind)),
            IdentifierKind::Ip6Net => self.subnet(text),
            IdentifierKind::Domain => self.host(text, Asked::Of(kind)),
            IdentifierKind::Url => self.page(text),
            IdentifierKind::Email | IdentifierKind::Mailbox => self.mail(kind, text),
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

    fn network(&self, text: &str, asked: Asked) -> Option<ListNumber> {
        let networks = self.networks.get(&asked)?;
        let address = mapped(text.parse().ok()?);
        overlapping(networks, address, address)
    }

    /// A /64 is covered where any part of it is: a warning about the whole would reach that part too.
    fn subnet(&self, text: &str) -> Option<ListNumber> {
        let networks = self.networks.get(&Asked::Of(IdentifierKind::Ip6Net))?;
        let first = text.strip_suffix("/64")?.parse::<Ipv6Addr>().ok()?.to_bits();
        overlapping(networks, first, first | u128::from(u64::MAX))
    }

    fn host(&self, name: &str, asked: Asked) -> Option<ListNumber> {
        let hosts = self.hosts.get(&asked)?;
        let mut rest = name;
        let mut depth = 0;
        loop {
            let from = hosts.partition_point(|rule| *rule.name < *rest);
            let rules = hosts[from..].iter().take_while(|rule| *rule.name == *rest);
            let mut covering = rules.filter(|rule| covers(rule.below.0, depth, rest, name));
            if let Some(rule) = covering.find(|rule| !self.excepts(rule.list, name)) {
                return Some(rule.list);
            }
            rest = rest.split_once('.')?.1;
            depth += 1;
        }
    }

    /// Whether the list makes an exception of the name.
    fn excepts(&self, list: ListNumber, name: &str) -> bool {
        !self.exceptions.is_empty() && self.exceptions.contains(&(name.into(), list))
    }

    /// A URL stands for its host where it is the front page; lists of unreachable names cover every page.
    fn page(&self, text: &str) -> Option<ListNumber> {
        let (_, rest) = text.split_once("://")?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, page) = rest.split_at_checked(end)?;
        let front = matches!(page, "" | "/");
        let asked = if front { Asked::Of(IdentifierKind::Url) } else { Asked::OnlyEverything };
        if let Some(bracketed) = authority.strip_prefix('[') {
            return self.network(bracketed.split(']').next()?, asked);
        }
        let host = authority.split(':').next()?;
        let host = host.strip_suffix('.').unwrap_or(host);
        self.host(host, asked).or_else(|| self.network(host, asked))
    }

    /// An e-mail by its domain, where nobody can be reached there, or by its local part for all domains.
    fn mail(&self, kind: IdentifierKind, text: &str) -> Option<ListNumber> {
        let at = text.rfind('@')?;
        let (local, domain) = text.split_at_checked(at + 1)?;
        self.host(domain, Asked::OnlyEverything).or_else(|| self.exact(self.values.get(&kind)?, local))
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

/// Whether a rule for `rest` reaches `name`, which has `depth` labels more.
fn covers(below: Below, depth: usize, rest: &str, name: &str) -> bool {
    match (below, depth) {
        (Below::Exception, _) => false,
        (_, 0) => true,
        (Below::Nothing, _) => false,
        (Below::OneLabel, depth) => depth == 1,
        // One owner, unless a public suffix lies between the two names.
        (Below::SameOwner, _) => domain_name::registrable(name).is_some_and(|own| own.len() <= rest.len()),
        (Below::Everything, _) => true,
    }
}

fn overlapping(networks: &[(u128, u128, ListNumber)], first: u128, last: u128) -> Option<ListNumber> {
    let after = networks.partition_point(|network| network.0 <= last);
    let (_, end, number) = networks.get(after.checked_sub(1)?)?;
    (*end >= first).then_some(*number)
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
    networks.sort_unstable_by_key(|(first, last, number)| (*first, Reverse(*last), *number));
    let mut kept: Vec<(u128, u128, ListNumber)> = Vec::with_capacity(networks.len());
    for network in networks {
        if kept.last().is_none_or(|(_, last, _)| *last < network.0) {
            kept.push(network);
        }
    }
    kept
}
