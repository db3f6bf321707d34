//! What many devices take at the same time is read once for all of them: no device gets anything by that which is another's,
//! or the day before's.

use std::time::Duration;

use fleet::user::UserEdit;
use simulator::Random;
use story::records::{fingerprint_10, fp, user};
use story::{House, pin};

/// Two servers on one database, and devices that settled at the second: one to take a change first, others to take it after.
async fn two_servers(serial_numbers: &[&str]) -> (House, House) {
    let first = House::open().await;
    let second = first.beside().await;
    for serial_number in ["A1"].iter().chain(serial_numbers) {
        first.know(serial_number).await;
        // Empty, with fingerprints of version 10.
        let info = "Ver%208.0.4,0,0,0,192.0.2.1,10,7,0,0,111";
        first.get(&format!("/iclock/getrequest?SN={serial_number}&INFO={info}")).await;
    }
    first.advance(Duration::from_secs(31));
    for serial_number in ["A1"].iter().chain(serial_numbers) {
        assert_eq!(poll(&second, serial_number).await, "OK");
    }
    (first, second)
}

async fn poll(house: &House, serial_number: &str) -> String {
    house.get(&format!("/iclock/getrequest?SN={serial_number}")).await.text()
}

async fn upload(house: &House, body: &str) {
    let answer = house.post("/iclock/cdata?SN=A1&table=OPERLOG", body).await;
    assert!(answer.text().starts_with("OK"), "{}", answer.text());
}

fn finger(seed: u64) -> String {
    fingerprint_10(&mut Random::new(seed), 400)
}

/// Neither server looks at what the other does in between: what counts is what the transaction of the poll itself reads.
#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_changed_or_deleted_meanwhile_is_sent_to_nobody() {
    let (first, second) = two_servers(&["B1", "C1", "D1", "E1"]).await;
    let (old, new) = (finger(1), finger(2));
    upload(&first, &(user("7", "Ada") + &fp("7", 0, &old) + &user("8", "Grace"))).await;
    second.look().await;
    let sent = poll(&second, "B1").await;
    assert!(sent.contains("Ada") && sent.contains(&old) && sent.contains("Grace"), "{sent}");

    upload(&first, &(user("7", "Ada Lovelace") + &fp("7", 0, &new))).await;
    let sent = poll(&second, "C1").await;
    assert!(sent.contains("Ada Lovelace") && sent.contains(&new) && sent.contains("Grace"), "{sent}");
    assert!(!sent.contains(&old), "the finger was replaced: {sent}");

    let now = first.now();
    let mut tx = first.store.write().await.expect("a transaction");
    assert!(fleet::user::delete(&mut tx, &pin("7"), None, now, None).await.expect("deleted") > 0);
    tx.commit().await.expect("committed");
    let sent = poll(&second, "D1").await;
    assert!(sent.contains("Grace") && !sent.contains("DATA UPDATE USERINFO PIN=7\t"), "{sent}");
    assert!(!sent.contains(&new), "nothing of a person who was deleted: {sent}");

    // Somebody else with her number.
    let mut tx = first.store.write().await.expect("a transaction");
    let edit = UserEdit { name: Some("Hedy".into()), ..UserEdit::default() };
    fleet::user::set(&mut tx, &pin("7"), &edit, now).await.expect("made");
    tx.commit().await.expect("committed");
    let sent = poll(&second, "E1").await;
    assert!(sent.contains("Grace") && !sent.contains("Ada") && !sent.contains(&new), "{sent}");
}

/// Two devices at the same place of the feed, one of which belongs to other areas.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_for_one_device_is_decided_anew_for_each() {
    let (first, second) = two_servers(&["B1", "C1", "D1"]).await;
    let gate = first
        .operate(async |tx| {
            let gate = tx.create_area("gate").await?;
            let c1 = tx.device_by_serial(&"C1".parse().expect("a serial number")).await?.expect("known");
            fleet::device::set_areas(tx, &c1, &[gate].into(), first.now()).await?;
            Ok(gate)
        })
        .await;
    upload(&first, &(user("7", "Ada") + &fp("7", 0, &finger(1)))).await;
    second.look().await;
    assert!(poll(&second, "B1").await.contains("Ada"));
    assert_eq!(poll(&second, "C1").await, "OK", "she is in no area of this device");
    assert!(poll(&second, "D1").await.contains("Ada"));
    assert_ne!(gate, roster::Area::EVERYONE);
}
