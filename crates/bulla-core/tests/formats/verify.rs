//! The verdicts on entries: what verification gives, and the order of its checks (VER-1 to VER-7).

use bulla_core::cbor::Encode;
use bulla_core::control::ControlError;
use bulla_core::genesis::GenesisError;
use bulla_core::verify::attach_payload;
use bulla_core::{
    AuthorKey, Code, ContentHash, Header, HeaderError, Kind, RawEntry, Signature, SpaceId,
    Verified, Verifier, VerifyError,
};
use bytes::Bytes;

use crate::support::{
    author, device, genesis, genesis_header, genesis_payload, header, id_of, sign, sign_bytes,
};

static VERIFIER: Verifier = Verifier::new([1; 32]);

/// The verdict, which must be the same alone and in a batch.
fn verify(space: &SpaceId, raw: &RawEntry) -> Result<Verified, VerifyError> {
    let verdict = VERIFIER.verify(space, raw.clone());
    assert_eq!(VERIFIER.verify_batch(space, vec![raw.clone()]), std::slice::from_ref(&verdict));
    assert_eq!(
        VERIFIER.verify_batch(space, vec![raw.clone(), raw.clone()]),
        [verdict.clone(), verdict.clone()]
    );
    verdict
}

fn code(verdict: Result<Verified, VerifyError>) -> Code {
    verdict.unwrap_err().code()
}

#[test]
fn what_verifies_is_what_was_given() {
    let alice = device(1);
    let (founding, space) = genesis(&alice);
    let payload = [5; 60];
    let fields = header(space, &alice, &payload);
    let raw = sign(&alice, &fields, Some(&payload));

    let entry = verify(&space, &raw).unwrap();
    assert_eq!((entry.id(), entry.header(), entry.to_raw()), (id_of(&raw), &fields, raw.clone()));
    assert_eq!(entry.payload().map(|payload| &payload[..]), Some(&payload[..]));
    assert_eq!(entry.verified_header().space(), space);
    assert_eq!(entry.size_bytes(), raw.header.len() + 64 + 60);

    let bare = RawEntry { payload: None, ..raw };
    let header = verify(&space, &bare).unwrap();
    assert_eq!((header.payload(), header.to_raw()), (None, bare));
    assert_eq!(header.verified_header(), entry.verified_header());

    let genesis = verify(&space, &founding).unwrap();
    assert_eq!((SpaceId::from(genesis.id()), genesis.verified_header().space()), (space, space));
    assert_eq!(VERIFIER.verify_genesis(founding).unwrap(), genesis);
}

#[test]
fn only_a_genesis_founds() {
    let alice = device(1);
    let (founding, space) = genesis(&alice);
    let entry = sign(&alice, &header(space, &alice, &[0; 16]), None);
    assert_eq!(VERIFIER.verify_genesis(entry), Err(HeaderError::Genesis.into()));
    let mut broken = founding.clone();
    broken.signature.0[7] ^= 1;
    assert_eq!(
        VERIFIER.verify_genesis(broken.clone()),
        Err(VerifyError::Signature(author(&alice)))
    );
    // Under another signature it would found another space.
    assert_eq!(verify(&space, &broken), Err(VerifyError::Space { expected: space }));
    assert!(VERIFIER.verify_genesis(RawEntry { payload: None, ..founding }).is_ok());
}

