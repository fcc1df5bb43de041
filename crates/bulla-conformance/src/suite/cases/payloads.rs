//! Payloads: their sizes, their absence, and how they come later.

use bulla_core::limits::{MAX_DEPENDENCIES, MAX_PAYLOAD_BYTES, MIN_SEALED_BYTES};
use bulla_core::values::{GetItem, Has, PayloadState, PutOutcome, ScanBody, ScanRequest};
use bulla_core::{EntryId, Kind, Topic};
use bulla_store::StoreExt as _;

use super::read::{check_same, counted, get, head, put, put_new, scan};
use crate::suite::author::{Draft, header_of, headers, ids, whole};
use crate::suite::case::{Case, Failure, Ground, case, check_eq};

pub(super) const CASES: &[Case] = &[
    case!(Core Must "payload-sizes" ["STO-1", "PUT-2"] sizes),
    case!(Core Must "payload-header-fields" ["STO-1"] header_fields),
    case!(Core Must "payload-header-only" ["PUT-2", "GET-4", "SCAN-3"] header_only),
    case!(Core Must "payload-added" ["STO-4", "PUT-4"] added),
    case!(Core Must "payload-added-once" ["STO-4", "PUT-4"] added_once),
    case!(Core Must "payload-kept-under-header" ["STO-4", "PUT-3"] kept_under_header),
    case!(Core Must "payload-shared-content" ["PUT-9"] shared_content),
    case!(Core Must "payload-not-by-hash" ["PUT-9"] not_by_hash),
];

/// Lengths at which stores change their ways, and their neighbours: the shortest sealed payload; one and two bytes of
/// CBOR length; inline against separate storage; pages; the longest.
const SIZES: &[usize] = &[
    MIN_SEALED_BYTES,
    MIN_SEALED_BYTES + 1,
    23,
    24,
    255,
    256,
    4096,
    16 * 1024 - 1,
    16 * 1024,
    16 * 1024 + 1,
    65_535,
    65_536,
    256 * 1024,
    256 * 1024 + 1,
    MAX_PAYLOAD_BYTES - 1,
    MAX_PAYLOAD_BYTES,
];

async fn sizes(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let mut author = stage.world.author(0);
    let mut entries = Vec::new();
    for (payload_bytes, receipt) in SIZES.iter().copied().zip(1..) {
        let entry = author.write(Draft { payload_bytes, content: receipt, ..Draft::default() })?;
        put_new(&stage, vec![entry.clone().into()], receipt).await?;
        entries.push(entry);
    }
    for entry in &entries {
        check_same(&get(&stage, entry.id()).await?, entry)?;
    }
    let items = scan(&stage, ScanRequest::everything()).await?;
    check_eq!(items.len(), entries.len(), "every entry is scanned");
    for (item, entry) in items.into_iter().zip(&entries) {
        check_eq!(item.body, ScanBody::Entry(entry.clone()), "with its payload");
    }
    Ok(())
}

async fn header_fields(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let many = |count: usize| {
        (0..count).map(|n| EntryId(*blake3::hash(&n.to_le_bytes()).as_bytes())).collect()
    };
    let drafts = [
        Draft {
            kind: Kind(u16::MAX),
            topic: Topic([0xff; 16]),
            timestamp: (1 << 63) - 1,
            ..Draft::default()
        },
        Draft { dependencies: many(1), ..Draft::default() },
        Draft { dependencies: many(MAX_DEPENDENCIES), ..Draft::default() },
    ];
    let mut author = stage.world.author(0);
    for (draft, receipt) in drafts.into_iter().zip(1..) {
        let entry = author.write(draft)?;
        put_new(&stage, vec![entry.clone().into()], receipt).await?;
        check_same(&get(&stage, entry.id()).await?, &entry)?;
    }
    Ok(())
}

async fn header_only(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let entries = stage.world.entries(0, 2)?;
    put_new(&stage, headers(&entries), 1).await?;
    let now = head(&stage).await?;
    check_eq!(now.held, counted(&ids(&entries)), "headers count");
    check_eq!(now.present, counted(&[]), "their payloads are not present");
    for entry in &entries {
        let expected = GetItem::Header(header_of(entry), PayloadState::Missing);
        check_eq!(
            get(&stage, entry.id()).await?,
            expected,
            "the header and why there is no payload"
        );
        check_eq!(
            stage.subject.store.has_one(&stage.cx, entry.id()).await?,
            Has::PayloadMissing,
            "wanted"
        );
    }
    for (item, entry) in scan(&stage, ScanRequest::everything()).await?.into_iter().zip(&entries) {
        check_eq!(
            item.body,
            ScanBody::Header(header_of(entry), PayloadState::Missing),
            "scanned as a header"
        );
    }
    Ok(())
}

