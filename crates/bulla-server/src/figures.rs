//! What a listener and its API count, for the operator.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bulla_wire::Route;
use bulla_wire::route::SpaceRoute;

/// Counters since the start of the process. No keys, ids or addresses among them.
#[derive(Debug, Default)]
pub struct Figures {
    /// By route, and by the first digit of the status.
    answers: [[AtomicU64; 4]; ROUTES.len()],
    in_flight: AtomicU64,
    connections: AtomicU64,
    connections_refused: AtomicU64,
    received_bytes: AtomicU64,
    sent_bytes: AtomicU64,
    panics: AtomicU64,
}

/// One more of a gauge, until it is dropped.
#[derive(Debug)]
pub(crate) struct Counted {
    figures: Arc<Figures>,
    gauge: fn(&Figures) -> &AtomicU64,
}

impl Drop for Counted {
    fn drop(&mut self) {
        (self.gauge)(&self.figures).fetch_sub(1, Ordering::Relaxed);
    }
}

impl Figures {
    /// Nothing counted yet.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn request(self: &Arc<Self>) -> Counted {
        self.counted(|figures| &figures.in_flight)
    }

    pub(crate) fn connection(self: &Arc<Self>) -> Counted {
        self.counted(|figures| &figures.connections)
    }

    fn counted(self: &Arc<Self>, gauge: fn(&Self) -> &AtomicU64) -> Counted {
        gauge(self).fetch_add(1, Ordering::Relaxed);
        Counted { figures: Arc::clone(self), gauge }
    }

    pub(crate) fn refused_connection(&self) {
        self.connections_refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn received(&self, bytes: usize) {
        self.received_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn sent(&self, bytes: usize) {
        self.sent_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn panicked(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn answered(&self, route: Option<&Route>, status: u16) {
        let name = route.map_or(UNKNOWN, route_name);
        let row = ROUTES.iter().position(|route| *route == name);
        let class = usize::from(status / 100).saturating_sub(2);
        if let Some(count) = row.and_then(|row| self.answers.get(row)?.get(class)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// In the text form of Prometheus, names beginning with `bulla_`.
    #[must_use]
    pub fn to_prometheus(&self) -> String {
        let mut text = String::new();
        let header = |text: &mut String, name: &str, kind: &str, help: &str| {
            *text += &format!("# HELP {name} {help}\n# TYPE {name} {kind}\n");
        };
        header(&mut text, "bulla_answers_total", "counter", "Answers by route and status class.");
        for (name, row) in ROUTES.iter().zip(&self.answers) {
            for (class, count) in row.iter().enumerate() {
                let count = count.load(Ordering::Relaxed);
                if count > 0 {
                    let class = class + 2;
                    text += &format!(
                        "bulla_answers_total{{route=\"{name}\",status=\"{class}xx\"}} {count}\n"
                    );
                }
            }
        }
        let figures = [
            ("bulla_requests_in_flight", "gauge", "Requests being answered.", &self.in_flight),
            ("bulla_connections", "gauge", "Connections open.", &self.connections),
            (
                "bulla_connections_refused_total",
                "counter",
                "Connections closed because their address had too many.",
                &self.connections_refused,
            ),
            (
                "bulla_received_bytes_total",
                "counter",
                "Bytes of request bodies.",
                &self.received_bytes,
            ),
            ("bulla_sent_bytes_total", "counter", "Bytes of answer bodies.", &self.sent_bytes),
            ("bulla_panics_total", "counter", "Requests that panicked.", &self.panics),
        ];
        for (name, kind, help, value) in figures {
            header(&mut text, name, kind, help);
            text += &format!("{name} {}\n", value.load(Ordering::Relaxed));
        }
        text
    }
}

/// The name of a request in logs and figures.
pub(crate) const fn route_name(route: &Route) -> &'static str {
    match route {
        Route::Capabilities => "capabilities",
        Route::LoginChallenge => "login/challenge",
        Route::Login => "login",
        Route::Spaces { .. } => "spaces",
        Route::Feed => "feed",
        Route::MailboxOpen => MAILBOX_OPEN,
        Route::Mailbox => MAILBOX,
        Route::Space(_, route) => route.name(),
    }
}

/// A request that names no route.
const UNKNOWN: &str = "unknown";

const MAILBOX_OPEN: &str = "mailbox/open";
const MAILBOX: &str = "mailbox";

const ROUTES: [&str; 15] = [
    "capabilities",
    "login/challenge",
    "login",
    "spaces",
    "feed",
    SpaceRoute::Head.name(),
    SpaceRoute::Status.name(),
    SpaceRoute::Put.name(),
    SpaceRoute::Get.name(),
    SpaceRoute::Has.name(),
    SpaceRoute::Scan.name(),
    SpaceRoute::Summary.name(),
    MAILBOX_OPEN,
    MAILBOX,
    UNKNOWN,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_say_what_was_counted() {
        let figures = Figures::new();
        figures.answered(Some(&Route::Capabilities), 200);
        figures.answered(None, 404);
        figures.answered(None, 404);
        let _open = figures.connection();
        drop(figures.connection());
        let text = figures.to_prometheus();
        for line in [
            "bulla_answers_total{route=\"capabilities\",status=\"2xx\"} 1\n",
            "bulla_answers_total{route=\"unknown\",status=\"4xx\"} 2\n",
            "bulla_connections 1\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }
}
