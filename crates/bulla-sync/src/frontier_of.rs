//! What a device has seen of the others, for it to sign (chapters `sync.md`, SYN-56, and `control.md`, CTL-40).

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;

use bulla_core::control::{Claimed, Frontier, Proven};
use bulla_core::limits::{MAX_CLAIMED, MAX_PROVEN};
use bulla_core::values::{PageLimit, ScanBody, ScanRequest, Want};
use bulla_core::{AuthorKey, VerifiedHeader};
use bulla_store::{ContentAddressedStore, Context, StoreError};

/// Bytes of headers in a frontier: with the claims, 90 bytes each at most, it stays under 1 MiB (ENT-22).
const MAX_PROVEN_BYTES: usize = 640 * 1024;
/// What one proven header takes besides its own bytes: its signature and the lengths.
const PROVEN_OVERHEAD: usize = 72;

/// An author's newest entry, and when it was received.
struct Newest {
    header: VerifiedHeader,
    receipt: u64,
}

/// The content of a frontier that `author` may sign now: the newest entry held of each other author (SYN-56).
///
/// The newest is the one with the highest sequence; where an author forked, the one with the greatest id of those. At most
/// 256 come with their signed headers, those received last, and no more than fit; of up to 4,096 others there is a claim.
/// `author` itself is left out: its newest entry is the previous of the frontier.
///
/// `store` is read from its beginning to its head, as headers. Memory: one header an author.
///
/// # Errors
///
/// [`StoreError`] of the store; [`StoreError::Cursor`] when its history changes meanwhile.
pub async fn frontier_of(
    cx: &Context,
    store: &dyn ContentAddressedStore,
    author: &AuthorKey,
) -> Result<Frontier, StoreError> {
    let head = store.head(cx).await?;
    let mut newest: HashMap<AuthorKey, Newest> = HashMap::new();
    let mut request = ScanRequest {
        until: Some(head.last_receipt),
        want: Want::Headers,
        limit: PageLimit::default(),
        ..ScanRequest::everything()
    };
    loop {
        let page = store.scan(cx, request.clone()).await?;
        for item in page.items {
            if let ScanBody::Header(header, _) = item.body
                && header.header().author != *author
            {
                note(&mut newest, Newest { header, receipt: item.receipt });
            }
        }
        let has_moved = request.after.is_none_or(|after| after.receipt < page.cursor.receipt);
        if page.end || !has_moved {
            break;
        }
        request.after = Some(page.cursor);
    }
    Ok(choose(newest.into_values().collect()))
}

fn note(newest: &mut HashMap<AuthorKey, Newest>, found: Newest) {
    let rank = |of: &Newest| (of.header.header().sequence, of.header.id());
    match newest.entry(found.header.header().author) {
        Slot::Vacant(slot) => _ = slot.insert(found),
        Slot::Occupied(mut slot) if rank(slot.get()) < rank(&found) => _ = slot.insert(found),
        Slot::Occupied(_) => {}
    }
}

/// Those received last with their headers, others as claims, each list by author.
fn choose(mut newest: Vec<Newest>) -> Frontier {
    newest.sort_by_key(|of| std::cmp::Reverse(of.receipt));
    let mut frontier = Frontier { proven: Vec::new(), claimed: Vec::new() };
    let mut proven: Vec<VerifiedHeader> = Vec::new();
    let mut bytes = 0_usize;
    for Newest { header, .. } in newest {
        let size = header.bytes().len().saturating_add(PROVEN_OVERHEAD);
        if proven.len() < MAX_PROVEN && bytes.saturating_add(size) <= MAX_PROVEN_BYTES {
            bytes = bytes.saturating_add(size);
            proven.push(header);
        } else if frontier.claimed.len() < MAX_CLAIMED {
            let (author, sequence) = (header.header().author, header.header().sequence);
            frontier.claimed.push(Claimed { author, sequence, id: header.id() });
        }
    }
    proven.sort_by_key(|header| header.header().author);
    let signed = |header: &VerifiedHeader| Proven {
        header: header.bytes().clone(),
        signature: *header.signature(),
    };
    frontier.proven = proven.iter().map(signed).collect();
    frontier.claimed.sort_by_key(|claimed| claimed.author);
    frontier
}
