//! Asking the source by id, for what earlier runs could not get: payloads on the want-list, entries that were refused or
//! did not verify (chapter `sync.md`, SYN-18, SYN-26).

use bulla_core::limits::MAX_ENTRIES_PER_PUT;
use bulla_core::values::{GetItem, Head};
use bulla_core::{EntryId, Verified};

use crate::fetch::{Taken, take};
use crate::side::Halt;
use crate::work::{Sent, Work};
use crate::{Exception, Why};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    /// Payloads of headers that the target holds.
    Payloads,
    /// Entries that the target does not hold and the source announced.
    Entries,
    /// Entries that somebody else named.
    Named,
}

impl Work {
    /// Asks for the payloads on the want-list, unless the digests say that this source lacks just what the target lacks.
    /// That it said so before is no reason not to ask: others may answer in its name.
    pub(crate) async fn ask_for_wants(&mut self, now: &Head) -> Result<(), Halt> {
        if self.wants.is_empty() {
            return Ok(());
        }
        self.review_wants().await?;
        let lacks_the_same = self.head.same_entries(now) && self.head.present == now.present;
        if lacks_the_same || self.head.present.count == 0 {
            return Ok(());
        }
        self.ask(self.wants.to_vec(), For::Payloads).await.map(drop)
    }

    /// Whether entries were refused for now in this run, other than these earlier ones, and the target has other control
    /// entries by now than when it began: those that admit them may have come after them.
    pub(crate) async fn may_be_taken_by_now(&self, earlier: &[EntryId]) -> Result<bool, Halt> {
        let is_new = |exception: &Exception| {
            exception.why == Why::RefusedForNow && earlier.binary_search(&exception.id).is_err()
        };
        let is_refused = self.exceptions.iter().any(is_new);
        Ok(is_refused && self.target_head_now().await?.control != self.target_head.control)
    }

    /// Asks again for entries that were recorded as shown and not held, those among these.
    pub(crate) async fn ask_for_exceptions(&mut self, among: &[EntryId]) -> Result<(), Halt> {
        if self.exceptions.is_empty() {
            return Ok(());
        }
        self.review_exceptions().await?;
        let again = self.exceptions.to_ask_again();
        let ids: Vec<_> = again.into_iter().filter(|id| among.binary_search(id).is_ok()).collect();
        self.ask(ids, For::Entries).await.map(drop)
    }

    /// Asks for entries that frontiers name. Those that the source says it does not hold.
    pub(crate) async fn ask_for_named(&mut self, ids: Vec<EntryId>) -> Result<Vec<EntryId>, Halt> {
        self.ask(ids, For::Named).await
    }

    /// What the source says it does not hold comes back.
    async fn ask(&mut self, mut ids: Vec<EntryId>, what: For) -> Result<Vec<EntryId>, Halt> {
        let mut absent = Vec::new();
        let max_bytes = self.options.page_limit().max_bytes;
        ids.reverse();
        while !ids.is_empty() {
            let next: Vec<_> = ids.iter().rev().take(MAX_ENTRIES_PER_PUT).copied().collect();
            let mut entries: Vec<Verified> = Vec::new();
            for item in self.source.get(next, max_bytes).await? {
                let Some(id) = ids.pop() else { break };
                if item == GetItem::Absent {
                    absent.push(id);
                }
                match (take(id, item)?, what) {
                    // A header adds nothing to a header.
                    (Taken::Entry(Verified::Header(_)), For::Payloads)
                    | (Taken::Not(_), For::Payloads | For::Named) => {}
                    (Taken::Entry(entry), _) => entries.push(entry),
                    (Taken::Not(exception), For::Entries) => self.failed(exception),
                }
            }
            if !entries.is_empty() {
                let sent: Vec<_> = entries.iter().map(Sent::of).collect();
                let report = self.target.put(entries).await?;
                self.settle(&sent, &report).await?;
                self.show_progress();
            }
        }
        Ok(absent)
    }
}
