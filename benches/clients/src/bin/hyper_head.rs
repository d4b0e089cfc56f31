//! The floor: unsigned ranged HEADs over hyper's pooled client, and nothing else. `hyper_head ENDPOINT COUNT`

use std::env;
use std::error::Error;

use futures::{StreamExt, TryStreamExt, stream};
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let arguments: Vec<String> = env::args().collect();
    let (endpoint, count) = (&arguments[1], arguments[2].parse::<u64>()?);
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<&[u8]>>();
    stream::iter(0..count)
        .map(|number| {
            let key = format!("{endpoint}/bench/datasets/imagenet-webdataset-shuffled-train-set-{number:08}.tar");
            let request = http::Request::head(key).header("range", "bytes=0-0").body(Empty::new());
            let client = client.clone();
            // A task a request, as any client that keeps both cores busy needs.
            #[expect(clippy::disallowed_methods, reason = "a benchmark's client: nothing outlives it")]
            tokio::spawn(async move { client.request(request?).await.map_err(Box::<dyn Error + Send + Sync>::from) })
        })
        .buffer_unordered(64)
        .try_for_each(|answer| async { answer.map_or_else(|error| panic!("{error}"), |_| Ok(())) })
        .await?;
    Ok(())
}
