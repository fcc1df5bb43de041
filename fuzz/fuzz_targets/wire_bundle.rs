//! A bundle in pieces of any size gives the same parts and the same verdict. The first byte chooses the size; the second
//! whether a good start is put before the rest, so that what follows it is reached.
#![no_main]

use bulla_core::cbor::Encode;
use bulla_core::values::{Counted, Counting, Freshness, Head};
use bulla_core::{EntryId, Header, Lineage, LogHash, SetDigest, SpaceId};
use bulla_wire::bundle::{BundleItem, BundleReader, BundleStart};
use bulla_wire::stream::StreamError;

fn start() -> Vec<u8> {
    let none = Counted { count: 0, digest: SetDigest([1; 32]) };
    let to = Head {
        lineage: Lineage([2; 16]),
        last_receipt: 9,
        log_hash: LogHash([3; 32]),
        control: none,
        held: none,
        counting: Counting::All,
        present: none,
        freshness: Freshness::Fresh,
    };
    BundleStart { space: SpaceId([0x5a; 32]), from: None, to }.to_cbor()
}

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Result<Vec<BundleItem>, StreamError> {
    let mut reader = BundleReader::new();
    let mut items = Vec::new();
    let mut claimed = SetDigest::ZERO;
    for piece in pieces {
        reader.push(piece);
        while let Some(item) = reader.next_item()? {
            match &item {
                BundleItem::Entry(entry) => {
                    let digest = Header::digest_of(&entry.raw.header);
                    reader.received(&EntryId::compute(&digest, &entry.raw.signature));
                }
                BundleItem::End { digest, .. } => claimed = *digest,
                BundleItem::Start(_) => {}
            }
            items.push(item);
        }
    }
    reader.finish(&claimed).map(|()| items)
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let [size, begun, rest @ ..] = bytes else { return };
    let mut file = if begun & 1 == 1 { start() } else { Vec::new() };
    file.extend_from_slice(rest);
    let whole = read(std::iter::once(&file[..]));
    assert_eq!(whole, read(file.chunks(usize::from(*size) + 1)));
});
