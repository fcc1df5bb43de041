//! A connection that gives up on a peer who keeps it waiting.
//!
//! hyper reads and writes through this. It knows the phase of the connection from two sides: the bytes that pass, and
//! the request handler that takes a request and finishes its answer. Each phase has its own limit, so that neither a
//! half-sent head, nor an idle connection, nor a reader that takes one byte at a time holds a place for ever (A55).

use std::collections::HashMap;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::head::{HeadFault, HeadScan};
use super::pace::Pace;
use crate::settings::HttpSettings;

/// What the peer may do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// A request head must be complete at this moment.
    Head { until: Instant },
    /// No request is under way; the next must begin by this moment.
    Idle { until: Instant },
    /// A request is being answered.
    Busy,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    scan: HeadScan,
}

/// The phase of one HTTP/1.1 connection, shared between its bytes and its requests.
#[derive(Debug, Clone)]
pub(crate) struct Phases {
    state: Arc<Mutex<State>>,
    settings: Arc<HttpSettings>,
}

impl Phases {
    /// A connection accepted now; its first head is due within the head timeout.
    pub(crate) fn new(settings: &Arc<HttpSettings>) -> Self {
        let phase = Phase::Head { until: Instant::now() + settings.head_timeout() };
        let state = Arc::new(Mutex::new(State { phase, scan: HeadScan::default() }));
        Self { state, settings: Arc::clone(settings) }
    }

    /// A request head is complete; its verdict. The request is under way until the value given is dropped, which must
    /// happen before the last byte of the answer leaves.
    pub(crate) fn begin(&self) -> (Busy, Result<(), HeadFault>) {
        let mut state = self.lock();
        state.phase = Phase::Busy;
        let verdict = state.scan.verdict();
        drop(state);
        (Busy { connection: Connection::One(self.clone()) }, verdict)
    }

    fn end(&self) {
        let mut state = self.lock();
        state.phase = Phase::Idle { until: Instant::now() + self.settings.idle_timeout() };
        state.scan = HeadScan::default();
    }

    /// Takes bytes that arrived.
    fn saw(&self, bytes: &[u8]) {
        let mut state = self.lock();
        if matches!(state.phase, Phase::Idle { .. }) && !bytes.is_empty() {
            state.phase = Phase::Head { until: Instant::now() + self.settings.head_timeout() };
        }
        if matches!(state.phase, Phase::Head { .. }) {
            state.scan.feed(bytes);
        }
    }

