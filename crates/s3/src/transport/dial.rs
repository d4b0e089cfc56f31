//! Opens TCP and TLS connections, and records what they carry.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector as TcpConnector};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tower_service::Service;

use crate::probe::Loss;

/// Time between TCP keep-alive probes. A fill may keep a connection silent for minutes: the probes tell a slow server from a
/// lost one.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// What a connection has carried. It tells the end of an idle connection from an answer that was cut short.
#[derive(Clone, Debug, Default)]
pub(crate) struct Usage(Arc<UsageFlags>);

#[derive(Debug, Default)]
struct UsageFlags {
    reused: AtomicBool,
    /// A byte arrived since the last complete head of an answer.
    bytes_since: AtomicBool,
}

impl Usage {
    /// Of a connection that this room has opened.
    pub fn of(connection: &impl Connection) -> Self {
        let mut extras = http::Extensions::new();
        connection.connected().get_extras(&mut extras);
        extras.remove().unwrap_or_default()
    }

    /// An answer has come, whole or to the end of its head.
    pub fn answered(&self) {
        self.0.reused.store(true, Ordering::Relaxed);
        self.0.bytes_since.store(false, Ordering::Relaxed);
    }

    /// Whether an answer has come before.
    pub fn is_reused(&self) -> bool {
        self.0.reused.load(Ordering::Relaxed)
    }

    /// What the end of the connection means for the request that was sent last.
    pub fn loss(&self) -> Loss {
        let is_idle_reset = self.is_reused() && !self.0.bytes_since.load(Ordering::Relaxed);
        if is_idle_reset { Loss::IdleReset } else { Loss::Sent }
    }
}

/// A connection as a [`Connector`] opens it.
pub(crate) type Stream = MaybeHttpsStream<TokioIo<Tracked>>;

/// Opens connections. One deadline covers the name lookup, TCP and TLS, whatever the number of addresses.
#[derive(Clone)]
pub(crate) struct Connector {
    https: HttpsConnector<Dial>,
    timeout: Duration,
}

/// The deadline of a connection passed.
#[derive(Debug, thiserror::Error)]
#[error("{authority}: no connection within {timeout:?}")]
pub(super) struct NoConnection {
    authority: String,
    timeout: Duration,
}

impl Connector {
    pub fn new(tls: rustls::ClientConfig, timeout: Duration) -> Self {
        let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1();
        Self { https: https.wrap_connector(Dial::new(timeout)), timeout }
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type BoxFuture<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

impl Service<http::Uri> for Connector {
    type Response = Stream;
    type Error = BoxError;
    type Future = BoxFuture<Stream, BoxError>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.https.poll_ready(cx)
    }

    fn call(&mut self, uri: http::Uri) -> Self::Future {
        let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
        let timeout = self.timeout;
        let connecting = tokio::time::timeout(timeout, self.https.call(uri));
        Box::pin(async move { connecting.await.map_err(|_| NoConnection { authority, timeout })? })
    }
}

/// Opens TCP connections.
#[derive(Clone)]
struct Dial(TcpConnector<Resolver>);

impl Dial {
    fn new(timeout: Duration) -> Self {
        let mut tcp = TcpConnector::new_with_resolver(Resolver(GaiResolver::new()));
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(timeout));
        tcp.set_keepalive(Some(KEEPALIVE_INTERVAL));
        tcp.set_keepalive_interval(Some(KEEPALIVE_INTERVAL));
        tcp.set_keepalive_retries(Some(3));
        Self(tcp)
    }
}

impl Service<http::Uri> for Dial {
    type Response = TokioIo<Tracked>;
    type Error = BoxError;
    type Future = BoxFuture<Self::Response, BoxError>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: http::Uri) -> Self::Future {
        let connecting = self.0.call(uri);
        Box::pin(async move {
            let stream = connecting.await?.into_inner();
            Ok(TokioIo::new(Tracked { stream, usage: Usage::default() }))
        })
    }
}

/// A TCP stream that records whether anything arrived.
pub(crate) struct Tracked {
    stream: TcpStream,
    usage: Usage,
}

impl Connection for Tracked {
    fn connected(&self) -> Connected {
        Connected::new().extra(self.usage.clone())
    }
}

impl AsyncRead for Tracked {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.usage.0.bytes_since.store(true, Ordering::Relaxed);
        }
        polled
    }
}

impl AsyncWrite for Tracked {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }
}

/// The system's resolver, with `localhost` and its subdomains answered here (RFC 6761, section 6.3): glibc knows only the
/// bare name, and virtual-hosted buckets of a local server are subdomains.
#[derive(Clone)]
struct Resolver(GaiResolver);

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = BoxFuture<Self::Response, io::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        if is_localhost(name.as_str()) {
            let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
            let addresses: Vec<_> = loopback.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect();
            return Box::pin(async move { Ok(addresses.into_iter()) });
        }
        let lookup = self.0.call(name);
        Box::pin(async move { Ok(lookup.await?.collect::<Vec<_>>().into_iter()) })
    }
}

fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_localhost_and_its_subdomains_are_answered_here() {
        for (name, local) in [
            ("localhost", true),
            ("training.localhost", true),
            ("Training.LocalHost.", true),
            ("notlocalhost", false),
            ("localhost.example.com", false),
        ] {
            assert_eq!(is_localhost(name), local, "{name}");
        }
    }

    #[test]
    fn only_a_used_connection_that_stayed_silent_counts_as_an_idle_reset() {
        let usage = Usage::default();
        assert_eq!(usage.loss(), Loss::Sent, "a new connection");
        usage.answered();
        assert_eq!(usage.loss(), Loss::IdleReset, "a used one");
        usage.0.bytes_since.store(true, Ordering::Relaxed);
        assert_eq!(usage.loss(), Loss::Sent, "a used one that had begun to answer");
    }
}
