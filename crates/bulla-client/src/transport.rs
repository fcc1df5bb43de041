//! One request and its answer over HTTP, with time limits and bounds, and without redirects.

mod pace;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bulla_core::SpaceId;
use bulla_core::cbor::Decode;
use bulla_store::{Clock, Context, Result, StoreError};
use bulla_wire::headers::{self, CONTENT_CBOR, CONTENT_CBOR_SEQUENCE};
use bulla_wire::limits::MAX_DEADLINE_MS;
use bulla_wire::route::Method;
use bulla_wire::{Route, VersionRange, WireError, codes};
use bytes::{Bytes, BytesMut};
use reqwest::Response;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use tokio::time::Instant;

use self::pace::Pace;
use crate::error::{ANSWER, from_transport, from_wire, peer, unavailable};
use crate::traffic::{Counters, Traffic};
use crate::{ClientSettings, Upstream};

/// Longest body of an error that is read, in bytes.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// Sends requests to one node.
#[derive(Debug)]
pub(crate) struct Transport {
    http: reqwest::Client,
    upstream: Upstream,
    settings: ClientSettings,
    clock: Arc<dyn Clock>,
    counters: Arc<Counters>,
}

/// What a request carries besides its route.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    pub(crate) bytes: Bytes,
    pub(crate) content_type: &'static str,
}

impl Body {
    /// A body that is one item.
    pub(crate) fn item(value: &impl bulla_core::cbor::Encode) -> Self {
        Self { bytes: value.to_cbor().into(), content_type: CONTENT_CBOR }
    }

    /// A body that is a sequence of items.
    pub(crate) const fn sequence(bytes: Bytes) -> Self {
        Self { bytes, content_type: CONTENT_CBOR_SEQUENCE }
    }
}

/// The answer to a request, its head read and found good.
#[derive(Debug)]
pub(crate) struct Answer {
    response: Response,
    pace: Pace,
    deadline: Option<Duration>,
    clock: Arc<dyn Clock>,
    counters: Arc<Counters>,
}

/// An error in answer to a request; kept apart from others because an expired token is tried once more.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The node answered with an error.
    Answered(WireError),
    /// There was no answer, or none that can be read.
    Other(StoreError),
}

impl Failure {
    pub(crate) fn into_store_error(self, space: Option<SpaceId>) -> StoreError {
        match self {
            Self::Answered(error) => from_wire(error, space),
            Self::Other(error) => error,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Other(error)
    }
}

impl Transport {
    pub(crate) fn new(
        http: reqwest::Client,
        upstream: Upstream,
        settings: ClientSettings,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { http, upstream, settings, clock, counters: Arc::default() }
    }

    pub(crate) const fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    pub(crate) const fn settings(&self) -> &ClientSettings {
        &self.settings
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    pub(crate) fn traffic(&self) -> Traffic {
        self.counters.snapshot()
    }

    /// Sends a request and reads the head of its answer. An answer other than 200 with `content_type` is a failure.
    pub(crate) async fn send(
        &self,
        cx: &Context,
        route: &Route,
        body: Option<Body>,
        token: Option<HeaderValue>,
        content_type: &'static str,
    ) -> std::result::Result<Answer, Failure> {
        let url = self.upstream.url(&route.path());
        let mut request = match route.method() {
            Method::Get => self.http.get(url),
            Method::Post => self.http.post(url),
        };
        request = request.header(headers::VERSIONS, VersionRange::OURS.to_string());
        if let Some(token) = token {
            request = request.header(headers::AUTHORIZATION, token);
        }
        if !cx.hops.nodes().is_empty() {
            request = request.header(headers::HOPS, headers::format_hops(cx.hops.nodes()));
        }
        if headers::is_request_id(&cx.request_id) {
            request = request.header(headers::REQUEST_ID, cx.request_id.as_str());
        }
        if let Some(left) = self.left(cx.deadline)? {
            let milliseconds = u64::try_from(left.as_millis()).unwrap_or(MAX_DEADLINE_MS);
            request = request.header(headers::DEADLINE, milliseconds.min(MAX_DEADLINE_MS));
        }
        let request_bytes = body.as_ref().map_or(0, |body| body.bytes.len());
        if let Some(Body { bytes, content_type }) = body {
            request = request.header(CONTENT_TYPE, content_type).body(bytes);
        }
        self.counters.request(request_bytes);
        let within = self.settings.answer_within(request_bytes);
        let response = timed(self.clock(), cx.deadline, within, request.send()).await?;
        let response = response.map_err(|error| from_transport(&error))?;
        let answer = Answer {
            response,
            pace: Pace::new(
                Duration::from_millis(self.settings.idle_read_ms),
                self.settings.slowest_bytes_per_second,
            ),
            deadline: cx.deadline,
            clock: Arc::clone(&self.clock),
            counters: Arc::clone(&self.counters),
        };
        answer.check(content_type).await
    }

    fn left(&self, deadline: Option<Duration>) -> Result<Option<Duration>> {
        let Some(deadline) = deadline else { return Ok(None) };
        let left = deadline.saturating_sub(self.clock.monotonic());
        if left.is_zero() { Err(StoreError::Deadline) } else { Ok(Some(left)) }
    }
}

impl Answer {
    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when the connection breaks, is silent for too long or brings too little,
    /// [`StoreError::Deadline`].
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>> {
        let (since, left) = (Instant::now(), self.pace.left());
        let chunk = self.chunk_within(left).await?;
        self.pace.received(since, chunk.as_ref().map_or(0, Bytes::len));
        Ok(chunk)
    }

