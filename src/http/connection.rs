//! Connections: how many, and for how long each may make us wait.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tower_service::Service as _;

use super::caller::Peer;
use super::write_timeout::WriteTimeout;

/// Open connections; further clients wait to be accepted.
pub(super) const MAX_CONNECTIONS: usize = 256;
/// The head of a request must arrive within this time, on an idle connection, too.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest head of a request, in bytes.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// The pause after an accept that failed: out of file descriptors, or a client that left at once.
const ACCEPT_INTERVAL: Duration = Duration::from_millis(100);

/// Accepts and serves until told to stop, then lets open requests end for as long as `grace`.
pub(super) async fn accept(listener: &TcpListener, router: &Router, stop: &CancellationToken, grace: Duration) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            let permit = room.clone().acquire_owned().await;
            (permit, listener.accept().await)
        };
        tokio::select! {
            () = stop.cancelled() => break,
            Some(ended) = connections.join_next() => report(ended),
            (permit, accepted) = next => match accepted {
                Ok((stream, peer)) => {
                    // Only a matter of speed.
                    let _ = stream.set_nodelay(true);
                    let (router, stop) = (router.clone(), stop.clone());
                    connections.spawn(async move {
                        serve(stream, router, stop, Some(Peer(peer))).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::debug!(%error, "cannot accept a connection");
                    sleep(ACCEPT_INTERVAL).await;
                }
            },
        }
    }
    let ended = timeout(grace, async {
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    });
    if ended.await.is_err() {
        tracing::debug!(open = connections.len(), "cut off connections that did not end in time");
        connections.shutdown().await;
    }
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!("a connection was lost to a fault of hotset: {error}");
    }
}

/// Serves one connection until its client leaves, makes us wait too long, or we are told to stop.
pub(super) async fn serve<I>(io: I, router: Router, stop: CancellationToken, peer: Option<Peer>)
where
    I: AsyncRead + AsyncWrite + Unpin,
{
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        if let Some(peer) = peer {
            request.extensions_mut().insert(peer);
        }
        router.clone().call(request.map(Body::new))
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(MAX_HEAD_BYTES)
            .serve_connection(TokioIo::new(WriteTimeout::new(io)), service)
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    // How a connection ended is the client's affair.
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
