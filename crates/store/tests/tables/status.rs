//! Status for operators, write rates, and the exceptions of a device that left an area.

use std::collections::BTreeSet;

use roster::{Area, ItemKey, Seq, Slot};
use store::{Change, DeviceState, HeldKind, HeldRecord, Seen, SyncCounts, Tx};
use sync::{Changes, Exception, Parked, Refusal, Verb, Wait};

use crate::fleet::{Fleet, at, fields, finger, finger_key, member, pin, serial, user, user_key};
use crate::sync_state::{answer, poll};

/// A device that was sent user 7 and has not answered, in a fleet of users 7 and 8.
async fn with_an_open_command() -> (Fleet, i64) {
    let fleet = Fleet::new().await;
    fleet.put(&[member("7"), member("8"), user("8", "Bob")]).await;
    let device = fleet.device("SN1").await.id;
    fleet.put(&[user("7", "Ada")]).await;
    let mut tx = fleet.write().await;
    assert_eq!(poll(&mut tx, device, at(0)).await.len(), 1);
    tx.commit().await.expect("committed");
    (fleet, device)
}

/// Makes this many users due on a device.
pub async fn owe(fleet: &Fleet, device: i64, users: usize) {
    let mut tx = fleet.write().await;
    let waits = (0..users).map(|n| (user_key(&n.to_string()), Wait::Due(at(1)), None)).collect();
    except(&mut tx, device, waits).await;
    tx.commit().await.expect("committed");
}

async fn except(tx: &mut Tx, device: i64, exceptions: Vec<(ItemKey, Wait, Option<Refusal>)>) {
    let row = tx.device(device).await.expect("read").expect("there");
    let view = tx.view(&row).await.expect("a view");
    let exceptions = exceptions
        .into_iter()
        .map(|(key, wait, refused)| (key, Some(Exception { wait, refused, ..Exception::due(at(0)) })))
        .collect();
    tx.apply(&view, &Changes { exceptions, ..Changes::default() }, at(0)).await.expect("applied");
}

#[tokio::test]
async fn open_commands_and_due_exceptions_are_counted_for_all_devices_at_once() {
    let (fleet, device) = with_an_open_command().await;
    let other = fleet.device("SN2").await.id;
    fleet.device("SN3").await;
    let mut tx = fleet.write().await;
    let refused = Some(Refusal { seq: Seq(1), return_code: -1002 });
    let waits = vec![
        (finger_key("7", 0), Wait::Due(at(1)), None),
        (finger_key("7", 1), Wait::Parked(Parked::Full), None),
        (finger_key("7", 2), Wait::Parked(Parked::NoUser), refused),
        (finger_key("7", 3), Wait::No, refused),
    ];
    except(&mut tx, other, waits).await;

    let counts = tx.sync_counts().await.expect("counts");

    assert_eq!(counts.len(), 2);
    assert_eq!(counts[&device], SyncCounts { open: 1, ..SyncCounts::default() });
    assert_eq!(counts[&other], SyncCounts { due: 1, parked: 2, refused: 2, ..SyncCounts::default() });
}

