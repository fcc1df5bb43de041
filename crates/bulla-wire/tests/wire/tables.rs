//! CMP-4 where the vectors cannot go: tables that are full.

use bulla_core::values::{Cursor, PageLimit, PayloadState};
use bulla_core::{AuthorKey, KeyId, Lineage, LogHash, RawEntry, Topic, cbor::Encode};
use bulla_wire::stream::{BodyItem, BodyLimits};
use bulla_wire::{BodyDecoder, BodyEncoder, Form};

use crate::support::{Random, SPACE, device, operation, sign};

/// Values of one table (CMP-4).
const FULL: usize = 65_536;

#[test]
fn what_a_full_table_cannot_take_is_spelled_out_every_time() {
    let mut random = Random(7);
    let mut template = operation(&mut random);
    template.payload_length = 16;
    let signature = sign(&device(1), template.clone(), b"").signature;
    let entry = |number: u32| {
        // Nothing here asks whether a signature holds, so one serves all.
        let mut header = template.clone();
        header.author = AuthorKey(std::array::from_fn(|i| number.to_le_bytes()[i % 4]));
        header.topic = Topic(std::array::from_fn(|i| (number + 1).to_le_bytes()[i % 4]));
        header.key_id = KeyId(std::array::from_fn(|i| (number + 1).to_le_bytes()[i % 4]));
        header
    };
    let raw =
        |number| RawEntry { header: entry(number).to_cbor().into(), signature, payload: None };
    // As many authors as the table takes, three more, then all kinds again.
    let last = u32::try_from(FULL).unwrap() + 3;
    let again = [0, 1, last - 4, last - 3, last - 2, last - 1, last - 1];
    let sent: Vec<RawEntry> = (0..last).chain(again).map(raw).collect();
    let mut encoder = BodyEncoder::scan(SPACE, Form::Compact, None);
    let mut sizes = Vec::new();
    for entry in &sent {
        let before = encoder.size_bytes();
        encoder.raw(1, entry, PayloadState::Missing);
        sizes.push(encoder.size_bytes() - before);
    }
    let cursor = Cursor {
        lineage: Lineage([1; 16]),
        receipt: sent.len() as u64,
        log_hash: LogHash([2; 32]),
    };
    encoder.page_end(&cursor, true, false);
    let limits = BodyLimits { items: usize::MAX, bytes: usize::MAX };
    let mut decoder = BodyDecoder::scan(SPACE, None, PageLimit::MAX).with_limits(limits);
    decoder.push(&encoder.take(0));
    let mut came = Vec::new();
    while let Some(item) = decoder.next_item().unwrap() {
        if let BodyItem::Entry(entry) = item {
            assert!(entry.is_compact);
            came.push(entry.raw);
        }
    }
    decoder.finish().unwrap();
    assert_eq!(came, sent);
    let repeated = &sizes[sizes.len() - again.len()..];
    // Author, topic and key id by number save 29 + 14 + 31 bytes at least; the last ones are spelled out again.
    assert!(repeated[0] + 70 < repeated[4], "{repeated:?}");
    assert!(repeated[4] == repeated[5] && repeated[5] == repeated[6], "{repeated:?}");
}
