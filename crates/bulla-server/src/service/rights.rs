//! What somebody may do in a space: asked before anything is done for them, and again as long as an answer goes on (NODE-22).

use bulla_core::SpaceId;
use bulla_store::StoreError;
use bulla_wire::{WireError, codes};

use super::{Asker, Service};
use crate::access::{Access, Rights};
use crate::errors;

/// What a request takes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Right {
    /// Any at all: heads and presence are what a writer needs in order to write.
    Any,
    Read,
    Write,
}

/// Asks once more whether the asker still has the right that its request took.
pub(super) type Recheck = Box<dyn Fn() -> Result<(), WireError> + Send + Sync>;

/// What the asker may do in the space now, if it may do this; an error that looks the same for unknown and forbidden if it
/// may do nothing.
pub(super) fn may(
    access: &dyn Access,
    asker: &Asker,
    space: SpaceId,
    right: Right,
) -> Result<Rights, WireError> {
    let rights = access.rights(&asker.session.peer, &space);
    if !rights.any() || !asker.session.covers(&space) {
        return Err(errors::of_store(&StoreError::NotServed(space)));
    }
    if !rights.carry && !asker.hops.nodes().is_empty() {
        return Err(errors::of_code(codes::HOP_PATH));
    }
    let (held, right) = match right {
        Right::Any => (true, "any"),
        Right::Read => (rights.read, "read"),
        Right::Write => (rights.write, "write"),
    };
    if held { Ok(rights) } else { Err(errors::of_store(&StoreError::Forbidden { right })) }
}

impl Service {
    pub(super) fn may(
        &self,
        asker: &Asker,
        space: SpaceId,
        right: Right,
    ) -> Result<Rights, WireError> {
        may(&*self.access, asker, space, right)
    }

    /// The same question for later, when this call is over and its answer is still on its way.
    pub(super) fn recheck(&self, asker: &Asker, space: SpaceId, right: Right) -> Recheck {
        let (access, asker) = (std::sync::Arc::clone(&self.access), asker.clone());
        Box::new(move || may(&*access, &asker, space, right).map(|_| ()))
    }
}
