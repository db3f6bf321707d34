//! What goes by itself after its time, and what stays.

use std::time::Duration;

use simulator::{Device, Model};
use story::{House, pin};

const DAY: Duration = Duration::from_hours(24);

/// Waits until a table is as long as it should be; houses are kept at the start of a server.
async fn until_rows(house: &House, sql: &str, rows: &str) {
    for _ in 0..200 {
        if house.value(sql).await == rows {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{sql}: {}, not {rows}", house.value(sql).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_finished_goes_after_its_time_and_nothing_that_is_needed() {
    let mut house = House::open().await;
    let mut a = house.connect(Device::new(Model::k40(), "SIM0001")).await;
    let mut b = house.connect(Device::new(Model::k40(), "SIM0002")).await;
    for who in ["1", "2"] {
        a.enrol_user(who, "Ada");
        a.enrol_fingerprint(who, 1);
    }
    house.calm([&mut a, &mut b]).await;
    let (now, until) = (house.now(), house.rules().undo_until(house.now()));
    house.operate(async |tx| fleet::user::delete(tx, &pin("2"), None, now, Some(until)).await).await;
    house.calm([&mut a, &mut b]).await;
    let finished = house.commands().await;
    assert!(finished >= 8, "{finished}");

    house.advance(8 * DAY);
    house.restart().await;
    until_rows(&house, "SELECT CAST(COUNT(*) AS CHAR(20)) FROM undo_body", "0").await;
    assert_eq!(house.commands().await, finished, "a month is not over");

    // In a month each device answers something new: what was before that can go.
    house.advance(31 * DAY);
    a.change_name("1", "Ada Byron");
    house.calm([&mut a, &mut b]).await;
    house.restart().await;
    until_rows(&house, "SELECT CAST(COUNT(*) AS CHAR(20)) FROM sync_command", "2").await;
    assert_eq!(b.person("1").expect("she is there").user.name, b"Ada Byron");

    // Whoever is deleted stays so: a device that was away all the time brings nobody back.
    assert!(house.contents(&["2"]).await.is_empty());
    let tombstones = "SELECT CAST(COUNT(*) AS CHAR(20)) FROM item WHERE pin = '2' AND live = 0";
    assert_eq!(house.value(tombstones).await, "3", "user, finger and membership");
}