    /// What was asked for came; what comes now was asked for by another call, and has its own time.
    pub(crate) const fn begin(&mut self) {
        self.pace.begin();
    }

    /// The next bytes, waited for no longer than this.
    pub(crate) async fn chunk_within(&mut self, within: Duration) -> Result<Option<Bytes>> {
        let next = self.response.chunk();
        let chunk = timed(self.clock.as_ref(), self.deadline, within, next).await?;
        let chunk = chunk.map_err(|error| from_transport(&error))?;
        if let Some(bytes) = &chunk {
            self.counters.received(bytes.len());
        }
        Ok(chunk)
    }

    /// From now on a caller with this deadline waits.
    pub(crate) const fn set_deadline(&mut self, deadline: Option<Duration>) {
        self.deadline = deadline;
    }

    /// The whole body, at most `most` bytes.
    pub(crate) async fn whole(mut self, most: usize) -> Result<Bytes> {
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            if whole.len().saturating_add(chunk.len()) > most {
                return Err(peer(ANSWER, format!("answer is longer than {most} bytes")));
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    /// Accepts 200 with the content type expected, and makes errors of everything else.
    async fn check(self, content_type: &str) -> std::result::Result<Self, Failure> {
        let status = self.response.status().as_u16();
        let actual = self.response.headers().get(CONTENT_TYPE);
        let actual = actual.and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
        match status {
            200 if actual == content_type => return Ok(self),
            200 => {
                let reason = format!("answer has content type {actual:?}, not {content_type}");
                return Err(peer(ANSWER, reason).into());
            }
            300..=399 => {
                let reason = format!("node answers with a redirect ({status})");
                return Err(peer(codes::UPSTREAM_REDIRECT, reason).into());
            }
            _ => {}
        }
        if actual == CONTENT_CBOR {
            let body = self.whole(MAX_ERROR_BYTES).await?;
            if let Ok(error) = WireError::from_cbor(&body) {
                return Err(Failure::Answered(error));
            }
        }
        // Not one of ours: a proxy in between, or something else altogether.
        let reason = format!("answer has status {status} and no error of a node");
        Err(match status {
            408 | 429 | 500..=599 => unavailable(codes::UPSTREAM, reason).into(),
            _ => peer(ANSWER, reason).into(),
        })
    }
}

/// Waits for `future` until the caller's deadline or for `within`, whichever ends first.
pub(crate) async fn timed<F: Future>(
    clock: &dyn Clock,
    deadline: Option<Duration>,
    within: Duration,
    future: F,
) -> Result<F::Output> {
    let left = deadline.map(|deadline| deadline.saturating_sub(clock.monotonic()));
    let wait = left.map_or(within, |left| left.min(within));
    let expired = || match left {
        Some(left) if left <= within => StoreError::Deadline,
        _ => unavailable(
            codes::UPSTREAM_TIMEOUT,
            format!("no answer within {} ms", within.as_millis()),
        ),
    };
    tokio::time::timeout(wait, future).await.map_err(|_| expired())
}

/// Waits for what another call is doing: as long as that takes, and no longer than the own deadline.
pub(crate) async fn until_deadline<F: Future>(
    clock: &dyn Clock,
    deadline: Option<Duration>,
    future: F,
) -> Result<F::Output> {
    match deadline {
        Some(_) => timed(clock, deadline, Duration::MAX, future).await,
        None => Ok(future.await),
    }
}
