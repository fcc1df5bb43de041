//! Taking in a space that is not here yet, by its genesis (NODE-28).

use std::collections::VecDeque;

use async_trait::async_trait;
use bulla_core::control::Control;
use bulla_core::{RawEntry, SpaceId, Verified, VerifiedEntry};
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

    /// A `put` by one who has no right in the space: it must begin with the genesis of the space, by which the asker is a
    /// founder. Whatever else it is, it is answered as if the space were not served, and nobody looked whether it is.
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
        let raw = first_entry(space, &mut body).await?.ok_or_else(not_served)?;
        let genesis = self.genesis(asker, space, raw).await?.ok_or_else(not_served)?;
        drop(pass);
        let founded = self.access.found(&asker.cx, &asker.session.peer, genesis).await;
        founded.map_err(|error| errors::of_store(&error))?;
        let rights = self.may(asker, space, Right::Write)?;
        let store = self.store(asker, space, rights).await?;
        self.put(asker, space, store, &mut body).await
    }

    /// The entry, if it is the genesis of this space and names the asker as a founder.
    async fn genesis(
        &self,
        asker: &Asker,
        space: SpaceId,
        raw: RawEntry,
    ) -> Result<Option<VerifiedEntry>, WireError> {
        let verdicts = self.verify.judge(space, vec![raw]).await.map_err(|error| {
            errors::of_store(&StoreError::internal("cannot verify a genesis", error))
        })?;
        let Some(Ok(Verified::Entry(entry))) = verdicts.into_iter().next() else {
            return Ok(None);
        };
        let is_founder = match entry.control() {
            Some(Control::Genesis(genesis)) => {
                genesis.founders.iter().any(|founder| founder.author.0 == asker.session.peer.0)
            }
            _ => false,
        };
        // It verified as one of this space, which for a genesis means that the space has its id (VER).
        Ok(is_founder.then_some(entry))
    }
}

/// The first entry of a body, which stays as it was; `None` for one that does not begin with any. Not more is read than an
/// entry may take.
async fn first_entry(
    space: SpaceId,
    body: &mut Replayed<'_>,
) -> Result<Option<RawEntry>, WireError> {
    let mut decoder = BodyDecoder::put(space);
    let (mut ahead, mut bytes) = (VecDeque::new(), 0);
    let found = loop {
        match decoder.next_item() {
            Ok(Some(BodyItem::Entry(item))) => break Some(item.raw),
            Ok(Some(_)) | Err(_) => break None,
            Ok(None) if bytes > FIRST_BYTES => break None,
            Ok(None) => {}
        }
        let Some(piece) = body.rest.piece().await? else { break None };
        bytes += piece.len();
        decoder.push(&piece);
        ahead.push_back(piece);
    };
    body.ahead = ahead;
    Ok(found)
}

/// More than a genesis takes (GEN-2) with its header and framing.
const FIRST_BYTES: usize = bulla_core::limits::MAX_GENESIS_BYTES + 16 * 1024;
