//! What devices answer to commands, in every form there is: it counts for that device's own open commands and for
//! nothing else.

use std::time::Duration;

use listener::Admission;
use simulator::Random;
use story::House;
use story::raw::Answer;
use story::records::{fingerprint_10, fp, user};

const SERIALS: [&str; 2] = ["B1", "C1"];

/// A server that has sent five users to each of two devices, and the ids of the commands.
async fn sent() -> (House, [Vec<String>; 2]) {
    let house = House::open().await;
    for serial_number in SERIALS {
        house.know(serial_number).await;
    }
    house.advance(Duration::from_secs(31));
    let body: String = ["1", "2", "3", "4", "5"].map(|pin| user(pin, "Ada")).concat();
    assert_eq!(house.post("/iclock/cdata?SN=A1&table=OPERLOG", body).await.text(), "OK:5");
    let mut ids = [Vec::new(), Vec::new()];
    for (serial_number, ids) in SERIALS.into_iter().zip(&mut ids) {
        let commands = house.get(&format!("/iclock/getrequest?SN={serial_number}")).await.text();
        ids.extend(
            commands.lines().filter_map(|line| Some(line.strip_prefix("C:")?.split_once(':')?.0.to_owned())),
        );
        assert_eq!(ids.len(), 5, "{commands}");
        let fits = |id: &String| id.len() <= 16 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        assert!(ids.iter().all(fits), "{ids:?}");
    }
    (house, ids)
}

async fn answer(house: &House, serial_number: &str, body: impl AsRef<[u8]>) {
    let answer: Answer = house.post(&format!("/iclock/devicecmd?SN={serial_number}"), body).await;
    assert_eq!((answer.status(), answer.text().as_str()), (200, "OK"));
}

/// The same answer to every command, a line each.
fn answers(ids: &[String], code: i32) -> String {
    ids.iter().map(|id| format!("ID={id}&Return={code}&CMD=DATA")).collect::<Vec<_>>().join("\n")
}

/// How many commands of a device are open.
async fn open(house: &House, serial_number: &str) -> i64 {
    house
        .status()
        .await
        .iter()
        .filter(|device| device.serial_number == serial_number)
        .map(|device| device.open)
        .sum()
}

/// Known fault 7: many answers in one body, in the forms that devices write.
///
/// Obligations 107, 170, 171, 172, 174.
#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_an_answer_closes_its_command() {
    let (house, [b, c]) = sent().await;
    let body = format!(
        "ID={}&Return=0&CMD=DATA\r\nID={}&Return=0&CMD=DATA UPDATE\r\n\r\nid={}&return=0&cmd=data\r\nID={}&Return=0&SN=B1&CMD=DATA\r\nID={}&Return=0",
        b[0], b[1], b[2], b[3], b[4]
    );
    answer(&house, "B1", body).await;
    assert_eq!((open(&house, "B1").await, open(&house, "C1").await), (0, 5));

    answer(&house, "C1", format!("ID={}\nReturn=0\nCMD=DATA\n", c[0])).await;
    assert_eq!(open(&house, "C1").await, 4);
    let content =
        [format!("ID={}\nReturn=0\nCMD=DATA\nContent=", c[1]).as_bytes(), b"\xff\0ID=9&Return=0\n"].concat();
    answer(&house, "C1", content).await;
    assert_eq!(open(&house, "C1").await, 3);
    let told =
        format!("ID={}&Return=0&CMD=INFO\n~DeviceName=X\nReturn=9\nID={}&Return=0&CMD=DATA\n", c[2], c[3]);
    answer(&house, "C1", told).await;
    assert_eq!(open(&house, "C1").await, 1);
    // Without a table, by the path of uploads.
    let by_the_other_path = house.post("/iclock/cdata?SN=C1", format!("ID={}&Return=0&CMD=DATA", c[4])).await;
    assert_eq!((by_the_other_path.text().as_str(), open(&house, "C1").await), ("OK", 0));
}

/// Known fault 7: an answer is one of the device that gives it.
///
/// Obligation 173.
#[tokio::test(flavor = "multi_thread")]
async fn no_device_answers_for_another() {
    let (house, [b, c]) = sent().await;
    let before = house.rows().await;
    answer(&house, "C1", answers(&b, 0)).await;
    answer(&house, "C1", answers(&b, -12)).await;
    answer(&house, "B1", answers(&c, 0)).await;
    assert_eq!(house.rows().await, before);
}

