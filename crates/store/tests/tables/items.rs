//! Contents, their numbers, older versions and the feed.

use crate::fleet::{Fleet, at, fields, finger, finger_key, member, photo, pin, user, user_key};
use roster::{Content, ItemKey, Seq, Slot};
use store::{Change, ItemWrite};
use sync::ScanFrom;

#[tokio::test]
async fn written_contents_are_read_back() {
    let fleet = Fleet::new().await;
    let contents =
        [user("007", "Müller 李"), member("007"), photo("007", "QUJD"), finger("007", 3, "VEVNUExBVEU=")];

    fleet.put(&contents).await;

    let mut keys: Vec<ItemKey> = contents.iter().map(|(key, _)| key.clone()).collect();
    keys.push(finger_key("007", 4));
    let mut expected = contents.to_vec();
    expected.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(fleet.contents_of(&keys).await, expected);
}

#[tokio::test]
async fn only_the_contents_asked_for_are_read() {
    let fleet = Fleet::new().await;
    fleet.put(&[user("7", "Ada"), finger("7", 3, "QUFB"), finger("7", 4, "QkJC")]).await;

    let read = fleet.contents_of(&[finger_key("7", 4)]).await;

    assert_eq!(read, [finger("7", 4, "QkJC")]);
}

#[tokio::test]
async fn pins_differ_by_case_and_by_leading_zeros() {
    let fleet = Fleet::new().await;
    fleet.put(&[user("a1", "small"), user("A1", "large"), user("7", "one"), user("007", "two")]).await;

    let read = fleet.contents_of(&[user_key("A1"), user_key("007")]).await;

    assert_eq!(read, [user("007", "two"), user("A1", "large")]);
}

#[tokio::test]
async fn numbers_follow_the_order_of_the_writes() {
    let fleet = Fleet::new().await;
    let mut tx = fleet.write().await;
    let writes = [user("2", "B"), user("1", "A"), finger("1", 0, "QUFB")]
        .map(|(key, content)| fleet.writing(&key, Some(&content)));

    let change = Change { by: None, at: at(0), undo_until: None };
    let seqs = tx.write_items(&writes, &change).await.expect("written");
    tx.commit().await.expect("committed");

    assert_eq!(seqs, [Seq(1), Seq(2), Seq(3)]);
    let page = fleet.read().await.feed_page(Seq(0), 10).await.expect("a page");
    let expected = [(Seq(1), user_key("2")), (Seq(2), user_key("1")), (Seq(3), finger_key("1", 0))];
    assert_eq!(page, expected);
}

#[tokio::test]
async fn the_later_of_two_writes_of_one_item_counts() {
    let fleet = Fleet::new().await;

    let last = fleet.put(&[user("1", "first"), user("2", "B"), user("1", "second")]).await;

    assert_eq!(fleet.contents_of(&[user_key("1")]).await, [user("1", "second")]);
    assert_eq!((fleet.seq_of(&user_key("1")).await, last), (Seq(3), Seq(3)));
}

#[tokio::test]
async fn nothing_to_write_takes_no_number() {
    let fleet = Fleet::new().await;
    let mut tx = fleet.write().await;

    let seqs = tx.write_items(&[], &Change { by: None, at: at(0), undo_until: None }).await.expect("written");

    assert_eq!((seqs, tx.head().await.expect("head")), (vec![], Seq(0)));
}

#[tokio::test]
async fn a_change_moves_an_item_to_the_end_of_the_feed_and_keeps_its_creation() {
    let fleet = Fleet::new().await;
    fleet.put(&[user("1", "A"), user("2", "B")]).await;

    fleet.put_by(&[user("1", "A2")], Some(17), at(5)).await;

    let page = fleet.read().await.feed_page(Seq(0), 10).await.expect("a page");
    assert_eq!(page, [(Seq(2), user_key("2")), (Seq(3), user_key("1"))]);
    let state = fleet.state_of(&user_key("1")).await.expect("there");
    assert_eq!((state.seq, state.created, state.changed_by), (Seq(3), Seq(1), Some(17)));
    assert!(state.live);
}

