//! Saying what was seen: whoever is shown less of the space later can prove it (CTL-40).

use bulla_core::EntryId;
use bulla_core::control::Role;
use bulla_store::Context;
use bulla_sync::frontier_of;

use super::{Space, SpaceError};

impl Space {
    /// Writes down, signed, the newest entry that is held here of every other device: with its header for as many as fit,
    /// by its id for the others ([`frontier_of`]). Takes one pass over the headers held.
    ///
    /// # Errors
    ///
    /// [`SpaceError::Role`] for a relay; [`SpaceError::Store`].
    pub async fn frontier(&self) -> Result<EntryId, SpaceError> {
        self.act(|mut pen| {
            Box::pin(async move {
                pen.need(Role::Reader)?;
                let me = pen.me();
                let frontier = frontier_of(&Context::new(), &*pen.inner.store, &me).await?;
                pen.write(frontier).await
            })
        })
        .await
    }
}
