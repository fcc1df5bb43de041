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
