//! A cache that holds what members of one space asked for gives it to no member of another, whatever it holds.

use bulla_core::SpaceId;
use bulla_core::cbor::Encode as _;
use bulla_core::values::GetRequest;
use bulla_wire::get::GetMessage;
use bulla_wire::route::SpaceRoute;
use bulla_wire::{Form, Route, headers};

use crate::fronts::Scene;
use crate::raw::{self, exchange, request};
use crate::spaces::{found, judged, share};
use crate::support::{pull, upstream};

/// NODE-23, NODE-26, NODE-29.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a52_a_member_of_another_space_learns_nothing_from_what_a_cache_holds() {
    let mut scene = Scene::new("cache").await;
    let space = scene.owner.space();
    let note = scene.writer.write("note");
    share(&*scene.front.store(&scene.writer.keys, space), &[&note]).await;
    assert_eq!(pull(&*scene.front.store(&scene.reader.keys, space)).await.len(), 5);

    // Another space with another owner, at the same relay and cache.
    let (mut other, genesis) = found();
    let relayed = judged(space, "'relay'") + &judged(other.space(), "'relay'");
    scene.relay_site.configure(&relayed);
    scene.relay.reload().await;
    let carries = other.grant_node(scene.front_site.id);
    share(&*scene.relay.store(&other.keys, other.space()), &[&genesis, &carries]).await;
    let cached = |space| judged(space, "'cache'\nupstream = 'origin'");
    let origin = upstream("origin", &scene.relay.url(), scene.relay.id, "");
    scene.front_site.configure(&(origin + &cached(space) + &cached(other.space())));
    scene.front.reload().await;
    let front = &scene.front;
    let theirs = front.store(&other.keys, other.space());
    crate::support::eventually("the owner of the other space is let in", async || {
        theirs.head(&crate::support::cx()).await.ok()
    })
    .await;

    let unknown = SpaceId([0xee; 32]);
    let mut named = [space, other.space(), unknown];
    named.sort();
    let address = front.ready.listen;
    let token = raw::token(address, &*other.keys, &named).await;
    let get = GetMessage {
        request: GetRequest { ids: vec![note.id()], max_bytes: u32::MAX },
        form: Form::Compact,
    };
    let fields = [
        ("authorization", token.as_str()),
        ("content-type", headers::CONTENT_CBOR),
        (headers::REQUEST_ID, "same"),
    ];
    let ask = async |space: SpaceId| {
        let path = Route::Space(space, SpaceRoute::Get).path();
        let mut reply = exchange(address, &request("POST", &path, &fields, &get.to_cbor())).await;
        // The answer names the space that was asked for.
        let at = reply.body.windows(32).position(|window| window == space.0).unwrap();
        reply.body[at..at + 32].fill(0);
        (reply.status, reply.head, reply.body)
    };
    let (held, absent) = (ask(space).await, ask(unknown).await);
    assert_eq!(held.0, 404);
    assert_eq!(held, absent, "the same to the byte but for the id that was asked for");
    scene.stop().await;
}
