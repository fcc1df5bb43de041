//! Scanning in receipt order: bodies, pages, bounds.

use bulla_core::limits::MAX_PAYLOAD_BYTES;
use bulla_core::values::{GetItem, PageLimit, PayloadState, ScanBody, ScanItem, ScanRequest, Want};
use bulla_core::{Verified, VerifiedEntry};

use super::read::{cursor_after, get, head, ids_only, items, pages, put_new, scan, scan_ids};
use crate::suite::author::{Draft, header_of, headers, ids, whole};
use crate::suite::case::{Case, Failure, Ground, Stage, case, check, check_eq};

pub(super) const CASES: &[Case] = &[
    case!(Core Must "scan-order" ["SCAN-1", "STO-3"] order),
    case!(Core Must "scan-ids" ["SCAN-3"] want_ids),
    case!(Core Must "scan-headers" ["SCAN-3"] want_headers),
    case!(Core Must "scan-inline-limit" ["SCAN-3"] inline_limit),
    case!(Core Must "scan-page-items" ["SCAN-2", "SCAN-7", "LOG-3"] page_items),
    case!(Core Must "scan-page-items-zero" ["SCAN-2"] page_items_zero),
    case!(Core Must "scan-page-bytes" ["SCAN-2"] page_bytes),
    case!(Core Must "scan-page-bytes-zero" ["SCAN-2"] page_bytes_zero),
    case!(Core Must "scan-page-largest" ["SCAN-2", "STO-22"] page_largest),
    case!(Core Must "scan-until" ["SCAN-5"] until),
    case!(Core Must "scan-repeats" ["SCAN-1"] repeats),
    case!(Core Must "scan-grows-at-the-end" ["SCAN-1", "SCAN-7"] grows),
];

/// A store with `count` entries.
async fn filled(ground: &Ground, count: u64) -> Result<(Stage, Vec<VerifiedEntry>), Failure> {
    let stage = ground.fresh().await?;
    let entries = stage.world.entries(0, count)?;
    put_new(&stage, whole(&entries), 1).await?;
    Ok((stage, entries))
}

async fn order(ground: &Ground) -> Result<(), Failure> {
    let (stage, entries) = filled(ground, 25).await?;
    let found = scan(&stage, ScanRequest::everything()).await?;
    let receipts: Vec<_> = found.iter().map(|item| item.receipt).collect();
    check_eq!(receipts, (1..=25).collect::<Vec<_>>(), "every receipt once, in order");
    for (item, entry) in found.into_iter().zip(&entries) {
        check_eq!(item.body, ScanBody::Entry(entry.clone()), "in the order they were put");
    }
    Ok(())
}

async fn want_ids(ground: &Ground) -> Result<(), Failure> {
    let (stage, entries) = filled(ground, 3).await?;
    let bare = stage.world.author(1).write(Draft::default())?;
    put_new(&stage, headers([&bare]), 4).await?;
    let found = scan(&stage, ids_only()).await?;
    let expected = ids(entries.iter().chain([&bare]));
    check_eq!(found.iter().map(|item| item.id).collect::<Vec<_>>(), expected, "the ids");
    for item in found {
        let state = if item.receipt == 4 { PayloadState::Missing } else { PayloadState::Present };
        check_eq!(item.body, ScanBody::Id(state), "and what became of their payloads");
    }
    Ok(())
}

async fn want_headers(ground: &Ground) -> Result<(), Failure> {
    let (stage, entries) = filled(ground, 3).await?;
    let request = ScanRequest { want: Want::Headers, ..ScanRequest::everything() };
    // Twice: what a cache kept of the first time is not more than was asked for.
    for _ in 0..2 {
        for (item, entry) in scan(&stage, request.clone()).await?.into_iter().zip(&entries) {
            let expected = ScanBody::Header(header_of(entry), PayloadState::Present);
            check_eq!(item.body, expected, "headers only, with their state");
        }
    }
    for entry in &entries {
        check_eq!(
            get(&stage, entry.id()).await?,
            GetItem::Entry(entry.clone()),
            "the payload is there to be got"
        );
    }
    Ok(())
}

