//! Places that keep bookmarks.

use bulla_store::rules::{MAX_BOOKMARK_KEY_BYTES, MAX_BOOKMARK_VALUE_BYTES};
use bulla_store::{Bookmarks, StoreError};

use crate::suite::case::{Case, Failure, Ground, case, check_eq, check_err};
use crate::suite::harness::Kept;

pub(super) const CASES: &[Case] = &[
    case!(Bookmarks Must "bookmarks-kept" ["BKM-1", "BKM-2"] kept),
    case!(Bookmarks Must "bookmarks-bounds" ["BKM-3"] bounds),
];

async fn fresh(ground: &Ground) -> Result<Kept<dyn Bookmarks>, Failure> {
    let bookmarks = ground.harness().bookmarks().await.map_err(Failure::Harness)?;
    bookmarks.ok_or(Failure::Missing("the harness keeps no bookmarks"))
}

async fn kept(ground: &Ground) -> Result<(), Failure> {
    let kept = fresh(ground).await?;
    let bookmarks = &kept.subject;
    check_eq!(bookmarks.read(b"a").await?, None, "nothing yet");
    bookmarks.remove(b"a").await?;
    bookmarks.write(b"a", b"one").await?;
    bookmarks.write(b"ab", b"").await?;
    bookmarks.write(b"", b"empty key").await?;
    check_eq!(bookmarks.read(b"a").await?, Some(b"one".to_vec()), "kept");
    check_eq!(bookmarks.read(b"ab").await?, Some(Vec::new()), "an empty value is a value");
    bookmarks.write(b"a", b"two").await?;
    check_eq!(bookmarks.read(b"a").await?, Some(b"two".to_vec()), "replaced");
    bookmarks.remove(b"a").await?;
    check_eq!(bookmarks.read(b"a").await?, None, "forgotten");
    check_eq!(bookmarks.read(b"ab").await?, Some(Vec::new()), "a longer key is another key");
    check_eq!(bookmarks.read(b"").await?, Some(b"empty key".to_vec()), "so is the empty one");
    Ok(())
}

async fn bounds(ground: &Ground) -> Result<(), Failure> {
    let kept = fresh(ground).await?;
    let bookmarks = &kept.subject;
    let (key, value) = (vec![7; MAX_BOOKMARK_KEY_BYTES], vec![8; MAX_BOOKMARK_VALUE_BYTES]);
    bookmarks.write(&key, &value).await?;
    check_eq!(bookmarks.read(&key).await?, Some(value.clone()), "the longest key and value");
    let (long_key, long_value) =
        ([key.clone(), vec![7]].concat(), [value.clone(), vec![8]].concat());
    let results: [Result<(), StoreError>; 4] = [
        bookmarks.write(&long_key, b"x").await,
        bookmarks.write(&key, &long_value).await,
        bookmarks.read(&long_key).await.map(drop),
        bookmarks.remove(&long_key).await,
    ];
    for result in results {
        check_eq!(
            check_err!(result, "a byte more").code().as_str(),
            "request.too_large",
            "with the stable code"
        );
    }
    check_eq!(bookmarks.read(&key).await?, Some(value), "nothing changed");
    Ok(())
}
