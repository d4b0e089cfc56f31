//! Splits a byte stream, in pieces of any length, into lines, and parses each as an entry.

use std::io;

use super::ManifestError;
use super::entry::{Entry, Reader};

/// Bytes of a line: a key of 1,024 bytes, all of them escaped, has some 6,000.
const MAX_LINE_BYTES: usize = 64 << 10;
/// Lines without anything: more of them are no list, and of gzip they cost nothing to write.
const MAX_BLANK: u64 = 1000;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

#[derive(Debug, Default)]
pub(super) struct Lines {
    /// What of the next line is there.
    open: Vec<u8>,
    /// Lines that ended.
    ended: u64,
    blank: u64,
    reader: Reader,
    entries: Vec<Entry>,
    fault: Option<ManifestError>,
}

impl Lines {
    /// The number of the line that is open.
    pub fn line(&self) -> u64 {
        self.ended + 1
    }

    /// What came since the last call.
    pub fn entries(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.entries)
    }

    /// Why nothing more is taken.
    pub fn fault(&mut self) -> Option<ManifestError> {
        self.fault.take()
    }

    /// # Errors
    /// A line that is no entry.
    pub fn take(&mut self, mut bytes: &[u8]) -> Result<(), ManifestError> {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (line, rest) = bytes.split_at(end);
            bytes = &rest[1..];
            if self.open.is_empty() {
                self.end(line)?;
            } else {
                self.keep(line)?;
                let line = std::mem::take(&mut self.open);
                self.end(&line)?;
                // Its room is of use for the next one.
                self.open = line;
                self.open.clear();
            }
        }
        self.keep(bytes)
    }

    /// Takes the end of the bytes for that of the last line.
    pub fn finish(&mut self) -> Result<Vec<Entry>, ManifestError> {
        let line = std::mem::take(&mut self.open);
        if !line.is_empty() {
            self.end(&line)?;
        }
        Ok(self.entries())
    }

    fn keep(&mut self, part: &[u8]) -> Result<(), ManifestError> {
        if self.open.len() + part.len() > MAX_LINE_BYTES {
            return Err(self.wrong(format!("it is longer than {MAX_LINE_BYTES} bytes")));
        }
        self.open.extend_from_slice(part);
        Ok(())
    }

    fn end(&mut self, line: &[u8]) -> Result<(), ManifestError> {
        let first = self.ended == 0;
        let line = line.strip_prefix(BYTE_ORDER_MARK).filter(|_| first).unwrap_or(line).trim_ascii();
        if line.len() > MAX_LINE_BYTES {
            return Err(self.wrong(format!("it is longer than {MAX_LINE_BYTES} bytes")));
        }
        if line.is_empty() {
            self.blank += 1;
            if self.blank > MAX_BLANK {
                return Err(self.wrong(format!("it is empty, as {MAX_BLANK} lines before it are")));
            }
        } else {
            let entry = self.reader.read(line, self.line()).map_err(|why| self.wrong(why))?;
            self.entries.push(entry);
        }
        self.ended += 1;
        Ok(())
    }

    fn wrong(&self, what: String) -> ManifestError {
        ManifestError { line: self.line(), what }
    }
}

/// What a decompressor writes to; a line that is no entry ends it.
impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.take(bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(fault) => {
                let told = io::Error::other(fault.to_string());
                self.fault.get_or_insert(fault);
                Err(told)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
