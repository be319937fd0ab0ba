//! Certificates of one member: its own authority with the leaves it issues, and the self-signed certificate other members pin.
//!
//! All keys are ECDSA P-256, which every TLS library speaks. Key and certificate are drawn by the TLS provider from the
//! operating system. Validity starts an hour early, since clocks of two machines differ.

use std::net::IpAddr;
use std::time::Duration;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PublicKeyData, SanType,
};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use crate::base::bytes::Sha256Digest;
use crate::base::name::{CallerName, MemberId};
use crate::base::role::Role;
use crate::base::time::Timestamp;

/// Days a client or server certificate is valid unless asked otherwise.
pub const LEAF_DAYS: u32 = 365;
/// Longest a client or server certificate may be valid, days.
pub const MAX_LEAF_DAYS: u32 = 825;
/// Days the member's own authority is valid.
pub const AUTHORITY_DAYS: u32 = 3_650;
/// Days the self-signed peer certificate is valid. The roster's pin decides; this only satisfies TLS libraries.
pub const PEER_DAYS: u32 = 3_650;

/// Seconds a certificate begins before it is issued: clocks of two machines differ.
pub const CLOCK_DIFFERENCE_S: u64 = 3_600;

/// Why no certificate was made.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("a certificate is valid for 1 to {MAX_LEAF_DAYS} days, not {0}")]
    Days(u32),
    #[error("{0} is neither a host name nor an IP address")]
    Host(String),
    #[error("the member's authority cannot be used: certificate and key do not belong together or are damaged")]
    Authority,
    #[error("the certificate's time cannot be written")]
    Time,
    #[error("the certificate could not be made: {0}")]
    Generation(#[from] rcgen::Error),
}

/// A certificate with its private key, both PEM.
pub struct Issued {
    pub certificate_pem: String,
    /// PKCS #8.
    pub key_pem: Zeroizing<String>,
    /// Pin of the certificate's key.
    pub pin: Sha256Digest,
}

impl std::fmt::Debug for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Issued(pin {})", self.pin)
    }
}

/// The member's own authority, which vouches for the systems and people inside the member and for nobody else.
pub struct LocalAuthority {
    member: MemberId,
    certificate_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl std::fmt::Debug for LocalAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LocalAuthority({})", self.member)
    }
}

impl LocalAuthority {
    /// Makes a new authority.
    pub fn found(member: &MemberId, now: Timestamp) -> Result<Issued, CertificateError> {
        Self::certify(member, KeyPair::generate()?, now)
    }

    /// A new certificate for the authority's key: what it issued before stays in force.
    pub fn renew(member: &MemberId, key_pem: &str, now: Timestamp) -> Result<Issued, CertificateError> {
        Self::certify(member, KeyPair::from_pem(key_pem).map_err(|_| CertificateError::Authority)?, now)
    }

    fn certify(member: &MemberId, key: KeyPair, now: Timestamp) -> Result<Issued, CertificateError> {
        let mut params = params(&format!("Hushwire local authority of {member}"), now, AUTHORITY_DAYS)?;
        // Path length 0: what it issues can issue nothing.
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        issue(&params, key, |params, key| params.self_signed(key))
    }

    /// The authority whose certificate and key were made by [`Self::found`].
    pub fn load(member: &MemberId, certificate_pem: &str, key_pem: &str) -> Result<Self, CertificateError> {
        let key = KeyPair::from_pem(key_pem).map_err(|_| CertificateError::Authority)?;
        if pin_of_pem(certificate_pem) != Some(pin_of_key(&key)) {
            return Err(CertificateError::Authority);
        }
        let issuer = Issuer::from_ca_cert_pem(certificate_pem, key).map_err(|_| CertificateError::Authority)?;
        Ok(Self { member: member.clone(), certificate_pem: certificate_pem.to_owned(), issuer })
    }

    /// Its certificate, for clients that check the node.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// A client certificate with the URI `hushwire://<member>/<role>/<name>`.
    pub fn issue_client(
        &self,
        role: Role,
        name: &CallerName,
        days: u32,
        now: Timestamp,
    ) -> Result<Issued, CertificateError> {
        let mut params = params(&format!("{role} {name} of {}", self.member), now, leaf_days(days)?)?;
        let uri = format!("hushwire://{}/{role}/{name}", self.member);
        params.subject_alt_names = vec![SanType::URI(uri.as_str().try_into()?)];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(params)
    }

    /// The certificate of the local listener, for these host names and addresses.
    pub fn issue_server(&self, hosts: &[String], days: u32, now: Timestamp) -> Result<Issued, CertificateError> {
        let mut params = params(&format!("Hushwire node of {}", self.member), now, leaf_days(days)?)?;
        params.subject_alt_names = hosts.iter().map(|host| host_name(host)).collect::<Result<_, _>>()?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(params)
    }

    fn issue(&self, mut params: CertificateParams) -> Result<Issued, CertificateError> {
        params.use_authority_key_identifier_extension = true;
        issue(&params, KeyPair::generate()?, |params, key| params.signed_by(key, &self.issuer))
    }
}

