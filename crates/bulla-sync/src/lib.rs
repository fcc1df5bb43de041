//! What is missing, and how does it get there?
//!
//! [`replicate`] moves what one store of a space lacks from another, whatever the two are: memory, disk, a proxy of a
//! store on another machine, a cache. Pull and push are the same function with the sides swapped. A run ends with a
//! [`Report`]: what it did, and a [`Verdict`] of what it proved. *Complete* means proven complete by digest, judged
//! against the source's head at the start of the run; everything else is a typed reason with the missing ids.
//!
//! What it is not: it does not decide when to run, it does not retry (see [`Report::is_retryable`]), and it believes no
//! peer: cursors, filters, answers to `has` and heads save work and decide nothing.
//!
//! The main types:
//!
//! - [`Options`]: direction, scope, bounds, cancellation, progress;
//! - [`Report`], [`Verdict`], [`Reason`]: what came of it;
//! - [`Misbehaviour`]: what a peer did wrong; [`Evidence`]: signed words that anybody can check;
//! - [`frontier_of`]: what a device has seen of the others, for it to sign;
//! - [`audit`]: whether a node still holds what it signed for.
//!
//! Clause numbers in the docs (`SYN-6`) refer to `spec/sync.md`.

mod ask;
mod audit;
mod checkpointer;
mod close;
mod examine;
mod exceptions;
mod fetch;
mod forks;
mod frontier_of;
mod frontiers;
mod keep;
mod ladder;
mod misbehaviour;
mod open;
mod options;
mod pass;
mod progress;
mod proof;
mod reading;
mod references;
mod report;
mod run;
mod rungs;
mod side;
mod walk;
mod wants;
mod work;

pub use audit::{Acknowledged, Audit, AuditError, audit};
pub use frontier_of::frontier_of;
pub use misbehaviour::{Misbehaviour, RolledBack, ScanFault};
pub use options::{Direction, FrontierJudge, Options, Scope};
pub use progress::Progress;
pub use proof::{Evidence, EvidenceError, Finding};
pub use report::{
    Attested, Counts, Exception, Fork, Incomplete, MAX_LISTED, Missing, Reason, Reference, Report,
    Rung, Step, Timings, Unresolved, UnresolvedBy, Verdict, Why,
};
pub use run::replicate;
pub use tokio_util::sync::CancellationToken;
