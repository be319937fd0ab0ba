//! How the secret of an epoch reaches the members: sealed to each of them with HPKE, inside a note signed by the quorum.
//!
//! The note's text is TOML of one fixed shape:
//! ```toml
//! format = "hushwire/v1/keybundle"
//! consortium = "demo.hushwire.example"
//! roster = "<64 hex digits>"        # hash of the roster under which it was sealed
//! epoch = 1
//! epoch_id = "<32 hex digits>"      # as in that roster
//! kem = 25722                       # 0x647a X-Wing
//! kdf = 1                           # HKDF-SHA256
//! aead = 3                          # ChaCha20Poly1305
//!
//! [[sealed]]                        # one for each recipient
//! member = "bank-a"
//! enc = "<base64, 1120 bytes>"
//! ciphertext = "<base64, 48 bytes>" # the 32 bytes of the secret with their tag
//! ```
//! HPKE (RFC 9180) base mode, single shot. `info = lp("hushwire/v1/keybundle") ‖ lp(consortium) ‖ u32(epoch) ‖ lp(member)`,
//! `aad` = the roster's hash. The sender is known by the quorum's signatures, which HPKE's authenticated mode could not give
//! for a post-quantum KEM. The receiver recomputes the epoch's id from what it opened and compares it with the roster.

use std::collections::BTreeMap;
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use rand::CryptoRng;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::base::bytes::Sha256Digest;
use crate::base::epoch::{EpochId, KeyEpoch};
use crate::base::framing::push_framed;
use crate::base::name::{ConsortiumId, MemberId};
use crate::base::secret::SecretBytes;
use crate::domain::note::{NoteError, SignedNote};
use crate::domain::pseudonym::keys::{EpochKeys, EpochSecret};
use crate::domain::roster::error::RosterError;
use crate::domain::roster::member::Member;
use crate::domain::roster::succession::check_quorum;
use crate::domain::roster::terms::Epoch;
use crate::domain::roster::verified::Roster;
use crate::io::keystore::keys::HpkeSecret;

/// First line of every bundle.
pub const FORMAT_LINE: &str = "format = \"hushwire/v1/keybundle\"";
const LABEL: &str = "hushwire/v1/keybundle";
const KEM: u16 = XWing::KEM_ID;
const KDF: u16 = 0x0001;
const AEAD: u16 = 0x0003;

/// Why a bundle was not made, not believed or not opened.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    #[error(transparent)]
    Note(#[from] NoteError),
    #[error(transparent)]
    Roster(#[from] RosterError),
    #[error("the key bundle must begin with the line {FORMAT_LINE}")]
    WrongFormat,
    #[error("the key bundle cannot be read: {0}")]
    Document(String),
    #[error("{field} of the key bundle is malformed")]
    Field { field: &'static str },
    #[error(
        "the key bundle is sealed with another suite (kem {kem:#06x}, kdf {kdf}, aead {aead}) than this build opens"
    )]
    Suite { kem: u16, kdf: u16, aead: u16 },
    #[error("member {0} stands twice in the key bundle")]
    MemberTwice(MemberId),
    #[error("the key bundle belongs to consortium {0}")]
    OtherConsortium(ConsortiumId),
    #[error("the key bundle was sealed under roster {0}, which is not the one it is checked against")]
    OtherRoster(Sha256Digest),
    #[error("the roster knows no epoch {0} with the id in the key bundle")]
    UnknownEpoch(KeyEpoch),
    #[error("the key bundle holds nothing for {0}")]
    NotForMember(MemberId),
    #[error("the key bundle could not be opened: it was sealed to another key or changed")]
    NotOpened,
    #[error("the opened secret is not that of epoch {0}")]
    WrongSecret(KeyEpoch),
    #[error("the key of {0} cannot be sealed to")]
    UnusableKey(MemberId),
}

/// What a bundle is bound to.
#[derive(Debug, Clone)]
pub struct BundleTerms<'a> {
    pub consortium: &'a ConsortiumId,
    pub roster_sha256: Sha256Digest,
    pub epoch: &'a Epoch,
}

