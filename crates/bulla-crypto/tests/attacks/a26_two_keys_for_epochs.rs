//! Labels, and what epochs hand down, made to open under two keys; and keys that are not the one that was named.

use bulla_core::cbor::Writer;
use bulla_core::control::{Epoch, SealedLabel};
use bulla_core::{EntryId, Salt};
use bulla_crypto::{Inheritance, Keyring, LabelSubject, OpenedEpoch, open_label, open_label_with};
use bulla_identity::OsRandomness;
use hkdf::Hkdf;
use hpke::{Deserializable, Kem, OpModeS, Serializable, single_shot_seal_with_rng};
use sha2::Sha256;

use crate::collision::{colliding, decrypts};
use crate::epochs::{assert_failed, author, context, create, draft, open, recipient, same};
use crate::support::{SPACE, device, key, writer};

/// CTL-12: the key of a label.
fn label_key(epoch_key: &[u8; 32], salt: &Salt, subject: &[u8; 32]) -> [u8; 32] {
    let info = [b"bulla 2026 label".as_slice(), &SPACE.0, &author().author().0, subject].concat();
    let mut okm = [0; 32];
    Hkdf::<Sha256>::new(Some(&salt.0), epoch_key).expand(&info, &mut okm).unwrap();
    okm
}

/// Clauses: CTL-12, KEY-6.
#[test]
fn a26_a_label_opens_under_the_key_it_names_and_no_other() {
    let salt = Salt([3; 24]);
    let keys = [1, 2].map(|seed| label_key(&[seed; 32], &salt, &[0; 32]));
    let ciphertext = colliding(&[], 65, [&keys[0], &keys[1]]);
    let texts = keys.map(|key| decrypts(&key, &[], &ciphertext).expect("right under both keys"));
    assert_ne!(texts[0], texts[1], "the cipher gives two members two labels");
    let label =
        SealedLabel { key_id: key(1).id(), salt, ciphertext: ciphertext.try_into().unwrap() };
    let mut ring = Keyring::new();
    ring.insert(SPACE, key(2));
    for refused in [
        open_label(&label, &context(), LabelSubject::Group, &ring),
        open_label_with(&label, &context(), LabelSubject::Group, &key(2)),
    ] {
        assert_eq!(refused.unwrap_err().code().as_str(), "open.unknown_key");
    }
    // Under the key it names it decrypts, and is no label; the other key beside it changes nothing.
    ring.insert(SPACE, key(1));
    let refused = open_label(&label, &context(), LabelSubject::Group, &ring);
    assert_eq!(refused.unwrap_err().code().as_str(), "label.text");
}

/// A label of one device or group, in one space, by one author, opens nowhere else.
/// Clauses: CTL-12.
#[test]
fn a26_a_label_moved_elsewhere_does_not_open() {
    let subject = LabelSubject::Device(device(2).author());
    let label = writer(1).seal_label(subject, "the phone 𒁾", &key(1)).unwrap();
    let opened = |context, subject| open_label_with(&label, &context, subject, &key(1));
    assert_eq!(opened(context(), subject).unwrap(), "the phone 𒁾");
    let failed = opened(context(), LabelSubject::Group).unwrap_err();
    assert_eq!(failed.code().as_str(), "label.failed");
    let other_space = bulla_core::control::Context { space: [9; 32].into(), ..context() };
    let other_author = bulla_core::control::Context { author: device(2).author(), ..context() };
    for refused in [
        opened(context(), LabelSubject::Device(device(3).author())),
        opened(other_space, subject),
        opened(other_author, subject),
    ] {
        assert_eq!(format!("{:?}", refused.unwrap_err()), format!("{failed:?}"));
    }
    // Every bit of what is sealed counts, and nobody is told which.
    for bit in 0..8 * (24 + 81) {
        let mut altered = label;
        let byte = bit / 8;
        match altered.salt.0.get_mut(byte) {
            Some(salt) => *salt ^= 1 << (bit % 8),
            None => altered.ciphertext[byte - 24] ^= 1 << (bit % 8),
        }
        let refused = open_label_with(&altered, &context(), subject, &key(1)).unwrap_err();
        assert_eq!(format!("{refused:?}"), format!("{failed:?}"), "bit {bit}");
    }
    // Whatever the label, its length on the wire is the same.
    let longest = "ä".repeat(32);
    let long = writer(1).seal_label(subject, &longest, &key(1)).unwrap();
    assert_eq!(open_label_with(&long, &context(), subject, &key(1)).unwrap(), longest);
    assert_ne!(long.salt, label.salt);
    let long = "a".repeat(65);
    for wrong in [&long, "a\nb", "\u{7f}", "\u{85}", "gpj.\u{202e}evil", "a\u{2060}b", "a\u{feff}"]
    {
        let refused = writer(1).seal_label(subject, wrong, &key(1)).unwrap_err();
        assert_eq!(refused.code().as_str(), "label.text", "{wrong:?}");
    }
}

