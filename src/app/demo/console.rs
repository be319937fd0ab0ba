//! Somebody who may look at the shop's console: set up over HTTPS as a person would, with everything they need shown. For the
//! demo alone: a password and an authenticator's secret on a terminal protect nothing.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use http::header::{CONTENT_TYPE, HOST};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use prost::bytes::Bytes;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use totp_rs::{Algorithm, Builder, Secret};

use crate::app::demo::founding::{Cast, SHOP};
use crate::app::outcome::CliError;
use crate::io::transport::tls::{Authority, web_client};
use crate::io::{clock, random};

/// The one user of the demo's console, in every role: a visitor is to see every page.
const NAME: &str = "officer";

/// Bytes of a page of the console.
const PAGE_BYTES: usize = 1024 * 1024;

/// How to get in.
#[derive(Debug)]
pub struct Pass {
    pub address: String,
    pub name: &'static str,
    pub password: String,
    /// Base 32.
    pub secret: String,
    /// In the place of a code, each once.
    pub recovery: Vec<String>,
    /// What the browser has to believe.
    pub authority: std::path::PathBuf,
}

impl Cast {
    /// Makes the user, and sets them up.
    pub async fn open_console(&self) -> Result<Pass, CliError> {
        let shop = self.member(SHOP)?;
        let config = shop.dir.join("hushwire.toml");
        let roles = ["operator", "analyst", "auditor", "publisher"].map(|role| ["--role", role]).concat();
        let words = ["user", "add", NAME, "--json", "--config"].map(OsStr::new);
        let words = words.into_iter().chain([config.as_os_str()]).chain(roles.iter().map(OsStr::new));
        let made: serde_json::Value = serde_json::from_str(&self.run(words).await?)
            .map_err(|error| CliError::failed(format!("hushwire user add: {error}")))?;
        let code = made["enrolment_code"].as_str().unwrap_or_default().to_owned();
        let authority = shop.dir.join("tls").join("local-ca.pem");
        let browser = Browser::new(shop.console, &authority)?;
        let offered = browser.post("/enrol", &[("code", &code)]).await?;
        let secret: String = between(&offered, "class=\"secret\"><code>", "<")?.split_whitespace().collect();
        let password = format!("demo-{}", hex::encode(random::bytes::<8>()));
        let (totp, offer) = (code_now(&secret)?, between(&offered, "name=\"offer\" value=\"", "\"")?);
        let form = [
            ("code", code.as_str()),
            ("offer", offer.as_str()),
            ("totp", totp.as_str()),
            ("password", password.as_str()),
            ("repeated", password.as_str()),
        ];
        let kept = browser.post("/enrol/finish", &form).await?;
        let recovery = kept.split("<li><code>").skip(1).filter_map(|rest| Some(rest.split('<').next()?.to_owned()));
        let recovery: Vec<String> = recovery.collect();
        if recovery.is_empty() {
            return Err(CliError::failed("the console gave no recovery codes"));
        }
        Ok(Pass { address: format!("https://{}", shop.console), name: NAME, password, secret, recovery, authority })
    }
}

/// What an authenticator with this secret shows now.
fn code_now(secret: &str) -> Result<String, CliError> {
    let secret = Secret::try_from_base32(secret).map_err(|_| CliError::failed("the console showed no secret"))?;
    let builder = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(6).with_step_duration(30);
    let totp = builder.with_secret(secret).with_account_name(NAME).build_noncompliant();
    Ok(totp.generate(clock::now().unix_s()).to_string())
}

fn between(page: &str, before: &str, after: &str) -> Result<String, CliError> {
    let found = page.split_once(before).and_then(|(_, rest)| rest.split(after).next());
    found.map(str::to_owned).ok_or_else(|| CliError::failed("the console answered another page than expected"))
}

/// As much of a browser as setting up a user needs.
struct Browser {
    address: SocketAddr,
    tls: TlsConnector,
}

impl Browser {
    fn new(address: SocketAddr, authority: &Path) -> Result<Self, CliError> {
        let unusable = |error: &dyn std::fmt::Display| CliError::failed(format!("{}: {error}", authority.display()));
        let pem = std::fs::read(authority).map_err(|error| unusable(&error))?;
        let authority = Authority::from_pem(&pem).map_err(|error| unusable(&error))?;
        let config = web_client(&authority).map_err(|error| unusable(&error))?;
        Ok(Self { address, tls: TlsConnector::from(Arc::new(config)) })
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Result<String, CliError> {
        let failed = |error: &dyn std::fmt::Display| CliError::failed(format!("console: {error}"));
        let socket = TcpStream::connect(self.address).await.map_err(|error| failed(&error))?;
        let name = ServerName::from(self.address.ip());
        let stream = self.tls.connect(name, socket).await.map_err(|error| failed(&error))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
        let driving = tokio::spawn(connection);
        let form: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(HOST, self.address.to_string())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .body(Full::new(Bytes::from(form)))
            .map_err(|error| failed(&error))?;
        let answer = sender.send_request(request).await.map_err(|error| failed(&error))?;
        let status = answer.status();
        let page = Limited::new(answer.into_body(), PAGE_BYTES).collect().await.map_err(|error| failed(&error))?;
        driving.abort();
        if status != StatusCode::OK {
            return Err(failed(&format!("{path} answered {status}")));
        }
        String::from_utf8(page.to_bytes().to_vec()).map_err(|error| failed(&error))
    }
}
