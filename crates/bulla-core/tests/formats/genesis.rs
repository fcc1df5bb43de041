//! Every rule of the genesis payload.

use bulla_core::cbor::{CborErrorKind, Encode, Writer};
use bulla_core::genesis::{Founder, Genesis, GenesisError, Policy, RecoveryKey};
use bulla_core::limits::{MAX_COUNTER, MAX_FOUNDERS, MAX_GENESIS_BYTES};
use bulla_core::{AuthorKey, SealingKey};
use proptest::prelude::*;

fn key(number: u8) -> [u8; 32] {
    let mut key = [number; 32];
    key[0] = 1;
    key
}

fn founder(number: u8) -> Founder {
    Founder { author: AuthorKey(key(2 * number + 1)), sealing_key: SealingKey(key(2 * number + 2)) }
}

fn recovery() -> RecoveryKey {
    RecoveryKey { author: AuthorKey(key(200)), sealing_key: SealingKey(key(201)) }
}

fn sample() -> Genesis {
    let policy = Policy {
        minimum_format: Some(1),
        history_for_newcomers: Some(true),
        author_entries: None,
        author_bytes: Some(MAX_COUNTER),
        space_entries: Some(1000),
        space_bytes: None,
    };
    Genesis { founders: vec![founder(0), founder(1)], recovery: Some(recovery()), policy }
}

fn parse(genesis: &Genesis) -> Result<Genesis, GenesisError> {
    Genesis::parse(&genesis.to_cbor(), &founder(0).author)
}

#[test]
fn reads_what_it_writes() {
    assert_eq!(parse(&sample()), Ok(sample()));
    let least = Genesis { founders: vec![founder(0)], recovery: None, policy: Policy::default() };
    assert_eq!(parse(&least), Ok(least));
    let founders = (0..u8::try_from(MAX_FOUNDERS).unwrap()).map(founder).collect();
    let most = Genesis { founders, ..sample() };
    let bytes = most.to_cbor();
    assert!(bytes.len() <= MAX_GENESIS_BYTES, "{} bytes", bytes.len());
    assert_eq!(parse(&most), Ok(most));
}

#[test]
fn founders_are_distinct_and_the_author_is_first() {
    let refuse = |change: fn(&mut Genesis)| {
        let mut genesis = sample();
        change(&mut genesis);
        assert_eq!(parse(&genesis), Err(GenesisError::Founders));
    };
    refuse(|g| g.founders.clear());
    refuse(|g| g.founders.swap(0, 1));
    refuse(|g| g.founders.push(g.founders[1]));
    refuse(|g| g.founders[1].author = g.founders[0].author);
    refuse(|g| g.founders[1].sealing_key = g.founders[0].sealing_key);
    refuse(|g| g.founders[1].sealing_key.0 = g.founders[0].author.0);
    refuse(|g| g.founders[1].author = AuthorKey::ZERO);
    refuse(|g| g.founders[1].sealing_key = SealingKey::ZERO);
    let refuse_recovery = |change: fn(&mut RecoveryKey, &Founder)| {
        let mut genesis = sample();
        let mut recovery = recovery();
        change(&mut recovery, &genesis.founders[1]);
        genesis.recovery = Some(recovery);
        assert_eq!(parse(&genesis), Err(GenesisError::Founders));
    };
    refuse_recovery(|key, founder| key.author = founder.author);
    refuse_recovery(|key, founder| key.author.0 = founder.sealing_key.0);
    refuse_recovery(|key, founder| key.sealing_key.0 = founder.author.0);
    refuse_recovery(|key, founder| key.sealing_key = founder.sealing_key);
    refuse_recovery(|key, _| key.sealing_key.0 = key.author.0);
    // u = 1 and u = p - 1: what is sealed to them, nobody can seal, and no epoch would be made any more.
    let weak = |low: u8| {
        let mut u = [if low == 1 { 0 } else { 0xff }; 32];
        (u[0], u[31]) = (low, if low == 1 { 0x80 } else { 0x7f });
        SealingKey(u)
    };
    for low in [1, 0xec, 0xed, 0xee] {
        let mut genesis = sample();
        genesis.founders[1].sealing_key = weak(low);
        assert_eq!(parse(&genesis), Err(GenesisError::Founders), "{low}");
        let mut genesis = sample();
        genesis.recovery = Some(RecoveryKey { sealing_key: weak(low), ..recovery() });
        assert_eq!(parse(&genesis), Err(GenesisError::Founders), "{low}");
    }
    refuse_recovery(|key, _| key.author = AuthorKey::ZERO);
    refuse_recovery(|key, _| key.sealing_key = SealingKey::ZERO);
}