async fn inline_limit(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let mut author = stage.world.author(0);
    let sizes = [16, 99, 100, 101, 20_000];
    let mut entries = Vec::new();
    for payload_bytes in sizes {
        entries.push(author.write(Draft { payload_bytes, ..Draft::default() })?);
    }
    put_new(&stage, whole(&entries), 1).await?;
    for inline_up_to in [0, 16, 100, 20_000, u32::MAX] {
        let request =
            ScanRequest { want: Want::Entries { inline_up_to }, ..ScanRequest::everything() };
        for (item, entry) in scan(&stage, request).await?.into_iter().zip(&entries) {
            let expected = if entry.header().payload_length <= inline_up_to {
                ScanBody::Entry(entry.clone())
            } else {
                ScanBody::Header(header_of(entry), PayloadState::Present)
            };
            check_eq!(item.body, expected, "payloads up to {inline_up_to} bytes are carried");
        }
    }
    Ok(())
}

async fn page_items(ground: &Ground) -> Result<(), Failure> {
    let (stage, entries) = filled(ground, 12).await?;
    let all = ids(&entries);
    let now = head(&stage).await?;
    for max_items in [1, 2, 5, 11, 12, 13] {
        let request = ScanRequest { limit: items(max_items), ..ScanRequest::everything() };
        let mut seen = 0;
        for page in pages(&stage, request).await? {
            seen += page.items.len();
            let expected = cursor_after(&stage, &now, all.get(..seen).unwrap_or_default());
            check_eq!(page.cursor, expected, "a page's cursor carries the log hash at its receipt");
            check_eq!(page.end, seen == all.len(), "the page that reaches the head is the last");
        }
        check_eq!(seen, all.len(), "all of it on pages of {max_items}");
    }
    Ok(())
}

async fn page_items_zero(ground: &Ground) -> Result<(), Failure> {
    let (stage, entries) = filled(ground, 3).await?;
    let request = ScanRequest { limit: items(0), ..ScanRequest::everything() };
    check_eq!(scan_ids(&stage, request).await?, ids(&entries), "a limit of none is a limit of one");
    Ok(())
}

async fn page_bytes(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let mut author = stage.world.author(0);
    let mut entries = Vec::new();
    for (content, payload_bytes) in
        [50_usize, 900, 3_000, 50, 50, 17_000, 400, 400, 400].into_iter().enumerate()
    {
        entries.push(author.write(Draft {
            payload_bytes,
            content: content as u64,
            ..Draft::default()
        })?);
    }
    put_new(&stage, whole(&entries), 1).await?;
    for want in [
        Want::Ids,
        Want::Headers,
        Want::Entries { inline_up_to: 1_000 },
        Want::Entries { inline_up_to: u32::MAX },
    ] {
        for max_bytes in [1, 31, 32, 33, 600, 1_500, 4_000, 60_000] {
            let limit = PageLimit { max_bytes, max_items: 100 };
            let request = ScanRequest { want, limit, ..ScanRequest::everything() };
            check_eq!(
                scan_ids(&stage, request).await?,
                ids(&entries),
                "all of it on pages of {max_bytes} bytes"
            );
        }
    }
    Ok(())
}

async fn page_bytes_zero(ground: &Ground) -> Result<(), Failure> {
    let (stage, _) = filled(ground, 3).await?;
    let limit = PageLimit { max_bytes: 0, max_items: 100 };
    let pages = pages(&stage, ScanRequest { limit, ..ScanRequest::everything() }).await?;
    let lengths: Vec<_> = pages.iter().map(|page| page.items.len()).collect();
    check_eq!(lengths, vec![1, 1, 1], "one item is always given, and no more than the bytes allow");
    Ok(())
}

