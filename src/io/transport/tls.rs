//! TLS configurations of both doors and both ends: TLS 1.3 only, X25519MLKEM768 preferred, no resumption. Members speak
//! HTTP/2 among themselves; the local door also HTTP/1.1, for systems that know nothing else, and so does the console, which
//! asks for no client certificate.
//!
//! Resumption is off on both sides: a resumed session presents the certificate of the first handshake, so that a key that
//! was dropped or has expired since would come back unchecked (CRYPTO §8).

use crate::base::bytes::Sha256Digest;
use crate::base::name::MemberId;
use crate::io::transport::leaf::Leaf;
use crate::io::transport::pins::PinRegistry;
use crate::io::transport::verify::{LocalClients, LocalRules, PinnedClients, PinnedServer};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::UnixTime;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::fmt;
use std::sync::{Arc, LazyLock};

const ALPN_H2: &[u8] = b"h2";
const ALPN_HTTP1: &[u8] = b"http/1.1";

/// Why certificates and keys do not make a configuration. No variant holds a part of them.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{what} is not a PEM file with {expected}")]
    Pem { what: &'static str, expected: &'static str },
    #[error("certificate and key do not go together, or TLS cannot use them: {0}")]
    Unusable(#[from] rustls::Error),
    #[error("the member's authority cannot be used as a root: {0}")]
    Authority(String),
}

/// A certificate chain, leaf first, with the private key of the leaf.
pub struct Certified {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Certified {
    /// Reads a chain and a PKCS#8, SEC1 or PKCS#1 key, both PEM.
    pub fn from_pem(chain_pem: &[u8], key_pem: &[u8]) -> Result<Self, TlsError> {
        let chain = certificates("the certificate", chain_pem)?;
        let key = PrivateKeyDer::from_pem_slice(key_pem)
            .map_err(|_| TlsError::Pem { what: "the private key", expected: "a private key" })?;
        Ok(Self { chain, key })
    }

    /// SHA-256 of the leaf's SubjectPublicKeyInfo; none where the leaf is not well-formed.
    pub fn pin(&self) -> Option<Sha256Digest> {
        Leaf::read(self.chain.first()?).ok().map(|leaf| leaf.spki)
    }
}

impl Certified {
    /// Last second of validity, Unix time; none for what cannot be read.
    pub fn end_s(&self) -> Option<u64> {
        Some(Leaf::read(self.chain.first()?).ok()?.not_after_s)
    }
}

impl Clone for Certified {
    fn clone(&self) -> Self {
        Self { chain: self.chain.clone(), key: self.key.clone_key() }
    }
}

impl fmt::Debug for Certified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certified").field("certificates", &self.chain.len()).finish_non_exhaustive()
    }
}

/// The certificates a local end trusts: the member's own authority and nothing else.
#[derive(Debug, Clone)]
pub struct Authority(Arc<RootCertStore>);

impl Authority {
    /// Reads one certificate, or several while an authority is being replaced.
    pub fn from_pem(pem: &[u8]) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates("the member's authority", pem)? {
            roots.add(certificate).map_err(|error| TlsError::Authority(error.to_string()))?;
        }
        Ok(Self(Arc::new(roots)))
    }

    /// Nobody, for where nothing is encrypted.
    pub fn none() -> Self {
        Self(Arc::new(RootCertStore::empty()))
    }

    /// Reads what a system trusts: certificates that cannot be roots are passed over, as long as some can.
    pub fn from_system_pem(pem: &[u8]) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        let (added, _passed_over) = roots.add_parsable_certificates(certificates("the system's authorities", pem)?);
        if added == 0 {
            return Err(TlsError::Authority("none of them can be used".to_owned()));
        }
        Ok(Self(Arc::new(roots)))
    }
}

fn certificates(what: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let fault = || TlsError::Pem { what, expected: "a certificate" };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let chain = chain.map_err(|_| fault())?;
    if chain.is_empty() { Err(fault()) } else { Ok(chain) }
}

/// The one provider of primitives. `prefer-post-quantum` puts X25519MLKEM768 first; tests assert what is negotiated.
pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> =
        LazyLock::new(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    Arc::clone(&PROVIDER)
}

/// The TLS of one door: what it shows, and whom it admits.
#[derive(Debug)]
pub struct DoorTls {
    /// Last second of validity of what it shows, Unix time.
    pub end_s: Option<u64>,
    server: Arc<ServerConfig>,
    clients: Arc<dyn ClientCertVerifier>,
}

impl DoorTls {
    /// For the next handshake.
    pub fn server(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.server)
    }

    /// Whether a client with this chain, leaf first, or with none, would be admitted now.
    pub fn admits(&self, chain: &[CertificateDer<'_>]) -> bool {
        let Some((leaf, intermediates)) = chain.split_first() else {
            return !self.clients.client_auth_mandatory();
        };
        self.clients.verify_client_cert(leaf, intermediates, UnixTime::now()).is_ok()
    }
}

