//! Filters and `except`.

use bulla_core::limits::MAX_FILTER_TERMS;
use bulla_core::values::{Filter, Head, KindRange, ScanRequest, Want};
use bulla_core::{AuthorKey, Bloom, EntryId, Kind, Topic, VerifiedEntry};
use bulla_store::StoreError;
use bulla_store::rules::MAX_LEFT_OUT;

use super::read::{head, ids_only, items, pages, put_new, scan_ids};
use crate::suite::author::{Draft, headers, ids, whole};
use crate::suite::case::{Case, Failure, Ground, Stage, case, check, check_eq, check_err};

pub(super) const CASES: &[Case] = &[
    case!(Core Must "filter-topics" ["FLT-1", "SCAN-4"] topics),
    case!(Core Must "filter-authors" ["FLT-1", "SCAN-4"] authors),
    case!(Core Must "filter-kinds" ["FLT-1", "SCAN-4"] kinds),
    case!(Core Must "filter-timestamps" ["FLT-1", "SCAN-4"] timestamps),
    case!(Core Must "filter-all-parts" ["FLT-1", "FLT-3"] all_parts),
    case!(Core Must "filter-control-always" ["FLT-1"] control_always),
    case!(Core Must "filter-nothing" ["SCAN-4", "SCAN-7"] nothing),
    case!(Core Must "filter-cursor-is-plain" ["FLT-4", "SCAN-7"] cursor_is_plain),
    case!(Core Must "filter-out-of-order" ["FLT-2", "STO-8"] out_of_order),
    case!(Core Must "filter-terms" ["FLT-2", "STO-10"] terms),
    case!(Core Must "except-leaves-out" ["SCAN-6"] except),
    case!(Core Must "except-everything" ["SCAN-6", "SCAN-7"] except_everything),
    case!(Core Must "scan-left-out-is-bounded" ["SCAN-8"] left_out_is_bounded),
];

const fn topic(number: u8) -> Topic {
    Topic([number; 16])
}

/// A store with the genesis and 24 entries: 3 authors, 4 topics, kinds 16 to 21, timestamps 0 to 23.
async fn varied(ground: &Ground) -> Result<(Stage, Vec<VerifiedEntry>), Failure> {
    let stage = ground.fresh().await?;
    let mut authors: Vec<_> = (0..3).map(|number| stage.world.author(number)).collect();
    let mut entries = vec![stage.world.genesis().clone()];
    for number in 0..24_u8 {
        let draft = Draft {
            topic: topic(number % 4),
            kind: Kind(16 + u16::from(number / 4)),
            timestamp: u64::from(number),
            content: u64::from(number),
            ..Draft::default()
        };
        if let Some(author) = authors.get_mut(usize::from(number % 3)) {
            entries.push(author.write(draft)?);
        }
    }
    put_new(&stage, whole(&entries), 1).await?;
    Ok((stage, entries))
}

/// Checks a filter against the rule written out: wanted are the control entries and what `wanted` says, in order, for
/// every sort of body and on small pages as on large ones.
async fn check_filter(
    stage: &Stage,
    entries: &[VerifiedEntry],
    filter: Filter,
    wanted: impl Fn(&VerifiedEntry) -> bool,
) -> Result<(), Failure> {
    let expected =
        ids(entries.iter().filter(|entry| entry.header().kind.is_control() || wanted(entry)));
    for want in [Want::Ids, Want::Headers, Want::Entries { inline_up_to: u32::MAX }] {
        for max_items in [1, 100] {
            let filter = filter.clone();
            let request =
                ScanRequest { filter, want, limit: items(max_items), ..ScanRequest::everything() };
            let found = pages(stage, request).await?;
            let got: Vec<_> =
                found.iter().flat_map(|page| &page.items).map(|item| item.id).collect();
            check_eq!(got, expected, "filtered, pages of {max_items}, {want:?}");
            let end = found.last().map(|page| page.cursor);
            check_eq!(
                end,
                Some(head(stage).await?.cursor()),
                "the cursor moves over what was left out"
            );
        }
    }
    Ok(())
}

async fn topics(ground: &Ground) -> Result<(), Failure> {
    let (stage, entries) = varied(ground).await?;
    for chosen in [vec![topic(2)], vec![topic(0), topic(3)], vec![topic(1), topic(200)]] {
        let filter = Filter { topics: chosen.clone(), ..Filter::all() };
        check_filter(&stage, &entries, filter, |entry| chosen.contains(&entry.header().topic))
            .await?;
    }
    Ok(())
}

