//! Asking the source by id, for what earlier runs could not get: payloads on the want-list, entries that were refused or
//! did not verify (chapter `sync.md`, SYN-18, SYN-26).

use bulla_core::limits::MAX_ENTRIES_PER_PUT;
use bulla_core::values::Head;
use bulla_core::{EntryId, Verified};

use crate::fetch::{Taken, take};
use crate::side::Halt;
use crate::work::{Sent, Work};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    /// Payloads of headers that the target holds.
    Payloads,
    /// Entries that the target does not hold.
    Entries,
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
        self.ask(self.wants.to_vec(), For::Payloads).await
    }

    /// Asks again for entries that earlier runs recorded as shown and not held.
    pub(crate) async fn ask_for_exceptions(&mut self, earlier: &[EntryId]) -> Result<(), Halt> {
        if self.exceptions.is_empty() {
            return Ok(());
        }
        self.review_exceptions().await?;
        let again = self.exceptions.to_ask_again();
        let ids: Vec<_> =
            again.into_iter().filter(|id| earlier.binary_search(id).is_ok()).collect();
        self.ask(ids, For::Entries).await
    }

    async fn ask(&mut self, mut ids: Vec<EntryId>, what: For) -> Result<(), Halt> {
        let max_bytes = self.options.page_limit().max_bytes;
        ids.reverse();
        while !ids.is_empty() {
            let next: Vec<_> = ids.iter().rev().take(MAX_ENTRIES_PER_PUT).copied().collect();
            let mut entries: Vec<Verified> = Vec::new();
            for item in self.source.get(next, max_bytes).await? {
                let Some(id) = ids.pop() else { break };
                match (take(id, item)?, what) {
                    // A header adds nothing to a header.
                    (Taken::Entry(Verified::Header(_)), For::Payloads)
                    | (Taken::Not(_), For::Payloads) => {}
                    (Taken::Entry(entry), _) => entries.push(entry),
                    (Taken::Not(exception), For::Entries) => self.failed(exception),
                }
            }
            if !entries.is_empty() {
                let sent: Vec<_> = entries.iter().map(Sent::of).collect();
                let report = self.target.put(entries).await?;
                self.settle(&sent, &report)?;
                self.show_progress();
            }
        }
        Ok(())
    }
}
