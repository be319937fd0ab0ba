//! Sealing what is too large for memory: an `age` v1 file, written and read as a stream (C2SP age).
//!
//! Sealed under a passphrase, or to the public keys of recipients: then whoever seals cannot open. Every 64 KiB are
//! authenticated before they are handed out, and a stream that was cut is an error at its end.

use std::fmt;
use std::io::{BufRead, Read, Write};
use std::str::FromStr;

use age::secrecy::ExposeSecret;
use age::stream::StreamWriter;
use age::{DecryptError, Decryptor, Encryptor, scrypt, x25519};
use zeroize::Zeroizing;

use crate::io::keystore::passphrase::Passphrase;
use crate::io::keystore::sealed::{SealError, WorkFactor};

/// A public key to seal to, `age1…`.
#[derive(Clone)]
pub struct Recipient(x25519::Recipient);

/// The text is no such key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a recipient is a public key of age: age1 and 58 more characters")]
pub struct NotARecipient;

impl FromStr for Recipient {
    type Err = NotARecipient;

    fn from_str(text: &str) -> Result<Self, NotARecipient> {
        text.parse().map(Self).map_err(|_| NotARecipient)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The private keys that open what was sealed to recipients. Closed: never shown.
pub struct Identities(Vec<x25519::Identity>);

impl Identities {
    /// Reads a file as `age-keygen` writes it: one `AGE-SECRET-KEY-1…` a line, comments behind `#`. None where there is no
    /// key, or a line that is something else.
    pub fn parse(text: &Zeroizing<String>) -> Option<Self> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let keys: Vec<x25519::Identity> = lines.map(|line| line.parse().ok()).collect::<Option<_>>()?;
        (!keys.is_empty()).then_some(Self(keys))
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identities(… {} keys)", self.0.len())
    }
}

/// Who can open what is being sealed.
#[derive(Debug, Clone, Copy)]
pub enum SealTo<'a> {
    Passphrase(&'a Passphrase, WorkFactor),
    /// Any one of these; at least one.
    Recipients(&'a [Recipient]),
}

/// Why a stream does not open.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error("it is sealed to recipients: their private key is needed")]
    NeedsIdentity,
    #[error("it is sealed to other recipients than this private key's")]
    OtherIdentity,
}

/// Begins a sealed file. Whoever ends it calls `finish`; without that it does not open to its end.
pub fn seal_into<W: Write>(to: SealTo<'_>, output: W) -> Result<StreamWriter<W>, std::io::Error> {
    let encryptor = match to {
        SealTo::Passphrase(passphrase, work) => {
            let mut recipient = scrypt::Recipient::new(passphrase.secret().clone());
            recipient.set_work_factor(work.exponent());
            Encryptor::with_recipients(std::iter::once::<&dyn age::Recipient>(&recipient))
        }
        SealTo::Recipients(recipients) => {
            Encryptor::with_recipients(recipients.iter().map(|recipient| &recipient.0 as &dyn age::Recipient))
        }
    };
    encryptor.map_err(std::io::Error::other)?.wrap_output(output)
}

/// Opens a sealed file with the keys of a recipient where there are some, with the passphrase otherwise.
pub fn open_from<'a, R: BufRead + 'a>(
    input: R,
    passphrase: &Passphrase,
    identities: Option<&Identities>,
) -> Result<Box<dyn Read + 'a>, StreamError> {
    let not_sealed = |_| StreamError::Seal(SealError::NotSealed);
    let decryptor = Decryptor::new_buffered(input).map_err(not_sealed)?;
    let (opened, wrong) = if decryptor.is_scrypt() {
        let mut identity = scrypt::Identity::new(passphrase.secret().expose_secret().to_owned().into());
        identity.set_max_work_factor(WorkFactor::MOST);
        let opened = decryptor.decrypt(std::iter::once::<&dyn age::Identity>(&identity));
        (opened, StreamError::Seal(SealError::WrongPassphrase))
    } else {
        let Some(Identities(keys)) = identities else { return Err(StreamError::NeedsIdentity) };
        let opened = decryptor.decrypt(keys.iter().map(|key| key as &dyn age::Identity));
        (opened, StreamError::OtherIdentity)
    };
    match opened {
        Ok(reader) => Ok(Box::new(reader)),
        Err(DecryptError::ExcessiveWork { required, .. }) => Err(SealError::ExcessiveWork(required).into()),
        Err(DecryptError::KeyDecryptionFailed | DecryptError::NoMatchingKeys | DecryptError::DecryptionFailed) => {
            Err(wrong)
        }
        Err(
            DecryptError::InvalidHeader | DecryptError::InvalidMac | DecryptError::UnknownFormat | DecryptError::Io(_),
        ) => Err(SealError::NotSealed.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passphrase(text: &str) -> Passphrase {
        Passphrase::new(text).expect("a line")
    }

    fn sealed(to: SealTo<'_>) -> Vec<u8> {
        let mut writer = seal_into(to, Vec::new()).expect("begins");
        writer.write_all(b"content").expect("memory");
        writer.finish().expect("ends")
    }

    fn opened(bytes: &[u8], word: &str, identities: Option<&Identities>) -> Result<Vec<u8>, String> {
        let told = |error: &dyn std::error::Error| error.to_string();
        let mut reader = open_from(bytes, &passphrase(word), identities).map_err(|error| told(&error))?;
        let mut content = Vec::new();
        reader.read_to_end(&mut content).map_err(|error| told(&error))?;
        Ok(content)
    }

    fn keys(identity: &x25519::Identity) -> Identities {
        let text = Zeroizing::new(format!("# made today\n{}\n", identity.to_string().expose_secret()));
        Identities::parse(&text).expect("a key")
    }

    #[test]
    fn only_the_passphrase_opens_and_any_change_or_cut_is_found() {
        let word = passphrase("correct horse");
        let whole = sealed(SealTo::Passphrase(&word, WorkFactor::danger_quick()));
        assert_eq!(opened(&whole, "correct horse", None).expect("opened"), b"content");
        assert_eq!(opened(&whole, "wrong horse", None), Err("the passphrase is wrong".to_owned()));
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            assert!(opened(&damaged, "correct horse", None).is_err(), "byte {at}");
            assert!(opened(&whole[..at], "correct horse", None).is_err(), "length {at}");
        }
    }

    #[test]
    fn what_is_sealed_to_a_recipient_opens_with_its_key_alone() {
        let (own, other) = (x25519::Identity::generate(), x25519::Identity::generate());
        let recipient = own.to_public().to_string().parse().expect("a recipient");
        let whole = sealed(SealTo::Recipients(&[recipient]));
        assert_eq!(opened(&whole, "any", Some(&keys(&own))).expect("opened"), b"content");
        assert!(opened(&whole, "any", Some(&keys(&other))).is_err_and(|said| said.contains("other recipients")));
        assert!(opened(&whole, "any", None).is_err_and(|said| said.contains("private key is needed")));
        assert_eq!("age1nothing".parse::<Recipient>().err(), Some(NotARecipient));
        assert!(Identities::parse(&Zeroizing::new("age1nothing\n".to_owned())).is_none());
    }
}
