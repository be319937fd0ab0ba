//! TLS, connections and what keeps them from being abused: certificates in, a verified caller on every request out.
//!
//! Two doors that share no trust (DESIGN §3). The *local* door admits certificates of the member's own authority; who
//! calls stands in the URI of the certificate. The *peer* door admits keys pinned in the roster; who calls is the member
//! the pin belongs to, whatever the certificate says. TLS 1.3 only, X25519MLKEM768 preferred, no resumption: a resumed
//! session would present a certificate that was never checked again.
//!
//! What a caller may do is decided one module up, in [`crate::io::grpc::gate`].

pub mod bucket;
pub mod budget;
pub mod byte_budget;
pub mod caller;
pub mod client;
pub mod connection;
pub mod frames;
pub mod guarded;
pub mod held;
pub mod http_connection;
pub mod leaf;
pub mod listener;
pub mod pins;
pub mod proof;
pub mod settings;
pub mod tls;
pub mod verify;