/// The payload item by item, so that a test can break one of them.
fn write(version: u64, elements: usize, policy: impl Fn(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.array(elements).uint(version).array(1).array(2).bytes(key(1)).bytes(key(2)).null();
    policy(&mut writer);
    writer.into_bytes()
}

fn error(bytes: &[u8]) -> GenesisError {
    Genesis::parse(bytes, &founder(0).author).unwrap_err()
}

fn cbor_error(bytes: &[u8]) -> CborErrorKind {
    match error(bytes) {
        GenesisError::Cbor(error) => error.kind,
        other => panic!("{other:?}"),
    }
}

#[test]
fn policy_keys_are_known_ascending_and_typed() {
    let policy = |write_policy: fn(&mut Writer)| write(1, 4, write_policy);
    assert_eq!(error(&policy(|w| _ = w.map(1).uint(0).uint(0))), GenesisError::PolicyKey(0));
    assert_eq!(error(&policy(|w| _ = w.map(1).uint(7).uint(0))), GenesisError::PolicyKey(7));
    assert_eq!(
        error(&policy(|w| _ = w.map(1).uint(u64::MAX).null())),
        GenesisError::PolicyKey(u64::MAX)
    );
    assert_eq!(
        cbor_error(&policy(|w| _ = w.map(2).uint(3).uint(1).uint(1).uint(1))),
        CborErrorKind::MapKeys
    );
    assert_eq!(
        cbor_error(&policy(|w| _ = w.map(2).uint(1).uint(1).uint(1).uint(1))),
        CborErrorKind::MapKeys
    );
    assert_eq!(cbor_error(&policy(|w| _ = w.map(1).uint(2).uint(1))), CborErrorKind::Unexpected);
    assert_eq!(cbor_error(&policy(|w| _ = w.map(1).uint(1).bool(true))), CborErrorKind::Unexpected);
    assert_eq!(
        cbor_error(&policy(|w| _ = w.map(1).uint(6).uint(MAX_COUNTER + 1))),
        CborErrorKind::Bounds
    );
    assert_eq!(cbor_error(&policy(|w| _ = w.array(0))), CborErrorKind::Unexpected);
}

#[test]
fn what_is_refused_when_read_is_refused_before_it_is_signed() {
    let policy = Policy { space_bytes: Some(MAX_COUNTER + 1), ..Policy::default() };
    let genesis = Genesis { policy, ..sample() };
    assert_eq!(genesis.validate(&founder(0).author), Err(GenesisError::PolicyValue));
    assert_eq!(cbor_error(&genesis.to_cbor()), CborErrorKind::Bounds);
    let founders = (0..=u8::try_from(MAX_FOUNDERS).unwrap()).map(founder).collect();
    let genesis = Genesis { founders, ..sample() };
    assert_eq!(genesis.validate(&founder(0).author), Err(GenesisError::Founders));
    assert_eq!(cbor_error(&genesis.to_cbor()), CborErrorKind::Bounds);
}

#[test]
fn the_order_of_the_checks() {
    let long = vec![0xff; MAX_GENESIS_BYTES + 1];
    assert_eq!(error(&long), GenesisError::TooLong);
    assert_eq!(
        error(&write(2, 9, |w| _ = w.map(0).null().null().null().null().null())),
        GenesisError::Version(2)
    );
    assert_eq!(cbor_error(&write(1, 5, |w| _ = w.map(0).null())), CborErrorKind::Count);
    assert_eq!(cbor_error(&[0x80]), CborErrorKind::Count);
    assert_eq!(cbor_error(&[]), CborErrorKind::Truncated);
    assert_eq!(cbor_error(&[0x01]), CborErrorKind::Unexpected);
    // A policy key is named before the founders are judged.
    let other = Genesis::parse(&write(1, 4, |w| _ = w.map(1).uint(9).uint(0)), &AuthorKey([7; 32]));
    assert_eq!(other, Err(GenesisError::PolicyKey(9)));
    let founders = Genesis::parse(&write(1, 4, |w| _ = w.map(0)), &AuthorKey([7; 32]));
    assert_eq!(founders, Err(GenesisError::Founders));
}

#[test]
fn cut_and_changed_at_every_byte() {
    let bytes = sample().to_cbor();
    for length in 0..bytes.len() {
        assert_eq!(cbor_error(&bytes[..length]), CborErrorKind::Truncated);
    }
    for at in 0..bytes.len() {
        for value in 0..=u8::MAX {
            let mut changed = bytes.clone();
            changed[at] = value;
            if let Ok(genesis) = Genesis::parse(&changed, &founder(0).author) {
                assert_eq!(genesis.to_cbor(), changed);
            }
        }
    }
}

proptest! {
    #[test]
    fn any_policy_reads_back(
        numbers in prop::array::uniform5(prop::option::of(0..=MAX_COUNTER)),
        history in prop::option::of(any::<bool>()),
    ) {
        let [minimum_format, author_entries, author_bytes, space_entries, space_bytes] = numbers;
        let policy = Policy {
            minimum_format, history_for_newcomers: history, author_entries, author_bytes, space_entries, space_bytes,
        };
        let genesis = Genesis { policy, ..sample() };
        prop_assert_eq!(parse(&genesis), Ok(genesis));
    }
}
