//! What the kernel takes: HEADs that were written beforehand, one `write` and one `read` each, of 64 connections of one thread.
//! Nothing is signed, and of an answer nothing is looked at but its end. `bare_head ENDPOINT COUNT`

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::{env, net};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().collect();
    let (host, count) = (arguments[1].trim_start_matches("http://"), arguments[2].parse::<u64>()?);
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(64);
    let mut clients = Vec::new();
    let (mut sent, mut answered) = (0, 0);
    let request = format!(
        "HEAD /bench/datasets/imagenet-webdataset-shuffled-train-set-00000000.tar HTTP/1.1\r\n\
         Host: {host}\r\nRange: bytes=0-0\r\n\r\n"
    );
    for token in 0..count.min(64) {
        let client = net::TcpStream::connect(host)?;
        client.set_nodelay(true)?;
        client.set_nonblocking(true)?;
        let mut client = TcpStream::from_std(client);
        poll.registry().register(&mut client, Token(usize::try_from(token)?), Interest::READABLE)?;
        client.write_all(request.as_bytes())?;
        sent += 1;
        clients.push(client);
    }
    let mut answer = [0; 4096];
    while answered < count {
        poll.poll(&mut events, None)?;
        for event in &events {
            let client = &mut clients[event.token().0];
            match client.read(&mut answer) {
                Ok(bytes) if answer[..bytes].ends_with(b"\r\n\r\n") => answered += 1,
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                other => return Err(format!("{other:?} in place of an answer").into()),
            }
            if sent < count {
                client.write_all(request.as_bytes())?;
                sent += 1;
            }
        }
    }
    Ok(())
}
