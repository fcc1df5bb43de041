//! SIGHUP: what changed counts at once, nobody loses a connection, and a configuration that cannot be used changes
//! nothing.

use std::sync::Arc;

use bulla_client::{Client, Upstream};
use bulla_core::SpaceId;
use bulla_identity::DeviceKeys;
use bulla_store::ContentAddressedStore as _;
use futures_util::StreamExt as _;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustix::process::Signal;

use crate::support::{
    Bench, Running, Site, code, cx, device, eventually, peer, pull, put, relay, world,
};

/// A private authority.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// Writes a certificate for this machine and its key into the folder of a node.
    pub(crate) fn certify(&self, site: &Site) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        std::fs::write(site.path("cert.pem"), certificate.pem()).unwrap();
        std::fs::write(site.path("key.pem"), key.serialize_pem()).unwrap();
    }
}

/// Starts a node that speaks TLS. The system chooses its port, and by reading its configuration again it learns by which
/// address clients come.
pub(crate) async fn start_tls(site: &Site, sections: &str) -> Running {
    let listen = |port| {
        format!(
            "address = '127.0.0.1:0'\ncertificate = 'cert.pem'\nprivate_key = 'key.pem'\n\
             origins = ['https://127.0.0.1:{port}']"
        )
    };
    site.configure_listen(&listen(1), sections);
    let node = site.start().await;
    site.configure_listen(&listen(node.ready.listen.port()), sections);
    node.reload().await;
    node
}

fn tls_client(node: &Running, device: &Arc<DeviceKeys>, authority: &Authority) -> Client {
    let address = format!("https://{}", node.ready.listen);
    let upstream = Upstream::new(&address, node.id).unwrap();
    let builder = Client::builder(upstream, Arc::clone(device) as _);
    builder.with_authorities(authority.pem().as_bytes()).build().unwrap()
}

/// NODE-55.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_certificate_is_taken_up_and_connections_go_on() {
    let (bench, laptop, world) = (Bench::new(), device(), world(20));
    let site = bench.site("relay");
    let (old, new) = (Authority::new(), Authority::new());
    old.certify(&site);
    let node = start_tls(&site, &relay(world.space(), &[peer(&laptop)])).await;
    let entries = world.entries(0, 3).unwrap();
    let before = tls_client(&node, &laptop, &old).store(world.space());
    let mut heads = before.watch(&cx()).await.unwrap();
    assert_eq!(heads.next().await.unwrap().unwrap().last_receipt, 0);
    put(&*before, &entries[..1]).await;
    assert_eq!(heads.next().await.unwrap().unwrap().last_receipt, 1);
    let connections = before.client().traffic().requests;

    new.certify(&site);
    node.reload().await;
    let stranger = tls_client(&node, &laptop, &old).store(world.space());
    assert_eq!(
        code(stranger.head(&cx()).await),
        "upstream.tls",
        "the old authority is not its own"
    );
    let after = tls_client(&node, &laptop, &new).store(world.space());
    put(&*after, &entries[1..2]).await;
    assert_eq!(heads.next().await.unwrap().unwrap().last_receipt, 2, "the feed goes on");
    put(&*before, &entries[2..]).await;
    assert_eq!(
        before.client().traffic().requests,
        connections + 1,
        "on the connection it had, without another login"
    );

    // A certificate that cannot be used: the one in use stays.
    std::fs::write(site.path("cert.pem"), "nothing").unwrap();
    node.reload().await;
    assert!(node.log().contains("the certificate stays as it was"), "{}", node.log());
    let still = tls_client(&node, &laptop, &new).store(world.space());
    assert_eq!(still.head(&cx()).await.unwrap().last_receipt, 3);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_access_list_is_taken_up_and_clients_stay() {
    let (bench, laptop, phone, world) = (Bench::new(), device(), device(), world(21));
    let site = bench.site("relay");
    let allow = |peers: &[_]| site.configure(&relay(world.space(), peers));
    allow(&[peer(&laptop)]);
    let node = site.start().await;
    let (first, second) = (node.store(&laptop, world.space()), node.store(&phone, world.space()));
    let mut heads = first.watch(&cx()).await.unwrap();
    assert_eq!(heads.next().await.unwrap().unwrap().last_receipt, 0);
    assert_eq!(code(second.head(&cx()).await), "login.refused");

    allow(&[peer(&laptop), peer(&phone)]);
    node.reload().await;
    put(&*second, &world.entries(0, 1).unwrap()).await;
    assert_eq!(heads.next().await.unwrap().unwrap().last_receipt, 1, "the feed goes on");

    allow(&[peer(&laptop)]);
    node.reload().await;
    let refused = code(second.head(&cx()).await);
    assert!(["space.not_served", "login.refused"].contains(&refused.as_str()), "{refused}");
    assert_eq!(pull(&*first).await.len(), 1);
    node.stop().await;
}

/// NODE-55.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_configuration_changes_nothing() {
    let (bench, laptop, world) = (Bench::new(), device(), world(22));
    let site = bench.site("relay");
    site.configure(&relay(world.space(), &[peer(&laptop)]));
    let node = site.start().await;
    let store = node.store(&laptop, world.space());
    put(&*store, &world.entries(0, 2).unwrap()).await;
    let bad = ["[[space]]\nid = '*'\nmode = 'passthrough'\nupstream = 'gone'\n", "kee_file = 1\n"];
    for (number, sections) in bad.into_iter().enumerate() {
        site.configure(sections);
        node.signal(Signal::HUP);
        let refused = || node.log().matches("everything stays as it was").count();
        eventually("it says so", async || (refused() > number).then_some(())).await;
        assert_eq!(pull(&*store).await.len(), 2, "the access list is the old one");
    }
    std::fs::remove_file(site.path("node.toml")).unwrap();
    node.signal(Signal::HUP);
    eventually("it says so", async || {
        (node.log().matches("everything stays as it was").count() > 2).then_some(())
    })
    .await;
    assert_eq!(pull(&*node.store(&laptop, world.space())).await.len(), 2, "logins too");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_takes_a_restart_is_said() {
    let (bench, laptop, world) = (Bench::new(), device(), world(23));
    let site = bench.site("relay");
    let sections = relay(world.space(), &[peer(&laptop)]);
    site.configure(&sections);
    let node = site.start().await;
    site.configure(&format!("[http]\nmax_connections = 7\n{sections}"));
    node.reload().await;
    assert!(node.log().contains("\"part\":\"http\""), "{}", node.log());
    // A space more does not.
    let more = SpaceId([9; 32]);
    site.configure(&(sections + &relay(more, &[peer(&laptop)])));
    node.reload().await;
    assert_eq!(node.store(&laptop, more).head(&cx()).await.unwrap().last_receipt, 0);
    node.stop().await;
}
