//! Messages at their bounds, which the committed vectors leave out for their size: the largest is accepted, one more is
//! refused.

use bulla_core::cbor::{CborErrorKind, Decode, Encode};
use bulla_core::values::{Acknowledgement, GetRequest, Has, PutOutcome, PutReport};
use bulla_core::{AcknowledgedDigest, EntryId, Lineage, NodeId, Signature, SpaceId};
use bulla_wire::Form;
use bulla_wire::feed::FeedRequest;
use bulla_wire::get::GetMessage;
use bulla_wire::has::{HasAnswer, HasRequest};
use bulla_wire::put::PutAnswer;
use bulla_wire::spaces::SpacesAnswer;

/// Accepts `most` and refuses `beyond`.
fn holds<T: Encode + Decode + PartialEq + std::fmt::Debug>(most: T, beyond: &T) {
    assert_eq!(T::from_cbor(&most.to_cbor()), Ok(most));
    let refused = T::from_cbor(&beyond.to_cbor());
    assert_eq!(refused.map_err(|error| error.kind), Err(CborErrorKind::Bounds));
}

fn ids(count: usize) -> Vec<EntryId> {
    (0..count).map(|n| EntryId([u8::try_from(n % 251).unwrap(); 32])).collect()
}

fn spaces(count: u16) -> Vec<SpaceId> {
    (0..count)
        .map(|n| {
            let mut id = [0; 32];
            id[..2].copy_from_slice(&n.to_be_bytes());
            SpaceId(id)
        })
        .collect()
}

#[test]
fn the_largest_messages_are_accepted_and_no_larger_ones() {
    holds(HasRequest { ids: ids(10_000) }, &HasRequest { ids: ids(10_001) });
    let presence = |count| HasAnswer { presence: vec![Has::Unknown; count] };
    holds(presence(10_000), &presence(10_001));
    let get = |count| {
        let request = GetRequest { ids: ids(count), max_bytes: u32::MAX };
        GetMessage { request, form: Form::Plain }
    };
    holds(get(10_000), &get(10_001));
    let list = |count| SpacesAnswer { spaces: spaces(count), end: false };
    holds(list(4_096), &list(4_097));
    let feed = |count| FeedRequest { spaces: spaces(count), heartbeat_ms: 100, rider_bytes: 0 };
    holds(feed(4_096), &feed(4_097));
    let acknowledgement = Acknowledgement {
        node: NodeId([1; 32]),
        space: SpaceId([2; 32]),
        lineage: Lineage([3; 16]),
        count: 4_096,
        digest: AcknowledgedDigest([4; 32]),
        signature: Signature([5; 64]),
    };
    let put = |count| {
        let outcomes = vec![PutOutcome::Stored(1); count];
        let report = PutReport { lineage: Lineage([3; 16]), outcomes };
        PutAnswer { report, acknowledgement }
    };
    holds(put(4_096), &put(4_097));
}
