//! The set digest against a model that adds the words of every element.

use bulla_core::{EntryId, SetHash, domain};
use proptest::prelude::*;

use crate::support::id;

/// The state of a set, from nothing but the spec: SET-1, SET-2.
fn model(ids: impl IntoIterator<Item = EntryId>) -> Vec<u8> {
    let mut words = [0_u32; 1024];
    for id in ids {
        let mut element = [0; 2048];
        let mut hasher = blake3::Hasher::new_derive_key(domain::SET_ELEMENT);
        hasher.update(&id.0).finalize_xof().fill(&mut element);
        for (i, word) in words.iter_mut().enumerate() {
            *word += u32::from(element[2 * i]) + 256 * u32::from(element[2 * i + 1]);
        }
    }
    words
        .iter()
        .flat_map(|word| [word % 256, word / 256 % 256])
        .map(|byte| u8::try_from(byte).unwrap())
        .collect()
}

#[test]
fn empty_set() {
    assert_eq!(SetHash::new().to_bytes(), [0; SetHash::STATE_BYTES]);
    assert_eq!(SetHash::new(), SetHash::default());
    assert_eq!(SetHash::new().digest().0, blake3::derive_key(domain::SET_DIGEST, &[0; 2048]));
}

#[test]
fn state_has_one_length() {
    for length in [0, 2047, 2049] {
        assert_eq!(SetHash::from_bytes(&vec![0; length]), None);
    }
}

/// What breaks sums and XOR of plain hashes: an element added often enough, or pairs that cancel out.
#[test]
fn multiples_do_not_vanish() {
    let mut state = SetHash::new();
    for _ in 0..256 {
        state.insert(&id(1));
    }
    assert_ne!(state, SetHash::new());
    let pairs: SetHash = [id(1), id(1)].iter().collect();
    assert_ne!(pairs, SetHash::new());
    assert_ne!(pairs, [id(2), id(2)].iter().collect());
}

proptest! {
    #[test]
    fn agrees_with_the_model_in_any_order(numbers in prop::collection::btree_set(any::<u64>(), 0..40), seed in any::<u64>()) {
        let mut ids: Vec<_> = numbers.into_iter().map(id).collect();
        let expected = model(ids.iter().copied());
        let forward: SetHash = ids.iter().collect();
        prop_assert_eq!(forward.to_bytes(), expected.clone());
        prop_assert_eq!(SetHash::from_bytes(&expected), Some(forward.clone()));
        ids.sort_by_key(|id| blake3::keyed_hash(&id.0, &seed.to_le_bytes()).as_bytes().to_vec());
        let shuffled: SetHash = ids.iter().collect();
        prop_assert_eq!(shuffled.digest(), forward.digest());
    }

    #[test]
    fn joins_and_parts(left in 0_u64..20, right in 0_u64..20) {
        let first: SetHash = (0..left).map(id).collect::<Vec<_>>().iter().collect();
        let second: SetHash = (left..left + right).map(id).collect::<Vec<_>>().iter().collect();
        let mut both = first.clone();
        both.add(&second);
        prop_assert_eq!(both.to_bytes(), model((0..left + right).map(id)));
        both.subtract(&first);
        prop_assert_eq!(&both, &second);
        for number in left..left + right {
            both.remove(&id(number));
        }
        prop_assert_eq!(both, SetHash::new());
    }

    #[test]
    fn any_one_more_or_less_shows(numbers in prop::collection::btree_set(any::<u64>(), 1..30)) {
        let ids: Vec<_> = numbers.into_iter().map(id).collect();
        let all: SetHash = ids.iter().collect();
        for without in 0..ids.len() {
            let rest: SetHash = ids.iter().enumerate().filter(|(i, _)| *i != without).map(|(_, id)| id).collect();
            prop_assert_ne!(rest.digest(), all.digest());
        }
    }
}
