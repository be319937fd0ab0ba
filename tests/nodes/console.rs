//! The console's listener, asked without a browser: what it shows, and what becomes of whoever is slow. How it looks and what people
//! do there is tried in `tests/console`.

use std::net::SocketAddr;
use std::sync::Arc;

use hushwire::io::transport::tls::{Authority, web_client};
use rcgen::{CertificateParams, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::caller::RUNTIME;
use crate::consortium::Consortium;
use crate::node::wait;

pub const LISTEN: (&str, &str) = ("HUSHWIRE__CONSOLE__LISTEN", "127.0.0.1:0");

async fn connect(console: SocketAddr, authority: &[u8]) -> std::io::Result<TlsStream<TcpStream>> {
    let config = web_client(&Authority::from_pem(authority).expect("a certificate")).expect("usable");
    let socket = TcpStream::connect(console).await?;
    TlsConnector::from(Arc::new(config)).connect(console.ip().into(), socket).await
}

/// Sends this and hears the answer to its end.
pub async fn say(console: SocketAddr, authority: &[u8], request: &str) -> std::io::Result<String> {
    let mut stream = connect(console, authority).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut heard = Vec::new();
    // A server that closes without the alert has said what it had to say.
    let _closed = stream.read_to_end(&mut heard).await;
    Ok(String::from_utf8_lossy(&heard).into_owned())
}

const GET: &str = "GET /sign-in HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n";

/// A self-signed certificate of this machine and its key, PEM.
fn certificate() -> (String, String) {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).expect("an address");
    (params.self_signed(&key).expect("signs").pem(), key.serialize_pem())
}

#[test]
fn the_console_shows_its_own_certificate_and_takes_up_a_new_one_without_a_restart() {
    let consortium = Consortium::found(&["bank-a"]);
    let home = consortium.home("bank-a");
    let put = |(chain, key): &(String, String)| {
        consortium.file("console.pem", chain);
        consortium.file("console-key.pem", key);
    };
    let (first, second) = (certificate(), certificate());
    put(&first);
    let [chain, key] = ["console.pem", "console-key.pem"].map(|name| consortium.path().join(name));
    let node = home
        .start_with(&[
            LISTEN,
            ("HUSHWIRE__CONSOLE__CERTIFICATE", chain.to_str().expect("plain")),
            ("HUSHWIRE__CONSOLE__KEY", key.to_str().expect("plain")),
        ])
        .unwrap_or_else(|said| panic!("{}", said.stderr));
    let console = node.console.expect("it is configured");
    let page = RUNTIME.block_on(say(console, first.0.as_bytes(), GET)).expect("its own certificate");
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    let own = std::fs::read(home.path().join("tls/local-ca.pem")).expect("made");
    RUNTIME.block_on(connect(console, &own)).map(|_| ()).expect_err("not that of the local listener");
    put(&second);
    node.reload();
    wait("the new certificate is shown", || RUNTIME.block_on(connect(console, second.0.as_bytes())).ok());
    // Half a file leaves the one there was.
    consortium.file("console.pem", "nonsense");
    node.reload();
    wait("the fault is told", || {
        let log = std::fs::read_to_string(home.log()).expect("a log");
        log.contains("certificates.kept").then_some(())
    });
    RUNTIME.block_on(connect(console, second.0.as_bytes())).map(|_| ()).expect("still shown");
}

#[test]
fn whoever_sends_a_form_slowly_is_told_and_let_go() {
    let consortium = Consortium::found(&["bank-a"]);
    let node = consortium.home("bank-a").start_with(&[LISTEN]).unwrap_or_else(|said| panic!("{}", said.stderr));
    let console = node.console.expect("it is configured");
    // The member's own authority, where nothing else is configured.
    let own = std::fs::read(node.home.path().join("tls/local-ca.pem")).expect("made");
    let slow = "POST /sign-in HTTP/1.1\r\nHost: node\r\nSec-Fetch-Site: same-origin\r\nConnection: close\r\nContent-Length: 9\r\n\r\na";
    let answer = RUNTIME.block_on(say(console, &own, slow)).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    let plain = RUNTIME.block_on(async {
        let mut socket = TcpStream::connect(console).await?;
        socket.write_all(GET.as_bytes()).await?;
        let mut heard = Vec::new();
        let _closed = socket.read_to_end(&mut heard).await;
        Ok::<_, std::io::Error>(heard)
    });
    let plain = plain.expect("it accepts");
    assert!(!String::from_utf8_lossy(&plain).contains("HTTP/1.1"), "nothing is said without TLS");
}
