//! What a run shows of itself while it goes on: a bar on a terminal, a line now and then elsewhere.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{FormattedDuration, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use tokio::sync::watch;
use tokio::time::{Instant, interval};

mod terminal;

use terminal::Terminal;

use super::global::is_dumb;
use super::text::{brief_time, count, counted, iec};
use crate::report::Progress;

/// Of the log lines that are progress where there is no terminal.
pub const TARGET: &str = "hotset::progress";

/// How often the bar is drawn.
const DRAW: Duration = Duration::from_millis(100);
/// How often a line is written where there is no terminal.
const LINE: Duration = Duration::from_secs(15);

/// How often a line says what is waited for, where there is no terminal.
const WAIT_LINE: Duration = Duration::from_secs(30);

/// Where progress and logs go, without disturbing each other.
#[derive(Clone, Debug)]
pub struct Screen {
    bars: MultiProgress,
    /// A person is looking.
    terminal: bool,
    quiet: bool,
}

impl Screen {
    pub fn new(quiet: bool) -> Self {
        let terminal = io::stderr().is_terminal() && !is_dumb();
        let target = match terminal {
            true => ProgressDrawTarget::term_like(Box::new(Terminal::new())),
            false => ProgressDrawTarget::hidden(),
        };
        Self { bars: MultiProgress::with_draw_target(target), terminal, quiet }
    }

    /// Shows `progress` for as long as `work` takes.
    pub async fn watch<T>(&self, profile: &str, progress: &Arc<Progress>, work: impl Future<Output = T>) -> T {
        if self.quiet {
            return work.await;
        }
        let showing = async {
            if self.terminal { self.draw(profile, progress).await } else { self.write(profile, progress).await }
        };
        tokio::select! {
            biased;
            done = work => {
                self.clear();
                done
            }
            () = showing => unreachable!("it is shown until the work is done"),
        }
    }

    /// Says what `work` waits for, for `timeout` at the most, for as long as it takes: a line that changes on a terminal, one
    /// now and then elsewhere.
    pub async fn watch_reason<T>(
        &self,
        (profile, timeout): (&str, Duration),
        mut reason: watch::Receiver<Option<String>>,
        work: impl Future<Output = T>,
    ) -> T {
        if self.quiet {
            return work.await;
        }
        let showing = async {
            let (started, most) = (Instant::now(), humantime::format_duration(timeout));
            // Whoever is ready at once is not waited for, and nothing is said.
            let Ok(_) = reason.wait_for(Option::is_some).await else { return std::future::pending().await };
            if self.terminal {
                let bar = Removed { bar: self.bars.add(ProgressBar::no_length()), bars: self.bars.clone() };
                // Wrapped, where the terminal is narrow: what it waits for must be seen.
                bar.bar.set_style(style("{spinner} {msg}"));
                let mut tick = interval(DRAW);
                loop {
                    tick.tick().await;
                    let why = reason.borrow().clone().unwrap_or_default();
                    let so_far = Duration::from_secs(started.elapsed().as_secs());
                    let so_far = humantime::format_duration(so_far);
                    bar.bar.set_message(format!("{profile}: waiting, {so_far} of {most}: {why}"));
                    bar.bar.tick();
                }
            }
            let mut tick = interval(WAIT_LINE);
            tick.tick().await;
            let why = reason.borrow().clone().unwrap_or_default();
            tracing::info!(target: TARGET, "{profile}: waiting for up to {most}: {why}");
            loop {
                tick.tick().await;
                let why = reason.borrow().clone().unwrap_or_default();
                let elapsed = brief_time(started.elapsed());
                tracing::info!(target: TARGET, "{profile}: still waiting after {elapsed}: {why}");
            }
        };
        tokio::select! {
            biased;
            done = work => {
                self.clear();
                done
            }
            () = showing => unreachable!("it is shown until the work is done"),
        }
    }

    fn clear(&self) {
        if let Err(error) = self.bars.clear() {
            tracing::debug!(%error, "could not clear the progress bar");
        }
    }

    async fn draw(&self, profile: &str, progress: &Progress) {
        let bar = Removed { bar: self.bars.add(ProgressBar::no_length()), bars: self.bars.clone() };
        bar.bar.set_style(listing());
        let started = Instant::now();
        let mut warming_since = None;
        let mut tick = interval(DRAW);
        loop {
            tick.tick().await;
            let now = Figures::read(progress);
            if now.planned_objects == 0 {
                bar.bar.set_message(format!("{profile}: {}", now.listing(started.elapsed())));
            } else {
                if warming_since.is_none() {
                    warming_since = Some(Instant::now());
                    bar.bar.set_style(warming());
                    bar.bar.reset();
                }
                bar.bar.set_length(now.planned_bytes.max(1));
                bar.bar.set_position(now.ended_bytes);
                bar.bar.set_message(format!("{profile}: {}", now.warming()));
                bar.bar.set_prefix(if now.still_listing { now.listing(started.elapsed()) } else { now.limit() });
            }
            bar.bar.tick();
        }
    }

    async fn write(&self, profile: &str, progress: &Progress) {
        let started = Instant::now();
        let mut tick = interval(LINE);
        tick.tick().await;
        loop {
            tick.tick().await;
            let now = Figures::read(progress);
            let elapsed = brief_time(started.elapsed());
            if now.planned_objects == 0 {
                tracing::info!(target: TARGET, "{profile}: {} after {elapsed}", now.listing(started.elapsed()));
            } else {
                let bytes = format!("{} of {}", iec(now.ended_bytes), iec(now.planned_bytes));
                let limit = if now.limit.is_empty() && now.trouble.is_none() {
                    String::new()
                } else {
                    format!("; {}", now.limit())
                };
                let more = if now.still_listing { format!("; {}", now.listing(started.elapsed())) } else { limit };
                tracing::info!(target: TARGET, "{profile}: {}, {bytes} after {elapsed}{more}", now.warming());
            }
        }
    }
}

