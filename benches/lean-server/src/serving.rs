//! One thread that serves all connections, and looks for requests for a while before it sleeps.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use crate::answers::Answers;

/// How long it stays awake behind a request. To wake a thread costs the client that does it some microseconds: clients that
/// are faster than the server would find it awake, and be spared what slower ones pay.
const AWAKE: Duration = Duration::from_millis(20);
/// A client's number is never used again.
const DOOR: Token = Token(0);

/// One connection.
struct Client {
    stream: TcpStream,
    /// What has come of requests, and how much of this.
    request: Vec<u8>,
    filled: usize,
    /// What has not been written of answers, behind what has.
    answer: Vec<u8>,
    written: usize,
    /// The answer is to be held back until then.
    due: Option<Instant>,
}

/// Serves for as long as the process lives.
pub fn serve(mut door: TcpListener, answers: &mut Answers) -> io::Result<Infallible> {
    let mut poll = Poll::new()?;
    poll.registry().register(&mut door, DOOR, Interest::READABLE)?;
    let mut events = Events::with_capacity(256);
    let mut clients = HashMap::new();
    let mut held = VecDeque::new();
    let (mut last, mut now) = (DOOR.0, Instant::now());
    let mut used = now;
    loop {
        let next_due = held.front().map(|(due, _): &(Instant, Token)| due.saturating_duration_since(now));
        let sleeps = now - used > AWAKE;
        match poll.poll(&mut events, if sleeps { next_due } else { Some(Duration::ZERO) }) {
            // What there was is left for the next look.
            Err(error) if error.kind() == ErrorKind::Interrupted => events.clear(),
            polled => polled?,
        }
        if sleeps {
            now = Instant::now();
        }
        let mut busy = !events.is_empty();
        for event in &events {
            if event.token() == DOOR {
                while let Some((stream, _)) = now_or_later(door.accept())? {
                    last += 1;
                    clients.insert(Token(last), Client::new(stream, Token(last), &poll)?);
                }
            } else if let Some(client) = clients.get_mut(&event.token()) {
                // A connection that breaks has ended; there is nobody to tell.
                if !client.turn(answers, now).unwrap_or(false) {
                    clients.remove(&event.token());
                } else if let Some(due) = client.due {
                    held.push_back((due, event.token()));
                }
            }
        }
        while let Some((_, token)) = held.pop_front_if(|(due, _)| *due <= now) {
            busy = true;
            if let Some(client) = clients.get_mut(&token) {
                client.due = None;
                if client.flush().is_err() {
                    clients.remove(&token);
                }
            }
        }
        let began = std::mem::replace(&mut now, Instant::now());
        if busy {
            answers.busy += now - began;
            used = now;
        }
    }
}

impl Client {
    fn new(mut stream: TcpStream, token: Token, poll: &Poll) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        poll.registry().register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self { stream, request: vec![0; 16 << 10], filled: 0, answer: Vec::new(), written: 0, due: None })
    }

    /// Reads and writes what there is to be read and written. False at the end of the connection.
    fn turn(&mut self, answers: &mut Answers, now: Instant) -> io::Result<bool> {
        self.flush()?;
        loop {
            let Some(bytes) = now_or_later(self.stream.read(&mut self.request[self.filled..]))? else {
                return Ok(true);
            };
            if bytes == 0 {
                return Ok(false);
            }
            self.filled += bytes;
            while let Some(end) = end_of_head(&self.request[..self.filled]) {
                let delay = answers.answer(&String::from_utf8_lossy(&self.request[..end]), &mut self.answer)?;
                if !delay.is_zero() {
                    self.due = Some(now + delay);
                }
                self.request.copy_within(end..self.filled, 0);
                self.filled -= end;
            }
            self.flush()?;
            // A short read has taken all, and the next bytes bring an event of their own.
            if self.filled < self.request.len() {
                return Ok(true);
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.due.is_none() && self.written < self.answer.len() {
            let Some(bytes) = now_or_later(self.stream.write(&self.answer[self.written..]))? else { return Ok(()) };
            self.written += bytes;
        }
        if self.due.is_none() {
            self.answer.clear();
            self.written = 0;
        }
        Ok(())
    }
}

/// `None` where it would have to be waited for.
fn now_or_later<T>(done: io::Result<T>) -> io::Result<Option<T>> {
    match done {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        done => done.map(Some),
    }
}

fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}
