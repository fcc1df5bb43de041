//! The secrets of devices and nodes, and the few things they sign.

use std::fmt;

use bulla_core::header::signing_message;
use bulla_core::values::Acknowledgement;
use bulla_core::{
    AuthorKey, EntryId, HeaderDigest, InvitationId, JoiningCard, JoiningClaim, Lineage, NodeId,
    PeerKey, SealingKey, Signature, SpaceId, domain,
};
use ed25519_dalek::{Signer, SigningKey};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use crate::login::{Initiator, LoginError, LoginTranscript};
use crate::{Card, CardError, ChallengeKey, Randomness, RandomnessError};

/// The secrets of one device: an Ed25519 key that signs and an X25519 key that opens what is sealed to the device,
/// drawn independently (KEY-2).
///
/// Not `Clone`, wiped on drop, and `Debug` shows public halves only. Share it in an `Arc`.
///
/// ```compile_fail
/// fn clone<T: Clone>() {}
/// clone::<bulla_identity::DeviceKeys>();
/// ```
pub struct DeviceKeys {
    signing: SigningKey,
    sealing: StaticSecret,
    salt: SaltSecret,
}

impl DeviceKeys {
    /// Makes a new device.
    ///
    /// # Errors
    ///
    /// [`RandomnessError`] when the source gives no bytes.
    pub fn generate(randomness: &dyn Randomness) -> Result<Self, RandomnessError> {
        let (mut signing, mut sealing) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 32]));
        randomness.fill(signing.as_mut())?;
        randomness.fill(sealing.as_mut())?;
        Ok(Self::dangerous_from_secrets(&signing, &sealing))
    }

    /// The device with these secrets: the Ed25519 seed of RFC 8032, section 5.1.5, and the X25519 scalar before clamping.
    ///
    /// For key files, vectors and tests: two devices that run on one pair of secrets fork their own chain.
    #[must_use]
    pub fn dangerous_from_secrets(signing: &[u8; 32], sealing: &[u8; 32]) -> Self {
        Self {
            signing: SigningKey::from_bytes(signing),
            sealing: StaticSecret::from(*sealing),
            salt: SaltSecret::derive(signing),
        }
    }

    /// The key that others know this device's entries by.
    #[must_use]
    pub fn author(&self) -> AuthorKey {
        AuthorKey(self.signing.verifying_key().to_bytes())
    }

    /// The key that others seal to.
    #[must_use]
    pub fn sealing_key(&self) -> SealingKey {
        SealingKey(PublicKey::from(&self.sealing).to_bytes())
    }

    /// Signs a header of this device's own entry by its digest (ENT-31).
    #[must_use]
    pub fn sign_header(&self, digest: &HeaderDigest) -> Signature {
        Signature(self.signing.sign(&signing_message(digest)).to_bytes())
    }

    /// The public card of this device under a label of at most 64 bytes (CARD-1).
    ///
    /// # Errors
    ///
    /// [`CardError::Label`].
    pub fn card(&self, label: &str) -> Result<Card, CardError> {
        Card::sign(self.author(), self.sealing_key(), label, |message| {
            Signature(self.signing.sign(message).to_bytes())
        })
    }

    /// Signs this device's joining card for one space and one invitation, zero for none (PAIR-2).
    #[must_use]
    #[expect(
        clippy::missing_panics_doc,
        reason = "own keys are never of small order, and sign what verifies"
    )]
    pub fn joining_card(&self, space: SpaceId, invitation: InvitationId) -> JoiningCard {
        let (author, sealing_key) = (self.author(), self.sealing_key());
        let claim = JoiningClaim { space, author, sealing_key, invitation };
        let signature = Signature(self.signing.sign(&claim.signing_message()).to_bytes());
        claim.verify(signature).expect("what this device's own keys have signed verifies")
    }

    /// Signs the digest over an epoch key that this device sealed to another one (KEY-9).
    #[must_use]
    pub fn sign_key_transfer(&self, digest: &[u8; 32]) -> Signature {
        Signature(self.signing.sign(&[domain::SIGN_KEY_TRANSFER, digest].concat()).to_bytes())
    }

    /// Signs what this device says in message 5 of an exchange, after these messages (PAIR-22).
    #[must_use]
    pub fn sign_pairing_confirmation(&self, history: &[u8; 32], statement: &[u8]) -> Signature {
        let message = [domain::SIGN_PAIRING_CONFIRMATION, history, statement].concat();
        Signature(self.signing.sign(&message).to_bytes())
    }

    /// Signs what this device says in message 6 of an exchange, after these messages (PAIR-22).
    #[must_use]
    pub fn sign_pairing_approval(&self, history: &[u8; 32], statement: &[u8]) -> Signature {
        let message = [domain::SIGN_PAIRING_APPROVAL, history, statement].concat();
        Signature(self.signing.sign(&message).to_bytes())
    }

    /// The secret that hedges the salts of this device's entries (KEY-3).
    #[must_use]
    pub const fn salt_secret(&self) -> &SaltSecret {
        &self.salt
    }

    /// The X25519 scalar, 32 bytes: what opens keys sealed to this device. For `bulla-crypto`; never print or store it.
    #[must_use]
    pub fn expose_sealing_secret(&self) -> &[u8; 32] {
        self.sealing.as_bytes()
    }

    /// The Ed25519 seed, 32 bytes, for the key file.
    pub(crate) fn expose_signing_secret(&self) -> &[u8; 32] {
        self.signing.as_bytes()
    }
}