/// A bar that leaves the screen with its owner, however that ends.
struct Removed {
    bar: ProgressBar,
    bars: MultiProgress,
}

impl Drop for Removed {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        self.bars.remove(&self.bar);
    }
}

/// For logs: each write stands above the bars.
impl Write for Screen {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.bars.suspend(|| io::stderr().write_all(text)).map(|()| text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

struct Figures {
    list_requests: u64,
    listed: u64,
    /// Millionths.
    listed_share: u64,
    planned_objects: u64,
    planned_bytes: u64,
    ended_objects: u64,
    ended_bytes: u64,
    in_flight: u64,
    failed: u64,
    unknown: u64,
    limit: String,
    still_listing: bool,
    /// What keeps answers from coming.
    trouble: Option<String>,
}

impl Figures {
    fn read(progress: &Progress) -> Self {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Self {
            list_requests: of(&progress.list_requests),
            listed: of(&progress.listed),
            listed_share: of(&progress.listed_share),
            planned_objects: of(&progress.planned_objects),
            planned_bytes: of(&progress.planned_bytes),
            ended_objects: of(&progress.ended_objects),
            ended_bytes: of(&progress.ended_bytes),
            in_flight: of(&progress.in_flight),
            failed: of(&progress.failed),
            unknown: of(&progress.unknown),
            limit: progress.limit(),
            still_listing: progress.still_listing.load(Ordering::Relaxed),
            trouble: progress.trouble(),
        }
    }

    fn listing(&self, elapsed: Duration) -> String {
        match &self.trouble {
            Some(trouble) => format!("{trouble}; {}", self.listed(elapsed)),
            None => self.listed(elapsed),
        }
    }

    fn listed(&self, elapsed: Duration) -> String {
        let (objects, requests) = (counted(self.listed, "object"), counted(self.list_requests, "LIST request"));
        let mut text = format!("listing, {objects} by {requests}");
        if let Some(rate) = (u128::from(self.listed) * 1_000).checked_div(elapsed.as_millis()) {
            text = format!("{text}, {} keys/s", count(u64::try_from(rate).unwrap_or(u64::MAX)));
        }
        match self.listed_share / 10_000 {
            0 => text,
            percent => format!("{text}, some {percent} % of the key space"),
        }
    }

    fn warming(&self) -> String {
        let (ended, planned) = (count(self.ended_objects), counted(self.planned_objects, "object"));
        let so_far = if self.still_listing { " so far" } else { "" };
        let mut text = format!("{ended} of {planned}{so_far}, {} in flight", count(self.in_flight));
        for (objects, word) in [(self.failed, "failed"), (self.unknown, "unknown")] {
            if objects > 0 {
                text = format!("{text}, {} {word}", count(objects));
            }
        }
        text
    }

    /// Of all runs through it.
    fn limit(&self) -> String {
        self.trouble.clone().unwrap_or_else(|| format!("endpoint: {}", self.limit))
    }
}

fn listing() -> ProgressStyle {
    style("{spinner} {wide_msg}")
}

/// Three lines, and widths that do not change while it goes on, within 80 columns.
fn warming() -> ProgressStyle {
    style(
        "[{wide_bar}] {percent:>3}%  {binary_bytes:>10} of {binary_total_bytes}  {binary_bytes_per_sec:>12}  \
         ETA {left}\n{msg}\n{prefix}",
    )
    .progress_chars("=> ")
    .with_key("left", |state: &ProgressState, out: &mut dyn fmt::Write| {
        // The screen is as it is.
        let _ = match state.per_sec() < 1.0 {
            true => out.write_str("--:--:--"),
            false => write!(out, "{}", FormattedDuration(state.eta())),
        };
    })
}

fn style(template: &'static str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn without_a_terminal_a_line_is_written_now_and_then() {
        let written = Arc::new(Mutex::new(Vec::new()));
        let lines = written.clone();
        let subscriber = tracing_subscriber::fmt().without_time().with_level(false).with_target(false);
        let subscriber = subscriber.with_ansi(false).with_writer(move || Lines(lines.clone())).finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        let screen = Screen { bars: MultiProgress::new(), terminal: false, quiet: false };
        let progress = Arc::new(Progress::default());
        let work = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            progress.list_requests.store(2, Ordering::Relaxed);
            progress.listed.store(1234, Ordering::Relaxed);
            progress.listed_share.store(421_000, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_secs(15)).await;
            progress.planned_objects.store(1234, Ordering::Relaxed);
            progress.planned_bytes.store(5 << 30, Ordering::Relaxed);
            progress.ended_objects.store(1000, Ordering::Relaxed);
            progress.ended_bytes.store(3 << 30, Ordering::Relaxed);
            progress.in_flight.store(32, Ordering::Relaxed);
            progress.failed.store(3, Ordering::Relaxed);
            progress.show_limit("96 of 300 in flight, holding: throttled 12 s ago at 120".to_owned());
            tokio::time::sleep(Duration::from_secs(20)).await;
        };
        screen.watch("nightly", &progress, work).await;
        let written = String::from_utf8(written.lock().unwrap().clone()).unwrap();
        insta::assert_snapshot!(written, @r"
        nightly: listing, 1,234 objects by 2 LIST requests, 82 keys/s, some 42 % of the key space after 15.0s
        nightly: 1,000 of 1,234 objects, 32 in flight, 3 failed, 3.0 GiB of 5.0 GiB after 30.0s; endpoint: 96 of 300 in flight, holding: throttled 12 s ago at 120
        ");
    }

    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            Write::write(&mut *self.0.lock().unwrap(), text)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
