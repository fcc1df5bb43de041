//! An invitation as a QR code is read back by another program than the one that drew it.

use bulla_core::NodeId;
use bulla_identity::OsRandomness;
use bulla_pairing::{Background, Invitation, Invitations, MailboxNode};

use super::support::{NOW, SPACE, device};

fn invitation(url: Option<&str>) -> Invitation {
    let node = url.map(|url| MailboxNode { url: url.to_owned(), key: NodeId([0xab; 32]) });
    let mut register = Invitations::new();
    register.invite(device(1).author(), SPACE, node.as_ref(), 900_000, NOW, &OsRandomness).unwrap()
}

/// What a reader makes of a picture, where `dark` says which of `width` × `height` modules are.
fn decode(width: usize, height: usize, dark: impl Fn(usize, usize) -> bool) -> String {
    const SCALE: usize = 4;
    let mut image =
        rqrr::PreparedImage::prepare_from_bitmap(width * SCALE, height * SCALE, |x, y| {
            dark(x / SCALE, y / SCALE)
        });
    let grids = image.detect_grids();
    assert_eq!(grids.len(), 1, "one code is found");
    grids[0].decode().unwrap().1
}

/// Clauses: PAIR-12.
#[test]
fn a_code_is_read_back_from_its_modules_and_from_a_terminal() {
    let url = |length: usize| format!("https://{}", "n".repeat(length - 8));
    let (small, larger, longest) = (url(49), url(50), url(128));
    let cases = [
        (None, 37),
        (Some("https://relay.example.org:8443/x"), 49),
        (Some(small.as_str()), 49),
        (Some(larger.as_str()), 53),
        (Some(longest.as_str()), 61),
    ];
    for (url, size) in cases {
        let made = invitation(url);
        let code = made.to_qr();
        assert_eq!(code.size(), size, "{url:?}");
        let side = size + 8;
        let read = decode(side, side, |x, y| x >= 4 && y >= 4 && code.is_dark(x - 4, y - 4));
        assert_eq!(read, made.to_text().to_uppercase());
        for background in [Background::Dark, Background::Light] {
            let drawn = code.to_terminal(background);
            let lines: Vec<Vec<char>> = drawn.lines().map(|line| line.chars().collect()).collect();
            assert_eq!(lines.len(), side.div_ceil(2));
            assert!(lines.iter().all(|line| line.len() == side));
            let read = decode(side, side, |x, y| {
                let (upper, lower) = match lines[y / 2][x] {
                    '\u{2588}' => (true, true),
                    '\u{2580}' => (true, false),
                    '\u{2584}' => (false, true),
                    ' ' => (false, false),
                    other => panic!("{other:?}"),
                };
                let drawn = if y % 2 == 0 { upper } else { lower };
                drawn == (background == Background::Light)
            });
            let back: Invitation = read.parse().unwrap();
            assert_eq!((back.id(), back.node()), (made.id(), made.node()));
            assert_eq!(back.node().map(|node| node.url.as_str()), url);
            // A terminal of 80 columns shows the longest.
            assert!(side <= 80);
        }
    }
}

/// Clauses: PAIR-10, PAIR-12, PAIR-13.
#[test]
fn text_is_read_in_one_case_and_not_in_both() {
    let made = invitation(Some("https://a.example"));
    let text = made.to_text();
    let back: Invitation = format!("  {}\n", &*text).parse().unwrap();
    assert_eq!(back.id(), made.id());
    assert_eq!(back.space(), SPACE);
    assert!(back.is_by(&device(1).author()) && !back.is_by(&device(2).author()));
    assert_eq!(back.expiry_hint_ms(), NOW + 900_000);
    assert_eq!(text.to_uppercase().parse::<Invitation>().unwrap().id(), made.id());
    let mixed = format!("{}{}", text[..30].to_uppercase(), &text[30..]);
    let refused = mixed.parse::<Invitation>().unwrap_err();
    assert_eq!(refused.code().as_str(), "armour.prefix");
    let mixed = format!("{}{}", &text[..60], text[60..].to_uppercase());
    let refused = mixed.parse::<Invitation>().unwrap_err();
    assert_eq!(refused.code().as_str(), "armour.base32");
}

/// An altered invitation that still reads is another invitation: its messages open nowhere.
///
/// Clauses: PAIR-11.
#[test]
fn another_space_inviter_or_secret_is_another_invitation() {
    let made = invitation(None);
    let bytes = made.to_bytes();
    let others: Vec<_> = [5, 40, 60]
        .iter()
        .map(|place| {
            let mut altered = bytes.to_vec();
            altered[*place] ^= 1;
            Invitation::from_bytes(&altered).unwrap()
        })
        .collect();
    for other in &others {
        assert_ne!(other.id(), made.id());
        assert_ne!(other.mailbox().address(), made.mailbox().address());
    }
    assert_eq!(others.iter().filter(|other| other.space() == SPACE).count(), 2);
}
