//! What a run shows of itself while it goes on: a bar on a terminal, a line now and then elsewhere.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytesize::ByteSize;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::time::{Instant, interval};

use crate::report::Progress;

/// How often the bar is drawn.
const DRAW: Duration = Duration::from_millis(100);
/// How often a line is written where there is no terminal.
const LINE: Duration = Duration::from_secs(15);

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
        Self { bars: MultiProgress::new(), terminal: io::stderr().is_terminal(), quiet }
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

    fn clear(&self) {
        if let Err(error) = self.bars.clear() {
            tracing::debug!(%error, "could not clear the progress bar");
        }
    }

    async fn draw(&self, profile: &str, progress: &Progress) {
        let bar = Removed { bar: self.bars.add(ProgressBar::no_length()), bars: self.bars.clone() };
        bar.bar.set_style(listing());
        bar.bar.set_prefix(profile.to_owned());
        let mut warming_since = None;
        let mut tick = interval(DRAW);
        loop {
            tick.tick().await;
            let now = Figures::read(progress);
            if now.planned_objects == 0 {
                bar.bar.set_message(format!("listing: {} objects, {} requests", now.listed, now.list_requests));
            } else {
                if warming_since.is_none() {
                    warming_since = Some(Instant::now());
                    bar.bar.set_style(warming());
                    bar.bar.set_length(now.planned_bytes.max(1));
                    bar.bar.reset_eta();
                }
                bar.bar.set_position(now.ended_bytes);
                bar.bar.set_message(now.text());
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
            let elapsed = humantime::format_duration(Duration::from_secs(started.elapsed().as_secs()));
            let line = if now.planned_objects == 0 {
                format!("{profile}: listing, {} objects, {} requests, {elapsed}", now.listed, now.list_requests)
            } else {
                let bytes = format!("{} of {}", iec(now.ended_bytes), iec(now.planned_bytes));
                format!("{profile}: {}, {bytes}, {elapsed}", now.text())
            };
            if let Err(error) = writeln!(io::stderr(), "{line}") {
                tracing::debug!(%error, "could not write progress");
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
    planned_objects: u64,
    planned_bytes: u64,
    ended_objects: u64,
    ended_bytes: u64,
    in_flight: u64,
    failed: u64,
    unknown: u64,
    silent: Duration,
}

impl Figures {
    fn read(progress: &Progress) -> Self {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Self {
            list_requests: of(&progress.list_requests),
            listed: of(&progress.listed),
            planned_objects: of(&progress.planned_objects),
            planned_bytes: of(&progress.planned_bytes),
            ended_objects: of(&progress.ended_objects),
            ended_bytes: of(&progress.ended_bytes),
            in_flight: of(&progress.in_flight),
            failed: of(&progress.failed),
            unknown: of(&progress.unknown),
            silent: Duration::from_millis(of(&progress.silent_ms)),
        }
    }

    fn text(&self) -> String {
        let mut text = format!("{}/{} objects, {} in flight", self.ended_objects, self.planned_objects, self.in_flight);
        for (count, word) in [(self.failed, "failed"), (self.unknown, "unknown")] {
            if count > 0 {
                text = format!("{text}, {count} {word}");
            }
        }
        if !self.silent.is_zero() {
            text = format!("{text}, no answer for {}s", self.silent.as_secs());
        }
        text
    }
}

fn iec(bytes: u64) -> String {
    ByteSize(bytes).display().iec().to_string()
}

fn listing() -> ProgressStyle {
    style("{prefix} {spinner} {msg}")
}

fn warming() -> ProgressStyle {
    style("{prefix} [{bar:24}] {percent:>3}% {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec}, eta {eta}, {msg}")
        .progress_chars("=> ")
}

fn style(template: &'static str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
