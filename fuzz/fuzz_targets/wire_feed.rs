//! A feed in pieces of any size gives the same items, and what is accepted can be written and read again.
#![no_main]

use bulla_core::cbor::{Decode, Encode};
use bulla_wire::feed::{FeedDecoder, FeedItem};
use bulla_wire::stream::StreamError;

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Result<Vec<FeedItem>, StreamError> {
    let mut decoder = FeedDecoder::new();
    let mut items = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        while let Some(item) = decoder.next_item()? {
            items.push(item);
        }
    }
    Ok(items)
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let [size, bytes @ ..] = bytes else { return };
    let whole = read(std::iter::once(bytes));
    assert_eq!(whole, read(bytes.chunks(usize::from(*size) + 1)));
    for item in whole.into_iter().flatten() {
        assert_eq!(FeedItem::from_cbor(&item.to_cbor()), Ok(item));
    }
});
