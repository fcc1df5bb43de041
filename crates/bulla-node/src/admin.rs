//! The operator's pages: liveness, readiness, figures, what lies on disk (NODE-60 to NODE-64).

mod spaces;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bulla_server::body::AnswerBody;
use bulla_server::{Figures, Handler, Peer};
use bulla_store_rocksdb::DiskSpaces;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;

use crate::stacks::Stacks;

/// Whether the node serves.
#[derive(Debug, Default)]
pub struct Readiness(AtomicBool);

impl Readiness {
    /// Says whether it does.
    pub fn set(&self, is_ready: bool) {
        self.0.store(is_ready, Ordering::SeqCst);
    }

    /// Whether it does.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Answers `/live`, `/ready`, `/metrics` and `/spaces`.
#[derive(Debug)]
pub struct Admin {
    readiness: Arc<Readiness>,
    figures: Arc<Figures>,
    disk: Option<DiskSpaces>,
    stacks: Arc<Stacks>,
}

impl Admin {
    /// The pages of a node.
    #[must_use]
    pub fn new(
        readiness: Arc<Readiness>,
        figures: Arc<Figures>,
        disk: Option<DiskSpaces>,
        stacks: Arc<Stacks>,
    ) -> Self {
        Self { readiness, figures, disk, stacks }
    }

    fn metrics(&self) -> String {
        let mut text = self.figures.to_prometheus();
        let mut figure = |name: &str, kind: &str, help: &str, value: u64| {
            text += &format!("# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
        };
        let is_ready = u64::from(self.readiness.is_ready());
        figure("bulla_ready", "gauge", "1 when the node serves.", is_ready);
        if let Some(disk) = &self.disk {
            let status = disk.status();
            figure("bulla_disk_bytes", "gauge", "Bytes of the database.", status.disk_bytes);
            figure("bulla_commits_total", "counter", "Commits since the start.", status.commits);
            figure("bulla_fsyncs_total", "counter", "Syncs since the start.", status.fsyncs);
            let pending = status.compaction_pending_bytes;
            figure("bulla_compaction_pending_bytes", "gauge", "Bytes to be compacted.", pending);
            let impaired = status.impairments.len() as u64;
            figure("bulla_impairments", "gauge", "What keeps the database from working.", impaired);
            for code in &status.impairments {
                text += &format!("bulla_impairment{{code=\"{code}\"}} 1\n");
            }
        }
        text
    }
}

#[async_trait]
impl Handler for Admin {
    async fn handle(&self, request: Request<Incoming>, _peer: Peer) -> Response<AnswerBody> {
        let (status, text) = match (request.method(), request.uri().path()) {
            (&Method::GET, "/spaces") => {
                spaces::answer(self.disk.as_ref(), &self.stacks, request.uri().query()).await
            }
            _ => self.text(&request),
        };
        let content_type = if text.starts_with('{') { JSON } else { TEXT };
        let mut response = Response::new(AnswerBody::whole(text));
        *response.status_mut() = status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        // These are asked rarely, and what a request may have carried beside its head is never read.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        response
    }
}

impl Admin {
    fn text(&self, request: &Request<Incoming>) -> (StatusCode, String) {
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/live") => (StatusCode::OK, "live\n".to_owned()),
            (&Method::GET, "/ready") if self.readiness.is_ready() => {
                (StatusCode::OK, "ready\n".to_owned())
            }
            (&Method::GET, "/ready") => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n".to_owned()),
            (&Method::GET, "/metrics") => (StatusCode::OK, self.metrics()),
            (&Method::GET, _) => (StatusCode::NOT_FOUND, "not found\n".to_owned()),
            _ => (StatusCode::METHOD_NOT_ALLOWED, "only GET\n".to_owned()),
        }
    }
}

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const JSON: &str = "application/json";
