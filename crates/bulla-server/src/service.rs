//! Answers requests over stores, whatever carries them: no word of HTTP in here.

mod feed;
mod found;
mod gate;
mod list;
mod pages;
mod paths;
mod post;
mod put;
mod rights;
mod settings;
mod verify;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bulla_core::cbor::{Decode, Encode};
use bulla_core::{NodeId, SpaceId, Verifier};
use bulla_identity::{NodeKeys, Randomness};
use bulla_store::{Clock, ContentAddressedStore, Context, HopPath, Spaces, StoreError};
use bulla_wire::capabilities::NodeLimits;
use bulla_wire::has::{HasAnswer, HasRequest};
use bulla_wire::limits::{MAX_MAILBOX_BODY_BYTES, MAX_MESSAGE_BYTES, MAX_SUMMARY_BYTES};
use bulla_wire::route::SpaceRoute;
use bulla_wire::status::StatusAnswer;
use bulla_wire::summary::{SummaryAnswer, SummaryMessage};
use bulla_wire::{Capabilities, Route, WireError, codes, mailbox};
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::access::{Access, Rights};
use crate::body::Pieces;
use crate::errors;
use crate::login::Logins;
use crate::tokens::{Session, TOKEN_BYTES};
use gate::Gate;
use paths::Paths;
use post::Post;
use rights::Right;
use verify::VerifyPool;

pub use post::MailboxSettings;
pub use settings::ServiceSettings;

/// What a service is made of.
#[derive(Debug)]
pub struct Components {
    /// The node's key: it proves itself with it and signs what it acknowledges.
    pub keys: Arc<NodeKeys>,
    /// Where the stores come from.
    pub spaces: Arc<dyn Spaces>,
    /// Who may do what.
    pub access: Arc<dyn Access>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Random bytes.
    pub randomness: Arc<dyn Randomness>,
}

/// A service could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// A setting cannot work. *Fix the configuration.*
    #[error(transparent)]
    Setting(#[from] crate::settings::SettingError),
    /// The operating system gave no random bytes.
    #[error(transparent)]
    Randomness(#[from] bulla_identity::RandomnessError),
}

/// Stores served to peers that prove themselves.
///
/// Every request goes the same way: token, hop path, the peer's rights in the space *as they are now*, then the store.
/// A space that is unknown and one that this peer may not use give the same answer, to the byte.
#[derive(Debug)]
pub struct Service {
    keys: Arc<NodeKeys>,
    spaces: Arc<dyn Spaces>,
    access: Arc<dyn Access>,
    clock: Arc<dyn Clock>,
    logins: Logins,
    verify: VerifyPool,
    /// Requests that hold pages or batches in memory.
    heavy: Arc<Gate>,
    /// Bodies of those who have no right, which are read to see whether they bring a space.
    founding: Arc<Gate>,
    feeds: Arc<Gate>,
    feed_paths: Arc<Paths>,
    /// None where the operator offers no mailboxes.
    post: Option<Post>,
    limits: NodeLimits,
    settings: ServiceSettings,
}

/// What came with a request besides its body. `Debug` says only whether there was a token.
#[derive(Clone, Default)]
pub struct Call {
    /// The token, if there was one.
    pub token: Option<[u8; TOKEN_BYTES]>,
    /// The nodes the request passed, first to last.
    pub hops: Vec<NodeId>,
    /// How long the client still waits, in milliseconds.
    pub deadline_ms: Option<u64>,
    /// Names the request in logs.
    pub request_id: String,
    /// Cancelled when the node is about to stop.
    pub stopping: CancellationToken,
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { token, hops, deadline_ms, request_id, stopping: _ } = self;
        f.debug_struct("Call")
            .field("has_token", &token.is_some())
            .field("hops", hops)
            .field("deadline_ms", deadline_ms)
            .field("request_id", request_id)
            .finish_non_exhaustive()
    }
}

/// The body of a request, as it arrives.
#[async_trait]
pub trait BodySource: Send {
    /// The next piece; `None` at the end.
    ///
    /// # Errors
    ///
    /// A [`WireError`] to be given to the client.
    async fn piece(&mut self) -> Result<Option<Bytes>, WireError>;
}

