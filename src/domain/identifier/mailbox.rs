//! The mailbox that an e-mail address reaches, by the providers' own documented rules: sub-addresses are cut, spellings
//! that a provider ignores are folded, a provider's several domains become one. Typing errors are not repaired.
//!
//! The rules are those the fraud industry uses (minFraud), without its table of mistyped domains.

use zeroize::Zeroizing;

/// Domains of one provider that deliver to the same mailbox, with the name that stands for all of them.
const EQUIVALENT_DOMAINS: [(&str, &str); 8] = [
    ("googlemail.com", "gmail.com"),
    ("pm.me", "protonmail.com"),
    ("proton.me", "protonmail.com"),
    ("ya.ru", "yandex.ru"),
    ("yandex.by", "yandex.ru"),
    ("yandex.com", "yandex.ru"),
    ("yandex.kz", "yandex.ru"),
    ("yandex.ua", "yandex.ru"),
];

/// Domains of Yahoo, where `-` and not `+` begins a disposable sub-address. Sorted.
const YAHOO_DOMAINS: [&str; 54] = [
    "myyahoo.com",
    "y7mail.com",
    "yahoo.at",
    "yahoo.be",
    "yahoo.bg",
    "yahoo.ca",
    "yahoo.cl",
    "yahoo.co.id",
    "yahoo.co.il",
    "yahoo.co.in",
    "yahoo.co.kr",
    "yahoo.co.nz",
    "yahoo.co.th",
    "yahoo.co.uk",
    "yahoo.co.za",
    "yahoo.com",
    "yahoo.com.ar",
    "yahoo.com.au",
    "yahoo.com.br",
    "yahoo.com.co",
    "yahoo.com.hk",
    "yahoo.com.hr",
    "yahoo.com.mx",
    "yahoo.com.my",
    "yahoo.com.pe",
    "yahoo.com.ph",
    "yahoo.com.sg",
    "yahoo.com.tr",
    "yahoo.com.tw",
    "yahoo.com.ua",
    "yahoo.com.ve",
    "yahoo.com.vn",
    "yahoo.cz",
    "yahoo.de",
    "yahoo.dk",
    "yahoo.ee",
    "yahoo.es",
    "yahoo.fi",
    "yahoo.fr",
    "yahoo.gr",
    "yahoo.hu",
    "yahoo.ie",
    "yahoo.in",
    "yahoo.it",
    "yahoo.lt",
    "yahoo.lv",
    "yahoo.nl",
    "yahoo.no",
    "yahoo.pl",
    "yahoo.pt",
    "yahoo.ro",
    "yahoo.se",
    "yahoo.sk",
    "ymail.com",
];

/// Domains of Fastmail, where `anything@user.fastmail.com` reaches `user@fastmail.com`. Sorted.
const FASTMAIL_DOMAINS: [&str; 118] = [
    "123mail.org",
    "150mail.com",
    "150ml.com",
    "16mail.com",
    "2-mail.com",
    "4email.net",
    "50mail.com",
    "airpost.net",
    "allmail.net",
    "bestmail.us",
    "cluemail.com",
    "elitemail.org",
    "emailcorner.net",
    "emailengine.net",
    "emailengine.org",
    "emailgroups.net",
    "emailplus.org",
    "emailuser.net",
    "eml.cc",
    "f-m.fm",
    "fast-email.com",
    "fast-mail.org",
    "fastem.com",
    "fastemail.us",
    "fastemailer.com",
    "fastest.cc",
    "fastimap.com",
    "fastmail.ca",
    "fastmail.cn",
    "fastmail.co.uk",
    "fastmail.com",
    "fastmail.com.au",
    "fastmail.de",
    "fastmail.es",
    "fastmail.fm",
    "fastmail.fr",
    "fastmail.im",
    "fastmail.in",
    "fastmail.jp",
    "fastmail.mx",
    "fastmail.net",
    "fastmail.nl",
    "fastmail.org",
    "fastmail.se",
    "fastmail.to",
    "fastmail.tw",
    "fastmail.uk",
    "fastmail.us",
    "fastmailbox.net",
    "fastmessaging.com",
    "fea.st",
    "fmail.co.uk",
    "fmailbox.com",
    "fmgirl.com",
    "fmguy.com",
    "ftml.net",
    "h-mail.us",
    "hailmail.net",
    "imap-mail.com",
    "imap.cc",
    "imapmail.org",
    "inoutbox.com",
    "internet-e-mail.com",
    "internet-mail.org",
    "internetemails.net",
    "internetmailing.net",
    "jetemail.net",
    "justemail.net",
    "letterboxes.org",
    "mail-central.com",
    "mail-page.com",
    "mailandftp.com",
    "mailas.com",
    "mailbolt.com",
    "mailc.net",
    "mailcan.com",
    "mailforce.net",
    "mailftp.com",
    "mailhaven.com",
    "mailingaddress.org",
    "mailite.com",
    "mailmight.com",
    "mailnew.com",
    "mailsent.net",
    "mailservice.ms",
    "mailup.net",
    "mailworks.org",
    "ml1.net",
    "mm.st",
    "myfastmail.com",
    "mymacmail.com",
    "nospammail.net",
    "ownmail.net",
    "petml.com",
    "postinbox.com",
    "postpro.net",
    "proinbox.com",
    "promessage.com",
    "realemail.net",
    "reallyfast.biz",
    "reallyfast.info",
    "rushpost.com",
    "sent.as",
    "sent.at",
    "sent.com",
    "speedpost.net",
    "speedymail.org",
    "ssl-mail.com",
    "swift-mail.com",
    "the-fastest.net",
    "the-quickest.com",
    "theinternetemail.com",
    "veryfast.biz",
    "veryspeedy.net",
    "warpmail.net",
    "xsmail.com",
    "yepmail.net",
    "your-mail.com",
];

