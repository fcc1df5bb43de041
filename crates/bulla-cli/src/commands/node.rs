//! `bulla node`: starts the node program as a process of its own.
//!
//! The node must not link the code that opens payloads, so it is another program; this one only passes on arguments, the
//! way it ends, and the signals that ask it to end.

use std::ffi::OsString;

use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::SignalKind;

use crate::exit::{Exit, Failure, Result};

const PROGRAM: &str = "bulla-node";

pub(crate) async fn run(arguments: &[OsString]) -> Result<()> {
    // Before there is a node, so that no signal can leave one behind.
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hang_up = listen(SignalKind::hangup())?;
    let program = program();
    let mut child =
        tokio::process::Command::new(&program).args(arguments).spawn().map_err(|error| {
            Failure::new(Exit::NotFound, format!("could not start {}: {error}", program.display()))
                .help("install bulla-node beside bulla or on the PATH")
        })?;
    let node = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let pass_on = |signal| node.map(|node| kill_process(node, signal));
    let status = loop {
        tokio::select! {
            status = child.wait() => break status,
            // The terminal sends an interrupt to both; the node drains and ends by itself, and is waited for. Sent a
            // second time it would cut requests short.
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => drop(pass_on(Signal::TERM)),
            _ = hang_up.recv() => drop(pass_on(Signal::HUP)),
        }
    };
    let status = status.map_err(|error| Failure::new(Exit::Failure, error))?;
    match status.code() {
        Some(0) => Ok(()),
        // The node has said why; its number goes on as ours.
        Some(code) => std::process::exit(code),
        None => Err(Failure::new(Exit::Failure, format!("{PROGRAM} was ended by a signal"))),
    }
}

fn listen(kind: SignalKind) -> Result<tokio::signal::unix::Signal> {
    tokio::signal::unix::signal(kind).map_err(|error| Failure::new(Exit::Failure, error))
}

/// The node program: the one that `BULLA_NODE_PROGRAM` names, else the one beside this program, else by the PATH.
pub(crate) fn program() -> std::path::PathBuf {
    if let Some(named) = std::env::var_os("BULLA_NODE_PROGRAM") {
        return named.into();
    }
    let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join(PROGRAM)));
    beside.filter(|path| path.exists()).unwrap_or_else(|| PROGRAM.into())
}
