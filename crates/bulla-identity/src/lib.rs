//! Who am I?
//!
//! A device is an Ed25519 key that signs and an X25519 key that receives sealed keys; a node is an Ed25519 key. This
//! crate makes them, keeps them in passphrase-protected files, and signs with them: headers of entries, logins,
//! acknowledgements and cards, each under its own domain string.
//!
//! What it is not: it opens no payload and knows no epoch key (that is `bulla-crypto`), and it speaks to no network. It
//! reads no clock; whoever calls passes the time.
//!
//! There is on purpose no way to sign bytes of the caller's choice, and no call that takes a public key beside a secret
//! one: a key pair always goes together (KEY-1, KEY-2).
//!
//! - [`DeviceKeys`], [`NodeKeys`]: the secrets; [`Card`]: what others may know of a device;
//! - [`LoginTranscript`], [`Initiator`], [`ChallengeKey`]: how two peers prove themselves to each other;
//! - [`DeviceKeys::create_file`], [`read_key_file`], [`Passphrase`]: how secrets lie on disk.
//!
//! ```
//! use bulla_identity::{Card, DeviceKeys, OsRandomness};
//!
//! let device = DeviceKeys::generate(&OsRandomness)?;
//! let card = device.card("laptop")?;
//! let line = card.to_string();
//! assert_eq!(line.parse::<Card>()?, card);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod acknowledgement;
mod card;
mod key_file;
mod keys;
mod login;
mod passphrase;
mod randomness;

pub use acknowledgement::{AcknowledgementError, verify_acknowledgement};
pub use card::{
    ArmourError, Card, CardError, MAX_CARD_BYTES, MAX_LABEL_BYTES, armour, label_fits, unarmour,
};
pub use key_file::{
    KeyFileError, MAX_KEY_FILE_BYTES, MAX_WORK_FACTOR, WorkFactor, create_key_file,
    key_file_content, open_secret, read_key_file, replace_key_file, seal_secret,
};
pub use keys::{DeviceKeys, NodeKeys, SaltSecret};
pub use login::{
    CHALLENGE_LIFETIME_MS, ChallengeKey, Initiator, LoginError, LoginNonces, LoginTranscript,
    MAX_LOGIN_SPACES, MAX_ORIGIN_BYTES, Origin,
};
pub use passphrase::{MAX_PASSPHRASE_BYTES, Passphrase, PassphraseError};
pub use randomness::{OsRandomness, Randomness, RandomnessError};
