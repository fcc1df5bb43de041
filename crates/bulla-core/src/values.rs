//! The values that stores give and take: heads, cursors, requests and reports. They live here so that the wire need not
//! know the store.

mod ack;
mod filter;
mod get;
mod head;
mod mailbox;
mod put;
mod scan;
mod status;
mod summary;

pub use ack::Acknowledgement;
pub use filter::{Filter, KindRange};
pub use get::{GetItem, GetRequest, Has, PayloadState, Presence};
pub use head::{Counted, Counting, Cursor, Freshness, Head, Rule};
pub use mailbox::{
    MAILBOX_LIFETIME_MS, MAILBOX_SLOTS, MAX_MAILBOX_MESSAGE_BYTES, MailboxError, MailboxOperation,
    MailboxRequest,
};
pub use put::{PutOutcome, PutReport, Refusal};
pub use scan::{Page, PageLimit, ScanBody, ScanItem, ScanRequest, Want};
pub use status::{Durability, StoreStatus};
pub use summary::{Summary, SummaryRequest};
