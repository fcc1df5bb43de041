//! The fields of each kind of object, each with the clause that defines it.

use bulla_core::cbor::{CborError, Reader};
use bulla_core::genesis::{Genesis, GenesisError};
use bulla_core::values::{Acknowledgement, Counted, Counting, Cursor, Filter, Freshness, Head};
use bulla_core::{AuthorKey, Bloom, Header};
use bulla_crypto::KeyTransfer;
use bulla_identity::Card;
use bulla_wire::bundle::BundleStart;

use super::{Explanation, Field, Refused, control, diagnostic, field};

pub(super) fn header(header: &Header) -> Vec<Field> {
    let zero = |is_zero: bool, text: String, meaning: &str| {
        if is_zero { format!("zero: {meaning}") } else { text }
    };
    let milliseconds = header.timestamp >> 16;
    let mut fields = vec![
        field("format version", 1, "ENT-1"),
        field(
            "space",
            zero(header.space.is_zero(), header.space.to_string(), "this is a genesis"),
            "ENT-3",
        ),
        field("author", header.author, "ENT-4"),
        field("sequence", header.sequence, "ENT-5"),
        field(
            "previous",
            zero(header.previous.is_zero(), header.previous.to_string(), "the author's first"),
            "ENT-5",
        ),
        field(
            "timestamp",
            format!(
                "{} (ms {milliseconds} since 1970, count {}); a hint",
                header.timestamp,
                header.timestamp & 0xffff
            ),
            "ENT-6",
        ),
        field("kind", header.kind, "ENT-7"),
        field("topic", zero(header.topic.is_zero(), header.topic.to_string(), "none"), "ENT-8"),
        field("dependencies", header.dependencies.len(), "ENT-9"),
    ];
    fields.extend(header.dependencies.iter().map(|id| field("  on", id, "ENT-9")));
    fields.extend([
        field(
            "key id",
            zero(header.key_id.is_zero(), header.key_id.to_string(), "plaintext control entry"),
            "ENT-10",
        ),
        field("salt", header.salt, "ENT-11"),
        field("payload length", format!("{} bytes", header.payload_length), "ENT-12"),
        field("content hash", header.content_hash, "ENT-13"),
    ]);
    fields
}

pub(super) fn cursor(cursor: &Cursor) -> Vec<Field> {
    vec![
        field("lineage", cursor.lineage, "CUR-1"),
        field("receipt", cursor.receipt, "CUR-1"),
        field("log hash", cursor.log_hash, "CUR-1"),
    ]
}

pub(super) fn head(head: &Head) -> Vec<Field> {
    let counted = |set: &Counted| format!("{} entries, {}", set.count, set.digest);
    let counting = match &head.counting {
        Counting::All => "by rule all: what is held".to_owned(),
        Counting::Directory(set) => format!("by rule directory: {}", counted(set)),
    };
    let freshness = match head.freshness {
        Freshness::Fresh => "fresh".to_owned(),
        Freshness::StaleSince(milliseconds) => format!("stale since ms {milliseconds}"),
    };
    vec![
        field("lineage", head.lineage, "HEAD-2"),
        field("last receipt", head.last_receipt, "HEAD-3"),
        field("log hash", head.log_hash, "HEAD-3"),
        field("control entries", counted(&head.control), "HEAD-3"),
        field("entries held", counted(&head.held), "HEAD-3"),
        field("counting entries", counting, "HEAD-4"),
        field("payloads present", counted(&head.present), "HEAD-3"),
        field("freshness", freshness, "HEAD-3"),
    ]
}

pub(super) fn bloom(bloom: &Bloom) -> Vec<Field> {
    vec![
        field("salt", data_encoding::HEXLOWER.encode(bloom.salt()), "BLM-3"),
        field("ids", bloom.count(), "BLM-5"),
        field("bits", bloom.size_bytes() * 8, "BLM-2"),
    ]
}

pub(super) fn acknowledgement(ack: &Acknowledgement) -> Vec<Field> {
    vec![
        field("node", ack.node, "ACK-1"),
        field("space", ack.space, "ACK-1"),
        field("lineage", ack.lineage, "ACK-1"),
        field("entries", ack.count, "ACK-2"),
        field("digest", ack.digest, "ACK-2"),
        field("signature", ack.signature, "ACK-3"),
    ]
}

pub(super) fn filter(filter: &Filter) -> Vec<Field> {
    let list =
        |items: Vec<String>| if items.is_empty() { "all".to_owned() } else { items.join(" ") };
    let kinds =
        filter.kinds.iter().map(|range| format!("{}-{}", range.first.0, range.last.0)).collect();
    let timestamps =
        filter.timestamps.map_or("all".to_owned(), |(first, last)| format!("{first}-{last}"));
    vec![
        field("topics", list(filter.topics.iter().map(ToString::to_string).collect()), "FLT-2"),
        field("kinds", list(kinds), "FLT-2"),
        field("authors", list(filter.authors.iter().map(ToString::to_string).collect()), "FLT-2"),
        field("timestamps", timestamps, "FLT-2"),
    ]
}

pub(super) fn card(card: &Card) -> Vec<Field> {
    vec![
        field("device", card.author(), "CARD-1"),
        field("sealing key", card.sealing_key(), "CARD-1"),
        field("label", format!("{:?}", card.label()), "CARD-1"),
        field("signature", "verifies", "CARD-2"),
    ]
}

pub(super) fn bundle(start: &BundleStart) -> Vec<Field> {
    let from = start.from.map_or("the beginning".to_owned(), |cursor| {
        format!("receipt {} of lineage {}", cursor.receipt, cursor.lineage)
    });
    let mut fields = vec![field("space", start.space, "BUN-2"), field("after", from, "BUN-2")];
    fields.extend(head(&start.to));
    fields
}

pub(super) fn key_transfer(transfer: &KeyTransfer) -> Vec<Field> {
    let mut fields = vec![
        field("space", transfer.space(), "KEY-8"),
        field("from", transfer.exporter(), "KEY-8"),
        field("to", transfer.recipient(), "KEY-8"),
    ];
    fields.extend(transfer.key_ids().iter().map(|id| field("key id", id, "KEY-8")));
    fields.push(field("signature", "checked by whoever opens it", "KEY-9"));
    fields
}

/// A genesis payload; its author is taken to be the first founder it names.
pub(super) fn genesis(bytes: &[u8]) -> Explanation {
    let first = || -> Result<AuthorKey, CborError> {
        let mut reader = Reader::new(bytes);
        reader.array_exact(4)?;
        reader.uint(u64::MAX)?;
        reader.array(usize::MAX)?;
        reader.array_exact(2)?;
        Ok(AuthorKey(reader.array_of()?))
    };
    let parsed =
        first().map_err(GenesisError::from).and_then(|author| Genesis::parse(bytes, &author));
    match parsed {
        Ok(genesis) => {
            let fields = control::genesis(&genesis);
            Explanation { what: "genesis payload", fields, refusal: None }
        }
        Err(error) => Explanation {
            what: "genesis payload",
            fields: diagnostic(bytes)
                .map(|text| vec![field("content", text, "CBOR-1")])
                .unwrap_or_default(),
            refusal: Some(Refused {
                code: error.code().to_string(),
                clause: error.clause().to_owned(),
                message: error.to_string(),
                offset: None,
            }),
        },
    }
}