async fn authors(ground: &Ground) -> Result<(), Failure> {
    let (stage, entries) = varied(ground).await?;
    for numbers in [vec![0], vec![0, 2], vec![1, 99]] {
        let mut chosen: Vec<AuthorKey> =
            numbers.into_iter().map(|number| stage.world.author(number).id()).collect();
        chosen.sort_unstable();
        let filter = Filter { authors: chosen.clone(), ..Filter::all() };
        check_filter(&stage, &entries, filter, |entry| chosen.contains(&entry.header().author))
            .await?;
    }
    Ok(())
}

async fn kinds(ground: &Ground) -> Result<(), Failure> {
    let (stage, entries) = varied(ground).await?;
    let range = |first, last| KindRange { first: Kind(first), last: Kind(last) };
    for chosen in [
        vec![range(17, 17)],
        vec![range(0, 16), range(18, 19)],
        vec![range(21, u16::MAX)],
        vec![range(3, 4)],
    ] {
        let filter = Filter { kinds: chosen.clone(), ..Filter::all() };
        let within =
            |kind: Kind| chosen.iter().any(|range| range.first <= kind && kind <= range.last);
        check_filter(&stage, &entries, filter, |entry| within(entry.header().kind)).await?;
    }
    Ok(())
}

async fn timestamps(ground: &Ground) -> Result<(), Failure> {
    let (stage, entries) = varied(ground).await?;
    for (first, last) in [(0, 0), (5, 9), (23, u64::MAX >> 1), (24, 30)] {
        let filter = Filter { timestamps: Some((first, last)), ..Filter::all() };
        let within = |entry: &VerifiedEntry| {
            first <= entry.header().timestamp && entry.header().timestamp <= last
        };
        check_filter(&stage, &entries, filter, within).await?;
    }
    Ok(())
}

async fn all_parts(ground: &Ground) -> Result<(), Failure> {
    let (stage, entries) = varied(ground).await?;
    let author = stage.world.author(1).id();
    let filter = Filter {
        topics: vec![topic(1), topic(2)],
        kinds: vec![KindRange { first: Kind(16), last: Kind(19) }],
        authors: vec![author],
        timestamps: Some((2, 14)),
    };
    check_filter(&stage, &entries, filter, |entry| {
        let header = entry.header();
        [topic(1), topic(2)].contains(&header.topic)
            && (16..=19).contains(&header.kind.0)
            && header.author == author
            && (2..=14).contains(&header.timestamp)
    })
    .await
}

async fn control_always(ground: &Ground) -> Result<(), Failure> {
    let (stage, entries) = varied(ground).await?;
    let filter =
        Filter { topics: vec![topic(77)], timestamps: Some((1_000, 2_000)), ..Filter::all() };
    let found = scan_ids(&stage, ScanRequest { filter, ..ids_only() }).await?;
    check_eq!(
        found,
        ids(entries.iter().take(1)),
        "the genesis passes every filter, and nothing else this one"
    );
    Ok(())
}

async fn nothing(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let entries = stage.world.entries(0, 10)?;
    put_new(&stage, whole(&entries), 1).await?;
    let filter = Filter { topics: vec![topic(77)], ..Filter::all() };
    let found = pages(&stage, ScanRequest { filter, ..ScanRequest::everything() }).await?;
    check!(found.iter().all(|page| page.items.is_empty()), "nothing matches");
    let end = found.last().map(|page| (page.cursor, page.end));
    check_eq!(
        end,
        Some((head(&stage).await?.cursor(), true)),
        "an empty page still moves its cursor"
    );
    Ok(())
}

async fn cursor_is_plain(ground: &Ground) -> Result<(), Failure> {
    let (stage, entries) = varied(ground).await?;
    let filter = Filter { topics: vec![topic(3)], ..Filter::all() };
    let request = ScanRequest { filter, limit: items(2), ..ids_only() };
    for page in pages(&stage, request).await? {
        let rest = scan_ids(&stage, ScanRequest { after: Some(page.cursor), ..ids_only() }).await?;
        let seen = entries.len() - rest.len();
        check_eq!(
            seen as u64,
            page.cursor.receipt,
            "a filtered page's cursor serves any other scan"
        );
        check_eq!(rest, ids(entries.iter().skip(seen)), "from there on");
    }
    Ok(())
}

async fn out_of_order(ground: &Ground) -> Result<(), Failure> {
    let (stage, _) = varied(ground).await?;
    let before = head(&stage).await?;
    let range = |first, last| KindRange { first: Kind(first), last: Kind(last) };
    let bad = [
        Filter { topics: vec![topic(2), topic(1)], ..Filter::all() },
        Filter { topics: vec![topic(1), topic(1)], ..Filter::all() },
        Filter { authors: vec![AuthorKey([2; 32]), AuthorKey([1; 32])], ..Filter::all() },
        Filter { kinds: vec![range(20, 19)], ..Filter::all() },
        Filter { kinds: vec![range(16, 18), range(18, 19)], ..Filter::all() },
        Filter { kinds: vec![range(18, 19), range(16, 16)], ..Filter::all() },
        Filter { timestamps: Some((2, 1)), ..Filter::all() },
    ];
    for filter in bad {
        let shown = format!("{filter:?}");
        let result =
            stage.subject.store.scan(&stage.cx, ScanRequest { filter, ..ids_only() }).await;
        let error = check_err!(result, "{shown}");
        check!(
            matches!(error, StoreError::Request { .. }),
            "{shown} is the request's fault: {error:?}"
        );
        check_eq!(error.code().as_str(), "request.filter", "{shown}");
    }
    check_eq!(head(&stage).await?, before, "nothing changed");
    Ok(())
}

