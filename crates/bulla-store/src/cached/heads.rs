//! The origin's head: asked, learnt from, and given when the origin is away.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bulla_core::values::{Freshness, Head};

use super::inner::{Inner, is_away};
use super::storage::CachedOrigin;
use crate::{Context, Result};

/// What a newer head means for the rows kept.
enum Change {
    /// The rows stay.
    None,
    /// Payloads may have gone, or the history is another one: nothing the origin said of receipts and payloads is
    /// believed any longer.
    Restart,
}

impl Inner {
    /// The head by the rules of CACHE-4: asked for, or what is known when the origin is away or was asked just now.
    pub(super) async fn current_head(self: &Arc<Self>, onward: &Context) -> Result<Head> {
        let need_not_ask = self.is_recent() || self.away().is_some();
        if let Some(known) = self.known().filter(|_| need_not_ask) {
            return Ok(stale(&known));
        }
        let asked = self
            .heads
            .ask(onward.hops.nodes().len(), Arc::clone(self).ask_head(self.shared_context(onward)));
        match self.within(onward, asked).await? {
            Err(error) if is_away(&error) => self.known().map(|known| stale(&known)).ok_or(error),
            answer => answer,
        }
    }

    async fn ask_head(self: Arc<Self>, cx: Context) -> Result<Head> {
        let ticket = self.tickets.fetch_add(1, Ordering::SeqCst) + 1;
        let epoch = self.epoch();
        let answer = self.upstream.head(&cx).await;
        self.note_outcome(&answer);
        let head = answer?;
        self.learn_head(head, ticket).await;
        if head.freshness == Freshness::Fresh {
            self.note_revalidated(epoch);
        }
        Ok(head)
    }

    /// Takes in what the origin answered to question number `ticket`.
    async fn learn_head(&self, head: Head, ticket: u64) {
        let mut origin = self.origin.lock().await;
        if ticket <= origin.ticket {
            return;
        }
        let change = match origin.known {
            Some(known) if head.freshness != Freshness::Fresh && !is_newer(&known.head, &head) => {
                return;
            }
            Some(known) => compare(&known.head, &head),
            // What was put through us before may have lost its payload since, and there is no head to tell by.
            None => Change::Restart,
        };
        origin.ticket = ticket;
        let before = origin.known;
        let seen_unix_ms = match head.freshness {
            Freshness::Fresh => self.clock.unix_ms(),
            Freshness::StaleSince(then) => then,
        };
        let (generation, kept_upto) =
            before.map_or((0, 0), |known| (known.generation, known.kept_upto));
        let mut now = CachedOrigin { head, seen_unix_ms, generation, kept_upto };
        // A row beyond the old head that does not fit the new one is of a history that is no more.
        let fits = matches!(change, Change::None) && self.row_fits(&head).await;
        if fits {
            if before.map(|known| known.head) != Some(head) {
                self.soft(self.storage.set_origin(&self.space, now).await);
            }
        } else {
            now.generation += 1;
            now.kept_upto = before.map_or(0, |known| known.head.last_receipt);
            self.soft(self.storage.restart_rows(&self.space, now).await);
            if before.is_some() {
                tracing::info!(space = %self.space.short(), "the origin's history or payloads changed; rows are dropped");
            }
        }
        let changed = before.is_none_or(|known| {
            known.head.cursor() != head.cursor() || known.head.present != head.present
        });
        origin.known = Some(now);
        self.publish(now, changed);
    }

    /// Takes in a head that came by the feed, at no certain moment: it can show what is new and never take back.
    pub(super) async fn learn_from_feed(&self, head: Head) {
        let is_news = self.known().is_none_or(|known| is_newer(&known.head, &head));
        if is_news {
            let ticket = self.tickets.fetch_add(1, Ordering::SeqCst) + 1;
            self.learn_head(head, ticket).await;
        } else if self.known().is_some_and(|known| known.head.cursor() != head.cursor()) {
            // Older or of another history; the next question will tell.
            self.forget_revalidated();
        }
    }

    async fn row_fits(&self, head: &Head) -> bool {
        let rows = self
            .soft(self.storage.rows(&self.space, head.last_receipt, 1).await)
            .unwrap_or_default();
        rows.first().is_none_or(|row| row.log_hash == head.log_hash)
    }
}

/// What is known, said to be no newer than it is.
pub(super) const fn stale(known: &CachedOrigin) -> Head {
    Head { freshness: Freshness::StaleSince(known.seen_unix_ms), ..known.head }
}

/// Whether `newer` goes on where `older` is.
fn is_newer(older: &Head, newer: &Head) -> bool {
    older.lineage == newer.lineage && newer.last_receipt >= older.last_receipt
}

fn compare(known: &Head, now: &Head) -> Change {
    let same_receipt = known.last_receipt == now.last_receipt;
    let is_other_history = known.lineage != now.lineage
        || now.last_receipt < known.last_receipt
        || (same_receipt && known.log_hash != now.log_hash);
    // Payloads only ever go by erasure, pruning or damage; then the set of those present shrinks, or changes without
    // growing.
    let have_payloads_gone = now.present.count < known.present.count
        || (same_receipt
            && now.present.count == known.present.count
            && now.present.digest != known.present.digest);
    if is_other_history || have_payloads_gone { Change::Restart } else { Change::None }
}
