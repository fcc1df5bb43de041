//! Import: a bundle on a stick, made by somebody who put in what they liked.

use bulla_core::values::{PutOutcome, ScanRequest};
use bulla_core::{RawEntry, Verifier};
use bulla_store::ContentAddressedStore as _;
use bulla_wire::Form;
use bulla_wire::bundle::{BundleItem, BundleReader, BundleStart, BundleWriter};

use super::{Home, Story};
use crate::support::cx;

/// A bundle of everything.
async fn bundle(story: &Story) -> Vec<u8> {
    let store = story.everything().await;
    let head = store.head(&cx()).await.unwrap();
    let start = BundleStart { space: story.space(), from: None, to: head };
    let mut writer = BundleWriter::new(&start, Form::Compact);
    let page = store.scan(&cx(), ScanRequest::everything()).await.unwrap();
    assert!(page.end);
    for item in &page.items {
        assert!(writer.push(item));
    }
    writer.finish().to_vec()
}

/// Reads a bundle as the program does; what it gives is verified, and the store judges it.
async fn import(home: &Home, story: &Story, bytes: &[u8]) -> Vec<PutOutcome> {
    let mut reader = BundleReader::new();
    reader.push(bytes);
    let mut batch: Vec<RawEntry> = Vec::new();
    while let Some(item) = reader.next_item().unwrap() {
        if let BundleItem::Entry(entry) = item {
            batch.push(entry.raw);
        }
    }
    let verified = Verifier::new([3; 32]).verify_batch(&story.space(), batch);
    let genuine: Result<Vec<_>, _> = verified.into_iter().collect();
    home.store.put(&cx(), genuine.unwrap()).await.unwrap().outcomes
}

/// Clauses: ADM-2, ADM-3, ADM-8, ADM-9.
#[tokio::test]
async fn what_is_imported_is_judged_where_it_is_read() {
    let mut story = Story::new();
    let home = Home::new(story.space()).await;
    let bytes = bundle(&story).await;
    for round in 0..2 {
        let outcomes = import(&home, &story, &bytes).await;
        let codes: Vec<_> = outcomes
            .iter()
            .filter_map(|outcome| match outcome {
                PutOutcome::Refused(refusal) => Some(refusal.code.to_string()),
                _ => None,
            })
            .collect();
        let refused = ["directory.cut", "directory.no_right", "directory.stranger"];
        assert_eq!(codes, refused, "round {round}");
        assert_eq!(outcomes.len(), story.counting.len() + 3);
        home.is_as(&story).await;
    }
    story.each_is_refused(&*home.store()).await;
    home.is_as(&story).await;
}
