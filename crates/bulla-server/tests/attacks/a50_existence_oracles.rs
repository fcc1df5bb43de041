//! Without a right in a space nobody learns whether it exists: same status, same headers, same bytes.

use bulla_core::SpaceId;
use bulla_core::cbor::Encode;
use bulla_core::values::SummaryRequest;
use bulla_server::Rights;
use bulla_wire::Route;
use bulla_wire::feed::{FeedDecoder, FeedItem, FeedRequest};
use bulla_wire::has::HasRequest;
use bulla_wire::headers;
use bulla_wire::route::{Method, SpaceRoute};
use bulla_wire::spaces::SpacesAnswer;
use bulla_wire::summary::SummaryMessage;

use crate::support::{Node, Reply, blank, device, one_member, request, space};

const HELD: u8 = 1;
const OWN: u8 = 2;
const UNKNOWN: u8 = 3;

async fn ask(node: &Node, token: Option<&str>, space: SpaceId, route: SpaceRoute) -> Reply {
    let body = match route {
        SpaceRoute::Head | SpaceRoute::Status => Vec::new(),
        SpaceRoute::Has => HasRequest { ids: vec![space.into()] }.to_cbor(),
        SpaceRoute::Summary => SummaryMessage(SummaryRequest::Bloom { salt: [0; 16] }).to_cbor(),
        SpaceRoute::Put => {
            bulla_core::cbor::Writer::new().array(2).uint(0).uint(0).as_bytes().to_vec()
        }
        SpaceRoute::Get | SpaceRoute::Scan => vec![0x80],
    };
    let kind = match route {
        SpaceRoute::Put => headers::CONTENT_CBOR_SEQUENCE,
        _ => headers::CONTENT_CBOR,
    };
    let mut fields = vec![("bulla-request-id", "test"), ("content-type", kind)];
    fields.extend(token.map(|token| ("authorization", token)));
    let method = if route.method() == Method::Get { "GET" } else { "POST" };
    let path = Route::Space(space, route).path();
    let mut reply = node.exchange(&request(method, &path, &fields, &body)).await;
    blank(&mut reply.body, &space);
    reply
}

#[tokio::test]
async fn a50_unknown_and_forbidden_are_the_same_to_the_byte() {
    let (owner, asker) = (device(), device());
    let mut setup = one_member(&owner, space(HELD)).await;
    let read = Rights { read: true, write: false, carry: false };
    setup.rules.allow(space(OWN), asker.author().into(), read);
    let node = setup.start().await;
    let wide = node.token(&*asker, &[]).await;
    let narrow = node.token(&*asker, &[space(HELD), space(OWN), space(UNKNOWN)]).await;
    let elsewhere = node.token(&*asker, &[space(9)]).await;
    for route in SpaceRoute::ALL {
        for token in [None, Some(wide.as_str()), Some(&narrow), Some(&elsewhere)] {
            let forbidden = ask(&node, token, space(HELD), route).await;
            let unknown = ask(&node, token, space(UNKNOWN), route).await;
            assert_eq!(forbidden, unknown, "{route:?}");
            let expected =
                if token.is_some() { (404, "space.not_served") } else { (401, "login.token") };
            assert_eq!((forbidden.status, forbidden.code().as_str()), expected, "{route:?}");
        }
    }
}

#[tokio::test]
async fn a50_lists_and_feeds_name_only_what_the_asker_may_use() {
    let (owner, asker) = (device(), device());
    let mut setup = one_member(&owner, space(HELD)).await;
    let read = Rights { read: true, write: false, carry: false };
    setup.rules.allow(space(OWN), asker.author().into(), read);
    setup.spaces.create(&bulla_store::Context::new(), space(OWN)).await.unwrap();
    let node = setup.start().await;
    let token = node.token(&*asker, &[]).await;
    let listed: SpacesAnswer = node.get("/v1/spaces", Some(&token)).await.value();
    assert_eq!(listed, SpacesAnswer { spaces: vec![space(OWN)], end: true });

    let feed = |spaces: Vec<SpaceId>| FeedRequest { spaces, heartbeat_ms: 60_000, rider_bytes: 0 };
    let reply = node.post("/v1/feed", Some(&token), &feed(vec![space(HELD), space(UNKNOWN)])).await;
    let mut decoder = FeedDecoder::new();
    decoder.push(&reply.body);
    let mut codes = Vec::new();
    while let Some(item) = decoder.next_item().unwrap() {
        codes.push(match item {
            FeedItem::SpaceOver { error, .. } | FeedItem::Over(error) => error.code.to_string(),
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(codes, ["space.not_served"; 3], "both spaces, then the feed");
}

/// The same login by a member of no space that exists, of a space that exists, or naming spaces at random, gets the same
/// kind of answer: the node signs what it was asked and nothing it knows.
/// Clauses: LOGIN-9.
#[tokio::test]
async fn a50_a_login_tells_nothing_about_spaces() {
    let (owner, asker) = (device(), device());
    let mut setup = one_member(&owner, space(HELD)).await;
    let read = Rights { read: true, write: false, carry: false };
    setup.rules.allow(space(OWN), asker.author().into(), read);
    let node = setup.start().await;
    let mut sizes = Vec::new();
    for byte in [HELD, UNKNOWN, OWN] {
        let hello = node.hello(asker.author().into(), &[space(byte)]);
        let challenge = node.post("/v1/login/challenge", None, &hello).await;
        let login = crate::support::sign(&*asker, hello, &challenge.value());
        let answer = node.post("/v1/login", None, &login).await;
        sizes.push((challenge.head, challenge.body.len(), answer.head, answer.body.len()));
    }
    assert!(sizes.windows(2).all(|pair| pair[0] == pair[1]), "{sizes:?}");
}
