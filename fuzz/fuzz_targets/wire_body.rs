//! Bodies of put, get and scan: the verdict does not depend on the pieces they come in, bounds hold, and entries that came
//! out go in again and come out the same. The first byte chooses the stream and the size of the pieces.
#![no_main]

use bulla_core::values::{Cursor, GetRequest, PageLimit};
use bulla_core::{EntryId, Lineage, LogHash, SpaceId};
use bulla_wire::stream::{BodyItem, BodyLimits, StreamError};
use bulla_wire::{BodyDecoder, BodyEncoder, Form};

const SPACE: SpaceId = SpaceId([0x5a; 32]);

fn decoder(which: u8) -> BodyDecoder {
    let after = Cursor { lineage: Lineage([1; 16]), receipt: 41, log_hash: LogHash([2; 32]) };
    let request = GetRequest { ids: vec![EntryId([3; 32]); 8], max_bytes: 4_096 };
    match which % 4 {
        0 => BodyDecoder::put(SPACE),
        1 => BodyDecoder::get(SPACE, &request),
        2 => BodyDecoder::scan(SPACE, None, PageLimit::MAX),
        _ => BodyDecoder::scan(SPACE, Some(&after), PageLimit { max_bytes: 1_024, max_items: 8 }),
    }
}

fn read<'a>(
    mut decoder: BodyDecoder,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> Result<Vec<BodyItem>, StreamError> {
    let mut items = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        while let Some(item) = decoder.next_item()? {
            items.push(item);
        }
    }
    decoder.finish().map(|()| items)
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let [which, bytes @ ..] = bytes else { return };
    let whole = read(decoder(*which), std::iter::once(bytes));
    let size = usize::from(which / 4) + 1;
    assert_eq!(whole, read(decoder(*which), bytes.chunks(size)));
    let Ok(items) = whole else { return };
    for form in [Form::Compact, Form::Plain] {
        let mut encoder = BodyEncoder::put(SPACE, form);
        let mut sent = Vec::new();
        for item in &items {
            if let BodyItem::Entry(entry) = item {
                encoder.raw(0, &entry.raw, entry.state);
                sent.push((&entry.raw, entry.state));
            }
        }
        encoder.end();
        let again = encoder.take(0);
        let boundless = BodyLimits { items: usize::MAX, bytes: usize::MAX };
        let decoder = BodyDecoder::put(SPACE).with_limits(boundless);
        let again = read(decoder, std::iter::once(&again[..]));
        let again = again.expect("what was read can be written and read again");
        let came: Vec<_> = again
            .iter()
            .filter_map(|item| match item {
                BodyItem::Entry(entry) => Some((&entry.raw, entry.state)),
                _ => None,
            })
            .collect();
        assert_eq!(came, sent);
    }
});