/// The text, still to be signed by the quorum, of a bundle for these members. Refuses a secret that is not the epoch's.
pub fn seal<'m>(
    terms: &BundleTerms<'_>,
    secret: &EpochSecret,
    recipients: impl IntoIterator<Item = &'m Member>,
    rng: &mut impl CryptoRng,
) -> Result<String, BundleError> {
    let epoch = terms.epoch;
    check_secret(terms.consortium, epoch, secret)?;
    let mut text = format!(
        "{FORMAT_LINE}\nconsortium = \"{}\"\nroster = \"{}\"\nepoch = {}\nepoch_id = \"{}\"\nkem = {KEM}\nkdf = {KDF}\naead = {AEAD}\n",
        terms.consortium, terms.roster_sha256, epoch.number, epoch.id
    );
    for member in recipients {
        let unusable = |_| BundleError::UnusableKey(member.id.clone());
        let key = <XWing as Kem>::PublicKey::from_bytes(member.hpke_key.as_bytes()).map_err(unusable)?;
        let (enc, ciphertext) = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, XWing>(
            &OpModeS::Base,
            &key,
            &info(terms.consortium, epoch.number, &member.id),
            secret.expose(),
            terms.roster_sha256.as_bytes(),
            rng,
        )
        .map_err(unusable)?;
        let (enc, ciphertext) = (STANDARD.encode(enc.to_bytes()), STANDARD.encode(ciphertext));
        write!(text, "\n[[sealed]]\nmember = \"{}\"\nenc = \"{enc}\"\nciphertext = \"{ciphertext}\"\n", member.id)
            .expect("writing to a string cannot fail");
    }
    Ok(text)
}

/// A well-formed bundle of unknown worth.
#[derive(Debug, Clone)]
pub struct KeyBundle {
    note: SignedNote,
    consortium: ConsortiumId,
    roster_sha256: Sha256Digest,
    epoch: KeyEpoch,
    epoch_id: EpochId,
    sealed: BTreeMap<MemberId, Sealed>,
}

