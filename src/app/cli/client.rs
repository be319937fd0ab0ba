//! How the commands that talk to a running node find it, show who they are, and explain a refusal.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use zeroize::Zeroizing;

use crate::app::cli::call_channel::{self, CallChannel};
use crate::app::config::Config;
use crate::app::outcome::CliError;
use crate::base::role::Role;
use crate::io::keystore::file;
use crate::io::transport::client::{ClientIdentity, cause_of, connect_local, connect_local_uncertified};
use crate::io::transport::tls::{Authority, Certified};

/// Longest a call may take.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Calls of one batch before the command gives up on a node that has no time.
const ATTEMPTS: u32 = 6;

const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Which node, and as whom.
#[derive(Debug, Clone, clap::Args)]
pub struct ClientArgs {
    /// Configuration of the node, where it runs on this machine [default: hushwire.toml]
    #[arg(long, env = "HUSHWIRE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Local listener of the node, HOST:PORT; from the configuration where not given
    #[arg(long, env = "HUSHWIRE_ENDPOINT", value_name = "HOST:PORT")]
    pub endpoint: Option<String>,
    /// Folder with cert.pem, key.pem and ca.pem (hushwire cert issue); the node's own of the right role where not given
    #[arg(long, env = "HUSHWIRE_IDENTITY", value_name = "FOLDER")]
    pub identity: Option<PathBuf>,
    /// File with a bearer token (hushwire token issue) to show in place of a certificate; of the identity only ca.pem is read
    /// then
    #[arg(long, env = "HUSHWIRE_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// A node that can be called.
#[derive(Debug)]
pub struct Node {
    pub channel: CallChannel,
    pub endpoint: String,
    pub request_ids: RequestIds,
}

/// Makes request ids from what is requested, so that a repeated run repeats its ids and changes nothing. They are keyed
/// by the client's private key or token: an id in a log lets nobody try out what was published.
#[derive(Clone)]
pub struct RequestIds(Hmac<Sha256>);

impl std::fmt::Debug for RequestIds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RequestIds(…)")
    }
}

impl RequestIds {
    fn new(secret: &[u8]) -> Self {
        let mut extract = Hmac::<Sha256>::new_from_slice(b"hushwire/v1/client-request-ids").expect("any length");
        extract.update(secret);
        let key = Zeroizing::new(<[u8; 32]>::from(extract.finalize().into_bytes()));
        Self(Hmac::new_from_slice(key.as_slice()).expect("any length"))
    }

    /// `position` tells equal requests of one file apart.
    pub fn id(&self, position: u64, request: &impl prost::Message) -> String {
        let body = Zeroizing::new(request.encode_to_vec());
        let mut mac = self.0.clone();
        mac.update(&position.to_be_bytes());
        mac.update(&body);
        hex::encode(&mac.finalize().into_bytes()[..16])
    }

    /// The id of the same request, made anew under a word.
    pub fn again(&self, id: &str, word: &str) -> String {
        let mut mac = self.0.clone();
        mac.update(b"hushwire/v1/client-request-again");
        mac.update(id.as_bytes());
        mac.update(word.as_bytes());
        hex::encode(&mac.finalize().into_bytes()[..16])
    }
}

/// Knows bytes again without keeping them: they may hold raw identifiers, and a plain hash of those could be tried out.
#[derive(Debug)]
pub struct Fingerprints(RequestIds);

impl Fingerprints {
    pub fn new(ids: &RequestIds) -> Self {
        Self(ids.clone())
    }

    pub fn of(&self, bytes: &[u8]) -> String {
        let mut mac = self.0.0.clone();
        mac.update(b"hushwire/v1/client-fingerprint");
        mac.update(bytes);
        hex::encode(mac.finalize().into_bytes())
    }
}

/// Runs a command that talks.
pub fn block_on<T>(task: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| CliError::failed(format!("the runtime cannot start: {error}")))?;
    runtime.block_on(task)
}

impl ClientArgs {
    /// A folder of the node for what a command remembers; none for a node whose folder is elsewhere.
    pub fn folder(&self, name: &str) -> Result<Option<PathBuf>, CliError> {
        if self.endpoint.is_some() && self.identity.is_some() {
            return Ok(None);
        }
        Ok(Some(load_config(self.config.as_deref())?.dir.path().join(name)))
    }

