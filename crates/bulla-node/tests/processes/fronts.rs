//! Spaces with members in front of a relay: a passthrough and a cache judge by the control entries, and hold nothing else
//! for it.

use std::sync::Arc;

use bulla_core::control::Role;
use bulla_core::values::{GetItem, PayloadState};
use bulla_core::{EntryId, SpaceId, VerifiedEntry};
use bulla_store::cached::CachedPart;
use bulla_store::{CacheStorage as _, StoreExt as _};
use bulla_store_rocksdb::{DiskCacheOptions, DiskCacheStorage};

use crate::spaces::{Author, found, judged, offer, refusal, share};
use crate::support::{Bench, Running, Site, code, cx, device, eventually, pull, upstream};

/// A relay, a node in front of it that may carry, and the members of a space.
pub(crate) struct Scene {
    pub(crate) bench: Bench,
    pub(crate) relay_site: Site,
    pub(crate) relay: Running,
    pub(crate) front_site: Site,
    pub(crate) front: Running,
    pub(crate) owner: Author,
    pub(crate) reader: Author,
    pub(crate) writer: Author,
}

impl Scene {
    /// With a front of this mode, running.
    pub(crate) async fn new(mode: &str) -> Self {
        let bench = Bench::new();
        let (mut owner, genesis) = found();
        let (mut reader, mut writer) = (owner.beside(), owner.beside());
        let (relay_site, front_site) = (bench.site("relay"), bench.site("front"));
        relay_site.configure(&judged(owner.space(), "'relay'"));
        let relay = relay_site.start().await;
        let entries = [
            genesis,
            owner.grant_node(front_site.id),
            owner.grant(&reader, Role::Reader),
            owner.grant(&writer, Role::Writer),
        ];
        let store = relay.store(&owner.keys, owner.space());
        share(&*store, &entries.iter().collect::<Vec<&VerifiedEntry>>()).await;
        reader.knows.clone_from(&owner.knows);
        writer.knows.clone_from(&owner.knows);
        configure_front(&front_site, &relay, owner.space(), mode);
        let front = front_site.start().await;
        Self { bench, relay_site, relay, front_site, front, owner, reader, writer }
    }

    pub(crate) async fn stop(self) {
        self.front.stop().await;
        self.relay.stop().await;
        drop(self.bench);
    }
}

pub(crate) fn configure_front(site: &Site, relay: &Running, space: SpaceId, mode: &str) {
    let mode = format!("'{mode}'\nupstream = 'origin'");
    site.configure(&(upstream("origin", &relay.url(), relay.id, "") + &judged(space, &mode)));
}

/// Who may do what is what the relay would say.
///
/// NODE-29.
async fn judges_as_the_relay_does(mode: &str) {
    let mut scene = Scene::new(mode).await;
    let space = scene.owner.space();
    let stranger = device();
    let of = |author: &Author| scene.front.store(&author.keys, space);
    let note = scene.writer.write("note");
    share(&*of(&scene.writer), &[&note]).await;
    assert_eq!(pull(&*of(&scene.reader)).await.len(), 5);
    let mine = scene.reader.write("mine");
    assert_eq!(refusal(&offer(&*of(&scene.reader), &mine).await), "directory.no_right");
    assert_eq!(code(scene.front.store(&stranger, space).head(&cx()).await), "login.refused");

    // A grant by way of the node counts at once for who comes to it.
    let guest = scene.owner.beside();
    let grant = scene.owner.grant(&guest, Role::Reader);
    share(&*of(&scene.owner), &[&grant]).await;
    assert_eq!(pull(&*of(&guest)).await.len(), 6);

    // While the relay is away, what is known goes on; a restart begins again from the relay.
    let Scene { bench, relay_site, relay, front_site, front, mut owner, reader, .. } = scene;
    let address = relay.ready.listen;
    relay.stop().await;
    let away = code(front.store(&stranger, space).head(&cx()).await);
    assert_eq!(away, "login.refused");
    let answer = front.store(&reader.keys, space).head(&cx()).await;
    match mode {
        "cache" => assert_eq!(answer.unwrap().last_receipt, 6),
        _ => assert_eq!(code(answer), "upstream.unavailable"),
    }
    front.stop().await;
    relay_site.configure_listen(&format!("address = '{address}'"), &judged(space, "'relay'"));
    let relay = relay_site.start().await;
    let front = front_site.start().await;
    assert_eq!(pull(&*front.store(&reader.keys, space)).await.len(), 6);

    // A node that may carry no more serves nobody, and does again when it may. The key that was revoked never may.
    let revoked = owner.revoke_node(front_site.id);
    share(&*relay.store(&owner.keys, space), &[&revoked]).await;
    eventually("the front serves nobody", async || {
        // Also not what a cache holds.
        let answer = front.store(&reader.keys, space).get_one(&cx(), note.id()).await;
        let code = answer.err()?.code().to_string();
        matches!(code.as_str(), "space.not_served" | "login.refused").then_some(())
    })
    .await;
    front.stop().await;
    relay.stop().await;
    drop(bench);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passthrough_judges_as_the_relay_does() {
    judges_as_the_relay_does("passthrough").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cache_judges_as_the_relay_does() {
    judges_as_the_relay_does("cache").await;
}

/// A cache that hears of an erasure gives the payload to nobody, also while its upstream is away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erase_entry_drops_payloads_at_a_cache() {
    let mut scene = Scene::new("cache").await;
    let space = scene.owner.space();
    let (secret, other) = (scene.writer.write("secret"), scene.writer.write("other"));
    share(&*scene.relay.store(&scene.writer.keys, space), &[&secret, &other]).await;
    let store = scene.front.store(&scene.reader.keys, space);
    assert_eq!(pull(&*store).await.len(), 6);
    let item = store.get_one(&cx(), secret.id()).await.unwrap();
    assert!(matches!(item, GetItem::Entry(_)), "{item:?}");
    let erase = scene.owner.erase(vec![secret.id()]);
    share(&*scene.relay.store(&scene.owner.keys, space), &[&erase]).await;
    let gone = PayloadState::Erased(erase.id());
    eventually("the cache hears of it", async || {
        let item = store.get_one(&cx(), secret.id()).await.unwrap();
        matches!(item, GetItem::Header(_, state) if state == gone).then_some(())
    })
    .await;
    let Scene { relay, front, front_site, bench, .. } = scene;
    relay.stop().await;
    let item = store.get_one(&cx(), secret.id()).await.unwrap();
    assert!(matches!(&item, GetItem::Header(_, state) if *state == gone), "{item:?}");
    front.stop().await;
    // Nothing that holds it is left: what lies on its disk has the header, or not even that.
    assert_eq!(on_disk(&front_site, space, &[secret.id(), other.id()]).await, [false, true]);
    drop((front_site, bench));
}

/// The same of an erasure that a cache was not there to hear of: it gives nobody the payload when it is back, and keeps it no
/// longer.
///
/// NODE-29.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_erased_while_a_cache_was_away_leaves_its_disk() {
    let mut scene = Scene::new("cache").await;
    let space = scene.owner.space();
    let (secret, other) = (scene.writer.write("secret"), scene.writer.write("other"));
    share(&*scene.relay.store(&scene.writer.keys, space), &[&secret, &other]).await;
    assert_eq!(pull(&*scene.front.store(&scene.reader.keys, space)).await.len(), 6);
    let Scene { bench, relay, front, front_site, mut owner, reader, .. } = scene;
    front.stop().await;
    let ids = [secret.id(), other.id()];
    assert_eq!(on_disk(&front_site, space, &ids).await, [true, true]);
    let erase = owner.erase(vec![secret.id()]);
    share(&*relay.store(&owner.keys, space), &[&erase]).await;

    // Nobody asked for it: to hear of the erasure is enough.
    let front = front_site.start().await;
    let item = front.store(&reader.keys, space).get_one(&cx(), other.id()).await.unwrap();
    assert!(matches!(item, GetItem::Entry(_)), "{item:?}");
    front.stop().await;
    assert_eq!(on_disk(&front_site, space, &ids).await, [false, true]);
    let front = front_site.start().await;
    let item = front.store(&reader.keys, space).get_one(&cx(), secret.id()).await.unwrap();
    let gone = PayloadState::Erased(erase.id());
    assert!(matches!(&item, GetItem::Header(_, state) if *state == gone), "{item:?}");
    front.stop().await;
    relay.stop().await;
    drop((front_site, bench));
}

