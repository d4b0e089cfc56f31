//! SIGINT and SIGTERM: the first drains, the second quits. SIGHUP: a daemon reads its configuration again.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Handlers for the signals that end a process. Installed before anything else is done: PID 1 has no default ones.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

/// The exit code that the first signal asks for: 130 or 143; 0 while there was none.
#[derive(Clone, Debug, Default)]
pub struct Received(Arc<AtomicU8>);

impl Received {
    pub fn exit_code(&self) -> Option<u8> {
        Some(self.0.load(Ordering::Relaxed)).filter(|code| *code != 0)
    }
}

impl Signals {
    pub fn install() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Cancels `drain` on the first signal and `quit` on the second; runs until then.
    pub async fn stop(mut self, received: Received, drain: CancellationToken, quit: CancellationToken) {
        let code = self.next().await;
        received.0.store(code, Ordering::Relaxed);
        tracing::warn!("stopping: requests in flight are awaited; a second signal quits at once");
        drain.cancel();
        self.next().await;
        quit.cancel();
    }

    async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => 130,
            _ = self.terminate.recv() => 143,
        }
    }
}

/// SIGHUP, which ends a process that does not handle it. Installed before a daemon reads its first file.
#[derive(Debug)]
pub struct Hangups(Signal);

impl Hangups {
    pub fn install() -> io::Result<Self> {
        Ok(Self(signal(SignalKind::hangup())?))
    }

    /// Waits for the next one; those that come close together may be one. Cancel safe.
    pub async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}
