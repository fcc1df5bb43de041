//! What is said of devices that come in.

use std::path::PathBuf;

use bulla_core::NodeId;
use clap::{Args, Subcommand, ValueHint};

use super::{RoleArg, SpaceArg};

const INVITE: &str = "\
With a node that offers mailboxes nothing but the invitation is passed on by hand:
`bulla device join` on the new device and `bulla device add` here find each other there.
The node sees sealed messages of two devices, and not of which space. It is the one named
with --via and --node, else the one that the space was last synced with. Without one, the
two devices exchange lines that you pass on.

  bulla invite
  bulla invite --via https://relay.example:7440 --node KEY
  bulla invite --no-mailbox --expires 2h
  bulla invite list
  bulla invite cancel 3fa9";

const ADD: &str = "\
Six messages go between the two devices: through the mailbox of the node that the
invitation names, else as lines that are pasted, piped, or in two files that both devices
can see, one for each direction (--in and --out). Then each person types the code that the
other device shows: if the codes differ, somebody stands between them, and nobody is let
in. Stay until it is done: an exchange that is given up spends its invitation.

For scripts: --json prints {\"code\": ...} on a line of its own as soon as this device has
one, and the code of the other device is read from standard input, or from --code-file as
soon as that file has a line. The last line is the result.";

/// Offer a new device a way in.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_long_help = INVITE)]
pub(crate) struct InviteArgs {
    #[command(subcommand)]
    pub(crate) command: Option<InviteCommand>,
    #[command(flatten)]
    pub(crate) offer: OfferArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum InviteCommand {
    /// List the invitations of this device, and who came in by them
    List,
    /// End an invitation: it lets nobody in any more
    Cancel {
        /// Its id, or the beginning of it
        #[arg(value_name = "ID")]
        id: String,
    },
}

/// A new invitation.
#[derive(Debug, Args)]
pub(crate) struct OfferArgs {
    /// For how long it serves: 90s, 15m, 2h, 7d at most; a number alone is minutes. Through a mailbox at most 15m
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = milliseconds)]
    pub(crate) expires: u64,
    /// Address of the node through which the two devices shall find each other
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) via: Option<String>,
    /// The public key of that node
    #[arg(long, value_name = "NODE KEY", requires = "via")]
    pub(crate) node: Option<NodeId>,
    /// Ask no node: the two devices exchange lines
    #[arg(long, conflicts_with = "via")]
    pub(crate) no_mailbox: bool,
    #[command(flatten)]
    pub(crate) link: LinkArgs,
    /// Draw a QR code also where the output is no terminal
    #[arg(long)]
    pub(crate) qr: bool,
    /// Draw it for a terminal with a light background
    #[arg(long)]
    pub(crate) light: bool,
    #[command(flatten)]
    pub(crate) space: SpaceArg,
}

/// How to reach a node.
#[derive(Debug, Clone, Args)]
pub(crate) struct LinkArgs {
    /// Certificate authority to trust besides the system's (PEM)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) ca: Option<PathBuf>,
    /// Allow http:// to another machine: all is sealed, but who talks to whom is seen
    #[arg(long)]
    pub(crate) dangerous_plain_http: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeviceCommand {
    /// Let the device in that has an invitation of this device
    #[command(after_long_help = ADD)]
    Add(AddArgs),
    /// Come in with an invitation
    #[command(after_long_help = ADD)]
    Join(JoinArgs),
    /// List the devices in the spaces that are here, and the invitations by which they came in
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
    #[command(flatten)]
    pub(crate) way: WayArgs,
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
    /// Local name for the space, which never leaves this device; that of the inviting device unless it is given
    #[arg(long)]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) way: WayArgs,
}

/// How messages and codes go from one device to the other.
#[derive(Debug, Clone, Args)]
pub(crate) struct WayArgs {
    /// File with the code that the other device shows, instead of standard input; it may come later
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) code_file: Option<PathBuf>,
    /// How long to wait for each message of the other device, such as 90s or 5m; as long as the invitation serves
    /// unless it is given
    #[arg(long, value_name = "TIME", value_parser = milliseconds)]
    pub(crate) wait: Option<u64>,
    /// Between two looks into the mailbox
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = milliseconds)]
    pub(crate) look_every: u64,
    /// Exchange lines, although the invitation names the mailbox of a node; the other device must do so too
    #[arg(long)]
    pub(crate) lines: bool,
    /// File that the other device writes to, instead of standard input
    #[arg(long = "in", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) from: Option<PathBuf>,
    /// File that the other device reads, instead of standard output
    #[arg(long = "out", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) to: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) link: LinkArgs,
}

impl WayArgs {
    /// Whether lines are exchanged whatever the invitation says.
    pub(crate) const fn is_by_lines(&self) -> bool {
        self.lines || self.from.is_some() || self.to.is_some()
    }
}

/// A time in words, in milliseconds: `500ms`, `90s`, `15m`, `2h`, `7d`; a number alone is minutes.
fn milliseconds(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "" | "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err("give a number with ms, s, m, h or d, such as 15m".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "give a number, such as 15m".to_owned())?;
    number
        .checked_mul(unit_ms)
        .filter(|ms| *ms > 0)
        .ok_or_else(|| "give more than no time, and not that much".to_owned())
}

#[cfg(test)]
mod tests {
    use super::milliseconds;

    #[test]
    fn times_are_read_with_their_units() {
        let good = [("15", 900_000), ("15m", 900_000), ("90s", 90_000), ("7d", 604_800_000)];
        for (text, ms) in good.into_iter().chain([("1ms", 1), ("2h", 7_200_000)]) {
            assert_eq!(milliseconds(text), Ok(ms), "{text}");
        }
        let bad =
            ["", "m", "-1", "1.5h", "0", "0s", "5 m", "1w", "99999999999999999999", "1\u{e9}"];
        for text in bad.into_iter().chain(["99999999999999999d"]) {
            assert!(milliseconds(text).is_err(), "{text}");
        }
    }
}
