//! Who belongs to a space?
//!
//! A [`Directory`] is a pure function of the set of a space's control entries (chapter `directory.md`): which devices
//! belong to it and with which roles, which entries count, which key is written with. In whatever order the entries came,
//! equal sets give equal answers on every replica and on every node; no clock takes part.
//!
//! What it is not: it keeps no entries (that is `bulla-store`), verifies none (that is `bulla-core`) and opens none (that
//! is `bulla-crypto`). It takes only [`VerifiedEntry`](bulla_core::VerifiedEntry)s.
//!
//! - [`Directory`] takes control entries and answers; [`Change`] says what one of them changed;
//! - [`Verdict`] says of a control entry whether it counts, and [`Standing`] of all other entries of a device;
//! - where a device lost rights, what still counts of its entries is decided along its hash chain: [`Limits`] and
//!   [`CutWalk`].
//!
//! ```
//! use bulla_core::{EntryId, SpaceId, VerifiedEntry};
//! use bulla_directory::{Directory, Verdict};
//!
//! fn who(space: SpaceId, entries: &[VerifiedEntry], asked: &EntryId) {
//!     let mut directory = Directory::new(space);
//!     directory.extend(entries);
//!     for member in directory.members() {
//!         assert!(directory.role(&member.device) == Some(member.role));
//!     }
//!     assert!(matches!(directory.verdict(asked), None | Some(Verdict::Counts | Verdict::Refused(_))));
//! }
//! ```

mod chain;
mod change;
mod directory;
mod erasures;
mod explain;
mod graph;
mod judge;
mod standing;
mod table;
mod verdict;

pub use chain::{CutWalk, Link, Outcome, Reach};
pub use change::Change;
pub use directory::{Directory, EpochInfo, GroupInfo, Member, Recipient};
pub use erasures::Erasable;
pub use explain::{Explanation, LossInfo};
pub use standing::{Limit, Limits, Standing};
pub use verdict::{Refusal, Verdict};
