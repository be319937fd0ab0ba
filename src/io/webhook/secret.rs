//! Secrets shared with a receiver, and the signature of Standard Webhooks 1.0.
//!
//! A file holds one secret a line, `whsec_` and base64 of 24 to 64 bytes; two while one takes over from the other. What is
//! signed is `id.timestamp.body`, with each secret; the receiver accepts any of them. The file is read at each attempt, so
//! that a rotation needs no restart.

use std::fmt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::base::limits;
use crate::io::keystore::file::{FileError, read_at_most};

const PREFIX: &str = "whsec_";

/// Bytes of the file: two secrets of the largest size and room for comments.
const FILE_BYTES: u64 = 4 * 1024;

/// Why there is nothing to sign with. Nothing of the file is repeated.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("line {line} is no secret: whsec_ and base64 of 24 to 64 bytes")]
    Line { line: usize },
    #[error("it holds {got} secrets; one, or two while one takes over from the other")]
    Count { got: usize },
}

/// One or two secrets, the new one first.
pub struct Secrets(Vec<Zeroizing<Vec<u8>>>);

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

impl Secrets {
    pub fn read(path: &Path) -> Result<Self, SecretError> {
        Self::parse(&Zeroizing::new(read_at_most(path, FILE_BYTES)?))
    }

    /// Empty lines and lines that begin with `#` are skipped.
    pub fn parse(text: &[u8]) -> Result<Self, SecretError> {
        let mut secrets = Vec::new();
        for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            let encoded = line.strip_prefix(PREFIX.as_bytes());
            let secret = encoded.and_then(|encoded| BASE64.decode(encoded).ok()).map(Zeroizing::new);
            let secret = secret.filter(|secret| limits::WEBHOOK_SECRET_BYTES.contains(&secret.len()));
            secrets.push(secret.ok_or(SecretError::Line { line: index + 1 })?);
        }
        let got = secrets.len();
        if (1..=2).contains(&got) { Ok(Self(secrets)) } else { Err(SecretError::Count { got }) }
    }

    /// The value of `webhook-signature`.
    pub fn sign(&self, id: &str, timestamp_s: u64, body: &[u8]) -> String {
        let one = |secret: &Zeroizing<Vec<u8>>| {
            let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("any length");
            mac.update(format!("{id}.{timestamp_s}.").as_bytes());
            mac.update(body);
            format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()))
        };
        self.0.iter().map(one).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of the specification's reference libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn the_signature_is_that_of_the_published_example() {
        let secrets = Secrets::parse(SECRET.as_bytes()).expect("a secret");
        let signature = secrets.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn while_one_secret_takes_over_both_sign() {
        let other = format!("whsec_{}", BASE64.encode([7; 32]));
        let both = Secrets::parse(format!("# new\n{other}\n\n# until Friday\n{SECRET}\r\n").as_bytes()).expect("two");
        let signed = both.sign("msg_1", 1, b"{}");
        let one = |secret: &str| Secrets::parse(secret.as_bytes()).expect("a secret").sign("msg_1", 1, b"{}");
        assert_eq!(signed, format!("{} {}", one(&other), one(SECRET)));
    }

    #[test]
    fn a_file_without_a_usable_secret_is_refused_without_being_repeated() {
        let check = |text: &str, part: &str| {
            let said = Secrets::parse(text.as_bytes()).expect_err(part).to_string();
            assert!(said.contains(part) && !said.contains("hunter2"), "{said}");
        };
        check("", "it holds 0 secrets");
        check(&format!("{SECRET}\n{SECRET}\n{SECRET}"), "it holds 3 secrets");
        check("# x\nhunter2", "line 2 is no secret");
        check("whsec_hunter2!", "line 1 is no secret");
        check(&format!("whsec_{}", BASE64.encode([1; 23])), "24 to 64 bytes");
        check(&format!("whsec_{}", BASE64.encode([1; 65])), "24 to 64 bytes");
    }
}
