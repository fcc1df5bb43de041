//! A bad copy of an entry comes before, after or between good ones: every copy gets its own verdict.

use bulla_core::{RawEntry, Verifier};
use proptest::prelude::*;

use crate::support::{device, genesis, header, sign};

/// Four entries, each with a good copy and copies that are wrong in one way.
fn copies() -> (bulla_core::SpaceId, Vec<(RawEntry, bool)>) {
    let (alice, bob) = (device(1), device(2));
    let (genesis, space) = genesis(&alice);
    let mut copies = vec![(genesis, true)];
    for (number, device) in [&alice, &alice, &bob].into_iter().enumerate() {
        let payload = vec![u8::try_from(number).unwrap(); 20];
        copies.push((sign(device, &header(space, device, &payload), Some(&payload)), true));
    }
    for (good, _) in copies.clone() {
        let mut wrong_signature = good.clone();
        wrong_signature.signature.0[40] ^= 1;
        let mut wrong_header = good.header.to_vec();
        wrong_header[70] ^= 1;
        let mut wrong_payload = good.payload.clone().unwrap().to_vec();
        wrong_payload[0] ^= 1;
        copies.push((wrong_signature, false));
        copies.push((RawEntry { header: wrong_header.into(), ..good.clone() }, false));
        copies.push((RawEntry { payload: Some(wrong_payload.into()), ..good }, false));
    }
    (space, copies)
}

proptest! {
    #[test]
    fn a16_every_copy_gets_its_own_verdict(picks in prop::collection::vec(0_usize..16, 1..12)) {
        let (space, copies) = copies();
        prop_assert_eq!(copies.len(), 16);
        // One verifier for all cases: whatever it might remember would show.
        static VERIFIER: Verifier = Verifier::new([1; 32]);
        let batch: Vec<_> = picks.iter().map(|pick| copies[*pick].0.clone()).collect();
        let verdicts = VERIFIER.verify_batch(&space, batch.clone());
        prop_assert_eq!(verdicts.len(), picks.len());
        for ((pick, raw), verdict) in picks.iter().zip(batch).zip(verdicts) {
            prop_assert_eq!(verdict.is_ok(), copies[*pick].1, "copy {}", pick);
            prop_assert_eq!(VERIFIER.verify(&space, raw), verdict);
        }
    }
}
