//! Checks of this build against files of canonical forms that other implementations made, known by their names.
//!
//! A row passes when we give what the file says, and fails otherwise. Set apart are only rows on which the foreign
//! implementations disagree among themselves, or where our rules intend another form: then the form we do give is checked
//! against that rule, and a row that fits neither is a failure. Failures name row and rule, never a value.

mod idna_test;
mod tables;
mod url_test;
mod vectors;

use crate::base::conformance::FileReport;
use crate::base::kind::IdentifierKind;
use crate::domain::identifier::{CanonRules, IdentifierRule, canonical_forms};

/// Checks one file by its name; none for names not known here.
pub fn check_file(name: &str, content: &str) -> Option<FileReport> {
    match name {
        "canonical.json" => Some(vectors::check(name, content)),
        "phone.csv" => Some(tables::check(name, content, &tables::PHONE, tables::phone())),
        "iban.csv" => Some(tables::check(name, content, &tables::IBAN, tables::iban)),
        "email.csv" => Some(tables::check(name, content, &tables::EMAIL, tables::email)),
        "domain_psl.csv" => Some(tables::check(name, content, &tables::DOMAIN, tables::domain)),
        "ip.csv" => Some(tables::check(name, content, &tables::IP, tables::ip())),
        "wallet.csv" => Some(tables::check(name, content, &tables::WALLET, tables::wallet)),
        "pan.csv" => Some(tables::check(name, content, &tables::PAN, tables::pan)),
        "IdnaTestV2.txt" => Some(idna_test::check(name, content)),
        "urltestdata.json" => Some(url_test::check(name, content)),
        _ => None,
    }
}

/// What one row showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Passed,
    /// Set apart under the name of a rule whose form we do give.
    Apart(&'static str),
    /// We refused, by this rule, what the file accepts.
    Refused(IdentifierRule),
    /// We accepted what the file refuses, or gave another form.
    OtherForm,
    /// The row itself cannot be read.
    Unreadable,
}

impl Verdict {
    fn passed_if(holds: bool) -> Self {
        if holds { Self::Passed } else { Self::OtherForm }
    }

    /// Compares our outcome with the form the file gives; none where the file refuses.
    fn of(ours: &Result<String, IdentifierRule>, expected: Option<&str>) -> Self {
        match (ours, expected) {
            (Ok(form), Some(expected)) => Self::passed_if(form == expected),
            (Err(_), None) => Self::Passed,
            (Ok(_), None) => Self::OtherForm,
            (Err(rule), Some(_)) => Self::Refused(*rule),
        }
    }

    fn count(self, report: &mut FileReport, row: usize) {
        match self {
            Self::Passed => report.pass(),
            Self::Apart(rule) => report.set_apart(rule),
            Self::Refused(rule) => report.fail(|| format!("row {row}: refused by rule {}", rule.name())),
            Self::OtherForm => report.fail(|| format!("row {row}: another form than the file's")),
            Self::Unreadable => report.fail(|| format!("row {row}: not in the form this file should have")),
        }
    }
}

/// The first canonical form of a value: the one of the kind itself.
fn form(kind: IdentifierKind, value: &str, rules: &CanonRules) -> Result<String, IdentifierRule> {
    let forms = all_forms(kind, value, rules)?;
    Ok(forms.into_iter().next().map(|(_, form)| form).unwrap_or_default())
}

