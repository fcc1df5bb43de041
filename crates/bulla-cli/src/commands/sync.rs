//! `bulla sync`: exchange entries with a node, and prove that nothing is missing.

mod bringing;
mod findings;
mod learned;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bulla::sync::{Options, Progress, Reason, Report, Verdict, pull_expecting, push_with};
use bulla::{Device, EntryId, NodeId, Space, SpaceId};
use bulla_client::{AcknowledgementFile, Client, Upstream, UpstreamError};
use bulla_store::{Bookmarks, ContentAddressedStore, StoreError};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tokio::sync::watch;

pub(super) use bringing::bring;
use findings::Findings;
use learned::{Known, Learned};

use crate::app::App;
use crate::args::SyncArgs;
use crate::exit::{Exit, Failure, Result, with_causes};
use crate::home::{Remote, io};
use crate::output::size;

pub(crate) async fn run(app: &App, arguments: SyncArgs) -> Result<()> {
    let spaces = app.spaces()?;
    let space_id = app.home.resolve(&arguments.space, &app.held(&spaces).await?)?;
    let (remote, is_new) = remote(app, space_id, &arguments)?;
    let device = Device::from(app.home.keys()?);
    let client = client(app, &device, &remote, arguments.dangerous_plain_http).await?;
    let space = app.open(&spaces, space_id, &device).await?;
    let node: Arc<dyn ContentAddressedStore> = client.store(space_id);
    let bookmarks: Arc<dyn Bookmarks> = Arc::new(spaces.bookmarks());

    let before = Known::of(app, &spaces, &space).await?;
    let expected = expected(app, space_id)?;
    let mut results = exchange(app, &arguments, &space, &node, &bookmarks, &expected).await;
    // A node that is to serve this space takes it from an admin, by its genesis and the grants that lead there.
    if !arguments.pull
        && results.iter().any(|(_, report)| is_not_served(report))
        && bring(&space, &*node, device.author()).await?
    {
        results = exchange(app, &arguments, &space, &node, &bookmarks, &expected).await;
    }
    if is_new && results.iter().all(|(_, report)| report.source_head.is_some()) {
        let mut local = app.home.local()?;
        local.entry(space_id).remote = Some(remote);
        app.home.save_local(&local)?;
    }
    forget_expected(app, &space, &expected).await?;
    let learned = Learned::since(app, &before, &spaces, &space).await?;
    let mut findings = Vec::with_capacity(results.len());
    for (_, report) in &results {
        findings.push(Findings::of(app, &space, report).await?);
    }
    show(app, &results, &findings, &learned, client.traffic());
    judge(&results).map_err(|failure| refused(failure, &results, &space, &before))?;
    news(&findings)
}

/// A complete sync that found out something new does not end as if nothing were wrong: scripts would not notice.
fn news(findings: &[Findings]) -> Result<()> {
    let mut news: Vec<String> = findings.iter().flat_map(Findings::news).collect();
    // Both directions may have met the same.
    news.dedup();
    if news.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Exit::Found, format!("complete, but: {}", news.join("; "))).help(
        "of a fork, an admin should `bulla space revoke` the device; of a node that went back, ask its operator; \
         the next sync ends with 8 only if there is more",
    ))
}