/// Of which entries a cache that is stopped keeps the payload.
async fn on_disk(site: &Site, space: SpaceId, ids: &[EntryId]) -> Vec<bool> {
    let options = DiskCacheOptions::new(1 << 30);
    let storage = DiskCacheStorage::open(site.path("data/cache"), options).unwrap();
    let kept = storage.get(&space, ids, CachedPart::Whole, u32::MAX).await.unwrap();
    assert_eq!(kept.len(), ids.len());
    kept.iter()
        .map(|kept| kept.as_ref().is_some_and(|kept| kept.entry.payload().is_some()))
        .collect()
}

/// Two of them in a row, both with the role relay.
///
/// NODE-29.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_of_fronts_needs_the_role_at_each_link() {
    let mut scene = Scene::new("passthrough").await;
    let space = scene.owner.space();
    let site = scene.bench.site("edge");
    configure_front(&site, &scene.front, space, "cache");
    let edge = site.start().await;
    assert_eq!(code(edge.store(&scene.reader.keys, space).head(&cx()).await), "login.refused");
    let grant = scene.owner.grant_node(site.id);
    share(&*scene.relay.store(&scene.owner.keys, space), &[&grant]).await;
    let store = Arc::new(edge.store(&scene.reader.keys, space));
    eventually("the edge is let in", async || store.head(&cx()).await.ok()).await;
    assert_eq!(pull(&**store).await.len(), 5);
    edge.stop().await;
    scene.stop().await;
}

/// What one upstream said of a space counts no more when the space is bound to another: nobody has a right before that was
/// read.
///
/// NODE-29, NODE-55.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_upstream_is_read_before_anybody_has_a_right() {
    for mode in ["passthrough", "cache"] {
        let scene = Scene::new(mode).await;
        let space = scene.owner.space();
        let store = scene.front.store(&scene.reader.keys, space);
        store.head(&cx()).await.unwrap();
        // Nothing listens on port 1.
        let away = upstream("origin", "http://127.0.0.1:1", scene.relay.id, "");
        let mode = format!("'{mode}'\nupstream = 'origin'");
        scene.front_site.configure(&(away + &judged(space, &mode)));
        scene.front.reload().await;
        assert_eq!(code(store.head(&cx()).await), "space.not_served");
        // And again of the one before, once it answered.
        let origin = upstream("origin", &scene.relay.url(), scene.relay.id, "");
        scene.front_site.configure(&(origin + &judged(space, &mode)));
        scene.front.reload().await;
        eventually("it is read again", async || store.head(&cx()).await.ok()).await;
        scene.stop().await;
    }
}
