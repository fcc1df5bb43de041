//! Whether a control entry counts, and why not.

use bulla_core::Code;

/// Whether a control entry counts (DIR-20 to DIR-25).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It counts.
    Counts,
    /// It does not, for this reason. It may count when more entries are known.
    Refused(Refusal),
}

/// Why an entry does not count. Of several reasons the first in this order is named (DIR-32).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// Nothing that counts ever gave its author a role (DIR-18).
    Stranger,
    /// It is a recovery entry, or one by a recovery key, other than the one that counts (DIR-20).
    Recovery,
    /// Its format version is below the one that the space's policy asks for (DIR-30).
    Format,
    /// Its author had the right and lost it, and the entry lies beyond what still counts (DIR-32).
    Cut,
    /// Its author did not have the right (DIR-21 to DIR-25).
    NoRight,
    /// It gives or takes something of a device that is senior to its author, or gives to its author (DIR-21, DIR-22).
    Seniority,
    /// It brings in a device that an admin revoked, and knows that (DIR-21).
    Revoked,
    /// Its group was not founded by a counting entry in its past (DIR-23, DIR-25).
    Group,
    /// A parent of the epoch is no epoch of its group in its past (DIR-25).
    Parents,
    /// Its invitation brought in another device already (DIR-21).
    Invitation,
}

impl Verdict {
    /// Whether the entry counts.
    #[must_use]
    pub const fn counts(self) -> bool {
        matches!(self, Self::Counts)
    }

    /// Why it does not.
    #[must_use]
    pub const fn refusal(self) -> Option<Refusal> {
        match self {
            Self::Counts => None,
            Self::Refused(refusal) => Some(refusal),
        }
    }
}

impl Refusal {
    /// Every refusal, in the order of DIR-32.
    pub const ALL: [Self; 10] = [
        Self::Stranger,
        Self::Recovery,
        Self::Format,
        Self::Cut,
        Self::NoRight,
        Self::Seniority,
        Self::Revoked,
        Self::Group,
        Self::Parents,
        Self::Invitation,
    ];

    /// The stable code.
    #[must_use]
    pub const fn code(self) -> Code {
        Code::new(match self {
            Self::Stranger => "directory.stranger",
            Self::Recovery => "directory.recovery",
            Self::Format => "directory.format",
            Self::Cut => "directory.cut",
            Self::NoRight => "directory.no_right",
            Self::Seniority => "directory.seniority",
            Self::Revoked => "directory.revoked",
            Self::Group => "directory.group",
            Self::Parents => "directory.parents",
            Self::Invitation => "directory.invitation",
        })
    }

    /// The clause of the spec that refuses this.
    #[must_use]
    pub const fn clause(self) -> &'static str {
        match self {
            Self::Stranger => "DIR-18",
            Self::Recovery => "DIR-20",
            Self::Format => "DIR-30",
            Self::Cut | Self::NoRight => "DIR-15",
            Self::Seniority => "DIR-13",
            Self::Group => "DIR-23",
            Self::Parents => "DIR-25",
            Self::Revoked | Self::Invitation => "DIR-21",
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Stranger => "the author never belonged to the space",
            Self::Recovery => "another recovery entry counts",
            Self::Format => "the space asks for a later format",
            Self::Cut => "the author had lost the right",
            Self::NoRight => "the author did not have the right",
            Self::Seniority => "the device concerned is senior to the author",
            Self::Revoked => "the device was revoked before",
            Self::Group => "the group is not one that was founded before",
            Self::Parents => "the epoch names parents that are none",
            Self::Invitation => "the invitation was used for another device",
        })
    }
}
