//! The canonical check against a recursive model written from the spec, and against another library.

use bulla_core::cbor::{CborErrorKind as Kind, Checker, Reader, Writer, check, check_prefix};
use bulla_core::limits::MAX_CBOR_DEPTH;
use ciborium::Value as Other;
use proptest::prelude::*;

/// A value of the subset.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    Uint(u64),
    Bytes(Vec<u8>),
    Text(String),
    Array(Vec<Self>),
    Map(Vec<(u64, Self)>),
    Bool(bool),
    Null,
}

fn encode(value: &Value, writer: &mut Writer) {
    match value {
        Value::Uint(n) => _ = writer.uint(*n),
        Value::Bytes(bytes) => _ = writer.bytes(bytes),
        Value::Text(text) => _ = writer.text(text),
        Value::Array(items) => {
            writer.array(items.len());
            items.iter().for_each(|item| encode(item, writer));
        }
        Value::Map(pairs) => {
            writer.map(pairs.len());
            for (key, value) in pairs {
                writer.uint(*key);
                encode(value, writer);
            }
        }
        Value::Bool(value) => _ = writer.bool(*value),
        Value::Null => _ = writer.null(),
    }
}

/// The model: recursive, one item at a time, rules in the order of CBOR-11.
fn model(bytes: &[u8], at: usize, depth: usize) -> Result<(Value, usize), (Kind, usize)> {
    let fail = |kind| Err((kind, at));
    let Some(first) = bytes.get(at) else { return fail(Kind::Truncated) };
    let (major, low) = (first / 32, first % 32);
    match (major, low) {
        (7, 20) => return Ok((Value::Bool(false), at + 1)),
        (7, 21) => return Ok((Value::Bool(true), at + 1)),
        (7, 22) => return Ok((Value::Null, at + 1)),
        (2..=5 | 7, 31) => return fail(Kind::Indefinite),
        (1 | 6 | 7, _) | (_, 28..) => return fail(Kind::Type),
        _ => {}
    }
    let width = if low < 24 { 0 } else { 1 << (low - 24) };
    if bytes.len() < at + 1 + width {
        return fail(Kind::Truncated);
    }
    let mut argument = u64::from(low);
    if width > 0 {
        argument = bytes[at + 1..at + 1 + width].iter().fold(0, |n, b| n * 256 + u64::from(*b));
        let needed = match argument {
            0..24 => 0,
            24..0x100 => 1,
            0x100..0x1_0000 => 2,
            0x1_0000..0x1_0000_0000 => 4,
            _ => 8,
        };
        if needed != width {
            return fail(Kind::NotShortest);
        }
    }
    let mut position = at + 1 + width;
    let left = (bytes.len() - position) as u64;
    match major {
        0 => Ok((Value::Uint(argument), position)),
        2 | 3 => {
            if argument > left {
                return fail(Kind::Truncated);
            }
            let end = position + usize::try_from(argument).unwrap();
            let body = bytes[position..end].to_vec();
            if major == 2 {
                return Ok((Value::Bytes(body), end));
            }
            String::from_utf8(body)
                .map_or_else(|_| fail(Kind::Utf8), |text| Ok((Value::Text(text), end)))
        }
        4 => {
            if depth == MAX_CBOR_DEPTH {
                return fail(Kind::Depth);
            }
            if argument > left {
                return fail(Kind::Truncated);
            }
            let mut items = Vec::new();
            for _ in 0..argument {
                let (item, next) = model(bytes, position, depth + 1)?;
                items.push(item);
                position = next;
            }
            Ok((Value::Array(items), position))
        }
        _ => {
            if depth == MAX_CBOR_DEPTH {
                return fail(Kind::Depth);
            }
            if argument > left / 2 {
                return fail(Kind::Truncated);
            }
            let mut pairs: Vec<(u64, Value)> = Vec::new();
            for _ in 0..argument {
                // What is wrong with the head of the key is named first, then that it is no key, then its inside.
                let key = match (model(bytes, position, depth + 1), bytes.get(position)) {
                    (Ok((Value::Uint(key), next)), _) => (key, next),
                    (Err((kind @ (Kind::Indefinite | Kind::Type | Kind::NotShortest), at)), _)
                        if at == position =>
                    {
                        return Err((kind, at));
                    }
                    (Err((Kind::Truncated, at)), first)
                        if at == position && head_is_cut(bytes, position, first.copied()) =>
                    {
                        return Err((Kind::Truncated, at));
                    }
                    _ => return Err((Kind::MapKeys, position)),
                };
                if pairs.last().is_some_and(|(last, _)| *last >= key.0) {
                    return Err((Kind::MapKeys, position));
                }
                let (value, next) = model(bytes, key.1, depth + 1)?;
                pairs.push((key.0, value));
                position = next;
            }
            Ok((Value::Map(pairs), position))
        }
    }
}