#[test]
fn genesis_payloads_are_read() {
    let alice = device(1);
    let refuse = |payload: &[u8]| {
        let raw = sign(&alice, &genesis_header(&alice, payload), Some(payload));
        let verdict = VERIFIER.verify_genesis(raw.clone());
        assert_eq!(verify(&id_of(&raw).into(), &raw), verdict);
        match verdict.unwrap_err() {
            VerifyError::Control(ControlError::Genesis(error)) => error,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refuse(&genesis_payload(&device(2))), GenesisError::Founders);
    assert_eq!(refuse(&[0x82, 0x05, 0x00]), GenesisError::Version(5));
    assert!(matches!(refuse(b""), GenesisError::Cbor(_)));
    assert_eq!(refuse(&[0; 20_000]), GenesisError::TooLong);
}

#[test]
fn the_order_of_the_checks() {
    let (alice, bob) = (device(1), device(2));
    let (_, space) = genesis(&alice);
    let elsewhere = genesis(&bob).1;
    let payload = [1; 20];
    let fields = header(space, &alice, &payload);

    // Everything is wrong; one after another is put right.
    let mut weak = [0; 32];
    weak[0] = 1;
    let mut broken =
        Header { author: AuthorKey(weak), space: elsewhere, sequence: 0, ..fields.clone() };
    let everything_wrong = |header: &Header| RawEntry {
        header: header.to_cbor().into(),
        signature: Signature([0xff; 64]),
        payload: Some(Bytes::from_static(b"short")),
    };
    assert_eq!(code(verify(&space, &everything_wrong(&broken))).as_str(), "header.sequence");
    broken.sequence = fields.sequence;
    assert_eq!(code(verify(&space, &everything_wrong(&broken))).as_str(), "entry.space");
    broken.space = space;
    assert_eq!(code(verify(&space, &everything_wrong(&broken))).as_str(), "entry.author_key");
    broken.author = fields.author;
    assert_eq!(code(verify(&space, &everything_wrong(&broken))).as_str(), "entry.signature");
    let mut raw = sign(&alice, &broken, Some(b"short"));
    assert_eq!(code(verify(&space, &raw)).as_str(), "entry.payload_length");
    raw.payload = Some(Bytes::from_static(&[2; 20]));
    assert_eq!(code(verify(&space, &raw)).as_str(), "entry.content_hash");
    raw.payload = Some(Bytes::copy_from_slice(&payload));
    assert!(verify(&space, &raw).is_ok());
}

#[test]
fn a_good_signature_over_bad_bytes_is_no_entry() {
    let alice = device(1);
    let (_, space) = genesis(&alice);
    let good = header(space, &alice, &[0; 16]).to_cbor();
    let changes: [fn(&mut Vec<u8>); 4] = [
        |bytes| bytes.push(0),
        |bytes| _ = bytes.pop(),
        |bytes| _ = bytes.splice(1..2, [0x18, 0x01]),
        |bytes| bytes[1] = 2,
    ];
    for (change, expected) in changes.iter().zip([
        "cbor.trailing",
        "cbor.truncated",
        "cbor.not_shortest",
        "header.version",
    ]) {
        let mut bytes = good.clone();
        change(&mut bytes);
        assert_eq!(code(verify(&space, &sign_bytes(&alice, bytes, None))).as_str(), expected);
    }
    let mut unknown = header(space, &alice, &[0; 16]);
    unknown.kind = Kind(9);
    assert_eq!(
        verify(&space, &sign(&alice, &unknown, None)),
        Err(HeaderError::ControlKind(9).into())
    );
}

#[test]
fn payloads_may_follow() {
    let alice = device(1);
    let (founding, space) = genesis(&alice);
    let payload = [5; 60];
    let raw = sign(&alice, &header(space, &alice, &payload), None);
    let header = verify(&space, &raw).unwrap().verified_header().clone();
    let entry = attach_payload(header.clone(), Bytes::copy_from_slice(&payload)).unwrap();
    assert_eq!(entry.to_raw().payload.unwrap()[..], payload);
    assert_eq!(entry.verified_header(), &header);
    let wrong = attach_payload(header.clone(), Bytes::from_static(&[6; 60]));
    let (expected, actual) = (ContentHash::of(&payload), ContentHash::of(&[6; 60]));
    assert_eq!(wrong, Err(VerifyError::ContentHash { expected, actual }));
    let short = attach_payload(header, Bytes::from_static(&[5; 59]));
    assert_eq!(short, Err(VerifyError::PayloadLength { expected: 60, actual: 59 }));

    // The payload of a genesis is read however it comes.
    let founding_header = RawEntry { payload: None, ..founding.clone() };
    let header = VERIFIER.verify_genesis(founding_header).unwrap().verified_header().clone();
    assert!(attach_payload(header, founding.payload.unwrap()).is_ok());
    let bad = genesis_payload(&device(3));
    let raw = sign(&alice, &genesis_header(&alice, &bad), None);
    let header = VERIFIER.verify_genesis(raw).unwrap().verified_header().clone();
    assert_eq!(
        attach_payload(header, bad.into()),
        Err(ControlError::Genesis(GenesisError::Founders).into())
    );
}
