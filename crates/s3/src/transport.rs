//! Pooled HTTP/1.1 connections to one endpoint: a lean pool for HEADs, and hyper's client for all else, the SDK's requests
//! included.

mod dial;
mod pool;
mod pooled_connection;

use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::response::Parts;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::RootCertStore;
use tokio::task::spawn_blocking;

use super::causes::describe;
use super::clock_skew::ServerClock;
use super::error::RequestError;
use super::probe::{Head, Loss, Probe};
use dial::{Connector, Usage};
pub use pool::Via;
use pool::{IDLE_TIMEOUT, unconnected};
pub(super) use pool::{Pool, Pools};

/// For reading the machine's certificates.
const ROOTS_TIMEOUT: Duration = Duration::from_secs(10);

/// The connections of one endpoint, and its clock. Clones share them.
#[derive(Clone)]
pub struct Transport {
    /// For everything but HEADs.
    client: Client<Connector, SdkBody>,
    /// For HEADs.
    pub(super) pools: Pools,
    pub(super) clock: ServerClock,
}

impl Transport {
    /// `connect_timeout` covers the name lookup, TCP and TLS. `max_idle` unused connections are kept for each host: as many for
    /// HEADs, and as many for all else. The machine's certificates are read on a blocking thread; if the disk does not answer in
    /// time, the transport goes without them.
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
        let tls = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let connector = Connector::new(tls, connect_timeout);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(max_idle)
            .build(connector.clone());
        Self { client, pools: Pools::new(connector, max_idle), clock: ServerClock::default() }
    }

    /// Sends a GET once and reads its answer, of which the body has at most `max_bytes`. The head is given even where the body
    /// is lost.
    pub(super) async fn get(
        &self,
        request: Request<SdkBody>,
        max_bytes: usize,
    ) -> Result<(Parts, Result<Bytes, RequestError>), RequestError> {
        let uri = request.uri().clone();
        let (head, body) = self.send(request).await.map_err(|error| unanswered(&uri, &error))?.into_parts();
        let body = match Limited::new(body, max_bytes).collect().await {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => {
                Err(RequestError::malformed(&format!("an answer of more than {max_bytes} bytes")))
            }
            Err(error) => Err(RequestError::unanswered(Loss::Sent, describe(&*error))),
        };
        if let Some(usage) = head.extensions.get::<Usage>() {
            usage.answered();
        }
        Ok((head, body))
    }

    /// Sends a request on a pooled connection, and records there that it was answered.
    async fn send(&self, request: Request<SdkBody>) -> Result<Response<Incoming>, Error> {
        let answer = self.client.request(request).await?;
        if let Some(usage) = answer.extensions().get::<Usage>() {
            usage.answered();
        }
        Ok(answer)
    }
}

/// The machine's certificate authorities. Without any, plain HTTP still works and every TLS handshake fails for want of an issuer.
fn roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "could not load some of the system's certificate authorities");
    }
    roots.add_parsable_certificates(found.certs);
    roots
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Transport")
    }
}

impl HttpClient for Transport {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Exchange { transport: self.clone(), read_timeout: settings.read_timeout() })
    }
}

/// The transport with the read timeout of one SDK client. The credential providers set one; S3 calls do not.
#[derive(Debug)]
struct Exchange {
    transport: Transport,
    read_timeout: Option<Duration>,
}

impl HttpConnector for Exchange {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into()))),
        };
        let probe = request.extensions().get::<Probe>().cloned().unwrap_or_default();
        let (transport, read_timeout) = (self.transport.clone(), self.read_timeout);
        HttpConnectorFuture::new(async move {
            let answer = transport.send(request);
            let answer = match read_timeout {
                Some(limit) => {
                    tokio::time::timeout(limit, answer).await.map_err(|e| ConnectorError::timeout(e.into()))?
                }
                None => answer.await,
            };
            match answer {
                Ok(answer) => {
                    let mut head = Head::read(answer.status().as_u16(), answer.headers());
                    head.skewed = transport.clock.learn(head.status, head.date);
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

/// The error of a GET that was not answered. The client's own layer says only which part of it failed.
fn unanswered(uri: &Uri, error: &Error) -> RequestError {
    let cause = std::error::Error::source(error).unwrap_or(error);
    match loss(error) {
        Loss::NotSent => unconnected(uri, cause),
        loss => RequestError::unanswered(loss, describe(cause)),
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
