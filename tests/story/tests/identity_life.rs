//! Whose content it is, through the life of a fleet: leavers, backups, administrators, and days without a decision.

use std::time::Duration;

use fleet::held::{Resolution, ResolveError};
use fleet::user::UserEdit;
use roster::Area;
use simulator::quirks::{Form, Refusal};
use simulator::{Device, Model, Quirks, Restoring, Session};
use store::{HeldKind, HeldRow};
use story::people::Hands;
use story::{House, assert_same};
use sync::Joining;

/// Two terminals, the other one of any model, and Ada under PIN 7 with a finger on both.
async fn with_ada_and(house: &House, hands: &mut Hands, other: Model) -> [Session; 2] {
    let mut a = house.joined(Device::new(Model::speedface(), "SIM0001"), Joining::Adopt).await;
    let mut b = house.joined(Device::new(other, "SIM0002"), Joining::Adopt).await;
    hands.enrol_user(&mut a, "7", "Ada", 6);
    house.calm([&mut a, &mut b]).await;
    assert_eq!(hands.on(&b), ["7 Ada: Ada 6"]);
    [a, b]
}

/// Two terminals of one model, and Ada under PIN 7 with a finger on both.
async fn with_ada(house: &House, hands: &mut Hands) -> [Session; 2] {
    with_ada_and(house, hands, Model::speedface()).await
}

fn card(session: &Session, who: &str) -> u64 {
    session.person(who).expect("there").user.card
}

fn privilege(session: &Session, who: &str) -> i32 {
    session.person(who).expect("there").user.privilege
}

