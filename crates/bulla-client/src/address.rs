//! Where a node is, and which addresses a name may lead to.

use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use bulla_core::NodeId;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// A node by address and key. Both must be right: the address says where to connect, the key who must answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    base: Url,
    node: NodeId,
    is_plain_allowed: bool,
}

/// Why an address is not that of a node. The caller mends it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UpstreamError {
    /// Not a URL, or one with a user name, a password, a query or a fragment.
    #[error("{0} is not an address of a node, such as https://relay.example:7440")]
    Syntax(String),
    /// Plain `http` to somewhere else than this machine.
    #[error("plain http is for loopback addresses only: use https")]
    Plain,
    /// An address that the rule given does not allow.
    #[error("address {0} is not allowed for a node")]
    Refused(IpAddr),
}

impl Upstream {
    /// A node at `address`: `https://host[:port][/prefix]`, or `http://` with a loopback address or `localhost`.
    ///
    /// # Errors
    ///
    /// [`UpstreamError::Syntax`] or [`UpstreamError::Plain`].
    pub fn new(address: &str, node: NodeId) -> Result<Self, UpstreamError> {
        let mut upstream = Self::dangerous_plain(address, node)?;
        upstream.is_plain_allowed = false;
        let is_local = upstream.host() == Some("localhost")
            || upstream.ip_literal().is_some_and(|ip| ip.is_loopback());
        if upstream.is_plain() && !is_local { Err(UpstreamError::Plain) } else { Ok(upstream) }
    }

    /// As [`new`](Self::new), but `http://` may lead anywhere: whoever is on the way reads everything that goes over it,
    /// the token among it.
    ///
    /// # Errors
    ///
    /// [`UpstreamError::Syntax`].
    pub fn dangerous_plain(address: &str, node: NodeId) -> Result<Self, UpstreamError> {
        let syntax = || UpstreamError::Syntax(address.to_owned());
        let mut base = Url::parse(address).map_err(|_| syntax())?;
        let is_plain_url = base.username().is_empty()
            && base.password().is_none()
            && base.query().is_none()
            && base.fragment().is_none();
        let is_known_scheme = matches!(base.scheme(), "https" | "http");
        if !is_known_scheme || !is_plain_url || base.host_str().is_none_or(str::is_empty) {
            return Err(syntax());
        }
        let prefix = base.path().trim_end_matches('/').to_owned();
        base.set_path(&prefix);
        Ok(Self { base, node, is_plain_allowed: true })
    }

    /// The key the node must prove.
    #[must_use]
    pub const fn node(&self) -> NodeId {
        self.node
    }

    /// Scheme, host and port as they stand in the login: `https://relay.example:7440`, without the default port.
    #[must_use]
    pub fn origin(&self) -> String {
        self.base.origin().ascii_serialization()
    }

    /// The address with this path (and query) after its prefix.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{}{path}", self.origin(), self.base.path().trim_end_matches('/'))
    }

    /// Whether the link is not encrypted.
    pub(crate) fn is_plain(&self) -> bool {
        self.base.scheme() == "http"
    }

    fn host(&self) -> Option<&str> {
        self.base.host_str()
    }

    /// The address itself, when the URL names one; then nothing is resolved.
    pub(crate) fn ip_literal(&self) -> Option<IpAddr> {
        self.host()?.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }

    /// Resolves names by `rule`.
    pub(crate) fn resolver(&self, rule: Arc<dyn AddressRule>) -> Arc<Resolver> {
        let must_be_local = self.is_plain() && !self.is_plain_allowed;
        Arc::new(Resolver { rule, must_be_local, pinned: Arc::default() })
    }
}

/// Which addresses may be connected to. A node that passes requests on is given one, so that no name leads it into its
/// own network.
pub trait AddressRule: Debug + Send + Sync + 'static {
    /// Whether this address may be connected to.
    fn allows(&self, address: IpAddr) -> bool;

    /// Whether a name keeps the addresses of its first resolution for as long as the client lives, so that it cannot
    /// lead elsewhere later.
    fn resolves_once(&self) -> bool;
}

/// Every address, resolved anew for each connection.
#[derive(Debug, Clone, Copy, Default)]
pub struct AnyAddress;

impl AddressRule for AnyAddress {
    fn allows(&self, _: IpAddr) -> bool {
        true
    }

    fn resolves_once(&self) -> bool {
        false
    }
}

/// Addresses of the public internet and the networks listed, resolved once.
///
/// Loopback, private, link-local (with the metadata services of clouds), shared, multicast, reserved and documentation
/// ranges are refused, also inside IPv6 forms that carry an IPv4 address.
#[derive(Debug, Clone, Default)]
pub struct PublicAddresses {
    allowed: Vec<(IpAddr, u8)>,
}

impl PublicAddresses {
    /// Only public addresses.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// And those that share their first `prefix` bits with `network`.
    #[must_use]
    pub fn with_network(mut self, network: IpAddr, prefix: u8) -> Self {
        self.allowed.push((network, prefix));
        self
    }
}

impl AddressRule for PublicAddresses {
    fn allows(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let listed = |(network, prefix): &(IpAddr, u8)| shares_prefix(*network, address, *prefix);
        self.allowed.iter().any(listed) || is_public(address)
    }

    fn resolves_once(&self) -> bool {
        true
    }
}

fn shares_prefix(a: IpAddr, b: IpAddr, prefix: u8) -> bool {
    let (a, b, width) = match (a.to_canonical(), b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(a.to_bits()), u128::from(b.to_bits()), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits(), b.to_bits(), 128),
        _ => return false,
    };
    let differing = width - u32::from(prefix).min(width);
    (a ^ b).checked_shr(differing).unwrap_or(0) == 0
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

