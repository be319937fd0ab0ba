//! Certificates for tests: a member's authority, leaves of every sound and unsound kind, self-signed peers.

use hushwire::base::bytes::Sha256Digest;
use hushwire::io::transport::leaf::Leaf;
use hushwire::io::transport::tls::{Authority, Certified};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, SystemTime};

/// Years between which a certificate is valid.
#[derive(Clone, Copy)]
pub struct Years(pub i32, pub i32);

impl Years {
    fn set(self, params: &mut CertificateParams) {
        (params.not_before, params.not_after) = (date_time_ymd(self.0, 1, 1), date_time_ymd(self.1, 1, 1));
    }
}

pub const IN_FORCE: Years = Years(2020, 2090);
pub const EXPIRED: Years = Years(2020, 2021);
pub const NOT_YET_VALID: Years = Years(2089, 2090);

/// A member's own authority.
pub struct TestAuthority(CertifiedIssuer<'static, KeyPair>);

impl TestAuthority {
    /// Each has its own name: two authorities of one name are told apart by signatures alone.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2090, 1, 1));
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("signs"))
    }

    pub fn authority(&self) -> Authority {
        Authority::from_pem(self.0.pem().as_bytes()).expect("its own PEM")
    }

    /// A leaf that names these URIs.
    pub fn caller(&self, uris: &[&str], years: Years) -> Certified {
        let names = uris.iter().map(|uri| SanType::URI((*uri).try_into().expect("ASCII"))).collect();
        self.leaf(names, ExtendedKeyUsagePurpose::ClientAuth, |params| years.set(params))
    }

    /// A caller's leaf that expires soon.
    pub fn short_lived(&self, uri: &str, life: Duration) -> Certified {
        let names = vec![SanType::URI(uri.try_into().expect("ASCII"))];
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        self.leaf(names, ExtendedKeyUsagePurpose::ClientAuth, |params| {
            IN_FORCE.set(params);
            params.not_after = date_time_ymd(1970, 1, 1) + now + life;
        })
    }

    /// The certificate of the node itself, for 127.0.0.1.
    pub fn node(&self) -> Certified {
        let names = vec![SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST))];
        self.leaf(names, ExtendedKeyUsagePurpose::ServerAuth, |params| IN_FORCE.set(params))
    }

    fn leaf(
        &self,
        names: Vec<SanType>,
        usage: ExtendedKeyUsagePurpose,
        validity: impl FnOnce(&mut CertificateParams),
    ) -> Certified {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names;
        params.extended_key_usages = vec![usage];
        validity(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("signs");
        Certified::from_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes()).expect("its own PEM")
    }
}

/// A self-signed certificate of a peer and the pin of its key.
pub fn peer(years: Years) -> (Certified, Sha256Digest) {
    let mut params = CertificateParams::default();
    years.set(&mut params);
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("signs");
    let pin = Leaf::read(certificate.der()).expect("its own DER").spki;
    let certified = Certified::from_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes());
    (certified.expect("its own PEM"), pin)
}
