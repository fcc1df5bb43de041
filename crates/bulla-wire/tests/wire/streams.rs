//! Streams of entries: what goes in comes out, and nothing else does.

use bulla_core::values::{
    Cursor, GetItem, GetRequest, PageLimit, PayloadState, ScanBody, ScanItem,
};
use bulla_core::{Code, EntryId, Lineage, LogHash, RawEntry, Verified};
use bulla_wire::stream::{BodyItem, BodyLimits, EntryItem};
use bulla_wire::{BodyDecoder, BodyEncoder, Form, StreamError, WireError, codes};

use crate::support::{Random, SPACE, entries};

fn decode(
    mut decoder: BodyDecoder,
    bytes: &[u8],
    step: usize,
) -> Result<Vec<BodyItem>, StreamError> {
    let mut items = Vec::new();
    for chunk in bytes.chunks(step) {
        decoder.push(chunk);
        while let Some(item) = decoder.next_item()? {
            items.push(item);
        }
    }
    decoder.finish()?;
    Ok(items)
}

fn scan_body(form: Form, entries: &[Verified]) -> (Vec<u8>, Vec<ScanItem>) {
    let mut random = Random(7);
    let mut body = BodyEncoder::scan(SPACE, form, None);
    let (mut receipt, mut items) = (0, Vec::new());
    for (i, verified) in entries.iter().enumerate() {
        receipt += 1 + random.below(3);
        let item = match verified {
            Verified::Entry(entry) => ScanBody::Entry(entry.clone()),
            Verified::Header(header) => {
                let states = [
                    PayloadState::Present,
                    PayloadState::Missing,
                    PayloadState::Erased(EntryId([8; 32])),
                    PayloadState::Pruned(EntryId([9; 32])),
                ];
                ScanBody::Header(header.clone(), states[i % 4])
            }
        };
        items.push(ScanItem { receipt, id: verified.id(), body: item });
        body.scan_item(items.last().unwrap());
        if i % 50 == 49 {
            receipt += random.below(2);
            body.page_end(&cursor(receipt), false, true);
        }
    }
    body.page_end(&cursor(receipt), true, false);
    (body.take(0).to_vec(), items)
}

fn cursor(receipt: u64) -> Cursor {
    Cursor { lineage: Lineage([3; 16]), receipt, log_hash: LogHash([4; 32]) }
}

fn scan_decoder() -> BodyDecoder {
    BodyDecoder::scan(SPACE, None, PageLimit::MAX)
}

/// The entries in what came, as they were.
fn raws(items: &[BodyItem]) -> Vec<(u64, RawEntry, PayloadState)> {
    let entry = |item: &BodyItem| match item {
        BodyItem::Entry(EntryItem { receipt, raw, state, .. }) => {
            Some((*receipt, raw.clone(), *state))
        }
        _ => None,
    };
    items.iter().filter_map(entry).collect()
}

#[test]
fn both_forms_give_the_same_bytes_back_in_chunks_of_any_size() {
    let entries = entries(1, 300);
    for form in [Form::Compact, Form::Plain] {
        let (bytes, items) = scan_body(form, &entries);
        let expected: Vec<_> = items
            .iter()
            .map(|item| match &item.body {
                ScanBody::Entry(entry) => (item.receipt, entry.to_raw(), PayloadState::Present),
                ScanBody::Header(header, state) => (item.receipt, header.to_raw(), *state),
                ScanBody::Id(_) | ScanBody::Invalid(_) => unreachable!(),
            })
            .collect();
        for step in [1, 7, 1000, 65_536, usize::MAX] {
            assert_eq!(raws(&decode(scan_decoder(), &bytes, step).unwrap()), expected, "{step}");
        }
    }
}

