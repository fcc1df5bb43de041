//! The change feed: the newest heads of many spaces over one connection (FEED-1 to FEED-8).

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bulla_core::SpaceId;
use bulla_core::cbor::Encode;
use bulla_core::values::Head;
use bulla_store::{Clock, Context, HeadStream, Spaces, StoreError};
use bulla_wire::feed::{FeedItem, FeedRequest};
use bulla_wire::{WireError, codes};
use bytes::Bytes;
use futures_util::stream::{self, AbortHandle, SelectAll};
use futures_util::{Stream, StreamExt};
use tokio::sync::watch;
use tokio::time::Instant;

use super::gate::{self, Pass};
use super::paths::OnPath;
use super::rights::{self, Right};
use super::{Answer, Asker, Service};
use crate::access::{Access, Rights};
use crate::body::CutShort;
use crate::errors;

/// What the store of a space says, or that it says nothing any more.
type Event = (SpaceId, Option<Result<Head, StoreError>>);

struct Feed {
    asker: Asker,
    access: Arc<dyn Access>,
    clock: Arc<dyn Clock>,
    changes: watch::Receiver<u64>,
    heartbeat: Duration,
    /// The spaces that are not over, each with the handle that drops its watch.
    live: BTreeMap<SpaceId, AbortHandle>,
    events: SelectAll<Pin<Box<dyn Stream<Item = Event> + Send>>>,
    /// Spaces that are over and were not told yet.
    over: Vec<(SpaceId, WireError)>,
    last_item: Instant,
    is_over: bool,
    _pass: Pass,
    _path: OnPath,
}

impl Service {
    /// Begins a feed. The stores are opened while it runs, so that a slow one does not hold up the others.
    pub(super) fn feed(&self, asker: Asker, request: FeedRequest) -> Result<Answer, WireError> {
        let most = self.limits.feed_spaces;
        if request.spaces.len() as u64 > most {
            return Err(errors::of_request(codes::TOO_LARGE, format!("more than {most} spaces")));
        }
        let peer = asker.session.peer;
        let pass = self.feeds.try_enter(peer).map_err(|gate::Busy| self.busy())?;
        let path = self.feed_paths.enter(peer, &asker.hops).map_err(|gate::Busy| self.busy())?;
        // A feed has no end, so the deadline of the request that began it must not end the watches.
        let cx = Context { deadline: None, ..asker.cx.clone() };
        let mut feed = Feed {
            access: Arc::clone(&self.access),
            clock: Arc::clone(&self.clock),
            // Taken before the first look at the rights, so that no change falls in between.
            changes: self.access.changes(),
            heartbeat: Duration::from_millis(request.heartbeat_ms),
            live: BTreeMap::new(),
            events: SelectAll::new(),
            over: Vec::new(),
            last_item: Instant::now(),
            is_over: false,
            _pass: pass,
            _path: path,
            asker,
        };
        for space in request.spaces {
            match self.may(&feed.asker, space, Right::Read) {
                Ok(rights) => feed.follow(Arc::clone(&self.spaces), cx.clone(), space, rights),
                Err(error) => feed.over.push((space, error)),
            }
        }
        let pieces = stream::unfold(feed, |mut feed| async move {
            let item = feed.next().await?;
            Some((Ok::<_, CutShort>(Bytes::from(item.to_cbor())), feed))
        });
        Ok(Answer::Sequence(Box::pin(pieces)))
    }
}

impl Feed {
    fn follow(&mut self, spaces: Arc<dyn Spaces>, cx: Context, space: SpaceId, rights: Rights) {
        let opening = async move {
            let store = match spaces.open(&cx, space).await {
                Err(StoreError::NotServed(_)) if rights.write => spaces.create(&cx, space).await?,
                opened => opened?,
            };
            store.watch(&cx).await
        };
        let heads = stream::once(opening).flat_map(|opened: Result<HeadStream, StoreError>| {
            opened.unwrap_or_else(|error| Box::pin(stream::iter([Err(error)])))
        });
        let events = heads.map(move |head| (space, Some(head)));
        let events = events.chain(stream::iter([(space, None)]));
        let (events, handle) = stream::abortable(events);
        self.live.insert(space, handle);
        self.events.push(Box::pin(events));
    }

    async fn next(&mut self) -> Option<FeedItem> {
        if self.is_over {
            return None;
        }
        let item = self.next_item().await;
        self.last_item = Instant::now();
        self.is_over = matches!(item, FeedItem::Over(_));
        Some(item)
    }

    async fn next_item(&mut self) -> FeedItem {
        loop {
            // Asked before every single item: a feed does not outlive the token it was begun with (A64).
            if self.clock.monotonic() >= self.asker.session.expires {
                return FeedItem::Over(errors::of_code(codes::TOKEN));
            }
            if let Some((space, error)) = self.over.pop() {
                return FeedItem::SpaceOver { space, error };
            }
            if self.live.is_empty() {
                let code = bulla_core::Code::new("space.not_served");
                return FeedItem::Over(errors::of_code(code));
            }
            tokio::select! {
                biased;
                () = self.asker.stopping.cancelled() => {
                    return FeedItem::Over(errors::of_code(codes::DRAINING));
                }
                Ok(()) = self.changes.changed() => self.drop_forbidden(),
                Some(event) = self.events.next() => {
                    if let Some(item) = self.judge(event) {
                        return item;
                    }
                }
                () = tokio::time::sleep_until(self.last_item + self.heartbeat) => {
                    // Rights are gone a moment before it is told that they changed.
                    self.drop_forbidden();
                    if self.over.is_empty() {
                        return FeedItem::Heartbeat;
                    }
                }
            }
        }
    }

    fn judge(&mut self, (space, said): Event) -> Option<FeedItem> {
        if !self.live.contains_key(&space) {
            return None;
        }
        if let Err(error) = self.may_read(space) {
            self.end(space, error);
            return None;
        }
        match said {
            Some(Ok(head)) => Some(FeedItem::Head { space, head, riders: Vec::new() }),
            Some(Err(error)) => {
                self.end(space, errors::of_store(&error));
                None
            }
            None => {
                self.end(space, errors::of_store(&StoreError::NotServed(space)));
                None
            }
        }
    }

    fn drop_forbidden(&mut self) {
        let forbidden = self.live.keys().map(|space| (*space, self.may_read(*space)));
        let forbidden: Vec<_> =
            forbidden.filter_map(|(space, may)| Some((space, may.err()?))).collect();
        for (space, error) in forbidden {
            self.end(space, error);
        }
    }

    /// As for any request: a node that lost only the right to ask for others gets no head for them either.
    fn may_read(&self, space: SpaceId) -> Result<Rights, WireError> {
        rights::may(&*self.access, &self.asker, space, Right::Read)
    }

    fn end(&mut self, space: SpaceId, error: WireError) {
        if let Some(handle) = self.live.remove(&space) {
            handle.abort();
            self.over.push((space, error));
        }
    }
}
