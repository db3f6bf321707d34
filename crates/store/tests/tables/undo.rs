//! Deletions, and undoing them.

use roster::Seq;
use store::{HeldFilter, HeldKind, HeldRecord};

use crate::fleet::{Fleet, at, finger, finger_key, member, photo, pin, user, user_key};

async fn with_a_person() -> Fleet {
    let fleet = Fleet::new().await;
    fleet
        .put(&[user("1", "Ada"), member("1"), photo("1", "UElD"), finger("1", 0, "QUFB"), user("2", "Bob")])
        .await;
    fleet
}

fn all_of_1() -> Vec<roster::ItemKey> {
    vec![user_key("1"), member("1").0, photo("1", "").0, finger_key("1", 0)]
}

#[tokio::test]
async fn an_undo_restores_a_person_with_everything_at_new_numbers() {
    let fleet = with_a_person().await;
    let before = fleet.contents_of(&all_of_1()).await;
    fleet.delete(&all_of_1(), at(1), true).await;
    assert_eq!(fleet.contents_of(&all_of_1()).await, []);

    let mut tx = fleet.write().await;
    let back = tx.undo(&pin("1"), None, at(5)).await.expect("undone");
    tx.commit().await.expect("committed");

    assert_eq!(fleet.contents_of(&all_of_1()).await, before);
    assert_eq!(back.first(), Some(&(user_key("1"), Seq(10))));
    assert_eq!(back.last().map(|(_, seq)| *seq), Some(Seq(13)));
    let state = fleet.state_of(&user_key("1")).await.expect("there");
    assert_eq!((state.live, state.seq, state.created, state.changed_by), (true, Seq(10), Seq(10), None));
    let hash = fleet.writing(&finger_key("1", 0), Some(&finger("1", 0, "QUFB").1)).hash;
    assert_eq!(fleet.state_of(&finger_key("1", 0)).await.expect("there").hash, hash);
}

#[tokio::test]
async fn a_deletion_can_be_undone_once_and_within_its_undo_period() {
    let fleet = with_a_person().await;
    fleet.delete(&all_of_1(), at(0), true).await;
    let mut tx = fleet.write().await;

    assert_eq!(tx.undo(&pin("1"), None, at(24 * 60)).await.expect("too late"), []);
    assert_eq!(tx.undo(&pin("1"), None, at(23 * 60)).await.expect("undone").len(), 4);
    assert_eq!(tx.undo(&pin("1"), None, at(23 * 60)).await.expect("nothing left"), []);
    assert_eq!(tx.undo(&pin("2"), None, at(0)).await.expect("never deleted"), []);
}

#[tokio::test]
async fn a_deletion_without_undo_cannot_be_undone() {
    let fleet = with_a_person().await;
    fleet.delete(&all_of_1(), at(0), false).await;

    let back = fleet.write().await.undo(&pin("1"), None, at(1)).await.expect("nothing");

    assert_eq!(back, []);
}

#[tokio::test]
async fn items_that_were_deleted_earlier_stay_deleted() {
    let fleet = with_a_person().await;
    fleet.delete(&[finger_key("1", 0)], at(0), true).await;
    fleet.delete(&[user_key("1"), member("1").0, photo("1", "").0], at(1), true).await;

    let mut tx = fleet.write().await;
    let back = tx.undo(&pin("1"), None, at(5)).await.expect("undone");
    tx.commit().await.expect("committed");

    assert_eq!(back.len(), 3);
    assert_eq!(fleet.contents_of(&[finger_key("1", 0)]).await, []);
}

#[tokio::test]
async fn a_person_that_exists_again_is_not_overwritten() {
    let fleet = with_a_person().await;
    fleet.delete(&all_of_1(), at(0), true).await;
    fleet.put(&[user("1", "Somebody else")]).await;

    let back = fleet.write().await.undo(&pin("1"), None, at(1)).await.expect("nothing");

    assert_eq!(back, []);
}

#[tokio::test]
async fn deletions_are_listed_with_the_number_of_items_to_restore() {
    let fleet = with_a_person().await;
    fleet.delete(&all_of_1(), at(0), true).await;
    fleet.delete(&[user_key("2")], at(1), true).await;

    let listed = fleet.read().await.deletions(at(2)).await.expect("listed");

    let shown: Vec<_> = listed.iter().map(|d| (d.pin.as_str(), d.at, d.items, d.by)).collect();
    assert_eq!(shown, [("2", at(1), 1, None), ("1", at(0), 4, None)]);
    assert_eq!(fleet.read().await.deletions(at(24 * 60 + 1)).await.expect("listed"), []);
}

