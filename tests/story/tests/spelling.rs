//! PINs that differ in the case of their letters alone: a device may take both for one.

use std::time::Duration;

use fleet::held::{Resolution, resolve};
use store::HeldKind;
use story::House;

const UPLOAD: &str = "/iclock/cdata?SN=A1&table=OPERLOG&Stamp=9999";

/// A server that knows a user a1b, and a device that has told all it holds.
async fn house() -> House {
    let house = House::open().await;
    house.know("A1").await;
    house.post(UPLOAD, "USER PIN=a1b\tName=Ada\n").await;
    house.advance(Duration::from_mins(1));
    house.get("/iclock/getrequest?SN=A1").await;
    house
}

/// What is held: whose, and why.
async fn held(house: &House) -> Vec<(String, String)> {
    let held = house.held().await.into_iter().filter(|row| row.resolved_at.is_none());
    let mut held: Vec<_> = held
        .map(|row| {
            assert_eq!(row.kind, HeldKind::Conflict);
            (row.pin.map(|pin| pin.to_string()).unwrap_or_default(), row.reason)
        })
        .collect();
    held.sort();
    held
}

fn why(pin: &str, other: &str) -> (String, String) {
    let reason = format!(
        "PIN {pin} differs from PIN {other} only in upper and lower case: devices may confuse the two"
    );
    (pin.to_owned(), reason)
}

/// Obligation 37.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_spellings_that_come_from_two_devices_at_once_one_is_held() {
    let house = house().await;
    house.know("B1").await;
    house.advance(Duration::from_mins(1));
    house.get("/iclock/getrequest?SN=B1").await;
    let answers = house
        .upload_concurrently(("A1", "USER PIN=x1\tName=Bea\n"), ("B1", "USER PIN=X1\tName=Cora\n"))
        .await;
    assert_eq!(answers, ["OK:1", "OK:1"]);
    assert_eq!(held(&house).await.len(), 1);
    assert_eq!(house.contents(&["x1", "X1"]).await.len(), 2, "one user, in its area");
}

/// Obligations 36, 37.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_whose_pin_differs_from_anothers_in_case_alone_is_held_with_all_that_belongs_to_it() {
    let house = house().await;
    let answer =
        house.post(UPLOAD, "USER PIN=A1B\tName=Bea\nUSER PIN=007\tName=Cora\nUSER PIN=7\tName=Dora\n").await;
    assert_eq!(answer.text(), "OK:3");
    assert_eq!(held(&house).await, [why("A1B", "a1b")]);
    assert!(house.contents(&["A1B"]).await.is_empty());
    assert_eq!(house.contents(&["007", "7"]).await.len(), 4, "these are two users, each in its area");

    // What belongs to it waits with it, and the one who was there first goes on as before.
    house
        .post(
            "/iclock/cdata?SN=A1&table=OPERLOG",
            "USERPIC PIN=A1B\tFileName=A1B.jpg\tSize=4\tContent=/9j/\n",
        )
        .await;
    assert_eq!(held(&house).await, [why("A1B", "a1b"), why("A1B", "a1b")]);
    house.post(UPLOAD, "USER PIN=a1b\tName=Ada Byron\n").await;
    assert!(format!("{:?}", house.contents(&["a1b"]).await).contains("Ada Byron"));
    assert!(house.contents(&["A1B"]).await.is_empty());
}

/// Obligation 37.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_new_users_of_one_upload_the_first_counts() {
    let house = House::open().await;
    house.know("A1").await;
    house.post(UPLOAD, "USER PIN=x9\tName=Ada\nUSER PIN=X9\tName=Bea\nUSER PIN=9\tName=Cora\n").await;
    assert_eq!(held(&house).await, [why("X9", "x9")]);
    assert_eq!(house.contents(&["x9"]).await.len(), 2, "a user and its area");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_may_say_that_both_are_meant() {
    let house = house().await;
    house.post(UPLOAD, "USER PIN=A1B\tName=Bea\n").await;
    let row = house.held().await.remove(0);
    let (rules, now) = (house.rules().clone(), house.now());
    let mut tx = house.store.write().await.expect("a transaction");
    resolve(&mut tx, row.id, Resolution::Device, &rules, now).await.expect("it is decided");
    tx.commit().await.expect("it is written");
    assert_eq!(house.contents(&["A1B"]).await.len(), 2);
    assert_eq!(house.contents(&["a1b"]).await.len(), 2);
    house.post(UPLOAD, "USER PIN=A1B\tName=Beatrix\n").await;
    assert!(held(&house).await.is_empty());
    assert!(format!("{:?}", house.contents(&["A1B"]).await).contains("Beatrix"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_may_say_that_it_is_not_meant_and_nothing_is_left_of_it() {
    let house = house().await;
    house.post(UPLOAD, "USER PIN=A1B\tName=Bea\n").await;
    let row = house.held().await.remove(0);
    let (rules, now) = (house.rules().clone(), house.now());
    let mut tx = house.store.write().await.expect("a transaction");
    resolve(&mut tx, row.id, Resolution::Fleet, &rules, now).await.expect("it is decided");
    tx.commit().await.expect("it is written");
    assert!(house.contents(&["A1B"]).await.is_empty());
    let mut lines = Vec::new();
    for _ in 0..3 {
        lines.push(house.get("/iclock/getrequest?SN=A1").await.text());
    }
    let lines = lines.concat();
    assert!(!lines.contains("PIN=a1b"), "nothing happens to the other: {lines}");
    let status = house.status_of("A1").await;
    assert_eq!(status.parked, 0, "{status:?}");
}
