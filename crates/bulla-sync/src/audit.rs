//! Whether a node still holds what it signed for (chapter `sync.md`, SYN-40 to SYN-42).

use bulla_core::limits::MAX_IDS_PER_REQUEST;
use bulla_core::values::{Acknowledgement, Has};
use bulla_core::{Code, EntryId};
use bulla_store::{ContentAddressedStore, Context, StoreError};

use crate::Misbehaviour;

/// An acknowledgement as it was kept, with the receipts and ids that its digest covers, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledged {
    /// The node's signed word.
    pub acknowledgement: Acknowledgement,
    /// Receipts and ids.
    pub covered: Vec<(u64, EntryId)>,
}

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Audit {
    /// Entries that the store still holds.
    pub held: u64,
    /// Entries that it holds without their payload: dropped, or never given; an acknowledgement does not say.
    pub payload_missing: Vec<EntryId>,
    /// Entries of which it cannot say now.
    pub unknown: u64,
    /// What it denies, a proof for each acknowledgement broken. Push these entries elsewhere.
    pub misbehaviour: Vec<Misbehaviour>,
    /// Records that prove nothing, by their place in the input: the ids are not those of the digest, the signature does
    /// not hold, or they are of another space. Ours are damaged, or were never genuine.
    pub unusable: Vec<usize>,
}

/// Why an audit could not be made.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The store did not answer. *Retry* as the error says.
    #[error("the store did not answer")]
    Store(#[from] StoreError),
}

/// Asks a store for everything that was acknowledged for it.
///
/// `is_genuine` checks the signature of an acknowledgement (`bulla-identity` does); only genuine ones make a proof. An
/// acknowledgement of a lineage that the store no longer has counts as well: who promised to keep an entry keeps it.
///
/// # Errors
///
/// [`AuditError::Store`] when the store does not answer; nothing is concluded then.
pub async fn audit(
    cx: &Context,
    store: &dyn ContentAddressedStore,
    records: &[Acknowledged],
    is_genuine: impl Fn(&Acknowledgement) -> bool + Send,
) -> Result<Audit, AuditError> {
    let mut audit = Audit::default();
    for (place, record) in records.iter().enumerate() {
        let Acknowledged { acknowledgement, covered } = record;
        let digest = Acknowledgement::digest_of(covered.iter().copied());
        let is_usable = digest == (acknowledgement.count, acknowledgement.digest)
            && acknowledgement.space == store.space()
            && is_genuine(acknowledgement);
        if !is_usable {
            audit.unusable.push(place);
            continue;
        }
        let ids: Vec<_> = covered.iter().map(|(_, id)| *id).collect();
        let mut denied = Vec::new();
        for ids in ids.chunks(MAX_IDS_PER_REQUEST) {
            let presence = store.has(cx, ids).await?;
            if presence.len() != ids.len() {
                let reason = "has answered for another number of ids";
                return Err(StoreError::peer(Code::new("store.short_answer"), reason).into());
            }
            for (id, has) in ids.iter().zip(presence) {
                match has {
                    Has::Yes => audit.held += 1,
                    Has::Unknown => audit.unknown += 1,
                    Has::PayloadMissing => audit.payload_missing.push(*id),
                    Has::No => denied.push(*id),
                }
            }
        }
        if !denied.is_empty() {
            audit.misbehaviour.push(Misbehaviour::Denied {
                acknowledgement: Box::new(*acknowledgement),
                covered: covered.clone(),
                denied,
            });
        }
    }
    Ok(audit)
}
