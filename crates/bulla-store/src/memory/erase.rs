//! Erasure in memory.

use async_trait::async_trait;
use bulla_core::EntryId;
use bulla_core::values::PayloadState;

use super::MemoryStore;
use crate::{Context, Erasable, Erasure, ErasureReport, Result};

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Erasable for MemoryStore {
    async fn erase(&self, _cx: &Context, erasure: Erasure) -> Result<ErasureReport> {
        crate::rules::check_ids(erasure.ids.len())?;
        let reason =
            if erasure.is_prune { PayloadState::Pruned } else { PayloadState::Erased }(erasure.by);
        let mut state = self.write()?;
        let mut report = ErasureReport::default();
        for id in &erasure.ids {
            let held_control =
                state.by_id(id).map(|stored| stored.entry.header().kind.is_control());
            match held_control {
                Some(true) => report.refused += 1,
                Some(false) if state.drop_payload(id, reason) == Some(true) => report.dropped += 1,
                Some(false) => report.already_absent += 1,
                None => {
                    state.remember(*id, reason);
                    report.remembered += 1;
                }
            }
        }
        state.commit();
        self.publish(&state);
        Ok(report)
    }

    async fn restore(&self, _cx: &Context, ids: &[EntryId]) -> Result<u64> {
        crate::rules::check_ids(ids.len())?;
        let mut state = self.write()?;
        let count = ids.iter().filter(|id| state.restore(id)).count();
        state.commit();
        self.publish(&state);
        Ok(u64::try_from(count).unwrap_or(u64::MAX))
    }
}
