//! Sealing under a passphrase: an `age` v1 file with one scrypt recipient (C2SP age).

use age::secrecy::ExposeSecret;
use age::{DecryptError, scrypt};
use zeroize::Zeroizing;

use crate::io::keystore::passphrase::Passphrase;

/// scrypt's work, `N = 2^n`; memory is 1 KiB · N.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkFactor(u8);

impl WorkFactor {
    /// 2^18, about a second and 256 MiB a guess: what the age tool itself takes.
    pub const DEFAULT: Self = Self(18);
    /// Most work accepted from a file: a forged header must not occupy the machine.
    pub(super) const MOST: u8 = 20;

    /// 2^10, a millisecond a guess: only where the passphrase is itself 128 random bits or more (the demo), or in tests.
    pub const fn danger_quick() -> Self {
        Self(10)
    }

    /// `n`.
    pub(super) const fn exponent(self) -> u8 {
        self.0
    }
}

/// Why a sealed file did not open or could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    #[error("the file is not sealed by age under a passphrase, or is damaged")]
    NotSealed,
    #[error("the file asks for scrypt work of 2^{0}, more than the accepted 2^20")]
    ExcessiveWork(u8),
    #[error("sealing failed: {0}")]
    Failed(String),
}

/// Seals `plaintext` under the passphrase.
pub fn seal(plaintext: &[u8], passphrase: &Passphrase, work: WorkFactor) -> Result<Vec<u8>, SealError> {
    let mut recipient = scrypt::Recipient::new(passphrase.secret().clone());
    recipient.set_work_factor(work.0);
    age::encrypt(&recipient, plaintext).map_err(|fault| SealError::Failed(fault.to_string()))
}

/// Opens what [`seal`] made, or what `age --passphrase` makes.
pub fn open(sealed: &[u8], passphrase: &Passphrase) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let mut identity = scrypt::Identity::new(passphrase.secret().expose_secret().to_owned().into());
    identity.set_max_work_factor(WorkFactor::MOST);
    match age::decrypt(&identity, sealed) {
        Ok(plaintext) => Ok(Zeroizing::new(plaintext)),
        Err(DecryptError::ExcessiveWork { required, .. }) => Err(SealError::ExcessiveWork(required)),
        Err(DecryptError::KeyDecryptionFailed | DecryptError::NoMatchingKeys | DecryptError::DecryptionFailed) => {
            Err(SealError::WrongPassphrase)
        }
        Err(
            DecryptError::InvalidHeader | DecryptError::InvalidMac | DecryptError::UnknownFormat | DecryptError::Io(_),
        ) => Err(SealError::NotSealed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passphrase(text: &str) -> Passphrase {
        Passphrase::new(text).expect("a line")
    }

    fn sealed() -> Vec<u8> {
        seal(b"content", &passphrase("correct horse"), WorkFactor::danger_quick()).expect("sealed")
    }

    #[test]
    fn only_the_passphrase_opens() {
        assert_eq!(open(&sealed(), &passphrase("correct horse")).expect("opened").as_slice(), b"content");
        assert!(matches!(open(&sealed(), &passphrase("wrong horse!")), Err(SealError::WrongPassphrase)));
    }

    #[test]
    fn a_damaged_or_cut_file_does_not_open() {
        let whole = sealed();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            assert!(open(&damaged, &passphrase("correct horse")).is_err(), "byte {at}");
        }
        for length in 0..whole.len() {
            assert!(open(&whole[..length], &passphrase("correct horse")).is_err(), "length {length}");
        }
        assert!(matches!(open(b"not sealed at all", &passphrase("correct horse")), Err(SealError::NotSealed)));
    }

    #[test]
    fn a_forged_header_cannot_ask_for_endless_work() {
        let forged = String::from_utf8_lossy(&sealed()).replacen(" 10\n", " 30\n", 1).into_bytes();
        assert!(matches!(open(&forged, &passphrase("correct horse")), Err(SealError::ExcessiveWork(30))));
    }
}
