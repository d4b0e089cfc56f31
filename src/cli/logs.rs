//! Where log lines go, and which.

use std::fmt;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use super::global::{Global, LogFormat};
use super::progress::{self, Screen};
use crate::clock;
use model::api::time;

/// Sends log lines to standard error, above any progress bar. A daemon says what it does without being asked.
pub fn start(global: &Global, screen: &Screen, is_daemon: bool) {
    let verbose = global.verbose.saturating_add(u8::from(is_daemon));
    let level = match (global.quiet, verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "info",
        (false, _) => "debug",
    };
    // Nothing of the libraries: the SDK's own lines could hold headers.
    let progress = if global.quiet { "off" } else { "info" };
    // Whoever asks for more sees how the endpoint's limit moves, without all that happens to single objects.
    let limit = if global.verbose > 0 && !global.quiet { "debug" } else { level };
    let filter = EnvFilter::new(format!("off,hotset={level},hotset::limit={limit},{}={progress}", progress::TARGET));
    let screen = screen.clone();
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(global.colored_logs())
        .with_writer(move || screen.clone());
    let started = match global.log_format {
        LogFormat::Text => lines.event_format(Plain { time: verbose > 0 }).try_init(),
        LogFormat::Json => lines.json().event_format(Json).try_init(),
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
        for span in context.event_scope().into_iter().flatten() {
            if let Some(fields) = span.extensions().get::<FormattedFields<N>>().filter(|fields| !fields.is_empty()) {
                write!(to, " {fields}")?;
            }
        }
        writeln!(to)
    }
}

/// One object a line, with the fields of the run that it belongs to beside its own.
struct Json;

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut to: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = Map::new();
        line.insert("timestamp".to_owned(), time::text(clock::now()).into());
        line.insert("level".to_owned(), event.metadata().level().as_str().into());
        line.insert("target".to_owned(), event.metadata().target().into());
        for span in context.event_scope().into_iter().flatten() {
            let fields = span.extensions().get::<FormattedFields<N>>().map(ToString::to_string);
            if let Some(Ok(Value::Object(fields))) = fields.as_deref().map(serde_json::from_str) {
                line.extend(fields);
            }
        }
        event.record(&mut Fields(&mut line));
        writeln!(to, "{}", Value::Object(line))
    }
}

/// Takes an event's fields up.
struct Fields<'a>(&'a mut Map<String, Value>);

impl Fields<'_> {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }
}