async fn terms(ground: &Ground) -> Result<(), Failure> {
    let (stage, entries) = varied(ground).await?;
    let topics = |count: usize| {
        let number = |n: usize| u16::try_from(n).unwrap_or(u16::MAX).to_be_bytes();
        (0..count)
            .map(|n| Topic(std::array::from_fn(|i| number(n).get(i).copied().unwrap_or(0))))
            .collect()
    };
    let most = Filter { topics: topics(MAX_FILTER_TERMS), ..Filter::all() };
    let found = scan_ids(&stage, ScanRequest { filter: most, ..ids_only() }).await?;
    let zero_topic = entries.iter().filter(|entry| entry.header().topic == topic(0));
    check_eq!(found, ids(zero_topic), "as many terms as the bound allows");
    let beyond = Filter { topics: topics(MAX_FILTER_TERMS + 1), ..Filter::all() };
    let result =
        stage.subject.store.scan(&stage.cx, ScanRequest { filter: beyond, ..ids_only() }).await;
    check_eq!(
        check_err!(result, "one term more").code().as_str(),
        "request.too_large",
        "with the stable code"
    );
    Ok(())
}

fn bloom_of(held: &[EntryId], salt: [u8; 16]) -> Bloom {
    let mut bloom = Bloom::for_count(held.len() as u64, salt);
    for id in held {
        bloom.insert(id);
    }
    bloom
}

async fn except(ground: &Ground) -> Result<(), Failure> {
    let (stage, entries) = varied(ground).await?;
    let all = ids(&entries);
    let held: Vec<_> = all.iter().copied().step_by(2).collect();
    for salt in [[1; 16], [2; 16], [3; 16]] {
        let bloom = bloom_of(&held, salt);
        let expected: Vec<_> = all.iter().copied().filter(|id| !bloom.may_hold(id)).collect();
        for want in [Want::Ids, Want::Headers, Want::Entries { inline_up_to: u32::MAX }] {
            let request =
                ScanRequest { except: Some(bloom.clone()), want, ..ScanRequest::everything() };
            check_eq!(
                scan_ids(&stage, request).await?,
                expected,
                "exactly what the filter does not know"
            );
        }
    }
    Ok(())
}

async fn except_everything(ground: &Ground) -> Result<(), Failure> {
    let (stage, entries) = varied(ground).await?;
    let except = Some(bloom_of(&ids(&entries), [9; 16]));
    let found = pages(&stage, ScanRequest { except, ..ScanRequest::everything() }).await?;
    check!(
        found.iter().all(|page| page.items.is_empty()),
        "everything is held, control entries too"
    );
    let end = found.last().map(|page| page.cursor);
    check_eq!(end, Some(head(&stage).await?.cursor()), "the cursor moves to the head");
    Ok(())
}

async fn left_out_is_bounded(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let count = u64::from(MAX_LEFT_OUT) + 100;
    let mut author = stage.world.author(0);
    let mut first = 1;
    while first <= count {
        let many = 4096.min(count - first + 1);
        let mut entries = Vec::new();
        for content in first..first + many {
            entries.push(author.write(Draft { payload_bytes: 16, content, ..Draft::default() })?);
        }
        put_new(&stage, headers(&entries), first).await?;
        first += many;
    }
    let filter = Filter { topics: vec![topic(77)], ..Filter::all() };
    let found = pages(&stage, ScanRequest { filter, ..ids_only() }).await?;
    let mut start = 0;
    for page in &found {
        check!(
            page.cursor.receipt - start <= u64::from(MAX_LEFT_OUT),
            "a page looks at a bounded number of entries"
        );
        start = page.cursor.receipt;
    }
    let Head { last_receipt, .. } = head(&stage).await?;
    check_eq!(
        (start, found.len() > 1),
        (last_receipt, true),
        "and the scan still comes to the head"
    );
    let body = scan_ids(
        &stage,
        ScanRequest { after: found.first().map(|page| page.cursor), ..ids_only() },
    )
    .await?;
    check_eq!(
        body.len() as u64,
        count - u64::from(MAX_LEFT_OUT),
        "an empty page's cursor serves any scan"
    );
    Ok(())
}
