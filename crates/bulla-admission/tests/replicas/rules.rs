//! What single rules promise.

use std::sync::Arc;

use bulla_admission::{AdmissionSettings, codes};
use bulla_core::control::Role;
use bulla_core::genesis::Policy;
use bulla_core::values::{PutOutcome, Refusal, Rule};
use bulla_core::{Code, Verified};
use bulla_store::{ContentAddressedStore as _, Judged as _, MarkReport};

use crate::engine::Engine;
use crate::entries::Device;
use crate::replica::Replica;
use crate::scene::{Writer, all, found};

pub(crate) fn refused(code: &'static str, is_retryable: bool) -> PutOutcome {
    PutOutcome::Refused(Refusal { code: Code::new(code), is_retryable })
}

pub(crate) fn is_stored(outcome: &PutOutcome) -> bool {
    matches!(outcome, PutOutcome::Stored(_))
}

/// A space with a founder and a writer, and a replica that has its control entries.
pub(crate) async fn pair(policy: Policy) -> (Writer, Writer, Replica) {
    let (mut founder, genesis) = found(policy);
    let mut writer = Writer::new(2, founder.space());
    let grant = founder.grant(&writer.device, Role::Writer);
    writer.learn(&grant);
    let replica = Replica::open(founder.space(), 1).await;
    let outcomes = replica.put(&all([&genesis, &grant])).await;
    assert!(outcomes.iter().all(is_stored), "{outcomes:?}");
    (founder, writer, replica)
}

/// Clauses: ADM-6.
#[tokio::test]
async fn a_chain_of_grants_comes_in_whatever_its_order() {
    let (founder, genesis) = found(Policy::default());
    let space = founder.space();
    let mut chain = vec![genesis];
    let mut last = founder;
    for number in 2..40 {
        let device = Device::new(number);
        let grant = last.grant(&device, Role::Admin);
        last = Writer::new(number, space);
        last.learn(&grant);
        chain.push(grant);
    }
    let operation = last.write();
    chain.reverse();
    let replica = Replica::open(space, 1).await;
    let mut batch = all([&operation]);
    batch.extend(all(&chain));
    let outcomes = replica.put(&batch).await;
    assert!(outcomes.iter().all(is_stored), "{outcomes:?}");
    assert_eq!(replica.seen().await.counting().len(), batch.len());
}

/// Clauses: ADM-6, ADM-8.
#[tokio::test]
async fn strangers_leave_nothing_behind() {
    let (founder, mut writer, replica) = pair(Policy::default()).await;
    let mut stranger = Writer::new(9, founder.space());
    let before = replica.head().await;
    let (control, frontier) = (stranger.grant(&Device::new(10), Role::Admin), stranger.frontier());
    let operation = stranger.write();
    let given = all([&control, &frontier, &operation]);
    assert_eq!(replica.put(&given).await, vec![refused(codes::STRANGER, true); 3]);
    assert_eq!(replica.head().await, before);
    assert_eq!(replica.seen().await.kept.len(), 0);
    // Once any known device gives it a role, though the giver has no right to, its control entries are held.
    let grant = writer.grant(&stranger.device, Role::Writer);
    replica.put(&all([&grant])).await;
    let outcomes = replica.put(&given).await;
    assert!(is_stored(&outcomes[0]) && is_stored(&outcomes[1]), "{outcomes:?}");
    assert_eq!(outcomes[2], refused(codes::STRANGER, true));
    let seen = replica.seen().await;
    assert_eq!(seen.word(&grant.id()).as_deref(), Some("directory.no_right"));
    assert_eq!(seen.word(&control.id()).as_deref(), Some("directory.stranger"));
    assert_eq!(seen.word(&frontier.id()).as_deref(), Some("directory.stranger"));
}

/// Clauses: ADM-6.
#[tokio::test]
async fn nothing_comes_before_the_genesis() {
    let (mut founder, genesis) = found(Policy::default());
    let replica = Replica::open(founder.space(), 1).await;
    let grant = founder.grant(&Device::new(2), Role::Reader);
    let operation = founder.write();
    let given = all([&grant, &operation]);
    assert_eq!(replica.put(&given).await, vec![refused(codes::STRANGER, true); 2]);
    let header: Verified = genesis.verified_header().clone().into();
    assert_eq!(replica.put(&[header]).await, [PutOutcome::Pending]);
    assert_eq!(replica.head().await.last_receipt, 0);
    replica.put(&all([&genesis])).await;
    assert!(replica.put(&given).await.iter().all(is_stored));
}