/// The answer to a request.
pub enum Answer {
    /// One item.
    Message(Bytes),
    /// One item that may be long, handed out as the peer takes it.
    Large(Pieces),
    /// A sequence of items, made as the peer takes them.
    Sequence(Pieces),
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Message(bytes) => write!(f, "Message({} bytes)", bytes.len()),
            Self::Large(_) => f.write_str("Large"),
            Self::Sequence(_) => f.write_str("Sequence"),
        }
    }
}

/// A request whose sender is known.
#[derive(Debug, Clone)]
struct Asker {
    session: Session,
    hops: HopPath,
    cx: Context,
    stopping: CancellationToken,
}

impl Service {
    /// A service. It answers logins only after [`set_origins`](Self::set_origins).
    ///
    /// # Errors
    ///
    /// [`ServiceError`].
    pub fn new(
        components: Components,
        settings: ServiceSettings,
    ) -> Result<Arc<Self>, ServiceError> {
        settings.check()?;
        let Components { keys, spaces, access, clock, randomness } = components;
        let mut seed = [0; 32];
        randomness.fill(&mut seed)?;
        let patience = Duration::from_millis(settings.patience_ms);
        let (node, mailbox_clock) = (keys.node_id(), Arc::clone(&clock));
        let logins = Logins::new(
            Arc::clone(&keys),
            Arc::clone(&access),
            Arc::clone(&clock),
            randomness,
            Duration::from_millis(settings.token_lifetime_ms),
            settings.max_sessions,
        );
        Ok(Arc::new(Self {
            keys,
            spaces,
            access,
            clock,
            logins,
            verify: VerifyPool::new(Verifier::new(seed), settings.verify_threads),
            heavy: Gate::new(settings.max_heavy, settings.max_heavy_per_peer, patience),
            founding: Gate::new(MAX_FOUNDING, 1, patience),
            feeds: Gate::new(settings.max_feeds, settings.max_feeds_per_peer, patience),
            feed_paths: Paths::new(settings.max_feed_paths_per_peer),
            post: Post::new(settings.mailbox, node, mailbox_clock),
            limits: settings.limits(),
            settings,
        }))
    }

    /// Names the addresses by which clients reach this node, such as `https://node.example:7440`; others cannot log in.
    pub fn set_origins(&self, origins: Vec<String>) {
        self.logins.set_origins(origins);
    }

    /// The key this node is known by.
    #[must_use]
    pub fn node_id(&self) -> NodeId {
        self.keys.node_id()
    }

    /// Whether there is such a request here: without mailboxes none about them, as if nobody knew the paths (WIRE-42).
    #[must_use]
    pub const fn offers(&self, route: &Route) -> bool {
        self.post.is_some() || !route.is_mailbox()
    }

    /// The longest body a request may have, in bytes.
    #[must_use]
    pub fn body_limit(&self, route: &Route) -> u64 {
        let message = MAX_MESSAGE_BYTES as u64;
        match route {
            Route::Capabilities | Route::Spaces { .. } => 0,
            Route::LoginChallenge | Route::Login => LOGIN_BYTES,
            Route::MailboxOpen | Route::Mailbox => MAX_MAILBOX_BODY_BYTES as u64,
            Route::Feed => message,
            Route::Space(_, route) => match route {
                SpaceRoute::Head | SpaceRoute::Status => 0,
                SpaceRoute::Get | SpaceRoute::Has | SpaceRoute::Summary => message,
                // The framing of an entry is far below this in either form.
                SpaceRoute::Put => {
                    self.limits.put_bytes + self.limits.put_entries * FRAMING_BYTES + FRAMING_BYTES
                }
                SpaceRoute::Scan => MAX_SUMMARY_BYTES as u64,
            },
        }
    }