#[tokio::test]
async fn expired_and_erased_contents_are_deleted() {
    let fleet = with_a_person().await;
    fleet.delete(&all_of_1(), at(0), true).await;
    fleet.delete(&[user_key("2")], at(60), true).await;
    let mut tx = fleet.write().await;

    assert_eq!(tx.forget(store::Finished::Undo, at(24 * 60), 10).await.expect("erased"), 4);
    let erased = tx.erase(&pin("2"), store::Punches::Keep, at(24 * 60)).await.expect("erased");
    assert_eq!(erased.rows["undo_body"], 1);

    assert_eq!(tx.deletions(at(0)).await.expect("listed"), []);
    assert_eq!(tx.undo(&pin("2"), None, at(61)).await.expect("nothing"), []);
}

#[tokio::test]
async fn a_second_deletion_replaces_the_kept_contents_of_the_first() {
    let fleet = with_a_person().await;
    fleet.delete(&[user_key("2")], at(0), true).await;
    fleet.put(&[user("2", "Bobby")]).await;
    fleet.delete(&[user_key("2")], at(1), true).await;

    let mut tx = fleet.write().await;
    tx.undo(&pin("2"), Some(7), at(2)).await.expect("undone");
    tx.commit().await.expect("committed");

    assert_eq!(fleet.contents_of(&[user_key("2")]).await, [user("2", "Bobby")]);
}

fn held(device: i64, kind: HeldKind, raw: &str) -> HeldRecord {
    HeldRecord {
        life: None,
        device,
        kind,
        table: None,
        pin: Some(pin("1")),
        tag: "USER".into(),
        line: Some(1),
        reason: "a reason".into(),
        raw: raw.into(),
    }
}

async fn reasons_left(fleet: &Fleet) -> Vec<HeldKind> {
    let filter = HeldFilter { resolved_too: true, ..HeldFilter::default() };
    let mut left: Vec<_> =
        fleet.read().await.held(&filter, 99).await.expect("held").iter().map(|row| row.kind).collect();
    left.sort();
    left
}

#[tokio::test]
async fn held_records_of_a_person_are_deleted_after_the_undo_period() {
    let fleet = with_a_person().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;
    for (kind, raw) in [
        (HeldKind::Unreadable, "USER PIN=1\tPri=x"),
        (HeldKind::Privilege, "USER PIN=1\tPri=14"),
        (HeldKind::Conflict, "USER PIN=1\tName=Somebody else"),
    ] {
        tx.hold(&held(device, kind, raw), at(0)).await.expect("held");
    }
    tx.commit().await.expect("committed");
    fleet.delete(&all_of_1(), at(1), true).await;

    let mut tx = fleet.write().await;
    tx.hold(&held(device, HeldKind::Unreadable, "USER PIN=1\tPri=y"), at(2)).await.expect("held");
    tx.forget(store::Finished::Undo, at(23 * 60), 100).await.expect("too early");
    tx.commit().await.expect("committed");
    assert_eq!(reasons_left(&fleet).await.len(), 4);

    let mut tx = fleet.write().await;
    tx.forget(store::Finished::Undo, at(25 * 60), 100).await.expect("forgotten");
    tx.commit().await.expect("committed");
    assert_eq!(reasons_left(&fleet).await, [HeldKind::Conflict], "another person: an operator decides");
}

#[tokio::test]
async fn records_held_for_the_next_owner_of_a_pin_stay() {
    let fleet = with_a_person().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;
    tx.hold(&held(device, HeldKind::Unreadable, "of the former person"), at(0)).await.expect("held");
    tx.commit().await.expect("committed");
    fleet.delete(&all_of_1(), at(1), true).await;
    fleet.put_by(&[user("1", "Somebody else")], None, at(2)).await;
    let mut tx = fleet.write().await;
    tx.hold(&held(device, HeldKind::Brake, "of the next person"), at(3)).await.expect("held");

    tx.forget(store::Finished::Undo, at(25 * 60), 100).await.expect("forgotten");
    tx.commit().await.expect("committed");

    assert_eq!(reasons_left(&fleet).await, [HeldKind::Brake]);
}
