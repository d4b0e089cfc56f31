//! A client that keeps hold of its connection, so that tests see what happens to it.

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector as Tcp;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::Sim;

/// One connection to one listener.
pub struct Client {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The texts between `<tag>` and `</tag>`.
    pub fn all(&self, tag: &str) -> Vec<String> {
        let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
        let texts = self.text().split(&open).skip(1);
        texts.map(|rest| rest.split(&close).next().unwrap().to_owned()).collect()
    }
}

impl Client {
    /// To the cache endpoint, under the virtual host of `bucket`.
    pub async fn cache(sim: &Sim, bucket: &str) -> Self {
        let addr = sim.cache_addr();
        Self::connect(addr, format!("{bucket}.localhost:{}", addr.port())).await
    }

    /// To the list endpoint, path style.
    pub async fn list(sim: &Sim) -> Self {
        Self::connect(sim.list_addr(), sim.list_addr().to_string()).await
    }

    pub async fn connect(addr: std::net::SocketAddr, host: String) -> Self {
        let stream = TcpStream::connect(addr).await.unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self { sender, host }
    }

    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, hyper::Error> {
        self.sender.ready().await?;
        let (parts, body) = self.sender.send_request(request).await?.into_parts();
        Ok(Answer { status: parts.status, headers: parts.headers, body: body.collect().await?.to_bytes() })
    }

    pub fn request(&self, method: Method, target: &str) -> http::request::Builder {
        Request::builder().method(method).uri(target).header("host", &self.host)
    }

    pub async fn get(&mut self, target: &str) -> Answer {
        let request = self.request(Method::GET, target).body(Full::default()).unwrap();
        self.send(request).await.unwrap()
    }

    pub async fn head(&mut self, target: &str) -> Answer {
        let request = self.request(Method::HEAD, target).body(Full::default()).unwrap();
        self.send(request).await.unwrap()
    }

    /// The request that fills.
    pub async fn warm(&mut self, target: &str) -> Answer {
        self.try_warm(target).await.unwrap()
    }

    pub async fn try_warm(&mut self, target: &str) -> Result<Answer, hyper::Error> {
        let request = self.request(Method::HEAD, target).header("range", "bytes=0-0").body(Full::default()).unwrap();
        self.send(request).await
    }
}

/// What the SDK sends over in these tests: every host below `localhost` is this machine.
pub fn sdk_http() -> SharedHttpClient {
    let pool = Pool::builder(TokioExecutor::new()).build_http();
    let connector = SharedHttpConnector::new(Loopback(pool));
    http_client_fn(move |_, _| connector.clone())
}

#[derive(Debug, Clone)]
struct Loopback(Pool<Tcp, SdkBody>);

impl HttpConnector for Loopback {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let pool = self.0.clone();
        HttpConnectorFuture::new(async move {
            let mut request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            let authority = request.uri().authority().unwrap().clone();
            request.headers_mut().insert("host", authority.as_str().parse().unwrap());
            let mut parts = request.uri().clone().into_parts();
            parts.authority = Some(format!("127.0.0.1:{}", authority.port_u16().unwrap()).parse().unwrap());
            *request.uri_mut() = parts.try_into().unwrap();
            let answer = pool.request(request).await.map_err(|error| ConnectorError::io(error.into()))?;
            let answer = answer.map(SdkBody::from_body_1_x);
            answer
                .try_into()
                .map_err(|error: aws_smithy_runtime_api::http::HttpError| ConnectorError::other(error.into(), None))
        })
    }
}
