//! What is said of spaces: who belongs to them, their keys, their erasures.

use std::path::PathBuf;

use bulla_core::control::Role;
use bulla_core::{EntryId, NodeId, SpaceId};
use clap::{Args, Subcommand, ValueEnum, ValueHint};

use super::SpaceArg;

const GRANT: &str = "\
The device prints its card with `bulla space card`; a node's key is what its `bulla-node key show` prints.
What each role may do:
  relay   carry entries; it gets no key
  reader  read
  writer  read and write
  admin   read, write, and say who belongs to the space
Whether a newcomer reads what was written before was settled when the space was founded.";

const REVOKE: &str = "\
What is held here of the device counts still, nothing else of it does, anywhere; and new keys are made that it
does not get. There is no way back for this key: a device that comes again needs a new identity.";

const FRONTIER: &str = "\
The newest entry of every other device that is held here, each with its signed header, in an entry that travels like
any other. A device signs one by itself when it takes rights from another, and in a sync when many entries came since
its last. Whoever syncs with a node that withholds what a frontier proves is told so: see `bulla sync --help`.";

/// A role, as it is written on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RoleArg {
    /// Carries entries and gets no key
    Relay,
    /// Reads
    Reader,
    /// Reads and writes
    Writer,
    /// Reads, writes, and says who belongs to the space
    Admin,
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Relay => Self::Relay,
            RoleArg::Reader => Self::Reader,
            RoleArg::Writer => Self::Writer,
            RoleArg::Admin => Self::Admin,
        }
    }
}