    /// Opens a channel with the token given, or with a certificate of one of `roles`, the first there is.
    pub fn connect(&self, roles: &[Role]) -> Result<Node, CliError> {
        // Both together say where the node is and what it must show, also where a token says who calls.
        let config = match (&self.endpoint, &self.identity) {
            (Some(_), Some(_)) => None,
            _ => Some(load_config(self.config.as_deref())?),
        };
        let endpoint = match (&self.endpoint, &config) {
            (Some(endpoint), _) => endpoint.clone(),
            (None, Some(config)) => reachable(config.local_listen).to_string(),
            (None, None) => unreachable!("without an endpoint the configuration was read"),
        };
        let folder = match (&self.identity, &config) {
            (Some(folder), _) => Some(folder.clone()),
            (None, Some(_)) if self.token_file.is_some() => None,
            (None, Some(config)) => Some(own_identity(config, roles)?),
            (None, None) => unreachable!("without an identity the configuration was read"),
        };
        let authority = authority(folder.as_deref(), config.as_ref())?;
        let unreachable = |error| CliError::usage(format!("{endpoint}: {error}"));
        let (channel, request_ids) = match (&self.token_file, folder) {
            (Some(file), _) => {
                let token = call_channel::read_token(file)?;
                let channel = connect_local_uncertified(&endpoint, &authority).map_err(unreachable)?;
                (call_channel::with_token(channel, &token), RequestIds::new(token.reveal().as_bytes()))
            }
            (None, Some(folder)) => {
                let key_pem = Zeroizing::new(read(&folder.join("key.pem"))?);
                let unusable = |error| CliError::usage(format!("identity {}: {error}", folder.display()));
                let certified = Certified::from_pem(&read(&folder.join("cert.pem"))?, &key_pem).map_err(unusable)?;
                let identity = ClientIdentity { certified, authority };
                let channel = connect_local(&endpoint, &identity).map_err(unreachable)?;
                (call_channel::certified(channel), RequestIds::new(&key_pem))
            }
            (None, None) => unreachable!("without a token there is an identity"),
        };
        Ok(Node { channel, endpoint, request_ids })
    }
}

/// What tells the real node from an impostor: the identity's own copy, or the node's.
fn authority(folder: Option<&Path>, config: Option<&Config>) -> Result<Authority, CliError> {
    let own = folder.map(|folder| folder.join("ca.pem")).filter(|path| path.exists());
    let path = match (own, config, folder) {
        (Some(path), _, _) => path,
        (None, Some(config), _) => config.dir.local_authority(),
        (None, None, folder) => {
            let folder = folder.unwrap_or(Path::new("the identity"));
            return Err(CliError::usage(format!("{} has no ca.pem", folder.display()))
                .hint("copy the node's tls/local-ca.pem there: it tells the real node from an impostor"));
        }
    };
    let unusable = |error| CliError::usage(format!("{}: {error}", path.display()));
    Authority::from_pem(&read(&path)?).map_err(unusable)
}

/// The configuration at `path`, or at its usual places.
pub fn load_config(path: Option<&Path>) -> Result<Config, CliError> {
    let path = path.unwrap_or(Path::new("hushwire.toml"));
    Config::load(path).map_err(|error| {
        let failure = CliError::usage(error.to_string());
        if path.exists() {
            failure
        } else {
            failure.hint(
                "name it with --config FILE or HUSHWIRE_CONFIG; hushwire init makes a new node; or name a node \
                 elsewhere with --endpoint HOST:PORT --identity FOLDER",
            )
        }
    })
}

impl Node {
    /// Calls until the node answers, it refuses for good, or too often had no time. `call` sends the same request again.
    pub async fn insist<T, F>(&self, mut call: impl FnMut() -> F) -> Result<T, CliError>
    where
        F: Future<Output = Result<tonic::Response<T>, Status>>,
    {
        let mut attempt = 1;
        loop {
            match call().await {
                Ok(response) => return Ok(response.into_inner()),
                Err(status) if attempt < attempts(&status) => {
                    tokio::time::sleep(pause(&status, attempt)).await;
                    attempt += 1;
                }
                Err(status) => return Err(explain(&status, &self.endpoint)),
            }
        }
    }
}

