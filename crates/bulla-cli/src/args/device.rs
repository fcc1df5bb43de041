//! What is said of devices that come in.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::{RoleArg, SpaceArg};

const ADD: &str = "\
Six lines go between the two devices, three each way: pasted, piped, or in two files that both can see, one for
each direction (--in and --out), which this command waits for. Then each person types the code that the other
device shows: if the codes differ, somebody stands between them, and nobody is let in. Stay until it is done:
an exchange that is given up spends its invitation.";

/// Offer a new device a way in.
#[derive(Debug, Args)]
pub(crate) struct InviteArgs {
    /// Minutes for which it serves, at most 10,080
    #[arg(long, value_name = "MINUTES", default_value_t = 15)]
    pub(crate) expires: u64,
    /// Draw a QR code also where the output is no terminal
    #[arg(long)]
    pub(crate) qr: bool,
    /// Draw it for a terminal with a light background
    #[arg(long)]
    pub(crate) light: bool,
    #[command(flatten)]
    pub(crate) space: SpaceArg,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeviceCommand {
    /// Let the device in that has an invitation of this device
    #[command(after_long_help = ADD)]
    Add(AddArgs),
    /// Come in with an invitation
    #[command(after_long_help = ADD)]
    Join(JoinArgs),
    /// List the invitations of this device, and who came in by them
    List,
}

/// Let a device in.
#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// Id of the invitation, or the beginning of it; not needed while only one is open
    #[arg(long, value_name = "ID")]
    pub(crate) invitation: Option<String>,
    /// What it may do
    #[arg(long, default_value = "writer")]
    pub(crate) role: RoleArg,
    /// What members call it; what it calls itself unless it is given
    #[arg(long)]
    pub(crate) label: Option<String>,
    /// File that the other device writes to, instead of standard input
    #[arg(long = "in", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) from: Option<PathBuf>,
    /// File that the other device reads, instead of standard output
    #[arg(long = "out", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) to: Option<PathBuf>,
}

/// Come in.
#[derive(Debug, Args)]
pub(crate) struct JoinArgs {
    /// The invitation: a file, - for standard input, or the line itself
    #[arg(value_name = "INVITATION")]
    pub(crate) invitation: String,
    /// What this device calls itself; what its card says unless it is given
    #[arg(long)]
    pub(crate) label: Option<String>,
    /// Local name for the space; it never leaves this device
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// File that the other device writes to, instead of standard input
    #[arg(long = "in", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) from: Option<PathBuf>,
    /// File that the other device reads, instead of standard output
    #[arg(long = "out", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) to: Option<PathBuf>,
}