#[tokio::test]
async fn a_page_of_the_feed_begins_after_the_cursor_and_ends_at_the_limit() {
    let fleet = Fleet::new().await;
    fleet.put(&[user("1", "A"), user("2", "B"), user("3", "C"), user("4", "D")]).await;

    let page = fleet.read().await.feed_page(Seq(1), 2).await.expect("a page");

    assert_eq!(page, [(Seq(2), user_key("2")), (Seq(3), user_key("3"))]);
}

#[tokio::test]
async fn a_deletion_stays_in_the_feed_and_removes_the_content() {
    let fleet = Fleet::new().await;
    fleet.put(&[user("1", "A"), finger("1", 0, "QUFB")]).await;

    fleet.delete(&[finger_key("1", 0), user_key("1")], at(1), false).await;

    assert_eq!(fleet.contents_of(&[user_key("1"), finger_key("1", 0)]).await, []);
    let state = fleet.state_of(&user_key("1")).await.expect("a tombstone");
    assert_eq!((state.live, state.seq, state.lines), (false, Seq(4), 1));
    let page = fleet.read().await.feed_page(Seq(2), 10).await.expect("a page");
    assert_eq!(page, [(Seq(3), finger_key("1", 0)), (Seq(4), user_key("1"))]);
}

#[tokio::test]
async fn an_item_that_never_existed_can_be_marked_as_deleted() {
    let fleet = Fleet::new().await;

    fleet.delete(&[user_key("66")], at(1), true).await;

    let state = fleet.state_of(&user_key("66")).await.expect("a tombstone");
    assert!(!state.live);
}

#[tokio::test]
async fn an_item_that_comes_back_is_new_to_every_device() {
    let fleet = Fleet::new().await;
    fleet.put(&[user("1", "A")]).await;
    fleet.delete(&[user_key("1")], at(1), false).await;

    fleet.put(&[user("1", "again")]).await;

    let state = fleet.state_of(&user_key("1")).await.expect("there");
    assert_eq!((state.live, state.seq, state.created), (true, Seq(3), Seq(3)));
    assert_eq!(fleet.contents_of(&[user_key("1")]).await, [user("1", "again")]);
}

#[tokio::test]
async fn size_and_lines_of_an_item_are_those_of_its_content() {
    let fleet = Fleet::new().await;
    let (key, content) = finger("1", 0, "QUFBQUFB");
    fleet.put(&[(key.clone(), content.clone()), member("1")]).await;

    let finger = fleet.state_of(&key).await.expect("there");
    let member = fleet.state_of(&member("1").0).await.expect("there");

    assert_eq!((finger.bytes, finger.lines), (content.wire_bytes(), 1));
    assert_eq!(member.lines, 0);
}

#[tokio::test]
async fn earlier_versions_are_known_newest_first() {
    let fleet = Fleet::new().await;
    for name in ["one", "two", "three"] {
        fleet.put(&[user("1", name)]).await;
    }

    let versions = fleet.read().await.user_versions(&[pin("1"), pin("2")]).await.expect("versions");

    let person = versions.get(&pin("1")).expect("there");
    assert_eq!(person.current, Some(fields("three")));
    assert_eq!(person.older, [fields("two"), fields("one")]);
    assert!(!versions.contains_key(&pin("2")));
}

#[tokio::test]
async fn hashes_of_replaced_and_deleted_contents_are_known() {
    let fleet = Fleet::new().await;
    let (key, first) = finger("1", 0, "QUFB");
    let second = finger("1", 0, "QkJC").1;
    fleet.put(&[(key.clone(), first.clone())]).await;
    fleet.put(&[(key.clone(), second.clone())]).await;
    fleet.delete(std::slice::from_ref(&key), at(1), false).await;

    let old = fleet.read().await.old_hashes(&[pin("1")]).await.expect("hashes");

    let hashes = old.get(&key).expect("known");
    let of = |content| roster::hash(fleet.store.hash_key(), &key.slot, content);
    assert_eq!(hashes.iter().copied().collect::<Vec<_>>().len(), 2);
    assert!(hashes.contains(&of(&first)) && hashes.contains(&of(&second)));
}

#[tokio::test]
async fn a_deleted_user_leaves_no_older_versions_to_read() {
    let fleet = Fleet::new().await;
    fleet.put(&[user("1", "one")]).await;
    fleet.put(&[user("1", "two")]).await;
    fleet.delete(&[user_key("1")], at(1), false).await;

    let versions = fleet.read().await.user_versions(&[pin("1")]).await.expect("versions");

    assert!(!versions.contains_key(&pin("1")));
}

