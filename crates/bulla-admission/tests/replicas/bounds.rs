//! Bounds of the control entries that do not count, in number and in bytes.

use std::sync::Arc;

use bulla_admission::{AdmissionSettings, codes};
use bulla_core::control::{Claimed, Control, Erase, Frontier, Grant, GrantedDevice, Role};
use bulla_core::genesis::Policy;
use bulla_core::{AuthorKey, EntryId, SpaceId, Verified, VerifiedEntry};

use crate::engine::Engine;
use crate::entries::Device;
use crate::replica::Replica;
use crate::rules::{is_stored, refused};
use crate::scene::{Writer, all, epoch, found};

/// A replica with so much room for what does not count, of one author and in all.
pub(crate) async fn bounded(space: SpaceId, number: u8, author: u64, all: u64) -> Replica {
    let settings = AdmissionSettings::default().with_refused(author, all);
    Replica::over(Engine::new(space, number), settings).await.unwrap()
}

/// A founder, an admin and a reader, and what makes them such.
pub(crate) fn three() -> (Writer, Writer, Writer, Vec<VerifiedEntry>) {
    let (mut founder, genesis) = found(Policy::default());
    let space = founder.space();
    let (mut admin, mut reader) = (Writer::new(2, space), Writer::new(3, space));
    let grants =
        [founder.grant(&admin.device, Role::Admin), founder.grant(&reader.device, Role::Reader)];
    admin.learn(&grants[0]);
    reader.learn(&grants[1]);
    let [first, second] = grants;
    (founder, admin, reader, vec![genesis, first, second])
}

/// Clauses: ADM-7.
#[tokio::test]
async fn bytes_that_do_not_count_are_bounded() {
    let (mut founder, _, mut reader, control) = three();
    let replica = Replica::open(reader.space(), 1).await;
    replica.put(&all(&control)).await;
    // Nearly a MiB each, all of it keys for devices that nobody ever heard of.
    let recipients = |number: u8| {
        (0..8_192_u32).map(move |index| {
            let mut key = [number; 32];
            key[..4].copy_from_slice(&index.to_be_bytes());
            AuthorKey(key)
        })
    };
    let epochs: Vec<_> = (1..7)
        .map(|number| reader.unsigned(&epoch(EntryId::ZERO, recipients(number), number)))
        .collect();
    assert!(epochs[0].payload().len() > 900_000);
    let full = refused(codes::CONTROL, true);
    for (number, epoch) in epochs.iter().enumerate() {
        let outcome = replica.put(&all([epoch])).await.remove(0);
        assert_eq!(is_stored(&outcome), number < 4, "{number}: {outcome:?}");
        assert!(is_stored(&outcome) || outcome == full);
    }
    // A small one finds room.
    let removal = founder.revoke_all(&reader.device);
    replica.put(&all([&removal])).await;
    let again = replica.reopen().await;
    assert_eq!(again.put(&all(&epochs[4..5])).await, [full]);
    let small = reader.erase(vec![EntryId([1; 32])]);
    assert!(is_stored(&again.put(&all([&small])).await[0]));
}

/// Clauses: ADM-7.
#[tokio::test]
async fn bytes_of_frontiers_and_of_all_are_bounded() {
    let (mut founder, _, mut reader, mut control) = three();
    let space = reader.space();
    let mut others: Vec<Writer> = (0..3).map(|number| Writer::new(4 + number, space)).collect();
    for other in &mut others {
        let grant = founder.grant(&other.device, Role::Reader);
        other.learn(&grant);
        control.push(grant);
    }
    let all_of_them = others.iter().chain([&reader]).map(|one| one.device.clone());
    let removals: Vec<_> =
        all_of_them.collect::<Vec<_>>().iter().map(|one| founder.revoke_all(one)).collect();
    control.extend(removals);
    // About 2,000 bytes each; room for three of each author, and for eight in all.
    let settings = AdmissionSettings::default().with_refused_bytes(7_000, 17_000);
    let mut replica = Replica::over(Engine::new(space, 1), settings).await.unwrap();
    replica.put(&all(&control)).await;
    let claims = |count: u64| {
        let claimed = (0..count).map(|sequence| {
            let mut author = [9; 32];
            author[0] = sequence as u8;
            Claimed { author: AuthorKey(author), sequence: 1, id: EntryId([1; 32]) }
        });
        Control::from(Frontier { proven: vec![], claimed: claimed.collect() })
    };
    let mut stored = 0;
    for (number, author) in [&mut reader].into_iter().chain(&mut others).enumerate() {
        for step in 0..5 {
            let frontier = author.control(&claims(24));
            let size = frontier.verified_header().bytes().len() + 64 + frontier.payload().len();
            assert!((1_900..2_125).contains(&size), "{size}");
            let outcome = replica.put(&all([&frontier])).await.remove(0);
            let room = if number < 2 { 3 } else { 2_usize.saturating_sub(2 * (number - 2)) };
            assert_eq!(is_stored(&outcome), step < room, "{number}, {step}: {outcome:?}");
            stored += usize::from(is_stored(&outcome));
            if step == 1 {
                // What is held is measured again.
                replica = Replica::over(Arc::clone(&replica.engine), settings).await.unwrap();
            }
        }
    }
    assert_eq!(stored, 8);
    // A control entry of another kind goes by the same measure, and a small one finds room.
    let junk = others[2].erase((0..40).map(|id| EntryId([id + 1; 32])).collect());
    assert_eq!(replica.put(&all([&junk])).await, [refused(codes::CONTROL, true)]);
    let small = others[2].erase(vec![EntryId([1; 32])]);
    assert!(is_stored(&replica.put(&all([&small])).await[0]));
}

