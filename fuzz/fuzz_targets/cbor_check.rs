//! The canonical check against another library: bytes pass exactly if that library reads all of them, finds nothing
//! outside the subset, and writes the same bytes again.
#![no_main]

use bulla_core::cbor::check;
use bulla_core::limits::MAX_CBOR_DEPTH;
use ciborium::Value;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut rest = bytes;
    let read = ciborium::de::from_reader_with_recursion_limit::<Value, _>(&mut rest, 64).ok();
    let unchanged =
        read.filter(|value| rest.is_empty() && in_subset(value, 0)).is_some_and(|value| {
            let mut written = Vec::new();
            ciborium::into_writer(&value, &mut written).is_ok() && written == bytes
        });
    assert_eq!(check(bytes).is_ok(), unchanged);
});

fn in_subset(value: &Value, depth: usize) -> bool {
    match value {
        Value::Integer(number) => u64::try_from(*number).is_ok(),
        Value::Bytes(_) | Value::Text(_) | Value::Bool(_) | Value::Null => true,
        Value::Array(items) => {
            depth < MAX_CBOR_DEPTH && items.iter().all(|item| in_subset(item, depth + 1))
        }
        Value::Map(pairs) => {
            let key = |key: &Value| key.as_integer().and_then(|number| u64::try_from(number).ok());
            depth < MAX_CBOR_DEPTH
                && pairs.iter().all(|(k, v)| key(k).is_some() && in_subset(v, depth + 1))
                && pairs.is_sorted_by(|a, b| key(&a.0) < key(&b.0))
        }
        _ => false,
    }
}