/// What to do where repeating the call mends nothing: somebody has to see to the node first.
fn needs_operator(status: &Status) -> Option<&'static str> {
    let details = status.get_error_details();
    match details.error_info().map(|info| info.reason.as_str())? {
        "DISK_LOW" => Some("free space on the node's disk; the node goes on by itself"),
        "DISK_FULL" => Some("free space on the node's disk, then restart the node: nothing acknowledged is lost"),
        "STORE_STOPPED" => {
            Some("free space or mend the node's disk, then restart the node: nothing acknowledged is lost")
        }
        _ => None,
    }
}

/// Whether a quota is used up: seconds later it still is.
fn is_over_quota(status: &Status) -> bool {
    status.get_error_details().quota_failure().is_some()
}

/// How often a call is made that ended so. What never reached a node gets time for a restart, not for a repair.
fn attempts(status: &Status) -> u32 {
    if needs_operator(status).is_some() || is_over_quota(status) {
        return 1;
    }
    match status.code() {
        Code::Unavailable if status.get_error_details().error_info().is_none() => 3,
        Code::Unavailable | Code::ResourceExhausted | Code::Aborted | Code::DeadlineExceeded => ATTEMPTS,
        _ => 1,
    }
}

fn pause(status: &Status, attempt: u32) -> Duration {
    let asked = status.get_error_details().retry_info().and_then(|info| info.retry_delay);
    asked.unwrap_or(FIRST_PAUSE * 2u32.saturating_pow(attempt - 1)).min(Duration::from_secs(10))
}

/// A refused or failed call in words, with what to do.
pub fn explain(status: &Status, endpoint: &str) -> CliError {
    let cause = cause_of(status);
    let details = status.get_error_details();
    let reason = details.error_info().map(|info| format!(" [{}]", info.reason)).unwrap_or_default();
    let said = format!("{cause}{reason}");
    if let Some(hint) = needs_operator(status) {
        return CliError::unavailable(format!("the node cannot do it now: {said}")).hint(hint);
    }
    if is_over_quota(status) {
        let refused = format!("the node refuses: {said}");
        // With a time to come back it is the day's; the other kind never comes back for what was asked.
        return match details.retry_info() {
            Some(_) => {
                CliError::unavailable(refused).hint("try again tomorrow (UTC), or have the roster give more a day")
            }
            None => CliError::failed(refused),
        };
    }
    match status.code() {
        Code::Unavailable | Code::DeadlineExceeded | Code::Unknown if details.error_info().is_none() => {
            let lower = cause.to_ascii_lowercase();
            let failure = CliError::unavailable(format!("the node at {endpoint} cannot be reached: {cause}"));
            if lower.contains("certificate") || lower.contains("handshake") || lower.contains("alert") {
                // The node's refusal of our certificate may come only with the first answer, as a broken connection.
                failure.hint("the two ends do not accept each other's certificates: hushwire doctor says why")
            } else {
                failure.hint("is it running? hushwire serve --config FILE starts it, hushwire doctor checks it")
            }
        }
        Code::Unavailable | Code::ResourceExhausted | Code::Aborted | Code::DeadlineExceeded => {
            CliError::unavailable(format!("the node has no time or is not ready: {said}"))
                .hint("try again; hushwire status tells its state")
        }
        Code::Unauthenticated | Code::PermissionDenied => {
            let hint = match details.error_info().map(|info| info.reason.as_str()) {
                Some("CERTIFICATE_NEEDED") => "no token may do this: call with a certificate, without --token-file",
                Some("ROLE_NOT_ALLOWED" | "TOKEN_SCOPE") | None => {
                    "certificate or token need the right role: hushwire cert issue ROLE NAME, then --identity FOLDER, or \
                     hushwire token issue --role ROLE, then --token-file FILE"
                }
                Some(_) => "docs/access.md says who is let in; hushwire token list shows tokens and their ends",
            };
            CliError::failed(format!("the node refuses the caller: {said}")).hint(hint)
        }
        Code::InvalidArgument | Code::OutOfRange => CliError::failed(format!("the node refuses the request: {said}")),
        Code::NotFound | Code::AlreadyExists | Code::FailedPrecondition | Code::Unimplemented => {
            CliError::failed(format!("the node refuses: {said}"))
        }
        Code::DataLoss => CliError::not_verified(format!("stored data does not verify: {said}"))
            .hint("hushwire doctor says what is damaged and how it is mended"),
        Code::Ok | Code::Cancelled | Code::Unknown | Code::Internal => {
            CliError::failed(format!("the call failed: {said}"))
        }
    }
}