    /// Answers a request.
    ///
    /// # Errors
    ///
    /// A [`WireError`], which is the answer.
    pub async fn answer(
        &self,
        route: Route,
        call: Call,
        body: &mut dyn BodySource,
    ) -> Result<Answer, WireError> {
        match route {
            Route::Capabilities => Ok(message(&self.capabilities())),
            Route::LoginChallenge => {
                let request = read(body, LOGIN_BYTES).await?;
                Ok(message(&self.logins.challenge(request)?))
            }
            Route::Login => {
                let request = read(body, LOGIN_BYTES).await?;
                Ok(message(&self.logins.login(request)?))
            }
            Route::Spaces { after } => {
                let asker = self.asker(call)?;
                self.in_time(&asker, self.list(&asker, after)).await
            }
            Route::MailboxOpen => self.open_mailbox(call, body).await,
            Route::Mailbox => self.ask_mailbox(&call, body).await,
            Route::Feed => {
                let asker = self.asker(call)?;
                let request = read(body, self.body_limit(&route)).await?;
                self.feed(asker, request)
            }
            Route::Space(space, space_route) => {
                let asker = self.asker(call)?;
                self.in_time(&asker, self.about_space(&asker, space, space_route, body)).await
            }
        }
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::new(self.node_id());
        capabilities.limits = self.limits;
        if self.post.is_some() {
            capabilities.features.push(mailbox::FEATURE);
        }
        capabilities
    }

    /// Finds out who asks, and refuses what has come round in a circle before anything else is done for it (HOP-3).
    fn asker(&self, call: Call) -> Result<Asker, WireError> {
        let session = call.token.as_ref().and_then(|token| self.logins.session(token));
        let session = session.ok_or_else(|| errors::of_code(codes::TOKEN))?;
        let hops = HopPath::new(call.hops).ok_or_else(|| errors::of_code(codes::HOP_PATH))?;
        // The path that goes on from here; a store that is a proxy adds this node itself.
        hops.through(self.node_id()).map_err(|error| errors::of_store(&error))?;
        let longest = Duration::from_millis(self.settings.request_timeout_ms);
        let wait = call.deadline_ms.map_or(longest, |ms| Duration::from_millis(ms).min(longest));
        let cx = Context {
            hops: hops.clone(),
            deadline: Some(self.clock.monotonic() + wait),
            request_id: call.request_id,
            span: tracing::Span::current(),
        };
        Ok(Asker { session, hops, cx, stopping: call.stopping })
    }

    /// Mailboxes are opened by those who may log in, so that strangers do not fill the places (PAIR-44); whether this one
    /// still may is asked now.
    async fn open_mailbox(
        &self,
        call: Call,
        body: &mut dyn BodySource,
    ) -> Result<Answer, WireError> {
        let post = self.post.as_ref().ok_or_else(|| errors::of_code(codes::ROUTE))?;
        let asker = self.asker(call)?;
        if !self.access.is_known(&asker.session.peer) {
            return Err(errors::of_code(codes::LOGIN_REFUSED));
        }
        if !asker.hops.nodes().is_empty() {
            return Err(errors::of_code(codes::HOP_PATH));
        }
        let open = read(body, MAX_MAILBOX_BODY_BYTES as u64).await?;
        Ok(message(&post.open(asker.session.peer, &open)?))
    }

    /// For whoever holds the key of a mailbox. A token is not looked at: who asks shall not be known.
    async fn ask_mailbox(
        &self,
        call: &Call,
        body: &mut dyn BodySource,
    ) -> Result<Answer, WireError> {
        let post = self.post.as_ref().ok_or_else(|| errors::of_code(codes::ROUTE))?;
        if !call.hops.is_empty() {
            return Err(errors::of_code(codes::HOP_PATH));
        }
        let call = read(body, MAX_MAILBOX_BODY_BYTES as u64).await?;
        Ok(message(&post.ask(&call)?))
    }

    async fn in_time(
        &self,
        asker: &Asker,
        work: impl Future<Output = Result<Answer, WireError>> + Send,
    ) -> Result<Answer, WireError> {
        let deadline = asker.cx.deadline.unwrap_or(Duration::MAX);
        let left = deadline.saturating_sub(self.clock.monotonic());
        let late = |_| errors::of_store(&StoreError::Deadline);
        tokio::time::timeout(left, work).await.map_err(late)?
    }

    /// The store of a space. Who may write finds it made if it was not there: the first device of a new space comes
    /// to a node that has never heard of it.
    async fn store(
        &self,
        asker: &Asker,
        space: SpaceId,
        rights: Rights,
    ) -> Result<Arc<dyn ContentAddressedStore>, WireError> {
        let opened = match self.spaces.open(&asker.cx, space).await {
            Err(StoreError::NotServed(_)) if rights.write => {
                self.spaces.create(&asker.cx, space).await
            }
            opened => opened,
        };
        opened.map_err(|error| errors::of_store(&error))
    }