/// The self-signed certificate of the peer listener. Other members look at its key alone, by the pin in the roster.
pub fn peer_certificate(member: &MemberId, now: Timestamp) -> Result<Issued, CertificateError> {
    certify_peer(member, KeyPair::generate()?, now)
}

/// The same for a key that exists: its pin stays what it is.
pub fn renew_peer_certificate(member: &MemberId, key_pem: &str, now: Timestamp) -> Result<Issued, CertificateError> {
    certify_peer(member, KeyPair::from_pem(key_pem)?, now)
}

fn certify_peer(member: &MemberId, key: KeyPair, now: Timestamp) -> Result<Issued, CertificateError> {
    let mut params = params(&format!("Hushwire node of {member}"), now, PEER_DAYS)?;
    // Libraries insist on a name; nobody relies on it.
    params.subject_alt_names = vec![host_name(&format!("{member}.hushwire.invalid"))?];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    issue(&params, key, |params, key| params.self_signed(key))
}

/// SHA-256 of the DER SubjectPublicKeyInfo of the first certificate in a PEM text.
pub fn pin_of_pem(certificate_pem: &str) -> Option<Sha256Digest> {
    let (_, pem) = x509_parser::pem::parse_x509_pem(certificate_pem.as_bytes()).ok()?;
    let certificate = pem.parse_x509().ok()?;
    Some(Sha256Digest(Sha256::digest(certificate.tbs_certificate.subject_pki.raw).into()))
}

/// The same of a private key, PKCS #8 PEM.
pub fn pin_of_key_pem(key_pem: &str) -> Option<Sha256Digest> {
    let mut key = KeyPair::from_pem(key_pem).ok()?;
    let pin = pin_of_key(&key);
    key.zeroize();
    Some(pin)
}

fn pin_of_key(key: &KeyPair) -> Sha256Digest {
    Sha256Digest(Sha256::digest(key.subject_public_key_info()).into())
}

fn issue(
    params: &CertificateParams,
    mut key: KeyPair,
    sign: impl FnOnce(&CertificateParams, &KeyPair) -> Result<Certificate, rcgen::Error>,
) -> Result<Issued, CertificateError> {
    let certificate_pem = sign(params, &key)?.pem();
    let issued = Issued { certificate_pem, key_pem: Zeroizing::new(key.serialize_pem()), pin: pin_of_key(&key) };
    key.zeroize();
    Ok(issued)
}

fn leaf_days(days: u32) -> Result<u32, CertificateError> {
    if (1..=MAX_LEAF_DAYS).contains(&days) { Ok(days) } else { Err(CertificateError::Days(days)) }
}

fn params(common_name: &str, now: Timestamp, days: u32) -> Result<CertificateParams, CertificateError> {
    // X.509 writes years with four digits.
    const YEAR_9000_S: u64 = 221_845_392_000;
    if now.unix_s() > YEAR_9000_S {
        return Err(CertificateError::Time);
    }
    let at = |unix_s: u64| rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(unix_s);
    let mut params = CertificateParams::default();
    params.not_before = at(now.unix_s().saturating_sub(CLOCK_DIFFERENCE_S));
    params.not_after = at(now.unix_s() + u64::from(days) * 86_400);
    params.distinguished_name = DistinguishedName::new();
    // X.520 allows 64 characters of common name; the names that count stand among the alternative names.
    let short: String = common_name.chars().take(64).collect();
    params.distinguished_name.push(DnType::CommonName, short);
    Ok(params)
}