/// CTL-33: the key of what an epoch hands down.
fn inheritance_key(epoch_key: &[u8; 32], payload: &Epoch) -> [u8; 32] {
    let mut place = Writer::new();
    place.array(5).bytes(SPACE).bytes(author().author()).bytes(payload.group);
    place.array(payload.parents.len());
    payload.parents.iter().for_each(|id| _ = place.bytes(id));
    place.bytes(payload.key_id);
    let material = [epoch_key, place.as_bytes()].concat();
    blake3::derive_key("bulla 2026 epoch inheritance", &material)
}

/// Clauses: CTL-33, CTL-34.
#[test]
fn a26_what_an_epoch_hands_down_opens_under_its_own_key_alone() {
    let mut payload = create(&[2], &[]).payload;
    payload.key_id = key(1).id();
    let keys = [1, 2].map(|seed| inheritance_key(&[seed; 32], &payload));
    payload.inherited = colliding(&[], 36, [&keys[0], &keys[1]]);
    let texts = keys.map(|key| decrypts(&key, &[], &payload.inherited).expect("right under both"));
    assert_ne!(texts[0], texts[1], "the cipher gives two readers two topic secrets");
    for seed in [1, 2] {
        let opened = Inheritance::open(&context(), &payload, &[], &key(seed));
        assert_failed(opened, "crafted for two keys");
    }
    // The genuine one opens with the clauses' own key derivation: nothing else was wrong with them.
    let new = create(&[2], &[]);
    let opened = inheritance_key(new.key.expose_secret(), &new.payload);
    let text = decrypts(&opened, &[], &new.payload.inherited).unwrap();
    assert_eq!(&text[3..35], new.topics.expose_secret());
    // Under a key whose id the payload does not name it is not even tried.
    let mut renamed = new.payload.clone();
    renamed.key_id = key(2).id();
    renamed.inherited = {
        let key = inheritance_key(new.key.expose_secret(), &renamed);
        use chacha20poly1305::aead::Aead;
        use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce};
        ChaCha20Poly1305::new(&key.into()).encrypt(&Nonce::default(), text.as_slice()).unwrap()
    };
    let opened = Inheritance::open(&context(), &renamed, &[], &new.key);
    assert_failed(opened, "sealed under another key than it names");
}

/// An author gives one recipient another key than the rest, under the one key id. (One wrap for two keys cannot be made
/// as above: the keys of a wrap depend on the key id, and with it on what the wrap opens to.)
/// Clauses: CTL-34.
#[test]
fn a26_two_recipients_cannot_be_given_two_keys() {
    type Suite = hpke::kem::X25519HkdfSha256;
    let mut new = create(&[2, 3], &[]);
    let victim = recipient(3);
    let payload = &new.payload;
    let mut devices = Writer::new();
    devices.array(2);
    payload.recipients.iter().for_each(|one| _ = devices.bytes(one.device));
    let digest = blake3::derive_key("bulla 2026 epoch recipients", devices.as_bytes());
    let mut info = Writer::new();
    info.array(8).bytes(SPACE).bytes(author().author()).bytes(EntryId::ZERO).array(0);
    info.bytes(payload.key_id).bytes(digest).bytes(victim.0).bytes(victim.1);
    let info = [b"bulla 2026 epoch key".as_slice(), info.as_bytes()].concat();
    let public = <Suite as Kem>::PublicKey::from_bytes(&victim.1.0).unwrap();
    let seal =
        |secret: &[u8]| -> [u8; 80] {
            let (encapsulated, ciphertext) =
                single_shot_seal_with_rng::<
                    hpke::aead::ChaCha20Poly1305,
                    hpke::kdf::HkdfSha256,
                    Suite,
                >(&OpModeS::Base, &public, &info, secret, &[], &mut Counter(1))
                .unwrap();
            [encapsulated.to_bytes().as_slice(), &ciphertext].concat().try_into().unwrap()
        };
    let (right, wrong) = (seal(new.key.expose_secret()), seal(&[7; 32]));
    let place = new.payload.recipients.iter().position(|one| one.device == victim.0).unwrap();
    new.payload.recipients[place].sealed = wrong;
    assert_failed(open(&new.payload, 3), "another key than the id names");
    assert!(open(&new.payload, 2).is_ok());
    // Sealed so by the text of the clauses alone, the right key opens.
    new.payload.recipients[place].sealed = right;
    assert!(same(&open(&new.payload, 3).unwrap().key, &new.key));
}

