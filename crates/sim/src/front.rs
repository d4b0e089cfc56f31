//! Handles a request around the S3 operation: counting, addressing, throttling, faults, fills, delays.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_RANGE, DATE, HOST, HeaderValue, RANGE, RETRY_AFTER};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use s3s::service::S3Service;
use s3s::{Body, S3Error, S3ErrorCode};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::counters::{Arrival, Kind, Side};
use super::faults::Fault;
use super::fill::Wanted;
use super::lota::NoBucket;
use super::s3::{PageLimit, bucket_of};
use super::throttle::{Throttle, TokenBucket};
use super::wire::Wire;
use super::world::World;
use super::{Outage, lean, lock, read};

/// One listener's view of the world.
pub struct Front {
    pub world: Arc<World>,
    pub side: Side,
    pub s3: S3Service,
    pub outage: watch::Receiver<Outage>,
    pub gate: Gate,
}

/// No answer: the connection ends.
#[derive(Debug, thiserror::Error)]
#[error("connection given up on purpose")]
pub struct Hangup;

type Answer = Result<Response<Body>, Hangup>;

/// What the throttle remembers.
pub struct Gate {
    started: Instant,
    tokens: Mutex<TokenBucket>,
    admitted: AtomicUsize,
}

impl Default for Gate {
    fn default() -> Self {
        Self { started: Instant::now(), tokens: Mutex::default(), admitted: AtomicUsize::new(0) }
    }
}

/// A place among the requests in flight.
struct Admitted<'a>(&'a AtomicUsize);

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Gate {
    fn admit(&self, throttle: &Throttle) -> Option<Admitted<'_>> {
        let place = Admitted(&self.admitted);
        let others = self.admitted.fetch_add(1, Ordering::Relaxed);
        let room = throttle.in_flight.is_none_or(|most| others < most);
        let in_time = || {
            let take = |rate| lock(&self.tokens).take(self.started.elapsed(), rate);
            throttle.per_second.is_none_or(take)
        };
        (room && in_time()).then_some(place)
    }
}

impl Front {
    pub async fn serve(&self, request: Request<Incoming>, wire: &Wire) -> Answer {
        let mut open = self.world.ledger.arrived(self.arrival(&request));
        if wire.is_next_reset() {
            wire.reset();
            return Err(Hangup);
        }
        self.not_dead().await;
        let answer = self.answer(request, open.arrival(), wire).await?;
        self.not_dead().await;
        open.answered(answer.status());
        Ok(answer)
    }

    /// Never returns while the endpoint plays dead; what came in then is never answered.
    async fn not_dead(&self) {
        if *self.outage.borrow() != Outage::None {
            std::future::pending::<()>().await;
        }
    }

    fn arrival(&self, request: &Request<Incoming>) -> Arrival {
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let host = header(HOST).unwrap_or_default();
        let path = request.uri().path();
        let path = path.strip_prefix('/').unwrap_or(path);
        let (bucket, key) = match bucket_of(&host, &self.world.base_domain) {
            Some(bucket) => (bucket, path),
            None => path.split_once('/').unwrap_or((path, "")),
        };
        let decoded: Vec<u8> = percent_decode_str(key).collect();
        let range = header(RANGE);
        let kind = kind(request, !bucket.is_empty(), !key.is_empty(), range.is_some());
        Arrival {
            side: self.side,
            kind,
            method: request.method().clone(),
            target: request.uri().path_and_query().map_or_else(String::new, ToString::to_string),
            bucket: (!bucket.is_empty()).then(|| bucket.to_owned()),
            key: (!key.is_empty()).then_some(decoded),
            range,
            host,
        }
    }

    async fn answer(&self, request: Request<Incoming>, arrival: &Arrival, wire: &Wire) -> Answer {
        if let Some(refusal) = self.misaddressed(arrival).await {
            return Ok(refusal);
        }
        let throttle = self.throttle();
        let Some(_place) = self.gate.admit(&throttle) else {
            self.world.ledger.throttled(self.side);
            let mut answer = error(arrival, 503, "SlowDown", "please reduce your request rate");
            retry_after(&mut answer, throttle.retry_after);
            return Ok(answer);
        };
        if let Some(refusal) = self.ill_signed(&request, arrival) {
            return Ok(refusal);
        }
        match self.world.faults.pick(arrival) {
            None => Ok(self.perform(request, arrival).await),
            Some(fault) => self.suffer(fault, request, arrival, wire).await,
        }
    }