/// Clauses: ADM-7.
#[tokio::test]
async fn control_entries_that_do_not_count_are_bounded() {
    let (mut founder, genesis) = found(Policy::default());
    let space = founder.space();
    let mut writer = Writer::new(2, space);
    let mut other = Writer::new(3, space);
    let grants =
        [founder.grant(&writer.device, Role::Writer), founder.grant(&other.device, Role::Writer)];
    writer.learn(&grants[1]);
    other.learn(&grants[1]);
    let settings = AdmissionSettings::default().with_refused(4, 6);
    let replica = Replica::over(Engine::new(space, 1), settings).await.unwrap();
    replica.put(&all([&genesis])).await;
    replica.put(&all(&grants)).await;
    let mut known = Vec::new();
    for number in 0..4 {
        // A writer has no right to grant; whom it names is known all the same.
        let sybil = Writer::new(20 + number, space);
        let grant = writer.grant(&sybil.device, Role::Admin);
        assert!(is_stored(&replica.put(&all([&grant])).await[0]));
        known.push(sybil);
    }
    let one_more = writer.grant(&Device::new(30), Role::Admin);
    let full = refused(codes::CONTROL, true);
    assert_eq!(replica.put(&all([&one_more])).await, std::slice::from_ref(&full));
    let frontier = writer.frontier();
    assert!(is_stored(&replica.put(&all([&frontier])).await[0]), "it counts");
    // Of all together, two more; then only who is a member is heard.
    for sybil in &mut known[..2] {
        let refused = sybil.grant(&Device::new(40), Role::Admin);
        assert!(is_stored(&replica.put(&all([&refused])).await[0]));
    }
    let [.., third, fourth] = known.as_mut_slice() else { panic!("there are four") };
    let by_sybil = third.grant(&Device::new(41), Role::Admin);
    assert_eq!(replica.put(&all([&by_sybil])).await, std::slice::from_ref(&full));
    assert_eq!(replica.put(&all([&fourth.frontier()])).await, std::slice::from_ref(&full));
    let by_member = other.grant(&Device::new(42), Role::Admin);
    assert!(is_stored(&replica.put(&all([&by_member])).await[0]));
    // What an admin has no right to is bounded too, and what it has a right to is not.
    founder.learn(&by_member);
    let founding = founder.device.clone();
    let useless: Vec<_> = (0..5).map(|_| founder.grant(&founding, Role::Reader)).collect();
    assert!(replica.put(&all(&useless[..4])).await.iter().all(is_stored));
    assert_eq!(replica.put(&all(&useless[4..])).await, std::slice::from_ref(&full));
    let removal = founder.revoke(&writer);
    assert!(is_stored(&replica.put(&all([&removal])).await[0]));
    assert_eq!(replica.admission.access().rights(&writer.device.key).role, None);
    // Those who were removed are counted still when the store is opened again.
    let again = Replica::over(Arc::clone(&replica.engine), settings).await.unwrap();
    let late = writer.grant(&Device::new(31), Role::Admin);
    assert_eq!(again.put(&all([&by_sybil, &late])).await, vec![full; 2]);
    // The removal names the last of the useless ones as its previous, and in its cuts what the writer wrote last.
    let named = all([&useless[4], &one_more]);
    assert!(again.put(&named).await.iter().all(is_stored));
}

/// Clauses: ADM-9, ADM-10, QUAR-5.
#[tokio::test]
async fn a_revocation_undone_brings_back_what_was_refused() {
    let (mut founder, _, replica) = pair(Policy::default()).await;
    let mut admin = Writer::new(3, founder.space());
    let grant = founder.grant(&admin.device, Role::Admin);
    // A device granted later is junior to the admin.
    let mut writer = Writer::new(4, founder.space());
    let junior = founder.grant(&writer.device, Role::Writer);
    admin.learn(&junior);
    writer.learn(&junior);
    let kept = writer.write();
    replica.put(&all([&grant, &junior, &kept])).await;
    let revocation = admin.revoke_all(&writer.device);
    let late = writer.write();
    let outcomes = replica.put(&all([&revocation, &late])).await;
    assert_eq!(outcomes[1], refused("directory.cut", false), "the store judges it again itself");
    let seen = replica.seen().await;
    assert_eq!(seen.word(&kept.id()).as_deref(), Some("directory.cut"));
    assert_eq!(seen.kept[&late.id()], "directory.cut");
    assert_eq!(replica.admission.access().rights(&writer.device.key).role, None);
    let removal = founder.revoke_all(&admin.device);
    replica.put(&all([&removal])).await;
    let seen = replica.seen().await;
    assert_eq!(seen.word(&kept.id()).as_deref(), Some("counts"));
    assert_eq!(seen.held[&late.id()].0, None, "stored, and out of quarantine");
    assert!(seen.kept.is_empty());
    assert_eq!(replica.admission.access().rights(&writer.device.key).role, Some(Role::Writer));
}

