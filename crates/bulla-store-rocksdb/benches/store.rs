//! What the store costs: durable appends by one and by 64 writers beside the bare append and fdatasync of the same bytes,
//! batches as a pull brings them with their CPU time per entry, a scan, and how long a large store takes to open.
//!
//! `cargo bench -p bulla-store-rocksdb --bench store [append|batches|open [entries]]`. Folders are made where `TMPDIR`
//! says. Durability is *every commit* throughout.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a bench prints, and fails by panicking"
)]

#[path = "store/entries.rs"]
mod entries;

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bulla_core::Verified;
use bulla_core::values::{PutOutcome, ScanRequest};
use bulla_store::{Clock, ContentAddressedStore, Context, SystemClock};
use bulla_store_rocksdb::{DiskOptions, DiskSpaces, DiskStore};
use entries::{Entries, SPACE};

const PAYLOAD_BYTES: usize = 1024;
const ROUNDS: usize = 5;

fn main() {
    // cargo adds `--bench`.
    let words: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let wants = |what: &str| words.is_empty() || words[0] == what;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    if let [what, folder, count] = &words[..]
        && what == "fill"
    {
        runtime.block_on(fill(Path::new(folder), count.parse().unwrap()));
    }
    if wants("append") {
        runtime.block_on(append());
    }
    if wants("batches") {
        runtime.block_on(batches());
    }
    if wants("open") {
        let count = words.get(1).map_or(1_000_000, |word| word.parse().unwrap());
        runtime.block_on(open_large(count));
    }
}

fn open(folder: &Path) -> DiskSpaces {
    DiskSpaces::open(folder, DiskOptions::default(), Arc::new(SystemClock::new())).unwrap()
}

async fn fresh(folder: &Path) -> (DiskSpaces, DiskStore) {
    let spaces = open(folder);
    let store = spaces.create_disk_store(SPACE).await.unwrap();
    (spaces, store)
}

async fn put(store: &DiskStore, batch: Vec<Verified>) {
    let count = batch.len();
    let outcomes = store.put(&Context::new(), batch).await.unwrap().outcomes;
    let stored = outcomes.iter().filter(|outcome| matches!(outcome, PutOutcome::Stored(_)));
    assert_eq!(stored.count(), count);
}

