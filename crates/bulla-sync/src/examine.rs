//! Looking through the target's own entries: for references that are not filled and payloads that are absent, however
//! the entries came (chapter `sync.md`, SYN-14, SYN-25).

use std::sync::Arc;

use bulla_core::limits::MAX_IDS_PER_REQUEST;
use bulla_core::values::{Has, Head, PayloadState, ScanBody, Want};
use bulla_store::StoreError;
use bulla_store::rules::start_cursor;

use crate::side::Halt;
use crate::walk::Walk;
use crate::work::Work;
use crate::{Reason, Scope};

impl Work {
    /// Examines every entry of the target up to `head` that was not examined yet.
    pub(crate) async fn examine(&mut self, head: &Head) -> Result<(), Halt> {
        let absent = head.held.count.saturating_sub(head.present.count);
        if self.ledger.examined != Some(head.cursor()) {
            let is_new_read = self.is_target_near() || absent > 0;
            match self.options.scope {
                // A distant target is read only when it lacks something.
                Scope::Everything | Scope::PayloadsOf(_) if is_new_read => self.read(head).await?,
                Scope::Filtered(_) if self.is_target_near() => self.read(head).await?,
                Scope::Everything | Scope::PayloadsOf(_) | Scope::Filtered(_) => {
                    self.ledger.examined = Some(head.cursor());
                    self.ledger.absent = 0;
                }
            }
        }
        // A payload lost or erased since then is behind the cursor.
        if !self.options.scope.hides_headers() && self.ledger.absent != absent {
            self.ledger.examined = None;
            self.read(head).await?;
        }
        Ok(())
    }

    /// What an examination from the beginning would find and the lists did not hold is looked for again.
    pub(crate) fn examine_again_if_cut(&mut self) {
        if self.wants.has_room_again() || self.references.has_room_again() {
            self.ledger.examined = None;
        }
    }

    /// Reads the target's log from where it was examined. A target that does not know that place any longer is examined
    /// from the beginning.
    async fn read(&mut self, head: &Head) -> Result<(), Halt> {
        match self.read_on(head).await {
            Err(Halt::Stop(Reason::Target(StoreError::Cursor(_))))
                if self.ledger.examined.is_some() =>
            {
                self.ledger.examined = None;
                self.read_on(head).await
            }
            read => read,
        }
    }

    async fn read_on(&mut self, head: &Head) -> Result<(), Halt> {
        let needs_headers = self.is_target_near()
            || !self.options.scope.wants_all_payloads()
            || self.options.scope.hides_headers();
        let examined = self.ledger.examined.filter(|cursor| cursor.receipt <= head.last_receipt);
        let start = examined.unwrap_or_else(|| start_cursor(&self.keys.space, self.keys.target));
        if examined.is_none() {
            self.is_anew = true;
            self.wants.clear();
            self.ledger.absent = 0;
            if needs_headers && self.judges_references() {
                self.references.clear();
                self.frontiers.clear();
                self.forks.forget_tips();
            }
        }
        let mut walk = if needs_headers {
            let limit = self.options.page_limit();
            Walk::new(&self.target, start, head.cursor(), Want::Headers, limit)
                .with_filter(self.options.scope.asked())
        } else {
            Walk::ids(&self.target, start, head.cursor())
        };
        while let Some(page) = walk.next().await? {
            let authors = page.items.iter().filter_map(|item| match &item.body {
                ScanBody::Header(header, _) => Some(header.header().author),
                ScanBody::Id(_) | ScanBody::Entry(_) | ScanBody::Invalid(_) => None,
            });
            self.read_tips_of(authors.collect()).await?;
            for item in &page.items {
                let (state, is_wanted) = match &item.body {
                    ScanBody::Header(header, state) => {
                        self.observe(header);
                        (*state, self.options.scope.wants_payload(header.header()))
                    }
                    ScanBody::Id(state) => (*state, true),
                    // What does not verify is not held.
                    ScanBody::Entry(_) | ScanBody::Invalid(_) => continue,
                };
                if state != PayloadState::Present {
                    self.ledger.absent = self.ledger.absent.saturating_add(1);
                }
                if state == PayloadState::Missing && is_wanted {
                    self.wants.insert(item.id);
                }
            }
            if self.is_look_up_due() {
                self.look_up_references().await?;
            }
        }
        self.ledger.examined = Some(head.cursor());
        Ok(())
    }

    /// Looks up the references that wait, and reads the frontiers that do.
    pub(crate) async fn look_up_references(&mut self) -> Result<(), Halt> {
        let target = Arc::clone(&self.target);
        let reads = self.is_target_near();
        self.references.look_up(&target, reads).await?;
        self.read_frontiers().await
    }

    /// Drops from the want-list what the target holds, or validly does without.
    pub(crate) async fn review_wants(&mut self) -> Result<(), Halt> {
        for ids in self.wants.to_vec().chunks(MAX_IDS_PER_REQUEST) {
            for (id, has) in ids.iter().zip(self.target.has(ids).await?) {
                if has == Has::Yes {
                    self.wants.remove(id);
                }
            }
        }
        Ok(())
    }

    /// Drops from the exceptions what the target holds by now.
    pub(crate) async fn review_exceptions(&mut self) -> Result<(), Halt> {
        for ids in self.exceptions.ids().chunks(MAX_IDS_PER_REQUEST) {
            for (id, has) in ids.iter().zip(self.target.has(ids).await?) {
                if matches!(has, Has::Yes | Has::PayloadMissing) {
                    self.exceptions.remove(id);
                }
            }
        }
        Ok(())
    }
}
