//! Control payloads of every kind: one good one of each, and random ones of which many break a rule.

use bulla_core::control::{
    Claimed, Context, Control, Cut, Cuts, Epoch, Erase, ErasedRange, Frontier, Grant,
    GrantedDevice, Group, Proven, Recipient, Recovery, RemovedDevice, Revoke, Role, RoleChange,
    SealedLabel,
};
use bulla_core::genesis::{Founder, Genesis, Policy, RecoveryKey};
use bulla_core::limits::MAX_COUNTER;
use bulla_core::{
    AuthorKey, EntryId, InvitationId, JoiningCard, JoiningClaim, KeyId, Salt, SealingKey,
    Signature, SpaceId, Topic,
};
use bytes::Bytes;
use ed25519_dalek::Signer;
use proptest::prelude::*;

use crate::support::{author, device, genesis};

/// Entries by device 1 in the space that it founds.
pub(crate) fn context() -> Context {
    Context { space: genesis(&device(1)).1, author: author(&device(1)) }
}

/// The card of a device for a space.
pub(crate) fn card(seed: u8, space: SpaceId) -> JoiningCard {
    let claim = JoiningClaim {
        space,
        author: author(&device(seed)),
        sealing_key: SealingKey([seed ^ 0x40; 32]),
        invitation: InvitationId::ZERO,
    };
    let signature = Signature(device(seed).sign(&claim.signing_message()).to_bytes());
    claim.verify(signature).unwrap()
}

fn ids<const N: usize>(numbers: [u8; N]) -> Vec<EntryId> {
    numbers.map(|number| EntryId([number; 32])).to_vec()
}

fn cuts() -> Cuts {
    let cut = |sequence, id: u8, control: Option<u8>| Cut {
        sequence,
        id: EntryId([id; 32]),
        control: control.map(|id| EntryId([id; 32])),
    };
    Cuts(vec![cut(5, 0x10, Some(0x33)), cut(MAX_COUNTER, 0x11, None)])
}

fn removed(device: u8) -> RemovedDevice {
    RemovedDevice { device: AuthorKey([device; 32]), cuts: cuts() }
}

fn label() -> SealedLabel {
    SealedLabel { key_id: KeyId([4; 32]), salt: Salt([5; 24]), ciphertext: [6; 81] }
}

/// A good payload of each kind, all their lists filled.
pub(crate) fn one_of_each() -> Vec<Control> {
    let key = |number: u8| RecoveryKey {
        author: AuthorKey([number; 32]),
        sealing_key: SealingKey([number + 1; 32]),
    };
    let recipient = |number: u8| Recipient { device: AuthorKey([number; 32]), sealed: [7; 80] };
    let proven = |number: u8| Proven {
        header: Bytes::from(vec![number; 300]),
        signature: Signature([number; 64]),
    };
    let claimed = |number: u8| Claimed {
        author: AuthorKey([number; 32]),
        sequence: u64::from(number),
        id: EntryId([9; 32]),
    };
    let range = |author: u8, sequence, topic: Option<u8>| ErasedRange {
        author: AuthorKey([author; 32]),
        sequence,
        topic: topic.map(|topic| Topic([topic; 16])),
    };
    let founder = Founder { author: context().author, sealing_key: SealingKey([0x41; 32]) };
    vec![
        Genesis { founders: vec![founder], recovery: Some(key(0x50)), policy: Policy::default() }
            .into(),
        Grant {
            device: GrantedDevice::Card(card(2, context().space)),
            role: Role::Writer,
            label: Some(label()),
        }
        .into(),
        RoleChange { device: AuthorKey([3; 32]), role: Role::Reader, cuts: Some(cuts()) }.into(),
        Revoke { device: AuthorKey([3; 32]), cuts: cuts() }.into(),
        Epoch {
            group: EntryId([8; 32]),
            parents: ids([1, 2, 3]),
            key_id: KeyId([9; 32]),
            recipients: vec![recipient(1), recipient(2)],
            inherited: vec![4; 100],
        }
        .into(),
        Frontier { proven: vec![proven(2), proven(1)], claimed: vec![claimed(1), claimed(2)] }
            .into(),
        Group {
            group: EntryId([8; 32]),
            label: Some(label()),
            added: vec![AuthorKey([1; 32]), AuthorKey([3; 32])],
            removed: vec![removed(2), removed(4)],
        }
        .into(),
        Erase {
            ids: ids([1, 2]),
            ranges: vec![range(1, 5, None), range(1, 5, Some(0)), range(1, 6, None)],
        }
        .into(),
        Recovery {
            device: Some(card(5, context().space)),
            revoked: vec![removed(2), removed(4)],
            next: Some(key(0x60)),
        }
        .into(),
    ]
}

