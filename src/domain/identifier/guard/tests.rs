//! What the lists that ship guard, and that lists replace each other by name.

use std::collections::BTreeSet;

use super::*;
use crate::domain::identifier::guard::list::{Below, Entry, ListScope};
use crate::domain::identifier::{CanonRules, RawIdentifier, canonicalise};

fn canonical(kind: IdentifierKind, value: &str) -> CanonicalIdentifier {
    let raw = RawIdentifier::new(kind, value.to_owned());
    canonicalise(&raw, &CanonRules::default()).expect("test values are valid").remove(0)
}

fn check(kind: IdentifierKind, values: &[&str], expected: Grade<'_>) {
    let guard = GuardLists::built_in();
    for value in values {
        assert_eq!(guard.grade(&canonical(kind, value)), expected, "{kind} {value}");
    }
}

#[test]
fn addresses_that_are_nobodys_or_everybodys_are_rejected() {
    let special = [
        "10.1.2.3",
        "172.31.255.255",
        "192.168.1.1",
        "127.0.0.1",
        "0.0.0.0",
        "169.254.7.7",
        "100.64.0.1",
        "192.0.2.200",
        "198.51.100.7",
        "203.0.113.7",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "fd12::1",
        "ff02::1",
        "2001:db8::5",
        "3fff::1",
        "100::1",
        "64:ff9b::1",
        "2001::1",
        "4000::1",
    ];
    check(IdentifierKind::Ip, &special, Grade::Rejected("special_purpose_networks"));
    check(IdentifierKind::Ip, &["8.8.8.8", "1.1.1.1", "2620:fe::fe"], Grade::Rejected("public_resolvers"));
    check(
        IdentifierKind::Ip,
        &["11.0.0.1", "172.32.0.1", "192.0.0.9", "223.255.255.255", "2a00:1::1", "2001:20::1"],
        Grade::Clear,
    );
    check(IdentifierKind::Ip6Net, &["2001:db8:1:2::/64", "fe80::/64"], Grade::Rejected("special_purpose_networks"));
    check(IdentifierKind::Ip6Net, &["2001:4860:4860::/64"], Grade::Rejected("public_resolvers"));
    check(IdentifierKind::Ip6Net, &["2a00:1::/64"], Grade::Clear);
}

#[test]
fn names_that_lead_nowhere_and_domains_of_mail_providers_are_rejected() {
    check(IdentifierKind::Domain, &["router.local", "x.home.arpa", "a.internal"], Grade::Rejected("special_use_names"));
    check(
        IdentifierKind::Domain,
        &["example.com", "a.example.org", "shop.example"],
        Grade::Rejected("documentation_names"),
    );
    check(IdentifierKind::Domain, &["gmail.com", "mail.gmail.com"], Grade::Rejected("mail_providers"));
    check(IdentifierKind::Domain, &["notgmail.com", "gmail.com.de", "bank.de"], Grade::Clear);
    check(IdentifierKind::Email, &["jane@router.local"], Grade::Rejected("special_use_names"));
    check(
        IdentifierKind::Email,
        &["jane@example.com", "jane@shop.example", "jane@mail.example.org"],
        Grade::Rejected("documentation_names"),
    );
    check(IdentifierKind::Mailbox, &["jane@example.com"], Grade::Rejected("documentation_names"));
    check(IdentifierKind::Email, &["jane@gmail.com", "jane@notexample.com"], Grade::Clear);
    check(IdentifierKind::Email, &["abuse@bank.de", "noreply@gmail.com"], Grade::Weak("role_mailboxes"));
    check(IdentifierKind::Mailbox, &["info@bank.de"], Grade::Weak("role_mailboxes"));
    check(IdentifierKind::Email, &["infos@bank.de", "x.info@bank.de"], Grade::Clear);
}

#[test]
fn a_url_is_guarded_as_its_host_is() {
    check(
        IdentifierKind::Url,
        &["http://192.168.0.1/login", "http://[fe80::1]:8080/x"],
        Grade::Rejected("special_purpose_networks"),
    );
    check(
        IdentifierKind::Url,
        &["http://router.local/login", "http://localhost:8080/x"],
        Grade::Rejected("special_use_names"),
    );
    check(IdentifierKind::Url, &["https://gmail.com/", "https://mail.gmail.com"], Grade::Rejected("mail_providers"));
    check(IdentifierKind::Url, &["http://1.1.1.1/"], Grade::Rejected("public_resolvers"));
    check(IdentifierKind::Url, &["https://gmail.com/x", "https://bank.de/"], Grade::Clear);
    let documented = ["https://example.com/login", "https://www.example.net/", "http://shop.example:8080/x"];
    check(IdentifierKind::Url, &documented, Grade::Rejected("documentation_names"));
}

#[test]
fn numbers_for_tests_and_drama_are_rejected() {
    check(IdentifierKind::Pan, &["4111 1111 1111 1111", "378282246310005"], Grade::Rejected("test_cards"));
    check(IdentifierKind::Pan, &["0000000000000000"], Grade::Rejected(UNIFORM));
    check(IdentifierKind::Pan, &["4716909192346822"], Grade::Clear);
    check(IdentifierKind::Phone, &["+1 212 555 0123", "+44 20 7946 0018"], Grade::Rejected("reserved_phones"));
    check(IdentifierKind::Phone, &["+1 212 555 1234", "+49 1511 2345678"], Grade::Clear);
}

