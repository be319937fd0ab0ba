//! Who may read raw identifiers and secrets: closed types open only through `expose`, and only these files call it.

use crate::source::{Source, Violation, words};

/// File and the reason it must read. Kept exact: a file that no longer reads leaves the list.
pub const READERS: [(&str, &str); 25] = [
    ("src/domain/case/totp.rs", "seals a customer's secret, and holds a typed code against it"),
    ("src/domain/feed/sighting_seal.rs", "opens what others sealed to this member"),
    ("src/domain/identifier/conformance/mod.rs", "compares canonical forms with published cases"),
    ("src/domain/identifier/conformance/tables.rs", "compares canonical forms with published cases"),
    ("src/domain/identifier/guard/index.rs", "looks an identifier up in guard lists"),
    ("src/domain/identifier/guard/mod.rs", "recognises values that stand for none"),
    ("src/domain/identifier/guard_import.rs", "keeps a listed value in its canonical form"),
    ("src/domain/identifier/sandbox.rs", "recognises the documented values that force an answer"),
    (
        "src/domain/pseudonym/conformance.rs",
        "compares derived keys and seals with published vectors, which are no secrets",
    ),
    ("src/domain/pseudonym/keys.rs", "derives the keys of an epoch and the pseudonym of an identifier"),
    ("src/domain/pseudonym/payload.rs", "derives the key of a payload from a seal"),
    ("src/domain/profile/key.rs", "names customers, devices and transactions under a key of the node"),
    ("src/domain/screening/customer.rs", "names the customer and the order for the profile"),
    ("src/domain/screening/own_lists.rs", "names an identifier on the own lists, under a key of the node"),
    ("src/domain/statistics/contribution.rs", "keys the order in which a subject's categories are chosen"),
    ("src/io/access/token.rs", "hashes a token, and writes it out once for who asked for it"),
    ("src/io/journal/seal.rs", "derives the keys that wrap segment keys from the storage key"),
    ("src/io/key_bundle.rs", "seals an epoch's secret to each member"),
    ("src/io/keystore/admin.rs", "draws and seals an admin's key"),
    ("src/io/keystore/store.rs", "writes the keystore's text before it is sealed"),
    ("src/io/keystore/keys.rs", "keeps the node's keys and hands each to what signs or opens with it"),
    ("src/io/users/hashes.rs", "hashes a password under the node's pepper"),
    ("src/io/users/strength.rs", "estimates how soon a new password would be guessed"),
    ("src/io/webhook/code.rs", "writes a code into the one event that carries it"),
    ("src/node/local_mac.rs", "keys the fingerprints that never leave the node"),
];

/// Calls of `expose` outside the list.
pub fn readers(source: &Source) -> Vec<Violation> {
    if READERS.iter().any(|(path, _)| *path == source.path) {
        return Vec::new();
    }
    let what = "reads a raw identifier or a secret and is not on the list of readers";
    calls(source).into_iter().map(|offset| source.violation(offset, what)).collect()
}

/// Entries of the list that read nothing.
pub fn idle_readers(sources: &[Source]) -> Vec<&'static str> {
    let reads = |path: &str| sources.iter().any(|source| source.path == path && !calls(source).is_empty());
    READERS.into_iter().map(|(path, _)| path).filter(|path| !reads(path)).collect()
}

fn calls(source: &Source) -> Vec<usize> {
    let methods = words(&source.product, ".expose").into_iter().chain(words(&source.product, ".expose_text"));
    let paths = words(&source.product, "::expose").into_iter();
    methods.chain(paths).map(|(offset, _)| offset).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_outside_the_list_is_found() {
        let check = |path: &str, text: &str, count: usize| assert_eq!(readers(&Source::new(path, text)).len(), count);
        check("src/app/cli/publish.rs", "log(identifier.expose())", 1);
        check("src/app/cli/publish.rs", "secrets.iter().map(SecretBytes::expose)", 1);
        check("src/app/cli/publish.rs", "identifier.expose_text()", 1);
        check("src/app/cli/publish.rs", "identifier.exposed()", 0);
        check("src/app/cli/publish.rs", "#[cfg(test)] mod tests { fn f() { identifier.expose() } }", 0);
        check(READERS[0].0, "key.expose()", 0);
        assert_eq!(idle_readers(&[Source::new(READERS[0].0, "key.expose()")]).len(), READERS.len() - 1);
    }
}
