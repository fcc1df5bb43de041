//! Every message that is one item: what is accepted has one encoding. The first byte chooses the message.
#![no_main]

use bulla_core::cbor::{Decode, Encode};
use bulla_wire::feed::{FeedItem, FeedRequest};
use bulla_wire::get::GetMessage;
use bulla_wire::has::{HasAnswer, HasRequest};
use bulla_wire::login::{ChallengeAnswer, ChallengeRequest, LoginAnswer, LoginRequest};
use bulla_wire::put::PutAnswer;
use bulla_wire::scan::ScanMessage;
use bulla_wire::spaces::SpacesAnswer;
use bulla_wire::status::StatusAnswer;
use bulla_wire::summary::{SummaryAnswer, SummaryMessage};
use bulla_wire::{Capabilities, WireError};

fn exact<T: Decode + Encode>(bytes: &[u8]) {
    if let Ok(message) = T::from_cbor(bytes) {
        assert_eq!(message.to_cbor(), bytes);
    }
}

/// For messages that pass over what later versions add: what is left of them is read as the same.
fn open<T: Decode + Encode + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    if let Ok(message) = T::from_cbor(bytes) {
        let again = message.to_cbor();
        assert!(again.len() <= bytes.len());
        assert_eq!(T::from_cbor(&again), Ok(message));
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let [which, bytes @ ..] = bytes else { return };
    match which % 17 {
        0 => open::<Capabilities>(bytes),
        1 => exact::<ChallengeRequest>(bytes),
        2 => exact::<ChallengeAnswer>(bytes),
        3 => exact::<LoginRequest>(bytes),
        4 => exact::<LoginAnswer>(bytes),
        5 => exact::<SpacesAnswer>(bytes),
        6 => exact::<PutAnswer>(bytes),
        7 => exact::<GetMessage>(bytes),
        8 => exact::<HasRequest>(bytes),
        9 => exact::<HasAnswer>(bytes),
        10 => exact::<ScanMessage>(bytes),
        11 => exact::<SummaryMessage>(bytes),
        12 => exact::<SummaryAnswer>(bytes),
        13 => exact::<StatusAnswer>(bytes),
        14 => exact::<FeedRequest>(bytes),
        15 => open::<WireError>(bytes),
        _ => open::<FeedItem>(bytes),
    }
});
