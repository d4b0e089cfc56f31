//! SIGINT and SIGTERM: the first drains, the second quits. SIGHUP: a daemon reads its configuration again.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use std::{io, process, thread};

use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// How long a process may take to end by itself after the second signal.
const QUIT_TIMEOUT: Duration = Duration::from_secs(3);

/// The exit code that the first signal asks for: 130 or 143; 0 while there was none.
#[derive(Clone, Debug, Default)]
pub struct Received(Arc<AtomicU8>);

impl Received {
    pub fn exit_code(&self) -> Option<u8> {
        Some(self.0.load(Ordering::Relaxed)).filter(|code| *code != 0)
    }
}

/// Watches for SIGINT and SIGTERM on a thread of its own, so that they are heard whatever the others wait for: a file system, a
/// library, a pipe that nobody reads. The first one cancels `drain`, the second one `quit`; what has not ended soon after that is
/// ended. Installed when it returns, before anything else is done: PID 1 has no default handlers.
///
/// # Errors
/// The thread, or a handler, cannot be had.
pub fn watch(received: Received, drain: CancellationToken, quit: CancellationToken) -> io::Result<()> {
    let (tell, told) = mpsc::sync_channel(1);
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let installed = Builder::new_current_thread().enable_all().build().and_then(|runtime| {
            let signals = runtime.block_on(async { Signals::install() })?;
            Ok((runtime, signals))
        });
        let (runtime, signals) = match installed {
            Ok(installed) => installed,
            Err(error) => return drop(tell.send(Err(error))),
        };
        drop(tell.send(Ok(())));
        runtime.block_on(signals.stop(received, drain, quit));
    })?;
    told.recv().unwrap_or_else(|_| Err(io::Error::other("the thread that watches for signals has ended")))
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn install() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn stop(mut self, received: Received, drain: CancellationToken, quit: CancellationToken) {
        let code = self.next().await;
        received.0.store(code, Ordering::Relaxed);
        drain.cancel();
        self.next().await;
        quit.cancel();
        sleep(QUIT_TIMEOUT).await;
        #[expect(
            clippy::disallowed_methods,
            reason = "the main thread hears nothing, and was given the time for its last write"
        )]
        process::exit(code.into());
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
