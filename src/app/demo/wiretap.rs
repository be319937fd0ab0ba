//! Someone on the wire: a relay between two nodes that records every byte it passes on.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

use crate::app::outcome::CliError;

/// Bytes kept; the story produces a few megabytes.
const KEPT: usize = 256 * 1024 * 1024;

/// A listening tap.
#[derive(Debug)]
pub struct Wiretap {
    pub address: SocketAddr,
    recorded: Arc<Mutex<Vec<u8>>>,
    task: AbortHandle,
}

impl Wiretap {
    /// Listens on a free port and passes everything on to `target`.
    pub async fn start(target: SocketAddr) -> Result<Self, CliError> {
        let failed = |error: std::io::Error| CliError::failed(format!("no free port: {error}"));
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let recorded = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&recorded);
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(target).await else { continue };
                let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                tokio::spawn(pass(near_in, far_out, Arc::clone(&kept)));
                tokio::spawn(pass(far_in, near_out, Arc::clone(&kept)));
            }
        });
        Ok(Self { address, recorded, task: task.abort_handle() })
    }

    /// Everything heard so far.
    pub fn heard(&self) -> Vec<u8> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Wiretap {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, kept: Arc<Mutex<Vec<u8>>>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read) = from.read(&mut buffer).await {
        let Some(heard) = buffer.get(..read).filter(|heard| !heard.is_empty()) else { return };
        {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() < KEPT {
                kept.extend_from_slice(heard);
            }
        }
        if to.write_all(heard).await.is_err() {
            return;
        }
    }
}
