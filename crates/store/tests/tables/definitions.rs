//! Definitions of the whole fleet.

use roster::{Area, Content, Definition, DefinitionKind, DefinitionName, ItemKey, Seq, Slot};
use sync::ScanFrom;
use wire::Pin;

use crate::fleet::{Fleet, at, finger, member, pin, user, user_key};

fn key(kind: DefinitionKind, text: &str) -> ItemKey {
    let name = DefinitionName::read(kind, text).expect("a name");
    ItemKey { pin: name.owner().expect("an owner"), slot: kind.slot() }
}

fn zone(number: &str, start: &str) -> (ItemKey, Content) {
    let name = DefinitionName::read(DefinitionKind::TimeZone, number).expect("a name");
    let definition = Definition::new(&name, &[("MonStart", start.to_owned())]).expect("a definition");
    (key(DefinitionKind::TimeZone, number), Content::Definition(definition))
}

fn work_code(code: &str) -> (ItemKey, Content) {
    let name = DefinitionName::read(DefinitionKind::WorkCode, code).expect("a name");
    let fields = [("PIN", "1".to_owned()), ("NAME", format!("Ünïcode {code} 李"))];
    (key(DefinitionKind::WorkCode, code), Content::Definition(Definition::new(&name, &fields).expect("one")))
}

fn in_area(key: &ItemKey, area: Area) -> (ItemKey, Content) {
    (ItemKey { pin: key.pin.clone(), slot: Slot::membership(area) }, Content::Membership)
}

#[tokio::test]
async fn a_definition_is_read_back_with_its_areas_until_its_deletion() {
    let fleet = Fleet::new().await;
    let (zone, code, other) = (zone("2", "0800"), work_code("a1"), work_code("A1"));
    let area = in_area(&code.0, Area(3));
    fleet.put(&[area.clone(), code.clone(), other.clone(), zone.clone()]).await;

    assert_eq!(fleet.contents_of(&[zone.0.clone(), code.0.clone()]).await, [zone.clone(), code.clone()]);
    let defined = fleet.read().await.definitions(DefinitionKind::WorkCode).await.expect("definitions");
    let names: Vec<(&str, &[Area])> =
        defined.iter().map(|defined| (defined.name.name.as_str(), defined.areas.as_slice())).collect();
    assert_eq!(names, [("A1", [].as_slice()), ("a1", &[Area(3)])]);
    assert_eq!((defined[1].seq, defined[1].changed_at, defined[1].changed_by), (Seq(2), at(0), None));

    fleet.delete(&[code.0.clone(), area.0], at(1), false).await;
    assert_eq!(fleet.contents_of(std::slice::from_ref(&code.0)).await, []);
    assert_eq!(fleet.read().await.definitions(DefinitionKind::WorkCode).await.expect("them").len(), 1);
    assert!(!fleet.state_of(&code.0).await.expect("a tombstone").live);
}

#[tokio::test]
async fn a_first_fill_reads_definitions_before_people_page_by_page() {
    let fleet = Fleet::new().await;
    let (first, last) = (zone("2", "0800"), work_code("zz"));
    fleet.put(&[user("0", "A"), finger("00", 1, "QUFB"), user("zz", "B"), last.clone(), first.clone()]).await;
    fleet.put(&[in_area(&first.0, Area::EVERYONE), zone("10", "0900"), member("zz")]).await;
    fleet.delete(&[key(DefinitionKind::TimeZone, "10")], at(1), false).await;

    let mut found: Vec<Pin> = Vec::new();
    let mut from = ScanFrom::Start;
    loop {
        let (page, more) = fleet.read().await.scan_page(&from, 2).await.expect("a page");
        assert!(page.len() <= 2);
        found.extend(page.iter().cloned());
        let Some(end) = page.last().filter(|_| more) else { break };
        from = ScanFrom::After(end.clone());
    }

    let tenth = key(DefinitionKind::TimeZone, "10").pin;
    assert_eq!(found, [first.0.pin, tenth, last.0.pin, pin("0"), pin("zz")]);
}

#[tokio::test]
async fn the_position_of_a_fill_is_stored_between_definitions_too() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let from = ScanFrom::After(key(DefinitionKind::Group, "2").pin);
    let mut tx = fleet.write().await;
    let row = tx.device(device).await.expect("read").expect("there");
    let mut view = tx.view(&row).await.expect("a view");
    view.scan = Some(from.clone());
    let changes = sync::Changes { device: true, ..Default::default() };
    tx.apply(&view, &changes, at(0)).await.expect("applied");
    let row = tx.device(device).await.expect("read").expect("there");
    tx.commit().await.expect("committed");

    assert_eq!(row.scan, Some(from));
}

#[tokio::test]
async fn definitions_of_an_area_become_due_for_a_device_that_leaves_it() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let (code, other) = (work_code("101"), work_code("102"));
    fleet.put(&[in_area(&code.0, Area::EVERYONE), code.clone(), in_area(&other.0, Area(2)), other]).await;
    fleet.put(&[member("7"), user("7", "Ada"), member("8")]).await;

    let mut tx = fleet.write().await;
    tx.owe_members(device, &[Area::EVERYONE], at(1)).await.expect("owed");
    let due = tx.due_exceptions(device, at(1), 10).await.expect("due");
    tx.commit().await.expect("committed");

    assert_eq!(due, [code.0, user_key("7")]);
}

#[tokio::test]
async fn users_of_a_group_or_a_time_zone_are_counted() {
    let fleet = Fleet::new().await;
    let with = |who: &str, group, time_zones: &str| {
        let fields = roster::UserFields { group, time_zones: time_zones.into(), ..crate::fleet::fields(who) };
        (user_key(who), Content::User(fields))
    };
    fleet
        .put(&[
            with("1", 2, ""),
            with("2", 2, "0001000300000000"),
            with("3", 1, "0001000300000000"),
            user("4", "D"),
        ])
        .await;
    let message = (ItemKey { pin: pin("4"), slot: Slot::personal_message(7) }, Content::PersonalMessage);
    fleet.put(std::slice::from_ref(&message)).await;

    let mut tx = fleet.read().await;
    assert_eq!(tx.users_in_group(2).await.expect("a count"), 2);
    assert_eq!(tx.user_time_zones().await.expect("them"), [("0001000300000000".to_owned(), 2)].into());
    assert_eq!(tx.users_of_message(7).await.expect("them"), [pin("4")]);
    assert_eq!(tx.users_of_message(8).await.expect("them"), []);
    assert_eq!(fleet.contents_of(std::slice::from_ref(&message.0)).await, [message]);
}

#[tokio::test]
async fn a_personal_message_is_restored_with_its_user() {
    let fleet = Fleet::new().await;
    let message = (ItemKey { pin: pin("4"), slot: Slot::personal_message(7) }, Content::PersonalMessage);
    fleet.put(&[member("4"), user("4", "D"), message.clone()]).await;
    fleet.delete(&[user_key("4"), message.0.clone(), member("4").0], at(1), true).await;

    let mut tx = fleet.write().await;
    tx.undo(&pin("4"), None, at(2)).await.expect("undone");
    tx.commit().await.expect("committed");

    assert_eq!(fleet.contents_of(std::slice::from_ref(&message.0)).await, [message]);
}
