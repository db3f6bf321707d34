//! Smaller copies of photos, and photos that devices fetch.

use std::collections::{BTreeMap, BTreeSet};

use roster::{Content, ItemKey, Photo, Seq, Slot};
use store::{Finished, OfferedPhoto, PhotoVersion};
use sync::PhotoSent;
use wire::BioType;

use crate::fleet::{Fleet, at, pin, user};

fn key() -> ItemKey {
    ItemKey { pin: pin("7"), slot: Slot::comparison_photo(BioType::VISIBLE_FACE) }
}

fn photo(text: &str) -> Content {
    Content::Photo(Photo { text: text.to_owned(), file_name: None })
}

/// A fleet with the photo of a person, and the version of that photo.
async fn fleet() -> (Fleet, PhotoVersion) {
    let fleet = Fleet::new().await;
    fleet.put(&[user("7", "Ada"), (key(), photo("T1JJR0lOQUw="))]).await;
    let seq = fleet.seq_of(&key()).await;
    (fleet, PhotoVersion { key: key(), seq, most_bytes: 60_000 })
}

#[tokio::test]
async fn the_smaller_copy_of_a_photo_is_kept_until_the_photo_changes() {
    let (fleet, version) = fleet().await;
    let mut tx = fleet.write().await;
    assert_eq!(tx.photo_form(&version).await.expect("read"), None);
    tx.put_photo_form(&version, Some(&photo("U01BTEw=")), at(2)).await.expect("written");
    assert_eq!(tx.photo_form(&version).await.expect("read"), Some(Some(photo("U01BTEw="))));
    let smaller = PhotoVersion { most_bytes: 30_000, ..version.clone() };
    assert_eq!(tx.photo_form(&smaller).await.expect("read"), None);
    tx.put_photo_form(&smaller, None, at(2)).await.expect("written");
    assert_eq!(tx.photo_form(&smaller).await.expect("read"), Some(None), "it goes as it is");
    tx.commit().await.expect("committed");

    let hashes = async || {
        let mut tx = fleet.read().await;
        let mut known = BTreeMap::new();
        tx.know_photo_forms(&mut known, &[pin("7")]).await.expect("read");
        let known = known.remove(&pin("7")).unwrap_or_default();
        (known.forms.get(&key().slot).map(BTreeSet::len), known.older.get(&key().slot).map(BTreeSet::len))
    };
    assert_eq!(hashes().await, (Some(1), None));
    fleet.put(&[(key(), photo("TkVXRVI="))]).await;
    assert_eq!(hashes().await, (None, Some(1)), "a device may still upload it");
    let mut tx = fleet.write().await;
    assert_eq!(tx.photo_form(&version).await.expect("read"), None);
    tx.put_photo_form(&version, Some(&photo("U01BTEw=")), at(4)).await.expect("nothing to write");
    assert_eq!(tx.forget(Finished::PhotoForms, at(9), 100).await.expect("forgotten"), 1);
}

/// A deletion also removes the smaller copies of a photo and its offers to devices.
#[tokio::test]
async fn a_deletion_removes_every_copy_of_a_photo() {
    let (fleet, version) = fleet().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;
    tx.put_photo_form(&version, Some(&photo("U01BTEw=")), at(2)).await.expect("written");
    let offer = OfferedPhoto { photo: version, device, expires_at: at(9) };
    tx.offer_photo("0123", &offer).await.expect("offered");
    tx.commit().await.expect("committed");

    fleet.delete(&[key()], at(3), true).await;

    let mut tx = fleet.write().await;
    assert_eq!(tx.offered_photo("0123", Some(device), at(4)).await.expect("read"), None);
    let mut known = BTreeMap::new();
    tx.know_photo_forms(&mut known, &[pin("7")]).await.expect("read");
    assert!(known.is_empty());
}

/// Obligations 165, 167.
#[tokio::test]
async fn a_photo_is_fetched_once_by_its_device_and_in_time() {
    let (fleet, version) = fleet().await;
    let (device, other) = (fleet.device("SN1").await.id, fleet.device("SN2").await.id);
    let mut tx = fleet.write().await;
    let offer = OfferedPhoto { photo: version, device, expires_at: at(9) };
    tx.offer_photo("0123", &offer).await.expect("offered");
    for (token, who, when, expected) in [
        ("0123", Some(device), 8, Some(offer.clone())),
        ("0123", None, 8, Some(offer.clone())),
        ("0123", Some(other), 8, None),
        ("0123", Some(device), 9, None),
        ("4567", Some(device), 8, None),
    ] {
        assert_eq!(
            tx.offered_photo(token, who, at(when)).await.expect("read"),
            expected,
            "{token} {who:?} {when}"
        );
    }
    assert!(!tx.photo_fetched("0123", at(9)).await.expect("too late"));
    assert!(tx.photo_fetched("0123", at(8)).await.expect("fetched"));
    assert!(!tx.photo_fetched("0123", at(8)).await.expect("again"));
    assert_eq!(tx.offered_photo("0123", Some(device), at(8)).await.expect("read"), None);
    assert_eq!(tx.forget(Finished::OfferedPhotos, at(8), 100).await.expect("forgotten"), 0);
    assert_eq!(tx.forget(Finished::OfferedPhotos, at(9), 100).await.expect("forgotten"), 1);
}

#[tokio::test]
async fn the_photo_sent_to_a_device_and_its_smaller_copy_are_remembered() {
    let (fleet, version) = fleet().await;
    let row = fleet.device("SN1").await;
    let mut tx = fleet.write().await;
    let mut view = tx.view(&row).await.expect("a view");
    tx.load_persons(&mut view, &[pin("7")]).await.expect("loaded");
    assert!(view.persons[&pin("7")].photos_sent.is_empty());
    let open = sync::OpenCommand {
        number: 1,
        wire_id: "1a".into(),
        verb: sync::Verb::Update,
        seq: version.seq,
        again: false,
        sends: 1,
        attempts: 0,
        due_at: at(60),
        lines: 1,
        answered: 0,
    };
    let changes = sync::Changes { open: vec![(key(), open)], ..sync::Changes::default() };
    tx.apply(&view, &changes, at(5)).await.expect("written");
    let mut write = fleet.writing(&key(), Some(&photo("TUFERQ==")));
    write.made_of = Some(version.seq);
    let change = store::Change { by: Some(row.id), at: at(6), undo_until: None };
    tx.write_items(&[write], &change).await.expect("written");

    tx.load_persons(&mut view, &[pin("7")]).await.expect("loaded");

    let person = &view.persons[&pin("7")];
    let sent = PhotoSent { at: at(5), seq: version.seq };
    assert_eq!(person.photos_sent, BTreeMap::from([(BioType::VISIBLE_FACE, sent)]));
    assert_eq!(person.items[&key().slot].made_of, Some(version.seq));
    assert_ne!(version.seq, Seq(0));
}
