//! E-mail addresses as given: trimmed, NFC, lower case, domain as A-labels. No folding and no repair of typing errors:
//! a mistyped domain is somebody else's, and evidence.

use unicode_normalization::{UnicodeNormalization, is_nfc};

use zeroize::Zeroizing;

use crate::domain::identifier::domain_name::a_labels;
use crate::domain::identifier::fold::{Meaning, meaning, trimmed};
use crate::domain::identifier::rule::IdentifierRule;

/// RFC 5321 §4.5.3.1: octets of local part and of the whole address.
const LOCAL_BYTES: usize = 64;
const ADDRESS_BYTES: usize = 254;

/// `local@domain` in canonical form.
pub(super) fn address(text: &str) -> Result<Zeroizing<String>, IdentifierRule> {
    let text = trimmed(text);
    if text.is_empty() {
        return Err(IdentifierRule::Empty);
    }
    let (local, domain) = text.rsplit_once('@').ok_or(IdentifierRule::EmailSyntax)?;
    let domain = Zeroizing::new(a_labels(trimmed(domain))?);
    if !domain.contains('.') {
        return Err(IdentifierRule::DomainSyntax);
    }
    // Room for letters that grow when they are lowered, so that no shorter copy is left behind.
    let room = if local.is_ascii() { local.len() } else { 3 * local.len() };
    let mut canonical = Zeroizing::new(String::with_capacity(room + 1 + domain.len()));
    push_local(&mut canonical, local);
    if !local_part_valid(&canonical) {
        return Err(IdentifierRule::EmailSyntax);
    }
    if canonical.len() > LOCAL_BYTES || canonical.len() + 1 + domain.len() > ADDRESS_BYTES {
        return Err(IdentifierRule::Length);
    }
    canonical.push('@');
    canonical.push_str(&domain);
    Ok(canonical)
}

/// Lower case between two normalisations: lowering can leave a sequence that composes.
fn push_local(out: &mut String, local: &str) {
    if local.is_ascii() {
        out.extend(local.chars().map(|character| character.to_ascii_lowercase()));
        return;
    }
    let composed = Zeroizing::new(local.nfc().collect::<String>());
    let lower = Zeroizing::new(composed.to_lowercase());
    if is_nfc(&lower) {
        out.push_str(&lower);
    } else {
        out.extend(lower.nfc());
    }
}

/// What separates an address from other text. Dots may stand anywhere, because real mail systems let them.
fn local_part_valid(local: &str) -> bool {
    let quoted = local.len() >= 3 && local.starts_with('"') && local.ends_with('"');
    if quoted {
        return !local.chars().any(char::is_control);
    }
    let allowed = |character: char| match meaning(character) {
        Meaning::Ascii(byte) => {
            byte.is_ascii_graphic()
                && !matches!(byte, b'"' | b'(' | b')' | b',' | b':' | b';' | b'<' | b'>' | b'@' | b'[' | b'\\' | b']')
        }
        Meaning::Dash => true,
        Meaning::Space | Meaning::Invisible => false,
        Meaning::Foreign => !character.is_control(),
    };
    !local.is_empty() && local.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_keeps_everything_but_case_and_outer_space() {
        let check = |text: &str, expected: Result<&str, IdentifierRule>| {
            assert_eq!(address(text), expected.map(|form| Zeroizing::new(form.to_owned())), "{text:?}");
        };
        check("  Jane.Doe+Shop@Gmail.com ", Ok("jane.doe+shop@gmail.com"));
        check("max@München.example.", Ok("max@xn--mnchen-3ya.example"));
        check("JOSE\u{0301}@example.com", Ok("jos\u{00E9}@example.com"));
        check("ＦＵＬＬ@example.com", Ok("ｆｕｌｌ@example.com"));
        check("\"quoted x\"@example.com", Ok("\"quoted x\"@example.com"));
        check("jane..doe@gmai.com", Ok("jane..doe@gmai.com"));
        check("", Err(IdentifierRule::Empty));
        check("jane.example.com", Err(IdentifierRule::EmailSyntax));
        check("@example.com", Err(IdentifierRule::EmailSyntax));
        check("jane doe@example.com", Err(IdentifierRule::EmailSyntax));
        check("Jane <jane@example.com", Err(IdentifierRule::EmailSyntax));
        check("ja\u{200B}ne@example.com", Err(IdentifierRule::EmailSyntax));
        check("jane@", Err(IdentifierRule::DomainSyntax));
        check("jane@localhost", Err(IdentifierRule::DomainSyntax));
        check("jane@exa mple.com", Err(IdentifierRule::DomainSyntax));
        check("jane@[192.0.2.1]", Err(IdentifierRule::DomainSyntax));
        check(&format!("{}@example.com", "x".repeat(65)), Err(IdentifierRule::Length));
    }
}
