//! The tables.

mod batches;
mod bookmarks;
mod bounds;
mod concurrency;
mod convergence;
mod cursors;
mod empty;
mod erase;
mod filters;
mod get;
mod heads;
mod judgements;
mod marks;
mod payloads;
mod put;
mod quarantine;
mod read;
mod restart;
mod scan;
mod spaces;
mod summary;
mod watch;

use super::case::Case;

/// Every table, in the order they run.
pub(super) const TABLES: &[&[Case]] = &[
    empty::CASES,
    put::CASES,
    batches::CASES,
    payloads::CASES,
    bounds::CASES,
    get::CASES,
    scan::CASES,
    filters::CASES,
    cursors::CASES,
    heads::CASES,
    convergence::CASES,
    summary::CASES,
    watch::CASES,
    concurrency::CASES,
    erase::CASES,
    marks::CASES,
    judgements::CASES,
    quarantine::CASES,
    restart::CASES,
    spaces::CASES,
    bookmarks::CASES,
];