async fn added(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let entries = stage.world.entries(0, 3)?;
    put_new(&stage, headers(&entries), 1).await?;
    let before = head(&stage).await?;
    // In another order than they came, and asked for in between: a cache must not go on saying "missing".
    for index in [1, 2, 0] {
        let Some(entry) = entries.get(index) else { continue };
        get(&stage, entry.id()).await?;
        let outcomes = put(&stage, vec![entry.clone().into()]).await?.outcomes;
        check_eq!(
            outcomes,
            vec![PutOutcome::PayloadAdded(index as u64 + 1)],
            "under the receipt it has"
        );
        check_same(&get(&stage, entry.id()).await?, entry)?;
        check_eq!(stage.subject.store.has_one(&stage.cx, entry.id()).await?, Has::Yes, "had now");
    }
    let after = head(&stage).await?;
    check_eq!(after.present, counted(&ids(&entries)), "all payloads are present");
    check_eq!(
        (after.cursor(), after.control, after.counting),
        (before.cursor(), before.control, before.counting),
        "receipts and digests of ids stay"
    );
    for (item, entry) in scan(&stage, ScanRequest::everything()).await?.into_iter().zip(&entries) {
        check_eq!(
            item.body,
            ScanBody::Entry(entry.clone()),
            "scanned with its payload, at its old place"
        );
    }
    Ok(())
}

async fn added_once(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    for entry in stage.world.entries(0, 1)? {
        put_new(&stage, vec![header_of(&entry).into()], 1).await?;
        let again = put(&stage, vec![header_of(&entry).into()]).await?.outcomes;
        check_eq!(again, vec![PutOutcome::Duplicate(1)], "a header twice is a duplicate");
        let batch = vec![entry.clone().into(), entry.clone().into()];
        let outcomes = put(&stage, batch).await?.outcomes;
        check_eq!(
            outcomes,
            vec![PutOutcome::PayloadAdded(1), PutOutcome::Duplicate(1)],
            "a payload is added once"
        );
        check_eq!(head(&stage).await?.present.count, 1, "and counted once");
    }
    Ok(())
}

async fn kept_under_header(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let entries = stage.world.entries(0, 2)?;
    put_new(&stage, whole(&entries), 1).await?;
    let before = head(&stage).await?;
    put(&stage, headers(&entries)).await?;
    check_eq!(head(&stage).await?, before, "a header takes no payload away");
    for entry in &entries {
        check_same(&get(&stage, entry.id()).await?, entry)?;
    }
    Ok(())
}

async fn shared_content(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let mut receipt = 1;
    for payload_bytes in [64, 40_000] {
        let same = Draft { payload_bytes, content: 7, ..Draft::default() };
        let mut author = stage.world.author(payload_bytes as u64);
        let (one, other) = (author.write(same.clone())?, author.write(same)?);
        check_eq!(
            one.header().content_hash,
            other.header().content_hash,
            "the suite writes one content twice"
        );
        put_new(&stage, whole([&one, &other]), receipt).await?;
        check_same(&get(&stage, one.id()).await?, &one)?;
        check_same(&get(&stage, other.id()).await?, &other)?;
        receipt += 2;
    }
    Ok(())
}

async fn not_by_hash(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let mut receipt = 1;
    for payload_bytes in [64, 40_000] {
        let same = Draft { payload_bytes, content: 9, ..Draft::default() };
        let owner = stage.world.author(1).write(Draft { timestamp: receipt, ..same.clone() })?;
        let claim = stage.world.author(2).write(Draft { timestamp: receipt, ..same })?;
        put_new(&stage, vec![owner.clone().into(), header_of(&claim).into()], receipt).await?;
        let expected = GetItem::Header(header_of(&claim), PayloadState::Missing);
        check_eq!(
            get(&stage, claim.id()).await?,
            expected,
            "naming a hash neither reads it nor makes it present"
        );
        check_eq!(
            head(&stage).await?.present.count,
            receipt.div_ceil(2),
            "only the payload that came counts"
        );
        receipt += 2;
    }
    Ok(())
}