#[test]
fn what_devices_and_forms_send_for_none_is_rejected() {
    let none = ["00000000-0000-0000-0000-000000000000", "ffffffffffffffff", "--------", "02:02:02:02:02:02"];
    check(IdentifierKind::Device, &none[..3], Grade::Rejected(UNIFORM));
    check(IdentifierKind::Device, &none[3..], Grade::Clear);
    check(IdentifierKind::Account, &["GB:200000:00000000"], Grade::Rejected(UNIFORM));
    check(IdentifierKind::Wallet, &["eth:0x0000000000000000000000000000000000000000"], Grade::Rejected(UNIFORM));
    check(IdentifierKind::Merchant, &["visa:000000000000"], Grade::Rejected(UNIFORM));
    check(IdentifierKind::Address, &["DE|10115|Invalidenstr. 117"], Grade::Weak(POSTAL));
}

#[test]
fn every_pattern_for_phones_has_the_length_of_a_number_that_can_exist() {
    let guard = GuardLists::built_in();
    for list in guard.lists().filter(|list| list.header().kinds.contains(&IdentifierKind::Phone)) {
        for entry in list.entries() {
            let (Entry::Pattern(value) | Entry::Exact(value)) = entry else {
                panic!("a list of phones holds numbers only");
            };
            assert!(value.starts_with('+') && (9..=16).contains(&value.len()), "{value}");
            assert!(value.bytes().skip(1).all(|byte| byte == b'?' || byte.is_ascii_digit()), "{value}");
        }
    }
}

#[test]
fn the_digest_tells_every_change_and_a_list_of_the_same_name_is_replaced() {
    let list = |name: &str, entry: &str| {
        let header = ListHeader {
            kinds: BTreeSet::from([IdentifierKind::Device]),
            scope: ListScope::Site,
            ..ListHeader::new(name, ListGrade::Weak)
        };
        GuardList::new(header, vec![Entry::Exact(entry.to_owned())]).expect("no expressions")
    };
    let built_in = GuardLists::built_in();
    let first = built_in.clone().with_imported(list("a", "device-1"));
    let both = first.clone().with_imported(list("b", "device-2"));
    let other_order = built_in.clone().with_all_imported([list("b", "device-2"), list("a", "device-1")]);
    let replaced = first.clone().with_imported(list("a", "device-3"));
    assert_eq!(both.digest(), other_order.digest());
    let digests = BTreeSet::from([built_in.digest(), first.digest(), both.digest(), replaced.digest()]);
    assert_eq!(digests.len(), 4);
    assert_eq!(first.grade(&canonical(IdentifierKind::Device, "device-1")), Grade::Weak("a"));
    assert_eq!(replaced.grade(&canonical(IdentifierKind::Device, "device-1")), Grade::Clear);
    assert_eq!(replaced.grade(&canonical(IdentifierKind::Device, "device-3")), Grade::Weak("a"));
}

fn imported(name: &str, grade: ListGrade, kinds: &[IdentifierKind], entries: Vec<Entry>) -> GuardList {
    let header = ListHeader { kinds: kinds.iter().copied().collect(), ..ListHeader::new(name, grade) };
    GuardList::new(header, entries).expect("no expressions")
}

fn below(name: &str, below: Below) -> Entry {
    Entry::Host { name: name.to_owned(), below }
}

#[test]
fn a_wider_rule_for_another_kind_lifts_no_guard() {
    let gmail = || vec![below("gmail.com", Below::Everything)];
    let networks = || vec![Entry::Network("8.0.0.0/6".parse().expect("valid"))];
    for kinds in [[IdentifierKind::Url], [IdentifierKind::Email]] {
        let guard = GuardLists::built_in().with_imported(imported("a", ListGrade::Reject, &kinds, gmail()));
        let domain = canonical(IdentifierKind::Domain, "gmail.com");
        assert_eq!(guard.grade(&domain), Grade::Rejected("mail_providers"), "{kinds:?}");
    }
    let guard =
        GuardLists::built_in().with_imported(imported("a", ListGrade::Reject, &[IdentifierKind::Ip], networks()));
    let grade = |kind, value| guard.grade(&canonical(kind, value));
    assert_eq!(grade(IdentifierKind::Url, "http://8.8.8.8/"), Grade::Rejected("public_resolvers"));
    assert_eq!(grade(IdentifierKind::Ip, "8.8.8.8"), Grade::Rejected("a"), "the wider of those that are asked");
    assert_eq!(grade(IdentifierKind::Ip, "9.0.0.1"), Grade::Rejected("a"));
    assert_eq!(grade(IdentifierKind::Url, "http://9.0.0.1/"), Grade::Clear);
    let wide = vec![Entry::Network("2600::/12".parse().expect("valid"))];
    let guard = GuardLists::built_in().with_imported(imported("a", ListGrade::Reject, &[IdentifierKind::Ip], wide));
    let net = canonical(IdentifierKind::Ip6Net, "2606:4700:4700::/64");
    assert_eq!(guard.grade(&net), Grade::Rejected("public_resolvers"));
}

