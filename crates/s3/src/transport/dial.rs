//! Opens TCP connections, and notes what they carry.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector as TcpConnector};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tower_service::Service;

use crate::probe::Loss;

/// A fill may keep a connection silent for minutes: keep-alive tells a slow server from a lost one.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// What a connection has carried, so that the end of an idle one can be told from an answer cut short.
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

    /// The head of an answer has come.
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

/// Opens TCP connections; one deadline covers the lookup and the connect, whatever the number of addresses.
#[derive(Clone)]
pub(crate) struct Dial {
    tcp: TcpConnector<Resolver>,
    timeout: Duration,
}

impl Dial {
    pub fn new(timeout: Duration) -> Self {
        let mut tcp = TcpConnector::new_with_resolver(Resolver(GaiResolver::new()));
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(timeout));
        tcp.set_keepalive(Some(KEEPALIVE));
        tcp.set_keepalive_interval(Some(KEEPALIVE));
        tcp.set_keepalive_retries(Some(3));
        Self { tcp, timeout }
    }
}

impl Service<http::Uri> for Dial {
    type Response = TokioIo<Tracked>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.tcp.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: http::Uri) -> Self::Future {
        let host = uri.host().unwrap_or_default().to_owned();
        let timeout = self.timeout;
        let connecting = self.tcp.call(uri);
        Box::pin(async move {
            let stream = tokio::time::timeout(timeout, connecting).await.map_err(|_| {
                io::Error::new(io::ErrorKind::TimedOut, format!("{host}: no connection within {timeout:?}"))
            })??;
            Ok(TokioIo::new(Tracked { stream: stream.into_inner(), usage: Usage::default() }))
        })
    }
}

/// A TCP stream that notes whether anything arrived.
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
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

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