/// Clauses: ADM-9.
#[tokio::test]
async fn a_long_chain_costs_reads_in_proportion() {
    const COUNT: usize = 20_000;
    let (mut founder, mut writer, replica) = pair(Policy::default()).await;
    let entries = writer.write_many(COUNT);
    let revocation = founder.revoke(&writer);
    let beyond = writer.write_many(10);
    replica.put(&all([&revocation])).await;
    let before = replica.engine.reads();
    for batch in entries.chunks(500) {
        let outcomes = replica.put(batch).await;
        assert!(outcomes.iter().all(is_stored));
    }
    let reads = replica.engine.reads() - before;
    assert!(reads < 4 * COUNT as u64, "{reads} headers read for {COUNT} entries");
    let head = replica.head().await;
    assert_eq!(head.counting_set().count, COUNT as u64 + 3, "the last one decided all before it");
    assert_eq!(replica.put(&beyond).await, vec![refused("directory.cut", false); 10]);
    // The same where everything is held when the removal comes.
    let late = Replica::open(founder.space(), 3).await;
    let mut controls = replica.controls().await;
    controls.retain(|entry| entry.id() != revocation.id());
    late.put(&all(&controls)).await;
    for batch in entries.iter().chain(&beyond).cloned().collect::<Vec<_>>().chunks(2_000) {
        late.put(batch).await;
    }
    let before = late.engine.reads();
    late.put(&all([&revocation])).await;
    let reads = late.engine.reads() - before;
    assert!(reads < 4 * COUNT as u64, "{reads} headers read for a late removal");
    assert_eq!(late.head().await.counting, head.counting);
    // From the end back it costs no more, nor in no order at all.
    for order in 0..2 {
        let other = Replica::open(founder.space(), 2).await;
        other.put(&all(&replica.controls().await)).await;
        let mut entries = entries.clone();
        match order {
            0 => entries.reverse(),
            _ => crate::random::Random::new(7).shuffle(&mut entries),
        }
        let before = other.engine.reads();
        for batch in entries.chunks(100) {
            other.put(batch).await;
        }
        let reads = other.engine.reads() - before;
        assert!(reads < 6 * COUNT as u64, "{reads} headers read, order {order}");
        assert_eq!(other.head().await.counting, head.counting, "order {order}");
    }
}

/// Clauses: ADM-9.
#[tokio::test]
async fn branches_whose_place_is_open_are_bounded() {
    let (mut founder, mut writer, replica) = pair(Policy::default()).await;
    let fork = writer.clone();
    let chain: Vec<_> = (0..3).map(|_| writer.write()).collect();
    let revocation = founder.revoke(&writer);
    replica.put(&all([&revocation])).await;
    let mut outcomes = Vec::new();
    for number in 0..18_usize {
        let mut fork = fork.clone();
        // A branch of its own: the same sequence, with a dependency more or less.
        fork.learn(&founder.frontier());
        let entry = fork.write();
        outcomes.push(replica.put(&all([&entry])).await[0].clone());
        assert_eq!(is_stored(&outcomes[number]), number < 16, "branch {number}: {outcomes:?}");
    }
    assert_eq!(outcomes[17], refused(codes::BRANCHES, true));
    // What decides comes, and the branches are decided and take no room any more.
    for entry in chain.iter().rev() {
        assert!(is_stored(&replica.put(&all([entry])).await[0]));
    }
    let seen = replica.seen().await;
    for entry in &chain {
        assert_eq!(seen.word(&entry.id()).as_deref(), Some("counts"));
    }
    let cut = seen.held.values().filter(|(code, _)| code.as_deref() == Some("directory.cut"));
    assert_eq!(cut.count(), 16);
}

/// Clauses: ADM-5, MARK-6.
#[tokio::test]
async fn what_counts_follows_a_store_into_its_directory() {
    let (mut founder, genesis) = found(Policy::default());
    let space = founder.space();
    let (mut writer, mut stranger) = (Writer::new(2, space), Writer::new(9, space));
    let grant = founder.grant(&writer.device, Role::Writer);
    writer.learn(&grant);
    let (kept, foreign) = (writer.write(), stranger.write());
    // As a store of the first version holds them: nobody judged anything.
    let engine = Engine::new(space, 1);
    let cx = bulla_store::Context::new();
    engine.inner.put(&cx, all([&foreign, &kept, &grant, &genesis])).await.unwrap();
    assert_eq!(engine.inner.rule(&cx).await.unwrap(), Rule::All);
    let replica = Replica::over(Arc::clone(&engine), AdmissionSettings::default()).await.unwrap();
    let seen = replica.seen().await;
    assert_eq!(seen.word(&foreign.id()).as_deref(), Some("directory.stranger"));
    assert_eq!(seen.counting().len(), 3);
    replica.assert_settled().await;
    // Somebody marks behind the admission's back and says so; it is noticed when the store is opened.
    let marks = vec![(kept.id(), bulla_store::Mark::Not(Code::new("directory.cut")))];
    let judgement = bulla_store::Judgement { marks, by: Some(bulla_core::SetDigest([0; 32])) };
    let report: MarkReport = engine.inner.mark(&cx, judgement).await.unwrap();
    assert_eq!(report.changed, 1);
    assert_eq!(replica.reopen().await.seen().await.counting().len(), 3);
}

