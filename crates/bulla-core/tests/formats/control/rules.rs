//! Every rule between the fields of a control payload, broken one by one, and every bound of a field.

use bulla_core::cbor::Encode;
use bulla_core::control::{
    Claimed, Control, ControlError, Cut, Cuts, Epoch, Erase, Frontier, Grant, GrantedDevice, Group,
    Recovery, RemovedDevice, Role, RoleChange,
};
use bulla_core::limits::MAX_COUNTER;
use bulla_core::{AuthorKey, EntryId, KeyId, Kind, SealingKey, SpaceId, Topic};

use super::samples::{card, context, one_of_each};

/// The sample of a kind after a change, judged before signing and after receiving.
fn refused<T: Clone>(pick: impl Fn(&Control) -> Option<&T>, change: impl Fn(&mut T)) -> ControlError
where
    Control: From<T>,
{
    let mut payload = one_of_each().iter().find_map(|control| pick(control).cloned()).unwrap();
    change(&mut payload);
    let control = Control::from(payload);
    let read = Control::parse(control.kind(), &control.to_cbor(), &context()).unwrap_err();
    let code = control.validate(&context()).unwrap_err().code();
    assert_eq!(code, read.code(), "before signing and after receiving");
    read
}

macro_rules! refused {
    ($variant:ident, $change:expr) => {
        refused(
            |control| match control {
                Control::$variant(payload) => Some(payload),
                _ => None,
            },
            $change,
        )
    };
}

fn key(number: u8) -> AuthorKey {
    AuthorKey([number; 32])
}

fn cut(sequence: u64, id: u8, control: Option<u8>) -> Cut {
    Cut { sequence, id: EntryId([id; 32]), control: control.map(|id| EntryId([id; 32])) }
}

fn bounds(error: ControlError) -> bool {
    error.code().as_str() == "cbor.bounds"
}

/// Clauses: CTL-10.
#[test]
fn grants() {
    let node = |key: AuthorKey, role| {
        refused!(Grant, |g: &mut Grant| (g.device, g.role) = (GrantedDevice::Node(key), role))
    };
    for role in [Role::Reader, Role::Writer, Role::Admin] {
        assert_eq!(node(key(1), role), ControlError::GrantDevice);
    }
    assert_eq!(node(AuthorKey::ZERO, Role::Relay), ControlError::Zero);
    let elsewhere = GrantedDevice::Card(card(3, SpaceId([9; 32])));
    assert_eq!(refused!(Grant, |g: &mut Grant| g.device = elsewhere), ControlError::GrantSpace);
}

/// Clauses: CTL-4, CTL-6.
#[test]
fn cuts() {
    let broken: [(&[Cut], ControlError); 7] = [
        (&[cut(0, 1, None)], ControlError::Cut),
        (&[cut(4, 0, None)], ControlError::Cut),
        (&[cut(4, 1, Some(0))], ControlError::Cut),
        (&[cut(4, 1, None), cut(0, 2, None)], ControlError::Cut),
        (&[cut(4, 2, None), cut(0, 1, None)], ControlError::Cut),
        (&[cut(4, 2, None), cut(4, 1, None)], ControlError::Order),
        (&[cut(4, 1, None), cut(5, 1, None)], ControlError::Order),
    ];
    for (cuts, expected) in broken {
        let cuts = Cuts(cuts.to_vec());
        assert_eq!(refused!(Revoke, |r| r.cuts = cuts.clone()), expected);
        assert_eq!(refused!(Role, |r: &mut RoleChange| r.cuts = Some(cuts.clone())), expected);
        let removed = vec![RemovedDevice { device: key(9), cuts: cuts.clone() }];
        assert_eq!(refused!(Group, |g: &mut Group| g.removed = removed.clone()), expected);
        assert_eq!(refused!(Recovery, |r: &mut Recovery| r.revoked = removed.clone()), expected);
    }
    let many = Cuts((1..=17).map(|number| cut(4, number, None)).collect());
    assert!(bounds(refused!(Revoke, |r| r.cuts = many.clone())));
    let high = Cuts(vec![cut(MAX_COUNTER + 1, 1, None)]);
    assert!(bounds(refused!(Revoke, |r| r.cuts = high.clone())));
    assert_eq!(refused!(Revoke, |r| r.device = AuthorKey::ZERO), ControlError::Zero);
    assert_eq!(refused!(Role, |r: &mut RoleChange| r.device = AuthorKey::ZERO), ControlError::Zero);
}

