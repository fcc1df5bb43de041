//! What a keyring says of an epoch it was given.

/// What came of [`Keyring::learn`](crate::Keyring::learn). Two of these want to be told to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Learned {
    /// Keys that were not known.
    pub new_keys: usize,
    /// The epoch brought another topic secret than the group's, which was kept: its author's device is at fault (CTL-35).
    pub other_topics: bool,
    /// A key came that is known from another epoch or another group: it was not drawn anew, so whoever had the other one
    /// reads this one too (CTL-31).
    pub repeated: bool,
}
