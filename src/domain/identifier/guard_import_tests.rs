//! Reading each form of list, and refusing each malformed one by its place.

use super::*;
use crate::domain::identifier::guard::{Grade, GuardLists};
use crate::domain::identifier::{RawIdentifier, canonicalise};

fn header() -> ListHeader {
    ListHeader::new("imported", ListGrade::Weak)
}

fn is_graded(list: &GuardList, kind: IdentifierKind, value: &str) -> bool {
    let guard = GuardLists::built_in().with_imported(list.clone());
    let raw = RawIdentifier::new(kind, value.to_owned());
    let forms = canonicalise(&raw, &CanonRules::default()).expect("test values are valid");
    guard.grade(forms.first().expect("one form at least")) == Grade::Weak(&list.header().name)
}

fn check(list: &GuardList, kind: IdentifierKind, value: &str, covered: bool) {
    assert_eq!(is_graded(list, kind, value), covered, "{kind} {value}");
}

fn misp_list(matching: &str, attributes: &str, list: &str) -> Result<GuardList, GuardImportError> {
    let json = format!(
        r#"{{"name": "A list", "version": 7, "type": "{matching}", "matching_attributes": [{attributes}], "list": [{list}]}}"#
    );
    misp(ListHeader::new("", ListGrade::Weak), &json)
}

