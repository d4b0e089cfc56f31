//! Connections that can be made to fail: reset, closed while idle, or answered with any bytes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;

use super::lock;

/// What a request may do to its connection.
#[derive(Debug)]
pub struct Wire {
    /// Ends in a reset instead of an orderly close.
    reset: AtomicBool,
    reset_next: AtomicBool,
    replacement: Mutex<Option<Bytes>>,
    cut_at: watch::Sender<Option<Instant>>,
}

impl Default for Wire {
    fn default() -> Self {
        Self {
            reset: AtomicBool::default(),
            reset_next: AtomicBool::default(),
            replacement: Mutex::default(),
            cut_at: watch::Sender::new(None),
        }
    }
}

impl Wire {
    /// Makes the end of this connection a reset.
    pub fn reset(&self) {
        self.reset.store(true, Ordering::Relaxed);
    }

    pub fn reset_next(&self) {
        self.reset_next.store(true, Ordering::Relaxed);
    }

    pub fn is_next_reset(&self) -> bool {
        self.reset_next.load(Ordering::Relaxed)
    }

    /// Sends these bytes instead of the head of the next answer.
    pub fn replace(&self, bytes: Bytes) {
        *lock(&self.replacement) = Some(bytes);
    }

    /// Ends the connection so long from now.
    pub fn cut_after(&self, wait: Duration) {
        self.cut_at.send_replace(Some(Instant::now() + wait));
    }

    /// Returns when the connection is to be cut.
    pub async fn cut(&self) {
        let mut cut_at = self.cut_at.subscribe();
        let at = cut_at.wait_for(Option::is_some).await.ok().and_then(|at| *at);
        match at {
            Some(at) => tokio::time::sleep_until(at).await,
            None => std::future::pending().await,
        }
    }
}

/// The stream below HTTP.
pub struct WireStream {
    stream: TcpStream,
    wire: Arc<Wire>,
    tail: Bytes,
}

impl WireStream {
    pub fn new(stream: TcpStream, wire: Arc<Wire>) -> Self {
        Self { stream, wire, tail: Bytes::new() }
    }

    fn is_reset(&self) -> bool {
        self.wire.reset.load(Ordering::Relaxed)
    }
}

impl Drop for WireStream {
    fn drop(&mut self) {
        if self.is_reset() {
            // An error leaves an orderly close behind, which is what the client then sees.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for WireStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for WireStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let replacement = lock(&self.wire.replacement).take();
        if let Some(bytes) = replacement {
            self.tail = bytes;
            return Poll::Ready(Ok(buf.len()));
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while this.tail.has_remaining() {
            let written = ready!(Pin::new(&mut this.stream).poll_write(cx, &this.tail))?;
            this.tail.advance(written);
        }
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_reset() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
