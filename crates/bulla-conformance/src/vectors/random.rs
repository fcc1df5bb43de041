//! Randomness that is the same at every run.

/// A stream of bytes from a label: extended output of BLAKE3. Each file, or part of a file, takes a label of its own, so
/// that a case added in one place changes nothing elsewhere.
pub struct Random(blake3::OutputReader);

impl Random {
    /// The stream of this label.
    #[must_use]
    pub fn new(label: &str) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("bulla 2026 test vector randomness");
        hasher.update(label.as_bytes());
        Self(hasher.finalize_xof())
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes);
        bytes
    }

    /// The next `length` bytes.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.0.fill(&mut bytes);
        bytes
    }
}

impl std::fmt::Debug for Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Random")
    }
}

impl rand_core::TryRng for Random {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(u32::from_le_bytes(self.array()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(u64::from_le_bytes(self.array()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Random {}
