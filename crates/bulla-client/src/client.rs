//! One node as seen from here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bulla_core::cbor::Decode;
use bulla_core::{NodeId, SpaceId};
use bulla_identity::{Initiator, OsRandomness, Randomness, RandomnessError};
use bulla_store::{Clock, Context, Result, StoreError, SystemClock};
use bulla_wire::capabilities::NodeLimits;
use bulla_wire::headers::CONTENT_CBOR;
use bulla_wire::limits::MAX_MESSAGE_BYTES;
use bulla_wire::{Capabilities, Route, VersionRange, WireError, codes};
use tokio::sync::{Mutex, OnceCell};

use crate::acknowledgements::{AcknowledgementSink, NoAcknowledgements};
use crate::address::{AddressRule, AnyAddress, UpstreamError};
use crate::error::{CAPABILITIES, peer, unreadable};
use crate::feed::Feeds;
use crate::login::{Token, log_in};
use crate::transport::{Answer, Body, Failure, Transport, until_deadline};
use crate::verification::Verification;
use crate::{ClientSettings, NetworkStore, Traffic, Upstream};

/// One node as seen from here: connections, login, capabilities. Cheap to clone; all clones share them.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) transport: Transport,
    initiator: Arc<dyn Initiator>,
    randomness: Arc<dyn Randomness>,
    token: Mutex<Option<Token>>,
    capabilities: OnceCell<Capabilities>,
    pub(crate) verification: Verification,
    pub(crate) acknowledgements: Arc<dyn AcknowledgementSink>,
    pub(crate) feeds: Feeds,
    request_prefix: String,
    requests: AtomicU64,
}

/// Why a client could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The address is not allowed.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// Certificates that cannot be read.
    #[error("certificate authorities cannot be read")]
    Authorities(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The TLS stack cannot be set up.
    #[error("client cannot be set up")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The operating system gives no random bytes.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
}

/// Makes a [`Client`].
#[derive(Debug, Clone)]
pub struct ClientBuilder {
    upstream: Upstream,
    initiator: Arc<dyn Initiator>,
    settings: ClientSettings,
    authorities: Vec<u8>,
    addresses: Arc<dyn AddressRule>,
    acknowledgements: Arc<dyn AcknowledgementSink>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
}

impl ClientBuilder {
    /// Waits and sizes other than the defaults.
    #[must_use]
    pub const fn with_settings(mut self, settings: ClientSettings) -> Self {
        self.settings = settings;
        self
    }

    /// Certificate authorities beside those of the system: certificates in PEM, one after the other.
    #[must_use]
    pub fn with_authorities(mut self, pem: &[u8]) -> Self {
        self.authorities.extend_from_slice(pem);
        self.authorities.push(b'\n');
        self
    }

    /// Which addresses may be connected to; every one by default.
    #[must_use]
    pub fn with_addresses(mut self, rule: Arc<dyn AddressRule>) -> Self {
        self.addresses = rule;
        self
    }

    /// Where acknowledgements are kept; nowhere by default.
    #[must_use]
    pub fn with_acknowledgements(mut self, sink: Arc<dyn AcknowledgementSink>) -> Self {
        self.acknowledgements = sink;
        self
    }

    /// Another clock than the system's. Deadlines in a [`Context`] are on its monotonic time.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Another source of random bytes than the system's.
    #[must_use]
    pub fn with_randomness(mut self, randomness: Arc<dyn Randomness>) -> Self {
        self.randomness = randomness;
        self
    }

