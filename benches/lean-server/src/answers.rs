//! What is answered to a request.

use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use crate::listing::{self, Listing};

pub struct Answers {
    listing: Listing,
    page_delay: Duration,
    /// Made once: an answer must not cost a clock.
    date: String,
    heads: u64,
    pages: u64,
    /// For how long requests were read and answered.
    pub busy: Duration,
}

impl Answers {
    #[expect(clippy::disallowed_methods, reason = "read once, before the first request")]
    pub fn new(listing: Listing, page_delay: Duration) -> Self {
        let date = httpdate::fmt_http_date(SystemTime::now());
        Self { listing, page_delay, date, heads: 0, pages: 0, busy: Duration::ZERO }
    }

    /// Writes the answer to a request, and tells how long it is to be held back.
    pub fn answer(&mut self, head: &str, out: &mut Vec<u8>) -> io::Result<Duration> {
        let mut words = head.split(' ');
        match (words.next(), words.next().unwrap_or_default()) {
            (Some("HEAD"), _) => self.head(head, out)?,
            (_, "/-/cost") => self.reply("application/json", self.cost().as_bytes(), out)?,
            (_, target) if target.contains("list-type=2") => {
                self.pages += 1;
                match self.listing.page(target) {
                    Ok(page) => self.reply("application/xml", &page, out)?,
                    Err(why) => write!(out, "HTTP/1.1 501 {why}\r\nContent-Length: 0\r\n\r\n")?,
                }
                return Ok(self.page_delay);
            }
            (_, target) if target.contains("location") => {
                self.reply("application/xml", b"<LocationConstraint>us-east-1</LocationConstraint>", out)?;
            }
            _ => self.reply("application/xml", listing::BUCKETS.as_bytes(), out)?,
        }
        Ok(Duration::ZERO)
    }

    fn head(&mut self, head: &str, out: &mut Vec<u8>) -> io::Result<()> {
        self.heads += 1;
        let is_ranged = head.contains("bytes=0-0");
        let (status, length, range) = if is_ranged {
            ("206 Partial Content", 1, "Content-Range: bytes 0-0/1048576\r\n")
        } else {
            ("200 OK", 1_048_576, "")
        };
        write!(
            out,
            "HTTP/1.1 {status}\r\nDate: {}\r\nContent-Length: {length}\r\n{range}Accept-Ranges: bytes\r\n\
             ETag: \"{}\"\r\nLast-Modified: Sun, 01 Nov 2026 00:00:00 GMT\r\n\r\n",
            self.date,
            listing::ETAG,
        )
    }

    fn reply(&self, kind: &str, body: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        let (date, length) = (&self.date, body.len());
        write!(out, "HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n")?;
        out.write_all(body)
    }

    /// For how many seconds the server was at work since it began, and what it answered in them.
    fn cost(&self) -> String {
        let Self { heads, pages, .. } = self;
        format!("{{\"busy_s\":{:.3},\"heads\":{heads},\"pages\":{pages}}}", self.busy.as_secs_f64())
    }
}
