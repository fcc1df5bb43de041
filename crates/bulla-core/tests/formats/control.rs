//! Control payloads: random ones against their rules, every cut, every changed byte, and what they cost.

#[path = "control/samples.rs"]
mod samples;

use bulla_core::cbor::{CborErrorKind, Encode, Writer};
use bulla_core::control::{Context, Control, ControlError, Erase, ErasedRange, Role};
use bulla_core::joining_card::JoiningCardError;
use bulla_core::limits::MAX_PAYLOAD_BYTES;
use bulla_core::verify::{SignatureError, attach_payload};
use bulla_core::{
    AuthorKey, EntryId, Header, HeaderError, KeyId, Kind, Topic, Verified, VerifiedEntry, Verifier,
    VerifyError,
};
use proptest::prelude::*;

use crate::support::{device, genesis, header, id, sign};
use samples::{any_control, context, one_of_each};

fn parse(control: &Control) -> Result<Control, ControlError> {
    Control::parse(control.kind(), &control.to_cbor(), &context())
}

#[test]
fn each_kind_reads_what_it_writes() {
    for control in one_of_each() {
        assert_eq!(control.validate(&context()), Ok(()), "{}", control.kind());
        assert_eq!(parse(&control), Ok(control));
    }
}

#[test]
fn every_cut_is_refused_as_such() {
    for control in one_of_each() {
        let bytes = control.to_cbor();
        for length in 0..bytes.len() {
            let error = Control::parse(control.kind(), &bytes[..length], &context()).unwrap_err();
            assert_eq!(error.code().as_str(), "cbor.truncated", "{} at {length}", control.kind());
        }
        let longer = [bytes, vec![0]].concat();
        let error = Control::parse(control.kind(), &longer, &context()).unwrap_err();
        assert_eq!(error.code().as_str(), "cbor.trailing", "{}", control.kind());
    }
}

/// No change of one byte goes unnoticed: the bytes are refused, or are the one encoding of another payload.
#[test]
fn every_byte_changed_is_refused_or_another_payload() {
    for control in one_of_each() {
        let bytes = control.to_cbor();
        for at in 0..bytes.len() {
            for value in [0, 1, bytes[at] ^ 1, bytes[at] ^ 0x80, bytes[at] ^ 0x20, 0xff] {
                let mut changed = bytes.clone();
                changed[at] = value;
                if let Ok(read) = Control::parse(control.kind(), &changed, &context()) {
                    assert_eq!(read.to_cbor(), changed);
                    assert_eq!(read == control, changed == bytes);
                }
            }
        }
    }
}

#[test]
fn no_payload_passes_as_one_of_another_kind() {
    // Revocations and erasures have as many elements, but others.
    for control in one_of_each() {
        for kind in (0..16).map(Kind).filter(|kind| *kind != control.kind()) {
            let read = Control::parse(kind, &control.to_cbor(), &context());
            assert!(read.is_err(), "{} as {kind}: {read:?}", control.kind());
        }
    }
}

#[test]
fn kinds_without_a_control_payload_are_the_callers_fault() {
    for kind in [9, 15, 16, 300] {
        let error = Control::parse(Kind(kind), &[0x81, 1], &context()).unwrap_err();
        assert_eq!(error, ControlError::Kind(kind));
        assert_eq!(error.code().as_str(), "header.control_kind");
    }
}