/// What a new space is to be like.
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Local name; it never leaves this device
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Make a recovery key and print its 24 words, once
    #[arg(long)]
    pub(crate) recovery: bool,
    /// Do not give newcomers the keys of what was written before they came
    #[arg(long)]
    pub(crate) no_history: bool,
    /// Most entries of one author that count
    #[arg(long, value_name = "COUNT")]
    pub(crate) author_entries: Option<u64>,
    /// Most payload bytes of one author that count
    #[arg(long, value_name = "BYTES")]
    pub(crate) author_bytes: Option<u64>,
    /// Most entries of the space
    #[arg(long, value_name = "COUNT")]
    pub(crate) space_entries: Option<u64>,
    /// Most payload bytes of the space
    #[arg(long, value_name = "BYTES")]
    pub(crate) space_bytes: Option<u64>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SpaceCommand {
    /// Found a space, with this device as its founder and first admin
    Create(CreateArgs),
    /// Take part in a space: the next `bulla sync` fetches it
    Join {
        /// The space's id, from somebody who is trusted to name the right one
        id: SpaceId,
        /// Local name; it never leaves this device
        #[arg(long)]
        name: Option<String>,
    },
    /// Print what this device signs to come into a space: an admin grants it a role by this line
    Card {
        /// Space id or local name; not needed while there is only one
        #[arg(value_name = "SPACE")]
        id: Option<String>,
    },
    /// List who belongs to a space
    Members {
        #[command(flatten)]
        space: SpaceArg,
    },
    /// Give a device a role
    #[command(after_long_help = GRANT)]
    Grant {
        /// The line that `bulla space card` printed there, a file with it, or a node's key
        #[arg(value_name = "CARD|NODE KEY")]
        card: String,
        /// What it may do
        #[arg(long)]
        role: RoleArg,
        /// What members call it; nodes do not see that
        #[arg(long, default_value = "")]
        label: String,
        #[command(flatten)]
        space: SpaceArg,
    },
    /// Give a member another role
    Role {
        /// Its key, the beginning of it, or its label
        device: String,
        /// What it may do from now on
        role: RoleArg,
        #[command(flatten)]
        space: SpaceArg,
    },
    /// Take a device out of a space for good, and change the keys
    #[command(after_long_help = REVOKE)]
    Revoke {
        /// Its key, the beginning of it, or its label
        device: String,
        #[command(flatten)]
        space: SpaceArg,
    },
    /// Give a member a name that only this device knows
    Label {
        /// Its key, the beginning of it, or its label
        device: String,
        /// The name; an empty one takes it away
        label: String,
        #[command(flatten)]
        space: SpaceArg,
    },
    /// Change the keys of a space; one of version 0.1 becomes one with members
    Rotate {
        /// Change those of this group instead: its id or label
        #[arg(long, value_name = "GROUP")]
        group: Option<String>,
        /// Instead of now, change them from this device before a sync as soon as so many entries came since they last changed;
        /// 0 ends that
        #[arg(long, value_name = "ENTRIES", conflicts_with = "group")]
        every: Option<u64>,
        #[command(flatten)]
        space: SpaceArg,
    },
    /// Sign what this device has seen of the others, so that who is shown less can prove it
    #[command(after_long_help = FRONTIER)]
    Frontier {
        #[command(flatten)]
        space: SpaceArg,
    },
    /// Key groups: some members share keys that the others do not have
    #[command(subcommand)]
    Groups(GroupsCommand),
    /// List the spaces held here
    List,
    /// Show a space's head, figures and members
    #[command(visible_alias = "show")]
    Status {
        #[command(flatten)]
        space: SpaceArg,
    },
    /// Give a space another local name
    Rename {
        #[command(flatten)]
        space: SpaceArg,
        /// The new name
        name: String,
    },
    /// Remove a space and all its entries from this device
    Remove {
        #[command(flatten)]
        space: SpaceArg,
        /// Needed, because entries that were not synced are lost
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum GroupsCommand {
    /// List the groups of a space, and who is in them
    List {
        #[command(flatten)]
        space: SpaceArg,
    },
    /// Found a group of these members and this device
    Create {
        /// What the members of the space call it
        label: String,
        /// Keys, beginnings of keys, or labels
        devices: Vec<String>,
        #[command(flatten)]
        space: SpaceArg,
    },
    /// Add members to a group
    Add {
        /// The group's id, or its label
        group: String,
        /// Keys, beginnings of keys, or labels
        #[arg(required = true)]
        devices: Vec<String>,
        #[command(flatten)]
        space: SpaceArg,
    },
    /// Take members out of a group
    Remove {
        /// The group's id, or its label
        group: String,
        /// Keys, beginnings of keys, or labels
        #[arg(required = true)]
        devices: Vec<String>,
        #[command(flatten)]
        space: SpaceArg,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum QuarantineCommand {
    /// List what was refused and is kept, and why
    List {
        #[command(flatten)]
        space: SpaceArg,
    },
    /// Judge it all again, and store what counts by now
    Retry {
        #[command(flatten)]
        space: SpaceArg,
    },
}

/// Drop payloads everywhere.
#[derive(Debug, Args)]
#[command(
    group = clap::ArgGroup::new("what").required(true),
    after_long_help = "\
Every store that hears of it drops the payloads, keeps the headers, and never takes the payloads back. A writer
erases its own entries, an admin everybody's. Whoever copied them out of the space keeps them."
)]
pub(crate) struct EraseArgs {
    /// Ids of entries
    #[arg(value_name = "ENTRY", group = "what")]
    pub(crate) entries: Vec<EntryId>,
    /// A file or folder of the space by its path: all its versions held here, and the content that no other file needs
    #[arg(long, value_name = "PATH", group = "what")]
    pub(crate) file: Option<String>,
    /// What is held here under a topic, by the application's name for it
    #[arg(long, value_name = "NAME", group = "what")]
    pub(crate) topic: Option<String>,
    /// What is held here of a device: its key, the beginning of it, or its label
    #[arg(long, value_name = "DEVICE", group = "what")]
    pub(crate) author: Option<String>,
    /// Needed, because there is no way back
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) space: SpaceArg,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RecoveryCommand {
    /// Give a space its first recovery key and print its 24 words, once; for its founder
    Create {
        #[command(flatten)]
        space: SpaceArg,
    },
    /// Get a space back: this device becomes admin, the lost ones are revoked, and new words are printed
    #[command(after_long_help = "\
With a new identity, and the space's id: nodes serve whoever has the words, so name one with --from and --node, and all
there is of the space is fetched first. What is not held then of the lost devices does not count afterwards: without a
node, take in what there is by `bulla bundle import` before. The words sign this once. Write the new ones down before the
old ones are destroyed. If the node goes away in between, run the same command again.")]
    Restore {
        /// Address of a node that has the space
        #[arg(long, value_name = "URL", value_hint = ValueHint::Url, requires = "node")]
        from: Option<String>,
        /// That node's public key
        #[arg(long, value_name = "NODE KEY", requires = "from")]
        node: Option<NodeId>,
        /// Certificate authority to trust besides the system's (PEM)
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        ca: Option<PathBuf>,
        /// Allow http:// to another machine: entries stay sealed, but who talks to whom is seen
        #[arg(long)]
        dangerous_plain_http: bool,
        /// File with the words, or - for standard input; asked for on a terminal unless it is named
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        words: Option<PathBuf>,
        /// A lost device to revoke: its key or the beginning of it; several with several
        #[arg(long, value_name = "DEVICE")]
        revoke: Vec<String>,
        /// Revoke every device but nodes with role relay
        #[arg(long, conflicts_with = "revoke")]
        revoke_all: bool,
        #[command(flatten)]
        space: SpaceArg,
    },
}
