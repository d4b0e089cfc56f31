//! Pooled HTTP/1.1 connections to every endpoint, in the shape that the SDK asks for.

mod dial;

use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::RootCertStore;
use tokio::task::spawn_blocking;

use super::clock_skew::ServerClock;
use super::probe::{Head, Loss, Probe};
use super::wire::{IDLE, Lanes};
pub(super) use dial::Usage;
use dial::{Dial, Tracked};

/// How long the machine's certificates may take to be read.
const ROOTS_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) type Connector = HttpsConnector<Dial>;
/// What a connector opens.
pub(super) type Stream = MaybeHttpsStream<TokioIo<Tracked>>;

/// The connections of one endpoint, and its clock. Clones share them.
#[derive(Clone)]
pub struct Transport {
    /// For what the SDK sends.
    client: Client<Connector, SdkBody>,
    /// For what is sent by the million.
    pub(super) lanes: Lanes,
    pub(super) clock: ServerClock,
}

impl Transport {
    /// `connect_timeout` covers the name lookup and TCP; `max_idle` is how many unused connections a host may keep of those for
    /// HEADs, of those for GETs, and of the SDK's. Reads the machine's certificates beside the runtime, and goes without them
    /// rather than wait for a disk that does not answer.
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
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls(roots))
            .https_or_http()
            .enable_http1()
            .wrap_connector(Dial::new(connect_timeout));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(max_idle)
            .build(https.clone());
        Self { client, lanes: Lanes::new(https, connect_timeout, max_idle), clock: ServerClock::default() }
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
        let (client, clock) = (self.client.clone(), self.clock.clone());
        SharedHttpConnector::new(Exchange { client, clock, read_timeout: settings.read_timeout() })
    }
}

/// The transport with the read time-out of one SDK client (the credential providers set one; S3 calls do not).
#[derive(Debug)]
struct Exchange {
    client: Client<Connector, SdkBody>,
    clock: ServerClock,
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
        let (read_timeout, clock) = (self.read_timeout, self.clock.clone());
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
                    let mut head = Head::read(answer.status().as_u16(), answer.headers());
                    head.skewed = clock.learn(head.status, head.date);
                    probe.answered(head);
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
    usage.map_or(Loss::Sent, |usage| usage.loss())
}