    async fn about_space(
        &self,
        asker: &Asker,
        space: SpaceId,
        route: SpaceRoute,
        body: &mut dyn BodySource,
    ) -> Result<Answer, WireError> {
        if route == SpaceRoute::Put && self.may_found(asker, space) {
            return self.found(asker, space, body).await;
        }
        let right = match route {
            SpaceRoute::Put => Right::Write,
            SpaceRoute::Head | SpaceRoute::Has | SpaceRoute::Status => Right::Any,
            SpaceRoute::Get | SpaceRoute::Scan | SpaceRoute::Summary => Right::Read,
        };
        let rights = self.may(asker, space, right)?;
        let store = self.store(asker, space, rights).await?;
        let cx = &asker.cx;
        let limit = self.body_limit(&Route::Space(space, route));
        let answer = match route {
            SpaceRoute::Head => store.head(cx).await.map(|head| message(&head)),
            SpaceRoute::Status => {
                store.status(cx).await.map(|status| message(&StatusAnswer(status)))
            }
            SpaceRoute::Has => {
                let HasRequest { ids } = read(body, limit).await?;
                self.check_ids(ids.len())?;
                store.has(cx, &ids).await.map(|presence| message(&HasAnswer { presence }))
            }
            SpaceRoute::Summary => {
                let pass = self.enter(asker).await?;
                let SummaryMessage(request) = read(body, limit).await?;
                let summary = store.summary(cx, request).await;
                let check = self.recheck(asker, space, right);
                summary.map(|summary| pages::large(&SummaryAnswer(summary), pass, check))
            }
            SpaceRoute::Put => return self.put(asker, space, store, body).await,
            // A place comes first: what a request brings lies in memory as well as its answer, 32 MiB for a scan.
            SpaceRoute::Get => {
                let pass = self.enter(asker).await?;
                return self.get(asker, space, store, read(body, limit).await?, pass).await;
            }
            SpaceRoute::Scan => {
                let pass = self.enter(asker).await?;
                return self.scan(asker, space, store, read(body, limit).await?, pass).await;
            }
        };
        // What was looked up while the right went is for nobody (NODE-22).
        self.may(asker, space, right)?;
        answer.map_err(|error| errors::of_store(&error))
    }

    fn check_ids(&self, count: usize) -> Result<(), WireError> {
        let most = self.limits.ids_per_request;
        if u64::try_from(count).unwrap_or(u64::MAX) <= most {
            return Ok(());
        }
        Err(errors::of_request(codes::TOO_LARGE, format!("more than {most} ids")))
    }

    /// A place among the requests that hold much in memory.
    async fn enter(&self, asker: &Asker) -> Result<gate::Pass, WireError> {
        self.heavy.enter(asker.session.peer).await.map_err(|gate::Busy| self.busy())
    }

    fn busy(&self) -> WireError {
        let mut error = errors::of_code(codes::BUSY);
        error.retry_after_ms = Some(self.settings.patience_ms);
        error
    }
}

fn message(value: &impl Encode) -> Answer {
    Answer::Message(value.to_cbor().into())
}

/// Reads a body that is one item of at most `most` bytes.
async fn read<T: Decode>(body: &mut dyn BodySource, most: u64) -> Result<T, WireError> {
    let mut bytes = Vec::new();
    while let Some(piece) = body.piece().await? {
        // The transport has its own limit; this one holds whatever the transport is.
        if (bytes.len() + piece.len()) as u64 > most {
            let reason = format!("request body is longer than {most} bytes");
            return Err(errors::of_request(codes::TOO_LARGE, reason));
        }
        bytes.extend_from_slice(&piece);
    }
    T::from_cbor(&bytes).map_err(|error| errors::of_request(error.kind.code(), error.to_string()))
}

/// Bodies read at once of those who have no right: they take no place from anybody else.
const MAX_FOUNDING: usize = 4;
/// Longest body of a login: 256 spaces of 34 bytes and a little more, before anything is known of the sender.
const LOGIN_BYTES: u64 = 16 * 1024;
/// More than an item of a stream adds to header, signature and payload.
const FRAMING_BYTES: u64 = 256;
