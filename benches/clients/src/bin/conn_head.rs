//! The floor without a pool: unsigned ranged HEADs, 64 workers, each with a connection of hyper's to itself, and nothing else.
//! `conn_head ENDPOINT COUNT`

use std::env;
use std::error::Error;

use futures::future::{join, try_join_all};
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

const WORKERS: u64 = 64;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let arguments: Vec<String> = env::args().collect();
    let (host, count) = (arguments[1].trim_start_matches("http://"), arguments[2].parse::<u64>()?);
    try_join_all((0..WORKERS.min(count)).map(|worker| {
        let host = host.to_owned();
        // As hotset's are: one task drives a connection, and the requests on it.
        #[expect(clippy::disallowed_methods, reason = "a benchmark's client: nothing outlives it")]
        let work = tokio::spawn(async move {
            let stream = TcpStream::connect(&host).await?;
            stream.set_nodelay(true)?;
            let (mut sender, connection) = http1::handshake::<_, Empty<Bytes>>(TokioIo::new(stream)).await?;
            let requests = async move {
                for number in (worker..count).step_by(usize::try_from(WORKERS)?) {
                    let key = format!("/bench/datasets/imagenet-webdataset-shuffled-train-set-{number:08}.tar");
                    let request = http::Request::head(key).header("host", &host).header("range", "bytes=0-0");
                    sender.ready().await?;
                    sender.send_request(request.body(Empty::new())?).await?;
                }
                Ok::<_, Box<dyn Error + Send + Sync>>(())
            };
            let (connection, requests) = join(connection, requests).await;
            connection?;
            requests
        });
        async move { work.await? }
    }))
    .await?;
    Ok(())
}