    fn throttle(&self) -> Throttle {
        match self.side {
            Side::Cache => self.world.filler.lota().throttle.clone(),
            Side::List => self.world.listing().throttle.clone(),
        }
    }

    /// The cache endpoint knows buckets by host only.
    async fn misaddressed(&self, arrival: &Arrival) -> Option<Response<Body>> {
        let lota = self.world.filler.lota();
        let bucket = arrival.bucket.as_ref().filter(|_| self.side == Side::Cache)?;
        if bucket_of(&arrival.host, &self.world.base_domain).is_none() {
            let message = "path-style requests are not allowed at this endpoint";
            return (!lota.path_style).then(|| error(arrival, 400, "PathStyleRequestNotAllowed", message));
        }
        if read(&self.world.buckets).contains_key(bucket) {
            return None;
        }
        if lota.no_bucket == NoBucket::Stall {
            std::future::pending::<()>().await;
        }
        Some(error(arrival, 404, "NoSuchBucket", "no bucket of this name"))
    }

    /// What the signature check proper does not look at: session tokens and regions.
    fn ill_signed(&self, request: &Request<Incoming>, arrival: &Arrival) -> Option<Response<Body>> {
        let header = |name| request.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let authorization = header(AUTHORIZATION.as_str())?;
        let scope = authorization.split_once("Credential=")?.1.split(',').next()?;
        let mut scope = scope.split('/');
        let (access_key, _date, region) = (scope.next()?, scope.next()?, scope.next()?);
        let known = read(&self.world.credentials);
        let token = known.iter().find(|known| known.access_key == access_key)?.session_token.as_deref();
        if token != header("x-amz-security-token") {
            return Some(error(arrival, 403, "InvalidToken", "the provided token is malformed or otherwise invalid"));
        }
        let buckets = read(&self.world.buckets);
        let wanted = buckets.get(arrival.bucket.as_deref()?)?.region.as_deref()?;
        (wanted != region).then(|| wrong_region(arrival, region, wanted))
    }

    async fn suffer(&self, fault: Fault, mut request: Request<Incoming>, arrival: &Arrival, wire: &Wire) -> Answer {
        let (bucket, key) = (arrival.bucket.as_deref().unwrap_or(""), arrival.key.as_deref().unwrap_or(b""));
        match fault {
            Fault::Status { status, code, retry_after: wait } => {
                let mut answer = error(arrival, status, &code, "a fault was asked for");
                retry_after(&mut answer, wait);
                return Ok(answer);
            }
            Fault::StatusAfterFill { status, code } => {
                self.perform(request, arrival).await;
                return Ok(error(arrival, status, &code, "a fault was asked for"));
            }
            Fault::Raw { status, answer } => {
                wire.replace(answer);
                return Ok(error(arrival, status, "InternalError", "replaced on the wire"));
            }
            Fault::Reset => {
                wire.reset();
                return Err(Hangup);
            }
            Fault::Close => return Err(Hangup),
            Fault::ResetMidFill { after } => {
                tokio::select! {
                    _ = self.perform(request, arrival) => {}
                    () = sleep(after) => {}
                }
                wire.reset();
                return Err(Hangup);
            }
            Fault::Stall => std::future::pending::<()>().await,
            Fault::ResetNext => wire.reset_next(),
            Fault::Slow(wait) => sleep(wait).await,
            Fault::Held(release) => release.cancelled().await,
            Fault::Overwritten => _ = self.world.overwrite(bucket, key),
            Fault::Deleted => _ = self.world.delete(bucket, key),
            Fault::Truncated => _ = self.world.truncate(bucket, key),
            Fault::BarrenPage => return Ok(barren(arrival)),
            Fault::ShortPage(keys) => _ = request.extensions_mut().insert(PageLimit(keys)),
            Fault::CloseIdle { after, reset } => {
                let answer = self.perform(request, arrival).await;
                if reset {
                    wire.reset();
                }
                wire.cut_after(after);
                return Ok(answer);
            }
            Fault::SkewedDate(seconds) => {
                let mut answer = self.perform(request, arrival).await;
                skew(&mut answer, seconds);
                return Ok(answer);
            }
        }
        Ok(self.perform(request, arrival).await)
    }

