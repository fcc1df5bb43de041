//! Which request a method and a path name (WIRE-1, WIRE-2).

use bulla_core::SpaceId;

use crate::limits::MAX_SPACES_PER_PAGE;
use crate::version::{PROTOCOL_VERSION, decimal};

/// The two methods in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// `GET`, without a body.
    Get,
    /// `POST`, with a body.
    Post,
}

/// A request by name. [`path`](Self::path) and [`parse`](Self::parse) are inverse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Route {
    /// `GET /v1/capabilities`, without a token.
    Capabilities,
    /// `POST /v1/login/challenge`, without a token.
    LoginChallenge,
    /// `POST /v1/login`, without a token.
    Login,
    /// `GET /v1/spaces?after={space}`: the spaces this client may use.
    Spaces {
        /// Those greater than this one.
        after: Option<SpaceId>,
    },
    /// `POST /v1/feed`: heads of many spaces as they change.
    Feed,
    /// `POST /v1/mailbox/open`: makes a mailbox, where there are any (WIRE-42).
    MailboxOpen,
    /// `POST /v1/mailbox`, without a token: asks something of a mailbox.
    Mailbox,
    /// A request about one space.
    Space(SpaceId, SpaceRoute),
}

/// A request about one space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpaceRoute {
    /// `GET /v1/spaces/{space}/head`.
    Head,
    /// `GET /v1/spaces/{space}/status`.
    Status,
    /// `POST /v1/spaces/{space}/put`.
    Put,
    /// `POST /v1/spaces/{space}/get`.
    Get,
    /// `POST /v1/spaces/{space}/has`.
    Has,
    /// `POST /v1/spaces/{space}/scan`.
    Scan,
    /// `POST /v1/spaces/{space}/summary`.
    Summary,
}

/// Why a path names no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteError {
    /// The path begins with a version that is not spoken here (WIRE-5).
    Version(u64),
    /// No such path.
    Unknown,
    /// The path is there, but not with this method.
    Method,
}

impl SpaceRoute {
    /// Every one of them, in the order of WIRE-1.
    pub const ALL: [Self; 7] =
        [Self::Head, Self::Status, Self::Put, Self::Get, Self::Has, Self::Scan, Self::Summary];

    /// The last segment of the path.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Status => "status",
            Self::Put => "put",
            Self::Get => "get",
            Self::Has => "has",
            Self::Scan => "scan",
            Self::Summary => "summary",
        }
    }

    /// The method.
    #[must_use]
    pub const fn method(self) -> Method {
        match self {
            Self::Head | Self::Status => Method::Get,
            Self::Put | Self::Get | Self::Has | Self::Scan | Self::Summary => Method::Post,
        }
    }
}

impl Route {
    /// The method.
    #[must_use]
    pub const fn method(&self) -> Method {
        match self {
            Self::Capabilities | Self::Spaces { .. } => Method::Get,
            Self::LoginChallenge | Self::Login | Self::Feed | Self::MailboxOpen | Self::Mailbox => {
                Method::Post
            }
            Self::Space(_, route) => route.method(),
        }
    }

    /// Path and query, beginning with `/v1/`.
    #[must_use]
    pub fn path(&self) -> String {
        match self {
            Self::Capabilities => "/v1/capabilities".to_owned(),
            Self::LoginChallenge => "/v1/login/challenge".to_owned(),
            Self::Login => "/v1/login".to_owned(),
            Self::Feed => "/v1/feed".to_owned(),
            Self::MailboxOpen => "/v1/mailbox/open".to_owned(),
            Self::Mailbox => "/v1/mailbox".to_owned(),
            Self::Spaces { after: None } => "/v1/spaces".to_owned(),
            Self::Spaces { after: Some(space) } => format!("/v1/spaces?after={space}"),
            Self::Space(space, route) => format!("/v1/spaces/{space}/{}", route.name()),
        }
    }

    /// The request that a method, a path and a query (without its `?`) name.
    ///
    /// # Errors
    ///
    /// [`RouteError`]; the client is at fault.
    pub fn parse(method: Method, path: &str, query: Option<&str>) -> Result<Self, RouteError> {
        let rest = path.strip_prefix("/v").ok_or(RouteError::Unknown)?;
        let (version, rest) = rest.split_once('/').ok_or(RouteError::Unknown)?;
        let version = decimal(version, u64::MAX).ok_or(RouteError::Unknown)?;
        if version != PROTOCOL_VERSION {
            return Err(RouteError::Version(version));
        }
        let route = match (rest, query) {
            ("capabilities", None) => Self::Capabilities,
            ("login/challenge", None) => Self::LoginChallenge,
            ("login", None) => Self::Login,
            ("feed", None) => Self::Feed,
            ("mailbox/open", None) => Self::MailboxOpen,
            ("mailbox", None) => Self::Mailbox,
            ("spaces", None) => Self::Spaces { after: None },
            ("spaces", Some(query)) => {
                let after = query.strip_prefix("after=").and_then(space_id);
                Self::Spaces { after: Some(after.ok_or(RouteError::Unknown)?) }
            }
            (rest, None) => {
                let space = rest.strip_prefix("spaces/").and_then(|rest| rest.split_once('/'));
                let (space, name) = space.ok_or(RouteError::Unknown)?;
                let space = space_id(space).ok_or(RouteError::Unknown)?;
                let known = SpaceRoute::ALL.into_iter().find(|route| route.name() == name);
                Self::Space(space, known.ok_or(RouteError::Unknown)?)
            }
            (_, Some(_)) => return Err(RouteError::Unknown),
        };
        if route.method() == method { Ok(route) } else { Err(RouteError::Method) }
    }

    /// Whether it is about a mailbox: at a node that offers none there is no such path (WIRE-42).
    #[must_use]
    pub const fn is_mailbox(&self) -> bool {
        matches!(self, Self::MailboxOpen | Self::Mailbox)
    }

    /// How many spaces a page of [`Route::Spaces`] holds at most.
    pub const SPACES_PER_PAGE: usize = MAX_SPACES_PER_PAGE;
}

/// A space id in its one form: lower-case digits (WIRE-1).
fn space_id(digits: &str) -> Option<SpaceId> {
    let is_lower = !digits.bytes().any(|byte| byte.is_ascii_uppercase());
    if is_lower { digits.parse().ok() } else { None }
}
