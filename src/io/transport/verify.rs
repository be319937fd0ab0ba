//! Certificate verifiers for rustls, one for each door and direction that WebPKI alone does not cover.
//!
//! Each still has rustls prove that the other end holds the private key: a pin without that check would be a public value
//! anybody can show.

use crate::base::name::MemberId;
use crate::io::access::revoked::RevokedCallers;
use crate::io::transport::caller::LocalCaller;
use crate::io::transport::leaf::{Leaf, LeafError};
use crate::io::transport::pins::PinRegistry;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use std::sync::Arc;

/// The local door: a certificate of the member's own authority that names one caller of this member.
#[derive(Debug)]
pub struct LocalClients {
    /// WebPKI with the member's authority as the only root.
    pub authority: Arc<dyn ClientCertVerifier>,
    pub rules: LocalRules,
}

/// Whom the local door admits of those the authority vouches for.
#[derive(Debug, Clone)]
pub struct LocalRules {
    pub member: MemberId,
    pub revoked: RevokedCallers,
    /// Whether somebody without a certificate is let in, to show a token with each call. A certificate that is shown must be
    /// right all the same.
    pub tokens: bool,
}

impl LocalRules {
    /// Every caller of this member.
    pub fn of(member: MemberId) -> Self {
        Self { member, revoked: RevokedCallers::default(), tokens: false }
    }
}

/// The peer door: any certificate in force whose key the roster pins to some member.
#[derive(Debug)]
pub struct PinnedClients {
    pub pins: Arc<PinRegistry>,
    pub provider: Arc<CryptoProvider>,
}

/// The other end of a call to a peer: a certificate in force whose key the roster pins to the member we mean to reach.
#[derive(Debug)]
pub struct PinnedServer {
    pub pins: Arc<PinRegistry>,
    pub member: MemberId,
    pub provider: Arc<CryptoProvider>,
}

fn refused(error: LeafError) -> Error {
    Error::InvalidCertificate(match error {
        LeafError::Malformed => CertificateError::BadEncoding,
        LeafError::NotYetValid => CertificateError::NotValidYet,
        LeafError::Expired => CertificateError::Expired,
    })
}

/// Told to the other end as the alert `access_denied`: the certificate is sound, its holder has no business here.
fn not_welcome() -> Error {
    Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)
}

fn leaf_in_force(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<Leaf, Error> {
    let leaf = Leaf::read(certificate).map_err(refused)?;
    leaf.check_validity(now).map_err(refused)?;
    Ok(leaf)
}

/// TLS 1.2 is never offered, so its signatures are never accepted either.
fn no_tls12<T>() -> Result<T, Error> {
    Err(Error::General("TLS 1.2 is not spoken here".to_owned()))
}

impl ClientCertVerifier for LocalClients {
    fn client_auth_mandatory(&self) -> bool {
        !self.rules.tokens
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.authority.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.authority.verify_client_cert(end_entity, intermediates, now)?;
        let leaf = Leaf::read(end_entity).map_err(refused)?;
        let caller = LocalCaller::from_leaf(&leaf, &self.rules.member).map_err(|_| not_welcome())?;
        if self.rules.revoked.holds(&caller, &leaf) {
            return Err(Error::InvalidCertificate(CertificateError::Revoked));
        }
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        no_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authority.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authority.supported_verify_schemes()
    }
}

impl ClientCertVerifier for PinnedClients {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let leaf = leaf_in_force(end_entity, now)?;
        match self.pins.member_of(&leaf.spki) {
            Some(_) => Ok(ClientCertVerified::assertion()),
            None => Err(not_welcome()),
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        no_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl ServerCertVerifier for PinnedServer {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let leaf = leaf_in_force(end_entity, now)?;
        // Another member's key is as wrong as a stranger's: a relay is asked as itself.
        if self.pins.holds(&leaf.spki, &self.member) { Ok(ServerCertVerified::assertion()) } else { Err(not_welcome()) }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        no_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
