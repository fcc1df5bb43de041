//! Bytes drawn beforehand, in the shape that the HPKE library takes them.

use std::convert::Infallible;

use hpke::rand_core::{TryCryptoRng, TryRng};
use zeroize::Zeroize as _;

/// Gives 32 random bytes, drawn beforehand where that can fail, stretched by extended output should more be asked for.
pub(super) struct OnceRng(blake3::OutputReader);

impl OnceRng {
    pub(super) fn new(seed: &[u8; 32]) -> Self {
        let mut hasher = blake3::Hasher::new_keyed(seed);
        let reader = hasher.finalize_xof();
        hasher.zeroize();
        Self(reader)
    }
}

/// The reader gives the ephemeral secret again as long as it lasts.
impl Drop for OnceRng {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl TryRng for OnceRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for OnceRng {}