    /// Makes the client. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`BuildError`].
    pub fn build(self) -> std::result::Result<Client, BuildError> {
        if let Some(ip) = self.upstream.ip_literal()
            && !self.addresses.allows(ip)
        {
            return Err(UpstreamError::Refused(ip).into());
        }
        let http = self.http()?;
        let (mut seed, mut prefix) = ([0; 32], [0; 8]);
        self.randomness.fill(&mut seed)?;
        self.randomness.fill(&mut prefix)?;
        let inner = Inner {
            transport: Transport::new(http, self.upstream, self.settings, self.clock),
            initiator: self.initiator,
            randomness: self.randomness,
            token: Mutex::new(None),
            capabilities: OnceCell::new(),
            verification: Verification::new(seed),
            acknowledgements: self.acknowledgements,
            feeds: Feeds::default(),
            request_prefix: format!("{:016x}", u64::from_le_bytes(prefix)),
            requests: AtomicU64::new(0),
        };
        Ok(Client { inner: Arc::new(inner) })
    }

    fn http(&self) -> std::result::Result<reqwest::Client, BuildError> {
        let milliseconds = Duration::from_millis;
        let mut builder = reqwest::Client::builder()
            .http1_only()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .tcp_nodelay(true)
            .connect_timeout(milliseconds(self.settings.connect_ms))
            .pool_idle_timeout(milliseconds(self.settings.pool_idle_ms))
            .https_only(!self.upstream.is_plain())
            .dns_resolver(self.upstream.resolver(Arc::clone(&self.addresses)));
        if self.upstream.is_plain() {
            // No TLS will be spoken, so the authorities of the system need not be there.
            builder = builder.tls_certs_only([]);
        } else {
            builder = builder.tls_version_min(reqwest::tls::Version::TLS_1_3);
            if !self.authorities.is_empty() {
                let authorities = reqwest::Certificate::from_pem_bundle(&self.authorities)
                    .map_err(|error| BuildError::Authorities(error.into()))?;
                builder = builder.tls_certs_merge(authorities);
            }
        }
        builder.build().map_err(|error| BuildError::Tls(error.into()))
    }
}

impl Client {
    /// A client of the node at `upstream`, which logs in as `initiator`.
    #[must_use]
    pub fn builder(upstream: Upstream, initiator: Arc<dyn Initiator>) -> ClientBuilder {
        ClientBuilder {
            upstream,
            initiator,
            settings: ClientSettings::default(),
            authorities: Vec::new(),
            addresses: Arc::new(AnyAddress),
            acknowledgements: Arc::new(NoAcknowledgements),
            clock: Arc::new(SystemClock::new()),
            randomness: Arc::new(OsRandomness),
        }
    }

    /// The store of a space at this node. Whether the node serves it shows at the first request.
    #[must_use]
    pub fn store(&self, space: SpaceId) -> Arc<NetworkStore> {
        Arc::new(NetworkStore::new(self.clone(), space))
    }

