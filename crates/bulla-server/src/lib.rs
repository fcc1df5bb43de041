//! How is it said over HTTP, answering?
//!
//! A [`Service`] answers requests over stores and knows no HTTP; [`Listener`] is our own accept loop, with a limit on
//! everything a peer can hold open; [`HttpApi`] joins the two. Who may do what is asked of [`Access`] for every request.
//!
//! What it is not: a client (that is `bulla-client`), a program (that is `bulla-node`), or anything that can open a
//! payload.

pub mod access;
pub mod body;
mod errors;
pub mod figures;
mod http_api;
pub mod listen;
mod login;
pub mod mailboxes;
pub mod service;
pub mod settings;
mod tokens;

pub use access::{Access, AccessList, AccessRules, Rights};
pub use figures::Figures;
pub use http_api::HttpApi;
pub use listen::{Drained, Handler, Listener, Peer, Tls, TlsError, TlsFiles};
pub use mailboxes::{MailboxAnswer, Mailboxes};
pub use service::MailboxSettings;
pub use service::{Answer, BodySource, Call, Components, Service, ServiceError, ServiceSettings};
pub use settings::{HttpSettings, SettingError};
