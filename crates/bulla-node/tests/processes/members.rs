//! Spaces with members at a relay: who may do what says the space, at once and after a restart.

use std::sync::Arc;

use bulla_core::control::Role;
use bulla_core::values::{GetItem, PayloadState, PutOutcome, ScanBody, ScanRequest};
use bulla_store::{Spaces as _, StoreExt as _};

use crate::spaces::{Author, found, found_by, judged, offer, refusal, share};
use crate::support::{Bench, code, cx, device, pull};

/// NODE-27, NODE-28.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_serves_members_by_their_roles_and_strangers_not_at_all() {
    let bench = Bench::new();
    let (mut owner, genesis) = found();
    let (mut reader, mut writer) = (owner.beside(), owner.beside());
    let stranger = Author::new(device(), owner.space());
    let site = bench.site("relay");
    site.configure(&judged(owner.space(), "'relay'"));
    let node = site.start().await;
    let of = |author: &Author| node.store(&author.keys, author.space());

    // Before the genesis is there, a stranger may try to bring it, and sees nothing.
    assert_eq!(code(of(&stranger).head(&cx()).await), "space.not_served");
    let reading = owner.grant(&reader, Role::Reader);
    let writing = owner.grant(&writer, Role::Writer);
    share(&*of(&owner), &[&genesis, &reading, &writing]).await;
    reader.knows = vec![writing.id()];
    writer.knows = vec![writing.id()];

    let note = writer.write("note");
    share(&*of(&writer), &[&note]).await;
    assert_eq!(pull(&*of(&reader)).await.len(), 4);
    // A reader says what it has seen, carries what others wrote, and does not write.
    assert_eq!(refusal(&offer(&*of(&reader), &reader.write("mine")).await), "directory.no_right");
    // A role that is raised counts for what is written from then on.
    let raised = owner.raise(&reader, Role::Writer);
    share(&*of(&owner), &[&raised]).await;
    reader.knows = vec![raised.id()];
    share(&*of(&reader), &[&reader.write("mine by now")]).await;
    let more = writer.write("more");
    share(&*of(&reader), &[&more]).await;
    assert_eq!(code(of(&stranger).head(&cx()).await), "login.refused");
    assert_eq!(code(of(&stranger).put(&cx(), vec![note.into()]).await), "login.refused");
    let before = pull(&*of(&owner)).await;
    assert!(before.contains(&more.id()));
    node.stop().await;

    // What was decided holds for whoever starts it again.
    let node = site.start().await;
    let of = |author: &Author| node.store(&author.keys, author.space());
    assert_eq!(pull(&*of(&reader)).await, before);
    assert_eq!(code(of(&stranger).head(&cx()).await), "login.refused");
    let (status, page) = node.page("/spaces").await;
    assert_eq!(status, 200);
    let page: serde_json::Value = serde_json::from_str(&page).unwrap();
    let row = &page["spaces"][0];
    assert_eq!(row["access"], "directory");
    let members = serde_json::json!({ "admin": 1, "reader": 0, "relay": 0, "writer": 2 });
    assert_eq!(row["members"], members);
    node.stop().await;
    let listed = site.say(&["space", "list"]);
    assert!(listed.contains("judged by its members: 1 admin, 2 writer"), "{listed}");
}

/// What a revoked device wrote beyond its cut is kept aside, whoever brings it, and an operator sees it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_entries_of_a_revoked_device_are_quarantined_whoever_brings_them() {
    let bench = Bench::new();
    let (mut owner, genesis) = found();
    let (mut lost, mut friend) = (owner.beside(), owner.beside());
    let site = bench.site("relay");
    site.configure(&judged(owner.space(), "'relay'"));
    let node = site.start().await;
    let of = |author: &Author| node.store(&author.keys, author.space());
    let (first, second) = (owner.grant(&lost, Role::Writer), owner.grant(&friend, Role::Writer));
    share(&*of(&owner), &[&genesis, &first, &second]).await;
    lost.knows = vec![second.id()];
    friend.knows = vec![second.id()];
    let early = lost.write("early");
    let theirs = of(&lost);
    share(&*theirs, &[&early]).await;
    let revoked = owner.revoke(&lost);
    share(&*of(&owner), &[&revoked]).await;

    let late = lost.write("late");
    // Neither by the token it has nor by a new login.
    assert_eq!(code(theirs.put(&cx(), vec![late.clone().into()]).await), "space.not_served");
    assert_eq!(code(of(&lost).put(&cx(), vec![late.clone().into()]).await), "login.refused");
    assert_eq!(refusal(&offer(&*of(&friend), &late).await), "directory.cut");
    assert_eq!(pull(&*of(&friend)).await.len(), 5, "what it wrote in time stays");
    share(&*of(&friend), &[&friend.write("goes on")]).await;
    node.stop().await;

    let space = owner.space().to_string();
    let listed = site.say(&["space", "quarantine", "list", &space]);
    assert!(
        listed.contains(&late.id().to_string()) && listed.contains("directory.cut"),
        "{listed}"
    );
    let retried = site.say(&["space", "quarantine", "retry", &space]);
    assert_eq!(retried.trim(), "0 entries stored, 1 in quarantine still");
    let usage = site.say(&["space", "usage", &space, "--json"]);
    let usage: serde_json::Value = serde_json::from_str(&usage).unwrap();
    assert_eq!((&usage["quarantined"], &usage["access"]), (&1.into(), &"directory".into()));

    // A restart judges no other way.
    let node = site.start().await;
    let store = node.store(&friend.keys, friend.space());
    assert_eq!(refusal(&offer(&*store, &late).await), "directory.cut");
    assert_eq!(code(node.store(&lost.keys, lost.space()).head(&cx()).await), "login.refused");
    node.stop().await;
}

