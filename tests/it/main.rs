//! Integration over real sockets: TLS, HTTP/2 and gRPC on loopback, ports chosen by the kernel.

mod certificates;
mod conduct;
mod doors;
mod handshake;
mod lifetime;
mod strangers;