#[tokio::test]
async fn failed_removals_are_counted_listed_and_retried_after_a_new_connection() {
    const HOUR: i64 = 60;
    let (fleet, device) = with_an_open_command().await;
    let other = fleet.device("SN2").await.id;
    let mut tx = fleet.write().await;
    let row = tx.device(device).await.expect("read").expect("there");
    let view = tx.view(&row).await.expect("a view");
    let failed = |due, attempts, code| {
        Some(Exception { wait: Wait::Due(due), attempts, unconfirmed: code, ..Exception::NONE })
    };
    let open = Some(Exception { unconfirmed: Some(-3), ..Exception::NONE });
    let exceptions = vec![
        (user_key("7"), open),
        (user_key("8"), failed(at(24 * HOUR), 12, Some(-1))),
        (finger_key("9", 0), failed(at(20 * HOUR), 10, Some(-3))),
        (user_key("9"), failed(at(20 * HOUR), 4, None)),
    ];
    let changes = Changes { exceptions, ..Changes::default() };
    tx.apply(&view, &changes, at(0)).await.expect("applied");

    let counts = tx.sync_counts().await.expect("counts");
    assert_eq!(counts[&device], SyncCounts { open: 1, due: 1, unconfirmed: 3, ..SyncCounts::default() });
    assert_eq!(tx.count_failed_removals().await.expect("counted"), 3);
    let listed = tx.failed_removals(Some(device), None, 10).await.expect("listed");
    let told: Vec<_> =
        listed.iter().map(|it| (it.key.clone(), it.attempts, it.return_code, it.due_at)).collect();
    let expected = [
        (user_key("7"), 0, -3, None),
        (user_key("8"), 12, -1, Some(at(24 * HOUR))),
        (finger_key("9", 0), 10, -3, Some(at(20 * HOUR))),
    ];
    assert_eq!(told, expected);
    assert_eq!(tx.failed_removals(None, Some(&pin("8")), 10).await.expect("listed"), listed[1..2]);
    assert_eq!(tx.failed_removals(Some(other), None, 10).await.expect("listed"), []);
    let others = tx.exceptions_of(device, 10).await.expect("listed");
    assert_eq!(others.iter().map(|(key, _)| key).collect::<Vec<_>>(), [&user_key("9")]);

    // A new connection within an hour after a failure does not trigger another attempt, and never for a removal that
    // failed less often.
    tx.retry_removals(device, at(0)).await.expect("tried again");
    let due = tx.due_exceptions(device, at(0), 10).await.expect("due");
    assert_eq!(due, [finger_key("9", 0)]);
    tx.retry_removals(other, at(2 * HOUR)).await.expect("nothing to do");
    assert_eq!(tx.due_exceptions(device, at(2 * HOUR), 10).await.expect("due"), due);
    tx.retry_removals(device, at(2 * HOUR)).await.expect("tried again");
    let due = tx.due_exceptions(device, at(2 * HOUR), 10).await.expect("due");
    assert_eq!(due, [finger_key("9", 0), user_key("8")]);
}

#[tokio::test]
async fn exceptions_and_open_commands_of_one_device_are_listed() {
    let (fleet, device) = with_an_open_command().await;
    let mut tx = fleet.write().await;
    let waits = vec![
        (finger_key("8", 0), Wait::Due(at(1)), None),
        (finger_key("7", 1), Wait::Parked(Parked::Full), None),
    ];
    except(&mut tx, device, waits).await;

    let exceptions = tx.exceptions_of(device, 10).await.expect("listed");
    let open = tx.open_commands_of(device, 10).await.expect("listed");

    let keys: Vec<_> = exceptions.iter().map(|(key, exception)| (key, exception.wait)).collect();
    let expected =
        [(&finger_key("7", 1), Wait::Parked(Parked::Full)), (&finger_key("8", 0), Wait::Due(at(1)))];
    assert_eq!(keys, expected);
    assert_eq!(
        open.iter().map(|(key, command)| (key, command.verb)).collect::<Vec<_>>(),
        [(&user_key("7"), Verb::Insert)]
    );
    assert_eq!(tx.exceptions_of(device, 1).await.expect("listed").len(), 1);
    assert_eq!(tx.open_commands_of(device + 1, 10).await.expect("listed"), []);
}

#[tokio::test]
async fn users_are_listed_by_pages_of_their_pins() {
    let fleet = Fleet::new().await;
    fleet
        .put(&[user("2", "B"), user("10", "A"), user("b", "C"), user("9", "D"), finger("4", 0, "QUFB")])
        .await;
    fleet.delete(&[user_key("9")], at(1), true).await;
    let mut tx = fleet.read().await;

    assert_eq!(tx.user_pins("", 2).await.expect("pins"), [pin("10"), pin("2")]);
    assert_eq!(tx.user_pins("2", 2).await.expect("pins"), [pin("b")]);
    let users = tx.users(&[pin("2"), pin("9"), pin("4")]).await.expect("users");
    assert_eq!(users.into_iter().collect::<Vec<_>>(), [(pin("2"), fields("B"))]);
}

