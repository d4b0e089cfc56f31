//! Reads an object as a training job would, and measures the time.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::Sim;

/// A whole object read through the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Of the body.
    pub bytes: u64,
    pub took: Duration,
}

impl Sim {
    /// GETs `key`, which must need no escaping, through the cache, unsigned.
    ///
    /// # Errors
    ///
    /// A connection that fails, and any answer but 200.
    pub async fn read(&self, bucket: &str, key: &str) -> io::Result<Reading> {
        let began = Instant::now();
        let mut stream = TcpStream::connect(self.cache_addr()).await?;
        let domain = &self.world.base_domain;
        let request = format!("GET /{key} HTTP/1.1\r\nHost: {bucket}.{domain}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut buffer = vec![0; 256 << 10];
        let mut head = Vec::new();
        let mut bytes = 0;
        loop {
            let n = stream.read(&mut buffer).await?;
            if n == 0 {
                break;
            }
            if bytes > 0 {
                bytes += n as u64;
                continue;
            }
            head.extend_from_slice(&buffer[..n]);
            if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
                bytes = (head.len() - end - 4) as u64;
            }
        }
        if !head.starts_with(b"HTTP/1.1 200") {
            let line = String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned();
            return Err(io::Error::other(format!("read s3://{bucket}/{key}: {line}")));
        }
        Ok(Reading { bytes, took: began.elapsed() })
    }
}
