//! Rules of canonical form that hold for every kind.

use proptest::prelude::*;

use super::*;

fn forms(
    kind: IdentifierKind,
    value: &str,
    region: Option<&str>,
) -> Result<Vec<(IdentifierKind, String)>, IdentifierRule> {
    let rules = CanonRules { default_region: region.map(|code| code.parse().expect("known region")) };
    let raw = RawIdentifier::new(kind, value.to_owned());
    let forms = canonicalise(&raw, &rules).map_err(|error| error.rule)?;
    Ok(forms.iter().map(|form| (form.kind(), form.expose_text().to_owned())).collect())
}

fn check(kind: IdentifierKind, value: &str, expected: &[(IdentifierKind, &str)]) {
    let expected = expected.iter().map(|(kind, text)| (*kind, (*text).to_owned())).collect();
    assert_eq!(forms(kind, value, Some("GB")), Ok(expected), "{kind} {value:?}");
}

#[test]
fn an_identifier_yields_what_follows_from_it() {
    use IdentifierKind::{Domain, Email, Ip, Ip6Net, Mailbox, Phone, Url};
    check(Email, "Jane.Doe+Shop@gmail.com", &[(Email, "jane.doe+shop@gmail.com"), (Mailbox, "janedoe@gmail.com")]);
    check(Mailbox, "Jane.Doe+Shop@gmail.com", &[(Mailbox, "janedoe@gmail.com")]);
    check(Domain, "Login.Example.co.uk", &[(Domain, "login.example.co.uk"), (Domain, "example.co.uk")]);
    check(Domain, "example.co.uk", &[(Domain, "example.co.uk")]);
    check(Ip, "2001:db8:1:2::5", &[(Ip, "2001:db8:1:2::5"), (Ip6Net, "2001:db8:1:2::/64")]);
    check(Ip, "::ffff:192.0.2.1", &[(Ip, "192.0.2.1")]);
    check(Url, "https://a.example.com/x", &[(Url, "https://a.example.com/x"), (Domain, "a.example.com")]);
    check(Url, "http://192.0.2.1/x", &[(Url, "http://192.0.2.1/x"), (Ip, "192.0.2.1")]);
    check(Url, "http://vercel.app/x", &[(Url, "http://vercel.app/x")]);
    check(Phone, "020 7946 0018", &[(Phone, "+442079460018")]);
    check(Phone, "+49 1511 2345678 ext. 4", &[(Phone, "+4915112345678")]);
}

#[test]
fn a_phone_number_without_country_needs_a_region() {
    let check = |value: &str, region: Option<&str>, rule: IdentifierRule| {
        assert_eq!(forms(IdentifierKind::Phone, value, region), Err(rule), "{value:?}");
    };
    check("020 7946 0018", None, IdentifierRule::PhoneRegionMissing);
    check("call me", Some("GB"), IdentifierRule::PhoneSyntax);
    check("+999 123456789", None, IdentifierRule::PhoneSyntax);
    check("+44 20 7946", Some("GB"), IdentifierRule::PhoneInvalid);
    check("", Some("GB"), IdentifierRule::Empty);
    check(&"1".repeat(251), Some("GB"), IdentifierRule::Length);
    assert_eq!("gb".parse::<Region2>(), "GB".parse());
    assert_eq!("XX".parse::<Region2>(), Err(UnknownRegion));
    assert_eq!("Britain".parse::<Region2>(), Err(UnknownRegion));
}

#[test]
fn a_value_longer_than_any_identifier_is_refused_before_it_is_read() {
    for kind in IdentifierKind::ALL {
        let value = "1".repeat(IDENTIFIER_BYTES + 1);
        assert_eq!(forms(kind, &value, None), Err(IdentifierRule::TooLong));
        assert!(forms(kind, "", None).is_err());
    }
}

#[test]
fn neither_debug_nor_errors_show_a_value() {
    let raw = RawIdentifier::new(IdentifierKind::Pan, "4111111111111112".to_owned());
    let error = canonicalise(&raw, &CanonRules::default()).expect_err("the check digit is wrong");
    assert_eq!(error.to_string(), "pan refused: the card number's check digit is wrong");
    assert_eq!(format!("{raw:?}"), "RawIdentifier(pan, …)");
    let raw = RawIdentifier::new(IdentifierKind::Pan, "4111111111111111".to_owned());
    let forms = canonicalise(&raw, &CanonRules::default()).expect("valid");
    assert_eq!(format!("{forms:?}"), "[CanonicalIdentifier(pan, …)]");
}

#[test]
fn rule_names_are_distinct_and_plain() {
    let names: std::collections::BTreeSet<&str> = IdentifierRule::ALL.iter().map(|rule| rule.name()).collect();
    assert_eq!(names.len(), IdentifierRule::ALL.len());
    assert!(names.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')));
}

static GUARD: std::sync::LazyLock<guard::GuardLists> = std::sync::LazyLock::new(guard::GuardLists::built_in);

/// Text that comes near to identifiers, so that many cases are accepted.
fn near_identifiers() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[0-9 \\-]{10,24}",
        "[A-Z]{2}[0-9]{2}[A-Z0-9 ]{11,30}",
        "\\PC{1,20}@\\PC{1,20}\\.com",
        "[a-z.+\\-İßÉ]{1,12}@(gmail|yahoo|user\\.fastmail|googlemail|exämple)\\.com",
        "\\+[0-9 ()]{6,18}",
        "[0-9a-f:]{2,39}(/64)?",
        "[0-9.]{7,15}",
        "(btc|eth|usdt|xrp|sol|ada|bch):[0-9a-zA-Z]{10,60}",
        "https?://\\PC{1,30}/\\PC{0,20}",
        "\\PC{1,12}\\.(com|co\\.uk|de|app)",
        "[A-Za-z]{2}\\|\\PC{0,10}\\|\\PC{1,30}",
        "[a-zA-Z]{1,8}:\\PC{1,20}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_refused_or_canonical_and_a_canonical_form_gives_itself(value in near_identifiers()) {
        let rules = CanonRules { default_region: "US".parse().ok() };
        for kind in IdentifierKind::ALL {
            let Ok(first) = canonicalise(&RawIdentifier::new(kind, value.clone()), &rules) else {
                continue;
            };
            prop_assert_eq!(first.first().map(CanonicalIdentifier::kind), Some(kind));
            for form in &first {
                let _ = GUARD.grade(form);
                let again = RawIdentifier::new(form.kind(), form.expose_text().to_owned());
                let second = canonicalise(&again, &rules);
                let second = second.as_ref().map(|forms| forms.first().map(CanonicalIdentifier::expose_text));
                prop_assert_eq!(second, Ok(Some(form.expose_text())), "{}", form.kind());
            }
        }
        let _ = text::looks_like_identifier(&value);
    }
}
