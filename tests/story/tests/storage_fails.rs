//! A database that fails: nothing is acknowledged, nothing is half stored, and afterwards everything comes again.

use story::House;
use story::raw::{Answer, get, post};

const POLL: &str = "/iclock/getrequest?SN=A1";
const UPLOAD: &str = "/iclock/cdata?SN=A1&table=OPERLOG&Stamp=9999";
const USER: &str = "USER PIN=7\tName=Ada\tPri=0\n";

fn summary(answer: &Answer) -> (u16, String) {
    (answer.status(), answer.text())
}

/// A server with A1 in its fleet, to which nothing is due.
async fn house() -> House {
    let house = House::open().await;
    house.know("A1").await;
    house
}

/// Known fault 14: what could not be stored is not acknowledged, and nothing of its batch is stored.
///
/// Obligations 97, 99.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_fails_at_its_last_record_is_refused_as_a_whole_and_taken_when_it_comes_again() {
    let house = house().await;
    let photo = "USERPIC PIN=7\tFileName=7.jpg\tSize=8\tContent=/9j/4AAQ\n";
    let batch = format!("OPLOG 4\t0\t2027-03-12 06:53:01\t0\t0\t0\t0\n{USER}USER PIN=8\tPri=x\n{photo}");
    // The database takes everything but the last thing that is written of such a batch.
    house.fill("body", "(SELECT COUNT(*) FROM user_body) > 0").await;
    let before = house.rows().await;
    for _ in 0..2 {
        let answer = house.post(UPLOAD, &batch).await;
        assert_eq!(summary(&answer), (503, "ERROR: database error".into()));
        assert_eq!(
            house.rows().await,
            before,
            "no user, no entry of the log, nothing held, no stamp, no number"
        );
    }
    house.make_room("body").await;
    assert_eq!(summary(&house.post(UPLOAD, &batch).await), (200, "OK:4".into()));
    assert_eq!(house.contents(&["7"]).await.len(), 3, "user, membership, photo");
    assert_eq!((house.held().await.len(), house.operations("A1").await.len()), (1, 1));
}

/// Known fault 14, for everything that a device can send.
///
/// Obligations 97, 99.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_acknowledged_while_the_database_fails() {
    let house = house().await;
    let before = house.rows().await;
    house.sql("ALTER TABLE device RENAME TO device_that_is_gone").await;
    for bytes in [
        get("/iclock/cdata?SN=A1&options=all&pushver=2.4.1"),
        get(POLL),
        get("/iclock/getrequest?SN=A1&INFO=Ver 1,1,1,1".replace(' ', "%20").as_str()),
        get("/iclock/ping?SN=A1"),
        post(UPLOAD, USER),
        post(UPLOAD, ""),
        post("/iclock/cdata?SN=A1&table=options", "~DeviceName=X"),
        post("/iclock/cdata?SN=A1&table=ATTLOG", "7\t2027-03-12 06:53:01\t0\t1"),
        post("/iclock/cdata?SN=A1&table=unheard-of", "x"),
        post("/iclock/cdata?SN=A1&table=tabledata&tablename=user&count=1", "user pin=1"),
        post("/iclock/devicecmd?SN=A1", "ID=1&Return=0&CMD=DATA"),
        post("/iclock/unheard-of?SN=A1", "x"),
    ] {
        let answer = house.send(&bytes).await;
        assert_eq!(
            summary(&answer),
            (503, "ERROR: database error".into()),
            "{}",
            String::from_utf8_lossy(&bytes)
        );
    }
    let health = house.get("/health").await;
    assert_eq!(health.status(), 503);
    assert!(health.text().starts_with(r#"{"status":"database""#), "{health:?}");

    house.sql("ALTER TABLE device_that_is_gone RENAME TO device").await;
    assert_eq!(house.rows().await, before);
    assert_eq!(house.get(POLL).await.text(), "OK");
    assert_eq!(house.post(UPLOAD, USER).await.text(), "OK:1");
}
