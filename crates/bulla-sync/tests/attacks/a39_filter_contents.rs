//! Filters whose contents are made up.

use std::sync::Arc;

use bulla_core::cbor::{Decode, Encode, Writer};
use bulla_core::values::{Page, Summary};
use bulla_core::{Bloom, EntryId};
use bulla_sync::{Rung, Verdict};

use crate::support::*;

/// A filter of one byte pattern, with the salt that was asked for.
fn made_up(like: &Bloom, pattern: u8) -> Bloom {
    let mut writer = Writer::new();
    writer.array(4).bytes(like.salt()).uint(16).uint(like.count());
    writer.bytes(vec![pattern; like.size_bytes()]);
    Bloom::from_cbor(writer.as_bytes()).unwrap()
}

fn lying(pattern: u8) -> Hooks {
    Hooks {
        summary: Some(Box::new(move |_, _, summary| {
            let Summary::Bloom { upto, bloom } = summary;
            Ok(Summary::Bloom { upto, bloom: made_up(&bloom, pattern) })
        })),
        ..Hooks::default()
    }
}

#[tokio::test]
async fn a39_a_push_to_a_target_whose_filter_lies_still_completes() {
    let (author, entries) = chain(1_000);
    let source = store(author.space(), 1);
    fill(&*source, &entries).await;
    for pattern in [0xff, 0x00, 0x55] {
        let honest = store(author.space(), 2);
        fill(&*honest, &entries[..500]).await;
        let target = Hostile::new(Arc::clone(&honest) as _, lying(pattern));
        let report = push(&source, &target, &bookmarks()).await;
        assert!(report.is_clean(), "{pattern:x}: {report}");
        assert_eq!(report.rung(), Some(Rung::Bloom));
        assert_eq!(target.calls("summary"), 1);
        assert!(same_entries(&*source, &*honest).await);
    }
}

/// Clauses: BLM-1, SUM-4, SYN-12.
#[tokio::test]
async fn a39_a_pull_from_a_source_whose_filter_lies_still_completes() {
    let (author, entries) = chain(1_000);
    let honest = store(author.space(), 1);
    fill(&*honest, &entries).await;
    for pattern in [0xff, 0x00, 0x55] {
        let source = Hostile::new(Arc::clone(&honest) as _, lying(pattern));
        let target = store(author.space(), 2);
        fill(&*target, &entries[..500]).await;
        fill(&*target, &author.another(2).write_many(10)).await;
        let report = pull(&source, &target, &bookmarks()).await;
        assert!(report.is_clean(), "{pattern:x}: {report}");
        assert!(source.calls("summary") <= 4 && source.calls("scan") <= 16);
    }
}

/// Clauses: BLM-1, SUM-4, SYN-6.
#[tokio::test]
async fn a39_a_source_that_abuses_the_filter_to_hold_back_is_found_out() {
    let (author, entries) = chain(1_000);
    let honest = store(author.space(), 1);
    fill(&*honest, &entries).await;
    let hidden = entries[700].id();
    // It claims that the filter held it back, whatever the salt, and never shows it.
    let source = Hostile::new(Arc::clone(&honest) as _, withholding(hidden));
    let target = store(author.space(), 2);
    fill(&*target, &entries[..500]).await;
    fill(&*target, &author.another(2).write_many(10)).await;
    let report = pull(&source, &target, &bookmarks()).await;
    let incomplete = incomplete(&report);
    assert_eq!(incomplete.missing.ids, [hidden], "{report}");
    assert_eq!(incomplete.missing.receipts, [701]);
    // Only when the filter is in use: then the next rung brings it.
    let hooks = Hooks {
        scan: Some(Box::new(
            move |_, request: &bulla_core::values::ScanRequest, mut page: Page| {
                page.items.retain(|item| request.except.is_none() || item.id != hidden);
                Ok(page)
            },
        )),
        ..Hooks::default()
    };
    let source = Hostile::new(honest, hooks);
    let report = pull(&source, &target, &bookmarks()).await;
    assert!(matches!(report.verdict, Verdict::Complete), "{report}");
    assert_eq!(report.rung(), Some(Rung::Full));
}

#[test]
fn a39_parameters_out_of_bounds_are_refused_before_anything_is_allocated() {
    let encode = |hashes: u64, count: u64, bits: &[u8]| {
        let mut writer = Writer::new();
        writer.array(4).bytes([1; 16]).uint(hashes).uint(count).bytes(bits);
        Bloom::from_cbor(writer.as_bytes()).is_ok()
    };
    assert!(encode(1, 0, &[0]) && encode(16, 1 << 26, &[0]));
    for (hashes, count, bits) in
        [(0, 1, 1), (17, 1, 1), (1 << 32, 1, 1), (7, (1 << 26) + 1, 1), (7, 1, 0)]
    {
        assert!(!encode(hashes, count, &vec![0; bits]), "{hashes} {count} {bits}");
    }
    // A length that the bytes do not bear out.
    let mut bytes = Bloom::for_count(10, [1; 16]).to_cbor();
    bytes.truncate(24);
    bytes.extend_from_slice(&[0x5a, 0xff, 0xff, 0xff, 0xff]);
    assert!(Bloom::from_cbor(&bytes).is_err());
    assert!(Bloom::for_count(u64::MAX, [1; 16]).size_bytes() <= 32 << 20);
    assert!(!Bloom::for_count(0, [1; 16]).may_hold(&EntryId([3; 32])));
}