    /// The key the node must prove.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.inner.transport.upstream().node()
    }

    /// Bytes sent and received so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.inner.transport.traffic()
    }

    /// What the node can do: asked once, and known from then on.
    ///
    /// # Errors
    ///
    /// [`StoreError::WrongNode`] when it names another key than the one expected; [`StoreError::Peer`] with
    /// `wire.version` and both ranges when no version is shared, or with `peer.capabilities` when the answer cannot be
    /// read; otherwise as every request. A failure is never taken for an answer; the next call asks again.
    pub async fn capabilities(&self, cx: &Context) -> Result<Capabilities> {
        self.known_capabilities(cx).await.cloned()
    }

    /// The node's limits, as far as they are known; the bounds of the formats before the first request.
    pub(crate) async fn limits(&self, cx: &Context) -> Result<NodeLimits> {
        Ok(self.known_capabilities(cx).await?.limits)
    }

    pub(crate) async fn known_capabilities(&self, cx: &Context) -> Result<&Capabilities> {
        let inner = &self.inner;
        let known = inner.capabilities.get_or_try_init(|| self.fetch_capabilities(cx));
        until_deadline(inner.transport.clock(), cx.deadline, known).await?
    }

    async fn fetch_capabilities(&self, cx: &Context) -> Result<Capabilities> {
        let capabilities = self.read_capabilities(cx).await?;
        let (expected, actual) = (self.node(), capabilities.node);
        if expected != actual {
            return Err(StoreError::WrongNode { expected, actual });
        }
        Ok(capabilities)
    }

    /// What the node says, whoever it says it is.
    pub(crate) async fn read_capabilities(&self, cx: &Context) -> Result<Capabilities> {
        let transport = &self.inner.transport;
        let sent = transport.send(cx, &Route::Capabilities, None, None, CONTENT_CBOR).await;
        let answer = sent.map_err(|failure| match failure {
            Failure::Answered(error) if error.code == codes::VERSION => {
                peer(codes::VERSION, error.printable())
            }
            failure => failure.into_store_error(None),
        })?;
        let bytes = answer.whole(MAX_MESSAGE_BYTES).await?;
        let capabilities = Capabilities::from_cbor(&bytes)
            .map_err(|error| peer(CAPABILITIES, format!("capabilities are malformed: {error}")))?;
        if capabilities.versions.shared_with(VersionRange::OURS).is_none() {
            let error = WireError::no_shared_version(capabilities.versions, VersionRange::OURS);
            return Err(peer(error.code, error.message));
        }
        Ok(capabilities)
    }

    /// Sends a request as a client that has logged in; logs in first when it must, and once more when the token has
    /// expired early.
    pub(crate) async fn request(
        &self,
        cx: &Context,
        route: Route,
        body: Option<Body>,
        content_type: &'static str,
    ) -> Result<Answer> {
        self.known_capabilities(cx).await?;
        let named;
        let cx = if cx.request_id.is_empty() {
            named = self.named(cx);
            &named
        } else {
            cx
        };
        let space = match route {
            Route::Space(space, _) => Some(space),
            _ => None,
        };
        let transport = &self.inner.transport;
        let token = self.token(cx, None).await?;
        let header = Some(token.header.clone());
        let failure = match transport.send(cx, &route, body.clone(), header, content_type).await {
            Ok(answer) => return Ok(answer),
            Err(failure) => failure,
        };
        if !matches!(&failure, Failure::Answered(error) if error.code == codes::TOKEN) {
            return Err(failure.into_store_error(space));
        }
        let token = self.token(cx, Some(&token)).await?;
        let sent = transport.send(cx, &route, body, Some(token.header), content_type).await;
        sent.map_err(|failure| failure.into_store_error(space))
    }

    /// As [`request`](Self::request) for an answer that is one item of at most `most` bytes.
    pub(crate) async fn ask<T: Decode>(
        &self,
        cx: &Context,
        route: Route,
        body: Option<Body>,
        most: usize,
    ) -> Result<T> {
        let answer = self.request(cx, route, body, CONTENT_CBOR).await?;
        let bytes = answer.whole(most).await?;
        T::from_cbor(&bytes).map_err(|error| unreadable(&route.path(), &error))
    }

    /// A token that is good; another one than `refused`. One login at a time, and whoever waits for that of another call
    /// goes by its own deadline.
    async fn token(&self, cx: &Context, refused: Option<&Token>) -> Result<Token> {
        let inner = &self.inner;
        let login = inner.token.lock();
        let mut held = until_deadline(inner.transport.clock(), cx.deadline, login).await?;
        if let Some(token) = held.as_ref()
            && token.good_until > inner.transport.clock().monotonic()
            && refused.is_none_or(|refused| refused.header != token.header)
        {
            return Ok(token.clone());
        }
        *held = None;
        let token =
            log_in(&inner.transport, cx, inner.initiator.as_ref(), inner.randomness.as_ref())
                .await?;
        *held = Some(token.clone());
        Ok(token)
    }

    /// The call with a request id, for one that began here.
    fn named(&self, cx: &Context) -> Context {
        let number = self.inner.requests.fetch_add(1, Ordering::Relaxed);
        let mut cx = cx.clone();
        cx.request_id = format!("{}-{number}", self.inner.request_prefix);
        cx
    }
}
