//! Certificates of every sound and unsound kind at either door, below anything that speaks of methods: whoever is kept out at
//! the handshake is kept out of all of them, and the alert says which rule it was.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use hushwire::io::transport::tls::provider;
use hyper_util::rt::TokioIo;
use rcgen::{CertificateParams, KeyPair};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{AlertDescription, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint, Uri};
use tower::service_fn;

use crate::caller::RUNTIME;

/// What somebody shows at the handshake: a certificate with its key, or nothing.
#[derive(Debug)]
pub struct Shown {
    certified: Option<(String, String)>,
    /// Each comes from a machine of its own: a door limits how often one of them may come.
    from: Ipv4Addr,
}

impl Shown {
    pub fn nothing() -> Self {
        static NEXT: AtomicU8 = AtomicU8::new(1);
        Self { certified: None, from: Ipv4Addr::new(127, 9, 0, NEXT.fetch_add(1, Ordering::Relaxed)) }
    }

    pub fn pem(certificate: impl Into<String>, key: impl Into<String>) -> Self {
        Self { certified: Some((certificate.into(), key.into())), ..Self::nothing() }
    }

    /// Vouched for by nobody, whatever it names.
    pub fn self_signed(uri: &str) -> Self {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![rcgen::SanType::URI(uri.try_into().expect("ASCII"))];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("signs");
        Self::pem(certificate.pem(), key.serialize_pem())
    }

    /// A channel under it, over which gRPC is spoken.
    pub fn channel(&self, address: SocketAddr) -> Channel {
        let connector = TlsConnector::from(Arc::new(self.config(b"h2")));
        let connect = service_fn(move |_: Uri| {
            let connector = connector.clone();
            async move {
                let socket = TcpStream::connect(address).await?;
                connector.connect(ServerName::from(address.ip()), socket).await.map(TokioIo::new)
            }
        });
        RUNTIME.block_on(async { Endpoint::from_static("https://node").connect_with_connector_lazy(connect) })
    }

    fn config(&self, protocol: &[u8]) -> ClientConfig {
        let config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("spoken")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(TrustsAnybody));
        let mut config = match &self.certified {
            None => config.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = CertificateDer::pem_slice_iter(certificate.as_bytes());
                let chain = chain.collect::<Result<Vec<_>, _>>().expect("PEM");
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("PEM");
                config.with_client_auth_cert(chain, key).expect("a pair")
            }
        };
        config.alpn_protocols = vec![protocol.to_vec()];
        config
    }
}

/// Sends bytes under what is shown, and reads until the other end closes; the alert it closed with instead of an answer.
pub fn knock(address: SocketAddr, shown: &Shown, protocol: &[u8], request: &[u8]) -> Result<String, AlertDescription> {
    let connector = TlsConnector::from(Arc::new(shown.config(protocol)));
    RUNTIME.block_on(async {
        let mut heard = Vec::new();
        let spoken = async {
            let socket = TcpSocket::new_v4()?;
            socket.bind((shown.from, 0).into())?;
            let socket = socket.connect(address).await?;
            let mut stream = connector.connect(ServerName::from(address.ip()), socket).await?;
            stream.write_all(request).await?;
            stream.flush().await?;
            stream.read_to_end(&mut heard).await
        };
        let error = match spoken.await {
            Ok(_) => return Ok(String::from_utf8_lossy(&heard).into_owned()),
            Err(error) => error,
        };
        match error.get_ref().and_then(|inner| inner.downcast_ref()) {
            Some(Error::AlertReceived(alert)) => Err(*alert),
            // Admitted, and cut when that changed: without the last word of TLS, after what was heard.
            _ if error.kind() == std::io::ErrorKind::UnexpectedEof && !error.to_string().contains("handshake") => {
                Ok(String::from_utf8_lossy(&heard).into_owned())
            }
            _ => panic!("neither an answer nor an alert: {error}"),
        }
    })
}

/// Whom the caller trusts is another matter, and tried elsewhere.
#[derive(Debug)]
struct TrustsAnybody;

impl ServerCertVerifier for TrustsAnybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("not spoken".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