fn head_is_cut(bytes: &[u8], at: usize, first: Option<u8>) -> bool {
    first.is_none_or(|first| {
        (24..28).contains(&(first % 32)) && bytes.len() < at + 1 + (1 << (first % 32 - 24))
    })
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        prop_oneof![0_u64..30, 250_u64..260, 65_530_u64..65_540, any::<u64>()]
            .prop_map(Value::Uint),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Value::Bytes),
        ".{0,12}".prop_map(Value::Text),
        any::<bool>().prop_map(Value::Bool),
        Just(Value::Null),
    ];
    leaf.prop_recursive(7, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::btree_map(prop_oneof![0_u64..30, any::<u64>()], inner, 0..6)
                .prop_map(|map| Value::Map(map.into_iter().collect())),
        ]
    })
}

/// Bytes close to canonical items: an encoding with a few bytes changed, cut or added.
fn near_misses() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), any::<u8>(), 0..4_u8);
    (values(), prop::collection::vec(change, 0..4)).prop_map(|(value, changes)| {
        let mut writer = Writer::new();
        encode(&value, &mut writer);
        let mut bytes = writer.into_bytes();
        for (index, byte, how) in changes {
            let at = index.index(bytes.len() + 1);
            match how {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, byte),
                _ => {
                    if let Some(old) = bytes.get_mut(at) {
                        *old = byte;
                    }
                }
            }
        }
        bytes
    })
}

fn agrees_with_model(bytes: &[u8]) -> Result<(), TestCaseError> {
    let expected = match model(bytes, 0, 0) {
        Ok((_, end)) if end == bytes.len() => Ok(()),
        Ok((_, end)) => Err((Kind::Trailing, end)),
        Err(error) => Err(error),
    };
    prop_assert_eq!(check(bytes).map_err(|error| (error.kind, error.offset)), expected);
    Ok(())
}

/// What ciborium makes of the bytes and writes again, if it reads all of them and finds nothing outside the subset.
fn through_ciborium(bytes: &[u8]) -> Option<Vec<u8>> {
    fn in_subset(value: &Other, depth: usize) -> bool {
        match value {
            Other::Integer(n) => u64::try_from(*n).is_ok(),
            Other::Bytes(_) | Other::Text(_) | Other::Bool(_) | Other::Null => true,
            Other::Array(items) => {
                depth < MAX_CBOR_DEPTH && items.iter().all(|item| in_subset(item, depth + 1))
            }
            Other::Map(pairs) => {
                let key = |key: &Other| key.as_integer().and_then(|n| u64::try_from(n).ok());
                depth < MAX_CBOR_DEPTH
                    && pairs.iter().all(|(k, v)| key(k).is_some() && in_subset(v, depth + 1))
                    && pairs.is_sorted_by(|a, b| key(&a.0) < key(&b.0))
            }
            _ => false,
        }
    }
    let mut rest = bytes;
    let value: Other = ciborium::de::from_reader_with_recursion_limit(&mut rest, 64).ok()?;
    let mut written = Vec::new();
    ciborium::into_writer(&value, &mut written).unwrap();
    (rest.is_empty() && in_subset(&value, 0)).then_some(written)
}

