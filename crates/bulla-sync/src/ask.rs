//! Asking the source by id, for what earlier runs could not get: payloads on the want-list, entries that were refused or
//! did not verify (chapter `sync.md`, SYN-18, SYN-26).

use bulla_core::limits::MAX_ENTRIES_PER_PUT;
use bulla_core::values::GetItem;
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
    /// Asks for the payloads on the want-list, unless this source was asked for just these when it had just what it has
    /// now.
    pub(crate) async fn ask_for_wants(&mut self) -> Result<(), Halt> {
        if self.wants.is_empty() {
            return Ok(());
        }
        self.review_wants().await?;
        let present = self.head.present.digest;
        let question = self.wants.question(&present);
        let asked = self.checkpoint.as_ref().and_then(|checkpoint| checkpoint.asked);
        if self.wants.is_empty() || asked == Some(question) {
            return Ok(());
        }
        let is_answered = self.ask(self.wants.to_vec(), For::Payloads).await?;
        let question = self.wants.question(&present);
        if let Some(checkpoint) = &mut self.checkpoint {
            checkpoint.asked = is_answered.then_some(question);
        }
        Ok(())
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
        self.ask(ids, For::Entries).await?;
        Ok(())
    }

    /// Whether every answer was one that will stay the same.
    async fn ask(&mut self, mut ids: Vec<EntryId>, what: For) -> Result<bool, Halt> {
        let max_bytes = self.options.page_limit().max_bytes;
        let mut is_answered = true;
        ids.reverse();
        while !ids.is_empty() {
            let next: Vec<_> = ids.iter().rev().take(MAX_ENTRIES_PER_PUT).copied().collect();
            let mut entries: Vec<Verified> = Vec::new();
            for item in self.source.get(next, max_bytes).await? {
                let Some(id) = ids.pop() else { break };
                is_answered &= !matches!(item, GetItem::Corrupt | GetItem::Unavailable);
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
        Ok(is_answered)
    }
}
