//! Frontiers: what devices sign that they saw, when they do, and what a sync makes of it.

use std::sync::Arc;

use bulla::sync::{Finding, Misbehaviour, Reason, Report, Verdict};
use bulla::{ContentAddressedStore, EntryId, Role, Space, sync};
use bulla_core::control::Control;
use bulla_core::values::{GetItem, ScanBody, ScanRequest};
use bulla_core::{AuthorKey, Code, Kind, Verified, Verifier};
use bulla_store::{Context, Quarantine as _, StoreExt as _};

use crate::engine::engine;
use crate::support::{Relay, bring, device, found, join, note, sync};

/// Entries of others that call a frontier forth where there are few members (SYN-57).
const MANY: usize = 256;

/// What a store holds.
async fn entries(store: &dyn ContentAddressedStore) -> Vec<Verified> {
    let page = store.scan(&Context::new(), ScanRequest::everything()).await.unwrap();
    assert!(page.end);
    let entry = |body| match body {
        ScanBody::Entry(entry) => entry.into(),
        ScanBody::Header(header, _) => header.into(),
        other => panic!("{other:?}"),
    };
    page.items.into_iter().map(|item| entry(item.body)).collect()
}

/// The frontiers of a device that a space holds.
pub(crate) async fn frontiers(space: &Space, of: AuthorKey) -> Vec<EntryId> {
    let is_one =
        |entry: &Verified| entry.header().kind == Kind::FRONTIER && entry.header().author == of;
    let held = entries(&**space.store()).await;
    held.iter().filter(|entry| is_one(entry)).map(Verified::id).collect()
}

/// A relay's store of which some entries are left out: another view of the space, for one client.
async fn view_without(space: &Space, hidden: &[EntryId]) -> Arc<dyn ContentAddressedStore> {
    let view = engine(space.id()).await;
    let shown = entries(&**space.store()).await.into_iter();
    let shown = shown.filter(|entry| !hidden.contains(&entry.id())).collect();
    view.put(&Context::new(), shown).await.unwrap();
    view
}

fn unreached(report: &Report) -> Vec<EntryId> {
    let Verdict::Incomplete(incomplete) = &report.verdict else {
        assert!(report.unreached.is_empty(), "{report}");
        return Vec::new();
    };
    assert!(matches!(incomplete.reason, Reason::FrontierUnreached(_)), "{report}");
    report.unreached.iter().map(|attested| attested.id).collect()
}

/// Clauses: SYN-51, SYN-53, SYN-54, SYN-58.
#[tokio::test]
async fn a21_what_a_member_saw_and_a_relay_withholds_is_missing_with_evidence() {
    let (owner, writing, reading) = (device(), device(), device());
    let mine = found(&owner).await;
    let writer = bring(&mine, &writing, Role::Writer, "").await;
    let reader = bring(&mine, &reading, Role::Reader, "").await;
    writer.write(note("first")).await.unwrap();
    let hidden = writer.write(note("hidden")).await.unwrap();
    sync::pull(&mine, writer.outgoing()).await;
    let frontier = mine.frontier().await.unwrap();

    let view = view_without(&mine, &[hidden]).await;
    let report = sync::pull(&reader, Arc::clone(&view)).await;
    assert_eq!(unreached(&report), [hidden]);
    let [attested] = &report.unreached[..] else { panic!("{report}") };
    assert_eq!((attested.author, attested.witness), (writing.author(), owner.author()));
    assert_eq!(attested.by, frontier);
    let withheld = &report.misbehaviour[..];
    assert!(matches!(withheld, [Misbehaviour::Withheld { count: 1, .. }]), "{report}");
    let evidence = attested.evidence.as_ref().unwrap();
    let finding = evidence.verify(&mine.id(), &Verifier::new([1; 32])).unwrap();
    assert!(matches!(finding, Finding::Seen { header, .. } if header.id() == hidden));
    // Whoever has it ends it.
    assert!(sync::pull(&reader, mine.outgoing()).await.is_clean());

    // What a replica was given, refused and keeps is not missing there.
    let replica = Relay::new(mine.id()).await;
    let report = sync::pull(&replica.space, Arc::clone(&view)).await;
    assert_eq!(unreached(&report), [hidden]);
    let kept = (mine.entry(hidden).await.unwrap().into(), Code::new("quota.author_bytes"));
    replica.engine.keep(&Context::new(), vec![kept]).await.unwrap();
    assert_eq!(unreached(&sync::pull(&replica.space, view).await), []);
}

