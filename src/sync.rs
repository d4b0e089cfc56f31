//! Locks and blocking work, as the whole program takes them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::task::spawn_blocking;

/// Locks `mutex`. A thread that panicked while it held the lock has been reported, and keeps nobody else out.
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does `work` on a thread that may block. A panic there goes on here.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    spawn_blocking(work).await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}
