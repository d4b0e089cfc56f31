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
use super::patient::Patient;

/// At once; beyond them clients wait to be accepted.
pub(super) const MOST: usize = 256;
/// For the head of a request, and for the next one on an open connection.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// Of a request's head, in bytes.
const LARGEST_HEAD: usize = 32 * 1024;
/// After an accept that failed: out of files, or a client that left at once.
const PAUSE: Duration = Duration::from_millis(100);

/// Accepts and serves until told to stop, then lets open requests end for as long as `grace`.
pub(super) async fn accept(listener: &TcpListener, router: &Router, stop: &CancellationToken, grace: Duration) {
    let room = Arc::new(Semaphore::new(MOST));
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
                    sleep(PAUSE).await;
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
            .header_read_timeout(HEAD_PATIENCE)
            .max_buf_size(LARGEST_HEAD)
            .serve_connection(TokioIo::new(Patient::new(io)), service)
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