/// Numbers in the place of random bytes.
struct Counter(u64);

impl hpke::rand_core::TryRng for Counter {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(u32::from(self.try_next_u64()?.to_le_bytes()[0]))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        self.0 += 1;
        Ok(self.0)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        for byte in bytes {
            *byte = self.try_next_u64()?.to_le_bytes()[0];
        }
        Ok(())
    }
}

impl hpke::rand_core::TryCryptoRng for Counter {}

/// What opens and has not the form of CTL-33.
/// Clauses: CTL-33, CTL-34.
#[test]
fn a26_an_inheritance_of_another_form_fails_like_any_other() {
    use chacha20poly1305::aead::Aead;
    use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce};
    let new = create(&[2], &[8, 9]);
    let ids = [key(8).id(), key(9).id()];
    let sealed = |write: &dyn Fn(&mut Writer)| {
        let mut writer = Writer::new();
        write(&mut writer);
        let mut payload = new.payload.clone();
        let key = inheritance_key(new.key.expose_secret(), &payload);
        payload.inherited = ChaCha20Poly1305::new(&key.into())
            .encrypt(&Nonce::default(), writer.as_bytes())
            .unwrap();
        OpenedEpoch::open(&context(), &payload, &ids, &device(2))
    };
    let opened = sealed(&|w| {
        w.array(2).bytes([1; 32]).array(2).array(0).array(1).bytes([9; 32]);
    });
    assert_eq!(opened.unwrap().inheritance.parents.len(), 1, "one of two parents");
    let wrong: [&dyn Fn(&mut Writer); 11] = [
        &|_| {},
        &|w| _ = w.bytes([1; 32]),
        &|w| _ = w.array(1).bytes([1; 32]),
        &|w| _ = w.array(3).bytes([1; 32]).array(2).array(0).array(0).null(),
        &|w| _ = w.array(2).bytes([1; 31]).array(2).array(0).array(0),
        &|w| _ = w.array(2).bytes([1; 32]).array(1).array(0),
        &|w| _ = w.array(2).bytes([1; 32]).array(3).array(0).array(0).array(0),
        &|w| _ = w.array(2).bytes([1; 32]).array(2).array(1).bytes([8; 31]).array(0),
        &|w| _ = w.array(2).bytes([1; 32]).array(2).array(2).bytes([8; 32]).bytes([8; 32]).array(0),
        &|w| _ = w.array(2).bytes([1; 32]).array(2).array(1).bytes([9; 32]).array(1).bytes([8; 32]),
        &|w| _ = w.array(2).bytes([1; 32]).array(2).array(0).array(0).uint(0),
    ];
    for (at, write) in wrong.iter().enumerate() {
        assert_failed(sealed(write), &format!("form {at}"));
    }
    // Not even what the clauses forbid an author: the key of the epoch itself as that of a parent.
    let mut again = draft(&[2], &[9]);
    again.parents[0].key_id = new.payload.key_id;
    assert_eq!(
        again.create(&author(), &OsRandomness).unwrap_err().code().as_str(),
        "epoch.parents"
    );
}