#[test]
fn a_wider_rule_of_narrower_scope_lifts_no_guard() {
    let kinds = [IdentifierKind::Domain, IdentifierKind::Url];
    let site = imported("a", ListGrade::Reject, &kinds, vec![below("local", Below::Everything)]);
    let guard = GuardLists::built_in().with_imported(site);
    let grade = |kind, value| guard.grade(&canonical(kind, value));
    assert_eq!(grade(IdentifierKind::Url, "http://router.local/login"), Grade::Rejected("special_use_names"));
    assert_eq!(grade(IdentifierKind::Email, "jane@router.local"), Grade::Rejected("special_use_names"));
}

#[test]
fn every_rule_for_one_name_holds_whichever_list_came_first() {
    let domain = [IdentifierKind::Domain];
    let narrow = |name: &str| imported(name, ListGrade::Weak, &domain, vec![below("shop.de", Below::Nothing)]);
    let wide = |name: &str| imported(name, ListGrade::Weak, &domain, vec![below("shop.de", Below::Everything)]);
    for lists in [[narrow("a"), wide("b")], [wide("a"), narrow("b")]] {
        let guard = GuardLists::built_in().with_all_imported(lists);
        for name in ["shop.de", "www.shop.de"] {
            assert!(matches!(guard.grade(&canonical(IdentifierKind::Domain, name)), Grade::Weak(_)), "{name}");
        }
    }
}

#[test]
fn an_exception_of_one_list_takes_nothing_from_another() {
    let domain = [IdentifierKind::Domain];
    let entries = |exception: &str| vec![below("shop.de", Below::OneLabel), below(exception, Below::Exception)];
    let grade = |lists: Vec<GuardList>, name: &str| {
        let guard = GuardLists::built_in().with_all_imported(lists);
        matches!(guard.grade(&canonical(IdentifierKind::Domain, name)), Grade::Rejected(_))
    };
    let one = || imported("a", ListGrade::Reject, &domain, entries("own.shop.de"));
    let other = || imported("b", ListGrade::Reject, &domain, entries("other.shop.de"));
    let named = || imported("c", ListGrade::Reject, &domain, vec![below("own.shop.de", Below::Nothing)]);
    assert!(!grade(vec![one()], "own.shop.de") && grade(vec![one()], "other.shop.de"));
    assert!(grade(vec![one(), other()], "own.shop.de") && grade(vec![other(), one()], "other.shop.de"));
    assert!(grade(vec![one(), named()], "own.shop.de"), "a name that is listed by itself");
    let mails = imported("a", ListGrade::Reject, &domain, vec![below("gmail.com", Below::Exception)]);
    assert!(grade(vec![mails], "gmail.com"), "what ships is guarded whatever is imported");
}

#[test]
fn rejecting_wins_over_weak() {
    let header =
        ListHeader { kinds: BTreeSet::from([IdentifierKind::Pan]), ..ListHeader::new("weak", ListGrade::Weak) };
    let list = GuardList::new(header, vec![Entry::Exact("4111111111111111".to_owned())]).expect("no expressions");
    let guard = GuardLists::built_in().with_imported(list);
    assert_eq!(guard.grade(&canonical(IdentifierKind::Pan, "4111111111111111")), Grade::Rejected("test_cards"));
}

/// The lists lie outside the project; each must be read, and networks at their edges be found.
#[test]
fn public_warning_lists_can_be_imported() {
    let Some(shared) = std::env::var_os("HUSHWIRE_SHARED") else {
        eprintln!("not run: HUSHWIRE_SHARED does not name the folder of public lists");
        return;
    };
    let folder = std::path::Path::new(&shared).join("data").join("warninglists");
    let mut lists = Vec::new();
    for file in std::fs::read_dir(folder).expect("the folder is there") {
        let path = file.expect("readable").path();
        let name = path.file_stem().expect("a file").to_string_lossy().into_owned();
        let content = std::fs::read_to_string(&path).expect("readable");
        match guard_import::misp(ListHeader::new(name.clone(), ListGrade::Weak), &content) {
            Ok(list) => lists.push(list),
            Err(refused) => {
                assert_eq!((name.as_str(), refused), ("empty-hashes", guard_import::GuardImportError::NoKind));
            }
        }
    }
    assert!(lists.len() > 30, "only {} lists", lists.len());
    let guard = GuardLists::built_in().with_all_imported(lists.clone());
    for list in &lists {
        for entry in list.entries() {
            if let Entry::Network(ipnet::IpNet::V4(network)) = entry {
                for address in [network.network(), network.broadcast()] {
                    let grade = guard.grade(&canonical(IdentifierKind::Ip, &address.to_string()));
                    assert_ne!(grade, Grade::Clear, "{} {network}", list.header().name);
                }
            }
        }
    }
    assert_ne!(guard.grade(&canonical(IdentifierKind::Domain, "vercel.com")), Grade::Rejected("special_use_names"));
}