#[test]
fn a_misp_list_of_networks_covers_addresses_and_their_64() {
    let list = misp_list("cidr", r#""ip-src""#, r#""9.9.9.0/24", "2A00:1::1""#).expect("valid");
    assert_eq!((list.header().name.as_str(), list.header().version.as_str()), ("a-list", "7"));
    check(&list, IdentifierKind::Ip, "9.9.9.200", true);
    check(&list, IdentifierKind::Ip, "9.9.10.200", false);
    check(&list, IdentifierKind::Ip, "2a00:1::1", true);
    check(&list, IdentifierKind::Ip, "2a00:1::2", false);
    check(&list, IdentifierKind::Ip6Net, "2a00:1::/64", true);
    check(&list, IdentifierKind::Ip6Net, "2a00:1:0:1::/64", false);
}

#[test]
fn a_misp_list_of_hosts_covers_what_the_same_owner_has_below() {
    let list = misp_list("hostname", r#""hostname", "url""#, r#"".bank.de", "shop.de", "vercel.app""#).expect("valid");
    check(&list, IdentifierKind::Domain, "shop.de", true);
    check(&list, IdentifierKind::Domain, "www.shop.de", true);
    check(&list, IdentifierKind::Domain, "myshop.de", false);
    check(&list, IdentifierKind::Domain, "a.b.bank.de", true);
    check(&list, IdentifierKind::Domain, "customer.vercel.app", false);
    check(&list, IdentifierKind::Url, "https://shop.de/", true);
    check(&list, IdentifierKind::Url, "https://shop.de:8443", true);
    check(&list, IdentifierKind::Url, "https://shop.de/user/fraud", false);
    check(&list, IdentifierKind::Url, "https://shop.de/?q=fraud", false);
}

#[test]
fn misp_strings_and_expressions_are_matched_in_canonical_form() {
    let list =
        misp_list("string", r#""domain", "url""#, r#""Shop.DE", ".google.ad", "https://x.de/a""#).expect("valid");
    check(&list, IdentifierKind::Domain, "shop.de", true);
    check(&list, IdentifierKind::Domain, "www.shop.de", false);
    check(&list, IdentifierKind::Domain, "mail.google.ad", true);
    check(&list, IdentifierKind::Url, "https://x.de/a", true);
    check(&list, IdentifierKind::Url, "https://x.de/b", false);
    let list = misp_list("regex", r#""email""#, r#""/^(soc|abuse2)\\@.*\\..*$/i""#).expect("valid");
    check(&list, IdentifierKind::Email, "soc@shop.de", true);
    check(&list, IdentifierKind::Email, "x.soc@shop.de", false);
    let list = misp_list("substring", r#""url""#, r#""/.well-known/""#).expect("valid");
    check(&list, IdentifierKind::Url, "https://shop.de/.well-known/x", true);
    check(&list, IdentifierKind::Url, "https://shop.de/Xwell-known/x", false);
}

#[test]
fn a_public_suffix_list_covers_the_suffixes_and_nothing_under_them() {
    let text = "// comment\n\nshops.example2.de comment\n*.kunden.de\n!www.kunden.de\n";
    let list = public_suffixes(header(), text).expect("valid");
    check(&list, IdentifierKind::Domain, "shops.example2.de", true);
    check(&list, IdentifierKind::Domain, "a.shops.example2.de", false);
    check(&list, IdentifierKind::Domain, "anna.kunden.de", true);
    check(&list, IdentifierKind::Domain, "a.anna.kunden.de", false);
    check(&list, IdentifierKind::Domain, "www.kunden.de", false);
}

#[test]
fn plain_text_takes_values_as_people_write_them() {
    let of_kinds = |kinds: &str, text: &str| plain_text(header(), &format!("# kinds: {kinds}\n# version: 3\n{text}\n"));
    let list = of_kinds("pan", "4716 9091 9234 6822\n4000??????????00").expect("valid");
    assert_eq!(list.header().version, "3");
    check(&list, IdentifierKind::Pan, "4716909192346822", true);
    check(&list, IdentifierKind::Pan, "4000123451235800", true);
    check(&list, IdentifierKind::Pan, "4000123412341002", false);
    let list = of_kinds("phone", "+1 650 253 0000\n+4915112345???").expect("valid");
    check(&list, IdentifierKind::Phone, "+16502530000", true);
    check(&list, IdentifierKind::Phone, "+4915112345678", true);
    check(&list, IdentifierKind::Phone, "+4915112346678", false);
    let list = of_kinds("email mailbox", "team@\nInfo@Shop.de").expect("valid");
    check(&list, IdentifierKind::Email, "team@any.de", true);
    check(&list, IdentifierKind::Mailbox, "team+x@any.de", true);
    check(&list, IdentifierKind::Email, "ateam@any.de", false);
    let list = of_kinds("ip", "9.9.9.200").expect("valid");
    check(&list, IdentifierKind::Ip, "9.9.9.200", true);
}

#[test]
fn a_list_with_one_bad_line_is_refused_by_its_place() {
    let check = |list: Result<GuardList, GuardImportError>, expected: GuardImportError| {
        assert_eq!(list.map(|list| list.digest()), Err(expected));
    };
    let pan = |text: &str| plain_text(header(), &format!("# kinds: pan\n{text}"));
    check(pan("4111111111111111\n4111111111111112"), GuardImportError::Value { line: 3 });
    check(plain_text(header(), "# kinds: cards\n"), GuardImportError::Header { line: 1 });
    check(plain_text(header(), "# grade: harsh\n"), GuardImportError::Header { line: 1 });
    check(plain_text(header(), "# scope: world\n"), GuardImportError::Header { line: 1 });
    check(plain_text(header(), "# kinds:\n# note\n"), GuardImportError::NoKind);
    check(pan(""), GuardImportError::Empty);
    check(pan("# name: two words\n4111111111111111"), GuardImportError::Name);
    check(public_suffixes(header(), "de\n..\n"), GuardImportError::Value { line: 2 });
    check(misp_list("cidr", r#""ip-src""#, r#""9.9.9.0/24", "9.9.9.0/33""#), GuardImportError::Entry { entry: 2 });
    check(misp_list("regex", r#""email""#, r#""/(/""#), GuardImportError::Expression);
    check(misp_list("regex", r#""email""#, r#""/a/e""#), GuardImportError::Entry { entry: 1 });
    check(misp_list("regex", r#""email""#, r#""(a{1000}){1000}""#), GuardImportError::Expression);
    check(misp_list("string", r#""sha256""#, r#""00""#), GuardImportError::NoKind);
    check(
        misp_list("soundex", r#""email""#, r#""a""#),
        GuardImportError::Misp { expected: "type cidr, hostname, string, substring or regex" },
    );
    check(misp(header(), "[]"), GuardImportError::Misp { expected: "a JSON object with name, version, type and list" });
}
