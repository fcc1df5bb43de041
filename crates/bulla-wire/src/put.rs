//! What became of entries sent to a node (WIRE-31, WIRE-32). The request is a stream: see
//! [`BodyEncoder::put`](crate::BodyEncoder::put).

use bulla_core::Lineage;
use bulla_core::cbor::{CborError, CborErrorKind, Decode, Encode, Reader, Writer};
use bulla_core::limits::{MAX_COUNTER, MAX_ENTRIES_PER_PUT};
use bulla_core::values::{Acknowledgement, PutOutcome, PutReport, Refusal};

use crate::capabilities::read_code;

/// One outcome per entry, and the node's signature over what it holds.
///
/// Encoded as `[lineage, outcomes, acknowledgement]`. An outcome is `[0, receipt]` stored, `[1, receipt]` duplicate,
/// `[2, receipt]` payload added, `[3, code, retryable]` refused or `[4]` pending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutAnswer {
    /// The outcomes.
    pub report: PutReport,
    /// The node's word on the entries with a receipt; there is one also when there are none (ACK-1).
    pub acknowledgement: Acknowledgement,
}

impl Encode for PutAnswer {
    fn encode(&self, writer: &mut Writer) {
        writer.array(3).bytes(self.report.lineage).array(self.report.outcomes.len());
        for outcome in &self.report.outcomes {
            match outcome {
                PutOutcome::Stored(receipt) => writer.array(2).uint(0).uint(*receipt),
                PutOutcome::Duplicate(receipt) => writer.array(2).uint(1).uint(*receipt),
                PutOutcome::PayloadAdded(receipt) => writer.array(2).uint(2).uint(*receipt),
                PutOutcome::Refused(refusal) => {
                    writer.array(3).uint(3).text(refusal.code.as_str()).bool(refusal.is_retryable)
                }
                PutOutcome::Pending => writer.array(1).uint(4),
            };
        }
        self.acknowledgement.encode(writer);
    }
}

impl Decode for PutAnswer {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_exact(3)?;
        let lineage = Lineage(reader.array_of()?);
        let count = reader.array(MAX_ENTRIES_PER_PUT)?;
        let mut outcomes = Vec::with_capacity(count);
        for _ in 0..count {
            outcomes.push(decode_outcome(reader)?);
        }
        let acknowledgement = Acknowledgement::decode(reader)?;
        Ok(Self { report: PutReport { lineage, outcomes }, acknowledgement })
    }
}

fn decode_outcome(reader: &mut Reader<'_>) -> Result<PutOutcome, CborError> {
    let start = reader.position();
    let elements = reader.array(3)?;
    if elements == 0 {
        return Err(Reader::error_at(start, CborErrorKind::Count));
    }
    let tag = reader.uint(u64::MAX)?;
    let expected = match tag {
        0..=2 => 2,
        3 => 3,
        4 => 1,
        _ => return Err(Reader::error_at(start, CborErrorKind::Bounds)),
    };
    if elements != expected {
        return Err(Reader::error_at(start, CborErrorKind::Count));
    }
    Ok(match tag {
        0 => PutOutcome::Stored(receipt(reader)?),
        1 => PutOutcome::Duplicate(receipt(reader)?),
        2 => PutOutcome::PayloadAdded(receipt(reader)?),
        3 => {
            PutOutcome::Refused(Refusal { code: read_code(reader)?, is_retryable: reader.bool()? })
        }
        _ => PutOutcome::Pending,
    })
}

/// A receipt: never zero.
fn receipt(reader: &mut Reader<'_>) -> Result<u64, CborError> {
    let start = reader.position();
    match reader.uint(MAX_COUNTER)? {
        0 => Err(Reader::error_at(start, CborErrorKind::Bounds)),
        receipt => Ok(receipt),
    }
}