/// Of a device of which nothing was held when it was revoked nothing counts at all.
///
/// Clauses: SYN-58.
#[tokio::test]
async fn a21_nobody_waits_for_a_device_of_which_nothing_counts() {
    let (owner, losing, witness) = (device(), device(), device());
    let mine = found(&owner).await;
    let loser = bring(&mine, &losing, Role::Writer, "").await;
    let other = bring(&mine, &witness, Role::Writer, "").await;
    let late = loser.write(note("late")).await.unwrap();
    sync::pull(&other, loser.outgoing()).await;
    other.frontier().await.unwrap();
    mine.revoke(losing.author()).await.unwrap();
    let fresh = bring(&mine, &device(), Role::Reader, "").await;
    let report = sync::pull(&fresh, view_without(&other, &[late]).await).await;
    assert_eq!(unreached(&report), [], "{report}");
}

/// What an honest member saw before it heard of a loss of rights no store takes afterwards: nobody waits for it. Neither
/// does anybody wait for what a frontier names that does not count itself.
///
/// Clauses: SYN-58.
#[tokio::test]
async fn a21_nobody_waits_for_what_no_store_would_take() {
    for is_revoked in [true, false] {
        let (owner, losing, witness) = (device(), device(), device());
        let mine = found(&owner).await;
        let loser = bring(&mine, &losing, Role::Writer, "").await;
        let other = bring(&mine, &witness, Role::Writer, "").await;
        let within = loser.write(note("within")).await.unwrap();
        sync::pull(&mine, loser.outgoing()).await;
        let late = loser.write(note("late")).await.unwrap();
        // The witness saw both, before it heard of anything.
        sync::pull(&other, loser.outgoing()).await;
        other.frontier().await.unwrap();
        let held = entries(&**mine.store()).await;
        let before = held.iter().filter(|entry| entry.header().author == owner.author());
        let before = before.map(|entry| entry.header().sequence).max().unwrap();
        match is_revoked {
            true => mine.revoke(losing.author()).await.unwrap(),
            false => mine.change_role(losing.author(), Role::Reader).await.unwrap(),
        };
        // A fresh replica hears of the loss first.
        let fresh = bring(&mine, &device(), Role::Reader, "").await;
        assert!(fresh.entry(within).await.is_ok());
        let report = sync::pull(&fresh, view_without(&other, &[late]).await).await;
        assert_eq!(unreached(&report), [], "{report}");
        assert!(report.misbehaviour.is_empty(), "{report}");
        // And nothing changes when it is offered: refused and kept is not missing.
        sync::pull(&fresh, other.outgoing()).await;
        assert_eq!(fresh.quarantined(None, 4).await.unwrap().facts[0].id, late);
        let report = sync::pull(&fresh, view_without(&mine, &[]).await).await;
        assert_eq!(unreached(&report), [], "{report}");

        // What lies within the cut is waited for, whoever lost what.
        let poor = join(&mine, &device()).await;
        let view = view_without(&mine, &[within]).await;
        let third = bring(&mine, &device(), Role::Reader, "").await;
        third.frontier().await.unwrap();
        let empty = engine(mine.id()).await;
        let marks = Arc::new(bulla::space::MemoryMarks::default());
        let (local, keyring) = (bulla::LocalStore::judged(empty), bulla::Keyring::new());
        let replica = Space::open(&device(), keyring, local, marks).await.unwrap();
        sync::pull(&replica, view).await;
        assert!(poor.entry(within).await.is_ok());
        let word = entries(&**third.store()).await.into_iter();
        let word = word.filter(|entry| entry.header().kind == Kind::FRONTIER).collect();
        replica.store().put(&Context::new(), word).await.unwrap();
        let report = sync::pull(&replica, view_without(&mine, &[within]).await).await;
        assert!(!report.verdict.is_complete(), "{report}");
        assert!(report.unreached.iter().any(|attested| attested.id == within), "{report}");

        // What only the loser was given is waited for by its word while that counts, which a revocation ends.
        let only = other.write(note("to nobody else")).await.unwrap();
        sync::pull(&loser, other.outgoing()).await;
        let old = Space::open(
            &losing,
            bulla::Keyring::new(),
            bulla::LocalStore::judged(engine(mine.id()).await),
            Arc::new(bulla::space::MemoryMarks::default()),
        );
        let old = old.await.unwrap();
        let ignorant = entries(&**loser.store()).await.into_iter();
        let ignorant = ignorant.filter(|entry| {
            entry.header().author != owner.author() || entry.header().sequence <= before
        });
        old.store().put(&Context::new(), ignorant.collect()).await.unwrap();
        let word = old.entry(old.frontier().await.unwrap()).await.unwrap();
        mine.store().put(&Context::new(), vec![word.into()]).await.unwrap();
        let report = sync::pull(&mine, view_without(&mine, &[]).await).await;
        let expected = if is_revoked { vec![] } else { vec![only] };
        assert_eq!(unreached(&report), expected, "{report}");
    }
}