/// Ids and devices out of few, zero among them, in their order or not.
fn some_ids(most: usize) -> impl Strategy<Value = Vec<[u8; 32]>> {
    let one = || prop_oneof![1 => Just([0; 32]), 30 => (1_u8..40).prop_map(|number| [number; 32])];
    prop_oneof![
        4 => prop::collection::btree_set(one(), 0..most).prop_map(|set| set.into_iter().collect::<Vec<_>>()),
        1 => prop::collection::vec(one(), 0..4),
    ]
}

fn some_cuts() -> impl Strategy<Value = Cuts> {
    let sequences = prop_oneof![1 => Just(0), 20 => 1..=MAX_COUNTER, 1 => Just(MAX_COUNTER + 1)];
    let cut = (sequences, prop::option::of(prop_oneof![1 => Just([0; 32]), 20 => Just([1; 32])]));
    (some_ids(19), prop::collection::vec(cut, 30)).prop_map(|(ids, rest)| {
        let cut = |(id, (sequence, control)): ([u8; 32], (u64, Option<[u8; 32]>))| Cut {
            sequence,
            id: EntryId(id),
            control: control.map(EntryId),
        };
        Cuts(ids.into_iter().zip(rest).map(cut).collect())
    })
}

fn some_removed() -> impl Strategy<Value = Vec<RemovedDevice>> {
    (some_ids(4), prop::collection::vec(some_cuts(), 4)).prop_map(|(devices, cuts)| {
        let pairs = devices.into_iter().zip(cuts);
        pairs.map(|(device, cuts)| RemovedDevice { device: AuthorKey(device), cuts }).collect()
    })
}

fn some_card() -> impl Strategy<Value = JoiningCard> {
    (2_u8..6, any::<prop::sample::Index>()).prop_map(|(seed, other)| {
        let space = if other.index(10) == 0 { SpaceId([9; 32]) } else { context().space };
        card(seed, space)
    })
}

fn roles() -> impl Strategy<Value = Role> {
    prop::sample::select(Role::ALL.to_vec())
}

fn some_device() -> impl Strategy<Value = AuthorKey> {
    prop_oneof![1 => Just(AuthorKey::ZERO), 9 => any::<[u8; 32]>().prop_map(AuthorKey)]
}

fn some_label() -> impl Strategy<Value = Option<SealedLabel>> {
    prop::option::of((any::<[u8; 32]>(), any::<[u8; 24]>(), any::<u8>())).prop_map(|label| {
        label.map(|(key_id, salt, byte)| SealedLabel {
            key_id: KeyId(key_id),
            salt: Salt(salt),
            ciphertext: [byte; 81],
        })
    })
}

fn some_keys() -> impl Strategy<Value = RecoveryKey> {
    let key = || {
        prop_oneof![
            1 => Just([0; 32]),
            1 => Just(context().author.0),
            1 => (2_u8..6).prop_map(|seed| author(&device(seed)).0),
            1 => (2_u8..6).prop_map(|seed| [seed ^ 0x40; 32]),
            6 => (50_u8..53).prop_map(|number| [number; 32]),
        ]
    };
    (key(), key()).prop_map(|(author, sealing)| RecoveryKey {
        author: AuthorKey(author),
        sealing_key: SealingKey(sealing),
    })
}

fn grants() -> impl Strategy<Value = Control> {
    let device = prop_oneof![
        2 => some_card().prop_map(GrantedDevice::Card),
        1 => some_device().prop_map(GrantedDevice::Node),
    ];
    (device, roles(), some_label())
        .prop_map(|(device, role, label)| Grant { device, role, label }.into())
}