/// One writer and 64, in turns with the bare file, so that whatever else the machine does hits all alike.
async fn append() {
    const ONE: usize = 1_000;
    const WRITERS: usize = 64;
    const EACH: usize = 250;
    let folder = tempfile::tempdir().unwrap();
    let clock = SystemClock::new();
    let mut entries = Entries::new(1, 64);
    let (spaces, store) = fresh(&folder.path().join("store")).await;
    let mut file = File::create(folder.path().join("file")).unwrap();
    let (mut bare, mut one, mut many, mut commits) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let batch = entries.batch(ONE, PAYLOAD_BYTES);
        let (mut of_bare, mut of_one) = (Duration::ZERO, Duration::ZERO);
        for entry in batch {
            let start = clock.monotonic();
            let header = entry.verified_header();
            file.write_all(
                &[header.bytes().as_ref(), &header.signature().0, entry.payload().unwrap()]
                    .concat(),
            )
            .unwrap();
            file.sync_data().unwrap();
            of_bare += clock.monotonic() - start;
            let start = clock.monotonic();
            put(&store, vec![entry]).await;
            of_one += clock.monotonic() - start;
        }
        bare.push(of_bare.as_secs_f64() * 1e6 / ONE as f64);
        one.push(of_one.as_secs_f64() * 1e6 / ONE as f64);

        let work: Vec<Vec<Verified>> =
            (0..WRITERS).map(|_| entries.batch(EACH, PAYLOAD_BYTES)).collect();
        let before = spaces.status();
        let start = clock.monotonic();
        let writers: Vec<_> = work
            .into_iter()
            .map(|entries| {
                let store = store.clone();
                tokio::spawn(async move {
                    for entry in entries {
                        put(&store, vec![entry]).await;
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        let took = clock.monotonic() - start;
        many.push((WRITERS * EACH) as f64 / took.as_secs_f64());
        commits.push((spaces.status().commits - before.commits) as f64);
    }
    show("append + fdatasync of the same bytes, us", &bare);
    show("one writer, us per entry", &one);
    let ratios: Vec<f64> = one.iter().zip(&bare).map(|(one, bare)| one / bare).collect();
    show("one writer / append + fdatasync", &ratios);
    show("64 writers, entries/s", &many);
    show("64 writers, commits per round of 16,000", &commits);
    let goal = (0.9 * 64.0 / (median(&bare) * 1e-6)).min(30_000.0);
    println!("64 writers: goal {goal:.0} entries/s (30,000, or 0.9 x 64 per fdatasync)");
}

/// Batches of several sizes, two under way at any time, as a pull has them; then all of it scanned.
async fn batches() {
    const COUNT: usize = 100_000;
    let clock = SystemClock::new();
    for (authors, size) in [(1, 512), (100, 128), (100, 512), (100, 2_048), (10_000, 512)] {
        let (mut rates, mut costs, mut writers, mut scans, mut fsyncs) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let folder = tempfile::tempdir().unwrap();
            let mut entries = Entries::new(round as u64, authors);
            let batches: Vec<_> =
                (0..COUNT / size).map(|_| entries.batch(size, PAYLOAD_BYTES)).collect();
            let count = (COUNT / size * size) as f64;
            let (spaces, store) = fresh(folder.path()).await;
            let (start, cpu, writer) = (clock.monotonic(), cpu_ms(), writer_cpu_ms());
            let mut under_way = std::collections::VecDeque::new();
            for batch in batches {
                let store = store.clone();
                under_way.push_back(tokio::spawn(async move { put(&store, batch).await }));
                if under_way.len() == 2 {
                    under_way.pop_front().unwrap().await.unwrap();
                }
            }
            for last in under_way {
                last.await.unwrap();
            }
            let took = clock.monotonic() - start;
            rates.push(count / took.as_secs_f64());
            costs.push((cpu_ms() - cpu) * 1e3 / count);
            writers.push((writer_cpu_ms() - writer) * 1e3 / count);
            fsyncs.push(spaces.status().fsyncs as f64);
            let start = clock.monotonic();
            scans.push(scan(&store).await as f64 / (clock.monotonic() - start).as_secs_f64());
        }
        println!("-- {authors} authors, batches of {size}");
        show("put, entries/s", &rates);
        show("put, CPU us per entry, all threads", &costs);
        show("put, CPU us per entry, the writer alone", &writers);
        show("put, fsyncs", &fsyncs);
        show("scan, entries/s", &scans);
    }
}

async fn scan(store: &DiskStore) -> usize {
    let mut request = ScanRequest::everything();
    let mut count = 0;
    loop {
        let page = store.scan(&Context::new(), request.clone()).await.unwrap();
        count += page.items.len();
        request.after = Some(page.cursor);
        if page.end {
            return count;
        }
    }
}

/// Fills a store and ends without closing it, as a crash would.
async fn fill(folder: &Path, count: usize) {
    const BATCH: usize = 2_048;
    let clock = SystemClock::new();
    let mut entries = Entries::new(9, 100);
    let (_spaces, store) = fresh(folder).await;
    let (mut left, mut putting) = (count, Duration::ZERO);
    let cpu = writer_cpu_ms();
    while left > 0 {
        let batch = entries.batch(left.min(BATCH), PAYLOAD_BYTES);
        left -= batch.len();
        let start = clock.monotonic();
        put(&store, batch).await;
        putting += clock.monotonic() - start;
    }
    println!("-- {count} entries of {PAYLOAD_BYTES} bytes, batches of {BATCH}, one under way");
    println!("put: {:.0} entries/s", count as f64 / putting.as_secs_f64());
    println!("writer's CPU: {:.2} us per entry", (writer_cpu_ms() - cpu) * 1e3 / count as f64);
    std::io::stdout().flush().unwrap();
    std::process::abort();
}

/// Opening, and the first head, of a store that a crash left and of one closed in good order.
async fn open_large(count: usize) {
    let folder = tempfile::tempdir().unwrap();
    let (crashed, closed) = (folder.path().join("crashed"), folder.path().join("closed"));
    let mut filler = std::process::Command::new(std::env::current_exe().unwrap());
    filler.arg("fill").arg(&crashed).arg(count.to_string());
    // It aborts; what it did shows below.
    filler.status().unwrap();
    copy(&crashed, &closed);
    drop(open(&closed));
    let clock = SystemClock::new();
    for (name, folder) in [("after a crash", &crashed), ("closed in good order", &closed)] {
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            let again = folder.with_extension("again");
            copy(folder, &again);
            let start = clock.monotonic();
            let spaces = open(&again);
            let store = spaces.disk_store(SPACE).await.unwrap();
            let head = store.head(&Context::new()).await.unwrap();
            times.push((clock.monotonic() - start).as_secs_f64() * 1e3);
            assert_eq!(head.last_receipt, count as u64);
            drop((spaces, store));
            std::fs::remove_dir_all(&again).unwrap();
        }
        show(&format!("open and head, {name}, ms"), &times);
    }
}

/// Copies a folder that nobody has open; table files are never changed, so a second name will do.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().unwrap().is_dir() {
            copy(&path, &target);
        } else if path.extension().is_some_and(|ending| ending == "sst") {
            std::fs::hard_link(path, target).unwrap();
        } else {
            std::fs::copy(path, target).unwrap();
        }
    }
}

/// CPU time of the thread that writes, in milliseconds.
fn writer_cpu_ms() -> f64 {
    let threads = std::fs::read_dir("/proc/self/task").unwrap().map(|entry| entry.unwrap().path());
    let is_writer = |path: &std::path::PathBuf| {
        std::fs::read_to_string(path.join("comm")).is_ok_and(|name| name.trim() == "bulla-writer")
    };
    threads.filter(is_writer).map(|path| ticks_ms(&path.join("stat"))).sum()
}

/// CPU time of this process so far, user and system, in milliseconds (in steps of ten).
fn cpu_ms() -> f64 {
    ticks_ms(Path::new("/proc/self/stat"))
}

fn ticks_ms(stat: &Path) -> f64 {
    let stat = std::fs::read_to_string(stat).unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    let fields = after_name.split_whitespace().skip(11).take(2);
    fields.map(|field| field.parse::<f64>().unwrap()).sum::<f64>() * 10.0
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn show(what: &str, values: &[f64]) {
    let (least, most) =
        values.iter().fold((f64::MAX, f64::MIN), |(least, most), v| (least.min(*v), most.max(*v)));
    println!("{what}: {:.2} ({least:.2} to {most:.2})", median(values));
}
