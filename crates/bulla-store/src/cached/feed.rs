//! One feed of heads from the origin for all who watch here.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use bulla_core::values::{Freshness, Head};
use futures_util::{StreamExt as _, stream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::inner::Inner;
use crate::{Context, HeadStream, Result, StoreError};

/// What the feed says.
#[derive(Debug, Clone)]
enum Item {
    /// Nothing yet.
    Waiting,
    /// The origin's newest head.
    Head(Head),
    /// The feed is over, by an error or because the origin closed it.
    Over(Option<StoreError>),
}

/// The running feed, if somebody watches.
#[derive(Debug, Default)]
pub(super) struct Feed {
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    /// Length of the hop path it was asked with. As for every shared question, only a request whose path is no longer
    /// may join (HOP-3): a ring of nodes that feed one another would hear nothing for ever.
    hops: usize,
    /// Held by the task alone, so that it sees when nobody listens any more.
    sender: Weak<watch::Sender<Item>>,
    task: AbortHandle,
}

impl Drop for Feed {
    fn drop(&mut self) {
        let running = self.running.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = running {
            running.task.abort();
        }
    }
}

/// One who watches.
struct Watcher {
    items: watch::Receiver<Item>,
    first: Option<Result<Head>>,
    last: Option<Head>,
    is_over: bool,
}

impl Feed {
    /// Heads for one watcher: the present one, then each that is newer.
    pub(super) async fn watch(&self, inner: &Arc<Inner>, cx: &Context) -> Result<HeadStream> {
        let onward = inner.onward(cx)?;
        // Joined before the head is asked for, so that nothing falls between the two.
        let items = self.join(inner, &onward);
        let first = inner.current_head(&onward).await?;
        let watcher = Watcher { items, first: Some(Ok(first)), last: Some(first), is_over: false };
        Ok(Box::pin(stream::unfold(watcher, |mut watcher| async move {
            let next = watcher.next().await?;
            Some((next, watcher))
        })))
    }

    fn join(&self, inner: &Arc<Inner>, onward: &Context) -> watch::Receiver<Item> {
        let hops = onward.hops.nodes().len();
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let joinable = running
            .as_ref()
            .filter(|feed| feed.hops >= hops)
            .and_then(|feed| feed.sender.upgrade());
        if let Some(sender) = joinable.filter(|sender| !matches!(&*sender.borrow(), Item::Over(_)))
        {
            return sender.subscribe();
        }
        let (sender, items) = watch::channel(Item::Waiting);
        let sender = Arc::new(sender);
        let weak = Arc::downgrade(&sender);
        let cx = Context { deadline: None, ..onward.clone() };
        let task = tokio::spawn(pump(Arc::downgrade(inner), cx, sender)).abort_handle();
        *running = Some(Running { hops, sender: weak, task });
        items
    }

    /// Ends the feed of this sender if nobody listens to it; joining is kept out meanwhile.
    fn ends(&self, sender: &Arc<watch::Sender<Item>>) -> bool {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let is_idle = sender.receiver_count() == 0;
        if is_idle
            && running.as_ref().is_some_and(|feed| feed.sender.as_ptr() == Arc::as_ptr(sender))
        {
            *running = None;
        }
        is_idle
    }
}

impl Watcher {
    async fn next(&mut self) -> Option<Result<Head>> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        while !self.is_over {
            // The feed's end without a word means that this store is closed.
            self.items.changed().await.ok()?;
            let item = self.items.borrow_and_update().clone();
            match item {
                Item::Waiting => {}
                Item::Head(head) if self.last.is_some_and(|last| is_old(&last, &head)) => {}
                Item::Head(head) => {
                    self.last = Some(head);
                    return Some(Ok(head));
                }
                Item::Over(error) => {
                    self.is_over = true;
                    return error.map(Err);
                }
            }
        }
        None
    }
}

/// Whether a watcher who has seen `last` learns nothing from `head`.
fn is_old(last: &Head, head: &Head) -> bool {
    let freshness = Freshness::Fresh;
    let (last, head) = (Head { freshness, ..*last }, Head { freshness, ..*head });
    last == head || (last.lineage == head.lineage && head.last_receipt < last.last_receipt)
}

/// Carries heads from the origin until nobody listens or the cache is gone.
async fn pump(inner: Weak<Inner>, cx: Context, sender: Arc<watch::Sender<Item>>) {
    let Some(upstream) = inner.upgrade().map(|inner| Arc::clone(&inner.upstream)) else { return };
    let mut heads = match upstream.watch(&cx).await {
        Ok(heads) => heads,
        Err(error) => {
            sender.send_replace(Item::Over(Some(error)));
            return;
        }
    };
    loop {
        let next = tokio::select! {
            next = heads.next() => next,
            () = sender.closed() => {
                if inner.upgrade().is_none_or(|inner| inner.feed.ends(&sender)) {
                    return;
                }
                continue;
            }
        };
        let over = match next {
            Some(Ok(head)) => {
                let Some(inner) = inner.upgrade() else { return };
                inner.learn_from_feed(head).await;
                sender.send_replace(Item::Head(head));
                continue;
            }
            Some(Err(error)) => Item::Over(Some(error)),
            None => Item::Over(None),
        };
        sender.send_replace(over);
        return;
    }
}
