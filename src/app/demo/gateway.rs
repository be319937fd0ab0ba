//! The shop's message gateway: what its node posts codes to, and what sends them on to customers. Here the customers are
//! the demo itself.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::app::outcome::CliError;
use crate::io::random;
use crate::io::webhook::secret::Secrets;

/// Bytes of an event with its head.
const LARGEST: u64 = 64 * 1024;

/// Longest wait for a code.
const TRAVEL: Duration = Duration::from_secs(20);

/// A code as the gateway got it, signed by the shop's node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub decision_id: String,
    pub delivery_ref: String,
    pub code: String,
}

/// A listening gateway.
#[derive(Debug)]
pub struct Gateway {
    pub address: SocketAddr,
    /// What the node signs with: the content of its secret file.
    pub secret: String,
    messages: mpsc::Receiver<Message>,
    task: AbortHandle,
}

impl Gateway {
    /// Listens on a free port.
    pub async fn start() -> Result<Self, CliError> {
        let failed = |error: std::io::Error| CliError::failed(format!("no free port: {error}"));
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let secret = format!("whsec_{}\n", BASE64.encode(random::bytes::<32>()));
        let secrets = Secrets::parse(secret.as_bytes()).map_err(|error| CliError::failed(error.to_string()))?;
        let (tell, messages) = mpsc::channel(8);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // One conversation at a time: a node posts the next event once this one is answered.
                let took = tokio::time::timeout(TRAVEL, converse(stream, &secrets)).await;
                if let Ok(Some(message)) = took {
                    drop(tell.send(message).await);
                }
            }
        });
        Ok(Self { address, secret, messages, task: task.abort_handle() })
    }

    /// The next code.
    pub async fn next(&mut self) -> Result<Message, CliError> {
        let next = tokio::time::timeout(TRAVEL, self.messages.recv()).await;
        next.ok().flatten().ok_or_else(|| CliError::failed("the gateway was posted no code"))
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads one event and answers it; the message of one that the node signed.
async fn converse(stream: TcpStream, secrets: &Secrets) -> Option<Message> {
    let (near, mut answers) = stream.into_split();
    let mut stream = BufReader::new(near.take(LARGEST));
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            header => {
                let parts = header.split_once(": ");
                head.extend(parts.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())));
            }
        }
    }
    let header = |wanted: &str| head.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let length: u64 = header("content-length")?.parse().ok().filter(|length| *length <= LARGEST)?;
    let mut body = vec![0; usize::try_from(length).ok()?];
    stream.read_exact(&mut body).await.ok()?;
    let signed = secrets.sign(header("webhook-id")?, header("webhook-timestamp")?.parse().ok()?, &body);
    let message = if header("webhook-signature") == Some(signed.as_str()) { read(&body) } else { None };
    let answer = if message.is_some() { "204 No Content" } else { "400 Bad Request" };
    let answer = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    answers.write_all(answer.as_bytes()).await.ok()?;
    message
}

fn read(body: &[u8]) -> Option<Message> {
    let event: serde_json::Value = serde_json::from_slice(body).ok()?;
    let text = |name: &str| event["data"][name].as_str().map(str::to_owned);
    (event["type"] == "challenge.code").then_some(())?;
    Some(Message { decision_id: text("decision_id")?, delivery_ref: text("delivery_ref")?, code: text("code")? })
}
