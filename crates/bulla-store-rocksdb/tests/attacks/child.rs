//! Processes that do something to a store and can be killed: this very binary, started again to run one test only.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::support;

const ROLE: &str = "BULLA_TEST_ROLE";
const FOLDER: &str = "BULLA_TEST_FOLDER";

/// A process that was started, and ends at the latest with this.
pub(crate) struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts a role over a folder.
    pub(crate) fn start(role: &str, folder: &Path) -> Self {
        Self::spawn(Command::new(std::env::current_exe().unwrap()), role, folder)
    }

    /// The same where no file may grow beyond so many bytes.
    pub(crate) fn start_with_file_limit(role: &str, folder: &Path, bytes: u64) -> Self {
        let mut command = Command::new("sh");
        // Without the trap the process would be killed instead of being told.
        let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", bytes / 512);
        command.arg("-c").arg(script).arg(std::env::current_exe().unwrap());
        Self::spawn(command, role, folder)
    }

    fn spawn(mut command: Command, role: &str, folder: &Path) -> Self {
        command.args(["--exact", "child::role", "--nocapture", "--test-threads=1"]);
        command.env(ROLE, role).env(FOLDER, folder).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next thing it says; `None` when it ended.
    pub(crate) fn next(&mut self) -> Option<String> {
        loop {
            let line = self.lines.next()?.ok()?;
            if let Some(said) = line.split_once("SAY ") {
                return Some(said.1.to_owned());
            }
        }
    }

    /// Everything it says until it ends.
    pub(crate) fn rest(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.next()).collect()
    }

    /// Ends it at once, as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn say(what: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "SAY {what}").unwrap();
    out.flush().unwrap();
}

/// What a started process does. Without a role, as in every ordinary run, there is nothing to do.
#[test]
fn role() {
    let (Ok(role), Some(folder)) = (std::env::var(ROLE), std::env::var_os(FOLDER)) else { return };
    let folder = Path::new(&folder);
    match role.as_str() {
        "hold" => {
            let _spaces = support::open(folder);
            say("open");
            // Until somebody kills us or closes our input.
            let _ = std::io::stdin().lock().read_line(&mut String::new());
        }
        "write" => crate::killed_writer::write(folder, say),
        "write until refused" => crate::failed_write::write(folder, say),
        other => panic!("no such role: {other}"),
    }
}
