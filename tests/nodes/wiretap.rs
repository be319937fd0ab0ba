//! A wire between two nodes that keeps every byte.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// Passes everything on to one address.
#[derive(Clone)]
pub struct Wiretap {
    pub address: SocketAddr,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Wiretap {
    /// Listens on the target's own loopback address at a free port.
    pub fn before(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((target.ip(), 0)).expect("a free port");
        let tap = Self { address: listener.local_addr().expect("bound"), heard: Arc::default() };
        let heard = Arc::clone(&tap.heard);
        std::thread::spawn(move || {
            for from in listener.incoming() {
                let (Ok(from), Ok(to)) = (from, TcpStream::connect(target)) else { continue };
                for (mut source, mut sink) in [pair(&from, &to), pair(&to, &from)] {
                    let heard = Arc::clone(&heard);
                    std::thread::spawn(move || {
                        let mut buffer = [0; 16 * 1024];
                        while let Ok(count @ 1..) = source.read(&mut buffer) {
                            heard.lock().unwrap_or_else(PoisonError::into_inner).extend(&buffer[..count]);
                            if sink.write_all(&buffer[..count]).is_err() {
                                break;
                            }
                        }
                        // Either end may be gone already.
                        drop(sink.shutdown(Shutdown::Both));
                    });
                }
            }
        });
        tap
    }

    /// Everything so far, both directions.
    pub fn heard(&self) -> Vec<u8> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn pair(from: &TcpStream, to: &TcpStream) -> (TcpStream, TcpStream) {
    (from.try_clone().expect("a socket"), to.try_clone().expect("a socket"))
}
