//! What an admission allows and keeps.

/// Bounds of an admission, the defaults of which are those of the spec (ADM-7, ADM-9), and when it tries again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdmissionSettings {
    /// Control entries of one author that do not count; 1,024.
    pub author_refused: u64,
    /// Bytes of these, with header and signature; 4 MiB.
    pub author_refused_bytes: u64,
    /// Control entries of all authors together that do not count, from which on none is taken of who is no member; 65,536.
    pub space_refused: u64,
    /// Bytes of these, with header and signature; 64 MiB.
    pub space_refused_bytes: u64,
    /// Entries of one author with the same sequence whose place in the chain is open; 16, as many as cuts name branches.
    pub open_branches: usize,
    /// Headers of chains that are kept in memory, some 200 bytes each; 262,144. A single chain may take more.
    pub links: usize,
    /// Entries of one author that are stored because a chain asks for them and would be refused or quarantined otherwise, since
    /// the admission was opened; 65,536.
    pub author_asked_for: u64,
    /// Bytes of these, with header, signature and payload; 64 MiB.
    pub author_asked_for_bytes: u64,
    /// How long after it failed what follows from control entries is tried again
    /// ([`tend`](crate::DirectoryAdmission::tend)), in milliseconds; 1,000.
    pub retry_ms: u64,
}

impl Default for AdmissionSettings {
    fn default() -> Self {
        Self {
            author_refused: 1_024,
            author_refused_bytes: 4 * 1024 * 1024,
            space_refused: 65_536,
            space_refused_bytes: 64 * 1024 * 1024,
            open_branches: bulla_core::limits::MAX_CUTS,
            links: 262_144,
            author_asked_for: 65_536,
            author_asked_for_bytes: 64 * 1024 * 1024,
            retry_ms: 1_000,
        }
    }
}

impl AdmissionSettings {
    /// With other bounds of control entries that do not count: of one author, and in all.
    #[must_use]
    pub const fn with_refused(mut self, author: u64, space: u64) -> Self {
        (self.author_refused, self.space_refused) = (author, space);
        self
    }

    /// With other bounds of their bytes.
    #[must_use]
    pub const fn with_refused_bytes(mut self, author: u64, space: u64) -> Self {
        (self.author_refused_bytes, self.space_refused_bytes) = (author, space);
        self
    }

    /// With other bounds of what is stored of one author because a chain asks for it.
    #[must_use]
    pub const fn with_asked_for(mut self, entries: u64, bytes: u64) -> Self {
        (self.author_asked_for, self.author_asked_for_bytes) = (entries, bytes);
        self
    }

    /// With room for this many headers of chains.
    #[must_use]
    pub const fn with_links(mut self, links: usize) -> Self {
        self.links = links;
        self
    }
}
