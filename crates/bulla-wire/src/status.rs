//! How a store is doing (WIRE-39).

use bulla_core::cbor::{CborError, CborErrorKind, Decode, Encode, Reader, Writer};
use bulla_core::limits::MAX_COUNTER;
use bulla_core::values::{Durability, StoreStatus};

use crate::capabilities::read_code;
use crate::limits::{MAX_ENGINE_BYTES, MAX_IMPAIRMENTS, MAX_STATUS_CHAIN};

/// The status of a store and of the stores behind it.
///
/// Encoded as an array of 1 to 17 statuses, the store asked first and each one's upstream after it, so that depth does
/// not grow with the chain. Each is `[engine, durability, entries, payload bytes, disk bytes, commits, fsyncs,
/// compactions running, compaction pending bytes, impairments]`; durability is 0 every commit, `[1, milliseconds]`
/// interval, 2 none, 3 upstream; impairments are codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusAnswer(pub StoreStatus);

impl Encode for StatusAnswer {
    fn encode(&self, writer: &mut Writer) {
        let mut chain = vec![&self.0];
        while let Some(upstream) = chain.last().and_then(|status| status.upstream.as_deref())
            && chain.len() < MAX_STATUS_CHAIN
        {
            chain.push(upstream);
        }
        writer.array(chain.len());
        for status in chain {
            encode_one(status, writer);
        }
    }
}

impl Decode for StatusAnswer {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        let start = reader.position();
        let count = reader.array(MAX_STATUS_CHAIN)?;
        let mut chain = Vec::with_capacity(count);
        for _ in 0..count {
            chain.push(decode_one(reader)?);
        }
        let mut upstream = None;
        while let Some(mut status) = chain.pop() {
            status.upstream = upstream.map(Box::new);
            upstream = Some(status);
        }
        upstream.map(Self).ok_or(Reader::error_at(start, CborErrorKind::Bounds))
    }
}

fn encode_one(status: &StoreStatus, writer: &mut Writer) {
    writer.array(10).text(truncated(&status.engine, MAX_ENGINE_BYTES));
    match status.durability {
        Durability::EveryCommit => writer.uint(0),
        Durability::Interval(milliseconds) => writer.array(2).uint(1).uint(milliseconds),
        Durability::None => writer.uint(2),
        Durability::Upstream => writer.uint(3),
    };
    writer.uint(status.entries).uint(status.payload_bytes).uint(status.disk_bytes);
    writer.uint(status.commits).uint(status.fsyncs).uint(status.compactions_running);
    writer.uint(status.compaction_pending_bytes);
    let impairments = status.impairments.len().min(MAX_IMPAIRMENTS);
    writer.array(impairments);
    for code in status.impairments.iter().take(impairments) {
        writer.text(code.as_str());
    }
}

fn decode_one(reader: &mut Reader<'_>) -> Result<StoreStatus, CborError> {
    reader.array_exact(10)?;
    let engine = reader.text(MAX_ENGINE_BYTES)?.to_owned();
    let durability = decode_durability(reader)?;
    let mut status = StoreStatus::new(engine, durability);
    status.entries = reader.uint(MAX_COUNTER)?;
    status.payload_bytes = reader.uint(MAX_COUNTER)?;
    status.disk_bytes = reader.uint(MAX_COUNTER)?;
    status.commits = reader.uint(MAX_COUNTER)?;
    status.fsyncs = reader.uint(MAX_COUNTER)?;
    status.compactions_running = reader.uint(MAX_COUNTER)?;
    status.compaction_pending_bytes = reader.uint(MAX_COUNTER)?;
    for _ in 0..reader.array(MAX_IMPAIRMENTS)? {
        status.impairments.push(read_code(reader)?);
    }
    Ok(status)
}

fn decode_durability(reader: &mut Reader<'_>) -> Result<Durability, CborError> {
    let start = reader.position();
    let bounds = Reader::error_at(start, CborErrorKind::Bounds);
    if reader.peek_major() == Some(4) {
        reader.array_exact(2)?;
        return match reader.uint(u64::MAX)? {
            1 => Ok(Durability::Interval(reader.uint(MAX_COUNTER)?)),
            _ => Err(bounds),
        };
    }
    match reader.uint(u64::MAX)? {
        0 => Ok(Durability::EveryCommit),
        2 => Ok(Durability::None),
        3 => Ok(Durability::Upstream),
        _ => Err(bounds),
    }
}

/// The longest prefix of `text` that has at most `most` bytes.
pub(crate) fn truncated(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}
