//! An epoch altered on its way, or put together from parts of others.

use bulla_core::control::Context;
use bulla_core::{AuthorKey, EntryId, KeyId, SpaceId};
use bulla_crypto::{Inheritance, OpenedEpoch};
use bulla_identity::OsRandomness;

use crate::epochs::{
    assert_failed, author, context, create, draft, key_ids, moved, open, recipient, same, seen,
};
use crate::support::{SPACE, device, key};

/// Clauses: CTL-32, CTL-33, CTL-34.
#[test]
fn a02_what_an_author_seals_every_recipient_opens() {
    let new = create(&[1, 2, 3], &[8, 9]);
    for seed in [1, 2, 3] {
        let opened = open(&new.payload, seed).unwrap();
        assert!(same(&opened.key, &new.key));
        assert!(opened.inheritance.topics.is_same(&new.topics));
        let parents = opened.inheritance.parents;
        assert_eq!(parents.iter().map(|(id, _)| id.0[0]).collect::<Vec<_>>(), [8, 9]);
        assert!(parents.iter().all(|(id, held)| same(held, &key(id.0[0]))));
    }
    assert_eq!(open(&new.payload, 4).unwrap_err().code().as_str(), "epoch.not_recipient");
    // A policy without history hands on the topic secret alone.
    let mut without = draft(&[2], &[8, 9]);
    without.parents.iter_mut().for_each(|parent| parent.key = None);
    let new = without.create(&author(), &OsRandomness).unwrap();
    let opened = open(&new.payload, 2).unwrap();
    assert!(opened.inheritance.parents.is_empty());
    assert!(opened.inheritance.topics.is_same(&crate::epochs::topics()));
}

/// Clauses: CTL-34.
#[test]
fn a02_every_bit_of_every_wrap_counts_and_every_refusal_is_the_same() {
    let new = create(&[1, 2], &[9]);
    for (place, seed) in new.payload.recipients.iter().map(|one| one.device).zip(place_seeds(&new))
    {
        let at = new.payload.recipients.iter().position(|one| one.device == place).unwrap();
        for bit in 0..8 * 80 {
            let mut payload = new.payload.clone();
            payload.recipients[at].sealed[bit / 8] ^= 1 << (bit % 8);
            // The highest bit of an X25519 key is ignored (RFC 7748, section 5), but HPKE's context is not over it: it
            // counts like any other.
            assert_failed(open(&payload, seed), &format!("bit {bit} of what is sealed to {seed}"));
        }
    }
    for bit in 0..8 * new.payload.inherited.len() {
        let mut payload = new.payload.clone();
        payload.inherited[bit / 8] ^= 1 << (bit % 8);
        assert_failed(open(&payload, 2), &format!("bit {bit} of what is handed down"));
    }
    for length in 16..new.payload.inherited.len() {
        let mut payload = new.payload.clone();
        payload.inherited.truncate(length);
        assert_failed(open(&payload, 2), &format!("handed down, cut at {length}"));
    }
}

/// The seeds of the recipients in the order of the payload.
fn place_seeds(new: &bulla_crypto::NewEpoch) -> Vec<u8> {
    let seed = |device_key: &AuthorKey| (1..=9).find(|seed| device(*seed).author() == *device_key);
    new.payload.recipients.iter().map(|one| seed(&one.device).unwrap()).collect()
}

/// Every field that an epoch is bound to, another one in its place.
/// Clauses: CTL-32, CTL-33, CTL-34.
#[test]
fn a02_an_epoch_moved_elsewhere_does_not_open() {
    let new = create(&[1, 2, 3], &[9]);
    let payload = &new.payload;
    let ids = key_ids(payload);
    let moved = |context: Context| OpenedEpoch::open(&context, payload, &ids, &device(2));
    assert_failed(moved(Context { space: SpaceId([1; 32]), ..context() }), "another space");
    let elsewhere = Context { author: device(2).author(), ..context() };
    assert_failed(moved(elsewhere), "another author");

    let changed = |what: &str, change: &dyn Fn(&mut bulla_core::control::Epoch)| {
        let mut payload = payload.clone();
        change(&mut payload);
        assert_failed(open(&payload, 2), what);
        // The one who has the key already is not misled either.
        let handed = Inheritance::open(&context(), &payload, &key_ids(&payload), &new.key);
        if what.starts_with("inherits") {
            assert_failed(handed, what);
        }
    };
    changed("inherits to another group", &|payload| payload.group = EntryId([5; 32]));
    changed("inherits from another parent", &|payload| payload.parents = vec![EntryId([8; 32])]);
    changed("inherits from no parent", &|payload| payload.parents.clear());
    changed("inherits from a parent more", &|payload| payload.parents.push(EntryId([10; 32])));
    changed("inherits under another key", &|payload| payload.key_id = key(7).id());
    changed("a recipient less", &|payload| _ = payload.recipients.pop());
    changed("a recipient more", &|payload| {
        let mut more = payload.recipients[0];
        more.device = recipient(4).0;
        payload.recipients.push(more);
        payload.recipients.sort_by_key(|one| one.device);
    });
    changed("what is sealed to another", &|payload| {
        let all = payload.recipients.clone();
        for (one, other) in payload.recipients.iter_mut().zip(all.iter().cycle().skip(1)) {
            one.sealed = other.sealed;
        }
    });
}

