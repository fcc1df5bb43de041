//! What a keyring says of an epoch it was given.

/// What came of [`Keyring::learn`](crate::Keyring::learn).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Learned {
    /// Keys that were not known.
    pub new_keys: usize,
    /// A key came that is known from another epoch or another group: it was not drawn anew, so whoever had the other one
    /// reads this one too (CTL-31). A person wants to know.
    pub repeated: bool,
}
