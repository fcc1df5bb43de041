//! One entry of a put that does not verify: the others are stored, wherever it stands, and the next put is clean.

use bulla_conformance::suite::author::{Draft, World};
use bulla_core::values::{PayloadState, PutOutcome};
use bulla_core::{RawEntry, VerifiedEntry};
use bulla_store::Context;
use bulla_wire::put::PutAnswer;
use bulla_wire::route::SpaceRoute;
use bulla_wire::stream::BodyEncoder;
use bulla_wire::{Form, Route};

use crate::support::{Node, device, one_member, request};

const COUNT: usize = 250;

/// What is wrong with an entry, and the code of the refusal.
type Fault = (fn(&mut RawEntry), &'static str);

const FAULTS: [Fault; 4] = [
    (|raw| raw.signature.0[40] ^= 1, "entry.signature"),
    (
        |raw| raw.payload = raw.payload.as_ref().map(|payload| flipped(payload)),
        "entry.content_hash",
    ),
    (
        |raw| raw.payload = Some(bytes::Bytes::from_static(b"another length")),
        "entry.payload_length",
    ),
    // A byte of the salt: another header, and with it another id than the one signed.
    (
        |raw| {
            let at = raw.header.len() - 45;
            let mut header = raw.header.to_vec();
            header[at] ^= 1;
            raw.header = header.into();
        },
        "entry.signature",
    ),
];

fn flipped(payload: &[u8]) -> bytes::Bytes {
    let mut payload = payload.to_vec();
    payload[0] ^= 1;
    payload.into()
}

/// Clauses: PUT-5, WIRE-31.
#[tokio::test]
async fn a24_one_bad_entry_anywhere_in_a_put_stops_no_other() {
    let member = device();
    let world = World::new([24; 32]).unwrap();
    // Every tenth place, and the edges of what is verified together.
    let places = (0..COUNT).step_by(10).chain([1, COUNT - 2, COUNT - 1]);
    for (number, place) in places.enumerate() {
        let setup = one_member(&member, world.space()).await;
        let store = setup.spaces.open(&Context::new(), world.space()).await.unwrap();
        let node = setup.start().await;
        let token = node.token(&*member, &[]).await;
        let entries = entries(&world);
        let (spoil, code) = FAULTS[number % FAULTS.len()];
        let raws = entries.iter().map(VerifiedEntry::to_raw).enumerate().map(|(at, mut raw)| {
            if at == place {
                spoil(&mut raw);
            }
            raw
        });
        let answer = put(&node, &token, &world, raws).await;
        let refused = |outcome: &PutOutcome| match outcome {
            PutOutcome::Refused(refusal) => Some(refusal.code.to_string()),
            _ => None,
        };
        for (at, outcome) in answer.report.outcomes.iter().enumerate() {
            let expected = (at == place).then(|| code.to_owned());
            assert_eq!(refused(outcome), expected, "place {at} of a put spoilt at {place}");
        }
        assert_eq!(answer.acknowledgement.count, COUNT as u64 - 1, "signed for what is held");
        assert_eq!(store.head(&Context::new()).await.unwrap().last_receipt, COUNT as u64 - 1);

        // The honest copy is taken afterwards: nothing was remembered against it.
        let again = put(&node, &token, &world, entries.iter().map(VerifiedEntry::to_raw)).await;
        let stored = |outcome: &&PutOutcome| matches!(outcome, PutOutcome::Stored(_));
        assert_eq!(again.report.outcomes.iter().filter(stored).count(), 1);
        assert_eq!(store.head(&Context::new()).await.unwrap().last_receipt, COUNT as u64);
    }
}

fn entries(world: &World) -> Vec<VerifiedEntry> {
    let mut author = world.author(0);
    let draft = |content| Draft { payload_bytes: 40, content, ..Draft::default() };
    (0..COUNT as u64).map(|content| author.write(draft(content)).unwrap()).collect()
}

async fn put(
    node: &Node,
    token: &str,
    world: &World,
    raws: impl Iterator<Item = RawEntry>,
) -> PutAnswer {
    let mut body = BodyEncoder::put(world.space(), Form::Plain);
    raws.for_each(|raw| body.raw(0, &raw, PayloadState::Present));
    body.end();
    let path = Route::Space(world.space(), SpaceRoute::Put).path();
    let fields = [("authorization", token), ("content-type", "application/cbor-seq")];
    node.exchange(&request("POST", &path, &fields, &body.take(0))).await.value()
}