/// The mailbox of a canonical address. An address whose folding would leave no local part stands for itself.
pub(super) fn reached_by(address: &str) -> Zeroizing<String> {
    let Some((local, given_domain)) = address.rsplit_once('@') else {
        return Zeroizing::new(address.to_owned());
    };
    let domain =
        EQUIVALENT_DOMAINS.iter().find(|(other, _)| *other == given_domain).map_or(given_domain, |(_, name)| *name);
    if let Some((user, provider)) = domain.split_once('.')
        && provider.contains('.')
        && FASTMAIL_DOMAINS.binary_search(&provider).is_ok()
    {
        return joined(user.len(), [user], provider);
    }
    let local = without_tag(local, domain);
    if domain == "gmail.com" && !local.bytes().all(|byte| byte == b'.') {
        return joined(local.len(), local.split('.'), domain);
    }
    if domain == "gmail.com" { Zeroizing::new(address.to_owned()) } else { joined(local.len(), [local], domain) }
}

/// The local part before its disposable sub-address.
fn without_tag<'a>(local: &'a str, domain: &str) -> &'a str {
    // Most addresses have none: then the table need not be asked.
    if !local.contains(['-', '+']) {
        return local;
    }
    let divider = if YAHOO_DOMAINS.binary_search(&domain).is_ok() { '-' } else { '+' };
    // A divider in front is part of the name: something must be left.
    match local.find(divider) {
        Some(position) if position > 0 => local.get(..position).unwrap_or(local),
        _ => local,
    }
}

fn joined<'a>(longest_local: usize, local: impl IntoIterator<Item = &'a str>, domain: &str) -> Zeroizing<String> {
    // Enough from the start, so that no shorter copy is left behind by growing; no more, because all of it is wiped.
    let mut mailbox = Zeroizing::new(String::with_capacity(longest_local + 1 + domain.len()));
    mailbox.extend(local);
    mailbox.push('@');
    mailbox.push_str(domain);
    mailbox
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted_for_binary_search() {
        assert!(YAHOO_DOMAINS.is_sorted());
        assert!(FASTMAIL_DOMAINS.is_sorted());
    }

    #[test]
    fn addresses_that_reach_one_mailbox_have_one_form() {
        let check = |address: &str, mailbox: &str| assert_eq!(*reached_by(address), mailbox, "{address:?}");
        check("jane.doe@example.com", "jane.doe@example.com");
        check("jane.doe+shop@example.com", "jane.doe@example.com");
        check("jane.doe+shop+2@gmail.com", "janedoe@gmail.com");
        check("j.a.n.e@googlemail.com", "jane@gmail.com");
        check("jane-shop@gmail.com", "jane-shop@gmail.com");
        check("jane-shop@yahoo.co.uk", "jane@yahoo.co.uk");
        check("jane+shop@yahoo.com", "jane+shop@yahoo.com");
        check("anything@user.fastmail.com", "user@fastmail.com");
        check("jane+x@fastmail.com", "jane@fastmail.com");
        check("anything@a.user.fastmail.com", "anything@a.user.fastmail.com");
        check("jane@proton.me", "jane@protonmail.com");
        check("jane@ya.ru", "jane@yandex.ru");
        check("+lead@outlook.com", "+lead@outlook.com");
        check("-lead@yahoo.com", "-lead@yahoo.com");
        check("jane@gmai.com", "jane@gmai.com");
        check("..@gmail.com", "..@gmail.com");
        check(".+a@gmail.com", ".+a@gmail.com");
    }
}
