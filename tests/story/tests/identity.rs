//! Whose content it is: somebody's fingers never open as somebody else.

use std::collections::BTreeSet;

use fleet::held::Resolution;
use fleet::user::UserEdit;
use roster::Area;
use simulator::{Device, Model, Quirks, Session};
use store::HeldKind;
use story::people::Hands;
use story::records::{fp, user};
use story::{House, assert_same, pin};
use sync::Joining;

/// Two terminals of a fleet in which terminals wait for approval.
async fn two(house: &House) -> [Session; 2] {
    let a = house.joined(Device::new(Model::speedface(), "SIM0001"), Joining::Adopt).await;
    let b = house.joined(Device::new(Model::speedface(), "SIM0002"), Joining::Adopt).await;
    [a, b]
}

/// Two terminals, and Ada under PIN 7 with a finger on both.
async fn with_ada(house: &House, hands: &mut Hands) -> [Session; 2] {
    let [mut a, mut b] = two(house).await;
    hands.enrol_user(&mut a, "7", "Ada", 6);
    house.calm([&mut a, &mut b]).await;
    assert_eq!(hands.on(&b), ["7 Ada: Ada 6"]);
    [a, b]
}

/// A terminal that worked alone, with one person under PIN 7 who has one finger.
fn alone(hands: &mut Hands, quirks: Quirks, name: &str, finger: u8) -> Device {
    let mut alone = Device::new(Model::speedface(), "ALONE");
    hands.enrol_user(&mut alone, "7", name, finger);
    Device::new(Model::speedface(), "SIM0002").with_quirks(quirks).with_content(&alone.content())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finger_of_the_former_person_does_not_open_as_the_next_one_whom_an_operator_entered() {
    let (house, mut hands) = (House::approving().await, Hands::default());
    let [mut a, mut b] = with_ada(&house, &mut hands).await;

    house.delete("7").await;
    house.calm_online([&mut a]).await;
    house.set_name("7", "Bob").await;
    house.calm_online([&mut a]).await;
    hands.enrol(&mut a, "7", "Bob", 1);
    house.calm_online([&mut a]).await;
    hands.enrol(&mut b, "7", "Ada", 2);
    house.calm([&mut a, &mut b]).await;

    assert_eq!(hands.on(&a), ["7 Bob: Bob 1"]);
    assert_eq!(hands.on(&b), ["7 Bob: Bob 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finger_of_the_former_person_does_not_open_as_the_next_one_whom_a_terminal_enrolled() {
    let (house, mut hands) = (House::approving().await, Hands::default());
    let [mut a, mut b] = with_ada(&house, &mut hands).await;

    a.delete_user("7");
    house.calm_online([&mut a]).await;
    hands.enrol_user(&mut a, "7", "Bob", 1);
    house.calm_online([&mut a]).await;
    b.change_card("7", 4_402_017);
    hands.enrol(&mut b, "7", "Ada", 2);
    house.calm([&mut a, &mut b]).await;

    assert_eq!(hands.on(&a), ["7 Bob: Bob 1"]);
    assert_eq!(hands.on(&b), ["7 Bob: Bob 1"]);
    assert_eq!(b.person("7").expect("there").user.card, 0, "nor does the card");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_person_does_not_come_back_with_a_finger_enrolled_before_the_terminal_heard_of_it() {
    let (house, mut hands) = (House::approving().await, Hands::default());
    let [mut a, mut b] = with_ada(&house, &mut hands).await;

    house.delete("7").await;
    house.calm_online([&mut a]).await;
    hands.enrol(&mut b, "7", "Ada", 2);
    house.calm([&mut a, &mut b]).await;

    assert_eq!((a.users(), b.users()), (0, 0));
}

/// Two terminals enrolled Ada and Bob under PIN 7 while neither heard of the other.
async fn two_under_one_pin(house: &House, hands: &mut Hands) -> [Session; 2] {
    let [mut a, mut b] = two(house).await;
    hands.enrol_user(&mut a, "7", "Ada", 6);
    hands.enrol_user(&mut b, "7", "Bob", 1);
    house.calm_online([&mut a]).await;
    house.calm([&mut a, &mut b]).await;
    assert_eq!(hands.on(&a), ["7 Ada: Ada 6"]);
    assert_eq!(hands.on(&b), ["7 Bob: Bob 1"]);
    // Nothing that either terminal says later mixes the two.
    hands.enrol(&mut a, "7", "Ada", 7);
    hands.enrol(&mut b, "7", "Bob", 2);
    house.calm([&mut a, &mut b]).await;
    assert_eq!(hands.on(&a), ["7 Ada: Ada 6, Ada 7"]);
    assert_eq!(hands.on(&b), ["7 Bob: Bob 1, Bob 2"]);
    [a, b]
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_people_under_one_pin_the_operator_keeps_the_person_of_the_fleet() {
    let (house, mut hands) = (House::approving().await, Hands::default());
    let [mut a, mut b] = two_under_one_pin(&house, &mut hands).await;

    house.resolve("7", HeldKind::Conflict, Resolution::Fleet).await;
    house.calm([&mut a, &mut b]).await;

    assert_eq!(hands.on(&a), ["7 Ada: Ada 6, Ada 7"]);
    assert_eq!(hands.on(&b), ["7 Ada: Ada 6, Ada 7"]);
    assert_eq!(house.held().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_people_under_one_pin_the_operator_takes_the_person_of_the_terminal() {
    let (house, mut hands) = (House::approving().await, Hands::default());
    let [mut a, mut b] = two_under_one_pin(&house, &mut hands).await;

    house.resolve("7", HeldKind::Conflict, Resolution::Device).await;
    house.calm([&mut a, &mut b]).await;

    assert_eq!(hands.on(&a), ["7 Bob: Bob 1, Bob 2"]);
    assert_eq!(hands.on(&b), ["7 Bob: Bob 1, Bob 2"]);
    assert_eq!(house.held().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_names_under_one_pin_that_the_operator_calls_one_person_are_joined() {
    let (house, mut hands) = (House::approving().await, Hands::default());
    let [mut a, mut b] = two_under_one_pin(&house, &mut hands).await;

    house.resolve("7", HeldKind::Conflict, Resolution::Same).await;
    house.calm([&mut a, &mut b]).await;

    assert_eq!(hands.on(&a), ["7 Bob: Bob 1, Bob 2, Ada 6, Ada 7"]);
    assert_same(&a, &b);
    assert_eq!(house.held().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_person_enrolled_at_two_terminals_needs_no_decision() {
    let (house, mut hands) = (House::approving().await, Hands::default());
    let [mut a, mut b] = two(&house).await;

    hands.enrol_user(&mut a, "7", "Ada", 6);
    hands.enrol_user(&mut b, "7", "Ada", 1);
    house.calm_online([&mut a]).await;
    house.calm([&mut a, &mut b]).await;

    assert_eq!(hands.on(&a), ["7 Ada: Ada 1, Ada 6"]);
    assert_same(&a, &b);
    assert_eq!(house.held().await, []);
}

/// A stranger is on terminal `b` under PIN 9. The terminal has uploaded the finger alone.
async fn with_a_stranger(house: &House, hands: &mut Hands, name: &str, model: Model) -> [Session; 2] {
    let mut a = house.joined(Device::new(Model::speedface(), "SIM0001"), Joining::Adopt).await;
    let mut b = house.joined(Device::new(model, "SIM0002"), Joining::Adopt).await;
    house.calm([&mut a, &mut b]).await;
    b.enrol_silently("9", name, &[4]);
    hands.learn(&b, "9", "stranger");
    let template = b.person("9").expect("there").templates.values().next().expect("a finger").clone();
    let text = template.parts.values().next().expect("a part").as_str().to_owned();
    let target = "/iclock/cdata?SN=SIM0002&table=OPERLOG&Stamp=9999";
    house.post(target, fp("9", 4, &text)).await;
    [a, b]
}

async fn a_stranger_stays_alone(name: &str, model: Model) {
    let (house, mut hands) = (House::approving().await, Hands::default());
    let [mut a, mut b] = with_a_stranger(&house, &mut hands, name, model).await;

    // A terminal that answers no queries leaves its question open.
    house.set_name("9", "Cleo").await;
    house.rounds(30, [&mut a, &mut b]).await;
    hands.enrol(&mut a, "9", "Cleo", 0);
    house.rounds(30, [&mut a, &mut b]).await;
    assert_eq!(hands.on(&a), ["9 Cleo: Cleo 0"]);
    assert_eq!(hands.on(&b), [format!("9 {name}: stranger 4")], "it does not open as Cleo");

    let held = house.held().await;
    let record = held.first().expect("it is held for an operator");
    house.try_resolve(record, Resolution::Fleet).await.expect("the decision is carried out");
    house.calm([&mut a, &mut b]).await;
    assert_eq!(hands.on(&a), ["9 Cleo: Cleo 0"]);
    assert_eq!(hands.on(&b), ["9 Cleo: Cleo 0"]);
    assert_eq!(house.held().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finger_of_nobody_does_not_open_as_somebody_hired_under_the_pin_later() {
    Box::pin(a_stranger_stays_alone("Stranger", Model::speedface())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finger_of_a_nameless_stranger_does_not_open_as_somebody_hired_later() {
    Box::pin(a_stranger_stays_alone("", Model::speedface())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finger_of_nobody_at_a_terminal_that_answers_no_queries_does_not_open_as_somebody_hired_later() {
    Box::pin(a_stranger_stays_alone("Stranger", Model::k40())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finger_that_came_alone_joins_the_person_whom_the_terminal_shows_when_it_is_asked() {
    let (house, mut hands) = (House::approving().await, Hands::default());
    let [mut a, mut b] = with_a_stranger(&house, &mut hands, "Dan", Model::speedface()).await;

    house.calm([&mut a, &mut b]).await;

    assert_eq!(hands.on(&a), ["9 Dan: stranger 4"]);
    assert_same(&a, &b);
    assert_eq!(house.held().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn fingers_that_an_adopted_terminal_sends_before_another_name_join_nobody() {
    let (house, mut hands) = (House::approving().await, Hands::default());
    let mut a = house.joined(Device::new(Model::speedface(), "SIM0001"), Joining::Adopt).await;
    hands.enrol_user(&mut a, "7", "Ada", 6);
    house.calm([&mut a]).await;

    let first = Quirks { templates_first: true, ..Quirks::default() };
    let mut b = house.joined(alone(&mut hands, first, "Bob", 1), Joining::Adopt).await;
    house.calm([&mut a, &mut b]).await;

    assert_eq!(hands.on(&a), ["7 Ada: Ada 6"]);
    assert_eq!(hands.on(&b), ["7 Bob: Bob 1"]);
    house.resolve("7", HeldKind::Conflict, Resolution::Fleet).await;
    house.calm([&mut a, &mut b]).await;
    assert_eq!(hands.on(&b), ["7 Ada: Ada 6"]);
    assert_same(&a, &b);
}

#[tokio::test(flavor = "multi_thread")]
async fn fingers_that_an_adopted_terminal_sends_before_the_same_name_fill_the_gaps() {
    let (house, mut hands) = (House::approving().await, Hands::default());
    let mut a = house.joined(Device::new(Model::speedface(), "SIM0001"), Joining::Adopt).await;
    hands.enrol_user(&mut a, "7", "Ada", 6);
    house.calm([&mut a]).await;

    let first = Quirks { templates_first: true, ..Quirks::default() };
    let mut b = house.joined(alone(&mut hands, first, "Ada", 1), Joining::Adopt).await;
    house.calm([&mut a, &mut b]).await;

    assert_eq!(hands.on(&a), ["7 Ada: Ada 1, Ada 6"]);
    assert_same(&a, &b);
    assert_eq!(house.held().await, []);
}

/// An area, a terminal in it, and one in another area. Ada is where the first one is.
async fn gate_and_office(house: &House, hands: &mut Hands) -> ([Session; 2], [Area; 2]) {
    let [mut a, mut b] = two(house).await;
    let gate = house.operate(async |tx| tx.create_area("Gate").await).await;
    let office = house.operate(async |tx| tx.create_area("Office").await).await;
    for (serial_number, area) in [("SIM0001", gate), ("SIM0002", office)] {
        let (device, now) = (house.device(serial_number).await, house.now());
        let areas = BTreeSet::from([area]);
        house.operate(async |tx| fleet::device::set_areas(tx, &device, &areas, now).await).await;
    }
    hands.enrol_user(&mut a, "1", "Ada", 6);
    house.calm([&mut a, &mut b]).await;
    assert_eq!((hands.on(&a), b.users()), (vec!["1 Ada: Ada 6".to_owned()], 0));
    ([a, b], [gate, office])
}

/// The areas of a user.
async fn areas(house: &House, who: &str) -> Vec<Area> {
    let mut tx = house.store.read().await.expect("a transaction");
    let live = tx.live_keys(&[pin(who)]).await.expect("the items");
    live.iter().filter_map(|key| key.slot.area()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_of_another_area_is_not_handed_the_person_whom_it_uploads() {
    let (house, mut hands) = (House::approving().await, Hands::default());
    let ([mut a, mut b], [gate, _]) = gate_and_office(&house, &mut hands).await;
    let target = "/iclock/cdata?SN=SIM0002&table=OPERLOG&Stamp=9999";

    house.post(target, "USER PIN=1\tGrp=2\n").await;
    house.calm([&mut a, &mut b]).await;
    assert_eq!((hands.on(&a), b.users()), (vec!["1 Ada: Ada 6".to_owned()], 0));

    b.enrol_silently("1", "Ada", &[5]);
    hands.learn(&b, "1", "somebody");
    let template = b.person("1").expect("there").templates.values().next().expect("a finger").clone();
    let text = template.parts.values().next().expect("a part").as_str().to_owned();
    for record in ["USER PIN=1\tGrp=2\n".to_owned(), fp("1", 5, &text), user("1", "Ada")] {
        house.post(target, record).await;
        house.calm([&mut a, &mut b]).await;
    }

    assert_eq!((hands.on(&a), b.users()), (vec!["1 Ada: Ada 6".to_owned()], 0));
    assert_eq!(areas(&house, "1").await, [gate]);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_enrolled_at_a_terminal_of_another_area_is_removed_there() {
    let (house, mut hands) = (House::approving().await, Hands::default());
    let ([mut a, mut b], [gate, _]) = gate_and_office(&house, &mut hands).await;

    hands.enrol_user(&mut b, "1", "Ada", 5);
    house.calm([&mut a, &mut b]).await;

    assert_eq!((hands.on(&a), b.users()), (vec!["1 Ada: Ada 6".to_owned()], 0));
    assert_eq!(areas(&house, "1").await, [gate]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_changed_at_a_terminal_that_was_off_does_not_bring_its_person_back_to_the_area() {
    let (house, mut hands) = (House::approving().await, Hands::default());
    let ([mut a, mut b], [_, office]) = gate_and_office(&house, &mut hands).await;

    house.set("1", UserEdit { areas: Some(vec![office]), ..UserEdit::default() }).await;
    house.calm_online([&mut b]).await;
    a.change_card("1", 4_402_017);
    house.calm([&mut a, &mut b]).await;

    assert_eq!((a.users(), hands.on(&b)), (0, vec!["1 Ada: Ada 6".to_owned()]));
    assert_eq!(areas(&house, "1").await, [office]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_changed_at_a_terminal_that_was_off_is_taken_where_the_person_has_one_more_area() {
    let (house, mut hands) = (House::approving().await, Hands::default());
    let ([mut a, mut b], [gate, office]) = gate_and_office(&house, &mut hands).await;

    house.set("1", UserEdit { areas: Some(vec![gate, office]), ..UserEdit::default() }).await;
    house.calm_online([&mut b]).await;
    a.change_card("1", 4_402_017);
    house.calm([&mut a, &mut b]).await;

    assert_eq!(hands.on(&b), ["1 Ada: Ada 6"]);
    assert_eq!(b.person("1").expect("there").user.card, 4_402_017);
    assert_same(&a, &b);
}