proptest! {
    /// `validate` before signing and `parse` after receiving accept exactly the same payloads.
    #[test]
    fn reads_exactly_what_validates(control in any_control()) {
        let read = parse(&control);
        prop_assert_eq!(read.is_ok(), control.validate(&context()).is_ok(), "{:?}", read);
        if let Ok(read) = read {
            prop_assert_eq!(read, control);
        }
    }

    #[test]
    fn any_cut_is_refused(control in any_control(), at in any::<prop::sample::Index>()) {
        let bytes = control.to_cbor();
        let cut = &bytes[..at.index(bytes.len())];
        let error = Control::parse(control.kind(), cut, &context()).unwrap_err();
        let code = error.code();
        prop_assert_eq!(code.as_str(), "cbor.truncated");
    }

    #[test]
    fn what_reads_has_one_encoding(kind in 1_u16..9, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(read) = Control::parse(Kind(kind), &bytes, &context()) {
            prop_assert_eq!(read.to_cbor(), bytes);
        }
    }

    /// An erasure names what a walk through its lists says it does.
    ///
    /// Clauses: CTL-61.
    #[test]
    fn erasures_name_what_their_lists_say(
        ids in prop::collection::btree_set(0_u64..6, 0..4),
        ranges in prop::collection::btree_set((0_u8..3, 1_u64..6, prop::option::of(0_u8..3)), 0..8),
        entry in (0_u64..6, 0_u8..3, 1_u64..6, 0_u8..3, prop_oneof![0_u16..10, 14_u16..20]),
    ) {
        let author = |number: u8| AuthorKey([number + 1; 32]);
        let topic = |number: u8| Topic([number; 16]);
        let mut names: Vec<EntryId> = ids.iter().map(|number| id(*number)).collect();
        names.sort_unstable();
        let erase = Erase {
            ids: names,
            ranges: ranges.iter().map(|(by, sequence, of)| ErasedRange {
                author: author(*by), sequence: *sequence, topic: of.map(topic),
            }).collect(),
        };
        prop_assert!(erase.ranges.is_sorted());
        let (number, by, sequence, of, kind) = entry;
        let fields = Header {
            author: author(by), sequence, topic: topic(of), kind: Kind(kind),
            ..header(context().space, &device(1), &[0; 16])
        };
        let expected = kind >= 16 && (ids.contains(&number) || ranges.iter().any(|range| {
            range.0 == by && sequence <= range.1 && range.2.is_none_or(|other| other == of)
        }));
        prop_assert_eq!(erase.names(&id(number), &fields), expected);
    }
}

/// A control entry of `kind` with this payload, for the space that device 1 founds.
fn entry(kind: Kind, payload: &[u8]) -> (Header, bulla_core::RawEntry) {
    let founder = device(1);
    let fields = Header {
        kind,
        topic: Topic::ZERO,
        key_id: KeyId::ZERO,
        ..header(context().space, &founder, payload)
    };
    let raw = sign(&founder, &fields, Some(payload));
    (fields, raw)
}

fn verify(raw: bulla_core::RawEntry) -> Result<Verified, VerifyError> {
    Verifier::new([7; 32]).verify(&context().space, raw)
}

/// Clauses: VER-7, VER-8, VER-11.
#[test]
fn verified_control_entries_are_well_formed() {
    assert_eq!(genesis(&device(1)).1, context().space);
    for control in one_of_each().into_iter().filter(|control| control.kind() != Kind::GENESIS) {
        let kind = control.kind();
        let (fields, raw) = entry(kind, &control.to_cbor());
        assert_eq!(Context::from(&fields), context());
        let Ok(Verified::Entry(verified)) = verify(raw.clone()) else { panic!("{kind}") };
        assert_eq!(verified.control(), Some(control.clone()));

        // What is not well formed is no entry, together with its header and after it.
        let bad = [control.to_cbor(), vec![0]].concat();
        let (_, raw_bad) = entry(kind, &bad);
        let mut alone = raw_bad.clone();
        let refused = verify(raw_bad).unwrap_err();
        assert!(matches!(refused, VerifyError::Control(_)), "{kind}: {refused}");
        assert_eq!((refused.code().as_str(), refused.clause()), ("cbor.trailing", "CBOR-2"));
        alone.payload = None;
        let header = verify(alone).unwrap().verified_header().clone();
        assert_eq!(attach_payload(header.clone(), bad.clone().into()), Err(refused));
        assert_eq!(VerifiedEntry::from_store(header, bad.into()), Err(refused));

        // What was verified reads back from a store.
        let header = verified.verified_header().clone();
        let read = VerifiedEntry::from_store(header, verified.payload().clone()).unwrap();
        assert_eq!(read.control(), Some(control));
    }
    let founding = genesis(&device(1)).0;
    let founding = Verifier::new([7; 32]).verify_genesis(founding).unwrap();
    let Verified::Entry(founding) = founding else { panic!() };
    assert!(matches!(founding.control(), Some(Control::Genesis(_))));
    let operation =
        sign(&device(1), &header(context().space, &device(1), &[0; 16]), Some(&[0; 16]));
    let Ok(Verified::Entry(operation)) = verify(operation) else { panic!() };
    assert_eq!(operation.control(), None);
}