/// What a device can know whom a node does not serve. A node answers strangers, revoked devices and everybody who asks for a
/// space that it does not have with the same bytes, so that only the space itself can say more.
fn refused(
    failure: Failure,
    results: &[(&'static str, Report)],
    space: &Space,
    before: &Known,
) -> Failure {
    if !results.iter().any(|(_, report)| is_not_served(report) || is_login_refused(report)) {
        return failure;
    }
    let message = failure.message.clone();
    if space.is_revoked() {
        return Failure {
            message: format!("{message}; this device was revoked in this space"),
            ..failure
        }
        .help("a new identity in another --home can be granted a role; this one never again");
    }
    match before.role {
        Some(role) => Failure {
            message: format!("{message}; as far as is known here this device is {role} of the space"),
            ..failure
        }
        .help(
            "either the node does not serve the space (any more), or this device was revoked and does not know it: a node \
             tells that to nobody. Ask another member for `bulla bundle export` and import that, or sync with another node; \
             then `bulla space show` says it",
        ),
        // Of a space of version 0.1 the operator of the node says who may use it.
        None if !space.has_members() => failure,
        None => failure.help(
            "either this device has no role in the space yet: give an admin the line of `bulla space card`, and wait until \
             they synced; or the space id, the address or the node is the wrong one: a node does not tell strangers which. \
             Where the operator of the node says who may use it: `bulla identity card`",
        ),
    }
}

fn is_login_refused(report: &Report) -> bool {
    let Verdict::Incomplete(incomplete) = &report.verdict else { return false };
    matches!(
        &incomplete.reason,
        Reason::Source(StoreError::Request { code, .. }) | Reason::Target(StoreError::Request { code, .. })
            if code.as_str() == "login.refused"
    )
}

/// What the device that let this one in knew of the space, as far as it was not held here when it was looked at last (PAIR-36).
fn expected(app: &App, space: SpaceId) -> Result<Vec<EntryId>> {
    let local = app.home.local()?;
    let Some(local) = local.spaces.get(&space.to_string()) else { return Ok(Vec::new()) };
    let ids = local.expected.iter().map(|id| id.parse());
    ids.collect::<std::result::Result<_, _>>().map_err(|_| {
        Failure::usage("spaces.toml expects what is no id of an entry")
            .help("mend that file in the home folder")
    })
}

/// Expects no longer what has come.
async fn forget_expected(app: &App, space: &Space, expected: &[EntryId]) -> Result<()> {
    let lacking = space.lacking(expected).await?;
    if lacking.len() == expected.len() {
        return Ok(());
    }
    let mut local = app.home.local()?;
    local.entry(space.id()).expected = lacking.iter().map(ToString::to_string).collect();
    app.home.save_local(&local)
}

/// Pulls and pushes, as far as that is wanted and of use. Pull first: a log that was cut short gets its own entries back
/// before anything is pushed.
async fn exchange(
    app: &App,
    arguments: &SyncArgs,
    space: &Space,
    node: &Arc<dyn ContentAddressedStore>,
    bookmarks: &Arc<dyn Bookmarks>,
    expected: &[EntryId],
) -> Vec<(&'static str, Report)> {
    let mut results = Vec::new();
    if !arguments.push {
        let (sender, bar) = progress(app, "pull");
        let options = Options::pull().with_progress(sender);
        let (node, bookmarks) = (Arc::clone(node), Arc::clone(bookmarks));
        let report = pull_expecting(space, node, bookmarks, options, expected).await;
        bar.abort();
        results.push(("pull", report));
    }
    if !arguments.pull && !results.iter().any(|(_, report)| is_out_of_reach(report)) {
        let (sender, bar) = progress(app, "push");
        let options = Options::push().with_progress(sender);
        let report = push_with(space, Arc::clone(node), Arc::clone(bookmarks), options).await;
        bar.abort();
        results.push(("push", report));
    }
    results
}

pub(crate) fn is_not_served(report: &Report) -> bool {
    let Verdict::Incomplete(incomplete) = &report.verdict else { return false };
    matches!(
        &incomplete.reason,
        Reason::Source(StoreError::NotServed(_)) | Reason::Target(StoreError::NotServed(_))
    )
}

/// Whether the node is of no use in either direction: it does not answer, another one does, or it misbehaves.
fn is_out_of_reach(report: &Report) -> bool {
    let Verdict::Incomplete(incomplete) = &report.verdict else { return false };
    let Reason::Source(error) = &incomplete.reason else { return false };
    // A device that may not read may still be one that may write.
    !matches!(error, StoreError::Forbidden { .. } | StoreError::NotServed(_))
}

/// The node to sync with: as given, else the one used before.
fn remote(app: &App, space: SpaceId, arguments: &SyncArgs) -> Result<(Remote, bool)> {
    let known =
        app.home.local()?.spaces.get(&space.to_string()).and_then(|local| local.remote.clone());
    let Some(url) = &arguments.url else {
        return known.map(|remote| (remote, false)).ok_or_else(|| {
            Failure::usage("no node known for this space")
                .help("name one: bulla sync URL --node KEY; it is remembered")
        });
    };
    let node = match (arguments.node, known.filter(|known| known.url == *url)) {
        (Some(node), _) => node.to_string(),
        (None, Some(known)) => known.node,
        (None, None) => {
            return Err(Failure::usage(format!("which key must {url} prove to have?"))
                .help("add --node KEY; the operator's `bulla-node key show` prints it"));
        }
    };
    let ca = absolute(arguments.ca.as_deref())?;
    Ok((Remote { url: url.clone(), node, ca }, true))
}

/// A node by its address and key.
pub(crate) fn remote_at(url: String, node: NodeId, ca: Option<&Path>) -> Result<Remote> {
    Ok(Remote { url, node: node.to_string(), ca: absolute(ca)? })
}

fn absolute(ca: Option<&Path>) -> Result<Option<PathBuf>> {
    let ca = ca.map(std::path::absolute).transpose();
    ca.map_err(|error| Failure::usage(format!("--ca: {error}")))
}

/// A client of a node, which keeps the node's acknowledgements in the home folder.
pub(crate) async fn client(
    app: &App,
    device: &Device,
    remote: &Remote,
    dangerous_plain: bool,
) -> Result<Client> {
    let path = app.home.acknowledgements_path();
    let acknowledgements =
        AcknowledgementFile::open(&path).await.map_err(|error| io("open", &path, &error))?;
    client_with(device, remote, dangerous_plain, Some(Arc::new(acknowledgements)))
}

/// A client of a node to which nothing is put: several programs may have one at a time.
pub(crate) fn reading_client(
    device: &Device,
    remote: &Remote,
    dangerous_plain: bool,
) -> Result<Client> {
    client_with(device, remote, dangerous_plain, None)
}

fn client_with(
    device: &Device,
    remote: &Remote,
    dangerous_plain: bool,
    acknowledgements: Option<Arc<AcknowledgementFile>>,
) -> Result<Client> {
    let node = remote.node_id()?;
    let upstream = if dangerous_plain {
        Upstream::dangerous_plain(&remote.url, node)
    } else {
        Upstream::new(&remote.url, node)
    };
    let upstream = upstream.map_err(|error| {
        let failure = Failure::usage(&error);
        match error {
            UpstreamError::Plain => failure.help(
                "or add --dangerous-plain-http: entries stay sealed, but who talks to whom is seen",
            ),
            _ => failure.help("an address looks like https://relay.example:7440"),
        }
    })?;
    let mut builder = Client::builder(upstream, Arc::clone(device) as _);
    if let Some(sink) = acknowledgements {
        builder = builder.with_acknowledgements(sink);
    }
    if let Some(ca) = &remote.ca {
        builder =
            builder.with_authorities(&std::fs::read(ca).map_err(|error| io("read", ca, &error))?);
    }
    builder
        .build()
        .map_err(|error| Failure::usage(with_causes(&error)).help("check the file given with --ca"))
}

/// A place for a run to report to, and the task that draws it.
fn progress(
    app: &App,
    what: &'static str,
) -> (watch::Sender<Progress>, tokio::task::JoinHandle<()>) {
    let (sender, mut receiver) = watch::channel(Progress::default());
    let shows = app.output.shows_progress();
    let task = tokio::spawn(async move {
        let style = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} {msg}");
        let bar = if shows { ProgressBar::new(0) } else { ProgressBar::hidden() };
        let bar = bar
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
            .with_prefix(what);
        while receiver.changed().await.is_ok() {
            let progress = *receiver.borrow_and_update();
            bar.set_length(progress.receipts_total);
            bar.set_position(progress.receipts_done);
            bar.set_message(size(progress.payload_bytes));
        }
        bar.finish_and_clear();
    });
    (sender, task)
}

fn show(
    app: &App,
    results: &[(&'static str, Report)],
    findings: &[Findings],
    learned: &Learned,
    traffic: bulla_client::Traffic,
) {
    let mut rows: Vec<Vec<Value>> = results
        .iter()
        .map(|(what, report)| {
            let counts = report.counts;
            vec![
                json!(what),
                json!(word(&report.verdict)),
                json!(report.rung().map(|rung| rung.name())),
                json!(counts.stored),
                json!(counts.duplicates),
                json!(counts.refused),
                if app.output.is_json {
                    json!(counts.payload_bytes)
                } else {
                    json!(size(counts.payload_bytes))
                },
                if app.output.is_json {
                    json!(report.timings.total.as_millis())
                } else {
                    json!(format!("{} ms", report.timings.total.as_millis()))
                },
                json!(report.source_head.map(|head| head.held.digest.to_string())).to_short(app),
            ]
        })
        .collect();
    let mut headings = vec![
        "direction",
        "verdict",
        "way",
        "stored",
        "held before",
        "refused",
        "payload bytes",
        if app.output.is_json { "ms" } else { "time" },
        "source digest",
    ];
    // What was learned belongs to the run, so to its last direction.
    if app.output.is_json {
        headings.extend(["misbehaviour", "unreached", "forks", "learned"]);
        let last = rows.len().saturating_sub(1);
        for (index, (row, found)) in rows.iter_mut().zip(findings).enumerate() {
            row.extend(found.json());
            row.push(if index == last { learned.json() } else { Value::Null });
        }
    }
    app.output.rows(&headings, &rows);
    learned.tell(app);
    for found in findings {
        found.tell(app);
    }
    app.output.note(format!(
        "{} requests, {} sent, {} received",
        traffic.requests,
        size(traffic.sent_bytes),
        size(traffic.received_bytes),
    ));
    for (_, report) in results {
        for exception in &report.exceptions {
            app.output
                .note(format!("entry {}: {:?}, {}", exception.id, exception.why, exception.code));
        }
    }
}

/// Digests are long; people compare their beginnings.
trait ToShort {
    fn to_short(self, app: &App) -> Value;
}

impl ToShort for Value {
    fn to_short(self, app: &App) -> Value {
        match self {
            Self::String(text) if !app.output.is_json => json!(text.get(..16).unwrap_or(&text)),
            other => other,
        }
    }
}

/// The verdict in a word.
pub(crate) const fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Complete => "complete",
        Verdict::CompleteExcept { .. } => "complete except refused entries",
        Verdict::CompleteAsToldBySource => "complete as the source tells it",
        Verdict::CompleteButUnresolved(_) => "complete but for unresolved references",
        Verdict::Incomplete(_) => "incomplete",
    }
}

/// The program ends by the worst result.
pub(crate) fn judge(results: &[(&'static str, Report)]) -> Result<()> {
    for (what, report) in results {
        let Verdict::Incomplete(incomplete) = &report.verdict else { continue };
        if let Reason::Source(error) | Reason::Target(error) = &incomplete.reason {
            let failure = Failure::from(error.clone());
            return Err(Failure { message: format!("{what}: {}", failure.message), ..failure });
        }
        let missing = &incomplete.missing;
        let mut message = format!("{what}: incomplete: {}", with_causes(&incomplete.reason));
        if missing.id_count > 0 {
            let ids: Vec<String> = missing.ids.iter().take(5).map(ToString::to_string).collect();
            message.push_str(&format!(
                "; {} entries missing, such as {}",
                missing.id_count,
                ids.join(", ")
            ));
        }
        let help = if report.is_retryable() { "run it again" } else { "try another node" };
        let code = incomplete.reason.code();
        return Err(Failure::new(Exit::Incomplete, message).code(&code).help(help));
    }
    Ok(())
}
