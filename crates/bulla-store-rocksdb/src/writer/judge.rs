//! What a commit does with rules and judgements.

use std::collections::HashMap;
use std::sync::Arc;

use bulla_core::values::Rule;
use bulla_core::{Code, EntryId};
use bulla_store::{Judgement, Mark, MarkReport, Result};

use super::plan::{Plan, Touched};
use crate::layout::{Family, IndexRow, id_key, receipt_key};
use crate::space::Space;

impl Plan<'_> {
    /// Brings a space under a rule; the caller sees to it that it is not the way back.
    pub(super) fn set_rule(&mut self, space: &Arc<Space>, rule: Rule) -> Result<()> {
        let mut touched = self.touch(space)?;
        if touched.judged.as_ref().map_or(Rule::All, |judged| judged.rule) != rule {
            touched.judged_mut().rule = rule;
        }
        self.put_back(touched);
        Ok(())
    }

    /// Says anew what counts. Its space has nothing else in this commit.
    pub(super) fn mark(&mut self, space: &Arc<Space>, judgement: Judgement) -> Result<MarkReport> {
        let mut touched = self.touch(space)?;
        let report = self.mark_all(&mut touched, judgement);
        self.put_back(touched);
        report
    }

    fn mark_all(&mut self, touched: &mut Touched, judgement: Judgement) -> Result<MarkReport> {
        let mut report = MarkReport::default();
        let mut last: HashMap<EntryId, (u64, Mark)> = HashMap::new();
        for (id, mark) in judgement.marks {
            let index: Option<IndexRow> =
                self.database.row(Family::Ids, &id_key(touched.number(), &id))?;
            match index {
                // Of an entry named twice the last word stands.
                Some(index) => _ = last.insert(id, (index.receipt, mark)),
                None => report.unknown.push(id),
            }
        }
        for (id, (receipt, mark)) in last {
            let is_new = self.mark_one(touched, &id, receipt, mark)?;
            *(if is_new { &mut report.changed } else { &mut report.unchanged }) += 1;
        }
        if let Some(by) = judgement.by
            && touched.judged.as_ref().and_then(|judged| judged.by) != Some(by)
        {
            touched.judged_mut().by = Some(by);
        }
        Ok(report)
    }

    /// Says whether an entry counts; whether that is new.
    fn mark_one(
        &mut self,
        touched: &mut Touched,
        id: &EntryId,
        receipt: u64,
        mark: Mark,
    ) -> Result<bool> {
        let key = receipt_key(touched.number(), receipt);
        let held: Option<Code> = self.database.row(Family::Marks, &key)?;
        match (held, mark) {
            (None, Mark::Counts) => return Ok(false),
            (Some(held), Mark::Not(code)) if held == code => return Ok(false),
            (Some(_), Mark::Counts) => {
                self.batch.delete(Family::Marks, key)?;
                touched.judged_mut().marked.remove(id);
            }
            (held, Mark::Not(code)) => {
                self.batch.put(Family::Marks, key, code.as_str())?;
                let judged = touched.judged_mut();
                if held.is_none() {
                    judged.marked.insert(id);
                }
            }
        }
        Ok(true)
    }
}