#[derive(Debug, Clone)]
struct Sealed {
    enc: Vec<u8>,
    ciphertext: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBundle {
    #[serde(rename = "format")]
    _format: String,
    consortium: String,
    roster: String,
    epoch: u32,
    epoch_id: String,
    kem: u16,
    kdf: u16,
    aead: u16,
    #[serde(default)]
    sealed: Vec<RawSealed>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSealed {
    member: String,
    enc: String,
    ciphertext: String,
}

impl KeyBundle {
    /// Reads a note and the bundle in it; nothing is verified yet.
    pub fn parse(received: &[u8]) -> Result<Self, BundleError> {
        let note = SignedNote::parse(received)?;
        if note.text().lines().next() != Some(FORMAT_LINE) {
            return Err(BundleError::WrongFormat);
        }
        let raw: RawBundle =
            toml::from_str(note.text()).map_err(|fault| BundleError::Document(fault.message().replace('\n', " ")))?;
        if (raw.kem, raw.kdf, raw.aead) != (KEM, KDF, AEAD) {
            return Err(BundleError::Suite { kem: raw.kem, kdf: raw.kdf, aead: raw.aead });
        }
        let field = |field| BundleError::Field { field };
        let mut sealed = BTreeMap::new();
        for row in &raw.sealed {
            let member: MemberId = row.member.parse().map_err(|_| field("sealed.member"))?;
            let enc = STANDARD.decode(&row.enc).map_err(|_| field("sealed.enc"))?;
            let ciphertext = STANDARD.decode(&row.ciphertext).map_err(|_| field("sealed.ciphertext"))?;
            if sealed.insert(member.clone(), Sealed { enc, ciphertext }).is_some() {
                return Err(BundleError::MemberTwice(member));
            }
        }
        let (mut roster_sha256, mut epoch_id) = ([0; 32], [0; 16]);
        hex::decode_to_slice(&raw.roster, &mut roster_sha256).map_err(|_| field("roster"))?;
        hex::decode_to_slice(&raw.epoch_id, &mut epoch_id).map_err(|_| field("epoch_id"))?;
        Ok(Self {
            consortium: raw.consortium.parse().map_err(|_| field("consortium"))?,
            roster_sha256: Sha256Digest(roster_sha256),
            epoch: KeyEpoch(raw.epoch),
            epoch_id: EpochId(epoch_id),
            sealed,
            note,
        })
    }

    pub fn epoch(&self) -> KeyEpoch {
        self.epoch
    }

    /// The roster it must be verified against.
    pub fn roster_sha256(&self) -> Sha256Digest {
        self.roster_sha256
    }

    pub fn recipients(&self) -> impl Iterator<Item = &MemberId> {
        self.sealed.keys()
    }

    /// Whether the quorum of `roster` signed it, under exactly this roster.
    pub fn verify(self, roster: &Roster) -> Result<VerifiedBundle, BundleError> {
        if self.consortium != *roster.consortium() {
            return Err(BundleError::OtherConsortium(self.consortium));
        }
        if self.roster_sha256 != roster.sha256() {
            return Err(BundleError::OtherRoster(self.roster_sha256));
        }
        let epoch = roster.epoch(self.epoch).filter(|epoch| epoch.id == self.epoch_id);
        let epoch = epoch.ok_or(BundleError::UnknownEpoch(self.epoch))?.clone();
        check_quorum(&self.note, roster.admins())?;
        Ok(VerifiedBundle {
            consortium: self.consortium,
            roster_sha256: self.roster_sha256,
            epoch,
            sealed: self.sealed,
        })
    }
}

/// A bundle the quorum signed.
#[derive(Debug, Clone)]
pub struct VerifiedBundle {
    consortium: ConsortiumId,
    roster_sha256: Sha256Digest,
    epoch: Epoch,
    sealed: BTreeMap<MemberId, Sealed>,
}

impl VerifiedBundle {
    /// The epoch's secret, opened with the member's own key and compared with the id in the roster.
    pub fn open(&self, member: &MemberId, key: &HpkeSecret) -> Result<(KeyEpoch, EpochSecret), BundleError> {
        let sealed = self.sealed.get(member).ok_or_else(|| BundleError::NotForMember(member.clone()))?;
        let enc = <XWing as Kem>::EncappedKey::from_bytes(&sealed.enc).map_err(|_| BundleError::NotOpened)?;
        let opened = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, XWing>(
            &OpModeR::Base,
            &key.private(),
            &enc,
            &info(&self.consortium, self.epoch.number, member),
            &sealed.ciphertext,
            self.roster_sha256.as_bytes(),
        );
        let opened = Zeroizing::new(opened.map_err(|_| BundleError::NotOpened)?);
        let bytes: [u8; 32] = opened.as_slice().try_into().map_err(|_| BundleError::WrongSecret(self.epoch.number))?;
        let secret = EpochSecret::new(SecretBytes::new(bytes));
        check_secret(&self.consortium, &self.epoch, &secret)?;
        Ok((self.epoch.number, secret))
    }
}

/// The public id of an epoch with this secret.
pub fn epoch_id(consortium: &ConsortiumId, number: KeyEpoch, secret: &EpochSecret) -> EpochId {
    EpochKeys::derive(consortium, number, secret).epoch_id()
}

fn check_secret(consortium: &ConsortiumId, epoch: &Epoch, secret: &EpochSecret) -> Result<(), BundleError> {
    if epoch_id(consortium, epoch.number, secret) == epoch.id {
        Ok(())
    } else {
        Err(BundleError::WrongSecret(epoch.number))
    }
}

fn info(consortium: &ConsortiumId, epoch: KeyEpoch, member: &MemberId) -> Vec<u8> {
    let mut info = Vec::new();
    push_framed(&mut info, LABEL.as_bytes());
    push_framed(&mut info, consortium.as_bytes());
    info.extend_from_slice(&epoch.0.to_be_bytes());
    push_framed(&mut info, member.as_bytes());
    info
}

#[cfg(test)]
mod tests;