/// Clauses: CTL-4, CTL-30.
#[test]
fn epochs() {
    let epoch = |change: fn(&mut Epoch)| refused!(Epoch, change);
    assert_eq!(epoch(|e| e.parents.swap(0, 1)), ControlError::Order);
    assert_eq!(epoch(|e| e.parents[1] = e.parents[0]), ControlError::Order);
    assert_eq!(epoch(|e| e.parents[0] = EntryId::ZERO), ControlError::Zero);
    assert_eq!(epoch(|e| e.recipients.swap(0, 1)), ControlError::Order);
    assert_eq!(epoch(|e| e.recipients[0].device = AuthorKey::ZERO), ControlError::Zero);
    assert_eq!(epoch(|e| e.key_id = KeyId::ZERO), ControlError::EpochKeyId);
    assert!(bounds(epoch(|e| e.recipients.clear())));
    assert!(bounds(epoch(|e| e.inherited.truncate(15))));
    assert!(bounds(epoch(|e| e.inherited.resize(4_097, 0))));
}

/// Clauses: CTL-4, CTL-40.
#[test]
fn frontiers() {
    let frontier = |change: fn(&mut Frontier)| refused!(Frontier, change);
    assert_eq!(frontier(|f| f.claimed.swap(0, 1)), ControlError::Order);
    assert_eq!(frontier(|f| f.claimed[0].author = AuthorKey::ZERO), ControlError::Zero);
    assert_eq!(frontier(|f| f.claimed[1].id = EntryId::ZERO), ControlError::Zero);
    assert!(bounds(frontier(|f| f.claimed[1].sequence = 0)));
    assert!(bounds(frontier(|f| f.claimed[1].sequence = MAX_COUNTER + 1)));
    assert!(bounds(frontier(|f| f.proven[0].header = vec![0; 8_193].into())));
    let twice = |f: &mut Frontier| {
        f.claimed = vec![Claimed { sequence: 8, ..f.claimed[0] }, f.claimed[0]];
    };
    assert_eq!(refused!(Frontier, twice), ControlError::Order);
}

/// Clauses: CTL-4, CTL-50.
#[test]
fn groups() {
    let group = |change: fn(&mut Group)| refused!(Group, change);
    assert_eq!(group(|g| g.added.swap(0, 1)), ControlError::Order);
    assert_eq!(group(|g| g.added[0] = AuthorKey::ZERO), ControlError::Zero);
    assert_eq!(group(|g| g.removed.swap(0, 1)), ControlError::Order);
    assert_eq!(group(|g| g.removed[0].device = AuthorKey::ZERO), ControlError::Zero);
    assert_eq!(group(|g| g.added[1] = g.removed[1].device), ControlError::GroupBoth);
    assert_eq!(group(|g| g.removed[0].device = g.added[0]), ControlError::GroupBoth);
    assert_eq!(group(|g| g.group = EntryId::ZERO), ControlError::GroupFounding);
}

