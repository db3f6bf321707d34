//! Devices that give everybody their defaults in fields that they do not keep, beside devices that keep them.

use std::fmt::Write as _;

use fleet::user::UserEdit;
use roster::{Field, UserFields};
use story::{House, pin};

const PEOPLE: [&str; 3] = ["7", "8", "9"];
const ZONES: &str = "0001000200000000";

/// Three empty devices, and people whom the operator limits in everything.
async fn limited_people() -> House {
    let house = House::open().await;
    for serial_number in ["A1", "B1", "C1"] {
        house.get(&format!("/iclock/cdata?SN={serial_number}&options=all&pushver=2.4.1&language=69")).await;
        house
            .get(&format!("/iclock/getrequest?SN={serial_number}&INFO=Ver%201,0,0,0,192.0.2.1,10,0,0,0,100"))
            .await;
    }
    let now = house.now();
    for who in PEOPLE {
        let edit = UserEdit {
            name: Some(format!("Somebody {who}")),
            privilege: Some(2),
            group: Some(2),
            time_zones: Some(ZONES.into()),
            verify: Some(3),
            ..UserEdit::default()
        };
        house.operate(async |tx| fleet::user::set(tx, &pin(who), &edit, now).await).await;
    }
    for serial_number in ["A1", "B1", "C1"] {
        let sent = sent(&house, serial_number).await;
        assert_eq!(sent.len(), PEOPLE.len(), "{sent:?}");
        assert!(sent.iter().all(|line| line.contains(LIMITS)), "{sent:?}");
    }
    house
}

const LIMITS: &str = "\tGrp=2\tTZ=0001000200000000\tVerify=3";

/// The users that a device is sent. It acknowledges everything.
async fn sent(house: &House, serial_number: &str) -> Vec<String> {
    let mut users = Vec::new();
    for _ in 0..4 {
        let answer = house.get(&format!("/iclock/getrequest?SN={serial_number}")).await.text();
        let mut done = String::new();
        for line in answer.lines().filter(|line| line.starts_with("C:")) {
            let id = line.split(':').nth(1).expect("an id");
            writeln!(done, "ID={id}&Return=0&CMD=DATA").expect("a string takes everything");
            users.extend(line.contains(" USERINFO ").then(|| line.to_owned()));
        }
        house.post(&format!("/iclock/devicecmd?SN={serial_number}"), done).await;
    }
    users
}

/// What a device says of a user; the rest of the record is as it was sent.
async fn says(house: &House, serial_number: &str, who: &str, limits: &str) {
    let body = format!("USER PIN={who}\tName=Somebody {who}\tPasswd=\tCard=\t{limits}\tViceCard=\n");
    let answer =
        house.post(&format!("/iclock/cdata?SN={serial_number}&table=OPERLOG&Stamp=9999"), body).await;
    assert_eq!(answer.text(), "OK:1");
}

const KEPT: &str = "Pri=2\tGrp=2\tTZ=0001000200000000\tVerify=3";
const DEFAULTS: [&str; 3] = [
    "Pri=0\tGrp=1\tTZ=0000000100000000\tVerify=-1",
    "Pri=0\tGrp=0\tTZ=0000000000000000\tVerify=0",
    "Pri=0\tGrp=1\tTZ=\tVerify=",
];

async fn user(house: &House, who: &str) -> UserFields {
    let mut tx = house.store.read().await.expect("a transaction");
    tx.users(&[pin(who)]).await.expect("the people").remove(&pin(who)).expect("the user")
}

async fn assert_limited(house: &House, who: &str) {
    let UserFields { privilege, group, time_zones, verify, .. } = user(house, who).await;
    assert_eq!((privilege, group, time_zones.as_str(), verify), (2, 2, ZONES, Some(3)), "{who}");
}

