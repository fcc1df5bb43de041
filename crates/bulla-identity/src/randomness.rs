//! Random bytes as a component, so that a test can see what a bad source would do.

/// The source of random bytes gave none. Nothing was made; whoever runs the machine must mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct RandomnessError;

/// Where random bytes come from. Everything but tests and vectors uses [`OsRandomness`].
pub trait Randomness: std::fmt::Debug + Send + Sync {
    /// Fills `bytes` with bytes nobody can guess.
    ///
    /// # Errors
    ///
    /// [`RandomnessError`]; the contents of `bytes` are then not to be used.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomnessError>;
}

/// The random number generator of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsRandomness;

impl Randomness for OsRandomness {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomnessError> {
        getrandom::fill(bytes).map_err(|_| RandomnessError)
    }
}
