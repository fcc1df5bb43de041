//! The spaces that a peer may use (WIRE-40).

use bulla_core::SpaceId;
use bulla_wire::spaces::SpacesAnswer;
use bulla_wire::{Route, WireError};

use super::rights::Right;
use super::{Answer, Asker, Service, message};
use crate::errors;

impl Service {
    /// The spaces this peer may use, out of those kept here.
    pub(super) async fn list(
        &self,
        asker: &Asker,
        after: Option<SpaceId>,
    ) -> Result<Answer, WireError> {
        let mut spaces = Vec::new();
        let mut after = after;
        loop {
            let page = self.spaces.list(&asker.cx, after, Route::SPACES_PER_PAGE).await;
            let page = page.map_err(|error| errors::of_store(&error))?;
            after = page.spaces.last().copied().or(after);
            let mut end = page.end || page.spaces.is_empty();
            for space in page.spaces {
                if spaces.len() == Route::SPACES_PER_PAGE {
                    end = false;
                    break;
                }
                if self.may(asker, space, Right::Any).is_ok() {
                    spaces.push(space);
                }
            }
            if end || spaces.len() == Route::SPACES_PER_PAGE {
                return Ok(message(&SpacesAnswer { spaces, end }));
            }
        }
    }
}