/// Parts of the epoch before, of another author's, of another group's, in an epoch that is otherwise genuine.
/// Clauses: CTL-32, CTL-34.
#[test]
fn a02_wraps_of_other_epochs_do_not_open() {
    let genuine = create(&[1, 2, 3], &[9]);
    let in_group = moved(draft(&[1, 2, 3], &[9]), SPACE, EntryId([5; 32]));
    let by_other = draft(&[1, 2, 3], &[9]);
    let in_space = moved(draft(&[1, 2, 3], &[9]), SpaceId([1; 32]), EntryId::ZERO);
    let others = [
        ("replayed", create(&[1, 2, 3], &[9])),
        ("of fewer", create(&[1, 2], &[9])),
        ("after other parents", create(&[1, 2, 3], &[8])),
        ("of a group", in_group.create(&author(), &OsRandomness).unwrap()),
        ("by another author", by_other.create(&device(3), &OsRandomness).unwrap()),
        ("of another space", in_space.create(&author(), &OsRandomness).unwrap()),
    ];
    for (what, other) in others {
        let foreign = *other.payload.sealed_to(&device(2).author()).unwrap();
        let mut payload = genuine.payload.clone();
        let own = payload.recipients.iter_mut().find(|one| one.device == device(2).author());
        own.unwrap().sealed = foreign;
        assert_failed(open(&payload, 2), what);
        payload.key_id = other.payload.key_id;
        assert_failed(open(&payload, 2), what);
        let mut payload = genuine.payload.clone();
        payload.inherited = other.payload.inherited;
        assert_failed(open(&payload, 2), what);
    }
    assert!(open(&genuine.payload, 2).is_ok());
}

/// What the caller says of the parents is held against what comes along.
/// Clauses: CTL-31, CTL-34.
#[test]
fn a02_keys_of_parents_are_held_against_their_entries() {
    let new = create(&[2], &[8, 9]);
    let with = |ids: &[KeyId]| OpenedEpoch::open(&context(), &new.payload, ids, &device(2));
    let (eighth, ninth) = (key(8).id(), key(9).id());
    assert!(with(&[eighth, ninth]).is_ok());
    assert_failed(with(&[ninth, eighth]), "the keys of the parents in another order");
    assert_failed(with(&[eighth, key(7).id()]), "another key than the parent's entry names");
    // A key that a parent has already is no new one, whoever sealed it.
    assert_failed(with(&[new.payload.key_id, ninth]), "the key of a parent as a new one");
    for wrong in [vec![], vec![eighth], vec![eighth, ninth, ninth]] {
        assert_eq!(with(&wrong).unwrap_err().code().as_str(), "epoch.parents");
    }
    // An author gives the key that the parent's entry names, or none.
    let mut wrong = draft(&[2], &[8, 9]);
    wrong.parents[0].key_id = ninth;
    let refused = wrong.create(&author(), &OsRandomness).unwrap_err();
    assert_eq!(refused.code().as_str(), "epoch.parents", "{}", seen(refused));
}

/// Clauses: CTL-30.
#[test]
fn epochs_beyond_their_bounds_are_refused_before_any_work() {
    let refused = |draft: bulla_crypto::EpochDraft| {
        let error = draft.create(&author(), &Broken).unwrap_err();
        error.code().as_str().to_owned()
    };
    let ids = |count: u16| (1..=count).map(|n| [n.to_be_bytes().as_slice(), &[1; 30]].concat());
    let devices = |count: u16| -> Vec<_> {
        let sealing_key = device(2).sealing_key();
        ids(count).map(|id| (AuthorKey(id.try_into().unwrap()), sealing_key)).collect()
    };
    let base = || draft(&[2], &[]);
    let many = bulla_crypto::EpochDraft { recipients: devices(8_193), ..base() };
    assert_eq!(refused(many), "cbor.bounds");
    assert_eq!(
        refused(bulla_crypto::EpochDraft { recipients: Vec::new(), ..base() }),
        "cbor.bounds"
    );
    assert_eq!(refused(draft(&[2, 3, 2], &[])), "control.order");
    assert_eq!(refused(draft(&[2], &[9, 9])), "control.order");
    assert_eq!(refused(draft(&[2], &[0])), "control.zero");
    let zero = vec![(AuthorKey::ZERO, device(2).sealing_key())];
    assert_eq!(refused(bulla_crypto::EpochDraft { recipients: zero, ..base() }), "control.zero");
    let parent = |id: Vec<u8>| bulla_crypto::EpochParent {
        id: EntryId(id.try_into().unwrap()),
        key_id: key(9).id(),
        key: None,
    };
    let many = bulla_crypto::EpochDraft { parents: ids(65).map(parent).collect(), ..base() };
    assert_eq!(refused(many), "cbor.bounds");
    // Within them it is the random source that is asked next.
    let most = bulla_crypto::EpochDraft {
        parents: ids(64).map(parent).collect(),
        recipients: devices(8_192),
        ..base()
    };
    assert_eq!(refused(most), "epoch.randomness");
    assert_eq!(context().space, SPACE);
}

/// A random source that gives nothing.
#[derive(Debug)]
struct Broken;

impl bulla_identity::Randomness for Broken {
    fn fill(&self, _bytes: &mut [u8]) -> Result<(), bulla_identity::RandomnessError> {
        Err(bulla_identity::RandomnessError)
    }
}
