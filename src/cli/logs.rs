//! Where log lines go, and which.

use std::fmt;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::global::{Global, LogFormat};
use super::progress::{self, Screen};

/// Sends log lines to standard error, above any progress bar.
pub fn start(global: &Global, screen: &Screen) {
    let level = match (global.quiet, global.verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "info",
        (false, _) => "debug",
    };
    // Nothing of the libraries: the SDK's own lines could hold headers.
    let progress = if global.quiet { "off" } else { "info" };
    let filter = EnvFilter::new(format!("off,hotset={level},{}={progress}", progress::TARGET));
    let screen = screen.clone();
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(global.colored_logs())
        .with_writer(move || screen.clone());
    let started = match global.log_format {
        LogFormat::Text => lines.event_format(Plain { time: global.verbose > 0 }).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    // A second subscriber in one process, as in tests: the first goes on.
    drop(started);
}

/// `warning: what happened`, as compilers write it; with a time where much is said.
struct Plain {
    time: bool,
}

impl<S, N> FormatEvent<S, N> for Plain
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut to: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        if self.time {
            SystemTime.format_time(&mut to)?;
            to.write_char(' ')?;
        }
        if event.metadata().target() != progress::TARGET {
            let (word, color) = match *event.metadata().level() {
                Level::ERROR => ("error", "\x1b[1;31m"),
                Level::WARN => ("warning", "\x1b[1;33m"),
                Level::INFO => ("info", "\x1b[32m"),
                Level::DEBUG | Level::TRACE => ("debug", "\x1b[2m"),
            };
            if to.has_ansi_escapes() { write!(to, "{color}{word}\x1b[0m: ")? } else { write!(to, "{word}: ")? }
        }
        context.format_fields(to.by_ref(), event)?;
        writeln!(to)
    }
}
