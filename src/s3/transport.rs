//! Pooled HTTP/1.1 connections to every endpoint, in the shape that the SDK asks for.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector as TcpConnector};
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::RootCertStore;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tower_service::Service;

use super::probe::{Head, Loss, Probe};

/// How long an unused connection is kept: below the idle time-outs of the servers and balancers in the field (60 s and up).
const POOL_IDLE: Duration = Duration::from_secs(50);
/// A fill may keep a connection silent for minutes: keep-alive tells a slow server from a lost one.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// How long the machine's certificates may take to be read.
const ROOTS_TIMEOUT: Duration = Duration::from_secs(10);

/// One pool of connections. Clones share it.
#[derive(Clone)]
pub struct Transport {
    client: Client<HttpsConnector<Dial>, SdkBody>,
}

impl Transport {
    /// `connect_timeout` covers the name lookup and TCP; `max_idle` is how many unused connections a host may keep. Reads the
    /// machine's certificates beside the runtime, and goes without them rather than wait for a disk that does not answer.
    pub async fn open(connect_timeout: Duration, max_idle: usize) -> Self {
        let roots = tokio::time::timeout(ROOTS_TIMEOUT, spawn_blocking(roots)).await;
        let roots = roots.map(|read| read.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic())));
        let roots = roots.unwrap_or_else(|_| {
            tracing::warn!("could not load the system's certificate authorities in {ROOTS_TIMEOUT:?}");
            RootCertStore::empty()
        });
        Self::with(roots, connect_timeout, max_idle)
    }

    #[cfg(test)]
    pub fn new(connect_timeout: Duration, max_idle: usize) -> Self {
        Self::with(roots(), connect_timeout, max_idle)
    }

    fn with(roots: RootCertStore, connect_timeout: Duration, max_idle: usize) -> Self {
        let mut tcp = TcpConnector::new_with_resolver(Resolver(GaiResolver::new()));
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(connect_timeout));
        tcp.set_keepalive(Some(KEEPALIVE));
        tcp.set_keepalive_interval(Some(KEEPALIVE));
        tcp.set_keepalive_retries(Some(3));
        let dial = Dial { tcp, timeout: connect_timeout };
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls(roots))
            .https_or_http()
            .enable_http1()
            .wrap_connector(dial);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(POOL_IDLE)
            .pool_max_idle_per_host(max_idle)
            .build(https);
        Self { client }
    }
}

/// The machine's roots. Where there are none, plain HTTP still works and every TLS handshake fails for want of an issuer.
fn roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "could not load some of the system's certificate authorities");
    }
    roots.add_parsable_certificates(found.certs);
    roots
}

fn tls(roots: RootCertStore) -> rustls::ClientConfig {
    rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Transport")
    }
}

impl HttpClient for Transport {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Exchange { client: self.client.clone(), read_timeout: settings.read_timeout() })
    }
}

/// The transport with the read time-out of one SDK client (the credential providers set one; S3 calls do not).
#[derive(Debug)]
struct Exchange {
    client: Client<HttpsConnector<Dial>, SdkBody>,
    read_timeout: Option<Duration>,
}

impl HttpConnector for Exchange {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into()))),
        };
        let probe = request.extensions().get::<Probe>().cloned().unwrap_or_default();
        let answer = self.client.request(request);
        let read_timeout = self.read_timeout;
        HttpConnectorFuture::new(async move {
            let answer = match read_timeout {
                Some(limit) => {
                    tokio::time::timeout(limit, answer).await.map_err(|e| ConnectorError::timeout(e.into()))?
                }
                None => answer.await,
            };
            match answer {
                Ok(answer) => {
                    if let Some(usage) = answer.extensions().get::<Usage>() {
                        usage.answered();
                    }
                    probe.answered(Head::read(answer.status().as_u16(), answer.headers()));
                    let answer = answer.map(SdkBody::from_body_1_x);
                    HttpResponse::try_from(answer).map_err(|error| ConnectorError::other(error.into(), None))
                }
                Err(error) => {
                    probe.lost(loss(&error));
                    let kind = if error.is_connect() { ConnectorError::io } else { |e| ConnectorError::other(e, None) };
                    Err(kind(error.into()))
                }
            }
        })
    }
}

fn loss(error: &Error) -> Loss {
    if error.is_connect() {
        return Loss::NotSent;
    }
    let usage = error.connect_info().and_then(|info| {
        let mut extras = http::Extensions::new();
        info.get_extras(&mut extras);
        extras.get::<Usage>().cloned()
    });
    match usage {
        Some(usage) if usage.idle_reset() => Loss::IdleReset,
        _ => Loss::Sent,
    }
}

/// What a connection has carried, so that the end of an idle one can be told from an answer cut short.
#[derive(Clone, Debug, Default)]
struct Usage(Arc<UsageFlags>);

#[derive(Debug, Default)]
struct UsageFlags {
    reused: AtomicBool,
    /// A byte arrived since the last complete head of an answer.
    bytes_since: AtomicBool,
}

impl Usage {
    fn answered(&self) {
        self.0.reused.store(true, Ordering::Relaxed);
        self.0.bytes_since.store(false, Ordering::Relaxed);
    }

    fn idle_reset(&self) -> bool {
        self.0.reused.load(Ordering::Relaxed) && !self.0.bytes_since.load(Ordering::Relaxed)
    }
}

/// Opens TCP connections; one deadline covers the lookup and the connect, whatever the number of addresses.
#[derive(Clone)]
struct Dial {
    tcp: TcpConnector<Resolver>,
    timeout: Duration,
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
                io::Error::new(io::ErrorKind::TimedOut, format!("no connection to {host} within {timeout:?}"))
            })??;
            Ok(TokioIo::new(Tracked { stream: stream.into_inner(), usage: Usage::default() }))
        })
    }
}

/// A TCP stream that notes whether anything arrived.
struct Tracked {
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
        assert!(!usage.idle_reset(), "a new connection");
        usage.answered();
        assert!(usage.idle_reset(), "a used one");
        usage.0.bytes_since.store(true, Ordering::Relaxed);
        assert!(!usage.idle_reset(), "a used one that had begun to answer");
    }
}
