//! Epochs sealed to devices that nobody ever heard of, by the thousand.

use bulla_core::control::{Control, Epoch, Recipient, Role, SEALED_KEY_BYTES};
use bulla_core::{AuthorKey, EntryId, KeyId};
use bulla_directory::Directory;

use crate::support::Scene;

/// Clauses: DIR-26.
#[test]
fn recipients_that_nothing_else_names_take_no_row() {
    let mut scene = Scene::new(1);
    let grant = scene.grant(1, Role::Reader);
    scene.write(0, grant);
    let before = scene.directory().device_rows();
    for number in 0..8_u8 {
        let recipients = (0..1_000_u32).map(|index| {
            let mut device = [number + 1; 32];
            device[..4].copy_from_slice(&index.to_be_bytes());
            Recipient { device: AuthorKey(device), sealed: [3; SEALED_KEY_BYTES] }
        });
        let mut recipients: Vec<Recipient> = recipients.collect();
        recipients.sort_unstable_by_key(|recipient| recipient.device);
        let key_id = KeyId([number + 1; 32]);
        let (group, parents) = (EntryId::ZERO, vec![]);
        let epoch = Epoch { group, parents, key_id, recipients, inherited: vec![0; 16] };
        scene.write(1, Control::from(epoch));
    }
    assert_eq!(scene.directory().device_rows(), before);
}

/// Whether a device was known when an epoch sealed to it came plays no part.
///
/// Clauses: DIR-1, DIR-26, DIR-27.
#[test]
fn a_recipient_may_be_named_after_its_epoch_came() {
    let mut scene = Scene::new(1);
    let grant = scene.grant(1, Role::Reader);
    let grant = scene.write(0, grant);
    let epoch = scene.epoch(EntryId::ZERO, &[], 7, &[0, 1]);
    let epoch = scene.write(0, epoch);
    let revoke = scene.revoke(1, crate::entries::cuts(vec![]));
    scene.write(0, revoke);
    for order in [[0, 1, 2], [0, 2, 1], [2, 1, 0], [2, 0, 1]] {
        let mut directory = Directory::new(scene.space);
        for at in order {
            directory.insert(&scene.entries[at]);
        }
        let writing = directory.writing_epoch(&EntryId::ZERO).map(|epoch| epoch.id);
        assert_eq!(writing, Some(epoch), "{order:?}");
        assert!(directory.readers_left_out(&EntryId::ZERO).is_empty(), "{order:?}");
        // It loses the key when its reader is revoked.
        directory.insert(&scene.entries[3]);
        assert_eq!(directory.writing_epoch(&EntryId::ZERO), None, "{order:?}");
    }
    assert!(scene.directory().verdict(&grant).unwrap().counts());
}
