//! Telling whoever started the node where it is to be found.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Where a node that serves is to be found: one line of JSON, on standard output and in the file asked for (NODE-50).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// The node's key, 64 hexadecimal digits.
    pub node: String,
    /// Where clients connect.
    pub listen: SocketAddr,
    /// The addresses that logins may name.
    pub origins: Vec<String>,
    /// Where the operator connects.
    pub admin: Option<SocketAddr>,
    /// The process.
    pub pid: u32,
}

impl Ready {
    /// Writes the line to standard output, and to a file if one is named: whole or not at all, so that whoever waits for
    /// it never reads half a line.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub fn tell(&self, file: Option<&Path>) -> std::io::Result<()> {
        let mut line = serde_json::to_string(self)?;
        line.push('\n');
        if let Some(file) = file {
            let mut partial = file.as_os_str().to_owned();
            partial.push(".partial");
            std::fs::write(&partial, &line)?;
            std::fs::rename(&partial, file)?;
        }
        let mut output = std::io::stdout().lock();
        output.write_all(line.as_bytes())?;
        output.flush()
    }
}