/// Clauses: SYN-57.
#[tokio::test]
async fn who_takes_rights_says_what_it_saw() {
    let (owner, losing, keeping) = (device(), device(), device());
    let mine = found(&owner).await;
    let loser = bring(&mine, &losing, Role::Admin, "").await;
    let keeper = bring(&mine, &keeping, Role::Writer, "").await;
    let last = loser.write(note("last")).await.unwrap();
    let seen = keeper.write(note("seen")).await.unwrap();
    sync::pull(&mine, loser.outgoing()).await;
    sync::pull(&mine, keeper.outgoing()).await;
    assert_eq!(frontiers(&mine, owner.author()).await, [], "a grant takes nothing");
    mine.change_role(losing.author(), Role::Reader).await.unwrap();
    mine.revoke(losing.author()).await.unwrap();
    let written = frontiers(&mine, owner.author()).await;
    assert_eq!(written.len(), 2);
    let GetItem::Entry(entry) = mine.store().get_one(&Context::new(), written[1]).await.unwrap()
    else {
        panic!("it is held")
    };
    let Some(Control::Frontier(frontier)) = entry.control() else { panic!("it is one") };
    let verifier = Verifier::new([1; 32]);
    let proven = frontier
        .proven
        .iter()
        .map(|proven| verifier.verify(&mine.id(), proven.to_raw()).unwrap().id());
    let mut proven: Vec<EntryId> = proven.collect();
    let mut expected = vec![last, seen];
    proven.sort();
    expected.sort();
    assert_eq!(proven, expected);
    // Who leaves by itself says nothing more.
    sync::pull(&keeper, mine.outgoing()).await;
    keeper.revoke(keeping.author()).await.unwrap();
    assert_eq!(frontiers(&keeper, keeping.author()).await, []);
}

/// However many devices answer each other's frontiers, few entries are frontiers; and a relay writes none.
///
/// Clauses: SYN-57.
#[tokio::test]
async fn a_frontier_leaves_with_a_push_when_much_has_come() {
    let (owner, writing) = (device(), device());
    let mine = found(&owner).await;
    let writer = bring(&mine, &writing, Role::Writer, "").await;
    let relay = Relay::new(mine.id()).await;
    let own = entries(&**mine.store()).await.len();
    assert_eq!(writer.frontier_if_due().await.unwrap(), None);
    // What it writes itself is nothing that it saw.
    let writes = async || {
        let writes = (0..3).map(|number| note(&number.to_string())).collect();
        writer.write_all(writes).await.unwrap();
    };
    let fill = async |count: usize| {
        let writes = (0..count).map(|number| note(&number.to_string())).collect();
        mine.write_all(writes).await.unwrap();
        sync(&mine, &relay).await;
        sync::pull(&writer, relay.store()).await;
    };
    writes().await;
    fill(MANY - own - 1).await;
    assert!(sync::push(&writer, relay.store()).await.is_clean());
    assert_eq!(frontiers(&writer, writing.author()).await, []);
    fill(1).await;
    assert!(sync::push(&writer, relay.store()).await.is_clean());
    let first = frontiers(&writer, writing.author()).await;
    assert_eq!(first.len(), 1);
    assert_eq!(frontiers(&relay.space, writing.author()).await, first, "it left with that push");
    // Then not again before as many came once more, after which it is signed anew.
    writes().await;
    sync::push(&writer, relay.store()).await;
    fill(MANY - 1).await;
    sync::push(&writer, relay.store()).await;
    assert_eq!(frontiers(&writer, writing.author()).await, first);
    fill(1).await;
    sync::push(&writer, relay.store()).await;
    assert_eq!(frontiers(&writer, writing.author()).await.len(), 2);
    // Not even the author of all of it answers: what it received was little.
    sync(&mine, &relay).await;
    assert_eq!(frontiers(&mine, owner.author()).await, []);
    assert_eq!(relay.space.frontier_if_due().await.unwrap(), None, "it has no role to sign with");
}
