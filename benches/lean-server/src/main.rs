//! An S3 server that costs next to nothing, so that a client's own cost shows: it answers at once, from prepared text,
//! and checks nothing.
//!
//!     lean-server KEYS [PAGE_DELAY_MS [counted|hashed|dated]]
//!
//! One bucket, `bench`, path style, with KEYS keys of 60 bytes below one flat prefix. Every HEAD is answered, 206 with a
//! range and 200 without. LIST knows `prefix`, `start-after`, `continuation-token`, `max-keys` and the delimiter `/`.
//! `GET /-/cost` tells what the server itself has spent. It ends when its standard input does.

use std::io::{self, BufRead, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};
use std::{env, fs, thread};

mod listing;
mod names;

use listing::Listing;
use names::Names;

struct Server {
    listing: Listing,
    page_delay: Duration,
    /// Made once: an answer must not cost a clock.
    date: String,
    heads: AtomicU64,
    pages: AtomicU64,
}

#[expect(clippy::disallowed_methods, reason = "read once, before the first request")]
fn main() -> io::Result<()> {
    let mut arguments = env::args().skip(1);
    let mut number = || arguments.next().and_then(|argument| argument.parse::<u64>().ok()).unwrap_or_default();
    let (keys, page_delay) = (number(), number());
    let shape = arguments.next().unwrap_or_else(|| "counted".to_owned());
    let names = Names::of(&shape, keys).ok_or_else(|| io::Error::other(format!("no keys are called {shape}")))?;
    let server = Arc::new(Server {
        listing: Listing::new(keys, names),
        page_delay: Duration::from_millis(page_delay),
        date: httpdate::fmt_http_date(SystemTime::now()),
        heads: AtomicU64::default(),
        pages: AtomicU64::default(),
    });
    let listener = TcpListener::bind("127.0.0.1:0")?;
    writeln!(io::stdout(), "http://{}", listener.local_addr()?)?;
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = Arc::clone(&server);
            // A connection that breaks has ended; there is nobody to tell.
            thread::spawn(move || server.serve(client).ok());
        }
    });
    io::stdin().lock().lines().for_each(drop);
    Ok(())
}

impl Server {
    fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        client.set_nodelay(true)?;
        let mut buffer = vec![0; 64 << 10];
        let mut filled = 0;
        loop {
            while let Some(end) = end_of_head(&buffer[..filled]) {
                self.answer(&String::from_utf8_lossy(&buffer[..end]), &mut client)?;
                buffer.copy_within(end..filled, 0);
                filled -= end;
            }
            match client.read(&mut buffer[filled..])? {
                0 => return Ok(()),
                more => filled += more,
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a thread a connection: there is no runtime to block")]
    fn answer(&self, head: &str, client: &mut TcpStream) -> io::Result<()> {
        let mut words = head.split(' ');
        match (words.next(), words.next().unwrap_or_default()) {
            (Some("HEAD"), _) => self.head(head, client),
            (_, "/-/cost") => self.reply("application/json", self.cost().as_bytes(), client),
            (_, target) if target.contains("list-type=2") => {
                thread::sleep(self.page_delay);
                self.pages.fetch_add(1, Ordering::Relaxed);
                match self.listing.page(target) {
                    Ok(page) => self.reply("application/xml", &page, client),
                    Err(why) => write!(client, "HTTP/1.1 501 {why}\r\nContent-Length: 0\r\n\r\n"),
                }
            }
            (_, target) if target.contains("location") => {
                self.reply("application/xml", b"<LocationConstraint>us-east-1</LocationConstraint>", client)
            }
            _ => self.reply("application/xml", listing::BUCKETS.as_bytes(), client),
        }
    }

    fn head(&self, head: &str, client: &mut TcpStream) -> io::Result<()> {
        self.heads.fetch_add(1, Ordering::Relaxed);
        let is_ranged = head.contains("bytes=0-0");
        let (status, length, range) = if is_ranged {
            ("206 Partial Content", 1, "Content-Range: bytes 0-0/1048576\r\n")
        } else {
            ("200 OK", 1_048_576, "")
        };
        let answer = format!(
            "HTTP/1.1 {status}\r\nDate: {}\r\nContent-Length: {length}\r\n{range}Accept-Ranges: bytes\r\n\
             ETag: \"{}\"\r\nLast-Modified: Sun, 01 Nov 2026 00:00:00 GMT\r\n\r\n",
            self.date,
            listing::ETAG,
        );
        client.write_all(answer.as_bytes())
    }

    fn reply(&self, kind: &str, body: &[u8], client: &mut TcpStream) -> io::Result<()> {
        let mut answer = Vec::with_capacity(body.len() + 256);
        write!(
            answer,
            "HTTP/1.1 200 OK\r\nDate: {}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            self.date,
            body.len()
        )?;
        answer.extend_from_slice(body);
        client.write_all(&answer)
    }

    /// Processor seconds of the server since it began, and what it answered with them.
    fn cost(&self) -> String {
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or_default();
        // utime and stime, in hundredths of a second.
        let hundredths = ticks(11) + ticks(12);
        format!(
            "{{\"cpu_s\":{}.{:02},\"heads\":{},\"pages\":{}}}",
            hundredths / 100,
            hundredths % 100,
            self.heads.load(Ordering::Relaxed),
            self.pages.load(Ordering::Relaxed)
        )
    }
}

fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}
