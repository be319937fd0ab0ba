//! Bundles open for whom they were sealed, under the roster they were sealed for, and for nobody else.

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::*;
use crate::domain::note::key::NoteSigner;
use crate::domain::roster::document::RosterDraft;
use crate::domain::roster::samples::{NOW, admin_signer, consortium, draft, found};

fn id(name: &str) -> MemberId {
    name.parse().expect("valid")
}

fn hpke_secret(member: &str) -> HpkeSecret {
    let mut seed = [0; 32];
    seed[..member.len()].copy_from_slice(member.as_bytes());
    HpkeSecret::new(SecretBytes::new(seed))
}

fn secret(byte: u8) -> EpochSecret {
    EpochSecret::new(SecretBytes::new([byte; 32]))
}

/// A roster whose members hold real HPKE keys and whose epoch 1 has the secret of thirty-two fives.
fn terms() -> RosterDraft {
    let mut terms = draft(&["bank-a", "bank-b"]);
    for member in &mut terms.members {
        member.hpke_key = hpke_secret(member.id.as_str()).public();
    }
    terms.epochs[0].id = epoch_id(&consortium(), KeyEpoch(1), &secret(5));
    terms
}

fn text(roster: &Roster) -> String {
    let terms =
        BundleTerms { consortium: roster.consortium(), roster_sha256: roster.sha256(), epoch: &roster.epochs()[0] };
    seal(&terms, &secret(5), roster.members(), &mut ChaCha20Rng::seed_from_u64(1)).expect("sealed")
}

fn signed(text: &str, admins: &[&str]) -> Vec<u8> {
    let signers: Vec<NoteSigner> = admins.iter().map(|name| admin_signer(name)).collect();
    let mut lines = signers.iter().map(|signer| signer.sign(text, NOW));
    let mut note = SignedNote::new(text.to_owned(), lines.next().expect("one")).expect("a text");
    lines.for_each(|line| note.add_signature(line).expect("below the limit"));
    note.to_string().into_bytes()
}

fn opened(roster: &Roster, text: &str, member: &str) -> Result<EpochSecret, BundleError> {
    let bundle = KeyBundle::parse(&signed(text, &["anna", "cleo"]))?.verify(roster)?;
    bundle.open(&id(member), &hpke_secret(member)).map(|(_, secret)| secret)
}

#[test]
fn every_recipient_opens_its_own_and_nobody_elses() {
    let roster = found(&terms());
    let text = text(&roster);
    for member in ["bank-a", "bank-b"] {
        assert_eq!(opened(&roster, &text, member).expect("opens").expose(), secret(5).expose());
    }
    assert!(matches!(opened(&roster, &text, "shop"), Err(BundleError::NotForMember(_))));
    let bundle = KeyBundle::parse(&signed(&text, &["anna", "ben"])).expect("reads").verify(&roster).expect("signed");
    assert!(matches!(bundle.open(&id("bank-a"), &hpke_secret("bank-b")), Err(BundleError::NotOpened)));
}

#[test]
fn the_quorum_must_have_signed() {
    let roster = found(&terms());
    let lone = KeyBundle::parse(&signed(&text(&roster), &["anna"])).expect("reads").verify(&roster);
    assert!(matches!(lone, Err(BundleError::Roster(RosterError::TooFewSignatures { needed: 2, got: 1 }))));
}

#[test]
fn a_bundle_is_bound_to_its_roster() {
    let roster = found(&terms());
    let mut other = terms();
    other.not_after = other.not_after.plus_s(1);
    let other = found(&other);
    assert!(matches!(opened(&other, &text(&roster), "bank-a"), Err(BundleError::OtherRoster(_))));
    let renamed = text(&roster).replace(&roster.sha256().to_string(), &other.sha256().to_string());
    assert!(matches!(opened(&other, &renamed, "bank-a"), Err(BundleError::NotOpened)), "the hash is authenticated");
}

#[test]
fn a_secret_that_is_not_the_epochs_is_refused_by_both_ends() {
    let roster = found(&terms());
    let bundle =
        BundleTerms { consortium: roster.consortium(), roster_sha256: roster.sha256(), epoch: &roster.epochs()[0] };
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let refused = seal(&bundle, &secret(6), roster.members(), &mut rng);
    assert!(matches!(refused, Err(BundleError::WrongSecret(KeyEpoch(1)))));
    // A quorum that seals another secret than it announced is found out by the receiver.
    let other = Epoch { id: epoch_id(&consortium(), KeyEpoch(1), &secret(6)), ..roster.epochs()[0].clone() };
    let lying = BundleTerms { epoch: &other, ..bundle };
    let text = seal(&lying, &secret(6), roster.members(), &mut rng).expect("sealed");
    assert!(matches!(opened(&roster, &text, "bank-a"), Err(BundleError::UnknownEpoch(_))));
    let text = text.replace(&other.id.to_string(), &roster.epochs()[0].id.to_string());
    assert!(matches!(opened(&roster, &text, "bank-a"), Err(BundleError::WrongSecret(_))));
}

#[test]
fn each_rule_of_the_text_refuses_its_breach() {
    let roster = found(&terms());
    let text = text(&roster);
    let check = |from: &str, to: &str, expected: fn(&BundleError) -> bool| {
        assert!(text.contains(from), "{from}");
        let refused = opened(&roster, &text.replacen(from, to, 1), "bank-a").expect_err("must be refused");
        assert!(expected(&refused), "{refused}");
    };
    check("format", "# format", |e| matches!(e, BundleError::WrongFormat));
    check("v1/keybundle", "v2/keybundle", |e| matches!(e, BundleError::WrongFormat));
    check("kem = 25722", "kem = 32", |e| matches!(e, BundleError::Suite { kem: 32, .. }));
    check("aead = 3", "aead = 1", |e| matches!(e, BundleError::Suite { aead: 1, .. }));
    check("aead = 3", "aead = 3\nmode = 0", |e| matches!(e, BundleError::Document(_)));
    check("aead = 3", "aead = 3\naead = 3", |e| matches!(e, BundleError::Document(_)));
    check("epoch = 1", "epoch = 2", |e| matches!(e, BundleError::UnknownEpoch(KeyEpoch(2))));
    check("consortium = \"demo", "consortium = \"other", |e| matches!(e, BundleError::OtherConsortium(_)));
    check("member = \"bank-b\"", "member = \"bank-a\"", |e| matches!(e, BundleError::MemberTwice(_)));
    check("member = \"bank-a\"", "member = \"BANK\"", |e| matches!(e, BundleError::Field { .. }));
    check("enc = \"", "enc = \"AAAA", |e| matches!(e, BundleError::NotOpened | BundleError::Field { .. }));
    check("ciphertext = \"", "ciphertext = \"AAAA", |e| matches!(e, BundleError::NotOpened));
    check("ciphertext = \"", "ciphertext = \"*", |e| matches!(e, BundleError::Field { .. }));
}