/// What counts again and finds no room stays in quarantine; once there is room, who asks has it stored.
///
/// Clauses: ADM-12, ADM-16.
#[tokio::test]
async fn people_list_and_retry_the_quarantine() {
    let policy = Policy { author_bytes: Some(40), ..Policy::default() };
    let (mut founder, _, replica) = pair(policy).await;
    let mut admin = Writer::new(3, founder.space());
    let grant = founder.grant(&admin.device, Role::Admin);
    // A device granted later is junior to the admin.
    let mut writer = Writer::new(4, founder.space());
    let junior = founder.grant(&writer.device, Role::Writer);
    admin.learn(&junior);
    writer.learn(&junior);
    let entries: Vec<_> = (0..3).map(|_| writer.write()).collect();
    let revocation = admin.revoke_all(&writer.device);
    replica.put(&all([&grant, &junior, &revocation])).await;
    replica.put(&all(&entries)).await;

    let list = async |after| replica.admission.quarantined(&replica.cx, after, 2).await.unwrap();
    let first = list(None).await;
    let rest = list(first.facts.last().map(|facts| facts.id)).await;
    assert_eq!((first.facts.len(), first.end, rest.facts.len(), rest.end), (2, false, 1, true));
    let listed: Vec<_> = first.facts.iter().chain(&rest.facts).collect();
    let mut ids: Vec<_> = entries.iter().map(|entry| entry.id()).collect();
    ids.sort_unstable();
    assert!(listed.iter().map(|facts| facts.id).eq(ids));
    for facts in listed {
        let is_whole = facts.author == writer.device.key && facts.has_payload;
        assert!(is_whole && facts.code.as_str() == "directory.cut", "{facts:?}");
    }

    let retry = async || {
        let retried = replica.admission.retry(&replica.cx).await.unwrap();
        (retried.stored, retried.kept.entries)
    };
    assert_eq!(retry().await, (0, 3), "nothing changed");
    // The revocation is undone: two of them find room.
    let removal = founder.revoke_all(&admin.device);
    replica.put(&all([&removal])).await;
    assert_eq!(retry().await, (0, 1));
    let held = replica.seen().await.held;
    let stored = entries.iter().find(|entry| held.contains_key(&entry.id())).unwrap();
    let erasure = founder.erase(vec![stored.id()]);
    replica.put(&all([&erasure])).await;
    assert_eq!(retry().await, (1, 0));
    let seen = replica.seen().await;
    assert!(entries.iter().all(|entry| seen.word(&entry.id()).as_deref() == Some("counts")));
    assert_eq!(retry().await, (0, 0));
}

/// Clauses: ADM-10.
#[tokio::test]
async fn access_changes_with_the_members_at_once() {
    let (mut founder, writer, replica) = pair(Policy::default()).await;
    let access = replica.admission.access().clone();
    let (relay, reader) = (Device::new(5), Device::new(6));
    let grants = [founder.grant_node(&relay), founder.grant(&reader, Role::Reader)];
    let mut watched = access.watch();
    watched.mark_unchanged();
    replica.put(&all(&grants)).await;
    assert!(watched.has_changed().unwrap());
    let may = |device: &Device| {
        let rights = access.rights(&device.key);
        (rights.carry, rights.read, rights.control, rights.write)
    };
    assert_eq!(may(&relay), (true, false, false, false));
    assert_eq!(may(&reader), (true, true, true, false));
    assert_eq!(may(&writer.device), (true, true, true, true));
    assert_eq!(may(&Device::new(50)), (false, false, false, false));
    let generation = access.generation();
    replica.put(&all([&founder.write()])).await;
    assert_eq!(access.generation(), generation, "members are the same");
    let lowered = founder.role(&writer.device, Role::Reader, Some(writer.cuts()));
    let revoked = founder.revoke_all(&relay);
    replica.put(&all([&lowered, &revoked])).await;
    assert_eq!(access.generation(), generation + 1);
    assert_eq!(may(&writer.device), (true, true, true, false));
    assert_eq!(may(&relay), (false, false, false, false));
    assert_eq!(
        replica.reopen().await.admission.access().rights(&writer.device.key),
        access.rights(&writer.device.key)
    );
}
