//! More devices than are served at a time: some are told to come again, and nobody loses anything.

use std::time::Duration;

use listener::Admission;
use server::config::Config;
use story::House;
use story::raw::{Answer, Line, get, post};

const POLL: &str = "/iclock/getrequest?SN=A1";

async fn house(change: impl FnOnce(&mut Config)) -> House {
    let house = House::with(|config| {
        config.devices.admission = Admission::Open;
        change(config);
    })
    .await;
    house.know("A1").await;
    house
}

fn kept(target: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n").into_bytes()
}

fn upload(pin: u8) -> Vec<u8> {
    post("/iclock/cdata?SN=A1&table=OPERLOG&Stamp=9999", format!("USER PIN={pin}\tName=Ada\tPri=0\n"))
}

/// The device is told to come again, in a way that no terminal takes for a yes.
fn assert_told_to_come_again(answer: &Answer) {
    assert_eq!((answer.status(), answer.text().as_str()), (503, "ERROR: busy, retry later"));
    assert_eq!(answer.header("Retry-After"), Some("10"));
    assert_eq!(answer.header("Content-Type"), Some("text/plain"));
    answer.date();
}

async fn health(house: &House) -> serde_json::Value {
    let mut line = Line::to(house.admin_address()).await;
    line.write(&get("/health")).await;
    let answer = String::from_utf8(line.rest().await).expect("text");
    let body = answer.split("\r\n\r\n").nth(1).expect("a body");
    serde_json::from_str(body).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_above_the_limit_is_told_to_come_again_and_served_when_there_is_a_place() {
    let house = house(|config| config.devices.max_connections = 2).await;
    let mut places = Vec::new();
    while places.len() < 2 {
        let mut line = Line::to(house.address()).await;
        line.write(&kept(POLL)).await;
        // The place of the connection before may not be free yet.
        if line.answer().await.status() == 200 {
            places.push(line);
        }
    }
    let refused = health(&house).await["refused_connections"].as_u64();

    let answer = house.send(&upload(7)).await;
    assert_told_to_come_again(&answer);
    assert_eq!(answer.header("Connection"), Some("close"));
    assert!(house.contents(&["7"]).await.is_empty(), "what was not acknowledged was not taken");
    assert_told_to_come_again(&house.send(&kept(POLL)).await);
    let health = health(&house).await;
    assert_eq!((&health["connections"], &health["max_connections"]), (&2.into(), &2.into()));
    assert_eq!(health["refused_connections"].as_u64(), refused.map(|refused| refused + 2));

    for line in &mut places {
        line.write(&kept(POLL)).await;
        assert_eq!(line.answer().await.text(), "OK", "those who are in go on");
    }
    drop(places.pop());
    let taken = loop {
        let answer = house.send(&upload(7)).await;
        if answer.status() == 200 {
            break answer;
        }
        assert_told_to_come_again(&answer);
    };
    assert_eq!(taken.text(), "OK:1");
    assert!(!house.contents(&["7"]).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_is_busy_requests_are_told_to_come_again_and_settled_devices_poll_on() {
    let house = house(|config| {
        config.devices.max_requests = 1;
        config.devices.request_wait = Duration::from_millis(20);
    })
    .await;
    house.advance(Duration::from_secs(31));
    house.look().await;
    let before = house.polls_from_memory();
    for _ in 0..3 {
        assert_eq!(house.get(POLL).await.text(), "OK");
    }
    assert!(house.polls_from_memory() > before, "the device is settled");

    let mut writer = house.store.write().await.expect("a transaction");
    writer.lock_clock().await.expect("nobody else writes items now");
    let mut first = Line::to(house.address()).await;
    let post = |serial_number: &str| {
        post(&format!("/iclock/cdata?SN={serial_number}&table=OPERLOG"), "USER PIN=7\tName=Ada\tPri=0\n")
    };
    first.write(&post("B1")).await;
    while health(&house).await["requests"] != 1 {}
    assert_told_to_come_again(&house.send(&post("C1")).await);
    assert!(health(&house).await["refused_requests"].as_u64() > Some(0));
    let polls = house.polls_from_memory();
    house.look().await;
    assert_eq!(house.get(POLL).await.text(), "OK");
    assert_eq!(house.polls_from_memory(), polls + 1, "it waits for no turn");

    writer.rollback().await.expect("the others go on");
    assert_eq!(first.answer().await.text(), "OK:1");
    loop {
        let answer = house.send(&post("C1")).await;
        if answer.status() == 200 {
            break;
        }
        assert_told_to_come_again(&answer);
    }
}

/// Time stands still until nothing else is left to do.
#[tokio::test]
async fn a_connection_on_which_nothing_comes_is_closed_and_one_that_rests_between_polls_is_not() {
    let house = house(|config| config.devices.idle = Duration::from_secs(50)).await;
    let (mut silent, mut resting) = (Line::to(house.address()).await, Line::to(house.address()).await);
    resting.write(&kept(POLL)).await;
    assert_eq!(resting.answer().await.text(), "OK");
    tokio::time::pause();
    tokio::time::sleep(Duration::from_secs(45)).await;
    tokio::time::resume();
    resting.write(&kept(POLL)).await;
    assert_eq!(resting.answer().await.text(), "OK", "longer than a head may take, and shorter than too long");
    tokio::time::pause();
    assert_eq!(silent.rest().await, b"");
    assert_eq!(resting.rest().await, b"");
}

/// While nothing is asked of a connection only its stream is kept: what came of the next request already is not lost by that.
#[tokio::test]
async fn a_request_may_begin_with_the_one_before_and_end_much_later() {
    let house = house(|_| ()).await;
    let mut line = Line::to(house.address()).await;
    let poll = kept(POLL);
    let (begin, rest) = poll.split_at(20);
    line.write(&[&poll, begin].concat()).await;
    assert_eq!(line.answer().await.text(), "OK");
    for part in rest.chunks(rest.len() / 3) {
        tokio::time::pause();
        tokio::time::sleep(Duration::from_secs(5)).await;
        tokio::time::resume();
        line.write(part).await;
    }
    assert_eq!(line.answer().await.text(), "OK");
    line.write(&[poll.as_slice(), &poll].concat()).await;
    assert_eq!((line.answer().await.text(), line.answer().await.text()), ("OK".to_owned(), "OK".to_owned()));
}