/// The local door: client certificates of the member's own authority.
pub fn local_server(own: &Certified, authority: &Authority, rules: LocalRules) -> Result<DoorTls, TlsError> {
    let authority = WebPkiClientVerifier::builder_with_provider(Arc::clone(&authority.0), provider())
        .build()
        .map_err(|error| TlsError::Authority(error.to_string()))?;
    server(own, Arc::new(LocalClients { authority, rules }), &[ALPN_H2, ALPN_HTTP1])
}

/// The peer door: client keys pinned in the roster.
pub fn peer_server(own: &Certified, pins: &Arc<PinRegistry>) -> Result<DoorTls, TlsError> {
    server(own, Arc::new(PinnedClients { pins: Arc::clone(pins), provider: provider() }), &[ALPN_H2])
}

/// The console: anybody's browser, which is asked for no certificate.
pub fn console_server(own: &Certified) -> Result<DoorTls, TlsError> {
    server(own, WebPkiClientVerifier::no_client_auth(), &[ALPN_H2, ALPN_HTTP1])
}

/// `protocols` in our order of preference.
fn server(own: &Certified, clients: Arc<dyn ClientCertVerifier>, protocols: &[&[u8]]) -> Result<DoorTls, TlsError> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(Arc::clone(&clients))
        .with_single_cert(own.chain.clone(), own.key.clone_key())?;
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    // Our order of cipher suites, not the client's: AES-256 first whatever is asked.
    config.ignore_client_order = true;
    Ok(DoorTls { end_s: own.end_s(), server: Arc::new(config), clients })
}

/// A caller of the local door: the node's certificate comes from the member's own authority and names the host called.
pub fn local_client(own: &Certified, authority: &Authority) -> Result<ClientConfig, TlsError> {
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::clone(&authority.0), provider())
        .build()
        .map_err(|error| TlsError::Authority(error.to_string()))?;
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_webpki_verifier(verifier);
    client(own, config)
}

/// The same without a certificate of its own, where the local door takes tokens.
pub fn local_client_uncertified(authority: &Authority) -> Result<ClientConfig, TlsError> {
    let mut config = web_client(authority)?;
    config.alpn_protocols = vec![ALPN_H2.to_vec()];
    Ok(config)
}

/// A caller of another member's peer door: its key is pinned to that member in the roster in force.
pub fn peer_client(own: &Certified, pins: &Arc<PinRegistry>, member: &MemberId) -> Result<ClientConfig, TlsError> {
    let verifier = PinnedServer { pins: Arc::clone(pins), member: member.clone(), provider: provider() };
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    client(own, config)
}

fn client(
    own: &Certified,
    config: rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>,
) -> Result<ClientConfig, TlsError> {
    let mut config = config.with_client_auth_cert(own.chain.clone(), own.key.clone_key())?;
    config.alpn_protocols = vec![ALPN_H2.to_vec()];
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// A caller of somebody's HTTP server that shows no certificate: the server's comes from one of `authority`.
pub fn web_client(authority: &Authority) -> Result<ClientConfig, TlsError> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(Arc::clone(&authority.0))
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN_HTTP1.to_vec()];
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// What a finished handshake agreed to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    Http2,
}

/// The protocol of a finished handshake. Who names none speaks HTTP/1.1, as clients of before ALPN do.
pub fn protocol(connection: &rustls::CommonState) -> Option<Protocol> {
    match connection.alpn_protocol() {
        Some(ALPN_H2) => Some(Protocol::Http2),
        Some(ALPN_HTTP1) | None => Some(Protocol::Http1),
        Some(_) => None,
    }
}

/// Whether a finished handshake agreed on HTTP/2; the only protocol spoken between members.
pub fn speaks_h2(connection: &rustls::CommonState) -> bool {
    connection.alpn_protocol() == Some(ALPN_H2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::NamedGroup;

    #[test]
    fn the_hybrid_key_exchange_comes_first() {
        let groups: Vec<NamedGroup> = provider().kx_groups.iter().map(|group| group.name()).collect();
        assert_eq!(groups.first(), Some(&NamedGroup::X25519MLKEM768));
    }

    #[test]
    fn what_is_not_pem_is_refused_without_repeating_it() {
        let error = Certified::from_pem(b"secret text", b"secret text").expect_err("no PEM");
        assert_eq!(error.to_string(), "the certificate is not a PEM file with a certificate");
        let key = rcgen::KeyPair::generate().expect("a key");
        let certificate = rcgen::CertificateParams::default().self_signed(&key).expect("signs");
        let error = Certified::from_pem(certificate.pem().as_bytes(), b"secret text").expect_err("no key");
        assert_eq!(error.to_string(), "the private key is not a PEM file with a private key");
    }
}