/// Clauses: ADM-7, ADM-12.
#[tokio::test]
async fn a_frontier_that_was_not_stored_takes_no_room() {
    let policy = Policy { author_entries: Some(2), ..Policy::default() };
    let (mut founder, genesis) = found(policy);
    let mut writer = Writer::new(2, founder.space());
    let grant = founder.grant(&writer.device, Role::Writer);
    writer.learn(&grant);
    let settings = AdmissionSettings::default().with_refused(4, 64);
    let replica = Replica::over(Engine::new(founder.space(), 1), settings).await.unwrap();
    let entries: Vec<_> = (0..2).map(|_| writer.write()).collect();
    let removal = founder.revoke(&writer);
    replica.put(&all([&genesis, &grant])).await;
    replica.put(&all(&entries)).await;
    replica.put(&all([&removal])).await;
    for _ in 0..40 {
        let frontier = writer.frontier();
        let expected = refused(codes::AUTHOR_ENTRIES, true);
        assert_eq!(replica.put(&all([&frontier])).await, [expected]);
    }
    let junk: Vec<_> = (0..5).map(|id| writer.erase(vec![EntryId([id + 1; 32])])).collect();
    let outcomes = replica.put(&all(&junk)).await;
    assert!(outcomes[..4].iter().all(is_stored), "{outcomes:?}");
    assert_eq!(outcomes[4], refused(codes::CONTROL, true));
}

/// The bounds as they are, reached: 1,024 of an author, 65,536 of those that are no members.
///
/// Clauses: ADM-7.
#[tokio::test]
async fn the_bounds_of_the_spec_are_reached() {
    let (mut founder, mut admin, mut reader, control) = three();
    let space = reader.space();
    let replica = Replica::open(space, 1).await;
    replica.put(&all(&control)).await;
    let junk = |writer: &mut Writer, count: usize| -> Vec<Verified> {
        let erase = Erase { ids: vec![EntryId([1; 32])], ranges: vec![] }.into();
        (0..count).map(|_| writer.unsigned(&erase).into()).collect()
    };
    let full = refused(codes::CONTROL, true);
    // The reader makes as many devices known as it has room for.
    let mut known: Vec<Writer> =
        (0..1_025).map(|number| Writer::new(1_000 + number, space)).collect();
    let node = |writer: &Writer| {
        let device = GrantedDevice::Node(writer.device.key);
        Grant { device, role: Role::Relay, label: None }
    };
    let grants: Vec<Verified> =
        known.iter().map(|one| reader.unsigned(&node(one).into()).into()).collect();
    let outcomes = replica.put(&grants).await;
    assert!(outcomes[..1_024].iter().all(is_stored));
    assert_eq!(outcomes[1_024..], *std::slice::from_ref(&full));
    // 63 of them fill theirs; of the last there is none left.
    for one in &mut known[..63] {
        let outcomes = replica.put(&junk(one, 1_026)).await;
        assert!(outcomes[..1_024].iter().all(is_stored));
        assert_eq!(outcomes[1_024..], [full.clone(), full.clone()]);
    }
    assert_eq!(replica.put(&junk(&mut known[63], 1)).await, std::slice::from_ref(&full));
    let held = replica.head().await.control.count;
    assert_eq!(held, 65_536 + 3);
    // What counts is taken, and what it names.
    let hidden = junk(&mut known[64], 1).remove(0);
    let Verified::Entry(entry) = &hidden else { panic!("it has its payload") };
    assert_eq!(replica.put(std::slice::from_ref(&hidden)).await, [full]);
    admin.learn(entry);
    let grant = admin.grant(&Device::new(5), Role::Reader);
    founder.learn(&control[2]);
    let removal = founder.revoke_all(&reader.device);
    assert!(replica.put(&all([&grant, &removal])).await.iter().all(is_stored));
    assert!(is_stored(&replica.put(&[hidden]).await[0]));
    let access = replica.admission.access();
    assert_eq!(access.rights(&reader.device.key).role, None);
}