fn host_name(host: &str) -> Result<SanType, CertificateError> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(address));
    }
    let fault = || CertificateError::Host(host.to_owned());
    rustls::pki_types::DnsName::try_from(host).map_err(|_| fault())?;
    Ok(SanType::DnsName(host.try_into().map_err(|_| fault())?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::transport::caller::LocalCaller;
    use crate::io::transport::leaf::Leaf;
    use crate::io::transport::tls::{Authority, Certified, local_client, local_server};
    use crate::io::transport::verify::LocalRules;

    const NOW: Timestamp = Timestamp::from_unix_s(1_795_305_600);

    fn member() -> MemberId {
        "bank-a".parse().expect("valid")
    }

    fn authority() -> LocalAuthority {
        let founded = LocalAuthority::found(&member(), NOW).expect("made");
        LocalAuthority::load(&member(), &founded.certificate_pem, &founded.key_pem).expect("loads")
    }

    fn leaf(pem: &str) -> Leaf {
        let (_, pem) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).expect("PEM");
        Leaf::read(&pem.contents).expect("a certificate")
    }

    fn certified(issued: &Issued) -> Certified {
        Certified::from_pem(issued.certificate_pem.as_bytes(), issued.key_pem.as_bytes()).expect("a pair")
    }

    #[test]
    fn a_client_certificate_names_member_role_and_caller() {
        let name = "checkout-1".parse().expect("valid");
        let issued = authority().issue_client(Role::Screener, &name, LEAF_DAYS, NOW).expect("issued");
        let leaf = leaf(&issued.certificate_pem);
        let caller = LocalCaller::from_leaf(&leaf, &member()).expect("one URI");
        assert_eq!(caller.uri(), "hushwire://bank-a/screener/checkout-1");
        assert_eq!(leaf.spki, issued.pin);
        assert_eq!(leaf.not_after_s, NOW.plus_s(365 * 86_400).unix_s());
        assert_eq!(leaf.not_before_s, NOW.unix_s() - 3_600);
    }

    #[test]
    fn both_ends_of_the_local_door_take_what_is_issued() {
        let authority = authority();
        let trusted = Authority::from_pem(authority.certificate_pem().as_bytes()).expect("a root");
        let hosts = ["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        let server = authority.issue_server(&hosts, LEAF_DAYS, NOW).expect("issued");
        let client = authority.issue_client(Role::Operator, &"ann".parse().expect("valid"), 1, NOW).expect("issued");
        local_server(&certified(&server), &trusted, LocalRules::of(member())).expect("a server");
        local_client(&certified(&client), &trusted).expect("a client");
    }

    #[test]
    fn a_peer_certificate_is_pinned_by_its_key() {
        let (first, second) =
            (peer_certificate(&member(), NOW).expect("made"), peer_certificate(&member(), NOW).expect("made"));
        assert_eq!(leaf(&first.certificate_pem).spki, first.pin);
        assert_eq!(pin_of_pem(&first.certificate_pem), Some(first.pin));
        assert_ne!(first.pin, second.pin);
        assert_eq!(pin_of_pem("no certificate"), None);
        assert_eq!(pin_of_key_pem(&first.key_pem), Some(first.pin));
        let renewed = renew_peer_certificate(&member(), &first.key_pem, NOW.plus_s(60)).expect("made");
        assert_eq!((renewed.pin, pin_of_pem(&renewed.certificate_pem)), (first.pin, Some(first.pin)));
    }

    #[test]
    fn what_an_authority_issued_stays_in_force_when_its_certificate_is_renewed() {
        let founded = LocalAuthority::found(&member(), NOW).expect("made");
        let before = LocalAuthority::load(&member(), &founded.certificate_pem, &founded.key_pem).expect("loads");
        let server = before.issue_server(&["localhost".to_owned()], LEAF_DAYS, NOW).expect("issued");
        let renewed = LocalAuthority::renew(&member(), &founded.key_pem, NOW.plus_s(60)).expect("renewed");
        assert_ne!(renewed.certificate_pem, founded.certificate_pem);
        let roots = |pem: &str| {
            let mut roots = rustls::RootCertStore::empty();
            let der = x509_parser::pem::parse_x509_pem(pem.as_bytes()).expect("PEM").1.contents;
            roots.add(der.into()).expect("a root");
            std::sync::Arc::new(roots)
        };
        let der = x509_parser::pem::parse_x509_pem(server.certificate_pem.as_bytes()).expect("PEM").1.contents;
        let name = "localhost".try_into().expect("a name");
        let time = rustls::pki_types::UnixTime::since_unix_epoch(Duration::from_secs(NOW.unix_s()));
        let verifier = rustls::client::WebPkiServerVerifier::builder_with_provider(
            roots(&renewed.certificate_pem),
            crate::io::transport::tls::provider(),
        );
        use rustls::client::danger::ServerCertVerifier;
        let verified = verifier.build().expect("a verifier").verify_server_cert(&der.into(), &[], &name, &[], time);
        assert!(verified.is_ok(), "{verified:?}");
    }

    #[test]
    fn lives_and_hosts_are_checked() {
        let authority = authority();
        let name = "ann".parse().expect("valid");
        for days in [0, MAX_LEAF_DAYS + 1] {
            let refused = authority.issue_client(Role::Operator, &name, days, NOW);
            assert!(matches!(refused, Err(CertificateError::Days(_))));
        }
        for host in ["", "with space", "a_b..c", "host:443", "*"] {
            let refused = authority.issue_server(&[host.to_owned()], 1, NOW);
            assert!(matches!(refused, Err(CertificateError::Host(_))), "{host:?}");
        }
        let endless = peer_certificate(&member(), Timestamp::from_unix_s(u64::MAX / 1000));
        assert!(matches!(endless, Err(CertificateError::Time)));
    }

    #[test]
    fn an_authority_with_another_key_is_refused() {
        let founded = [(); 2].map(|()| LocalAuthority::found(&member(), NOW).expect("made"));
        let mixed = LocalAuthority::load(&member(), &founded[0].certificate_pem, &founded[1].key_pem);
        assert!(matches!(mixed, Err(CertificateError::Authority)));
        let text = LocalAuthority::load(&member(), "no certificate", &founded[0].key_pem);
        assert!(matches!(text, Err(CertificateError::Authority)));
    }
}