/// Ada is enrolled at a terminal once more. She is removed there, and the operator may look at the record.
async fn ada_stays_away(house: &House, hands: &mut Hands, [a, b]: [&mut Session; 2], at_the_other: bool) {
    house.calm([a, b]).await;
    assert_eq!((a.users(), b.users()), (0, 0));
    let terminal = if at_the_other { &mut *b } else { &mut *a };
    terminal.enrol_user("7", "Ada");
    hands.enrol(terminal, "7", "somebody", 6);
    house.calm([a, b]).await;

    assert_eq!((a.users(), b.users()), (0, 0));
    let held = house.held().await;
    assert!(!held.is_empty() && held.iter().all(|record| record.kind == HeldKind::Leftover), "{held:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_whom_an_operator_deleted_is_not_enrolled_again_without_a_decision() {
    // Older models upload the finger in the body of the user record.
    let others = [Model::speedface(), Model::old(), Model::k40()];
    for (at_the_other, other) in
        [(false, Model::speedface())].into_iter().chain(others.map(|other| (true, other)))
    {
        let (house, mut hands) = (House::approving().await, Hands::default());
        let [mut a, mut b] = with_ada_and(&house, &mut hands, other).await;

        house.delete("7").await;
        ada_stays_away(&house, &mut hands, [&mut a, &mut b], at_the_other).await;

        house.resolve("7", HeldKind::Leftover, Resolution::Device).await;
        house.calm([&mut a, &mut b]).await;
        assert_eq!(hands.on(&a), ["7 Ada: somebody 6"]);
        assert_same(&a, &b);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_without_an_area_is_not_enrolled_again_at_a_terminal() {
    for at_the_other in [false, true] {
        let (house, mut hands) = (House::approving().await, Hands::default());
        let [mut a, mut b] = with_ada(&house, &mut hands).await;

        house.set("7", UserEdit { areas: Some(Vec::new()), ..UserEdit::default() }).await;
        ada_stays_away(&house, &mut hands, [&mut a, &mut b], at_the_other).await;

        house.set("7", UserEdit { areas: Some(vec![Area::EVERYONE]), ..UserEdit::default() }).await;
        house.calm([&mut a, &mut b]).await;
        assert_eq!(hands.on(&a), ["7 Ada: Ada 6"]);
        assert_same(&a, &b);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_deleted_at_a_terminal_is_enrolled_again_at_any_terminal_without_a_decision() {
    for at_the_other in [false, true] {
        let (house, mut hands) = (House::approving().await, Hands::default());
        let [mut a, mut b] = with_ada(&house, &mut hands).await;

        a.delete_user("7");
        house.calm([&mut a, &mut b]).await;
        assert_eq!((a.users(), b.users()), (0, 0));
        hands.enrol_user(if at_the_other { &mut b } else { &mut a }, "7", "Ada", 2);
        house.calm([&mut a, &mut b]).await;

        assert_eq!(hands.on(&a), ["7 Ada: Ada 2"]);
        assert_same(&a, &b);
        assert_eq!(house.held().await, []);
    }
}

/// Terminal `b` is set back to before the fleet deleted Ada, renamed Bob and gave him a card, and hired Cleo.
async fn set_back(house: &House, hands: &mut Hands, other: Model, how: Restoring) -> [Session; 2] {
    let [mut a, mut b] = with_ada_and(house, hands, other).await;
    hands.enrol_user(&mut a, "8", "Bob", 1);
    a.change_card("8", 1_111_111);
    house.calm([&mut a, &mut b]).await;
    let backup = b.backup();

    house.delete("7").await;
    let edit = UserEdit { name: Some("Robert".into()), card: Some("4402017".into()), ..UserEdit::default() };
    house.set("8", edit).await;
    hands.enrol_user(&mut a, "9", "Cleo", 3);
    house.calm([&mut a, &mut b]).await;
    assert_eq!(hands.on(&b), ["8 Robert: Bob 1", "9 Cleo: Cleo 3"]);

    b.restore(&backup, how);
    assert_eq!(hands.on(&b), ["7 Ada: Ada 6", "8 Bob: Bob 1"]);
    [a, b]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_restored_with_a_sign_ends_equal_to_the_fleet() {
    let ways = [
        (Model::speedface(), Restoring::FromBackup),
        (Model::speedface(), Restoring::FromStick),
        (Model::iface950(), Restoring::FromBackup),
        (Model::old(), Restoring::FromStick),
        (Model::k40(), Restoring::FromBackup),
        (Model::k40(), Restoring::FromStick),
    ];
    for (other, how) in ways {
        let (house, mut hands) = (House::approving().await, Hands::default());
        let [mut a, mut b] = Box::pin(set_back(&house, &mut hands, other, how)).await;

        house.calm([&mut a, &mut b]).await;

        assert_eq!(hands.on(&a), ["8 Robert: Bob 1", "9 Cleo: Cleo 3"], "{how:?}");
        assert_eq!(card(&a, "8"), 4_402_017, "{how:?}");
        assert_same(&a, &b);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_restored_silently_brings_nobody_back_to_the_other_terminals() {
    let (house, mut hands) = (House::approving().await, Hands::default());
    let [mut a, mut b] =
        Box::pin(set_back(&house, &mut hands, Model::speedface(), Restoring::Silently)).await;

    house.calm([&mut a, &mut b]).await;
    for _ in 0..3 {
        house.advance(Duration::from_hours(25));
        house.calm([&mut a, &mut b]).await;
    }

    assert_eq!(hands.on(&a), ["8 Robert: Bob 1", "9 Cleo: Cleo 3"]);
    assert_eq!(card(&a, "8"), 4_402_017);
    if b.person("7").is_some() {
        hands.enrol(&mut b, "7", "Ada", 2);
        house.calm([&mut a, &mut b]).await;
    }
    assert_eq!(hands.on(&a), ["8 Robert: Bob 1", "9 Cleo: Cleo 3"]);
    assert_eq!(b.person("7"), None, "she does not stay there either");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_terminal_does_not_mix_a_leaver_with_the_next_person_under_the_pin() {
    let models = [Model::speedface(), Model::iface950(), Model::old()];
    let ways = [Restoring::FromBackup, Restoring::FromStick, Restoring::Silently];
    for (other, how) in models.iter().flat_map(|model| ways.map(|how| (model.clone(), how))) {
        let (house, mut hands) = (House::approving().await, Hands::default());
        let story = format!("{} {how:?}", other.name);
        let [mut a, mut b] = with_ada_and(&house, &mut hands, other).await;
        let backup = b.backup();
        house.delete("7").await;
        house.set_name("7", "Dan").await;
        house.calm([&mut a, &mut b]).await;
        hands.enrol(&mut a, "7", "Dan", 5);
        house.calm([&mut a, &mut b]).await;
        assert_eq!(hands.on(&b), ["7 Dan: Dan 5"], "{story}");

        b.restore(&backup, how);
        hands.enrol(&mut b, "7", "Ada", 2);
        house.calm([&mut a, &mut b]).await;

        assert_eq!(hands.on(&a), ["7 Dan: Dan 5"], "{story}");
        assert_eq!(hands.on(&b), ["7 Dan: Dan 5"], "{story}");
    }
}

/// Two terminals of which one brought Ada, an administrator.
async fn with_an_administrator(house: &House, hands: &mut Hands) -> [Session; 2] {
    let mut alone = Device::new(Model::speedface(), "ALONE");
    hands.enrol_user(&mut alone, "1", "Ada", 6);
    alone.change_privilege("1", 14);
    let alone = Device::new(Model::speedface(), "SIM0001").with_content(&alone.content());
    let mut a = house.joined(alone, Joining::Adopt).await;
    let mut b = house.joined(Device::new(Model::speedface(), "SIM0002"), Joining::Adopt).await;
    house.calm([&mut a, &mut b]).await;
    assert_eq!((hands.on(&b), privilege(&b, "1")), (vec!["1 Ada: Ada 6".to_owned()], 14));
    [a, b]
}

fn are_credentials(held: &[HeldRow]) -> bool {
    !held.is_empty() && held.iter().all(|record| record.kind == HeldKind::Credential)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finger_enrolled_for_an_administrator_opens_everywhere_once_the_operator_agrees() {
    let (house, mut hands) = (House::approving().await, Hands::default());
    let [mut a, mut b] = with_an_administrator(&house, &mut hands).await;

    hands.enrol(&mut a, "1", "somebody", 3);
    house.calm([&mut a, &mut b]).await;

    assert_eq!(hands.on(&a), ["1 Ada: Ada 6"]);
    assert_eq!(hands.on(&b), ["1 Ada: Ada 6"]);
    let held = house.held().await;
    assert!(are_credentials(&held), "{held:#?}");
    for record in &held {
        house.try_resolve(record, Resolution::Device).await.expect("the decision is carried out");
    }
    house.calm([&mut a, &mut b]).await;
    assert_eq!(hands.on(&a), ["1 Ada: somebody 3, Ada 6"]);
    assert_same(&a, &b);
    assert_eq!(house.held().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_and_a_password_set_for_an_administrator_wait_and_the_rest_of_the_edit_is_taken() {
    for agrees in [true, false] {
        let (house, mut hands) = (House::approving().await, Hands::default());
        let [mut a, mut b] = with_an_administrator(&house, &mut hands).await;

        a.change_name("1", "Ada L.");
        a.change_card("1", 4_402_017);
        a.change_password("1", "2468");
        house.calm([&mut a, &mut b]).await;

        assert_eq!(hands.on(&b), ["1 Ada L.: Ada 6"]);
        assert_eq!((card(&b, "1"), b.person("1").expect("there").user.password.as_str()), (0, ""));
        assert_same(&a, &b);
        let held = house.held().await;
        assert!(are_credentials(&held), "{held:#?}");
        let resolution = if agrees { Resolution::Device } else { Resolution::Fleet };
        for record in &held {
            house.try_resolve(record, resolution).await.expect("the decision is carried out");
        }
        house.calm([&mut a, &mut b]).await;
        let (number, password) = if agrees { (4_402_017, "2468") } else { (0, "") };
        assert_eq!((card(&b, "1"), b.person("1").expect("there").user.password.as_str()), (number, password));
        assert_eq!(hands.on(&b), ["1 Ada L.: Ada 6"]);
        assert_same(&a, &b);
        assert_eq!(house.held().await, []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_privilege_that_is_held_goes_to_nobody_who_gets_the_pin_later() {
    for enrolled_at_a_terminal in [false, true] {
        let (house, mut hands) = (House::approving().await, Hands::default());
        let [mut a, mut b] = with_ada(&house, &mut hands).await;
        a.change_privilege("7", 14);
        house.calm([&mut a, &mut b]).await;
        let record = house.held_user("7", HeldKind::Privilege).await;

        house.delete("7").await;
        house.calm([&mut a, &mut b]).await;
        if enrolled_at_a_terminal {
            hands.enrol_user(&mut b, "7", "Bob", 1);
        } else {
            house.set_name("7", "Bob").await;
            house.calm([&mut a, &mut b]).await;
            hands.enrol(&mut b, "7", "Bob", 1);
        }
        house.calm([&mut a, &mut b]).await;
        let resolved = house.try_resolve(&record, Resolution::Device).await;
        house.calm([&mut a, &mut b]).await;

        assert!(matches!(resolved, Err(ResolveError::Outdated(_) | ResolveError::Resolved)), "{resolved:?}");
        assert_eq!(hands.on(&a), ["7 Bob: Bob 1"]);
        assert_eq!(privilege(&a, "7"), 0);
        assert_same(&a, &b);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_reported_by_an_internal_number_does_not_delete_whoever_has_that_pin() {
    let (house, mut hands) = (House::approving().await, Hands::default());
    let mut a = house.joined(Device::new(Model::speedface(), "SIM0001"), Joining::Adopt).await;
    let quirks = Quirks { logs_internal_numbers: true, ..Model::old().quirks };
    let old = Device::new(Model::old(), "SIM0002").with_quirks(quirks);
    let mut b = house.joined(old, Joining::Adopt).await;
    hands.enrol_user(&mut b, "2", "Bob", 1);
    hands.enrol_user(&mut b, "1", "Ada", 6);
    house.calm([&mut a, &mut b]).await;
    assert_eq!(hands.on(&a), ["1 Ada: Ada 6", "2 Bob: Bob 1"]);
    assert_eq!(b.internal_number("2"), Some(1));

    b.delete_user("2");
    house.calm([&mut a, &mut b]).await;

    assert!(hands.on(&a).contains(&"1 Ada: Ada 6".to_owned()), "{:?}", hands.on(&a));
    assert!(hands.on(&b).contains(&"1 Ada: Ada 6".to_owned()), "{:?}", hands.on(&b));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_gets_through_to_a_terminal_that_puts_hundreds_of_fingers_off() {
    let (house, mut hands) = (House::approving().await, Hands::default());
    let mut a = house.joined(Device::new(Model::speedface(), "SIM0001"), Joining::Adopt).await;
    let refuse = vec![Refusal { form: Form::Fingerprint, return_code: -1007 }];
    let busy = Device::new(Model::k40(), "SIM0002").with_quirks(Quirks { refuse, ..Quirks::default() });
    let mut b = house.joined(busy, Joining::Adopt).await;
    for person in 100..140 {
        let (who, name) = (person.to_string(), format!("Person {person}"));
        a.enrol_user(&who, &name);
        (0..10).for_each(|finger| hands.enrol(&mut a, &who, &name, finger));
    }
    house.calm_online([&mut a]).await;
    house.rounds(100, [&mut a, &mut b]).await;
    assert_eq!((b.users(), b.content().templates()), (40, 0));

    house.delete("120").await;
    house.rounds(10, [&mut a, &mut b]).await;

    assert_eq!((a.users(), a.person("120")), (39, None));
    assert_eq!((b.users(), b.person("120")), (39, None));
}
