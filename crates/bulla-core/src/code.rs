//! Stable error codes, the same in spec, wire, vectors, logs and command line.

use std::borrow::Cow;
use std::fmt;

use crate::limits::MAX_CODE_BYTES;

/// A stable error code such as `entry.signature`: 1 to 64 bytes of `a-z`, `0-9`, `.` and `_` (ERR-2).
///
/// A peer of a later version may send codes unknown here; they are kept as they are.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(Cow<'static, str>);

impl Code {
    /// A code of our own. The text must keep the rule of ERR-2; a test walks every code of the project.
    #[must_use]
    pub const fn new(code: &'static str) -> Self {
        Self(Cow::Borrowed(code))
    }

    /// A code from outside; `None` when it breaks ERR-2.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        let fits = !code.is_empty()
            && code.len() <= MAX_CODE_BYTES
            && code
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'_');
        fits.then(|| Self(Cow::Owned(code.to_owned())))
    }

    /// The text of the code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({})", self.0)
    }
}
