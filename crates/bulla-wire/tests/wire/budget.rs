//! What the compact form costs: at most 1.17 bytes on the wire for each byte of plaintext in entries of 1 KiB, with one
//! dependency each, whatever the number of authors.

use bulla_core::cbor::Encode;
use bulla_core::values::{Cursor, PayloadState};
use bulla_core::{AuthorKey, EntryId, Header, Lineage, LogHash, RawEntry, Signature, Topic};
use bulla_wire::{BodyEncoder, Form};
use bytes::Bytes;

use crate::support::{Random, SPACE, operation};

const ENTRIES: usize = 100_000;
const PLAINTEXT: usize = 1024;
/// The authentication tag, and one byte of framing before the plaintext.
const CIPHERTEXT: usize = PLAINTEXT + 16 + 1;
const PAGE: usize = 4096;

fn wire_bytes(authors: usize, pages_per_body: usize) -> usize {
    let mut random = Random(authors as u64);
    let payload = Bytes::from(random.bytes(CIPHERTEXT));
    let keys: Vec<[u8; 32]> = (0..authors).map(|_| random.array()).collect();
    let topics: Vec<[u8; 16]> = (0..100).map(|_| random.array()).collect();
    let mut last = vec![(0_u64, EntryId::ZERO); authors];
    let mut newest = EntryId([1; 32]);
    let mut time = 1_790_000_000_000_u64;
    let cursor = |receipt: usize| Cursor {
        lineage: Lineage([1; 16]),
        receipt: receipt as u64,
        log_hash: LogHash([2; 32]),
    };
    let mut total = 0;
    let mut body = BodyEncoder::scan(SPACE, Form::Compact, None);
    for receipt in 1..=ENTRIES {
        let author = usize::try_from(random.below(authors as u64)).unwrap();
        time += random.below(2000);
        let mut header = operation(&mut random);
        header.author = AuthorKey(keys[author]);
        (header.sequence, header.previous) = (last[author].0 + 1, last[author].1);
        header.timestamp = (time << 16) | random.below(3);
        header.topic = Topic(topics[receipt % topics.len()]);
        header.dependencies = vec![newest];
        if newest == header.previous {
            header.dependencies = vec![EntryId(random.array())];
        }
        header.payload_length = u32::try_from(CIPHERTEXT).unwrap();
        header.content_hash = bulla_core::ContentHash::of(&payload);
        let bytes = Bytes::from(header.to_cbor());
        let signature = Signature(random.array());
        newest = EntryId::compute(&Header::digest_of(&bytes), &signature);
        last[author] = (header.sequence, newest);
        let raw = RawEntry { header: bytes, signature, payload: Some(payload.clone()) };
        body.raw(1, &raw, PayloadState::Present);
        if receipt % PAGE == 0 || receipt == ENTRIES {
            let more = receipt % (PAGE * pages_per_body) != 0 && receipt < ENTRIES;
            body.page_end(&cursor(receipt), receipt == ENTRIES, more);
            total += body.take(0).len();
            if !more {
                body = BodyEncoder::scan(SPACE, Form::Compact, Some(&cursor(receipt)));
            }
        }
    }
    total
}

#[test]
fn a_first_pull_costs_at_most_1_17_bytes_per_byte() {
    for authors in [1, 100, 10_000] {
        let bytes = wire_bytes(authors, 4096);
        let allowed = ENTRIES * PLAINTEXT * 117 / 100;
        println!("{authors} authors: {:.4}", bytes as f64 / (ENTRIES * PLAINTEXT) as f64);
        assert!(bytes <= allowed, "{authors} authors: {bytes} bytes, allowed {allowed}");
    }
}

#[test]
fn single_pages_cost_at_most_1_17_with_few_authors() {
    for authors in [1, 100] {
        let bytes = wire_bytes(authors, 1);
        assert!(bytes <= ENTRIES * PLAINTEXT * 117 / 100, "{authors} authors: {bytes} bytes");
    }
}