/// The signature of a joining card is judged wherever a payload comes from outside, and there alone.
///
/// Clauses: CTL-10, VER-7, VER-8.
#[test]
fn cards_in_grants_are_judged() {
    let grant = one_of_each().into_iter().find(|control| control.kind() == Kind::GRANT).unwrap();
    let mut payload = grant.to_cbor();
    // The last byte of the signature's `R`.
    let at = payload.windows(204).position(|card| card.starts_with(&[0x86, 1, 0x58, 32])).unwrap();
    payload[at + 204 - 33] ^= 1;
    let refused = VerifyError::Control(ControlError::Card(JoiningCardError::Signature(
        SignatureError::Mismatch,
    )));
    let (_, raw) = entry(Kind::GRANT, &payload);
    assert_eq!(verify(raw.clone()), Err(refused));
    let alone = bulla_core::RawEntry { payload: None, ..raw };
    let header = verify(alone).unwrap().verified_header().clone();
    assert_eq!(attach_payload(header.clone(), payload.clone().into()), Err(refused));
    // A store is trusted to have refused it (VER-8): it comes back as it was.
    let read = VerifiedEntry::from_store(header, payload.clone().into()).unwrap();
    assert_eq!(read.control().unwrap().to_cbor(), payload);
}

/// Clauses: ENT-7, ENT-8.
#[test]
fn unknown_control_kinds_and_topics_are_refused() {
    let (mut fields, _) = entry(Kind(9), &[0x81, 1]);
    assert_eq!(fields.validate(), Err(HeaderError::ControlKind(9)));
    fields.kind = Kind::FRONTIER;
    assert_eq!(fields.validate(), Ok(()));
    fields.topic = Topic([1; 16]);
    assert_eq!(fields.validate(), Err(HeaderError::Topic));
}

#[test]
fn roles_are_four() {
    for number in 0..300 {
        let role = Role::from_number(number);
        assert_eq!(role.is_some(), (1..=4).contains(&number));
        assert_eq!(role.map(|role| u64::from(role.number())), role.map(|_| number));
    }
    assert!(Role::ALL.is_sorted());
    assert_eq!(Role::ALL.map(Role::name), ["relay", "reader", "writer", "admin"]);
}

/// Lists as long as they may be in payloads as long as they may be, all their elements alike or of another type.
#[test]
fn the_longest_lists_are_judged() {
    let longest =
        |kind: Kind, element: &dyn Fn(&mut Writer), before: &dyn Fn(&mut Writer), count| {
            let mut writer = Writer::new();
            before(&mut writer);
            writer.array(count);
            (0..count).for_each(|_| element(&mut writer));
            (kind, writer.into_bytes())
        };
    let device = |w: &mut Writer| _ = w.array(2).bytes([1; 32]).bytes([2; 80]);
    let epoch = |w: &mut Writer| {
        w.array(6).uint(1).bytes([0; 32]).array(0).bytes([3; 32]);
    };
    let proven = |w: &mut Writer| _ = w.array(2).bytes([1; 4000]).bytes([2; 64]);
    let frontier = |w: &mut Writer| _ = w.array(3).uint(1);
    let payloads = [
        longest(Kind::EPOCH, &device, &epoch, 8_192),
        longest(Kind::EPOCH, &|w| _ = w.uint(0), &epoch, 8_192),
        longest(Kind::FRONTIER, &proven, &frontier, 256),
        longest(Kind::FRONTIER, &|w| _ = w.array(0), &frontier, 256),
        longest(Kind::ERASE, &|w| _ = w.bytes([9; 32]), &frontier, 4_096),
        (Kind::GRANT, vec![0x80; MAX_PAYLOAD_BYTES]),
    ];
    for (kind, payload) in &payloads {
        assert!(payload.len() <= MAX_PAYLOAD_BYTES, "{kind}: {}", payload.len());
        assert!(Control::parse(*kind, payload, &context()).is_err(), "{kind}");
    }
    let too_long = vec![0; MAX_PAYLOAD_BYTES + 1];
    for kind in (1..9).map(Kind) {
        let error = Control::parse(kind, &too_long, &context()).unwrap_err();
        let ControlError::Cbor(error) = error else { panic!("{error}") };
        assert_eq!((error.kind, error.offset), (CborErrorKind::Bounds, 0));
    }
}
