//! Somebody is erased while a terminal is off.

use std::fmt::Write as _;

use fleet::user;
use roster::Slot;
use simulator::{Device, Model};
use store::Punches;
use story::{House, assert_same, pin};
use sync::intake::Deletion;

/// Who is in which row of the database, as text or in hexadecimal digits.
async fn tables_with(house: &House, texts: &[&str]) -> Vec<String> {
    let hex = |text: &str| {
        text.bytes().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02X}");
            hex
        })
    };
    let forms: Vec<String> = texts.iter().flat_map(|text| [(*text).to_owned(), hex(text)]).collect();
    let rows = house.rows().await;
    let named = |rows: &Vec<String>| rows.iter().any(|row| forms.iter().any(|form| row.contains(form)));
    rows.into_iter().filter(|(_, rows)| named(rows)).map(|(table, _)| table).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_goes_from_a_terminal_that_was_off_and_does_not_come_back_from_it() {
    let house = House::open().await;
    let mut a = house.connect(Device::new(Model::speedface(), "SIM0001")).await;
    let mut b = house.connect(Device::new(Model::speedface(), "SIM0002")).await;
    let mut cellar = house.connect(Device::new(Model::speedface(), "SIM0003")).await;
    for (who, name) in [("MARKED4711", "Ada Marked"), ("1002", "Bob")] {
        a.enrol_user(who, name);
        a.enrol_fingerprint(who, 1);
        a.enrol_face(who);
        a.take_user_photo(who);
    }
    house.calm([&mut a, &mut b, &mut cellar]).await;
    let bob = house.contents(&["1002"]).await;
    assert!(cellar.person("MARKED4711").is_some());

    let now = house.now();
    let (items, erased) =
        house.operate(async |tx| user::erase(tx, &pin("MARKED4711"), Punches::Keep, now).await).await;
    assert!(items >= 5 && erased.rows["item_old"] > 0, "{items} {erased:?}");
    house.calm_online([&mut a, &mut b]).await;
    assert!(a.person("MARKED4711").is_none() && b.person("MARKED4711").is_none());
    assert_eq!(tables_with(&house, &["Ada Marked"]).await, [""; 0]);

    // At the terminal that was off somebody worked on the person meanwhile; and it tells all that it holds.
    cellar.change_name("MARKED4711", "Ada Marked Again");
    cellar.enrol_fingerprint("MARKED4711", 2);
    cellar.restart();
    let told = "USER PIN=MARKED4711\tName=Ada Marked\tPri=0\tPasswd=815\tCard=4711\n";
    assert_eq!(house.post("/iclock/cdata?SN=SIM0003&table=OPERLOG", told).await.status(), 200);
    house.calm([&mut a, &mut b, &mut cellar]).await;

    assert!(cellar.person("MARKED4711").is_none());
    assert!(house.contents(&["MARKED4711"]).await.is_empty());
    assert_eq!(tables_with(&house, &["Ada Marked"]).await, [""; 0]);
    assert_same(&a, &b);
    assert_same(&a, &cellar);
    assert_eq!((a.users(), house.contents(&["1002"]).await), (1, bob));

    // The PIN is free for somebody else.
    b.enrol_user("MARKED4711", "Cleo");
    house.calm([&mut a, &mut b, &mut cellar]).await;
    assert_eq!(cellar.person("MARKED4711").expect("she is there").user.name, b"Cleo");
    assert!(house.content("MARKED4711", Slot::USER).await.is_some());
    assert_same(&a, &cellar);
}

/// Where a terminal waits for a decision about a person, the erasure is the decision.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_held_of_an_erased_person_is_gone_and_no_terminal_waits_for_it() {
    let house = House::with(|config| {
        config.devices.admission = listener::Admission::Open;
        config.devices.deletion = Deletion::Ask;
    })
    .await;
    let mut a = house.connect(Device::new(Model::speedface(), "SIM0001")).await;
    let mut b = house.connect(Device::new(Model::speedface(), "SIM0002")).await;
    a.enrol_user("7", "Ada");
    a.enrol_user("8", "Bob");
    house.calm([&mut a, &mut b]).await;
    a.delete_user("7");
    house.calm([&mut a, &mut b]).await;
    house.post("/iclock/cdata?SN=SIM0002&table=OPERLOG", "USER PIN=7\tName=Ada\tPri=x\n").await;
    assert_eq!(house.held().await.len(), 2, "a deletion, and a line that cannot be read");

    let now = house.now();
    house.operate(async |tx| user::erase(tx, &pin("7"), Punches::Keep, now).await).await;

    assert!(house.held().await.is_empty());
    house.calm([&mut a, &mut b]).await;
    assert_eq!((a.users(), b.users()), (1, 1));
    a.enrol_user("7", "Cleo");
    house.calm([&mut a, &mut b]).await;
    assert_eq!(b.person("7").expect("she is there").user.name, b"Cleo");
}
