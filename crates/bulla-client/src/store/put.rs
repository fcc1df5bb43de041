//! Sending entries, and checking what the node says and signs.

use bulla_core::values::{Acknowledgement, PutOutcome, PutReport};
use bulla_core::{Code, EntryId, Verified};
use bulla_identity::verify_acknowledgement;
use bulla_store::{Context, Result, StoreError, rules};
use bulla_wire::capabilities::NodeLimits;
use bulla_wire::limits::MAX_MESSAGE_BYTES;
use bulla_wire::put::PutAnswer;
use bulla_wire::route::SpaceRoute;
use bulla_wire::{BodyEncoder, Form};

use super::{NetworkStore, mismatch};
use crate::acknowledgements::AcknowledgedBatch;
use crate::error::{ACKNOWLEDGEMENT, peer};
use crate::transport::Body;

/// Sends a batch in as many requests as the node's limits ask for.
pub(super) async fn put(
    store: &NetworkStore,
    cx: &Context,
    batch: Vec<Verified>,
) -> Result<PutReport> {
    rules::check_put(&batch)?;
    let limits = store.client.limits(cx).await?;
    let mut whole: Option<PutReport> = None;
    for part in parts(&batch, &limits) {
        let report = put_part(store, cx, part).await?;
        match &mut whole {
            None => whole = Some(report),
            Some(whole) if whole.lineage == report.lineage => {
                whole.outcomes.extend(report.outcomes);
            }
            // The receipts of the first part are of a history that is gone.
            Some(_) => {
                return Err(StoreError::Unavailable {
                    code: Code::new("store.lineage_changed"),
                    reason: "the store was reset between two requests".to_owned(),
                    retry_after: None,
                });
            }
        }
    }
    whole.ok_or_else(|| mismatch("no answer to a put"))
}

/// Cuts a batch so that each part keeps the node's limits; an empty batch is one empty part.
fn parts<'a>(batch: &'a [Verified], limits: &NodeLimits) -> Vec<&'a [Verified]> {
    let (mut parts, mut rest) = (Vec::new(), batch);
    loop {
        let mut bytes = 0_u64;
        let fits = |(i, entry): &(usize, &Verified)| {
            bytes = bytes.saturating_add(entry.size_bytes() as u64);
            (*i as u64) < limits.put_entries && (*i == 0 || bytes <= limits.put_bytes)
        };
        let count = rest.iter().enumerate().take_while(fits).count();
        let (part, left) = rest.split_at(count);
        parts.push(part);
        if left.is_empty() || part.is_empty() {
            return parts;
        }
        rest = left;
    }
}

async fn put_part(store: &NetworkStore, cx: &Context, part: &[Verified]) -> Result<PutReport> {
    let bytes = part.iter().map(Verified::size_bytes).sum();
    let mut body = BodyEncoder::put(store.space, Form::Compact).with_room(bytes);
    part.iter().for_each(|entry| body.verified(entry));
    body.end();
    let body = Body::sequence(body.take(0));
    let route = store.route(SpaceRoute::Put);
    let PutAnswer { report, acknowledgement } =
        store.client.ask(cx, route, Some(body), MAX_MESSAGE_BYTES).await?;
    if report.outcomes.len() != part.len() {
        let (sent, came) = (part.len(), report.outcomes.len());
        return Err(mismatch(&format!("{came} outcomes for {sent} entries")));
    }
    let held: Vec<(u64, EntryId)> = part
        .iter()
        .zip(&report.outcomes)
        .filter_map(|(entry, outcome)| Some((outcome.receipt()?, entry.id())))
        .collect();
    check_acknowledgement(store, &report, &acknowledgement, &held)?;
    if !held.is_empty() {
        let batch = AcknowledgedBatch { acknowledgement, entries: held };
        let kept = store.client.inner.acknowledgements.keep(batch).await;
        kept.map_err(|error| StoreError::internal("keeping an acknowledgement", error))?;
    }
    Ok(report)
}

/// The node must have signed for exactly the entries it says it holds (ACK-4).
fn check_acknowledgement(
    store: &NetworkStore,
    report: &PutReport,
    acknowledgement: &Acknowledgement,
    held: &[(u64, EntryId)],
) -> Result<()> {
    let wrong = |what: &str| Err(peer(ACKNOWLEDGEMENT, what.to_owned()));
    let (count, digest) = Acknowledgement::digest_of(held.iter().copied());
    if acknowledgement.space != store.space || acknowledgement.lineage != report.lineage {
        return wrong("acknowledgement is about another store");
    }
    if acknowledgement.count != count || acknowledgement.digest != digest {
        return wrong("acknowledgement is about other entries");
    }
    if let Err(error) = verify_acknowledgement(acknowledgement, &store.client.node()) {
        return wrong(&format!("acknowledgement is not signed by the node: {error}"));
    }
    // Receipts of one batch are distinct: a node that gives one twice has lost an entry.
    let stored = |outcome: &PutOutcome| match outcome {
        PutOutcome::Stored(receipt) => Some(*receipt),
        _ => None,
    };
    let mut fresh: Vec<u64> = report.outcomes.iter().filter_map(stored).collect();
    let given = fresh.len();
    fresh.sort_unstable();
    fresh.dedup();
    if fresh.len() == given { Ok(()) } else { wrong("one receipt was given to two entries") }
}
