//! Routine check: when the people of devices were last read, and which device is next.

use std::collections::BTreeSet;

use roster::Millis;
use store::{DeviceRow, DeviceState, DueBefore, Readings, Rereading, Seen, Tx};
use sync::Joining;
use wire::Pin;

use crate::fleet::{Fleet, at};

fn pin(text: &str) -> Pin {
    text.parse().expect("a PIN")
}

async fn row(tx: &mut Tx, device: i64) -> DeviceRow {
    tx.device(device).await.expect("read").expect("there")
}

/// The devices that were not read since `read`, and not asked for a surplus within the ten minutes before it.
async fn due(tx: &mut Tx, read: Millis) -> Vec<i64> {
    let due = DueBefore { read, asked: read.plus(-600_000), seen: at(0) };
    tx.due_for_reading(&due, 10).await.expect("read")
}

#[tokio::test]
async fn the_device_with_the_oldest_reading_is_next_if_it_is_free_and_online() {
    let fleet = Fleet::new().await;
    let mut devices = Vec::new();
    for serial in ["SN1", "SN2", "SN3", "SN4", "SN5"] {
        devices.push(fleet.device(serial).await.id);
    }
    let [one, two, off, retired, busy] = devices[..] else { panic!("five devices") };
    let mut tx = fleet.write().await;
    let seen = |device, at| Seen { device, at, address: None };
    let all = [one, two, retired, busy].map(|device| seen(device, at(5)));
    tx.write_seen(&all).await.expect("written");
    tx.write_seen(&[seen(off, at(-1))]).await.expect("written");
    tx.set_device_state(retired, DeviceState::Retired).await.expect("retired");
    tx.approve_device(busy, Joining::Adopt, at(0)).await.expect("approved");

    assert_eq!(due(&mut tx, at(0)).await, [], "all were read when they were approved, a minute later");
    assert_eq!(due(&mut tx, at(1)).await, [one, two]);
    tx.pass_over_reading(one, at(10)).await.expect("noted");
    assert_eq!(due(&mut tx, at(9)).await, [two]);
    assert_eq!(due(&mut tx, at(10)).await, [two, one], "its last check is older");
    tx.note_surplus(two, Some(7), Some(at(12))).await.expect("noted");
    assert_eq!(due(&mut tx, at(21)).await, [one]);
    assert_eq!(due(&mut tx, at(22)).await, [two, one]);
    tx.note_emptied(one, at(13)).await.expect("noted");
    assert_eq!(due(&mut tx, at(22)).await, [two]);

    let readings = async |tx: &mut Tx, since| tx.readings(since).await.expect("read");
    let expected = Readings { active: 4, begun: 1, under_way: 0 };
    assert_eq!(readings(&mut tx, at(9)).await, expected);
    tx.begin_reading(two, at(20)).await.expect("begun");
    assert_eq!(readings(&mut tx, at(9)).await, Readings { begun: 2, under_way: 1, ..expected });
    assert_eq!(readings(&mut tx, at(10)).await, Readings { begun: 1, under_way: 1, ..expected });
    assert_eq!(readings(&mut tx, at(20)).await, Readings { begun: 0, ..expected });
    assert_eq!(due(&mut tx, at(60)).await, [], "one was emptied, the other is read");
}

#[tokio::test]
async fn a_new_reading_forgets_the_last_one_and_may_end_incomplete() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;
    let before = row(&mut tx, device).await;
    assert_eq!((before.people_read_at, before.people_checked_at), (Some(at(1)), None));

    tx.begin_reading(device, at(10)).await.expect("begun");
    let reading = row(&mut tx, device).await;
    assert_eq!((reading.rereads, reading.is_read()), (Some(Rereading::People), true));
    assert_eq!((reading.asked_at, reading.heard_at), (Some(at(10)), None));
    assert!(!reading.hides_people(), "not known yet");
    tx.note_heard(device, at(11)).await.expect("noted");
    tx.note_shown(device, &BTreeSet::from([pin("1")])).await.expect("noted");
    assert_eq!(row(&mut tx, device).await.heard_at, Some(at(11)));
    tx.note_unexplained_deletions(device, 1).await.expect("noted");
    tx.note_unexplained_deletions(device, 2).await.expect("noted");
    tx.begin_reading(device, at(12)).await.expect("begun");
    let reading = row(&mut tx, device).await;
    assert_eq!((reading.asked_at, reading.heard_at), (Some(at(12)), None));
    assert_eq!((reading.unexplained_deletions, tx.users_shown(device).await.expect("counted")), (3, 0));

    tx.end_reading(device, None, 0).await.expect("ended");
    let ended = row(&mut tx, device).await;
    assert_eq!((ended.rereads, ended.unexplained_deletions), (None, 0));
    assert_eq!((ended.people_read_at, ended.hides_people()), (Some(at(1)), true));
    assert_eq!(ended.people_asked_at(), None, "the device did not answer");

    tx.begin_reading(device, at(20)).await.expect("begun");
    tx.end_reading(device, Some(at(21)), 3).await.expect("ended");
    let ended = row(&mut tx, device).await;
    assert_eq!((ended.people_read_at, ended.hides_people()), (Some(at(21)), false));
    assert_eq!((ended.people_asked_at(), ended.spot_checks), (Some(at(20)), 3));
    tx.set_spot_checks(device, 2).await.expect("noted");
    assert_eq!(row(&mut tx, device).await.spot_checks, 2);

    // A reading of everything for questions is not a reading by one query.
    tx.begin_reading(device, at(30)).await.expect("begun");
    tx.begin_reread(device).await.expect("begun");
    let reading = row(&mut tx, device).await;
    assert_eq!((reading.rereads, reading.asked_at), (Some(Rereading::Everything), None));
    assert!(!tx.claims_await_reading(device).await.expect("read"));
    tx.end_reread(device, at(31)).await.expect("ended");
    assert_eq!(row(&mut tx, device).await.people_read_at, Some(at(31)));
}
