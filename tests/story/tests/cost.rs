//! What a change costs, in rows.

use std::collections::BTreeMap;

use roster::Millis;
use simulator::{Device, Model};
use story::House;
use story::database::Rows;
use sync::Joining;

/// How many rows differ, table by table: those that were written or removed.
fn written(before: &Rows, after: &Rows) -> BTreeMap<String, usize> {
    let rows = after.iter().map(|(table, after)| {
        let before = before.get(table).map(Vec::as_slice).unwrap_or_default();
        let only = |a: &[String], b: &[String]| a.iter().filter(|row| !b.contains(row)).count();
        (table.clone(), only(after, before).max(only(before, after)))
    });
    rows.filter(|(_, number)| *number > 0).collect()
}

/// Rows that are written when a fleet of so many known devices gets a person with a finger, and when her name changes.
async fn rows_of_a_change(devices: usize) -> [BTreeMap<String, usize>; 2] {
    let house = House::open().await;
    let mut a = house.connect(Device::new(Model::k40(), "A1")).await;
    house.calm([&mut a]).await;
    let now: Millis = house.now();
    house
        .operate(async |tx| {
            for number in 0..devices {
                let serial = format!("KNOWN{number:05}").parse().expect("a serial number");
                let device = tx.create_device(&serial, now).await?;
                tx.approve_device(device.id, Joining::Adopt, now).await?;
            }
            Ok(())
        })
        .await;
    let mut written_by = Vec::new();
    for name in ["Ada", "Ada Lovelace"] {
        let before = house.rows().await;
        if name == "Ada" {
            a.enrol_user("7", name);
        } else {
            a.change_name("7", name);
        }
        a.upload_pending().await.expect("it is taken");
        written_by.push(written(&before, &house.rows().await));
        house.calm_online([&mut a]).await;
    }
    written_by.try_into().expect("two changes")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_writes_as_many_rows_for_a_thousand_devices_as_for_ten() {
    let (few, many) = (rows_of_a_change(10).await, rows_of_a_change(1_000).await);

    assert_eq!(few, many);
    let sum = |rows: &BTreeMap<String, usize>| rows.values().sum::<usize>();
    assert!(sum(&many[0]) <= 8 && sum(&many[1]) <= 6, "{many:?}");
    assert_eq!(many[1].get("item"), Some(&1), "{many:?}");
}
