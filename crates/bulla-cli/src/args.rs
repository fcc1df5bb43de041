//! The command line, and the manual that `--help` prints.

mod device;
mod space;

use std::path::PathBuf;

use bulla_core::{EntryId, NodeId, SpaceId};
use clap::{Args, Parser, Subcommand, ValueHint};

pub(crate) use device::{
    AddArgs, DeviceCommand, InviteArgs, InviteCommand, JoinArgs, LinkArgs, OfferArgs, WayArgs,
};
pub(crate) use space::{
    CreateArgs, EraseArgs, GroupsCommand, QuarantineCommand, RecoveryCommand, RoleArg, SpaceCommand,
};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed
  2  the command line, a file given or the configuration is wrong
  3  not found here
  4  data is damaged or not genuine
  5  a node cannot be reached now; the same command may work later
  6  a sync ended and is not proven complete
  7  wrong passphrase, wrong key, or no right to do that
  8  a sync is complete, and found a fork not known before, or a node that went back
  130, 143  interrupted (SIGINT, SIGTERM), where another device was told of it first

A sync that found a fork says so each time, and ends with 8 only once: when its proof is new in evidence/.

Files: everything lies in the home folder (--home, else $BULLA_HOME, else ~/.local/share/bulla):
identity.age, keyring.age and invitations.age hold secrets under your passphrase, store/ sealed entries,
evidence/ signed proof of forks and of what nodes withheld.

The passphrase comes from --passphrase-file (a file, or /dev/fd/N for a descriptor), else
from $BULLA_PASSPHRASE_FILE, else it is asked for. It is never an argument.

First steps:
  bulla identity create --label laptop
  bulla space create --name notes
  bulla file add ~/Documents/notes
  bulla sync https://relay.example:7440 --node <node key>
A second device, with an identity of its own:
  bulla invite                                                  (on the first)
  bulla device join <invitation>                                (on the second)
  bulla device add                                              (on the first)
  bulla sync                                                    (on the second)
The same without an invitation (`bulla space list` tells the space's id):
  bulla space join <space id> --name notes                      (on the second)
  bulla space card                                              (on the second)
  bulla space grant <its line> --role writer --label phone      (on the first; then sync)
  bulla sync https://relay.example:7440 --node <node key>       (on the second)
  bulla file restore ~/notes
The relay, and a device that is lost:
  bulla space grant <node key> --role relay
  bulla space revoke <device>
A tour on this machine, with nodes and all:
  bulla demo";

/// Signed, sealed, content-addressed entries that sync through nodes which cannot read them.
#[derive(Debug, Parser)]
#[command(name = "bulla", version, after_long_help = EXIT_CODES, propagate_version = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Folder that holds keys and store
    #[arg(long, global = true, env = "BULLA_HOME", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) home: Option<PathBuf>,
    /// File whose one line is the passphrase; /dev/fd/N for a descriptor
    #[arg(long, global = true, env = "BULLA_PASSPHRASE_FILE", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Print JSON instead of tables
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Write log lines of this level to standard error: error, warn, info, debug, trace
    #[arg(long, global = true, env = "BULLA_LOG", value_name = "LEVEL")]
    pub(crate) log: Option<String>,
}