#[tokio::test]
async fn all_items_of_a_person_are_listed() {
    let fleet = Fleet::new().await;
    fleet.put_by(&[user("7", "Ada"), finger("7", 0, "QUFB")], Some(3), at(0)).await;
    fleet.delete(&[finger_key("7", 0)], at(5), false).await;

    let items = fleet.read().await.items_of(&[pin("7"), pin("8")]).await.expect("items");

    assert_eq!(items.len(), 1);
    let shown: Vec<_> = items[&pin("7")]
        .iter()
        .map(|item| (item.slot, item.seq, item.live, item.changed_at, item.changed_by))
        .collect();
    let expected =
        [(Slot::USER, Seq(1), true, at(0), Some(3)), (finger_key("7", 0).slot, Seq(3), false, at(5), None)];
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn changes_are_listed_by_their_numbers() {
    let fleet = Fleet::new().await;
    fleet.put_by(&[user("7", "Ada"), user("8", "Bob")], Some(3), at(0)).await;
    fleet.delete(&[user_key("7")], at(5), false).await;
    let mut tx = fleet.read().await;

    let events = tx.item_events(Seq(1), 10).await.expect("events");

    let shown: Vec<_> = events.iter().map(|e| (e.seq, &e.key, e.live, e.at, e.by)).collect();
    let expected =
        [(Seq(2), &user_key("8"), true, at(0), Some(3)), (Seq(3), &user_key("7"), false, at(5), None)];
    assert_eq!(shown, expected);
    assert_eq!(tx.unread(Seq(1)).await.expect("counted"), 2);
    assert_eq!(tx.unread(Seq(3)).await.expect("counted"), 0);
}

#[tokio::test]
async fn commands_are_listed_by_when_they_were_sent_or_answered() {
    let (fleet, device) = with_an_open_command().await;
    let mut tx = fleet.write().await;
    let wire_id = tx.open_commands_of(device, 1).await.expect("open").remove(0).1.wire_id;
    answer(&mut tx, device, &wire_id, 0, at(9)).await;

    let events = tx.command_events(at(1), 10).await.expect("events");

    let shown: Vec<_> =
        events.iter().map(|e| (e.device, &e.key, e.verb, e.sent_at, e.closed_at, e.return_code)).collect();
    assert_eq!(shown, [(device, &user_key("7"), Verb::Insert, at(0), Some(at(9)), Some(0))]);
    assert_eq!(tx.command_events(at(10), 10).await.expect("events"), []);
}

#[tokio::test]
async fn a_device_should_hold_the_users_of_its_areas() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    fleet
        .put(&[member("7"), user("7", "A"), member("8"), user("8", "B"), user("9", "C"), member("10")])
        .await;
    fleet.delete(&[member("8").0], at(1), false).await;

    assert_eq!(fleet.read().await.users_in_scope(device).await.expect("counted"), 1);
}

#[tokio::test]
async fn users_that_a_device_lacks_for_a_reason_are_not_expected_on_it() {
    let fleet = Fleet::new().await;
    let (device, other) = (fleet.device("SN1").await.id, fleet.device("SN2").await.id);
    for who in ["6", "7", "8", "9"] {
        fleet.put(&[member(who), user(who, "A")]).await;
    }
    let mut tx = fleet.write().await;
    let refused = Some(Refusal { seq: Seq(1), return_code: -1 });
    let waits = vec![
        (user_key("6"), Wait::Parked(Parked::Full), None),
        (user_key("7"), Wait::No, refused),
        (finger_key("8", 0), Wait::Parked(Parked::Full), None),
    ];
    except(&mut tx, device, waits).await;
    let deleted = HeldRecord {
        life: None,
        device,
        kind: HeldKind::Deletion,
        table: None,
        pin: Some(pin("9")),
        tag: "OPLOG".into(),
        line: None,
        reason: "deleted at the device".into(),
        raw: Vec::new(),
    };
    let held = tx.hold(&deleted, at(0)).await.expect("held").id;

    assert_eq!(tx.users_expected(device).await.expect("read"), [pin("8")]);
    assert_eq!(tx.users_expected(other).await.expect("read").len(), 4);
    tx.resolve_held(held, "fleet", at(1)).await.expect("resolved");
    assert_eq!(tx.users_expected(device).await.expect("read").len(), 2);
}

