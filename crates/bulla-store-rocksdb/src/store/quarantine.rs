//! What a space refused and keeps.

use async_trait::async_trait;
use bulla_core::{Code, EntryId, Verified};
use bulla_store::{Context, Kept, KeptEntry, KeptPage, KeptTotals, Quarantine, Result, rules};

use super::DiskStore;
use crate::queue::{Alone, Keep};
use crate::read;

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Quarantine for DiskStore {
    async fn keep(&self, cx: &Context, batch: Vec<(Verified, Code)>) -> Result<Vec<Kept>> {
        rules::check_given(&batch)?;
        let space = self.in_use(cx).await?;
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let room = self.room(batch.iter().map(|(entry, _)| entry.size_bytes()).sum()).await?;
        self.alone(space, |reply| Alone::Keep(Keep { batch, reply, room })).await
    }

    async fn kept(&self, cx: &Context, after: Option<EntryId>, limit: usize) -> Result<KeptPage> {
        let limit = rules::clamp_listing(limit);
        self.read(cx, move |shared, space| read::kept(shared, space, after.as_ref(), limit)).await
    }

    async fn kept_entries(
        &self,
        cx: &Context,
        ids: &[EntryId],
        max_bytes: u32,
    ) -> Result<Vec<Option<KeptEntry>>> {
        rules::check_ids(ids.len())?;
        let ids = ids.to_vec();
        self.read(cx, move |shared, space| read::kept_entries(shared, space, &ids, max_bytes)).await
    }

    async fn release(&self, cx: &Context, ids: &[EntryId]) -> Result<u64> {
        rules::check_ids(ids.len())?;
        let space = self.in_use(cx).await?;
        let ids = ids.to_vec();
        self.alone(space, |reply| Alone::Release(ids, reply)).await
    }

    async fn drop_payloads(&self, cx: &Context, ids: &[EntryId]) -> Result<u64> {
        rules::check_ids(ids.len())?;
        let space = self.in_use(cx).await?;
        let ids = ids.to_vec();
        self.alone(space, |reply| Alone::DropKept(ids, reply)).await
    }

    async fn kept_totals(&self, cx: &Context) -> Result<KeptTotals> {
        Ok(self.in_use(cx).await?.live()?.kept)
    }
}
