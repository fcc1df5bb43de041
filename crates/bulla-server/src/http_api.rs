//! Requests as they come over HTTP, and answers as they go (chapter `wire.md`, WIRE-1 to WIRE-9).

mod rules;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_trait::async_trait;
use bulla_core::Code;
use bulla_core::cbor::Encode;
use bulla_wire::headers::{self, CONTENT_CBOR, CONTENT_CBOR_SEQUENCE};
use bulla_wire::{WireError, codes};
use bytes::Bytes;
use futures_util::FutureExt;
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode, Version, header};
use hyper::body::Incoming;
use tracing::{Instrument, debug, error, info_span};

use crate::body::{AnswerBody, BodyError, RequestBody};
use crate::errors;
use crate::figures::{Figures, route_name};
use crate::listen::{Chain, Handler, Peer};
use crate::service::{Answer, BodySource, Service};
use rules::Asked;

/// Answers HTTP requests with a [`Service`].
#[derive(Debug)]
pub struct HttpApi {
    service: Arc<Service>,
    figures: Arc<Figures>,
}

impl HttpApi {
    /// The HTTP side of a service, which counts what it answers.
    #[must_use]
    pub fn new(service: Arc<Service>, figures: Arc<Figures>) -> Self {
        Self { service, figures }
    }

    async fn respond(&self, asked: Asked, body: &mut Source) -> Result<Answer, WireError> {
        // A request that panics must not take the connections of others with it: the panic ends here. What it may have
        // left half done lies behind locks that are taken again regardless, or in a store, whose commits are whole.
        let answering = self.service.answer(asked.route, asked.call, body);
        let answered = AssertUnwindSafe(answering).catch_unwind().await;
        answered.unwrap_or_else(|panic| {
            let what = panic.downcast_ref::<&str>().copied();
            let what = what.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
            error!(panic = what.unwrap_or("unknown"), "a request panicked");
            self.figures.panicked();
            Err(errors::of_code(Code::new("store.internal")))
        })
    }
}

#[async_trait]
impl Handler for HttpApi {
    async fn handle(&self, request: Request<Incoming>, peer: Peer) -> Response<AnswerBody> {
        let counted = self.figures.request();
        let (head, incoming) = request.into_parts();
        let request_id = rules::request_id(&head.headers);
        let span = info_span!("request", id = %request_id, peer = %peer.address.ip());
        let mut response =
            self.answer(&head, incoming, &request_id, &peer).instrument(span.clone()).await;
        if let Ok(value) = HeaderValue::from_str(&request_id) {
            response.headers_mut().insert(headers::REQUEST_ID, value);
        }
        response.body_mut().count(Arc::clone(&self.figures), counted, span);
        response
    }
}

impl HttpApi {
    async fn answer(
        &self,
        head: &Parts,
        incoming: Incoming,
        request_id: &str,
        peer: &Peer,
    ) -> Response<AnswerBody> {
        let framing = rules::framing(head, peer);
        let is_ambiguous = framing.is_err();
        let mut source = Source::new(incoming, Arc::clone(&self.figures));
        let asked = framing.and_then(|()| {
            rules::asked(head, request_id, peer, |route| self.service.offers(route))
        });
        let route = asked.as_ref().ok().map(|asked| asked.route);
        let answered = match asked {
            Ok(asked) => match source.open(self.service.body_limit(&asked.route), peer) {
                Ok(()) => self.respond(asked, &mut source).await,
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        let mut response = match answered {
            Ok(answer) => success(answer),
            Err(error) => failure(&error),
        };
        if head.version == Version::HTTP_11 && (is_ambiguous || !source.has_ended()) {
            // What follows on the connection must never be taken for a request.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let status = response.status().as_u16();
        self.figures.answered(route.as_ref(), status);
        debug!(route = route.as_ref().map_or("unknown", route_name), status, "answered");
        response
    }
}

fn success(answer: Answer) -> Response<AnswerBody> {
    match answer {
        Answer::Message(bytes) => response(StatusCode::OK, CONTENT_CBOR, AnswerBody::whole(bytes)),
        Answer::Large(pieces) => response(StatusCode::OK, CONTENT_CBOR, AnswerBody::pieces(pieces)),
        Answer::Sequence(pieces) => {
            response(StatusCode::OK, CONTENT_CBOR_SEQUENCE, AnswerBody::pieces(pieces))
        }
    }
}

fn failure(error: &WireError) -> Response<AnswerBody> {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = response(status, CONTENT_CBOR, AnswerBody::whole(error.to_cbor()));
    let fields = response.headers_mut();
    if status == StatusCode::UNAUTHORIZED {
        fields.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(milliseconds) = error.retry_after_ms {
        fields.insert(header::RETRY_AFTER, HeaderValue::from(milliseconds.div_ceil(1000)));
    }
    response
}

fn response(
    status: StatusCode,
    content_type: &'static str,
    body: AnswerBody,
) -> Response<AnswerBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    // Answers are for one peer; no cache on the way may keep them.
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The body of a request, opened once its limit is known.
struct Source {
    incoming: Option<Incoming>,
    body: Option<RequestBody>,
    figures: Arc<Figures>,
}

impl Source {
    fn new(incoming: Incoming, figures: Arc<Figures>) -> Self {
        Self { incoming: Some(incoming), body: None, figures }
    }

    fn open(&mut self, limit: u64, peer: &Peer) -> Result<(), WireError> {
        let Some(incoming) = self.incoming.take() else { return Ok(()) };
        let (body, within) = RequestBody::new(incoming, limit, &peer.settings);
        self.body = Some(body);
        within.map_err(|error| body_error(&error))
    }

    /// Whether the connection can go on after this.
    fn has_ended(&self) -> bool {
        match (&self.body, &self.incoming) {
            (Some(body), _) => body.has_ended(),
            (None, Some(incoming)) => http_body::Body::is_end_stream(incoming),
            (None, None) => true,
        }
    }
}

#[async_trait]
impl BodySource for Source {
    async fn piece(&mut self) -> Result<Option<Bytes>, WireError> {
        let Some(body) = &mut self.body else { return Ok(None) };
        let piece = body.piece().await.map_err(|error| body_error(&error))?;
        self.figures.received(piece.as_ref().map_or(0, Bytes::len));
        Ok(piece)
    }
}

fn body_error(error: &BodyError) -> WireError {
    match error {
        BodyError::TooLarge(_) => errors::of_request(codes::TOO_LARGE, error.to_string()),
        BodyError::TooSlow => errors::of_code(codes::TIMEOUT),
        BodyError::Broken(source) => {
            debug!(error = %Chain(source), "request body broke off");
            errors::of_request(Code::new("wire.truncated"), error.to_string())
        }
    }
}
