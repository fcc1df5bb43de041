//! The whole story on one machine: three devices, three nodes, one space with members (see [`run`]).

mod claims;
mod facts;
mod folder;
mod folders;
mod forwarder;
mod founding;
mod leak;
mod lost;
mod nodes;
mod pairing;
mod relay_disk;
mod replica;
mod search;
mod seen;
mod steps;

use std::path::Path;

use bulla::Device;

use crate::exit::{Exit, Failure, Result};
use crate::home::io;
use crate::output::Output;

use claims::{Act, Claims};
use facts::Facts;
use founding::{Laptop, NODE_LABELS};
use lost::{Door, Way};
use nodes::Chain;
use pairing::Paired;
use relay_disk::RelayDisk;
use search::Haystack;
use steps::Steps;

/// Runs the story and prints what happened.
///
/// A laptop founds a space. A relay on disk, a cache in front of it and a passthrough in front of that carry it, as
/// processes of their own on loopback. A phone is invited to read it, gets a folder through all of them, and restores it. A
/// tablet that may write is revoked, and tries what it can. Then everything that the nodes wrote, logged and said is
/// searched for anything that they must not know.
///
/// # Errors
///
/// What could not be done; and at the end, after all of it was printed, the first claim that does not hold.
pub(crate) async fn run(output: Output, folder: &Path, keep: Option<&Path>) -> Result<()> {
    let temporary = tempfile::tempdir().map_err(|error| Failure::new(Exit::Failure, error))?;
    let work = keep.unwrap_or_else(|| temporary.path());
    empty(work)?;
    let from = folder::prepare(folder, work)?;
    let mut steps = Steps::new(output);
    let mut claims = Claims::default();

    let (laptop, chain) = founding::play(work, &mut steps).await?;
    let idle = search::everything(&chain.folders())?;
    let phone = new_device()?;
    let paired = invite(&laptop, &phone, &chain, &mut steps, &mut claims).await?;
    let road = Road { work, laptop: &laptop, chain: &chain };
    let (phone, sent) =
        folder::play(&road, &from, &phone, &paired, &mut steps, &mut claims).await?;
    let copy = &phone.replica.space;
    let members = copy.members().await?;
    let (tablet, mut doors) = lost::play(&road, &phone, &mut steps, &mut claims).await?;
    steps.start("let the tablet try what it can");
    let again = chain.relay.client("tablet", &tablet.device)?.store(copy.id());
    doors.push(Door { tries: "log in again", by: "relay", way: Way::Login, store: again });
    let mut attempts = tablet.tries(&doors, &*laptop.relay, &mut claims).await?;
    attempts.push(tablet.hands_over(&phone.replica, &mut claims).await?);

    steps.start("stop the nodes");
    let (carried, store) = (chain.carried(), chain.relay_store());
    let (folders, configurations) = (chain.folders(), chain.configurations());
    let haystack = Haystack { idle, folders, configurations };
    chain.stop().await?;
    steps.start("open a copy of the relay's disk");
    let disk = RelayDisk::copy(&store, work, copy.id())?;
    attempts.push(tablet.opens(&disk.open(&tablet.device).await?, copy, &mut claims).await?);
    let seen = seen::by_relay(&disk, NODE_LABELS.len() + 1, &mut claims).await?;
    let secrets = search::secrets(&from, &paired.invitation, &laptop.replica.space)?;
    let searched = search::play(&secrets, &haystack, &mut steps, &mut claims)?;

    let times = steps.finish();
    let facts = Facts { paired, members, sent, attempts, carried, seen, searched, times, claims };
    facts.print(output);
    facts.claims.judge()?;
    facts.good_bye(output, keep);
    Ok(())
}

/// What every act after the first walks on.
struct Road<'a> {
    work: &'a Path,
    laptop: &'a Laptop,
    chain: &'a Chain,
}

/// The phone comes in. Before that, it is a stranger.
async fn invite(
    laptop: &Laptop,
    phone: &Device,
    chain: &Chain,
    steps: &mut Steps,
    claims: &mut Claims,
) -> Result<Paired> {
    steps.start("invite a phone through the relay's mailbox");
    let (space, relay) = (&laptop.replica.space, &chain.relay);
    let stranger = relay.client("phone", phone)?.store(space.id());
    let answer = replica::asked(&*stranger).await;
    let (holds, text) =
        (replica::is_refusal(&answer), "The relay tells a device without a role nothing");
    claims.note(
        Act::Members,
        "stranger",
        text,
        holds,
        format!("the phone, before it came in: {answer}"),
    );

    let client = relay.client("laptop", &laptop.device)?;
    let paired =
        pairing::play(space, &laptop.device, client, phone, relay.origin("phone")?).await?;
    let Paired { laptop_code, phone_code, .. } = &paired;
    claims.note(
        Act::Members,
        "codes",
        "Nobody stood between laptop and phone when the phone came in",
        laptop_code == phone_code,
        format!("the laptop shows {laptop_code}, the phone shows {phone_code}; each is typed at the other"),
    );
    Ok(paired)
}

/// A folder with nothing in it, made if there is none.
fn empty(work: &Path) -> Result<()> {
    std::fs::create_dir_all(work).map_err(|error| io("make", work, &error))?;
    if std::fs::read_dir(work).map_err(|error| io("read", work, &error))?.next().is_some() {
        return Err(Failure::usage(format!("{} is not empty", work.display()))
            .help("name a new folder with --keep"));
    }
    Ok(())
}

fn new_device() -> Result<Device> {
    Device::generate().map_err(|error| Failure::new(Exit::Failure, error))
}