/// Which space a command is about.
#[derive(Debug, Clone, Args)]
pub(crate) struct SpaceArg {
    /// Space id or local name; not needed while there is only one
    #[arg(long, short, value_name = "SPACE")]
    pub(crate) space: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// This device's keys and its public card
    #[command(subcommand)]
    Identity(IdentityCommand),
    /// The keys that open a space's entries
    #[command(subcommand)]
    Key(KeyCommand),
    /// Spaces: what replicates together
    #[command(subcommand)]
    Space(SpaceCommand),
    /// Offer a new device a way into a space, as text and as a QR code
    Invite(InviteArgs),
    /// Let a new device in, or come in with an invitation
    #[command(subcommand)]
    Device(DeviceCommand),
    /// Entries that were refused and are kept: look at them, judge them again
    #[command(subcommand)]
    Quarantine(QuarantineCommand),
    /// Drop the payloads of entries everywhere, for good
    Erase(EraseArgs),
    /// The key on paper that brings a space back when every device is lost
    #[command(subcommand)]
    Recovery(RecoveryCommand),
    /// Files and folders, as sealed chunks
    #[command(subcommand)]
    File(FileCommand),
    /// Single entries: look, list, explain
    #[command(subcommand)]
    Entry(EntryCommand),
    /// Exchange entries with a node, and prove that nothing is missing
    Sync(SyncArgs),
    /// A space, or what follows a cursor, as one file
    #[command(subcommand)]
    Bundle(BundleCommand),
    /// Run a node: starts the program `bulla-node` with the arguments given
    #[command(disable_help_flag = true)]
    Node {
        /// Arguments of `bulla-node`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<std::ffi::OsString>,
    },
    /// Check every byte of the store: ids, signatures, hashes, indexes, digests
    Verify {
        /// Mark damaged payloads as missing, so that the next sync fetches them again
        #[arg(long)]
        repair: bool,
    },
    /// Copy the whole store while it is in use, and bring a copy back
    #[command(subcommand)]
    Backup(BackupCommand),
    /// The whole story on this machine: a space with members, three nodes, one folder, a device that is lost
    Demo {
        /// Folder to send
        #[arg(value_name = "FOLDER", value_hint = ValueHint::DirPath)]
        folder: Option<PathBuf>,
        /// Keep what the nodes wrote, their logs and the recorded traffic here
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        keep: Option<PathBuf>,
    },
    /// Measure this machine: first pull, nothing new, a little new, caches, appends, memory
    Bench(BenchArgs),
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Kept for keys and values: set a value
    #[command(hide = true)]
    Put(Reserved),
    /// Kept for keys and values: read a value
    #[command(hide = true)]
    Get(Reserved),
    /// Kept for keys and values: delete a value
    #[command(hide = true)]
    Rm(Reserved),
    /// Kept for keys and values: list keys
    #[command(hide = true)]
    Ls(Reserved),
}

/// What is measured, and how often.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// Entries of the first pull
    #[arg(long, default_value_t = 100_000)]
    pub(crate) entries: u64,
    /// Entries of the large store, pulled once for its memory and opened; 0 leaves it out
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) large: u64,
    /// Bytes of each sealed payload
    #[arg(long, default_value_t = 1024)]
    pub(crate) payload: usize,
    /// How many authors wrote them, one series each
    #[arg(long, value_delimiter = ',', default_values_t = [1, 100, 10_000])]
    pub(crate) authors: Vec<u64>,
    /// Runs of each measurement; the median and the spread are shown
    #[arg(long, default_value_t = 5)]
    pub(crate) runs: usize,
    /// Entries of each append measurement
    #[arg(long, default_value_t = 20_000)]
    pub(crate) appends: u64,
    /// Where to work: the disk that is measured
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) folder: Option<PathBuf>,
    /// One part of a measurement, in a process of its own
    #[arg(long, hide = true)]
    pub(crate) role: Option<String>,
}