/// A listener on every address is reached on the loopback one.
pub fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// The node's own client certificate of the first role of `roles` that has one; of several, the first by name.
fn own_identity(config: &Config, roles: &[Role]) -> Result<PathBuf, CliError> {
    let clients = config.dir.clients();
    let mut names: Vec<String> = match std::fs::read_dir(&clients) {
        Ok(folders) => folders.filter_map(|folder| folder.ok()?.file_name().into_string().ok()).collect(),
        Err(_) => Vec::new(),
    };
    names.sort();
    for role in roles {
        let prefix = format!("{role}-");
        if let Some(name) = names.iter().find(|name| name.starts_with(&prefix)) {
            return Ok(clients.join(name));
        }
    }
    let role = roles.first().map_or("operator", |role| role.as_str());
    Err(CliError::usage(format!("{} holds no certificate of a {role}", clients.display()))
        .hint(format!("hushwire cert issue {role} desk, or name one with --identity FOLDER")))
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    file::read(path).map_err(|error| CliError::usage(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::grpc::wire::hushwire::local::v1::GetStatusRequest;

    #[test]
    fn request_ids_repeat_for_one_client_and_one_position_only() {
        let ids = RequestIds::new(b"key");
        let body = GetStatusRequest {};
        assert_eq!(ids.id(1, &body), RequestIds::new(b"key").id(1, &body));
        assert_ne!(ids.id(1, &body), ids.id(2, &body));
        assert_ne!(ids.id(1, &body), RequestIds::new(b"other").id(1, &body));
    }

    #[test]
    fn nobody_is_told_to_try_again_where_the_node_must_be_seen_to_first() {
        use crate::io::grpc::refusals::storage_refusal;
        use crate::node::store::StorageFault;
        for fault in [StorageFault::Full, StorageFault::Stopped, StorageFault::Os("no such device".to_owned())] {
            let status = Status::from(storage_refusal(&fault));
            let error = explain(&status, "h:1");
            assert_eq!((attempts(&status), error.code), (1, CliError::UNAVAILABLE), "{fault}");
            let hint = error.hint.expect("what to do");
            assert!(hint.contains("restart the node") && !hint.contains("try again"), "{hint}");
        }
        let busy = Status::from(storage_refusal(&StorageFault::Views("rebuilt".to_owned())));
        assert!(attempts(&busy) > 1 && explain(&busy, "h:1").hint.is_some_and(|hint| hint.contains("try again")));
    }

    #[test]
    fn a_used_up_quota_is_not_asked_again_within_seconds() {
        use crate::io::grpc::status::Refusal;
        let check = |retry_after_ms: Option<u64>, code: u8| {
            let (reason, subject) = ("SOME_QUOTA", "some");
            let status =
                Status::from(Refusal::QuotaExhausted { reason, subject, description: "used".into(), retry_after_ms });
            assert_eq!((attempts(&status), explain(&status, "h:1").code), (1, code));
        };
        check(Some(3_600_000), CliError::UNAVAILABLE);
        check(None, CliError::FAILED);
    }

    #[test]
    fn failures_lead_to_their_exit_codes() {
        let check =
            |code: Code, expected: u8| assert_eq!(explain(&Status::new(code, "x"), "h:1").code, expected, "{code}");
        check(Code::Unavailable, CliError::UNAVAILABLE);
        check(Code::ResourceExhausted, CliError::UNAVAILABLE);
        check(Code::PermissionDenied, CliError::FAILED);
        check(Code::InvalidArgument, CliError::FAILED);
        check(Code::DataLoss, CliError::NOT_VERIFIED);
    }
}
