//! Saying what was seen: whoever is shown less of the space later can prove it (CTL-40).

use std::collections::BTreeMap;

use bulla_core::control::{Claimed, Frontier, Proven, Role};
use bulla_core::limits::{MAX_CLAIMED, MAX_PAYLOAD_BYTES, MAX_PROVEN};
use bulla_core::values::{PageLimit, ScanBody, ScanRequest, Want};
use bulla_core::{AuthorKey, EntryId, VerifiedHeader};
use bulla_store::Context;

use super::pen::Pen;
use super::{Space, SpaceError};

/// Bytes of proven headers in one frontier; claims and heads of arrays have the rest.
const PROVEN_BYTES: usize = MAX_PAYLOAD_BYTES - MAX_CLAIMED * 80;

impl Space {
    /// Writes down, signed, the newest entry that is held here of every other member: with its header for as many as fit,
    /// by its id for the others. Takes one pass over the headers held.
    ///
    /// # Errors
    ///
    /// [`SpaceError::Role`] for a relay; [`SpaceError::Store`].
    pub async fn frontier(&self) -> Result<EntryId, SpaceError> {
        self.act(|mut pen| Box::pin(async move { pen.frontier().await })).await
    }
}

impl Pen<'_> {
    async fn frontier(&mut self) -> Result<EntryId, SpaceError> {
        self.need(Role::Reader)?;
        let newest = self.newest().await?;
        let mut frontier = Frontier { proven: Vec::new(), claimed: Vec::new() };
        let mut bytes = 0;
        for (author, header) in newest {
            bytes += header.bytes().len() + 72;
            if frontier.proven.len() < MAX_PROVEN && bytes <= PROVEN_BYTES {
                let (header, signature) = (header.bytes().clone(), *header.signature());
                frontier.proven.push(Proven { header, signature });
            } else if frontier.claimed.len() < MAX_CLAIMED {
                let (sequence, id) = (header.header().sequence, header.id());
                frontier.claimed.push(Claimed { author, sequence, id });
            }
        }
        self.write(frontier).await
    }

    /// The newest entry held of each device that ever belonged to the space, this one left out.
    async fn newest(&self) -> Result<BTreeMap<AuthorKey, VerifiedHeader>, SpaceError> {
        let mut newest: BTreeMap<AuthorKey, VerifiedHeader> = BTreeMap::new();
        let mut request =
            ScanRequest { want: Want::Headers, limit: PageLimit::MAX, ..ScanRequest::everything() };
        loop {
            let page = self.guard.engine.scan(&Context::new(), request.clone()).await?;
            for item in page.items {
                let ScanBody::Header(header, _) = item.body else { continue };
                let (author, sequence) = (header.header().author, header.header().sequence);
                let is_newer =
                    newest.get(&author).is_none_or(|known| known.header().sequence < sequence);
                if is_newer {
                    newest.insert(author, header);
                }
            }
            if page.end {
                break;
            }
            request.after = Some(page.cursor);
        }
        let members = self.directory(bulla_directory::Directory::seniority);
        let me = self.me();
        newest.retain(|author, _| *author != me && members.contains(author));
        Ok(newest)
    }
}