fn epochs() -> impl Strategy<Value = Control> {
    let inherited = prop_oneof![8 => 16_usize..4_097, 1 => 0_usize..17, 1 => 4_096_usize..4_098];
    let key_id = prop_oneof![1 => Just([0; 32]), 9 => any::<[u8; 32]>()];
    (any::<[u8; 32]>(), some_ids(80), key_id, some_ids(40), inherited).prop_map(
        |(group, parents, key_id, devices, inherited)| {
            let recipient =
                |device: [u8; 32]| Recipient { device: AuthorKey(device), sealed: [3; 80] };
            Epoch {
                group: EntryId(group),
                parents: parents.into_iter().map(EntryId).collect(),
                key_id: KeyId(key_id),
                recipients: devices.into_iter().map(recipient).collect(),
                inherited: vec![5; inherited],
            }
            .into()
        },
    )
}

fn frontiers() -> impl Strategy<Value = Control> {
    let header = prop_oneof![9 => 0_usize..400, 1 => 8_190_usize..8_195];
    let claim = (0_u64..30, 0_u8..30);
    (
        prop::collection::vec((header, any::<u8>()), 0..5),
        some_ids(40),
        prop::collection::vec(claim, 40),
    )
        .prop_map(|(headers, authors, claims)| {
            let proven = |(length, byte): (usize, u8)| Proven {
                header: vec![byte; length].into(),
                signature: Signature([byte; 64]),
            };
            let claimed = |(author, (sequence, id)): ([u8; 32], (u64, u8))| Claimed {
                author: AuthorKey(author),
                sequence,
                id: EntryId([id; 32]),
            };
            Frontier {
                proven: headers.into_iter().map(proven).collect(),
                claimed: authors.into_iter().zip(claims).map(claimed).collect(),
            }
            .into()
        })
}

fn groups() -> impl Strategy<Value = Control> {
    let group = prop_oneof![1 => Just([0; 32]), 2 => any::<[u8; 32]>()];
    (group, some_label(), some_ids(5), some_removed()).prop_map(|(group, label, added, removed)| {
        let added = added.into_iter().map(AuthorKey).collect();
        Group { group: EntryId(group), label, added, removed }.into()
    })
}

fn erasures() -> impl Strategy<Value = Control> {
    let range = || (0_u8..4, 0_u64..4, prop::option::of(0_u8..3));
    let ranges = prop_oneof![
        3 => prop::collection::btree_set((1_u8..4, 1_u64..4, prop::option::of(0_u8..3)), 0..20)
            .prop_map(|set| set.into_iter().collect::<Vec<_>>()),
        1 => prop::collection::vec(range(), 0..4),
    ];
    (some_ids(20), ranges).prop_map(|(ids, ranges)| {
        let range = |(author, sequence, topic): (u8, u64, Option<u8>)| ErasedRange {
            author: AuthorKey([author; 32]),
            sequence,
            topic: topic.map(|topic| Topic([topic; 16])),
        };
        Erase {
            ids: ids.into_iter().map(EntryId).collect(),
            ranges: ranges.into_iter().map(range).collect(),
        }
        .into()
    })
}

fn recoveries() -> impl Strategy<Value = Control> {
    (prop::option::of(some_card()), some_removed(), prop::option::of(some_keys()))
        .prop_map(|(device, revoked, next)| Recovery { device, revoked, next }.into())
}

/// A payload of any kind but genesis. About half of them break a rule.
pub(crate) fn any_control() -> impl Strategy<Value = Control> {
    let changes = (some_device(), roles(), prop::option::of(some_cuts()));
    prop_oneof![
        grants(),
        changes.prop_map(|(device, role, cuts)| RoleChange { device, role, cuts }.into()),
        (some_device(), some_cuts()).prop_map(|(device, cuts)| Revoke { device, cuts }.into()),
        epochs(),
        frontiers(),
        groups(),
        erasures(),
        recoveries(),
    ]
}
