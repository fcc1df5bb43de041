//! A space and the relays that it moves to.

use super::support::{Bench, Relay, text};

/// The device that founded the space is gone; another admin brings it to a relay that has never heard of it.
#[tokio::test]
async fn an_admin_who_founded_nothing_brings_the_space_to_a_new_relay() {
    let bench = Bench::new();
    let (laptop, phone, tablet) =
        (bench.device("laptop").await, bench.device("phone").await, bench.device("tablet").await);
    let space = laptop.json(&["space", "create", "--name", "notes"]).await;
    let space = space["space"].as_str().unwrap();
    for (home, role) in [(&phone, "admin"), (&tablet, "writer")] {
        home.ok(&["space", "join", space, "--name", "notes"]).await;
        let card = home.folder.join("card of the space");
        std::fs::write(&card, home.ok(&["space", "card"]).await).unwrap();
        laptop.ok(&["space", "grant", text(&card), "--role", role]).await;
    }
    let bundle = laptop.folder.join("bundle");
    laptop.ok(&["bundle", "export", text(&bundle)]).await;
    for home in [&phone, &tablet] {
        home.ok(&["bundle", "import", text(&bundle)]).await;
    }
    let relay = Relay::of_members(&bench, space).await;
    let sync = ["sync", relay.url.as_str(), "--node", &relay.key];
    tablet.fails(3, &sync).await;
    phone.ok(&sync).await;
    tablet.ok(&sync).await;
    relay.stop().await;
}
