//! An S3 server that costs next to nothing, so that a client's own cost shows: it answers at once, from prepared text,
//! and checks nothing.
//!
//!     lean-server KEYS [PAGE_DELAY_MS [counted|hashed|dated]]
//!
//! One bucket, `bench`, path style, with KEYS keys of 60 bytes below one flat prefix. Every HEAD is answered, 206 with a
//! range and 200 without. LIST knows `prefix`, `start-after`, `continuation-token`, `max-keys` and the delimiter `/`.
//! `GET /-/cost` tells what the server itself has spent. It ends when its standard input does.

use std::io::{self, BufRead, Write};
use std::sync::mpsc;
use std::time::Duration;
use std::{env, thread};

mod answers;
mod listing;
mod names;
mod serving;

use answers::Answers;
use listing::Listing;
use mio::net::TcpListener;
use names::Names;

fn main() -> io::Result<()> {
    let mut arguments = env::args().skip(1);
    let mut number = || arguments.next().and_then(|argument| argument.parse::<u64>().ok()).unwrap_or_default();
    let (keys, page_delay) = (number(), number());
    let shape = arguments.next().unwrap_or_else(|| "counted".to_owned());
    let names = Names::of(&shape, keys).ok_or_else(|| io::Error::other(format!("no keys are called {shape}")))?;
    let mut answers = Answers::new(Listing::new(keys, names), Duration::from_millis(page_delay));
    let door = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
    writeln!(io::stdout(), "http://{}", door.local_addr()?)?;
    // What ends first ends the other: whoever started it, or the serving.
    let (over, end) = mpsc::sync_channel(2);
    let served = over.clone();
    thread::spawn(move || {
        let error = serving::serve(door, &mut answers).map_or_else(|error| error, |never| match never {});
        drop(served.send(Err(error)));
    });
    thread::spawn(move || {
        io::stdin().lock().lines().for_each(drop);
        drop(over.send(Ok(())));
    });
    end.recv().unwrap_or(Ok(()))
}
