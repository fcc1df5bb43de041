//! What the machine can do by itself, to be read beside every figure.

use std::io::Write as _;
use std::path::Path;

use bulla_store::{Clock as _, SystemClock};
use serde_json::{Value, json};

/// Syncs measured.
const SYNCS: usize = 200;
const BLOCK: [u8; 4096] = [0x5a; 4096];

/// Cores, processor, what a sync costs, and how this program was built.
pub(super) fn describe(folder: &Path) -> std::io::Result<Value> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let model = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = model.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    Ok(json!({
        "cores": cores,
        "processor": model,
        "load_before": load,
        "fdatasync_us": sync_us(folder)?,
        "curve_flag": cfg!(curve25519_dalek_backend = "avx512"),
        "optimised": !cfg!(debug_assertions),
        "version": env!("CARGO_PKG_VERSION"),
    }))
}

/// The median time of appending 4 KiB to a file and syncing it, in microseconds.
pub(super) fn sync_us(folder: &Path) -> std::io::Result<u64> {
    let clock = SystemClock::new();
    let mut file = tempfile::tempfile_in(folder)?;
    let mut times = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let start = clock.monotonic();
        file.write_all(&BLOCK)?;
        file.sync_data()?;
        times.push(clock.monotonic().saturating_sub(start).as_micros());
    }
    times.sort_unstable();
    Ok(times.get(SYNCS / 2).and_then(|time| u64::try_from(*time).ok()).unwrap_or(0))
}

/// Processor time of this process so far, in microseconds.
pub(super) fn own_cpu_us() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let us = time.tv_sec.saturating_mul(1_000_000).saturating_add(time.tv_nsec / 1_000);
    u64::try_from(us).unwrap_or(0)
}

/// What a process has used so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Used {
    /// Processor time, in milliseconds.
    pub(super) cpu_ms: u64,
    /// Most memory it ever had, in bytes.
    pub(super) peak_bytes: u64,
}

/// What a process has used; this one for `None`.
pub(super) fn used(process: Option<u32>) -> Used {
    let folder = process.map_or_else(|| "/proc/self".to_owned(), |id| format!("/proc/{id}"));
    let stat = std::fs::read_to_string(format!("{folder}/stat")).unwrap_or_default();
    // The name in parentheses may hold blanks; user and system time are the 12th and 13th field behind it, in
    // hundredths of a second.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    let status = std::fs::read_to_string(format!("{folder}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    Used { cpu_ms: ticks * 10, peak_bytes: peak.unwrap_or(0) * 1024 }
}