/// The IANA special-purpose registry for IPv4, without the ranges that are globally reachable.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = matches!(
        (a, b, c),
        (0 | 10 | 127 | 224..=255, ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    );
    !special
}

/// Global unicast, 2000::/3, without the parts of it that are documentation or carry an IPv4 address to somewhere else.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, ..] = address.segments();
    let is_global_unicast = a & 0xe000 == 0x2000;
    let special = match (a, b) {
        // Teredo, benchmarking, ORCHID and the other assignments of 2001::/23.
        (0x2001, 0..=0x1ff) | (0x2001, 0xdb8) | (0x3fff, 0..=0xfff) => true,
        // 6to4 carries an IPv4 address.
        (0x2002, _) => !is_public_v4(Ipv4Addr::from((u32::from(b) << 16) | u32::from(c))),
        _ => false,
    };
    // NAT64 (64:ff9b::/96) lies outside 2000::/3 and is refused with the rest.
    is_global_unicast && !special
}

/// A name leads to no address that is allowed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{name} leads to no address that is allowed for a node")]
pub(crate) struct AddressRefused {
    name: String,
}

/// Resolves names and leaves out what the rule does not allow.
#[derive(Debug, Clone)]
pub(crate) struct Resolver {
    rule: Arc<dyn AddressRule>,
    must_be_local: bool,
    pinned: Arc<Mutex<Option<Pinned>>>,
}

/// The addresses a name led to the first time.
#[derive(Debug)]
struct Pinned {
    name: String,
    addresses: Vec<SocketAddr>,
}

impl Resolver {
    fn pinned(&self, name: &str) -> Option<Vec<SocketAddr>> {
        let pinned = self.pinned.lock().unwrap_or_else(PoisonError::into_inner);
        pinned.as_ref().filter(|pinned| pinned.name == name).map(|pinned| pinned.addresses.clone())
    }

    async fn lookup(self, name: String) -> Result<Addrs, Box<dyn std::error::Error + Send + Sync>> {
        if let Some(addresses) = self.pinned(&name) {
            return Ok(Box::new(addresses.into_iter()));
        }
        let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
        let allowed = |address: &SocketAddr| {
            let ip = address.ip();
            self.rule.allows(ip) && (!self.must_be_local || ip.to_canonical().is_loopback())
        };
        let addresses: Vec<SocketAddr> = found.into_iter().filter(allowed).collect();
        if addresses.is_empty() {
            return Err(Box::new(AddressRefused { name }));
        }
        if self.rule.resolves_once() {
            let mut pinned = self.pinned.lock().unwrap_or_else(PoisonError::into_inner);
            *pinned = Some(Pinned { name, addresses: addresses.clone() });
        }
        Ok(Box::new(addresses.into_iter()))
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(self.clone().lookup(name.as_str().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: NodeId = NodeId([1; 32]);

    #[test]
    fn addresses_are_https_unless_they_stay_on_this_machine() {
        for good in [
            "https://relay.example",
            "https://relay.example:7440/bulla/",
            "http://127.0.0.1:7440",
            "http://[::1]:7440",
            "http://localhost:7440",
        ] {
            assert!(Upstream::new(good, NODE).is_ok(), "{good}");
        }
        for plain in ["http://relay.example", "http://10.0.0.1:7440", "http://localhost.example"] {
            assert_eq!(Upstream::new(plain, NODE), Err(UpstreamError::Plain), "{plain}");
            assert!(Upstream::dangerous_plain(plain, NODE).is_ok());
        }
        for bad in [
            "relay.example",
            "ftp://relay.example",
            "https://user@relay.example",
            "https://:secret@relay.example",
            "https://relay.example?x=1",
            "https://relay.example#x",
            "",
        ] {
            assert_eq!(Upstream::new(bad, NODE), Err(UpstreamError::Syntax(bad.into())), "{bad}");
        }
    }

    #[test]
    fn the_origin_leaves_out_default_ports_and_prefixes() {
        let origin = |address| Upstream::new(address, NODE).unwrap().origin();
        assert_eq!(origin("https://Relay.Example:443/bulla"), "https://relay.example");
        assert_eq!(origin("http://127.0.0.1:7440"), "http://127.0.0.1:7440");
        let upstream = Upstream::new("https://relay.example/bulla/", NODE).unwrap();
        assert_eq!(upstream.url("/v1/feed"), "https://relay.example/bulla/v1/feed");
    }

    #[test]
    fn a51_private_addresses_are_refused_unless_listed() {
        let rule = PublicAddresses::new();
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "198.18.0.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001::1",
        ] {
            assert!(!rule.allows(private.parse().unwrap()), "{private}");
        }
        for public in
            ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "172.32.0.1", "2002:101:101::"]
        {
            assert!(rule.allows(public.parse().unwrap()), "{public}");
        }
        let listed = rule.with_network("10.1.0.0".parse().unwrap(), 16);
        assert!(listed.allows("10.1.200.3".parse().unwrap()));
        assert!(listed.allows("::ffff:10.1.200.3".parse().unwrap()));
        assert!(!listed.allows("10.2.0.1".parse().unwrap()));
    }

    #[tokio::test]
    async fn a51_a_name_that_leads_home_is_refused() {
        let upstream = Upstream::new("https://localhost:1", NODE).unwrap();
        let resolver = upstream.resolver(Arc::new(PublicAddresses::new()));
        assert!((*resolver).clone().lookup("localhost".into()).await.is_err());
        let resolver = upstream.resolver(Arc::new(AnyAddress));
        assert!((*resolver).clone().lookup("localhost".into()).await.is_ok());
    }
}
