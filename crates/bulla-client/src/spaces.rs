//! The spaces a node serves to this client.

use std::sync::Arc;

use async_trait::async_trait;
use bulla_core::SpaceId;
use bulla_store::{ContentAddressedStore, Context, Result, SpacePage, Spaces, StoreError, rules};
use bulla_wire::Route;
use bulla_wire::limits::MAX_MESSAGE_BYTES;
use bulla_wire::spaces::SpacesAnswer;

use crate::Client;
use crate::error::{ANSWER, peer};

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Spaces for Client {
    async fn open(&self, cx: &Context, space: SpaceId) -> Result<Arc<dyn ContentAddressedStore>> {
        let store = self.store(space);
        store.head(cx).await?;
        Ok(store)
    }

    /// A client cannot make a space at a node; one that is served already is opened.
    async fn create(&self, cx: &Context, space: SpaceId) -> Result<Arc<dyn ContentAddressedStore>> {
        match self.open(cx, space).await {
            Err(StoreError::NotServed(_)) => {
                Err(StoreError::Unsupported { what: "creating a space over the network" })
            }
            opened => opened,
        }
    }

    async fn list(&self, cx: &Context, after: Option<SpaceId>, limit: usize) -> Result<SpacePage> {
        let route = Route::Spaces { after };
        let SpacesAnswer { mut spaces, mut end } =
            self.ask(cx, route, None, MAX_MESSAGE_BYTES).await?;
        let follows = spaces.first().is_none_or(|first| after.is_none_or(|after| *first > after));
        if !follows || (spaces.is_empty() && !end) {
            return Err(peer(ANSWER, "list of spaces does not go on after the one asked"));
        }
        let limit = rules::clamp_space_limit(limit);
        if spaces.len() > limit {
            spaces.truncate(limit);
            end = false;
        }
        Ok(SpacePage { spaces, end })
    }

    async fn remove(&self, _: &Context, _: SpaceId) -> Result<bool> {
        Err(StoreError::Unsupported { what: "removing a space over the network" })
    }
}
