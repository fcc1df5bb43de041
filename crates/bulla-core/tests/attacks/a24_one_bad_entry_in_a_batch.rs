//! One bad entry anywhere in a batch: it alone is refused, with its own reason.

use bulla_core::{RawEntry, Verifier};

use crate::support::{device, genesis, header, sign};

#[test]
fn a24_one_bad_entry_never_stops_the_others() {
    let alice = device(1);
    let (_, space) = genesis(&alice);
    let batch: Vec<_> = (0..250_u64)
        .map(|number| {
            let payload = number.to_le_bytes().repeat(4);
            let mut header = header(space, &alice, &payload);
            header.sequence = number + 2;
            sign(&alice, &header, Some(&payload))
        })
        .collect();
    let verifier = Verifier::new([1; 32]);
    let good = verifier.verify_batch(&space, batch.clone());
    assert!(good.iter().all(Result::is_ok));

    type Damage = fn(&mut RawEntry);
    let damages: [(Damage, &str); 5] = [
        (|raw| raw.signature.0[3] ^= 4, "entry.signature"),
        (|raw| raw.header = raw.header.slice(1..), "cbor.trailing"),
        (|raw| raw.payload = Some(vec![9; 32].into()), "entry.content_hash"),
        (|raw| raw.payload = Some(vec![9; 31].into()), "entry.payload_length"),
        (|raw| *raw = genesis(&device(9)).0, "entry.space"),
    ];
    for position in 0..batch.len() {
        let (damage, code) = damages[position % damages.len()];
        let mut batch = batch.clone();
        damage(&mut batch[position]);
        let verdicts = verifier.verify_batch(&space, batch);
        for (number, (verdict, good)) in verdicts.iter().zip(&good).enumerate() {
            if number == position {
                assert_eq!(
                    verdict.as_ref().unwrap_err().code().as_str(),
                    code,
                    "position {position}"
                );
            } else {
                assert_eq!(verdict, good, "position {position}, entry {number}");
            }
        }
    }
}

#[test]
fn a24_batches_longer_than_one_equation() {
    let alice = device(1);
    let (_, space) = genesis(&alice);
    let mut batch = vec![sign(&alice, &header(space, &alice, &[0; 16]), None); 600];
    batch[300].signature.0[3] ^= 4;
    let verdicts = Verifier::new([1; 32]).verify_batch(&space, batch);
    assert_eq!(verdicts.len(), 600);
    for (number, verdict) in verdicts.iter().enumerate() {
        assert_eq!(verdict.is_ok(), number != 300);
    }
    assert!(Verifier::new([1; 32]).verify_batch(&space, vec![]).is_empty());
}