impl Initiator for DeviceKeys {
    fn peer_key(&self) -> PeerKey {
        self.author().into()
    }

    fn sign_login(&self, transcript: &LoginTranscript) -> Result<Signature, LoginError> {
        sign_login_initiator(&self.signing, transcript)
    }
}

impl fmt::Debug for DeviceKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceKeys").field("author", &self.author()).finish_non_exhaustive()
    }
}

/// The secret of one node: an Ed25519 key. A node receives no sealed keys, so it has no other (KEY-2).
///
/// Not `Clone`, wiped on drop, and `Debug` shows the public half only.
pub struct NodeKeys {
    signing: SigningKey,
}

impl NodeKeys {
    /// Makes a new node.
    ///
    /// # Errors
    ///
    /// [`RandomnessError`] when the source gives no bytes.
    pub fn generate(randomness: &dyn Randomness) -> Result<Self, RandomnessError> {
        let mut signing = Zeroizing::new([0; 32]);
        randomness.fill(signing.as_mut())?;
        Ok(Self::dangerous_from_secret(&signing))
    }

    /// The node with this Ed25519 seed (RFC 8032, section 5.1.5). For key files, vectors and tests.
    #[must_use]
    pub fn dangerous_from_secret(signing: &[u8; 32]) -> Self {
        Self { signing: SigningKey::from_bytes(signing) }
    }

    /// The key that others know this node by.
    #[must_use]
    pub fn node_id(&self) -> NodeId {
        NodeId(self.signing.verifying_key().to_bytes())
    }

    /// Answers a login: signs the transcript as its responder (LOGIN-3).
    ///
    /// # Errors
    ///
    /// [`LoginError::Identity`] when the transcript names another responder.
    pub fn answer_login(&self, transcript: &LoginTranscript) -> Result<Signature, LoginError> {
        if transcript.responder() != self.node_id() {
            return Err(LoginError::Identity);
        }
        Ok(Signature(self.signing.sign(&transcript.responder_message()).to_bytes()))
    }

    /// Acknowledges what a batch stored: receipt and id of each entry that has a receipt, in the order of the batch
    /// (ACK-2, ACK-3).
    #[must_use]
    pub fn acknowledge(
        &self,
        space: SpaceId,
        lineage: Lineage,
        stored: impl IntoIterator<Item = (u64, EntryId)>,
    ) -> Acknowledgement {
        let (count, digest) = Acknowledgement::digest_of(stored);
        let signature = Signature::ZERO;
        let mut value =
            Acknowledgement { node: self.node_id(), space, lineage, count, digest, signature };
        value.signature = Signature(self.signing.sign(&value.signing_message()).to_bytes());
        value
    }

    /// The key under which this node gives out login challenges, derived from its secret, so that a restart does not
    /// break logins under way (LOGIN-5).
    #[must_use]
    pub fn challenge_key(&self) -> ChallengeKey {
        ChallengeKey::from_secret(self.signing.as_bytes())
    }

    /// The Ed25519 seed, 32 bytes, for the key file.
    pub(crate) fn expose_signing_secret(&self) -> &[u8; 32] {
        self.signing.as_bytes()
    }
}

impl Initiator for NodeKeys {
    fn peer_key(&self) -> PeerKey {
        self.node_id().into()
    }

    fn sign_login(&self, transcript: &LoginTranscript) -> Result<Signature, LoginError> {
        sign_login_initiator(&self.signing, transcript)
    }
}

impl fmt::Debug for NodeKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeKeys").field("node_id", &self.node_id()).finish_non_exhaustive()
    }
}

/// Keys a hash that a device's salts come from, so that they differ even when the random source repeats (KEY-3).
pub struct SaltSecret(Zeroizing<[u8; 32]>);

impl SaltSecret {
    fn derive(signing: &[u8; 32]) -> Self {
        Self(Zeroizing::new(blake3::derive_key(domain::SALT_SECRET, signing)))
    }

    /// BLAKE3 keyed with this secret, fed with nothing yet.
    #[must_use]
    pub fn hasher(&self) -> blake3::Hasher {
        blake3::Hasher::new_keyed(&self.0)
    }
}

impl fmt::Debug for SaltSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SaltSecret(..)")
    }
}

fn sign_login_initiator(
    key: &SigningKey,
    transcript: &LoginTranscript,
) -> Result<Signature, LoginError> {
    // A transcript that names another initiator is somebody else's login: signing it would lend them this key.
    if transcript.initiator() != PeerKey(key.verifying_key().to_bytes()) {
        return Err(LoginError::Identity);
    }
    Ok(Signature(key.sign(&transcript.initiator_message()).to_bytes()))
}