    /// The operation itself, with the delays of its endpoint and the fill it causes.
    async fn perform(&self, request: Request<Incoming>, arrival: &Arrival) -> Response<Body> {
        if let Some((answer, wanted)) = lean::answer(&self.world, arrival) {
            self.world.filler.warm(&wanted).await;
            return answer;
        }
        let mut request = request.map(Body::from);
        if read(&self.world.credentials).is_empty() {
            // Without keys of its own the simulator cannot check a signature: it believes everybody.
            request.headers_mut().remove(AUTHORIZATION);
        }
        let mut answer = match self.s3.call(request).await {
            Ok(answer) => answer,
            Err(_) => error(arrival, 500, "InternalError", "the simulator could not serve this request"),
        };
        if answer.status() == StatusCode::OK && answer.headers().contains_key(CONTENT_RANGE) {
            *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
        }
        if arrival.method == Method::HEAD && !answer.status().is_success() {
            *answer.body_mut() = Body::empty();
        }
        self.wait(arrival, answer.extensions().get()).await;
        answer
    }

    async fn wait(&self, arrival: &Arrival, wanted: Option<&Wanted>) {
        let listing = self.world.listing();
        let mut delay = Duration::ZERO;
        if self.side == Side::List {
            delay += listing.delay;
        }
        if arrival.kind == Kind::List {
            delay += listing.page_delay;
        }
        if let (Side::Cache, Some(wanted)) = (self.side, wanted) {
            if arrival.kind == Kind::PlainHead {
                delay += self.world.filler.lota().floor;
            } else {
                self.world.filler.warm(wanted).await;
            }
        }
        if !delay.is_zero() {
            sleep(delay).await;
        }
    }
}

fn kind(request: &Request<Incoming>, bucket: bool, key: bool, range: bool) -> Kind {
    let asks = |name: &str| request.uri().query().is_some_and(|query| query.split('&').any(|part| part == name));
    match (request.method(), bucket, key) {
        (&Method::GET, false, _) => Kind::ListBuckets,
        (&Method::GET, true, false) if asks("list-type=2") => Kind::List,
        (&Method::HEAD, true, true) if range => Kind::RangedHead,
        (&Method::HEAD, true, true) => Kind::PlainHead,
        (&Method::GET, true, true) => Kind::Get,
        (&Method::PUT, true, true) => Kind::Put,
        (&Method::DELETE, true, true) => Kind::Delete,
        _ => Kind::Other,
    }
}

/// An S3 error; HEADs get no body.
fn error(arrival: &Arrival, status: u16, code: &str, message: &str) -> Response<Body> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let code = S3ErrorCode::from_bytes(code.as_bytes()).unwrap_or(S3ErrorCode::InternalError);
    let mut error = S3Error::with_message(code, message.to_owned());
    error.set_status_code(status);
    let mut answer = error.to_http_response().unwrap_or_default();
    *answer.status_mut() = status;
    if arrival.method == Method::HEAD {
        *answer.body_mut() = Body::empty();
    }
    answer
}

fn wrong_region(arrival: &Arrival, region: &str, wanted: &str) -> Response<Body> {
    let message =
        format!("the authorization header is malformed; the region '{region}' is wrong; expecting '{wanted}'");
    let mut answer = error(arrival, 400, "AuthorizationHeaderMalformed", &message);
    if let Ok(value) = HeaderValue::from_str(wanted) {
        answer.headers_mut().insert("x-amz-bucket-region", value);
    }
    if arrival.method != Method::HEAD {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>AuthorizationHeaderMalformed</Code>\
             <Message>{message}</Message><Region>{wanted}</Region></Error>"
        );
        *answer.body_mut() = Body::from(body);
    }
    answer
}

fn barren(arrival: &Arrival) -> Response<Body> {
    let asked = arrival.target.split(['?', '&']).find_map(|part| part.strip_prefix("continuation-token="));
    let token = asked.and_then(|token| token.parse::<u64>().ok()).unwrap_or_default() + 1;
    let bucket = arrival.bucket.as_deref().unwrap_or_default();
    Response::new(Body::from(format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult><Name>{bucket}</Name><KeyCount>0</KeyCount>\
         <IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken></ListBucketResult>"
    )))
}

fn retry_after(answer: &mut Response<Body>, wait: Option<Duration>) {
    if let Some(wait) = wait {
        answer.headers_mut().insert(RETRY_AFTER, wait.as_secs().into());
    }
}

fn skew(answer: &mut Response<Body>, seconds: i64) {
    let now = crate::clock::now();
    let date = now + chrono::TimeDelta::seconds(seconds);
    if let Ok(date) = HeaderValue::from_str(&date.format("%a, %d %b %Y %H:%M:%S GMT").to_string()) {
        answer.headers_mut().insert(DATE, date);
    }
}