async fn page_largest(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let mut author = stage.world.author(0);
    let mut entries = Vec::new();
    for content in 0..18 {
        entries.push(author.write(Draft {
            payload_bytes: MAX_PAYLOAD_BYTES,
            content,
            ..Draft::default()
        })?);
    }
    put_new(&stage, whole(entries.get(..9).unwrap_or_default()), 1).await?;
    put_new(&stage, whole(entries.get(9..).unwrap_or_default()), 10).await?;
    let limit = PageLimit { max_bytes: u32::MAX, max_items: u32::MAX };
    let pages = pages(&stage, ScanRequest { limit, ..ScanRequest::everything() }).await?;
    check!(pages.len() > 1, "a limit beyond the largest page is the largest page");
    let sizes = pages.iter().flat_map(|page| &page.items).map(ScanItem::size_bytes).sum::<usize>();
    check_eq!(
        sizes,
        whole(&entries).iter().map(Verified::size_bytes).sum::<usize>(),
        "and everything comes"
    );
    Ok(())
}

async fn until(ground: &Ground) -> Result<(), Failure> {
    let (stage, entries) = filled(ground, 8).await?;
    let all = ids(&entries);
    let now = head(&stage).await?;
    for until in [0, 1, 5, 8, 9, 1_000_000] {
        let reach = 8.min(until);
        for max_items in [3, 100] {
            let request = ScanRequest { until: Some(until), limit: items(max_items), ..ids_only() };
            let pages = pages(&stage, request).await?;
            let found: Vec<_> =
                pages.iter().flat_map(|page| &page.items).map(|item| item.id).collect();
            let expected = all.get(..usize::try_from(reach).unwrap_or(0)).unwrap_or_default();
            check_eq!(found, expected, "up to receipt {until}");
            let cursor = pages.last().map(|page| page.cursor);
            check_eq!(cursor, Some(cursor_after(&stage, &now, expected)), "the cursor stops there");
        }
    }
    // A reader who is past `until` already gets nothing and stays where he is.
    let after = cursor_after(&stage, &now, all.get(..5).unwrap_or_default());
    for until in [0, 4, 5] {
        let request = ScanRequest { after: Some(after), until: Some(until), ..ids_only() };
        let page = stage.subject.store.scan(&stage.cx, request).await?;
        check_eq!(
            (page.items.len(), page.cursor, page.end),
            (0, after, true),
            "nothing lies before {until}"
        );
    }
    Ok(())
}

async fn repeats(ground: &Ground) -> Result<(), Failure> {
    let (stage, _) = filled(ground, 9).await?;
    let request = ScanRequest { limit: items(4), ..ScanRequest::everything() };
    // Where pages are cut is no promise: a cache cuts them where what it holds ends. What they give is one.
    let given = async || -> Result<_, Failure> {
        let pages = pages(&stage, request.clone()).await?;
        let end = pages.last().map(|page| page.cursor);
        Ok((pages.into_iter().flat_map(|page| page.items).collect::<Vec<_>>(), end))
    };
    let first = given().await?;
    for _ in 0..2 {
        check_eq!(given().await?, first, "the same question, the same answer");
    }
    Ok(())
}

async fn grows(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let entries = stage.world.entries(0, 20)?;
    let mut after = None;
    let mut seen = Vec::new();
    for (batch, first) in entries.chunks(4).zip((1..).step_by(4)) {
        put_new(&stage, whole(batch), first).await?;
        let found = pages(&stage, ScanRequest { after, ..ids_only() }).await?;
        after = found.last().map(|page| page.cursor);
        seen.extend(found.into_iter().flat_map(|page| page.items).map(|item| item.id));
        check_eq!(after, Some(head(&stage).await?.cursor()), "the scan ends at the head");
    }
    check_eq!(seen, ids(&entries), "a reader who keeps his cursor sees each entry once");
    Ok(())
}