/// Known fault 8: what has no number is no success.
///
/// Obligation 176.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_a_number_closes_nothing() {
    let (house, [b, _]) = sent().await;
    let before = house.rows().await;
    for said in
        ["", "&Return=", "&Return=OK", "&Return=0x0", "&Return=99999999999", "&CMD=DATA", "&Returned=0"]
    {
        answer(&house, "B1", format!("ID={}{said}\n", b[0])).await;
        assert_eq!(house.rows().await, before, "{said}");
    }
}

/// Known faults 7 and 33: what is repeated, unknown or no answer at all is acknowledged and does nothing.
///
/// Obligations 169, 175.
#[tokio::test(flavor = "multi_thread")]
async fn anything_else_is_acknowledged_and_does_nothing() {
    let (house, [b, _]) = sent().await;
    let done = answers(&b, 0);
    answer(&house, "B1", &done).await;
    let before = house.rows().await;
    for body in [
        done.as_bytes(),
        done.replace("Return=0", "Return=-1").as_bytes(),
        b"",
        b"\n\0",
        b"OK",
        b"Return=0&CMD=DATA",
        b"ID=&Return=0",
        b"ID=12345678901234567890123456789012345678901234567890123456789012345&Return=0",
        b"ID=\xff\xfe&Return=0",
        b"ID='; DROP TABLE device; --&Return=0",
        b"USER PIN=9\tName=Bea",
        "x".repeat(100_000).as_bytes(),
    ] {
        answer(&house, "B1", body).await;
        assert_eq!(house.rows().await, before, "{}", String::from_utf8_lossy(body));
    }
    assert!(house.contents(&["9"]).await.is_empty());
}

/// Obligation 180.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_lost_a_user_gets_it_again_and_its_template_with_the_next_poll() {
    let house = House::with(|config| {
        config.devices.admission = Admission::Open;
        config.devices.read_back_percent = 0;
    })
    .await;
    house.know("B1").await;
    house.post("/iclock/cdata?SN=B1&table=options", "FingerFunOn=1,FPVersion=10").await;
    house.advance(Duration::from_secs(31));
    house.get("/iclock/getrequest?SN=B1").await;
    let print = fp("7", 6, &fingerprint_10(&mut Random::new(7), 300));
    assert_eq!(
        house.post("/iclock/cdata?SN=A1&table=OPERLOG", user("7", "Ada") + &print).await.text(),
        "OK:2"
    );
    // What a poll brings, the device having answered its templates with a code and all else with 0.
    let polls = async |code: i32| -> Vec<&'static str> {
        let commands = house.get("/iclock/getrequest?SN=B1").await.text();
        let mut told = Vec::new();
        for line in commands.lines().filter(|line| *line != "OK") {
            let id = line.split(':').nth(1).expect("an id");
            let kinds = [" DELETE ", " UPDATE USERINFO ", " UPDATE FINGERTMP "];
            let kind = kinds.into_iter().find(|kind| line.contains(kind)).expect("one of the three");
            let code = if kind == kinds[2] { code } else { 0 };
            answer(&house, "B1", format!("ID={id}&Return={code}&CMD=DATA\n")).await;
            told.push(kind.trim());
        }
        told.dedup();
        told
    };
    assert_eq!(polls(-10).await, ["UPDATE USERINFO", "UPDATE FINGERTMP"]);
    assert_eq!(polls(-10).await, ["DELETE", "UPDATE USERINFO"], "it lost her");
    assert_eq!(polls(-10).await, ["UPDATE FINGERTMP"], "and nothing is waited for");
    // It says so again and again: it is not asked to do it with every poll.
    assert_eq!(polls(-10).await, ["DELETE", "UPDATE USERINFO"]);
    assert_eq!(polls(-10).await, [""; 0]);
    house.advance(Duration::from_mins(10));
    assert_eq!(polls(0).await, ["UPDATE FINGERTMP"]);
    assert_eq!(polls(0).await, [""; 0]);
}