/// Clauses: CTL-4, CTL-60.
#[test]
fn erasures() {
    let erase = |change: fn(&mut Erase)| refused!(Erase, change);
    assert_eq!(erase(|e| e.ids.swap(0, 1)), ControlError::Order);
    assert_eq!(erase(|e| e.ids[0] = EntryId::ZERO), ControlError::Zero);
    assert_eq!(erase(|e| e.ranges[0].author = AuthorKey::ZERO), ControlError::Zero);
    assert_eq!(erase(|e| e.ranges[2].author = AuthorKey::ZERO), ControlError::Zero);
    // By author, sequence, topic, none first.
    assert_eq!(erase(|e| e.ranges.swap(0, 1)), ControlError::Order);
    assert_eq!(erase(|e| e.ranges.swap(1, 2)), ControlError::Order);
    assert_eq!(erase(|e| e.ranges[1].topic = None), ControlError::Order);
    assert_eq!(erase(|e| e.ranges[0].topic = Some(Topic([7; 16]))), ControlError::Order);
    assert_eq!(erase(|e| e.ranges[0].author = key(9)), ControlError::Order);
    assert!(bounds(erase(|e| e.ranges[0].sequence = 0)));
    assert!(bounds(erase(|e| e.ranges[2].sequence = MAX_COUNTER + 1)));
    assert_eq!(erase(|e| (e.ids, e.ranges) = (vec![], vec![])), ControlError::EraseEmpty);
}

/// Clauses: CTL-4, CTL-70.
#[test]
fn recoveries() {
    let recovery = |change: fn(&mut Recovery)| refused!(Recovery, change);
    assert_eq!(recovery(|r| r.revoked.swap(0, 1)), ControlError::Order);
    assert_eq!(recovery(|r| r.revoked[0].device = AuthorKey::ZERO), ControlError::Zero);
    assert_eq!(recovery(|r| r.device = Some(card(3, SpaceId([9; 32])))), ControlError::GrantSpace);
    assert_eq!(recovery(|r| (r.device, r.next) = (None, None)), ControlError::RecoveryEmpty);
    let device = card(5, context().space);
    let taken = [[0; 32], context().author.0, device.author().0, device.sealing_key().0];
    for taken in taken {
        for place in 0..2 {
            let error = refused!(Recovery, |r: &mut Recovery| {
                let next = r.next.as_mut().unwrap();
                if place == 0 {
                    next.author = AuthorKey(taken);
                } else {
                    next.sealing_key = SealingKey(taken);
                }
            });
            assert_eq!(error, ControlError::RecoveryNext, "{taken:02x?} in place {place}");
        }
    }
    let twice = |r: &mut Recovery| {
        let next = r.next.as_mut().unwrap();
        next.sealing_key = SealingKey(next.author.0);
    };
    assert_eq!(refused!(Recovery, twice), ControlError::RecoveryNext);
    let one = [[1].as_slice(), &[0; 31]].concat().try_into().unwrap();
    let weak = |r: &mut Recovery| r.next.as_mut().unwrap().sealing_key = SealingKey(one);
    assert_eq!(refused!(Recovery, weak), ControlError::RecoveryNext);
}

/// Every code of an error is that of its clause in the chapter.
#[test]
fn codes_and_clauses() {
    let errors = [
        (ControlError::Version(2), "control.version", "CTL-1"),
        (ControlError::Zero, "control.zero", "CTL-4"),
        (ControlError::Order, "control.order", "CTL-4"),
        (ControlError::Cut, "control.cut", "CTL-6"),
        (ControlError::GrantDevice, "grant.device", "CTL-10"),
        (ControlError::GrantSpace, "grant.space", "CTL-10"),
        (ControlError::EpochKeyId, "epoch.key_id", "CTL-30"),
        (ControlError::GroupBoth, "group.both", "CTL-50"),
        (ControlError::GroupFounding, "group.founding", "CTL-50"),
        (ControlError::EraseEmpty, "erase.empty", "CTL-60"),
        (ControlError::RecoveryEmpty, "recovery.empty", "CTL-70"),
        (ControlError::RecoveryNext, "recovery.next", "CTL-70"),
        (ControlError::Kind(Kind::OPERATION.0), "header.control_kind", "ENT-7"),
    ];
    for (error, code, clause) in errors {
        assert_eq!((error.code().as_str(), error.clause()), (code, clause));
    }
}
