//! Standard error as the bars see it.

use std::io::{self, Write};
use std::sync::Mutex;

use crate::sync;
use console::Term;
use indicatif::TermLike;

/// What is drawn is gathered, and written at once: half a picture flickers.
#[derive(Debug)]
pub struct Terminal {
    real: Term,
    drawn: Mutex<Vec<u8>>,
}

impl Terminal {
    pub fn new() -> Self {
        Self { real: Term::stderr(), drawn: Mutex::default() }
    }

    fn draw(&self, text: &str) -> io::Result<()> {
        sync::lock(&self.drawn).write_all(text.as_bytes())
    }

    /// The cursor, by `n` cells or lines; by none is one to a terminal.
    fn go(&self, n: usize, direction: char) -> io::Result<()> {
        if n == 0 { Ok(()) } else { self.draw(&format!("\x1b[{n}{direction}")) }
    }
}

impl TermLike for Terminal {
    fn width(&self) -> u16 {
        self.real.size().1
    }

    fn height(&self) -> u16 {
        self.real.size().0
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.go(n, 'A')
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.go(n, 'B')
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.go(n, 'C')
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.go(n, 'D')
    }

    fn write_line(&self, line: &str) -> io::Result<()> {
        self.draw(line)?;
        self.draw("\n")
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.draw(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.draw("\r\x1b[2K")
    }

    fn flush(&self) -> io::Result<()> {
        let mut drawn = std::mem::take(&mut *sync::lock(&self.drawn));
        // The bars fill their last line with spaces. The `^C` that the terminal echoes behind a full line would begin another,
        // which nobody clears.
        drawn.truncate(drawn.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1));
        // A terminal that is gone does not end a run.
        let _ = io::stderr().write_all(&drawn);
        Ok(())
    }
}
