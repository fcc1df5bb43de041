//! A way to a node that can be cut, or led elsewhere, while programs use it.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Hands on every connection to where it leads now. Those that there are end when it is led elsewhere.
pub(crate) struct Wire {
    pub(crate) url: String,
    target: watch::Sender<Option<SocketAddr>>,
    carries: JoinHandle<()>,
}

impl Wire {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (target, leads) = watch::channel(None);
        let carries = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, leads.clone()));
            }
        });
        Self { url, target, carries }
    }

    /// Leads to the node at this address from now on.
    pub(crate) fn lead_to(&self, url: &str) {
        let address = url.strip_prefix("http://").unwrap().parse().unwrap();
        self.target.send_replace(Some(address));
    }

    /// Leads nowhere from now on.
    pub(crate) fn cut(&self) {
        self.target.send_replace(None);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.carries.abort();
    }
}

async fn carry(mut near: TcpStream, mut leads: watch::Receiver<Option<SocketAddr>>) {
    let Some(target) = *leads.borrow_and_update() else { return };
    let Ok(mut far) = TcpStream::connect(target).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut near, &mut far) => {}
        _ = leads.changed() => {}
    }
}
