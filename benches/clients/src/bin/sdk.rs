//! What aws-sdk-s3 takes for the same requests: `sdk head ENDPOINT COUNT`, `sdk list ENDPOINT PAGES`

use std::env;
use std::error::Error;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Config, Credentials, Region};
use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::http::{SharedHttpConnector, http_client_fn};
use futures::{StreamExt, stream};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().collect();
    let (endpoint, count) = (&arguments[2], arguments[3].parse::<u64>()?);
    let client = client(endpoint);
    if arguments[1] == "list" { list(&client, count).await } else { head(&client, count).await }
}

fn client(endpoint: &str) -> Client {
    let connector = SharedHttpConnector::new(Connector::builder().build_http());
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("bench", "bench", None, None, "bench"))
        .force_path_style(true)
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .build();
    Client::from_conf(config)
}

async fn head(client: &Client, count: u64) -> Result<(), Box<dyn Error>> {
    let failed = stream::iter(0..count)
        .map(|number| {
            let key = format!("datasets/imagenet-webdataset-shuffled-train-set-{number:08}.tar");
            let request = client.head_object().bucket("bench").key(key).range("bytes=0-0").send();
            #[expect(clippy::disallowed_methods, reason = "a benchmark's client: nothing outlives it")]
            tokio::spawn(async move { request.await.is_err() })
        })
        .buffer_unordered(64)
        .filter(|failed| std::future::ready(!matches!(failed, Ok(false))))
        .count()
        .await;
    if failed == 0 { Ok(()) } else { Err(format!("{failed} of {count} failed").into()) }
}

async fn list(client: &Client, pages: u64) -> Result<(), Box<dyn Error>> {
    let mut paginator = client.list_objects_v2().bucket("bench").into_paginator().send();
    for _ in 0..pages {
        let Some(page) = paginator.next().await else { break };
        page?;
    }
    Ok(())
}
