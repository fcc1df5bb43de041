//! What counts in a space, as a store says it.

use async_trait::async_trait;
use bulla_core::values::{PutReport, Rule};
use bulla_core::{AuthorKey, EntryId, SetDigest, Verified};
use bulla_store::{
    Context, Facts, FactsPage, Judged, Judgement, Mark, MarkReport, Place, Result, StoreError,
    rules,
};

use super::DiskStore;
use crate::queue::Alone;
use crate::read;

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Judged for DiskStore {
    async fn rule(&self, cx: &Context) -> Result<Rule> {
        Ok(self.in_use(cx).await?.live()?.rule())
    }

    async fn set_rule(&self, cx: &Context, rule: Rule) -> Result<()> {
        let space = self.in_use(cx).await?;
        let held = space.live()?.rule();
        if held == rule {
            return Ok(());
        }
        if rule == Rule::All {
            return Err(StoreError::Unsupported { what: "leaving the rule directory" });
        }
        self.alone(space, |reply| Alone::Rule(rule, reply)).await
    }

    async fn put_judged(&self, cx: &Context, batch: Vec<(Verified, Mark)>) -> Result<PutReport> {
        rules::check_given(&batch)?;
        let space = self.in_use(cx).await?;
        // A rule is never left again, so what it is now it is when the commit is made.
        rules::check_rule(space.live()?.rule())?;
        let (entries, marks) = batch.into_iter().unzip();
        self.put_in(space, entries, Some(marks)).await
    }

    async fn mark(&self, cx: &Context, judgement: Judgement) -> Result<MarkReport> {
        rules::check_marks(judgement.marks.len())?;
        let space = self.in_use(cx).await?;
        rules::check_rule(space.live()?.rule())?;
        self.alone(space, |reply| Alone::Mark(judgement, reply)).await
    }

    async fn marked(&self, cx: &Context, after: u64, limit: usize) -> Result<FactsPage> {
        let limit = rules::clamp_listing(limit);
        self.read(cx, move |shared, space| read::marked(shared, space, after, limit)).await
    }

    async fn authored(
        &self,
        cx: &Context,
        author: AuthorKey,
        after: Place,
        limit: usize,
    ) -> Result<FactsPage> {
        let limit = rules::clamp_listing(limit);
        self.read(cx, move |shared, space| read::authored(shared, space, &author, after, limit))
            .await
    }

    async fn facts(&self, cx: &Context, ids: &[EntryId]) -> Result<Vec<Option<Facts>>> {
        rules::check_ids(ids.len())?;
        let ids = ids.to_vec();
        self.read(cx, move |shared, space| read::facts(shared, space, &ids)).await
    }

    async fn judged_by(&self, cx: &Context) -> Result<Option<SetDigest>> {
        Ok(self.in_use(cx).await?.live()?.judged_by())
    }
}