async fn keeps(house: &House, serial_number: &str) -> Vec<Field> {
    let capability = house.device(serial_number).await.capability;
    Field::ALL.into_iter().filter(|field| capability.keeps(*field)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_keeps_no_limits_lifts_nobodys_and_is_not_corrected_for_ever() {
    let house = limited_people().await;
    let (head, commands) = (house.head().await, house.commands().await);
    for defaults in DEFAULTS {
        for who in PEOPLE {
            says(&house, "B1", who, defaults).await;
        }
        for serial_number in ["A1", "B1", "C1"] {
            assert_eq!(sent(&house, serial_number).await, [""; 0], "{serial_number}: {defaults}");
        }
    }
    assert_eq!((house.head().await, house.commands().await), (head, commands));
    assert!(house.held().await.is_empty());
    for who in PEOPLE {
        assert_limited(&house, who).await;
    }
    // What it does keep is an edit as ever, and the limits stay.
    let body = format!("USER PIN=7\tName=Somebody 7 Lovelace\tPasswd=4711\tCard=\t{}\n", DEFAULTS[0]);
    house.post("/iclock/cdata?SN=B1&table=OPERLOG&Stamp=9999", body).await;
    assert_limited(&house, "7").await;
    for serial_number in ["A1", "B1", "C1"] {
        let sent = sent(&house, serial_number).await;
        assert_eq!(sent.len(), 1, "{serial_number}: {sent:?}");
        assert!(
            sent[0].contains("Name=Somebody 7 Lovelace\t") && sent[0].contains(LIMITS),
            "{serial_number}: {sent:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_default_set_at_a_device_that_keeps_the_field_is_an_edit_everywhere() {
    let house = limited_people().await;
    says(&house, "B1", "7", KEPT).await;
    says(&house, "B1", "7", KEPT).await;
    assert_eq!(keeps(&house, "B1").await, [], "one person shows nothing");
    says(&house, "B1", "8", KEPT).await;
    assert_eq!(keeps(&house, "B1").await, [Field::Privilege, Field::Group, Field::TimeZones, Field::Verify]);
    says(&house, "B1", "9", &KEPT.replace("Grp=2", "Grp=1")).await;
    assert_eq!(user(&house, "9").await.group, 1);
    for serial_number in ["A1", "B1", "C1"] {
        let sent = sent(&house, serial_number).await;
        assert_eq!(sent.len(), 1, "{serial_number}: {sent:?}");
        assert!(sent[0].contains("\tGrp=1\tTZ=0001000200000000\tVerify=3"), "{serial_number}: {sent:?}");
    }
    says(&house, "B1", "9", DEFAULTS[0]).await;
    let UserFields { privilege, time_zones, verify, .. } = user(&house, "9").await;
    assert_eq!((privilege, time_zones.as_str(), verify), (0, "", None));
    assert_eq!(keeps(&house, "A1").await, [], "each device for itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_is_set_at_a_device_shows_that_it_keeps_limits() {
    let house = limited_people().await;
    for who in ["7", "8"] {
        says(&house, "B1", who, &KEPT.replace("Grp=2", "Grp=5")).await;
    }
    assert_eq!((user(&house, "7").await.group, user(&house, "8").await.group), (5, 5));
    sent(&house, "B1").await;
    says(&house, "B1", "7", &KEPT.replace("Grp=2", "Grp=1")).await;
    assert_eq!(user(&house, "7").await.group, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn new_firmware_and_a_refill_have_to_show_again_what_they_keep() {
    let house = limited_people().await;
    let firmware = async |version: &str| {
        house.post("/iclock/cdata?SN=B1&table=options", format!("FWVersion={version}")).await;
    };
    let shows = async || {
        for who in ["7", "8"] {
            says(&house, "B1", who, KEPT).await;
        }
        assert_eq!(keeps(&house, "B1").await.len(), 4);
    };
    firmware("Ver 1").await;
    shows().await;
    firmware("Ver 1").await;
    assert_eq!(keeps(&house, "B1").await.len(), 4, "the same firmware");
    firmware("Ver 2").await;
    assert_eq!(keeps(&house, "B1").await, []);
    says(&house, "B1", "9", DEFAULTS[0]).await;
    assert_limited(&house, "9").await;

    shows().await;
    let (row, now) = (house.device("B1").await, house.now());
    house.operate(async |tx| fleet::device::refill(tx, &row, now).await).await;
    assert_eq!(keeps(&house, "B1").await, []);
    says(&house, "B1", "9", DEFAULTS[0]).await;
    assert_limited(&house, "9").await;
}

/// The earlier firmware kept no limits: what it wrote of everybody says nothing of the new one.
#[tokio::test(flavor = "multi_thread")]
async fn new_firmware_that_keeps_limits_lifts_none_that_the_earlier_one_lost() {
    let house = limited_people().await;
    for firmware in ["Ver 1", "Ver 2"] {
        house.post("/iclock/cdata?SN=B1&table=options", format!("FWVersion={firmware}")).await;
    }
    let user = |who: &str, limits: &str| format!("USER PIN={who}\tName=Somebody {who}\t{limits}\n");
    let body = user("7", KEPT) + &user("8", KEPT) + &user("9", DEFAULTS[0]);
    house.post("/iclock/cdata?SN=B1&table=OPERLOG&Stamp=9999", body).await;
    assert_limited(&house, "9").await;
    let sent = sent(&house, "B1").await;
    assert!(
        PEOPLE.iter().all(|who| sent.iter().any(|line| line.contains(&format!("PIN={who}\t")))),
        "{sent:?}"
    );

    // Since it holds what it was sent, its defaults are somebody's decision.
    says(&house, "B1", "9", DEFAULTS[0]).await;
    assert_eq!(self::user(&house, "9").await.group, 1);
}

/// A device that is being filled again may show somebody as it enrolled them meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_was_emptied_lifts_no_limits_of_those_who_are_enrolled_there_again() {
    let house = limited_people().await;
    for who in ["7", "8"] {
        says(&house, "B1", who, KEPT).await;
    }
    let emptied = "OPLOG 13\t0\t2024-03-12 06:03:28\t0\t0\t0\t0\n";
    house.post("/iclock/cdata?SN=B1&table=OPERLOG&Stamp=9999", emptied).await;
    says(&house, "B1", "9", DEFAULTS[0]).await;
    assert_limited(&house, "9").await;
    let sent = sent(&house, "B1").await;
    assert!(sent.iter().any(|line| line.contains("PIN=9\t") && line.contains(LIMITS)), "{sent:?}");
}
