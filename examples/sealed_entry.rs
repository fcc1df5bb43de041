//! One entry from its author to its reader, and what everybody in between can see of it.

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;

use bulla::{Device, Kind, MemorySpaces, Role, Space, SpaceError, Write};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let secret = "the tablets are in the third jar";

    // A device has keys; a space has keys too, which only devices have that somebody granted a role that reads.
    let laptop = Device::generate()?;
    let space = Space::found(&laptop, &MemorySpaces::new()).await?;

    // Writing seals the text, signs the header and stores both. The topic lets a relay filter and not read.
    let topic = space.topic("excavation/1957")?;
    let id = space.write(Write::new(Kind::OPERATION, secret).with_topic(topic)).await?;
    assert_eq!(space.read(id).await?.as_slice(), secret.as_bytes());

    // What a relay holds is this: a header in the open, and sealed bytes.
    let entry = space.entry(id).await?;
    let header = entry.header();
    println!("entry      {}", entry.id());
    println!("author     {}", header.author);
    println!("sequence   {}", header.sequence);
    println!("kind       {}", header.kind);
    println!("topic      {}", header.topic);
    println!("content    {} ({} bytes)", header.content_hash, header.payload_length);
    assert_eq!(header.author, laptop.author());

    // Neither the text nor the name of the topic is in it.
    let carried = [entry.verified_header().bytes(), entry.payload().as_ref()].concat();
    assert!(!contains(&carried, secret.as_bytes()));
    assert!(!contains(&carried, b"excavation"));
    // The length is padded: a text one byte longer looks the same.
    let longer = space.write(Write::new(Kind::OPERATION, format!("{secret}!"))).await?;
    assert_eq!(space.entry(longer).await?.payload().len(), entry.payload().len());

    // Another device has the entry and not the key: it can check everything and open nothing.
    let phone = Device::generate()?;
    let spaces = MemorySpaces::new();
    let (copy, report) = Space::join(&phone, &spaces, space.id(), space.outgoing()).await?;
    assert!(report.verdict.is_complete());
    assert!(matches!(copy.read(id).await, Err(SpaceError::Open(_))));

    // Once it is granted a role that reads, the keys come with the next sync, sealed to it; only that device can take them.
    space.grant(phone.joining_card(space.id(), None), Role::Reader, "phone").await?;
    bulla::sync::pull(&copy, space.outgoing()).await;
    assert_eq!(copy.read(id).await?.as_slice(), secret.as_bytes());
    println!("opened with the key: {}", String::from_utf8_lossy(&copy.read(id).await?));
    Ok(())
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
