//! One secret in two uses: a signature would tell about the key that opens, or the other way round.

use std::sync::Mutex;

use bulla_identity::{DeviceKeys, OsRandomness, Randomness, RandomnessError};

/// Gives out what the system does and remembers it.
#[derive(Debug, Default)]
struct Remembering(Mutex<Vec<Vec<u8>>>);

impl Randomness for Remembering {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomnessError> {
        OsRandomness.fill(bytes)?;
        self.0.lock().unwrap().push(bytes.to_vec());
        Ok(())
    }
}

/// A source that is empty.
#[derive(Debug)]
struct Dry;

impl Randomness for Dry {
    fn fill(&self, _: &mut [u8]) -> Result<(), RandomnessError> {
        Err(RandomnessError)
    }
}

/// Clauses: KEY-2.
#[test]
fn the_two_secrets_of_a_device_are_drawn_apart() {
    let source = Remembering::default();
    let device = DeviceKeys::generate(&source).unwrap();
    let drawn = source.0.into_inner().unwrap();
    let [signing, sealing] = &drawn[..] else { panic!("{} draws", drawn.len()) };
    assert_eq!((signing.len(), sealing.len()), (32, 32));
    assert_ne!(signing, sealing);
    // Each public key follows from its own secret alone.
    let secret = |bytes: &[u8]| -> [u8; 32] { bytes.try_into().unwrap() };
    let (signing, sealing) = (secret(signing), secret(sealing));
    let same_signing = DeviceKeys::dangerous_from_secrets(&signing, &[9; 32]);
    let same_sealing = DeviceKeys::dangerous_from_secrets(&[9; 32], &sealing);
    assert_eq!(same_signing.author(), device.author());
    assert_ne!(same_signing.sealing_key(), device.sealing_key());
    assert_eq!(same_sealing.sealing_key(), device.sealing_key());
    assert_ne!(same_sealing.author(), device.author());
    assert!(DeviceKeys::generate(&Dry).is_err(), "no key without random bytes");
}
