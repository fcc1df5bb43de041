//! Diagnostic notation (RFC 8949, section 8) of the subset of CBOR in use.

use bulla_core::cbor::Reader;
use data_encoding::HEXLOWER;

/// Strings longer than this are cut in the middle.
const LONG: usize = 48;
/// Nothing nests deeper in a canonical item; of other bytes no more is shown.
const DEEPEST: usize = 8;

/// The first item of `bytes` in diagnostic notation; `None` when it cannot be read at all.
pub(crate) fn diagnostic(bytes: &[u8]) -> Option<String> {
    let mut out = String::new();
    item(&mut Reader::new(bytes), &mut out, DEEPEST)?;
    Some(out)
}

fn item(reader: &mut Reader<'_>, out: &mut String, depth: usize) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    match reader.peek_major()? {
        0 => out.push_str(&reader.uint(u64::MAX).ok()?.to_string()),
        2 => {
            let bytes = reader.bytes(usize::MAX).ok()?;
            let hex = HEXLOWER.encode(bytes.get(..LONG).unwrap_or(bytes));
            let rest = if bytes.len() > LONG {
                format!("…' /{} bytes/", bytes.len())
            } else {
                "'".to_owned()
            };
            out.push_str("h'");
            out.push_str(&hex);
            out.push_str(&rest);
        }
        3 => out.push_str(&format!("{:?}", reader.text(usize::MAX).ok()?)),
        4 => {
            let count = reader.array(usize::MAX).ok()?;
            out.push('[');
            for index in 0..count {
                if index > 0 {
                    out.push_str(", ");
                }
                item(reader, out, depth)?;
            }
            out.push(']');
        }
        5 => {
            let count = reader.map(usize::MAX).ok()?;
            out.push('{');
            for index in 0..count {
                if index > 0 {
                    out.push_str(", ");
                }
                item(reader, out, depth)?;
                out.push_str(": ");
                item(reader, out, depth)?;
            }
            out.push('}');
        }
        7 if reader.null() => out.push_str("null"),
        7 => out.push_str(if reader.bool().ok()? { "true" } else { "false" }),
        _ => return None,
    }
    Some(())
}
