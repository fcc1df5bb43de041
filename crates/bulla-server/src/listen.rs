//! The accept loop: our own, because what a peer may hold open, and for how long, is decided here.

mod head;
mod pace;
mod places;
mod tls;
mod watched;

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use crate::body::AnswerBody;
use crate::figures::{Counted, Figures};
use crate::settings::HttpSettings;
use places::{Place, Places};
use watched::{Overlap, Phases, Watched};

pub(crate) use head::HeadFault;
pub(crate) use pace::Pace;
pub use tls::{Tls, TlsError, TlsFiles};
pub(crate) use watched::Busy;

/// What answers requests. The API of a node is one, its admin pages are another.
#[async_trait]
pub trait Handler: std::fmt::Debug + Send + Sync + 'static {
    /// Answers one request. It is dropped when the peer goes away.
    async fn handle(&self, request: Request<Incoming>, peer: Peer) -> Response<AnswerBody>;
}

/// Where a request came from, and in what state its head was.
#[derive(Debug)]
pub struct Peer {
    /// The address at the other end.
    pub address: SocketAddr,
    /// Cancelled when the node was told to stop: long answers end.
    pub stopping: CancellationToken,
    pub(crate) verdict: Result<(), HeadFault>,
    pub(crate) settings: Arc<HttpSettings>,
}

/// One address served.
#[derive(Debug)]
pub struct Listener {
    tcp: TcpListener,
    tls: Option<Arc<Tls>>,
    settings: Arc<HttpSettings>,
    handler: Arc<dyn Handler>,
    figures: Arc<Figures>,
}

/// How a listener came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Every request under way was answered.
    Clean,
    /// The drain timeout passed with this many connections open; they were cut.
    Cut(usize),
}

impl Listener {
    /// A listener on a bound socket. Without `tls` it speaks plain HTTP: whether that may be is for the caller to decide.
    pub fn new(
        tcp: TcpListener,
        tls: Option<Arc<Tls>>,
        settings: HttpSettings,
        handler: Arc<dyn Handler>,
    ) -> Self {
        Self { tcp, tls, settings: Arc::new(settings), handler, figures: Figures::new() }
    }

    /// The same, counting its connections there.
    #[must_use]
    pub fn with_figures(mut self, figures: Arc<Figures>) -> Self {
        self.figures = figures;
        self
    }

    /// The address bound, with the port the system chose if none was given.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Serves until `stop` is cancelled; then takes no new connections, closes idle ones, lets requests under way end and
    /// returns.
    pub async fn serve(self, stop: CancellationToken) -> Drained {
        let all = Arc::new(Semaphore::new(self.settings.max_connections));
        let places = Places::new(self.settings.max_connections_per_address);
        let tasks = TaskTracker::new();
        // Separate from `stop`, so that connections can be cut after they were asked to end.
        let cut = CancellationToken::new();
        let mut backoff = ACCEPT_BACKOFF;
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                accepted = accept(&self.tcp, &all) => accepted,
            };
            let (stream, address, permit) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of descriptors, most likely: connections that end will free some.
                    warn!(%error, "cannot accept connections now");
                    tokio::select! {
                        () = stop.cancelled() => break,
                        () = tokio::time::sleep(backoff) => {}
                    }
                    backoff = (backoff * 2).min(ACCEPT_BACKOFF_MOST);
                    continue;
                }
            };
            backoff = ACCEPT_BACKOFF;
            let Some(place) = places.take(address.ip()) else {
                self.figures.refused_connection();
                debug!(peer = %address.ip(), "too many connections from this address");
                continue;
            };
            let connection = Connection {
                address,
                settings: Arc::clone(&self.settings),
                handler: Arc::clone(&self.handler),
                stop: stop.clone(),
                _counted: self.figures.connection(),
                _place: place,
                _permit: permit,
            };
            let (tls, cut) = (self.tls.clone(), cut.clone());
            tasks.spawn(async move {
                tokio::select! {
                    () = connection.run(stream, tls) => {}
                    () = cut.cancelled() => {}
                }
            });
        }
        drop(self.tcp);
        tasks.close();
        if tokio::time::timeout(self.settings.drain_timeout(), tasks.wait()).await.is_ok() {
            return Drained::Clean;
        }
        let left = tasks.len();
        cut.cancel();
        tasks.wait().await;
        Drained::Cut(left)
    }
}

/// Waits for a place first and takes a connection then, so that what cannot be served stays in the system's queue.
async fn accept(
    tcp: &TcpListener,
    all: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(all).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, address) = tcp.accept().await?;
    Ok((stream, address, permit))
}