    /// Ends when the peer has kept the connection waiting for too long.
    ///
    /// It looks at the clock now and then instead of at every change: hyper does not read while it has nothing to read
    /// for, so a timer inside a read would not always be set.
    pub(crate) async fn overdue(&self) {
        let tick = self.settings.head_timeout().min(self.settings.idle_timeout()) / 4;
        loop {
            let now = Instant::now();
            let wake = match self.lock().phase {
                Phase::Head { until } | Phase::Idle { until } if until <= now => return,
                Phase::Head { until } | Phase::Idle { until } => until.min(now + tick),
                Phase::Busy => now + tick,
            };
            tokio::time::sleep_until(wake).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Plain values: a panic between two assignments leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many requests are under way on one HTTP/2 connection, where they overlap and heads cannot be told from the rest.
#[derive(Debug, Clone)]
pub(crate) struct Overlap {
    state: Arc<Mutex<Overlapping>>,
    settings: Arc<HttpSettings>,
}

#[derive(Debug)]
struct Overlapping {
    /// For each request under way, since when its answer waits for the peer to take it, if it does.
    under_way: HashMap<u64, Option<Instant>>,
    begun: u64,
    /// With none under way: when the next must have come.
    until: Instant,
}

impl Overlap {
    /// A connection accepted now; its first request is due within the head timeout.
    pub(crate) fn new(settings: &Arc<HttpSettings>) -> Self {
        let until = Instant::now() + settings.head_timeout();
        let overlapping = Overlapping { under_way: HashMap::new(), begun: 0, until };
        let state = Arc::new(Mutex::new(overlapping));
        Self { state, settings: Arc::clone(settings) }
    }

    /// A request has come; it is under way until the value given is dropped.
    pub(crate) fn begin(&self) -> Busy {
        let mut state = self.lock();
        let number = state.begun;
        state.begun += 1;
        state.under_way.insert(number, None);
        drop(state);
        Busy { connection: Connection::Many(self.clone(), number) }
    }

    fn waits(&self, number: u64, since: Option<Instant>) {
        self.lock().under_way.insert(number, since);
    }

    fn end(&self, number: u64) {
        let mut state = self.lock();
        state.under_way.remove(&number);
        state.until = Instant::now() + self.settings.idle_timeout();
    }

    /// Ends when the peer has asked for nothing, or left the next piece of an answer where it is, for too long, whatever
    /// else it sends. Bytes that pass on the connection say nothing here: each answer has a window of its own.
    pub(crate) async fn overdue(&self) {
        let tick = self.settings.head_timeout().min(self.settings.idle_timeout()) / 4;
        loop {
            let now = Instant::now();
            let until = {
                let state = self.lock();
                let longest = state.under_way.values().flatten().min();
                let stalled = longest.map(|since| *since + self.settings.stall_timeout());
                if state.under_way.is_empty() { Some(state.until) } else { stalled }
            };
            let wake = match until {
                Some(until) if until <= now => return,
                Some(until) => until.min(now + tick),
                None => now + tick,
            };
            tokio::time::sleep_until(wake).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Overlapping> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request under way.
#[derive(Debug)]
pub(crate) struct Busy {
    connection: Connection,
}

#[derive(Debug)]
enum Connection {
    One(Phases),
    Many(Overlap, u64),
}

impl Busy {
    /// The next piece of the answer is there for the peer to take.
    pub(crate) fn offers(&self) {
        if let Connection::Many(overlap, number) = &self.connection {
            overlap.waits(*number, Some(Instant::now()));
        }
    }

    /// The peer has room for another piece; now it waits for us.
    pub(crate) fn is_asked(&self) {
        if let Connection::Many(overlap, number) = &self.connection {
            overlap.waits(*number, None);
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        match &self.connection {
            Connection::One(phases) => phases.end(),
            Connection::Many(overlap, number) => overlap.end(*number),
        }
    }
}

/// The connection itself, below HTTP and above TLS.
#[derive(Debug)]
pub(crate) struct Watched<T> {
    inner: T,
    /// Absent on HTTP/2, where requests overlap.
    phases: Option<Phases>,
    timer: Timer,
    writes: Pace,
    linger: Option<Linger>,
}

impl<T> Watched<T> {
    pub(crate) fn new(inner: T, phases: Option<Phases>, settings: &HttpSettings) -> Self {
        Self {
            inner,
            phases,
            timer: Timer::default(),
            writes: Pace::new(settings.stall_timeout(), settings.min_bytes_per_second),
            linger: None,
        }
    }

    /// What a write came to, with the pace of the peer taken into account.
    fn judge_write(
        &mut self,
        cx: &mut Context<'_>,
        polled: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match polled {
            Poll::Ready(Ok(bytes)) => match self.writes.moved(bytes) {
                Ok(()) => Poll::Ready(Ok(bytes)),
                Err(slow) => Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, slow))),
            },
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                let deadline = self.writes.wait();
                self.timer
                    .poll(cx, deadline)
                    .map(|()| Err(timed_out("peer takes no bytes of the answer")))
            }
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let polled = Pin::new(&mut this.inner).poll_read(cx, buf);
        if let Some(phases) = &this.phases {
            phases.saw(buf.filled().get(before..).unwrap_or_default());
        }
        polled
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.inner).poll_write(cx, bytes);
        this.judge_write(cx, polled)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.inner).poll_write_vectored(cx, slices);
        this.judge_write(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // TLS keeps bytes of its own, and flushing them waits for the peer as a write does.
        let this = self.get_mut();
        let polled = Pin::new(&mut this.inner).poll_flush(cx).map_ok(|()| 0);
        this.judge_write(cx, polled).map_ok(|_| ())
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.linger.is_none() {
            let polled = Pin::new(&mut this.inner).poll_shutdown(cx).map_ok(|()| 0);
            ready!(this.judge_write(cx, polled))?;
            this.linger = Some(Linger { until: Instant::now() + LINGER, bytes_left: LINGER_BYTES });
        }
        this.poll_linger(cx).map(Ok)
    }
}

impl<T: AsyncRead + Unpin> Watched<T> {
    /// Reads away what the peer still sends. Closing a connection with unread bytes on it resets it, and a reset takes the
    /// answer with it that says what was wrong.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(linger) = &mut self.linger else { return Poll::Ready(()) };
        let mut scratch = [MaybeUninit::uninit(); 4096];
        loop {
            let mut buf = ReadBuf::uninit(&mut scratch);
            match Pin::new(&mut self.inner).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => {
                    let Some(left) = linger.bytes_left.checked_sub(buf.filled().len()) else {
                        return Poll::Ready(());
                    };
                    linger.bytes_left = left;
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return self.timer.poll(cx, linger.until),
            }
        }
    }
}

/// How long the end of a connection is waited for.
#[derive(Debug)]
struct Linger {
    until: Instant,
    bytes_left: usize,
}

/// A timer that is made on first use and moved only when its moment changes.
#[derive(Debug, Default)]
struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Timer {
    fn poll(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if sleep.deadline() != deadline {
            sleep.as_mut().reset(deadline);
        }
        sleep.as_mut().poll(cx)
    }
}

fn timed_out(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}

/// Long enough for a body that is on its way already.
const LINGER: Duration = Duration::from_secs(1);
/// The longest body any route takes, and more.
const LINGER_BYTES: usize = 64 * 1024 * 1024;
