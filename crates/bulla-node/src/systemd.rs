//! Telling a service manager how far the node is (`sd_notify(3)`).

use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Says it to the service manager that started this process, if it wants to hear.
pub(crate) fn notify(state: &str) {
    let Some(name) = std::env::var_os("NOTIFY_SOCKET") else { return };
    if let Err(error) = send(name.as_bytes(), state) {
        tracing::warn!(%error, "cannot tell the service manager");
    }
}

/// Says that the configuration is being read again; `READY=1` is the end of it.
pub(crate) fn notify_reloading() {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let microseconds = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1_000;
    notify(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}"));
}

fn send(name: &[u8], state: &str) -> std::io::Result<()> {
    let address = match name.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(name))?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.send_to_addr(state.as_bytes(), &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The unit starts a command that there is, sets variables that there are, and says what the program keeps to.
    #[test]
    fn the_unit_is_true_to_the_program() {
        use clap::{CommandFactory as _, Parser as _};
        let unit = include_str!("../systemd/bulla-node.service");
        let values = |key: &str| -> Vec<&str> {
            unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).collect()
        };
        assert_eq!(values("Type"), ["notify"]);
        assert_eq!(values("ExecReload"), ["/bin/kill -HUP $MAINPID"]);
        let start = values("ExecStart")[0];
        crate::commands::Program::try_parse_from(start.split(' ')).unwrap();
        let program = crate::commands::Program::command();
        let run = program.find_subcommand("run").unwrap();
        for variable in values("Environment") {
            let (name, _) = variable.split_once('=').unwrap();
            let is_known = run.get_arguments().any(|argument| {
                argument.get_env().is_some_and(|known| known.to_str() == Some(name))
            });
            assert!(is_known, "{name}");
        }
        let drain_ms = bulla_server::HttpSettings::default().drain_timeout_ms;
        assert!(values("TimeoutStopSec")[0].parse::<u64>().unwrap() * 1_000 > drain_ms);
        assert_eq!(values("RestartPreventExitStatus"), ["2"]);
    }

    #[test]
    fn a_state_arrives_whole() {
        let folder = std::env::temp_dir().join(format!("bulla-notify-{}", std::process::id()));
        let socket = UnixDatagram::bind(&folder).unwrap();
        send(folder.as_os_str().as_bytes(), "READY=1").unwrap();
        let mut bytes = [0; 32];
        let length = socket.recv(&mut bytes).unwrap();
        std::fs::remove_file(&folder).unwrap();
        assert_eq!(&bytes[..length], b"READY=1");
    }
}
