//! What counts, in memory.

use std::collections::HashSet;
use std::ops::Bound;

use async_trait::async_trait;
use bulla_core::values::{PutReport, Rule};
use bulla_core::{AuthorKey, EntryId, SetDigest, Verified};

use super::MemoryStore;
use super::state::State;
use crate::judged::{Facts, FactsPage, Judged, Judgement, Mark, MarkReport, Place};
use crate::{Context, Result, StoreError, rules};

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Judged for MemoryStore {
    async fn rule(&self, _cx: &Context) -> Result<Rule> {
        Ok(self.read()?.tally.rule)
    }

    async fn set_rule(&self, _cx: &Context, rule: Rule) -> Result<()> {
        let mut state = self.write()?;
        if state.tally.rule == rule {
            return Ok(());
        }
        if rule == Rule::All {
            return Err(StoreError::Unsupported { what: "leaving the rule directory" });
        }
        state.tally.rule = rule;
        state.commit();
        self.publish(&state);
        Ok(())
    }

    async fn put_judged(&self, _cx: &Context, batch: Vec<(Verified, Mark)>) -> Result<PutReport> {
        rules::check_given(&batch)?;
        let mut state = self.write()?;
        rules::check_rule(state.tally.rule)?;
        let outcomes = batch
            .into_iter()
            .map(|(entry, mark)| state.put(&self.space, entry, Some(mark)))
            .collect();
        state.commit();
        self.publish(&state);
        Ok(PutReport { lineage: state.lineage(), outcomes })
    }

    async fn mark(&self, _cx: &Context, judgement: Judgement) -> Result<MarkReport> {
        rules::check_marks(judgement.marks.len())?;
        let mut state = self.write()?;
        rules::check_rule(state.tally.rule)?;
        let report = state.judge(judgement);
        state.commit();
        self.publish(&state);
        Ok(report)
    }

    async fn marked(&self, _cx: &Context, after: u64, limit: usize) -> Result<FactsPage> {
        let limit = rules::clamp_listing(limit);
        let state = self.read()?;
        let mut rest = state.marks.range((Bound::Excluded(after), Bound::Unbounded));
        let facts = rest.by_ref().take(limit).filter_map(|(at, _)| state.facts(*at)).collect();
        Ok(FactsPage { facts, end: rest.next().is_none() })
    }

    async fn authored(
        &self,
        _cx: &Context,
        author: AuthorKey,
        after: Place,
        limit: usize,
    ) -> Result<FactsPage> {
        let limit = rules::clamp_listing(limit);
        let state = self.read()?;
        let start = Bound::Excluded((author, after.sequence, after.receipt));
        let end = Bound::Included((author, u64::MAX, u64::MAX));
        // A place at the very end leaves nothing, and bounds that cross would be a panic.
        if (after.sequence, after.receipt) == (u64::MAX, u64::MAX) {
            return Ok(FactsPage { facts: Vec::new(), end: true });
        }
        let mut rest = state.authors.range((start, end));
        let facts =
            rest.by_ref().take(limit).filter_map(|(_, _, receipt)| state.facts(*receipt)).collect();
        Ok(FactsPage { facts, end: rest.next().is_none() })
    }

    async fn facts(&self, _cx: &Context, ids: &[EntryId]) -> Result<Vec<Option<Facts>>> {
        rules::check_ids(ids.len())?;
        let state = self.read()?;
        Ok(ids.iter().map(|id| state.facts(state.receipt_of(id)?)).collect())
    }

    async fn judged_by(&self, _cx: &Context) -> Result<Option<SetDigest>> {
        Ok(self.read()?.judged_by)
    }
}

impl State {
    fn judge(&mut self, judgement: Judgement) -> MarkReport {
        let mut report = MarkReport::default();
        let mut seen = HashSet::new();
        // From the end, so that of an entry named twice the last word is the only one.
        for (id, mark) in judgement.marks.into_iter().rev() {
            match self.receipt_of(&id) {
                None => report.unknown.push(id),
                Some(receipt) if seen.insert(id) => {
                    let is_new = self.set_mark(receipt, &id, mark);
                    *(if is_new { &mut report.changed } else { &mut report.unchanged }) += 1;
                }
                Some(_) => {}
            }
        }
        report.unknown.reverse();
        if judgement.by.is_some() {
            self.judged_by = judgement.by;
        }
        report
    }

    fn facts(&self, receipt: u64) -> Option<Facts> {
        let stored = self.by_receipt(receipt)?;
        let mark = self.marks.get(&receipt).map_or(Mark::Counts, |code| Mark::Not(code.clone()));
        Some(Facts::of(stored.entry.verified_header(), receipt, mark, stored.state))
    }
}