proptest! {
    #[test]
    fn what_is_written_is_canonical_and_reads_back(value in values()) {
        let mut writer = Writer::new();
        encode(&value, &mut writer);
        let bytes = writer.into_bytes();
        prop_assert_eq!(check(&bytes), Ok(()));
        let (read, end) = model(&bytes, 0, 0).unwrap();
        prop_assert_eq!((read, end), (value, bytes.len()));
    }

    #[test]
    fn agrees_with_a_recursive_model_on_near_misses(bytes in near_misses()) {
        agrees_with_model(&bytes)?;
    }

    #[test]
    fn agrees_with_a_recursive_model_on_noise(bytes in prop::collection::vec(any::<u8>(), 0..24)) {
        agrees_with_model(&bytes)?;
    }

    /// Another library decodes and encodes again; the bytes are canonical exactly when nothing changed.
    #[test]
    fn agrees_with_another_library(bytes in near_misses()) {
        let unchanged = through_ciborium(&bytes).is_some_and(|written| written == bytes);
        prop_assert_eq!(check(&bytes).is_ok(), unchanged);
    }

    /// Bytes that come one by one give the same answer as all at once, and more bytes never mend another error.
    #[test]
    fn in_pieces_as_at_once(bytes in near_misses()) {
        let mut checker = Checker::new();
        let mut verdict = Err(Kind::Truncated);
        for length in 0..=bytes.len() {
            verdict = checker.advance(&bytes[..length]).map_err(|error| error.kind);
            if verdict != Err(Kind::Truncated) {
                break;
            }
        }
        prop_assert_eq!(verdict, check_prefix(&bytes).map_err(|error| error.kind));
    }

    /// A reader alone never takes a second encoding of an integer.
    #[test]
    fn reader_takes_only_the_shortest_integer(bytes in prop::collection::vec(any::<u8>(), 1..10)) {
        let mut reader = Reader::new(&bytes);
        if let Ok(value) = reader.uint(u64::MAX) {
            let mut writer = Writer::new();
            writer.uint(value);
            prop_assert_eq!(writer.as_bytes(), &bytes[..reader.position()]);
        }
    }
}

/// Every sequence of up to three bytes.
#[test]
fn agrees_with_a_recursive_model_on_all_short_inputs() {
    for length in 0..=3_u32 {
        for number in 0..1_u32 << (8 * length) {
            let bytes = &number.to_be_bytes()[4 - length as usize..];
            agrees_with_model(bytes).unwrap();
        }
    }
}

#[test]
fn reader_bounds_each_type() {
    fn fails<T: std::fmt::Debug>(
        bytes: &[u8],
        read: impl Fn(&mut Reader<'_>) -> Result<T, bulla_core::cbor::CborError>,
    ) -> Kind {
        read(&mut Reader::new(bytes)).unwrap_err().kind
    }
    assert_eq!(fails(&[0x18, 0x19], |r| r.uint(24)), Kind::Bounds);
    assert_eq!(fails(&[0x40], |r| r.uint(24)), Kind::Unexpected);
    assert_eq!(fails(&[0x42, 0, 0], |r| r.bytes(1).map(<[u8]>::to_vec)), Kind::Bounds);
    assert_eq!(fails(&[0x41, 0], |r| r.array_of::<2>()), Kind::Bounds);
    assert_eq!(fails(&[0x42, 0], |r| r.array_of::<2>()), Kind::Truncated);
    assert_eq!(fails(&[0x61, 0xff], |r| r.text(1).map(str::to_owned)), Kind::Utf8);
    assert_eq!(fails(&[0x62, b'a', b'b'], |r| r.text(1).map(str::to_owned)), Kind::Bounds);
    assert_eq!(fails(&[0x82], |r| r.array(1)), Kind::Bounds);
    assert_eq!(fails(&[0x82], |r| r.array_exact(1)), Kind::Count);
    assert_eq!(fails(&[0xa2], |r| r.map(1)), Kind::Bounds);
    assert_eq!(fails(&[0xf6], |r| r.bool()), Kind::Unexpected);
    assert_eq!(fails(&[0x00], |r| r.bool()), Kind::Unexpected);
    // A length that no machine holds is out of bounds, not an allocation.
    let huge = [0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    assert_eq!(fails(&huge, |r| r.bytes(usize::MAX).map(<[u8]>::to_vec)), Kind::Truncated);
    assert_eq!(fails(&huge, |r| r.bytes(1 << 20).map(<[u8]>::to_vec)), Kind::Bounds);

    let mut reader = Reader::new(&[0xf6, 0xf5, 0x01]);
    assert!(reader.null() && !reader.null());
    assert_eq!(reader.bool(), Ok(true));
    assert_eq!(reader.finish().unwrap_err().kind, Kind::Trailing);
    assert_eq!((reader.peek_major(), reader.position()), (Some(0), 2));
}
