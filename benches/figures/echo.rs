//! The yardstick of a call: plain tonic over the same TLS, on the same kind of runtime, answering bytes of the same size
//! without looking at the question. It is a process of its own, as the node is.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::Ipv4Addr;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use hushwire::base::name::{CallerName, MemberId};
use hushwire::base::role::Role;
use hushwire::io::certificate::LocalAuthority;
use hushwire::io::clock;
use hushwire::io::transport::client::ClientIdentity;
use hushwire::io::transport::tls::{Authority, Certified, local_server};
use hushwire::io::transport::verify::LocalRules;
use prost::bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::Server;
use tonic::transport::server::Connected;
use tonic::{Request as Call, Response as Answer, Status};
use tower::Service;

use crate::Fault;
use crate::raw::RawCodec;

/// First argument of the process that serves the echo.
pub const ROLE: &str = "echo-server";

/// The method every call asks for.
pub const PATH: &str = "/bench.Echo/Echo";

const MEMBER: &str = "echo";

/// Makes certificates in `folder` and returns the client's.
pub fn prepare(folder: &Path) -> Result<ClientIdentity, Fault> {
    let (member, now): (MemberId, _) = (MEMBER.parse()?, clock::now());
    let founded = LocalAuthority::found(&member, now)?;
    let authority = LocalAuthority::load(&member, &founded.certificate_pem, &founded.key_pem)?;
    let server = authority.issue_server(&["127.0.0.1".to_owned()], 30, now)?;
    let name: CallerName = "bench".parse()?;
    let client = authority.issue_client(Role::Screener, &name, 30, now)?;
    std::fs::write(folder.join("ca.pem"), &founded.certificate_pem)?;
    std::fs::write(folder.join("server.pem"), &server.certificate_pem)?;
    std::fs::write(folder.join("server.key"), server.key_pem.as_bytes())?;
    Ok(ClientIdentity {
        certified: Certified::from_pem(client.certificate_pem.as_bytes(), client.key_pem.as_bytes())?,
        authority: Authority::from_pem(founded.certificate_pem.as_bytes())?,
    })
}

/// Serves until killed; the address is written to `address` in the folder.
pub fn serve(folder: &Path, answer_bytes: usize) -> Result<(), Fault> {
    let read = |name: &str| std::fs::read(folder.join(name));
    let own = Certified::from_pem(&read("server.pem")?, &read("server.key")?)?;
    let tls = local_server(&own, &Authority::from_pem(&read("ca.pem")?)?, LocalRules::of(MEMBER.parse()?))?;
    let acceptor = TlsAcceptor::from(tls.server());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let staged = folder.join("address.new");
        std::fs::write(&staged, tcp.local_addr()?.to_string())?;
        std::fs::rename(staged, folder.join("address"))?;
        let (accepted, connections) = mpsc::channel(16);
        tokio::spawn(async move {
            while let Ok((socket, _)) = tcp.accept().await {
                let shaken = match socket.set_nodelay(true) {
                    Ok(()) => acceptor.accept(socket).await,
                    Err(error) => Err(error),
                };
                if accepted.send(shaken.map(Connection)).await.is_err() {
                    return;
                }
            }
        });
        let echo = Echo { answer: Bytes::from(vec![0x5A; answer_bytes]) };
        Server::builder().add_service(echo).serve_with_incoming(ReceiverStream::new(connections)).await?;
        Ok(())
    })
}

/// The service: one method, one answer.
#[derive(Debug, Clone)]
struct Echo {
    answer: Bytes,
}

impl NamedService for Echo {
    const NAME: &'static str = "bench.Echo";
}

impl UnaryService<Bytes> for Echo {
    type Response = Bytes;
    type Future = Ready<Result<Answer<Bytes>, Status>>;

    fn call(&mut self, _: Call<Bytes>) -> Self::Future {
        ready(Ok(Answer::new(self.answer.clone())))
    }
}

impl Service<Request<Body>> for Echo {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let echo = self.clone();
        Box::pin(async move { Ok(Grpc::new(RawCodec).unary(echo, request).await) })
    }
}

/// A TLS connection tonic takes without knowing its kind.
struct Connection(TlsStream<TcpStream>);

impl Connected for Connection {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, into)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
}