/// Whatever follows a word that is kept for later.
#[derive(Debug, Args)]
pub(crate) struct Reserved {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    pub(crate) rest: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum IdentityCommand {
    /// Make this device's keys
    Create {
        /// What others see on the card of this device, at most 64 bytes
        #[arg(long, default_value = "")]
        label: String,
    },
    /// Show who this device is
    Show,
    /// Print the public card that others seal keys to
    Card,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// List the epoch keys held, by their public ids
    List,
    /// Seal the keys held of a space to another device
    Export {
        #[command(flatten)]
        space: SpaceArg,
        /// The other device's card: a file, or the line itself
        #[arg(long, value_name = "CARD")]
        to: String,
        /// Write here instead of standard output
        #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
        output: Option<PathBuf>,
    },
    /// Take keys that another device sealed to this one, of a space without members or from before it came
    Import {
        /// File, or - for standard input
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Card of the device they must come from, as its owner gave it to you: a file, or the line itself
        #[arg(long, value_name = "CARD")]
        from: String,
        /// Local name for the space
        #[arg(long)]
        name: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum FileCommand {
    /// Store a file or a folder; what is there already and unchanged is not stored again
    Add {
        /// File or folder
        #[arg(value_hint = ValueHint::AnyPath)]
        path: PathBuf,
        /// For the members of this key group alone: its id or label
        #[arg(long, value_name = "GROUP")]
        group: Option<String>,
        #[command(flatten)]
        space: SpaceArg,
    },
    /// Write the files of a space into a folder
    Restore {
        /// Where to; made if it does not exist
        #[arg(value_hint = ValueHint::DirPath)]
        into: PathBuf,
        /// Only these paths, and what lies below them
        paths: Vec<String>,
        #[command(flatten)]
        space: SpaceArg,
        /// Replace files that are there already and differ
        #[arg(long)]
        overwrite: bool,
    },
    /// List the files of a space
    List {
        #[command(flatten)]
        space: SpaceArg,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum EntryCommand {
    /// Print an entry, its payload opened if the key is held
    Get {
        /// Entry id
        id: EntryId,
        #[command(flatten)]
        space: SpaceArg,
        /// Write the sealed payload bytes as they are stored
        #[arg(long, conflicts_with = "header")]
        sealed: bool,
        /// Write the header bytes as they are stored
        #[arg(long)]
        header: bool,
    },
    /// List entries in the order in which they arrived
    Log {
        #[command(flatten)]
        space: SpaceArg,
        /// At most this many, the newest last
        #[arg(long, default_value_t = 50)]
        limit: u64,
        /// Start after this receipt instead of showing the newest
        #[arg(long)]
        after: Option<u64>,
    },
    /// Explain objects field by field, and name the clause that refuses one
    #[command(after_long_help = "\
An entry is verified, and so is each header that a frontier carries: what is listed as proven exists, and whoever signed
the frontier had it. Two entries of one author with one number prove a fork. `bulla sync` keeps such evidence in the
folder `evidence` of the home folder, for others to inspect.")]
    Inspect {
        /// Entry ids, files, hexadecimal bytes, or - for standard input
        #[arg(required = true, value_name = "OBJECT")]
        objects: Vec<String>,
        #[command(flatten)]
        space: SpaceArg,
    },
}

/// Exchange entries with a node.
#[derive(Debug, Args)]
#[command(after_long_help = "\
A sync ends complete, by digest, or says what is missing and ends with exit code 6. What members signed that they had
seen (`bulla space frontier`) and the node does not give is missing too: then the node withholds it, was set back or shows
others another history, and the proof lies in the folder `evidence` of the home folder; `bulla entry inspect FILE` shows
to anybody what it proves. So do forks: two entries that one device signed with one number.

A node tells nothing to who has no role in a space: whether it exists, or that a device was revoked.")]
pub(crate) struct SyncArgs {
    /// Address of the node; the last one used if left out
    #[arg(value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) url: Option<String>,
    /// The node's public key: it must prove that it has it
    #[arg(long, value_name = "NODE KEY")]
    pub(crate) node: Option<NodeId>,
    #[command(flatten)]
    pub(crate) space: SpaceArg,
    /// Only send
    #[arg(long, conflicts_with = "pull")]
    pub(crate) push: bool,
    /// Only fetch
    #[arg(long)]
    pub(crate) pull: bool,
    /// Certificate authority to trust besides the system's (PEM)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) ca: Option<PathBuf>,
    /// Allow http:// to another machine: entries stay sealed, but who talks to whom is seen
    #[arg(long)]
    pub(crate) dangerous_plain_http: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BundleCommand {
    /// Write a space to a file
    Export {
        /// Where to; - for standard output
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        #[command(flatten)]
        space: SpaceArg,
        /// Only what follows this cursor, as an earlier export printed it
        #[arg(long, value_name = "CURSOR")]
        after: Option<String>,
    },
    /// Take the entries of a file in, each verified
    Import {
        /// File, or - for standard input
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Refuse a file of another space
        #[arg(long)]
        space: Option<SpaceId>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum BackupCommand {
    /// Copy the store into a new folder
    Create {
        /// Where to
        #[arg(value_hint = ValueHint::DirPath)]
        into: PathBuf,
    },
    /// Bring a copy back; every space in it takes a new lineage
    Restore {
        /// The copy
        #[arg(value_hint = ValueHint::DirPath)]
        from: PathBuf,
    },
}
