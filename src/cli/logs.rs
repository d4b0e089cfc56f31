//! Where log lines go, and which.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use super::global::{Global, LogFormat};
use super::progress::Screen;

/// Sends log lines to standard error, above any progress bar.
pub fn start(global: &Global, screen: &Screen) {
    let level = match (global.quiet, global.verbose) {
        (0, 0) => "warn",
        (0, 1) => "info",
        (0, _) => "debug",
        _ => "error",
    };
    // Of the libraries only what they call a warning: the SDK's own lines could hold headers.
    let filter = EnvFilter::new(format!("off,hotset={level}"));
    let screen = screen.clone();
    let lines = fmt().with_env_filter(filter).with_ansi(global.color()).with_writer(move || screen.clone());
    let started = match global.log_format {
        LogFormat::Text => lines.with_target(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    // A second subscriber in one process, as in tests: the first goes on.
    drop(started);
}
