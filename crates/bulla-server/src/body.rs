//! Bodies in both directions: bounded and paced coming in, streamed with backpressure going out.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tracing::Span;

use crate::figures::{Counted, Figures};
use crate::listen::{Busy, Pace};
use crate::settings::HttpSettings;

/// Why an answer stops in the middle; the connection is cut, so the reader cannot take it for whole.
#[derive(Debug, thiserror::Error)]
#[error("answer cut short")]
pub struct CutShort;

/// Pieces of an answer, made as the peer takes them.
pub type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, CutShort>> + Send>>;

/// The body of an answer.
pub struct AnswerBody {
    content: Content,
    /// Dropped before the last piece is handed out, so that the next request finds the connection idle.
    busy: Option<Busy>,
    account: Option<Account>,
}

/// What an answer counts towards, and the trace it belongs to.
struct Account {
    figures: Arc<Figures>,
    _in_flight: Counted,
    span: Span,
}

enum Content {
    Whole(Option<Bytes>),
    Pieces(Pieces),
}

impl AnswerBody {
    /// All of it at once.
    pub fn whole(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self {
            content: Content::Whole((!bytes.is_empty()).then_some(bytes)),
            busy: None,
            account: None,
        }
    }

    /// Piece by piece.
    #[must_use]
    pub fn pieces(pieces: Pieces) -> Self {
        Self { content: Content::Pieces(pieces), busy: None, account: None }
    }

    /// Until the answer has left, the connection is busy.
    pub(crate) fn hold(&mut self, busy: Option<Busy>) {
        if let Some(busy) = &busy {
            busy.offers();
        }
        self.busy = busy;
    }

    /// Until the answer has left, the request is in flight.
    pub(crate) fn count(&mut self, figures: Arc<Figures>, in_flight: Counted, span: Span) {
        self.account = Some(Account { figures, _in_flight: in_flight, span });
    }
}

impl fmt::Debug for AnswerBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.content {
            Content::Whole(bytes) => {
                write!(f, "AnswerBody({} bytes)", bytes.as_ref().map_or(0, Bytes::len))
            }
            Content::Pieces(_) => f.write_str("AnswerBody(pieces)"),
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = CutShort;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutShort>>> {
        let this = self.get_mut();
        let _entered = this.account.as_ref().map(|account| account.span.enter());
        if let Some(busy) = &this.busy {
            busy.is_asked();
        }
        let (polled, is_last) = match &mut this.content {
            Content::Whole(bytes) => (Poll::Ready(bytes.take().map(Ok)), true),
            Content::Pieces(pieces) => {
                let polled = pieces.as_mut().poll_next(cx);
                let is_last = matches!(polled, Poll::Ready(None));
                (polled, is_last)
            }
        };
        if is_last {
            this.busy = None;
        }
        if let (Some(busy), true) = (&this.busy, polled.is_ready()) {
            busy.offers();
        }
        if let (Some(account), Poll::Ready(Some(Ok(piece)))) = (&this.account, &polled) {
            account.figures.sent(piece.len());
        }
        polled.map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.content, Content::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Content::Pieces(_) => SizeHint::default(),
        }
    }
}

/// Why a request body was not read to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// It is longer than the route allows.
    #[error("request body is longer than {0} bytes")]
    TooLarge(u64),
    /// The peer stalls or trickles.
    #[error("request body comes too slowly")]
    TooSlow,
    /// It ends early or is framed wrongly.
    #[error("request body is cut short or badly framed")]
    Broken(#[source] hyper::Error),
}

/// A request body, read in pieces.
#[derive(Debug)]
pub(crate) struct RequestBody {
    incoming: Incoming,
    pace: Pace,
    limit: u64,
    read: u64,
    has_ended: bool,
}

impl RequestBody {
    /// A body, and whether its declared length is within the limit: if it is not, it is refused before a byte of it is
    /// read.
    pub(crate) fn new(
        incoming: Incoming,
        limit: u64,
        settings: &HttpSettings,
    ) -> (Self, Result<(), BodyError>) {
        let is_within = incoming.size_hint().lower() <= limit;
        let has_ended = incoming.is_end_stream();
        let pace = Pace::new(settings.stall_timeout(), settings.min_bytes_per_second);
        let body = Self { incoming, pace, limit, read: 0, has_ended };
        (body, if is_within { Ok(()) } else { Err(BodyError::TooLarge(limit)) })
    }

    /// The next piece, `None` at the end.
    pub(crate) async fn piece(&mut self) -> Result<Option<Bytes>, BodyError> {
        loop {
            if self.has_ended {
                return Ok(None);
            }
            let deadline = self.pace.wait();
            let frame = match tokio::time::timeout_at(deadline, self.incoming.frame()).await {
                Err(_) => return Err(BodyError::TooSlow),
                Ok(None) => {
                    self.has_ended = true;
                    return Ok(None);
                }
                Ok(Some(Err(error))) => return Err(BodyError::Broken(error)),
                Ok(Some(Ok(frame))) => frame,
            };
            // Trailers carry nothing here.
            let Ok(bytes) = frame.into_data() else { continue };
            self.pace.moved(bytes.len()).map_err(|_| BodyError::TooSlow)?;
            self.read = self.read.saturating_add(bytes.len() as u64);
            if self.read > self.limit {
                return Err(BodyError::TooLarge(self.limit));
            }
            self.has_ended = self.incoming.is_end_stream();
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
        }
    }

    /// Whether the connection can carry another request: nothing of this body is left on it.
    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended
    }
}