#[tokio::test]
async fn closed_since_tells_whether_a_device_answered_since_a_time() {
    let (fleet, device) = with_an_open_command().await;
    let mut tx = fleet.write().await;
    assert!(!tx.closed_since(device, at(0)).await.expect("read"));
    let id = tx.open_commands_of(device, 1).await.expect("listed")[0].1.wire_id.clone();

    answer(&mut tx, device, &id, 0, at(9)).await;

    assert!(tx.closed_since(device, at(9)).await.expect("read"));
    assert!(!tx.closed_since(device, at(10)).await.expect("read"));
    assert!(!tx.closed_since(device + 1, at(0)).await.expect("read"));
}

#[tokio::test]
async fn users_and_deletions_by_devices_are_counted() {
    let fleet = Fleet::new().await;
    fleet
        .put(&[user("1", "A"), user("2", "B"), user("3", "C"), user("4", "D"), finger("4", 0, "QUFB")])
        .await;
    let delete = async |of: &str, by: Option<i64>, minutes: i64| {
        let write = fleet.writing(&user_key(of), None);
        fleet.write_all(&[write], &Change { by, at: at(minutes), undo_until: None }).await;
    };
    delete("1", Some(1), 10).await;
    delete("2", Some(1), 50).await;
    delete("3", None, 50).await;

    let counted = fleet.read().await.users_and_deletions(at(20)).await.expect("counted");

    assert_eq!(counted, (1, 1));
}

#[tokio::test]
async fn devices_are_counted_by_state_and_last_seen_time() {
    let fleet = Fleet::new().await;
    let (one, two) = (fleet.device("SN1").await.id, fleet.device("SN2").await.id);
    let mut tx = fleet.write().await;
    tx.create_device(&serial("SN3"), at(0)).await.expect("made");
    tx.write_seen(&[
        Seen { device: one, at: at(9), address: None },
        Seen { device: two, at: at(1), address: None },
    ])
    .await
    .expect("written");

    assert_eq!(tx.count_devices(DeviceState::New).await.expect("counted"), 1);
    assert_eq!(tx.count_devices(DeviceState::Retired).await.expect("counted"), 0);
    assert_eq!(tx.device_counts(at(5)).await.expect("counted"), (1, 2, 1));
}

#[tokio::test]
async fn everyone_of_an_area_becomes_due_for_a_device_that_leaves_it() {
    let (fleet, device) = with_an_open_command().await;
    fleet.put(&[member("9"), user("10", "not of the area")]).await;
    fleet.delete(&[user_key("8"), member("8").0], at(1), false).await;
    let mut tx = fleet.write().await;
    except(&mut tx, device, vec![(user_key("8"), Wait::Parked(Parked::Full), None)]).await;

    tx.owe_members(device, &[Area::EVERYONE], at(5)).await.expect("owed");

    let due: BTreeSet<ItemKey> =
        tx.due_exceptions(device, at(5), 10).await.expect("due").into_iter().collect();
    assert_eq!(
        due,
        BTreeSet::from([user_key("8")]),
        "7 is under way, 9 has no user, 10 was never of the area"
    );
    assert!(tx.open_commands_of(device, 1).await.expect("open")[0].1.again);
    let parked: Vec<Wait> =
        tx.exceptions_of(device, 10).await.expect("listed").into_iter().map(|(_, e)| e.wait).collect();
    assert_eq!(parked, [Wait::Due(at(5))]);
}

#[tokio::test]
async fn an_exception_that_waits_for_an_operator_does_not_become_due() {
    let (fleet, device) = with_an_open_command().await;
    let mut tx = fleet.write().await;
    except(&mut tx, device, vec![(user_key("8"), Wait::Parked(Parked::Held), None)]).await;

    tx.owe_members(device, &[Area::EVERYONE], at(5)).await.expect("owed");
    tx.owe_members(device, &[], at(5)).await.expect("nothing to do");

    let exceptions = tx.exceptions_of(device, 10).await.expect("listed");
    assert_eq!(exceptions.iter().map(|(_, e)| e.wait).collect::<Vec<_>>(), [Wait::Parked(Parked::Held)]);
}
