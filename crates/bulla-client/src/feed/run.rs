//! The task behind a feed.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use bulla_core::SpaceId;
use bulla_core::values::Head;
use bulla_store::{Context, Result, StoreError};
use bulla_wire::Route;
use bulla_wire::feed::{FeedDecoder, FeedItem, FeedRequest};
use bulla_wire::headers::CONTENT_CBOR_SEQUENCE;
use bulla_wire::limits::{HEARTBEAT_MS, MAX_FEED_SPACES};
use tokio::sync::{mpsc, watch};

use super::{Command, State, ended};
use crate::Client;
use crate::error::{ANSWER, from_stream, from_wire, peer};
use crate::transport::{Answer, Body};

/// Everybody who watches, by space.
#[derive(Debug, Default)]
struct Watchers {
    spaces: BTreeMap<SpaceId, Vec<watch::Sender<State>>>,
}

impl Watchers {
    fn add(&mut self, space: SpaceId, sender: watch::Sender<State>) {
        self.spaces.entry(space).or_default().push(sender);
    }

    /// Forgets those whose stream was dropped.
    fn sweep(&mut self) {
        self.spaces.retain(|_, watchers| {
            watchers.retain(|watcher| !watcher.is_closed());
            !watchers.is_empty()
        });
    }

    fn head(&self, space: &SpaceId, head: Head) {
        for watcher in self.spaces.get(space).into_iter().flatten() {
            watcher.send_if_modified(|state| {
                let is_new = !matches!(state, Some(Ok(known)) if *known == head);
                if is_new {
                    *state = Some(Ok(head));
                }
                is_new
            });
        }
    }

    fn end_space(&mut self, space: &SpaceId, error: &StoreError) {
        for watcher in self.spaces.remove(space).into_iter().flatten() {
            watcher.send_replace(Some(Err(error.clone())));
        }
    }

    /// A feed carries so many spaces and no more: those beyond are told.
    fn end_beyond(&mut self, most: usize) {
        let beyond: Vec<SpaceId> = self.spaces.keys().copied().skip(most).collect();
        let reason = format!("one feed of this node carries {most} spaces");
        let error = StoreError::request("request.too_large", reason);
        beyond.iter().for_each(|space| self.end_space(space, &error));
    }

    fn end(&mut self, error: &StoreError) {
        let spaces: Vec<SpaceId> = self.spaces.keys().copied().collect();
        spaces.iter().for_each(|space| self.end_space(space, error));
    }
}

/// Why reading stopped.
enum Stop {
    /// Somebody watches another space: ask again with all of them.
    Reopen,
    /// Nobody watches any more.
    Idle,
}

/// Serves watchers until none is left, or until the feed breaks.
pub(super) async fn run(
    client: Client,
    cx: Context,
    mut commands: mpsc::UnboundedReceiver<Command>,
) {
    let mut watchers = Watchers::default();
    loop {
        let served = serve(&client, &cx, &mut commands, &mut watchers).await;
        let feeds = &client.inner.feeds;
        // Commands are sent under this lock: whoever comes after it is released starts a feed anew.
        let mut open = feeds.open.lock().unwrap_or_else(PoisonError::into_inner);
        let has_new = take_commands(&mut commands, &mut watchers);
        if served.is_ok() && has_new {
            continue;
        }
        open.remove(cx.hops.nodes());
        drop(open);
        watchers.end(&served.err().unwrap_or_else(ended));
        return;
    }
}

/// Until nobody watches.
async fn serve(
    client: &Client,
    cx: &Context,
    commands: &mut mpsc::UnboundedReceiver<Command>,
    watchers: &mut Watchers,
) -> Result<()> {
    let silence = client.inner.transport.settings().feed_silence_ms;
    loop {
        take_commands(commands, watchers);
        watchers.sweep();
        if watchers.spaces.is_empty() {
            return Ok(());
        }
        let limits = client.limits(cx).await?;
        let most = usize::try_from(limits.feed_spaces).unwrap_or(MAX_FEED_SPACES);
        watchers.end_beyond(most);
        let spaces: Vec<SpaceId> = watchers.spaces.keys().copied().collect();
        let heartbeat_ms = (silence / 3).clamp(*HEARTBEAT_MS.start(), *HEARTBEAT_MS.end());
        let request = FeedRequest { spaces, heartbeat_ms, rider_bytes: 0 };
        let body = Some(Body::item(&request));
        let answer = client.request(cx, Route::Feed, body, CONTENT_CBOR_SEQUENCE).await?;
        match read(answer, Duration::from_millis(silence), commands, watchers).await? {
            Stop::Reopen => {}
            Stop::Idle => return Ok(()),
        }
    }
}

/// All commands that wait; whether a space is to be added.
fn take_commands(commands: &mut mpsc::UnboundedReceiver<Command>, watchers: &mut Watchers) -> bool {
    let mut has_new = false;
    while let Ok(command) = commands.try_recv() {
        if let Command::Watch(space, sender) = command {
            watchers.add(space, sender);
            has_new = true;
        }
    }
    has_new
}

async fn read(
    mut answer: Answer,
    silence: Duration,
    commands: &mut mpsc::UnboundedReceiver<Command>,
    watchers: &mut Watchers,
) -> Result<Stop> {
    let mut decoder = FeedDecoder::new();
    loop {
        while let Some(item) = next_item(&mut decoder)? {
            take_item(item, watchers)?;
        }
        tokio::select! {
            chunk = answer.chunk_within(silence) => match chunk? {
                Some(chunk) => decoder.push(&chunk),
                None => return Err(ended()),
            },
            command = commands.recv() => {
                match command {
                    Some(Command::Watch(space, sender)) => {
                        watchers.add(space, sender);
                        return Ok(Stop::Reopen);
                    }
                    Some(Command::Forget) => watchers.sweep(),
                    None => return Ok(Stop::Idle),
                }
                if watchers.spaces.is_empty() {
                    return Ok(Stop::Idle);
                }
            }
        }
    }
}

fn next_item(decoder: &mut FeedDecoder) -> Result<Option<FeedItem>> {
    decoder.next_item().map_err(|error| from_stream(error, SpaceId::ZERO))
}

fn take_item(item: FeedItem, watchers: &mut Watchers) -> Result<()> {
    match item {
        FeedItem::Heartbeat => {}
        FeedItem::Over(error) => return Err(from_wire(error, None)),
        FeedItem::Head { space, head, riders } => {
            if !riders.is_empty() {
                return Err(peer(ANSWER, "feed has entries that were not asked for"));
            }
            watchers.head(&space, head);
        }
        FeedItem::SpaceOver { space, error } => {
            watchers.end_space(&space, &from_wire(error, Some(space)));
        }
    }
    Ok(())
}