/// NODE-27.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erase_entry_drops_payloads_at_a_relay() {
    let bench = Bench::new();
    let (mut owner, genesis) = found();
    let site = bench.site("relay");
    site.configure(&judged(owner.space(), "'relay'"));
    let node = site.start().await;
    let store = node.store(&owner.keys, owner.space());
    let secret = owner.write("secret");
    share(&*store, &[&genesis, &secret]).await;
    let erase = owner.erase(vec![secret.id()]);
    share(&*store, &[&erase]).await;
    let gone = PayloadState::Erased(erase.id());
    let item = store.get_one(&cx(), secret.id()).await.unwrap();
    assert!(matches!(item, GetItem::Header(_, state) if state == gone), "{item:?}");
    assert_eq!(offer(&*store, &secret).await, PutOutcome::Duplicate(2));
    node.stop().await;
    let node = site.start().await;
    let store = node.store(&owner.keys, owner.space());
    let page = store.scan(&cx(), ScanRequest::everything()).await.unwrap();
    let item = page.items.iter().find(|item| item.id == secret.id()).unwrap();
    assert!(matches!(&item.body, ScanBody::Header(_, state) if *state == gone), "{item:?}");
    node.stop().await;
}

/// A node that accepts spaces takes one in by its genesis, from its founder alone, and not more than it may.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spaces_come_with_their_founders_as_the_operator_allows() {
    let bench = Bench::new();
    let site = bench.site("relay");
    let accept = |accept: &str| {
        format!("[[space]]\nid = '*'\nmode = 'relay'\naccess = 'directory'\n{accept}\n")
    };
    site.configure(&accept(
        "accept = { from = 'anyone', max_spaces = 2, max_spaces_per_peer = 1 }",
    ));
    let node = site.start().await;
    let (owner, genesis) = found();
    let stranger = Author::new(device(), owner.space());
    let theirs = node.store(&stranger.keys, owner.space());
    // Not by somebody else, not without its genesis, and nothing is told of what is here.
    assert_eq!(code(theirs.put(&cx(), vec![genesis.clone().into()]).await), "space.not_served");
    let store = node.store(&owner.keys, owner.space());
    share(&*store, &[&genesis]).await;
    assert_eq!(code(theirs.put(&cx(), vec![genesis.clone().into()]).await), "space.not_served");
    assert_eq!(code(theirs.head(&cx()).await), "space.not_served");
    assert_eq!(node.client(&stranger.keys).list(&cx(), None, 9).await.unwrap().spaces, []);
    let page = node.client(&owner.keys).list(&cx(), None, 9).await.unwrap();
    assert_eq!(page.spaces, [owner.space()]);

    let (again, more) = found_by(Arc::clone(&owner.keys));
    let store = node.store(&again.keys, again.space());
    assert_eq!(code(store.put(&cx(), vec![more.into()]).await), "node.busy", "one each");
    let (other, second) = found();
    let store = node.store(&other.keys, other.space());
    let early = vec![other.beside_write().into(), second.clone().into()];
    assert_eq!(code(store.put(&cx(), early).await), "space.not_served", "the genesis comes first");
    share(&*store, &[&second]).await;
    let (third, genesis) = found();
    let store = node.store(&third.keys, third.space());
    assert_eq!(code(store.put(&cx(), vec![genesis.clone().into()]).await), "node.busy");

    // From members only: whoever belongs to any space brings more, and one who belongs nowhere is not let in any more.
    site.configure(&accept("accept = { from = 'members' }"));
    node.reload().await;
    let fresh = Author::new(device(), owner.space());
    assert_eq!(code(node.store(&fresh.keys, owner.space()).head(&cx()).await), "login.refused");
    let (_, theirs) = found_by(Arc::clone(&fresh.keys));
    let refused = node.store(&fresh.keys, theirs.verified_header().space());
    assert_eq!(code(refused.put(&cx(), vec![theirs.into()]).await), "login.refused");
    let (again, more) = found_by(Arc::clone(&owner.keys));
    share(&*node.store(&again.keys, again.space()), &[&more]).await;
    let mut owner = owner;
    let granted = owner.grant(&fresh, Role::Reader);
    share(&*node.store(&owner.keys, owner.space()), &[&granted]).await;
    let (reader, theirs) = found_by(Arc::clone(&fresh.keys));
    share(&*node.store(&reader.keys, reader.space()), &[&theirs]).await;

    // From nobody, unless the file says so; what is here stays.
    site.configure(&accept(""));
    node.reload().await;
    let (last, genesis) = found_by(Arc::clone(&owner.keys));
    let store = node.store(&last.keys, last.space());
    assert_eq!(code(store.put(&cx(), vec![genesis.into()]).await), "space.not_served");
    node.store(&reader.keys, reader.space()).head(&cx()).await.unwrap();
    node.stop().await;
}