#[test]
fn a_body_cut_at_any_byte_is_noticed() {
    let (bytes, _) = scan_body(Form::Compact, &entries(2, 12));
    for cut in 0..bytes.len() {
        assert_eq!(
            decode(scan_decoder(), &bytes[..cut], 4096),
            Err(StreamError::Truncated),
            "{cut}"
        );
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert_eq!(decode(scan_decoder(), &longer, 4096), Err(StreamError::Trailing));
    assert_eq!(decode(scan_decoder(), &longer, 1), Err(StreamError::Trailing));
}

#[test]
fn any_byte_changed_gives_an_error_or_other_entries_but_never_the_same() {
    let (bytes, _) = scan_body(Form::Compact, &entries(3, 6));
    let good = decode(scan_decoder(), &bytes, 4096).unwrap();
    for at in 0..bytes.len() {
        for flip in [1, 0x20, 0x80] {
            let mut bad = bytes.clone();
            bad[at] ^= flip;
            if let Ok(items) = decode(scan_decoder(), &bad, 4096) {
                assert_ne!(items, good, "byte {at} flipped by {flip}");
            }
        }
    }
}

#[test]
fn put_and_get_bodies_carry_everything() {
    let entries = entries(4, 40);
    let mut body = BodyEncoder::put(SPACE, Form::Compact);
    entries.iter().for_each(|verified| body.verified(verified));
    body.end();
    let items = decode(BodyDecoder::put(SPACE), &body.take(0), 100).unwrap();
    let expected: Vec<_> = entries.iter().map(Verified::to_raw).collect();
    let came: Vec<_> = raws(&items).into_iter().map(|(receipt, raw, _)| (receipt, raw)).collect();
    assert_eq!(came, expected.into_iter().map(|raw| (0, raw)).collect::<Vec<_>>());

    let answers: Vec<GetItem> = entries
        .iter()
        .map(|verified| match verified {
            Verified::Entry(entry) => GetItem::Entry(entry.clone()),
            Verified::Header(header) => GetItem::Header(header.clone(), PayloadState::Missing),
        })
        .chain([GetItem::Absent, GetItem::Corrupt, GetItem::Unavailable])
        .collect();
    let mut body = BodyEncoder::get(SPACE, Form::Compact);
    answers.iter().for_each(|item| body.get_item(item));
    body.end();
    let request = GetRequest { ids: vec![EntryId::ZERO; 43], max_bytes: u32::MAX };
    let items = decode(BodyDecoder::get(SPACE, &request), &body.take(0), 100).unwrap();
    assert_eq!(raws(&items).len(), 40);
    assert_eq!(items[40..43], [BodyItem::Absent, BodyItem::Corrupt, BodyItem::Unavailable]);
}

/// Clauses: CMP-11.
#[test]
fn an_entry_that_is_wrong_at_its_source_spoils_no_other() {
    let mut wrong: Vec<RawEntry> = entries(5, 30).iter().map(Verified::to_raw).collect();
    let good = wrong.clone();
    wrong[4].signature.0[3] ^= 1;
    wrong[9].header = bytes::Bytes::from_static(b"\x81\x18\x01");
    let payload = wrong.iter().position(|raw| raw.payload.as_ref().is_some_and(|p| p.len() > 20));
    wrong[payload.unwrap()].payload = Some(bytes::Bytes::from_static(&[0; 20]));
    let mut body = BodyEncoder::put(SPACE, Form::Compact);
    wrong.iter().for_each(|raw| body.raw(0, raw, PayloadState::Missing));
    body.end();
    let items = decode(BodyDecoder::put(SPACE), &body.take(0), 512).unwrap();
    let came: Vec<_> = raws(&items).into_iter().map(|(_, raw, _)| raw).collect();
    assert_eq!(came, wrong);
    assert_eq!(came.iter().zip(&good).filter(|(a, b)| a != b).count(), 3);
}

#[test]
fn an_error_ends_a_body() {
    let mut body = BodyEncoder::scan(SPACE, Form::Compact, None);
    entries(6, 3)
        .iter()
        .for_each(|verified| body.raw(1, &verified.to_raw(), PayloadState::Missing));
    let error = WireError::new(codes::BUSY, "later");
    body.error(&error);
    let failed = decode(scan_decoder(), &body.take(0), 64);
    assert_eq!(failed, Err(StreamError::Peer(error)));
}

#[test]
fn bounds_of_a_page_hold() {
    let (bytes, _) = scan_body(Form::Compact, &entries(8, 10));
    let with = |items, bytes| scan_decoder().with_limits(BodyLimits { items, bytes });
    assert_eq!(decode(with(9, usize::MAX), &bytes, 99), Err(StreamError::TooManyItems(9)));
    assert_eq!(decode(with(10, 1), &bytes, 99), Err(StreamError::TooManyBytes(1)));
    assert!(decode(with(10, usize::MAX), &bytes, 99).is_ok());
}

#[test]
fn items_that_do_not_belong_are_refused() {
    let mut ids = BodyEncoder::scan(SPACE, Form::Compact, None);
    for body in
        [ScanBody::Id(PayloadState::Present), ScanBody::Invalid(Code::new("entry.signature"))]
    {
        ids.scan_item(&ScanItem { receipt: 1, id: EntryId([1; 32]), body });
        let bytes = ids.take(0);
        let tag = u64::from(bytes[1]);
        assert_eq!(decode(BodyDecoder::put(SPACE), &bytes, 99), Err(StreamError::Tag(tag)));
    }
    let mut get = BodyEncoder::get(SPACE, Form::Compact);
    get.get_item(&GetItem::Absent);
    assert_eq!(decode(scan_decoder(), &get.take(0), 99), Err(StreamError::Tag(5)));
}

/// Clauses: WIRE-12.
#[test]
fn endless_items_are_refused_without_being_kept() {
    // A byte string that says it is 2^32 bytes long, sent for as long as it is taken.
    let mut decoder = scan_decoder();
    decoder.push(&[0x85, 0x03, 0x01, 0x5a, 0xff, 0xff, 0xff, 0xff]);
    let mut taken = 0;
    while decoder.next_item() == Ok(None) && taken < 10_000_000 {
        decoder.push(&[0; 65_536]);
        taken += 65_536;
    }
    assert_eq!(decoder.next_item(), Err(StreamError::ItemTooLarge));
    assert!(taken < 1_300_000, "{taken} bytes were kept");
}
