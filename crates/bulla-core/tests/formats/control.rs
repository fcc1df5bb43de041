//! Control payloads: random ones against their rules, every cut, every changed byte, and what they cost.

#[path = "control/rules.rs"]
mod rules;
#[path = "control/samples.rs"]
mod samples;

use bulla_core::cbor::{Encode, Writer};
use bulla_core::control::{
    Claimed, Context, Control, ControlError, Epoch, Erase, ErasedRange, Frontier, Proven,
    Recipient, Role,
};
use bulla_core::joining_card::JoiningCardError;
use bulla_core::limits::MAX_PAYLOAD_BYTES;
use bulla_core::verify::{SignatureError, attach_payload};
use bulla_core::{
    AuthorKey, EntryId, Header, HeaderError, KeyId, Kind, Signature, Topic, Verified,
    VerifiedEntry, Verifier, VerifyError,
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

/// A payload up to the head of a list of `count` elements, each of them the integer 0.
fn list(before: &dyn Fn(&mut Writer), count: usize, after: &dyn Fn(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::new();
    before(&mut writer);
    writer.array(count);
    (0..count).for_each(|_| _ = writer.uint(0));
    after(&mut writer);
    writer.into_bytes()
}

/// A list that is longer than its bound is refused before its elements are looked at.
///
/// Clauses: CTL-3, CTL-6, CTL-30, CTL-40, CTL-50, CTL-60, CTL-70.
#[test]
fn every_list_has_its_bound() {
    type Write = fn(&mut Writer);
    let none: Write = |_| ();
    let lists: [(Kind, usize, Write, Write); 11] = [
        (Kind::REVOKE, 16, |w| _ = w.array(3).uint(1).bytes([1; 32]), none),
        (Kind::ROLE, 16, |w| _ = w.array(4).uint(1).bytes([1; 32]).uint(1), none),
        (
            Kind::EPOCH,
            64,
            |w| _ = w.array(6).uint(1).bytes([0; 32]),
            |w| {
                w.bytes([3; 32]).array(0).bytes([0; 16]);
            },
        ),
        (
            Kind::EPOCH,
            8_192,
            |w| _ = w.array(6).uint(1).bytes([0; 32]).array(0).bytes([3; 32]),
            |w| _ = w.bytes([0; 16]),
        ),
        (Kind::FRONTIER, 256, |w| _ = w.array(3).uint(1), |w| _ = w.array(0)),
        (Kind::FRONTIER, 4_096, |w| _ = w.array(3).uint(1).array(0), none),
        (Kind::GROUP, 1_024, |w| _ = w.array(5).uint(1).bytes([0; 32]).null(), |w| _ = w.array(0)),
        (Kind::GROUP, 1_024, |w| _ = w.array(5).uint(1).bytes([0; 32]).null().array(0), none),
        (Kind::ERASE, 4_096, |w| _ = w.array(3).uint(1), |w| _ = w.array(0)),
        (Kind::ERASE, 4_096, |w| _ = w.array(3).uint(1).array(0), none),
        (Kind::RECOVERY, 1_024, |w| _ = w.array(4).uint(1).null(), |w| _ = w.null()),
    ];
    for (kind, most, before, after) in lists {
        let code = |count| {
            let payload = list(&before, count, &after);
            Control::parse(kind, &payload, &context()).unwrap_err().code()
        };
        assert_eq!(code(most).as_str(), "cbor.unexpected", "{kind}: {most}");
        assert_eq!(code(most + 1).as_str(), "cbor.bounds", "{kind}: {}", most + 1);
    }
}

/// What is longest in payloads that are as long as they may be.
#[test]
fn the_longest_payloads_read() {
    let key = |number: u32| {
        let mut key = [1; 32];
        key[..4].copy_from_slice(&number.to_be_bytes());
        key
    };
    let epoch = Epoch {
        group: EntryId::ZERO,
        parents: (0..64).map(|number| EntryId(key(number))).collect(),
        key_id: KeyId([1; 32]),
        recipients: (0..8_192)
            .map(|number| Recipient { device: AuthorKey(key(number)), sealed: [2; 80] })
            .collect(),
        inherited: vec![3; 4_096],
    };
    for number in [0, 1, 4_000, 8_191] {
        assert_eq!(epoch.sealed_to(&AuthorKey(key(number))), Some(&[2; 80]));
    }
    assert_eq!(epoch.sealed_to(&AuthorKey(key(8_192))), None);
    let claimed = |number| Claimed { author: AuthorKey(key(number)), sequence: 1, id: id(1) };
    let frontier = Frontier {
        proven: vec![Proven { header: vec![5; 2_800].into(), signature: Signature([6; 64]) }; 256],
        claimed: (0..4_096).map(claimed).collect(),
    };
    let range = |number| ErasedRange { author: AuthorKey(key(number)), sequence: 9, topic: None };
    let erase = Erase {
        ids: (0..4_096).map(|number| EntryId(key(number))).collect(),
        ranges: (0..4_096).map(range).collect(),
    };
    let controls: [Control; 3] = [epoch.into(), frontier.into(), erase.into()];
    for control in &controls {
        let bytes = control.to_cbor();
        assert!((250_000..=MAX_PAYLOAD_BYTES).contains(&bytes.len()), "{}", bytes.len());
        assert_eq!(control.validate(&context()), Ok(()));
        assert_eq!(parse(control).as_ref(), Ok(control));
    }
    // A frontier may hold more than a payload does: then it is not signed.
    let Control::Frontier(mut frontier) = controls[1].clone() else { panic!() };
    frontier.proven.iter_mut().for_each(|proven| proven.header = vec![5; 8_192].into());
    let frontier = Control::from(frontier);
    let refused = frontier.validate(&context()).unwrap_err();
    assert_eq!((refused.code().as_str(), refused.clause()), ("cbor.bounds", "CBOR-10"));
    assert_eq!(parse(&frontier), Err(refused));
}

/// Clauses: CTL-1, CTL-3.
#[test]
fn the_order_of_the_checks() {
    let code = |bytes: &[u8]| Control::parse(Kind::ERASE, bytes, &context()).unwrap_err().code();
    let steps: [(&str, Vec<u8>); 9] = [
        ("cbor.bounds", vec![0xff; MAX_PAYLOAD_BYTES + 1]),
        ("cbor.indefinite", vec![0xff; MAX_PAYLOAD_BYTES]),
        // Not canonical further on, and of another version.
        ("cbor.not_shortest", vec![0x82, 0x02, 0x18, 0x01]),
        ("cbor.unexpected", vec![0x01]),
        ("cbor.count", vec![0x80]),
        ("cbor.unexpected", vec![0x81, 0x40]),
        ("control.version", vec![0x82, 0x02, 0x60]),
        ("cbor.count", vec![0x82, 0x01, 0x60]),
        ("cbor.unexpected", vec![0x83, 0x01, 0x60, 0x80]),
    ];
    for (expected, bytes) in steps {
        assert_eq!(code(&bytes).as_str(), expected, "{:02x?}", &bytes[..bytes.len().min(8)]);
    }
    assert_eq!(code(&[0x83, 0x01, 0x80, 0x80]).as_str(), "erase.empty");
    for length in [0_u8, 1, 3, 4] {
        let bytes = [vec![0x81 + length, 0x01], vec![0x80; usize::from(length)]].concat();
        assert_eq!(code(&bytes).as_str(), "cbor.count", "{length} elements");
    }
}
