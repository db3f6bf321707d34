//! Polls of devices that have nothing to do ask no database; whatever gives such a device something to do is seen by its next poll,
//! or, where another process did it, once this one looked.

use std::collections::BTreeSet;
use std::time::Duration;

use listener::Admission;
use story::House;
use story::raw::Answer;
use story::records::user;
use sync::Joining;
use sync::intake::PrivilegePolicy;

const B: &str = "B1";

/// Two servers on one database, and a device that took everything and settled at the second.
async fn settled() -> (House, House) {
    let first = House::with(|config| {
        config.devices.admission = Admission::Open;
        config.devices.privilege = Some(PrivilegePolicy::Hold);
    })
    .await;
    let second = first.beside().await;
    first.know(B).await;
    first.know("A1").await;
    first.advance(Duration::from_secs(31));
    first.get("/iclock/getrequest?SN=A1").await;
    upload(&first, "A1", &user("1", "Ada")).await;
    second.look().await;
    obey(&second).await;
    settle(&second).await;
    (first, second)
}

async fn poll(house: &House) -> String {
    let answer: Answer = house.get(&format!("/iclock/getrequest?SN={B}")).await;
    assert_eq!(answer.status(), 200);
    answer.text()
}

async fn upload(house: &House, serial_number: &str, body: &str) {
    let answer = house.post(&format!("/iclock/cdata?SN={serial_number}&table=OPERLOG"), body).await;
    assert!(answer.text().starts_with("OK"), "{}", answer.text());
}

/// The device does all that it is told.
async fn obey(house: &House) {
    for _ in 0..20 {
        let commands = poll(house).await;
        if commands == "OK" {
            return;
        }
        done(house, &commands).await;
    }
    panic!("there is no end to it");
}

async fn done(house: &House, commands: &str) {
    let ids = commands.lines().filter_map(|line| line.split(':').nth(1));
    let done: Vec<String> = ids.map(|id| format!("ID={id}&Return=0&CMD=DATA")).collect();
    house.post(&format!("/iclock/devicecmd?SN={B}"), done.join("\n")).await;
}

/// Polls until a poll asks no database.
async fn settle(house: &House) {
    house.look().await;
    let before = house.polls_from_memory();
    for _ in 0..3 {
        assert_eq!(poll(house).await, "OK");
    }
    assert!(house.polls_from_memory() > before, "the device is settled");
}

/// The other process looks, and the poll after that finds something.
async fn finds(house: &House, what: &str) -> String {
    house.look().await;
    let commands = poll(house).await;
    assert_ne!(commands, "OK", "{what} gives the device something to do");
    done(house, &commands).await;
    commands
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settled_device_polls_without_a_database_until_there_is_something() {
    let (first, _second) = settled().await;
    obey(&first).await;
    settle(&first).await;
    let before = first.polls_from_memory();
    for _ in 0..100 {
        assert_eq!(poll(&first).await, "OK");
    }
    assert_eq!(first.polls_from_memory(), before + 100, "none of them asked the database");

    upload(&first, "A1", &user("2", "Grace")).await;
    assert!(poll(&first).await.contains("Grace"), "its own changes a process knows at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_another_process_does_is_found_once_this_one_looked() {
    let (first, second) = settled().await;

    upload(&first, "A1", &user("2", "Grace")).await;
    assert!(finds(&second, "a change of the fleet").await.contains("Grace"));
    obey(&second).await;
    settle(&second).await;

    // The fleet does not change: the privilege is held, and the device is told what holds.
    let head = first.head().await;
    upload(&first, B, &user("1", "Ada").replace("Pri=0", "Pri=14")).await;
    assert_eq!(first.head().await, head);
    finds(&second, "a privilege given at the device").await;
    obey(&second).await;
    settle(&second).await;

    let device = first.device(B).await;
    first.operate(async |tx| fleet::device::refill(tx, &device, first.now()).await).await;
    finds(&second, "a refill").await;
    obey(&second).await;
    settle(&second).await;

    let device = first.device(B).await;
    first
        .operate(async |tx| {
            let area = tx.create_area("gate").await?;
            fleet::device::set_areas(tx, &device, &BTreeSet::from([area]), first.now()).await
        })
        .await;
    finds(&second, "another area").await;
    obey(&second).await;
    settle(&second).await;

    let device = first.device(B).await;
    first.operate(async |tx| fleet::device::retire(tx, &device, first.now()).await).await;
    second.look().await;
    let refused = second.get(&format!("/iclock/getrequest?SN={B}")).await;
    assert_eq!(refused.status(), 401, "it is not part of the fleet any more");

    first.operate(async |tx| fleet::device::approve(tx, &device, Joining::Replace, first.now()).await).await;
    finds(&second, "an approval").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_tells_another_process_that_it_is_empty_is_filled_again() {
    let (first, second) = settled().await;
    let info = |users| format!("/iclock/getrequest?SN={B}&INFO=Ver%208.0,{users},0,0,10.0.0.1,10,7,0,0,0,0");
    first.get(&info(1)).await;
    second.look().await;
    obey(&second).await;
    settle(&second).await;

    first.get(&info(0)).await;
    second.look().await;
    assert_eq!(poll(&second).await, "OK", "it has time to upload what happened");
    first.advance(Duration::from_secs(61));
    second.look().await;
    poll(&second).await;
    assert!(finds(&second, "an emptied device").await.contains("Ada"));
}
