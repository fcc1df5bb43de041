//! Carrying erasures out, and taking them back (ADM-13 to ADM-15).

use std::collections::BTreeMap;

use bulla_core::control::{Control, Erase, ErasedRange};
use bulla_core::limits::MAX_ENTRIES_PER_PUT;
use bulla_core::values::GetItem;
use bulla_core::{EntryId, Verified};
use bulla_directory::Erasable;
use bulla_store::{Context, Erasure, Facts, Place, Result, StoreExt as _};

use crate::admission::DirectoryAdmission;

impl DirectoryAdmission {
    /// Brings the payloads of what is held in step with the erasures that count, as far as these changed; with `all`,
    /// whatever was done before. The gate is held.
    pub(crate) async fn carry_out_erasures(&self, cx: &Context, all: bool) -> Result<()> {
        let changed: Vec<(EntryId, Option<bool>)> = {
            let state = self.state();
            let now = |id: &EntryId| (*id, state.directory.erasure_is_by_admin(id));
            let erasures = state.controls.erasures().iter().map(now);
            erasures.filter(|(id, now)| all || state.carried_out.get(id) != Some(now)).collect()
        };
        for (id, by_admin) in &changed {
            let GetItem::Entry(entry) = self.engine.get_one(cx, *id).await? else { continue };
            if let Some(Control::Erase(erase)) = entry.control() {
                self.enforce(cx, &erase, by_admin.is_none()).await?;
            }
        }
        if changed.is_empty() {
            return Ok(());
        }
        self.erase_kept(cx).await?;
        if !all {
            self.count_usage(cx).await?;
        }
        self.state_mut().carried_out.extend(changed);
        Ok(())
    }

    /// Goes through everything held that an erasure names. What none covers any more is missing again.
    async fn enforce(&self, cx: &Context, erase: &Erase, is_over: bool) -> Result<()> {
        for ids in erase.ids.chunks(MAX_ENTRIES_PER_PUT) {
            let facts: Vec<Facts> =
                self.engine.facts(cx, ids).await?.into_iter().flatten().collect();
            self.enforce_on(cx, &facts, is_over).await?;
        }
        for range in &erase.ranges {
            self.enforce_range(cx, range, is_over).await?;
        }
        Ok(())
    }

    async fn enforce_range(&self, cx: &Context, range: &ErasedRange, is_over: bool) -> Result<()> {
        let mut after = Place::default();
        loop {
            let page = self.engine.authored(cx, range.author, after, MAX_ENTRIES_PER_PUT).await?;
            let last = page.facts.last().map(Facts::place);
            let is_named = |facts: &Facts| {
                facts.sequence <= range.sequence
                    && range.topic.is_none_or(|topic| topic == facts.topic)
            };
            let facts: Vec<Facts> = page.facts.into_iter().filter(is_named).collect();
            self.enforce_on(cx, &facts, is_over).await?;
            match last {
                Some(last) if !page.end && last.sequence <= range.sequence => after = last,
                _ => return Ok(()),
            }
        }
    }

    async fn enforce_on(&self, cx: &Context, named: &[Facts], is_over: bool) -> Result<()> {
        let mut erased: BTreeMap<EntryId, Vec<EntryId>> = BTreeMap::new();
        let mut wanted = Vec::new();
        {
            let state = self.state();
            for facts in named.iter().filter(|facts| !facts.kind.is_control()) {
                let by = state.directory.erased(&Erasable {
                    id: facts.id,
                    author: facts.author,
                    sequence: facts.sequence,
                    kind: facts.kind,
                    topic: facts.topic,
                });
                match by {
                    Some(by) => erased.entry(by).or_default().push(facts.id),
                    None => wanted.push(facts.id),
                }
                // Its state names an erasure that is over, perhaps, and not the one that covers it still.
                if is_over && by.is_some() {
                    wanted.push(facts.id);
                }
            }
        }
        if !wanted.is_empty() {
            self.engine.restore(cx, &wanted).await?;
        }
        for (by, ids) in erased {
            self.engine.erase(cx, Erasure { by, is_prune: false, ids }).await?;
        }
        Ok(())
    }

    /// Drops the payloads of entries in quarantine that are erased.
    async fn erase_kept(&self, cx: &Context) -> Result<()> {
        let mut after = None;
        loop {
            let page = self.engine.kept(cx, after, MAX_ENTRIES_PER_PUT).await?;
            let ids: Vec<EntryId> =
                page.facts.iter().filter(|f| f.has_payload).map(|facts| facts.id).collect();
            for kept in self.kept_entries(cx, &ids).await? {
                let header = kept.entry.verified_header();
                if self.state().directory.erased_by(header).is_some() {
                    let header = Verified::Header(header.clone());
                    self.engine.release(cx, &[kept.entry.id()]).await?;
                    self.engine.keep(cx, vec![(header, kept.code)]).await?;
                }
            }
            match page.facts.last() {
                Some(last) if !page.end => after = Some(last.id),
                _ => return Ok(()),
            }
        }
    }
}
