//! Heads as they change: one feed carries all spaces that this client watches at a node.
//!
//! A feed that breaks ends every stream it served, with the error; whoever watches asks again. A space that is added
//! opens the feed anew with all of them, which costs each of the others one head they have seen.

mod run;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bulla_core::values::Head;
use bulla_core::{NodeId, SpaceId};
use bulla_store::{Context, HeadStream, Result, StoreError};
use bulla_wire::codes;
use futures_util::stream;
use tokio::sync::{mpsc, watch};

use crate::Client;
use crate::error::unavailable;
use crate::transport::timed;

/// Most feeds for requests that passed other nodes on their way here. A node allows each of its clients only so many feeds,
/// 64 if nothing else is set, and those who ask us directly must not go without because others name many paths.
const MAX_PASSED_FEEDS: usize = 48;

/// The feeds of a client, by the hop path they are asked with: requests that came different ways are not mixed. One feed for
/// all would go round a ring of nodes for ever, because none of them would see its own key on the path (HOP-3).
#[derive(Debug, Default)]
pub(crate) struct Feeds {
    open: Mutex<HashMap<Vec<NodeId>, mpsc::UnboundedSender<Command>>>,
}

/// What a watcher last learnt: nothing yet, the newest head, or why there will be no more.
type State = Option<Result<Head>>;

/// To a running feed.
#[derive(Debug)]
enum Command {
    /// Watch this space too.
    Watch(SpaceId, watch::Sender<State>),
    /// Somebody stopped watching.
    Forget,
}

/// One who watches. Tells the feed when it goes.
#[derive(Debug)]
struct Watcher {
    heads: watch::Receiver<State>,
    feed: mpsc::UnboundedSender<Command>,
    is_over: bool,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // The feed finds this one's receiver gone; that it may be over itself is no matter.
        let _ = self.feed.send(Command::Forget);
    }
}

/// Watches a space; returns once its head has come.
pub(crate) async fn watch(client: &Client, cx: &Context, space: SpaceId) -> Result<HeadStream> {
    let (sender, mut heads) = watch::channel(None);
    let feed = join(client, cx, space, sender)?;
    // The first head is how things are now (FEED-4); a node that only keeps the feed alive is not waited for.
    let transport = &client.inner.transport;
    let within = Duration::from_millis(transport.settings().feed_silence_ms);
    let first = heads.wait_for(Option::is_some);
    let first = timed(transport.clock(), cx.deadline, within, first).await;
    let first = first.map(|state| state.map_or_else(|_| Some(Err(ended())), |state| state.clone()));
    if let Ok(Some(Err(error))) | Err(error) = first {
        // Gone before the feed looks, so that it forgets this one.
        drop(heads);
        let _ = feed.send(Command::Forget);
        return Err(error);
    }
    heads.mark_changed();
    let watcher = Watcher { heads, feed, is_over: false };
    Ok(Box::pin(stream::unfold(watcher, |mut watcher| async move {
        if watcher.is_over {
            return None;
        }
        let next = match watcher.heads.changed().await {
            Ok(()) => watcher.heads.borrow_and_update().clone().unwrap_or_else(|| Err(ended())),
            Err(_) => Err(ended()),
        };
        watcher.is_over = next.is_err();
        Some((next, watcher))
    })))
}

/// Hands a watcher to the feed of its hop path, which is started if it is not running and there is room for it.
fn join(
    client: &Client,
    cx: &Context,
    space: SpaceId,
    sender: watch::Sender<State>,
) -> Result<mpsc::UnboundedSender<Command>> {
    let mut open = client.inner.feeds.open.lock().unwrap_or_else(PoisonError::into_inner);
    let hops = cx.hops.nodes().to_vec();
    let mut command = Command::Watch(space, sender);
    if let Some(feed) = open.get(&hops) {
        match feed.send(command) {
            Ok(()) => return Ok(feed.clone()),
            Err(returned) => command = returned.0,
        }
    }
    open.retain(|_, feed| !feed.is_closed());
    let passed = open.keys().filter(|hops| has_passed(hops)).count();
    if has_passed(&hops) && passed >= MAX_PASSED_FEEDS {
        return Err(unavailable(codes::BUSY, "too many feeds by other ways"));
    }
    let (feed, commands) = mpsc::unbounded_channel();
    // The other end is in the hand of the task started next, so this cannot fail.
    let _ = feed.send(command);
    open.insert(hops, feed.clone());
    // A feed outlives the call that started it, so its deadline is nobody's.
    let mut cx = cx.clone();
    cx.deadline = None;
    cx.request_id.clear();
    tokio::spawn(run::run(Client { inner: Arc::clone(&client.inner) }, cx, commands));
    Ok(feed)
}

/// Whether a request passed another node: one that asks for others adds its own key (HOP-4), so the first is ours.
const fn has_passed(hops: &[NodeId]) -> bool {
    hops.len() > 1
}

fn ended() -> StoreError {
    unavailable(codes::UPSTREAM, "feed ended")
}