/// Every canonical form of a value with its type label.
fn all_forms(kind: IdentifierKind, value: &str, rules: &CanonRules) -> Result<Vec<(String, String)>, IdentifierRule> {
    let forms = canonical_forms(kind, value, rules)?;
    Ok(forms.iter().map(|form| (form.kind().type_label().to_owned(), form.expose_text().to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, content: &str, passed: u64, failed: u64, apart: &[(&'static str, u64)]) {
        let report = check_file(name, content).expect("a known file");
        assert_eq!((report.passed, report.failed), (passed, failed), "{name}: {:?}", report.first_failures);
        assert_eq!(report.apart, apart, "{name}");
    }

    #[test]
    fn a_wrong_row_is_a_failure_in_every_file() {
        check("pan.csv", "input,digits,luhn,iin6\n4111 1111 1111 1111,4111111111111111,1,411111\n", 1, 0, &[]);
        check("pan.csv", "input,digits,luhn,iin6\n4111 1111 1111 1111,4111111111111112,1,411111\n", 0, 1, &[]);
        check("pan.csv", "input,digits,luhn,iin6\n4111 1111 1111 1112,4111111111111112,1,411111\n", 0, 1, &[]);
        check("pan.csv", "input,digits,luhn,iin6\n4111 1111 1111 1111,4111111111111111,0,411111\n", 0, 1, &[]);
        check("pan.csv", "input,digits,luhn,iin6\n4111\n", 0, 1, &[]);
        let phone = "input,default_region,e164,valid,possible\n";
        check("phone.csv", &format!("{phone}020 7946 0018,GB,+442079460018,1,1\n"), 1, 0, &[]);
        check("phone.csv", &format!("{phone}020 7946 0018,GB,+442079460019,1,1\n"), 0, 1, &[]);
        let iban = "input,schwifty,stdnum,agree\n";
        let valid = "DE89370400440532013000";
        check("iban.csv", &format!("{iban}{valid},{valid},{valid},1\n"), 1, 0, &[]);
        check("iban.csv", &format!("{iban}{valid},INVALID,INVALID,1\n"), 0, 1, &[]);
        check(
            "iban.csv",
            &format!("{iban}DE89-3704-0044-0532-0130-00,INVALID,{valid},0\n"),
            0,
            0,
            &[("oracles_disagree", 1)],
        );
        check("iban.csv", &format!("{iban}DE89-3704-0044-0532-0130-01,INVALID,{valid},0\n"), 0, 1, &[]);
        let email = "input,minfraud_3.3.0,uid2_2026,meta_google_trim_lower\n";
        check(
            "email.csv",
            &format!("{email}a.b@gmai.com,ab@gmail.com,,a.b@gmai.com\n"),
            0,
            0,
            &[("typo_not_corrected", 1)],
        );
        check("email.csv", &format!("{email}a.b@gmail.com,a.b@gmail.com,,a.b@gmail.com\n"), 0, 1, &[]);
        let ip = "input,canonical,v6_slash64,is_global\n";
        check("ip.csv", &format!("{ip}9.9.9.10,9.9.9.10,,1\n10.0.0.1,10.0.0.1,,0\n"), 2, 0, &[]);
        check(
            "ip.csv",
            &format!("{ip}10.0.0.1,10.0.0.1,,1\n 9.9.9.10,INVALID,,0\n"),
            0,
            1,
            &[("outer_space_trimmed", 1)],
        );
        let domain = "input,idna2003_ascii,registrable_private_psl,registrable_icann_psl,is_public_suffix\n";
        check(
            "domain_psl.csv",
            &format!("{domain}a.example.co.uk,a.example.co.uk,example.co.uk,example.co.uk,0\n"),
            1,
            0,
            &[],
        );
        check("domain_psl.csv", &format!("{domain}a.example.co.uk,a.example.co.uk,co.uk,co.uk,0\n"), 0, 1, &[]);
        let wallet = "input,asset,kind,canonical,display_checksum,valid\n";
        let address = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa";
        check("wallet.csv", &format!("{wallet}{address},XBT,base58check,{address},,1\n"), 1, 0, &[]);
        check("wallet.csv", &format!("{wallet}{address},XBT,base58check,{address},,0\n"), 0, 1, &[]);
        check("IdnaTestV2.txt", "fa\\u00DF.de; faß.de; ; xn--fa-hia.de; ; fass.de; # faß.de\n", 1, 0, &[]);
        check("IdnaTestV2.txt", "faß.de; ; ; fass.de; ; ;\na..b; ; [X4_2]; ; [A4_2]; ;\n", 1, 1, &[]);
        let url = r#"["comment", {"input": "http://u@x.com/#f", "base": null, "href": "http://u@x.com/#f", "username": "u"}]"#;
        check("urltestdata.json", url, 1, 0, &[]);
        check("urltestdata.json", r#"[{"input": "http://x.com", "base": null, "failure": true}]"#, 0, 1, &[]);
        check("urltestdata.json", "{", 0, 1, &[]);
        assert_eq!(check_file("other.csv", ""), None);
    }

    #[test]
    fn a_table_with_another_header_is_not_read() {
        let row = "4111 1111 1111 1111,4111111111111111,1,411111";
        for header in ["input\n", "digits,input,luhn,iin6\n", "input,digits,luhn,iin6,more\n", ""] {
            check("pan.csv", &format!("{header}{row}\n"), 0, 1, &[]);
        }
        check("pan.csv", &format!("input,digits,luhn,iin6\n{row}\n"), 1, 0, &[]);
        check("email.csv", "", 0, 1, &[]);
    }

    #[test]
    fn our_own_vectors_hold_and_a_changed_or_shortened_file_does_not() {
        let content = include_str!("../../../../tests/vectors/canonical.json");
        let whole = check_file("canonical.json", content).expect("a known file");
        assert!(whole.conforms(), "{:?}", whole.first_failures);
        let broken = |change: &dyn Fn(&mut Vec<serde_json::Value>)| {
            let mut file: serde_json::Value = serde_json::from_str(content).expect("JSON");
            change(file["cases"].as_array_mut().expect("cases"));
            check_file("canonical.json", &file.to_string()).expect("a known file").failed
        };
        assert_eq!(broken(&|_| ()), 0);
        assert_eq!(broken(&|cases| cases.retain(|case| case["kind"] != "par")), 1);
        assert_eq!(broken(&|cases| cases.retain(|case| case["kind"] != "token" || case["refused"].is_null())), 1);
        assert_eq!(broken(&|cases| cases.clear()), 16);
        assert_eq!(broken(&|cases| cases[0]["forms"][0][1] = "4111111111111112".into()), 1);
        assert_eq!(broken(&|cases| cases[0]["forms"][0][0] = "pan/2".into()), 1);
        assert_eq!(broken(&|cases| cases[0]["refused"] = "card_luhn".into()), 1);
        assert_eq!(check_file("canonical.json", "{}").expect("a known file").failed, 1);
    }

    /// The files lie outside the project: their makers' licences do not let them in.
    #[test]
    fn canonical_forms_agree_with_foreign_implementations() {
        let Some(shared) = std::env::var_os("HUSHWIRE_SHARED") else {
            eprintln!("not run: HUSHWIRE_SHARED does not name the folder of foreign cases");
            return;
        };
        let folder = std::path::Path::new(&shared).join("data").join("canon");
        let files = [
            ("phone.csv", 3_000),
            ("iban.csv", 200),
            ("email.csv", 200),
            ("domain_psl.csv", 2_900),
            ("ip.csv", 480),
            ("wallet.csv", 700),
            ("pan.csv", 1_400),
            ("IdnaTestV2.txt", 3_000),
            ("urltestdata.json", 250),
        ];
        for (name, at_least) in files {
            let content = std::fs::read_to_string(folder.join(name)).expect("every file of the folder is there");
            let report = check_file(name, &content).expect("a known file");
            eprintln!("{name}: {} passed, {} failed, apart {:?}", report.passed, report.failed, report.apart);
            assert!(report.conforms(), "{name}: {} failed: {:?}", report.failed, report.first_failures);
            assert!(report.passed >= at_least, "{name}: only {} passed", report.passed);
        }
    }
}