#[tokio::test]
async fn the_scan_reads_users_by_the_bytes_of_their_pins() {
    let fleet = Fleet::new().await;
    fleet.put(&[user("b", ""), user("B", ""), user("10", ""), user("9", ""), finger("5", 0, "QUFB")]).await;
    fleet.delete(&[user_key("9")], at(1), false).await;
    let mut tx = fleet.read().await;

    let (first, more) = tx.scan_page(&ScanFrom::Start, 2).await.expect("a page");
    assert_eq!((first, more), (vec![pin("10"), pin("9")], true));
    let (second, more) = tx.scan_page(&ScanFrom::After(pin("9")), 2).await.expect("a page");
    assert_eq!((second, more), (vec![pin("B"), pin("b")], false));
    let (none, more) = tx.scan_page(&ScanFrom::After(pin("b")), 2).await.expect("a page");
    assert_eq!((none, more), (vec![], false));
}

#[tokio::test]
async fn live_keys_leave_out_deleted_items() {
    let fleet = Fleet::new().await;
    fleet.put(&[user("1", "A"), finger("1", 0, "QUFB"), finger("1", 1, "QkJC"), user("2", "B")]).await;
    fleet.delete(&[finger_key("1", 0)], at(1), false).await;

    let keys = fleet.read().await.live_keys(&[pin("1")]).await.expect("keys");

    assert_eq!(keys, [user_key("1"), finger_key("1", 1)]);
}

#[tokio::test]
async fn changes_by_other_devices_are_counted_within_the_hour() {
    let fleet = Fleet::new().await;
    let key = finger_key("1", 0);
    let put = async |body: &str, by: i64, minutes: i64, contested: bool| {
        let write = ItemWrite { contested, ..fleet.writing(&key, Some(&finger("1", 0, body).1)) };
        fleet.write_all(&[write], &Change { by: Some(by), at: at(minutes), undo_until: None }).await;
    };
    let edits = async |minutes: i64| {
        let known = fleet.read().await.known(1, &[pin("1")], at(minutes), None).await.expect("known");
        known[&pin("1")].edits.get(&key.slot).copied().unwrap_or(0)
    };

    put("QUFB", 1, 0, false).await;
    assert_eq!(edits(0).await, 0);
    put("QkJC", 2, 1, true).await;
    put("Q0ND", 1, 2, true).await;
    put("RERE", 1, 3, false).await;
    assert_eq!(edits(3).await, 2);
    assert_eq!(edits(62).await, 0);
    put("RUVF", 2, 70, true).await;
    assert_eq!(edits(70).await, 1);
}

#[tokio::test]
async fn contents_of_many_people_are_read_and_written_in_chunks() {
    let fleet = Fleet::new().await;
    let contents: Vec<_> = (0..1_111).map(|n| user(&format!("{n:04}"), &format!("name {n}"))).collect();

    let last = fleet.put(&contents).await;

    let keys: Vec<ItemKey> = contents.iter().map(|(key, _)| key.clone()).collect();
    assert_eq!(last, Seq(1_111));
    assert_eq!(fleet.contents_of(&keys).await, contents);
}

#[tokio::test]
async fn known_contents_include_versions_hashes_and_parts() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    fleet.put(&[user("1", "one"), finger("1", 0, "QUFB")]).await;
    fleet.put(&[user("1", "two"), finger("1", 0, "QkJC")]).await;
    let (part_key, Content::Template(parts)) = finger("1", 5, "UEFSVA==") else { unreachable!("a template") };
    let mut tx = fleet.write().await;
    tx.put_part_set(device, &part_key, Some(&parts), at(0)).await.expect("kept");

    let known = tx.known(device, &[pin("1"), pin("2")], at(0), None).await.expect("known");

    let person = &known[&pin("1")];
    assert_eq!(person.user, Some(fields("two")));
    assert_eq!(person.older_users, [fields("one")]);
    assert_eq!(person.older.keys().copied().collect::<Vec<Slot>>(), [Slot::USER, finger_key("1", 0).slot]);
    assert_eq!(person.partial.get(&part_key.slot), Some(&parts));
    assert!(known[&pin("2")].user.is_none());
}
