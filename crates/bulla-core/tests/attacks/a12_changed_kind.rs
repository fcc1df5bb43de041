//! An entry of one kind is relabelled as another.

use bulla_core::cbor::Encode;
use bulla_core::{KeyId, Kind, RawEntry, Topic, Verifier};

use crate::support::{device, genesis, header, sign};

#[test]
fn a12_no_kind_passes_as_another() {
    let device = device(1);
    let (_, space) = genesis(&device);
    let verifier = Verifier::new([1; 32]);
    let kinds: Vec<Kind> = (0..=40).chain([255, 256, 4095, u16::MAX]).map(Kind).collect();
    let known = |kind: &&Kind| !kind.is_control() || (1..=8).contains(&kind.0);
    for signed_as in kinds.iter().filter(known) {
        let mut genuine = header(space, &device, &[0; 16]);
        genuine.kind = *signed_as;
        if signed_as.is_control() {
            (genuine.topic, genuine.key_id) = (Topic::ZERO, KeyId::ZERO);
        }
        let signed = sign(&device, &genuine, None);
        for shown_as in &kinds {
            let mut shown = genuine.clone();
            shown.kind = *shown_as;
            let raw = RawEntry { header: shown.to_cbor().into(), ..signed.clone() };
            assert_eq!(
                verifier.verify(&space, raw).is_ok(),
                shown_as == signed_as,
                "{signed_as} as {shown_as}"
            );
        }
    }
}