/// The founder is gone, and the relay too: an admin brings the space to another one, by the grants that made it one.
///
/// NODE-28.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_brings_a_space_that_another_founded() {
    let bench = Bench::new();
    let site = bench.site("relay");
    site.configure(
        "[[space]]\nid = '*'\nmode = 'relay'\naccess = 'directory'\n\
         accept = { from = 'anyone', max_spaces = 8, max_spaces_per_peer = 1 }\n",
    );
    let node = site.start().await;
    let (mut owner, genesis) = found();
    let (mut admin, writer) = (owner.beside(), owner.beside());
    let first = owner.grant(&admin, Role::Admin);
    admin.knows = vec![first.id()];
    let (mut deputy, last) = (admin.beside(), admin.beside());
    let (second, third) = (admin.grant(&deputy, Role::Admin), admin.grant(&writer, Role::Writer));
    deputy.knows = vec![second.id()];
    let of = |author: &Author| node.store(&author.keys, author.space());
    let bring = async |author: &Author, entries: &[&bulla_core::VerifiedEntry]| {
        let batch = entries.iter().map(|entry| (*entry).clone().into()).collect();
        code(of(author).put(&cx(), batch).await)
    };
    let not_served = "space.not_served";
    // Neither a writer, nor a stranger, nor an admin who does not show how it became one, or not from the genesis on.
    assert_eq!(bring(&writer, &[&genesis, &first, &second, &third]).await, not_served);
    assert_eq!(bring(&last, &[&genesis, &first, &second, &third]).await, not_served);
    assert_eq!(bring(&deputy, &[&genesis]).await, not_served);
    assert_eq!(bring(&deputy, &[&genesis, &second]).await, not_served);
    assert_eq!(bring(&deputy, &[&first, &genesis, &second]).await, not_served);
    assert_eq!(code(of(&owner).head(&cx()).await), not_served, "nothing of it is here");
    // It counts for who founded it, whoever brought it.
    let (own, theirs) = found_by(Arc::clone(&deputy.keys));
    share(&*of(&own), &[&theirs]).await;
    share(&*of(&deputy), &[&genesis, &first, &second]).await;
    let (again, more) = found_by(Arc::clone(&owner.keys));
    let store = node.store(&again.keys, again.space());
    assert_eq!(code(store.put(&cx(), vec![more.into()]).await), "node.busy");
    // From then on members are members, and what was held back counts when it comes.
    share(&*of(&admin), &[&third]).await;
    assert_eq!(pull(&*of(&writer)).await.len(), 4);
    let gone = owner.revoke(&deputy);
    share(&*of(&owner), &[&gone]).await;
    assert_eq!(code(of(&deputy).head(&cx()).await), not_served);
    // Nobody brings what is here already, not even who could have, and nothing of it gets in by that.
    let fourth = deputy.grant(&last, Role::Reader);
    assert_eq!(bring(&deputy, &[&genesis, &first, &second, &fourth]).await, not_served);
    assert_eq!(pull(&*of(&owner)).await.len(), 5);
    node.stop().await;
}
