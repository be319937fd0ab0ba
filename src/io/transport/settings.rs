//! What a door allows: every timer and limit of its connections in one value, so that tests can shorten them.

use crate::base::limits;
use crate::io::transport::bucket::Rate;
use crate::io::transport::budget::ConnectionLimits;
use std::time::Duration;

/// Timers and limits of one door.
#[derive(Debug, Clone, Copy)]
pub struct DoorSettings {
    pub handshake_timeout: Duration,
    pub preface_timeout: Duration,
    /// For the headers of a request over HTTP/1.1; an idle connection waits as long.
    pub http1_headers_timeout: Duration,
    pub drain_timeout: Duration,
    /// Between the last word to a revoked member and the end of its connection.
    pub revoked_grace: Duration,
    pub connections: ConnectionLimits,
    pub connections_per_member: usize,
    /// Of those who came without a certificate, apart from all others.
    pub strangers: ConnectionLimits,
    /// From the handshake of such a connection to a call that proves who makes it.
    pub stranger_proof: Duration,
    /// Without a running call, once there was such a one.
    pub stranger_idle: Duration,
    /// Bytes of bodies one connection may have the node gather at once.
    pub body_bytes: usize,
    pub control_frames: Rate,
    pub streams: u32,
    pub header_bytes: u32,
    /// Stream and connection.
    pub window_bytes: (u32, u32),
    pub keep_alive_interval: Duration,
    pub keep_alive_timeout: Duration,
}

impl DoorSettings {
    /// For the member's own systems.
    pub fn local() -> Self {
        Self {
            handshake_timeout: Duration::from_millis(limits::HANDSHAKE_MS),
            preface_timeout: Duration::from_millis(limits::PREFACE_MS),
            http1_headers_timeout: Duration::from_millis(limits::HTTP1_HEADERS_MS),
            drain_timeout: Duration::from_millis(limits::DRAIN_LOCAL_MS),
            revoked_grace: Duration::from_millis(limits::REVOKED_GRACE_MS),
            connections: ConnectionLimits {
                total: limits::CONNECTIONS_LOCAL,
                per_source: limits::CONNECTIONS_PER_SOURCE_LOCAL,
                connects: Rate { burst: limits::CONNECTS_BURST, per_s: limits::CONNECTS_PER_S },
                sources: limits::SOURCES,
            },
            connections_per_member: limits::CONNECTIONS_LOCAL,
            strangers: ConnectionLimits {
                total: limits::CONNECTIONS_STRANGERS,
                per_source: limits::CONNECTIONS_PER_SOURCE_STRANGERS,
                // How often somebody comes is limited by address, before the handshake.
                connects: Rate::unlimited(),
                sources: limits::SOURCES,
            },
            stranger_proof: Duration::from_millis(limits::STRANGER_PROOF_MS),
            stranger_idle: Duration::from_millis(limits::STRANGER_IDLE_MS),
            body_bytes: limits::BODY_BYTES_PER_CONNECTION,
            control_frames: Rate { burst: limits::CONTROL_FRAMES_BURST, per_s: limits::CONTROL_FRAMES_PER_S },
            streams: limits::STREAMS_PER_CONNECTION,
            header_bytes: limits::HEADER_BYTES,
            window_bytes: limits::SERVE_WINDOW_BYTES,
            keep_alive_interval: Duration::from_secs(limits::KEEP_ALIVE_S),
            keep_alive_timeout: Duration::from_secs(limits::KEEP_ALIVE_ANSWER_S),
        }
    }

    /// For browsers: all of them come without a certificate.
    pub fn console() -> Self {
        let local = Self::local();
        let strangers = ConnectionLimits {
            total: limits::console::CONNECTIONS,
            per_source: limits::console::CONNECTIONS_PER_SOURCE,
            ..local.strangers
        };
        Self {
            drain_timeout: Duration::from_millis(limits::console::DRAIN_MS),
            connections: ConnectionLimits { connects: local.connections.connects, ..strangers },
            strangers,
            stranger_proof: Duration::from_millis(limits::console::CONNECTION_PROOF_MS),
            stranger_idle: Duration::from_millis(limits::console::CONNECTION_IDLE_MS),
            ..local
        }
    }

    /// For other members' nodes.
    pub fn peer() -> Self {
        let local = Self::local();
        Self {
            drain_timeout: Duration::from_millis(limits::DRAIN_PEER_MS),
            connections: ConnectionLimits {
                total: limits::CONNECTIONS_PEER,
                per_source: limits::CONNECTIONS_PER_SOURCE_PEER,
                ..local.connections
            },
            connections_per_member: limits::CONNECTIONS_PER_MEMBER,
            ..local
        }
    }
}
