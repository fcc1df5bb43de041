//! Taking in a space that is not here yet, by its genesis (NODE-28).

use std::collections::VecDeque;

use async_trait::async_trait;
use bulla_core::control::Control;
use bulla_core::{Header, RawEntry, SpaceId, Verified, VerifiedEntry};
use bulla_store::StoreError;
use bulla_wire::WireError;
use bulla_wire::stream::{BodyDecoder, BodyItem};
use bytes::Bytes;

use super::rights::Right;
use super::{Answer, Asker, BodySource, Service};
use crate::errors;

/// A body whose beginning was read ahead.
struct Replayed<'a> {
    ahead: VecDeque<Bytes>,
    rest: &'a mut dyn BodySource,
}

#[async_trait]
impl BodySource for Replayed<'_> {
    async fn piece(&mut self) -> Result<Option<Bytes>, WireError> {
        match self.ahead.pop_front() {
            Some(piece) => Ok(Some(piece)),
            None => self.rest.piece().await,
        }
    }
}

impl Service {
    /// Whether somebody without any right in this space is heard all the same, as one who may bring it. The answer is the
    /// same for spaces that are here and spaces that are not.
    pub(super) fn may_found(&self, asker: &Asker, space: SpaceId) -> bool {
        let peer = &asker.session.peer;
        !self.access.rights(peer, &space).any()
            && asker.session.covers(&space)
            && asker.hops.nodes().is_empty()
            && self.access.may_found(peer)
    }

    /// A `put` by one who has no right in the space: it must begin with the genesis of the space and the control entries by
    /// which the asker may bring it. Whatever else it is, it is answered as if the space were not served, and nobody
    /// looked whether it is.
    pub(super) async fn found(
        &self,
        asker: &Asker,
        space: SpaceId,
        body: &mut dyn BodySource,
    ) -> Result<Answer, WireError> {
        // A body is read: that takes a place, though none of those that members have.
        let pass = self.founding.enter(asker.session.peer).await;
        let pass = pass.map_err(|super::gate::Busy| self.busy())?;
        let mut body = Replayed { ahead: VecDeque::new(), rest: body };
        let not_served = || errors::of_store(&StoreError::NotServed(space));
        let raw = opening(space, &mut body).await?;
        let opening = self.genuine(space, raw).await?.ok_or_else(not_served)?;
        drop(pass);
        let founded = self.access.found(&asker.cx, &asker.session.peer, space, opening).await;
        founded.map_err(|error| errors::of_store(&error))?;
        let rights = self.may(asker, space, Right::Write)?;
        let store = self.store(asker, space, rights).await?;
        self.put(asker, space, store, &mut body).await
    }

    /// Those that are genuine, if the first of all is the genesis of this space.
    async fn genuine(
        &self,
        space: SpaceId,
        raw: Vec<RawEntry>,
    ) -> Result<Option<Vec<VerifiedEntry>>, WireError> {
        let verdicts = self.verify.judge(space, raw).await.map_err(|error| {
            errors::of_store(&StoreError::internal("cannot verify a genesis", error))
        })?;
        let mut verdicts = verdicts.into_iter();
        let Some(Ok(Verified::Entry(first))) = verdicts.next() else {
            return Ok(None);
        };
        // It verified as one of this space, which for a genesis means that the space has its id (VER).
        let is_genesis = matches!(first.control(), Some(Control::Genesis(_)));
        let rest = verdicts.filter_map(|verdict| match verdict {
            Ok(Verified::Entry(entry)) => Some(entry),
            _ => None,
        });
        Ok(is_genesis.then(|| std::iter::once(first).chain(rest).collect()))
    }
}

/// The control entries that a body begins with; the body stays as it was. Not more is read than these may take.
async fn opening(space: SpaceId, body: &mut Replayed<'_>) -> Result<Vec<RawEntry>, WireError> {
    let mut decoder = BodyDecoder::put(space);
    let (mut ahead, mut bytes) = (VecDeque::new(), 0);
    let mut found = Vec::new();
    while found.len() < MAX_OPENING_ENTRIES {
        match decoder.next_item() {
            Ok(Some(BodyItem::Entry(item))) if is_control(&item.raw) => found.push(item.raw),
            Ok(Some(_)) | Err(_) => break,
            Ok(None) if bytes > MAX_OPENING_BYTES => break,
            Ok(None) => {
                let Some(piece) = body.rest.piece().await? else { break };
                bytes += piece.len();
                decoder.push(&piece);
                ahead.push_back(piece);
            }
        }
    }
    body.ahead = ahead;
    Ok(found)
}

fn is_control(raw: &RawEntry) -> bool {
    Header::decode(&raw.header).is_ok_and(|header| header.kind.is_control())
}

/// Longer than any chain of grants is in earnest, and verified in a few milliseconds.
const MAX_OPENING_ENTRIES: usize = 256;
/// As many of them with a genesis of any length (GEN-2).
const MAX_OPENING_BYTES: usize = 256 * 1024;
