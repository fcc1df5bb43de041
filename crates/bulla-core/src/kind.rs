//! What an entry is for.

use std::fmt;

/// The kind of an entry, 16 bits. Below 16 it is a *control* kind: plaintext, read by nodes, never filtered, erased or
/// pruned. From 16 on it is the application's and sealed (ENT-7).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kind(pub u16);

impl Kind {
    /// Founds a space (GEN-1).
    pub const GENESIS: Self = Self(0);
    /// Gives a device a role (CTL-10).
    pub const GRANT: Self = Self(1);
    /// Changes a device's role (CTL-20).
    pub const ROLE: Self = Self(2);
    /// Ends a device's membership (CTL-25).
    pub const REVOKE: Self = Self(3);
    /// Starts a key epoch (CTL-30).
    pub const EPOCH: Self = Self(4);
    /// Says what was seen (CTL-40).
    pub const FRONTIER: Self = Self(5);
    /// Makes or changes a key group (CTL-50).
    pub const GROUP: Self = Self(6);
    /// Makes stores drop payloads (CTL-60).
    pub const ERASE: Self = Self(7);
    /// Gives a space back to its owner (CTL-70).
    pub const RECOVERY: Self = Self(8);
    /// The last control kind of this version; those between it and [`FIRST_APPLICATION`](Self::FIRST_APPLICATION) are
    /// refused (ENT-7).
    pub const LAST_CONTROL: Self = Self::RECOVERY;
    /// An application's operation.
    pub const OPERATION: Self = Self(16);
    /// State up to a causal position.
    pub const SNAPSHOT: Self = Self(17);
    /// One chunk of a larger content (MAN-3).
    pub const CHUNK: Self = Self(18);
    /// The ordered list of a content's chunks (MAN-4).
    pub const MANIFEST: Self = Self(19);
    /// A name in a folder and the manifest of its content (MAN-8).
    pub const FILE: Self = Self(20);
    /// The first kind that is not a control kind.
    pub const FIRST_APPLICATION: Self = Self(16);

    /// Whether this is a control kind, known or not.
    #[must_use]
    pub const fn is_control(self) -> bool {
        self.0 < Self::FIRST_APPLICATION.0
    }

    /// The name of the kinds this version defines.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::GENESIS => Some("genesis"),
            Self::GRANT => Some("grant"),
            Self::ROLE => Some("role"),
            Self::REVOKE => Some("revoke"),
            Self::EPOCH => Some("epoch"),
            Self::FRONTIER => Some("frontier"),
            Self::GROUP => Some("group"),
            Self::ERASE => Some("erase"),
            Self::RECOVERY => Some("recovery"),
            Self::OPERATION => Some("operation"),
            Self::SNAPSHOT => Some("snapshot"),
            Self::CHUNK => Some("chunk"),
            Self::MANIFEST => Some("manifest"),
            Self::FILE => Some("file"),
            Self(_) => None,
        }
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} ({})", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}