struct Connection {
    address: SocketAddr,
    settings: Arc<HttpSettings>,
    handler: Arc<dyn Handler>,
    stop: CancellationToken,
    _counted: Counted,
    _place: Place,
    _permit: tokio::sync::OwnedSemaphorePermit,
}

impl Connection {
    async fn run(self, stream: TcpStream, tls: Option<Arc<Tls>>) {
        // Requests are small and answers are written in large pieces; waiting to fill a packet only costs time.
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%error, "connection lost");
            return;
        }
        let ended = match tls {
            None => self.speak(stream, false).await,
            Some(tls) => {
                let handshake = tokio_rustls::TlsAcceptor::from(tls.config()).accept(stream);
                match tokio::time::timeout(self.settings.handshake_timeout(), handshake).await {
                    Ok(Ok(stream)) => {
                        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                        self.speak(stream, is_http2).await
                    }
                    Ok(Err(error)) => {
                        debug!(peer = %self.address.ip(), %error, "TLS handshake failed");
                        return;
                    }
                    Err(_) => {
                        debug!(peer = %self.address.ip(), "TLS handshake took too long");
                        return;
                    }
                }
            }
        };
        if let Err(error) = ended {
            debug!(peer = %self.address.ip(), error = %Chain(&error), "connection ended");
        }
    }

    async fn speak<T>(&self, stream: T, is_http2: bool) -> hyper::Result<()>
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let phases = (!is_http2).then(|| Phases::new(&self.settings));
        let overlap = Overlap::new(&self.settings);
        let io = TokioIo::new(Watched::new(stream, phases.clone(), &self.settings));
        let service = service_fn(|request| {
            let (busy, verdict) = match phases.as_ref().map(Phases::begin) {
                Some((busy, verdict)) => (Some(busy), verdict),
                None => (Some(overlap.begin()), Ok(())),
            };
            let peer = Peer {
                address: self.address,
                stopping: self.stop.clone(),
                verdict,
                settings: Arc::clone(&self.settings),
            };
            let handler = Arc::clone(&self.handler);
            async move {
                let mut response = handler.handle(request, peer).await;
                response.body_mut().hold(busy);
                Ok::<_, std::convert::Infallible>(response)
            }
        });
        let overdue = async {
            match &phases {
                Some(phases) => phases.overdue().await,
                None => overlap.overdue().await,
            }
        };
        let serving = async {
            if is_http2 {
                let mut connection = pin!(self.http2().serve_connection(io, service));
                tokio::select! {
                    ended = connection.as_mut() => return ended,
                    () = self.stop.cancelled() => connection.as_mut().graceful_shutdown(),
                }
                connection.await
            } else {
                let mut connection = pin!(self.http1().serve_connection(io, service));
                tokio::select! {
                    ended = connection.as_mut() => return ended,
                    () = self.stop.cancelled() => connection.as_mut().graceful_shutdown(),
                }
                connection.await
            }
        };
        tokio::select! {
            ended = serving => ended,
            () = overdue => {
                debug!(peer = %self.address.ip(), "no whole request in time");
                Ok(())
            }
        }
    }

    fn http1(&self) -> hyper::server::conn::http1::Builder {
        let mut http1 = hyper::server::conn::http1::Builder::new();
        http1
            // The head and idle limits lie in `Watched`, which can tell them apart.
            .header_read_timeout(None)
            .timer(TokioTimer::new())
            .max_buf_size(WRITE_BUFFER_BYTES.max(self.settings.max_head_bytes))
            .max_header_size(self.settings.max_head_bytes)
            .max_headers(MAX_HEADERS)
            .half_close(false);
        http1
    }

    fn http2(&self) -> hyper::server::conn::http2::Builder<TokioExecutor> {
        let mut http2 = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.settings.http2_max_streams)
            .max_header_list_size(u32::try_from(self.settings.max_head_bytes).unwrap_or(u32::MAX))
            .max_pending_accept_reset_streams(20)
            .max_local_error_reset_streams(Some(128))
            .max_send_buf_size(WRITE_BUFFER_BYTES)
            // A peer that does not answer is gone; one that answers and asks for nothing is sent away by `Overlap`.
            .keep_alive_interval(self.settings.idle_timeout())
            .keep_alive_timeout(self.settings.stall_timeout());
        http2
    }
}

/// An error with its causes, for the log.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn std::error::Error + 'static));

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

const MAX_HEADERS: usize = 64;
const WRITE_BUFFER_BYTES: usize = 256 * 1024;
const ACCEPT_BACKOFF: Duration = Duration::from_millis(10);
const ACCEPT_BACKOFF_MOST: Duration = Duration::from_secs(1);
