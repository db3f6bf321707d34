//! Retention: rows that are deleted after a time, and rows that stay at any age.

use roster::Millis;
use store::{Finished, HeldKind, HeldRecord, NewQueuedCommand, SessionEnd, Tx};

use crate::fleet::{Fleet, at, member, pin, user};
use crate::sync_state::{answer, poll};

async fn forget(tx: &mut Tx, what: Finished, before: Millis) -> u64 {
    tx.forget(what, before, 100).await.expect("forgotten")
}

#[tokio::test]
async fn finished_commands_are_deleted_and_waiting_ones_stay() {
    let fleet = Fleet::new().await;
    let (one, two) = (fleet.device("SN1").await.id, fleet.device("SN2").await.id);
    let mut tx = fleet.write().await;
    let reboot = NewQueuedCommand {
        verb: "reboot".into(),
        arguments: String::new(),
        secret: None,
        fence: false,
        repeatable: false,
        empties: false,
        answer_ms: 0,
        expires_at: None,
        by: "ada".into(),
    };
    let number = tx.order(one, &reboot, at(0)).await.expect("ordered");
    tx.order(two, &reboot, at(0)).await.expect("ordered");
    tx.cancel_queued_command(one, number, at(5)).await.expect("cancelled");

    assert_eq!(forget(&mut tx, Finished::Orders, at(5)).await, 0);
    assert_eq!(forget(&mut tx, Finished::Orders, at(6)).await, 1);
    let left = tx.orders(None, 10).await.expect("orders");
    assert_eq!(left.iter().map(|row| row.device).collect::<Vec<_>>(), [two]);
}

#[tokio::test]
async fn ended_sessions_are_deleted_and_open_ones_stay() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;
    tx.open_session(device, at(0), None).await.expect("opened");
    tx.open_session(device, at(10), None).await.expect("opened");
    tx.close_session(device, at(20), SessionEnd::Retired).await.expect("closed");
    tx.open_session(device, at(30), None).await.expect("opened");

    assert_eq!(forget(&mut tx, Finished::Sessions, at(15)).await, 1);
    assert_eq!(forget(&mut tx, Finished::Sessions, at(9_000)).await, 1);
    let left = tx.sessions(device, 10).await.expect("sessions");
    assert_eq!(left.iter().map(|session| session.opened_at).collect::<Vec<_>>(), [at(30)]);
}

#[tokio::test]
async fn records_that_wait_for_an_operator_stay_at_any_age() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;
    let mut ids = Vec::new();
    for raw in ["USER PIN=7\tPri=x", "USER PIN=8\tPri=x"] {
        let record = HeldRecord {
            life: None,
            device,
            kind: HeldKind::Unreadable,
            table: None,
            pin: Some(pin("7")),
            tag: "USER".into(),
            line: Some(1),
            reason: "not readable".into(),
            raw: raw.into(),
        };
        ids.push(tx.hold(&record, at(0)).await.expect("held").id);
    }
    tx.resolve_held(ids[0], "dismissed", at(9)).await.expect("resolved");

    assert_eq!(forget(&mut tx, Finished::Held, at(0)).await, 0);
    assert_eq!(forget(&mut tx, Finished::Held, at(9_000)).await, 1);
    assert!(tx.show_held(ids[0]).await.expect("read").is_none());
    assert!(tx.show_held(ids[1]).await.expect("read").is_some());
}

/// A device carries out commands in order. Only a command before the last answered one cannot be answered any more.
#[tokio::test]
async fn closed_commands_are_deleted_once_the_device_has_answered_a_later_one() {
    let fleet = Fleet::new().await;
    fleet.put(&[member("7"), member("8")]).await;
    let device = fleet.device("SN1").await.id;
    fleet.put(&[user("7", "Ada"), user("8", "Bob")]).await;
    let mut tx = fleet.write().await;
    let forget = async |tx: &mut Tx, before| tx.forget_commands(device, before, 9).await.expect("forgotten");
    let sends = poll(&mut tx, device, at(0)).await;
    answer(&mut tx, device, &sends[0].wire_id, 0, at(1)).await;

    assert_eq!(forget(&mut tx, at(9_000)).await, 0, "the last answered command stays");

    answer(&mut tx, device, &sends[1].wire_id, 0, at(2)).await;
    assert_eq!(forget(&mut tx, at(1)).await, 0, "too young");
    assert_eq!(tx.devices_with_old_rows(at(2), at(0)).await.expect("read"), [device]);
    assert_eq!(forget(&mut tx, at(2)).await, 1);
    assert_eq!(tx.find_sync_command(device, &sends[0].wire_id).await.expect("read"), None);
    assert!(tx.find_sync_command(device, &sends[1].wire_id).await.expect("read").is_some());
    assert_eq!(forget(&mut tx, at(9_000)).await, 0);
}

#[tokio::test]
async fn rows_are_deleted_a_few_at_a_time() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;
    for minute in 0..7 {
        tx.open_session(device, at(minute), None).await.expect("opened");
    }

    for gone in [4, 2, 0] {
        assert_eq!(tx.forget(Finished::Sessions, at(99), 4).await.expect("forgotten"), gone);
    }
}

#[tokio::test]
async fn versions_are_kept_while_an_active_device_has_not_passed_them() {
    let fleet = Fleet::new().await;
    fleet.device("SLOW1").await;
    for n in 0..12 {
        fleet.put(&[user("1", &format!("name {n}"))]).await;
    }
    let mut tx = fleet.write().await;

    assert_eq!(tx.forget_versions(0, 10).await.expect("looked at"), (0, None));

    let device = tx.devices().await.expect("devices").remove(0);
    tx.set_device_state(device.id, store::DeviceState::Retired).await.expect("retired");
    assert_eq!(tx.forget_versions(1, 10).await.expect("looked at"), (0, None), "after the only item");
    assert_eq!(tx.forget_versions(0, 1).await.expect("looked at"), (3, Some(1)), "there may be more items");
    let versions = tx.user_versions(&[pin("1")]).await.expect("versions");
    let older = &versions.get(&pin("1")).expect("there").older;
    assert_eq!((older.len(), &older[0].name, &older[7].name), (8, &"name 10".into(), &"name 3".into()));
}

/// A device that uploads its whole log again must not cause a deletion.
#[tokio::test]
async fn entries_of_a_device_log_stay_until_there_are_more_than_it_can_hold() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;
    let entry = wire::Operation::read(b"9\t0\t2026-03-01 10:00:00\t7\t0\t0\t0").expect("an entry");
    tx.log_operation(device, &entry, at(0)).await.expect("logged");

    assert_eq!(tx.forget_operations(device, at(9_000_000), 10).await.expect("nothing"), 0);
    assert!(!tx.log_operation(device, &entry, at(9_000_000)).await.expect("known"));
}
