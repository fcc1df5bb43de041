//! A51: redirects, addresses that are not allowed, and certificates of nobody.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bulla_client::{BuildError, Client, PublicAddresses, Upstream, UpstreamError};
use bulla_store::{ContentAddressedStore, Context};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use crate::support::{Node, SPACE, device};

/// Clauses: WIRE-2.
#[tokio::test]
async fn a51_redirects_are_not_followed() {
    let (node, elsewhere) = (Node::start().await, Node::start().await);
    for status in [301, 302, 303, 307, 308] {
        let to = format!("{}/v1/capabilities", elsewhere.address);
        node.script(move |_, mut reply| {
            reply.status = status;
            reply.location = Some(to.clone());
            reply
        });
        let error = node.client().store(SPACE).head(&Context::new()).await.unwrap_err();
        assert_eq!(error.code().as_str(), "upstream.redirect");
    }
    assert_eq!(elsewhere.connections.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a51_addresses_that_are_not_allowed_are_never_connected_to() {
    let node = Node::start().await;
    let builder = |address: &str| {
        let upstream = Upstream::new(address, node.keys.node_id()).unwrap();
        Client::builder(upstream, Arc::new(device(1)))
            .with_addresses(Arc::new(PublicAddresses::new()))
    };
    for literal in
        ["https://127.0.0.1:1", "https://169.254.169.254", "https://[::1]:1", "https://10.0.0.1"]
    {
        let built = builder(literal).build();
        assert!(matches!(built, Err(BuildError::Upstream(UpstreamError::Refused(_)))), "{literal}");
    }
    // A name is looked up first.
    let port = node.address.rsplit(':').next().unwrap();
    let client = builder(&format!("http://localhost:{port}")).build().unwrap();
    let error = client.store(SPACE).head(&Context::new()).await.unwrap_err();
    assert_eq!(error.code().as_str(), "upstream.address");
    assert_eq!(node.connections.load(Ordering::Relaxed), 0);
}

/// A node behind TLS with a fresh certificate for `localhost`; its address and the certificate in PEM.
async fn tls_node() -> (Arc<Node>, String) {
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der()));
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let node = Node::new(format!("https://localhost:{}", listener.local_addr().unwrap().port()));
    let serving = Arc::clone(&node);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                tokio::spawn(Arc::clone(&serving).serve(stream));
            }
        }
    });
    (node, certified.cert.pem())
}

#[tokio::test]
async fn a51_tls_works_with_the_authority_given_and_with_no_other() {
    let (node, pem) = tls_node().await;
    let trusted = node.builder().with_authorities(pem.as_bytes()).build().unwrap();
    trusted.store(SPACE).head(&Context::new()).await.unwrap();
    let (_, other) = tls_node().await;
    let distrusted = node.builder().with_authorities(other.as_bytes()).build().unwrap();
    let error = distrusted.store(SPACE).head(&Context::new()).await.unwrap_err();
    assert_eq!(error.code().as_str(), "upstream.tls", "{error}");
    assert!(matches!(
        node.builder()
            .with_authorities(b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----")
            .build(),
        Err(BuildError::Authorities(_))
    ));
}
