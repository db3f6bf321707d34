//! People who are suspended, reinstated, or leave on a date.

use std::time::Duration;

use fleet::held::Resolution;
use fleet::suspension::{self, Suspended};
use fleet::user::{self, UserEdit};
use jiff::Timestamp;
use jiff::civil::{Date, date};
use roster::Area;
use simulator::{Device, Model, Session};
use store::{HeldKind, Punches, Suspension};
use story::people::Hands;
use story::program::Program;
use story::{House, assert_same, pin};
use sync::Joining;

/// Two terminals, the other one of any model, and Ada under PIN 7 with two fingers on both.
async fn with_ada_and(house: &House, hands: &mut Hands, other: Model) -> [Session; 2] {
    let mut a = house.joined(Device::new(Model::speedface(), "SIM0001"), Joining::Adopt).await;
    let mut b = house.joined(Device::new(other, "SIM0002"), Joining::Adopt).await;
    hands.enrol_user(&mut a, "7", "Ada", 6);
    hands.enrol(&mut a, "7", "Ada", 7);
    house.calm([&mut a, &mut b]).await;
    assert_eq!(hands.on(&b), ["7 Ada: Ada 6, Ada 7"]);
    [a, b]
}

async fn with_ada(house: &House, hands: &mut Hands) -> [Session; 2] {
    with_ada_and(house, hands, Model::speedface()).await
}

async fn suspend(house: &House, until: Option<Date>) -> Suspended {
    let now = house.now();
    house.operate(async |tx| suspension::suspend(tx, &[pin("7")], until, now).await).await
}

async fn reinstate(house: &House) -> Suspended {
    let now = house.now();
    house.operate(async |tx| suspension::reinstate(tx, &[pin("7")], now).await).await
}

async fn suspended(house: &House) -> Option<Suspension> {
    let mut tx = house.store.read().await.expect("a transaction");
    tx.suspensions(&[pin("7")]).await.expect("the suspensions").remove(&pin("7"))
}

/// Whether something was done that changed anything.
fn is_done(outcome: &Suspended) -> bool {
    matches!(outcome, Suspended::Done(done) if done.iter().all(|(_, changed, _)| *changed))
}

/// Lets time pass until this one in UTC, and the server look for dates that have come.
async fn until(house: &House, time: &str) {
    let time: Timestamp = time.parse().expect("a time");
    let left = time.as_millisecond() - house.now().0;
    house.advance(Duration::from_millis(u64::try_from(left).expect("a time to come")));
    house.keep_dates().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_was_off_does_not_bring_a_suspended_person_back_and_reinstating_does() {
    for other in [Model::speedface(), Model::iface950(), Model::old(), Model::k40()] {
        let (house, mut hands) = (House::approving().await, Hands::default());
        let story = other.name;
        let [mut a, mut b] = with_ada_and(&house, &mut hands, other).await;

        assert!(is_done(&suspend(&house, None).await), "{story}");
        house.calm_online([&mut a]).await;
        assert_eq!(a.person("7"), None, "{story}");

        // The other terminal is off. Somebody works on her there, and it comes back.
        b.change_card("7", 4_402_017);
        hands.enrol(&mut b, "7", "Ada", 2);
        house.calm([&mut a, &mut b]).await;
        b.restart();
        house.calm([&mut a, &mut b]).await;
        assert_eq!((a.users(), b.users()), (0, 0), "{story}");

        // She is enrolled there once more, as if nobody had suspended her.
        b.enrol_user("7", "Ada");
        hands.enrol(&mut b, "7", "Ada", 3);
        house.calm([&mut a, &mut b]).await;
        assert_eq!((a.users(), b.users()), (0, 0), "{story}");
        assert!(suspended(&house).await.is_some(), "{story}");
        let held = house.held().await;
        assert!(!held.is_empty() && held.iter().all(|record| record.kind == HeldKind::Leftover), "{held:#?}");

        assert!(is_done(&reinstate(&house).await), "{story}");
        house.calm([&mut a, &mut b]).await;
        assert_eq!(hands.on(&a), ["7 Ada: Ada 6, Ada 7"], "{story}");
        assert_eq!(a.person("7").expect("there").user.card, 0, "{story}");
        assert_same(&a, &b);

        // She can be edited at terminals as before.
        hands.enrol(&mut b, "7", "Ada", 4);
        house.calm([&mut a, &mut b]).await;
        assert_eq!(hands.on(&a), ["7 Ada: Ada 4, Ada 6, Ada 7"], "{story}");
        assert_same(&a, &b);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_was_off_all_the_time_gets_a_reinstated_person_with_everything() {
    let (house, mut hands) = (House::approving().await, Hands::default());
    let [mut a, mut b] = with_ada(&house, &mut hands).await;
    suspend(&house, None).await;
    house.calm_online([&mut a]).await;
    assert_eq!(a.person("7"), None);
    reinstate(&house).await;
    house.calm_online([&mut a]).await;

    hands.enrol(&mut b, "7", "Ada", 2);
    house.calm([&mut a, &mut b]).await;

    assert_eq!(hands.on(&a), ["7 Ada: Ada 2, Ada 6, Ada 7"]);
    assert_same(&a, &b);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_edits_a_suspended_person_and_the_terminals_get_it_when_the_person_is_back() {
    let (house, mut hands) = (House::approving().await, Hands::default());
    let [mut a, mut b] = with_ada(&house, &mut hands).await;
    suspend(&house, None).await;
    house.set_name("7", "Ada L.").await;
    let lab = house.operate(async |tx| tx.create_area("Lab").await).await;
    let areas = Some(vec![Area::EVERYONE, lab]);
    house.set("7", UserEdit { areas: areas.clone(), ..UserEdit::default() }).await;
    house.calm([&mut a, &mut b]).await;
    assert_eq!((a.users(), b.users()), (0, 0));
    assert_eq!(suspended(&house).await.map(|suspension| suspension.areas), areas);

    reinstate(&house).await;
    house.calm([&mut a, &mut b]).await;
    assert_eq!(hands.on(&a), ["7 Ada L.: Ada 6, Ada 7"]);
    assert_same(&a, &b);

    suspend(&house, None).await;
    house.set("7", UserEdit { areas: Some(vec![lab]), ..UserEdit::default() }).await;
    reinstate(&house).await;
    house.calm([&mut a, &mut b]).await;
    assert_eq!((a.users(), b.users()), (0, 0), "they are not in the laboratory");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_terminal_had_of_a_suspended_person_can_be_taken_and_does_not_end_the_suspension() {
    let (house, mut hands) = (House::approving().await, Hands::default());
    let [mut a, mut b] = with_ada(&house, &mut hands).await;
    suspend(&house, None).await;
    house.calm([&mut a, &mut b]).await;
    b.enrol_user("7", "Ada");
    b.change_card("7", 4_402_017);
    hands.enrol(&mut b, "7", "Ada", 3);
    house.calm([&mut a, &mut b]).await;

    house.resolve("7", HeldKind::Leftover, Resolution::Device).await;
    house.calm([&mut a, &mut b]).await;
    assert_eq!((a.users(), b.users()), (0, 0));

    reinstate(&house).await;
    house.calm([&mut a, &mut b]).await;
    assert_eq!(hands.on(&a), ["7 Ada: Ada 3, Ada 6, Ada 7"]);
    assert_eq!(a.person("7").expect("there").user.card, 4_402_017);
    assert_same(&a, &b);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_person_who_is_renamed_at_a_terminal_that_was_off_is_removed_there() {
    for other in [Model::speedface(), Model::iface950(), Model::old(), Model::k40()] {
        let (house, mut hands) = (House::approving().await, Hands::default());
        let story = other.name;
        let [mut a, mut b] = with_ada_and(&house, &mut hands, other).await;
        suspend(&house, None).await;
        house.calm_online([&mut a]).await;

        b.change_name("7", "Countess");
        house.calm([&mut a, &mut b]).await;
        assert_eq!((a.users(), b.users()), (0, 0), "{story}: {:#?}", house.held().await);
        house.held_user("7", HeldKind::Leftover).await;

        reinstate(&house).await;
        house.calm([&mut a, &mut b]).await;
        assert_eq!(hands.on(&a), ["7 Ada: Ada 6, Ada 7"], "{story}");
        assert_same(&a, &b);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_joins_does_not_bring_a_suspended_person_back() {
    for joining in [Joining::Adopt, Joining::Replace] {
        let (house, mut hands) = (House::approving().await, Hands::default());
        let [mut a, mut b] = with_ada(&house, &mut hands).await;
        let content = b.content();
        suspend(&house, None).await;
        house.calm([&mut a, &mut b]).await;

        let third = Device::new(Model::speedface(), "SIM0003").with_content(&content);
        let mut third = house.joined(third, joining).await;
        house.calm([&mut a, &mut b, &mut third]).await;
        assert_eq!((a.users(), b.users(), third.users()), (0, 0, 0), "{joining:?}");

        reinstate(&house).await;
        house.calm([&mut a, &mut b, &mut third]).await;
        assert_eq!(hands.on(&third), ["7 Ada: Ada 6, Ada 7"], "{joining:?}");
        assert_same(&a, &third);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspension_with_a_last_day_ends_when_the_next_day_begins_where_the_server_is() {
    // The last day ends at midnight: in Tokyo that is at 15:00 UTC.
    for (zone, before, after) in [
        ("UTC", "2024-03-13T23:59:00Z", "2024-03-14T00:00:01Z"),
        ("Asia/Tokyo", "2024-03-13T14:59:00Z", "2024-03-13T15:00:01Z"),
    ] {
        let house = House::with(|config| {
            config.devices.fleet.time_zone = jiff::tz::TimeZone::get(zone).expect("a zone");
        })
        .await;
        let mut hands = Hands::default();
        let [mut a, mut b] = with_ada(&house, &mut hands).await;
        suspend(&house, Some(date(2024, 3, 13))).await;
        house.calm([&mut a, &mut b]).await;

        until(&house, before).await;
        assert!(suspended(&house).await.is_some(), "{zone}");
        house.rounds(1, [&mut a, &mut b]).await;
        assert_eq!((a.users(), b.users()), (0, 0), "{zone}");

        until(&house, after).await;
        house.calm([&mut a, &mut b]).await;
        assert_eq!(suspended(&house).await, None, "{zone}");
        assert_eq!(hands.on(&a), ["7 Ada: Ada 6, Ada 7"], "{zone}");
        assert_same(&a, &b);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_last_day_that_an_operator_moves_or_takes_away_does_not_count() {
    let (house, mut hands) = (House::approving().await, Hands::default());
    let [mut a, mut b] = with_ada(&house, &mut hands).await;
    suspend(&house, Some(date(2024, 3, 13))).await;
    let since = suspended(&house).await.expect("suspended").since;
    house.calm([&mut a, &mut b]).await;
    assert!(is_done(&suspend(&house, Some(date(2024, 3, 20))).await));
    until(&house, "2024-03-15T00:00:00Z").await;
    assert_eq!(suspended(&house).await.map(|suspension| suspension.since), Some(since));
    assert!(is_done(&suspend(&house, None).await));
    until(&house, "2025-01-01T00:00:00Z").await;
    house.calm([&mut a, &mut b]).await;
    assert_eq!((a.users(), b.users()), (0, 0));
    assert!(suspended(&house).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_last_day_a_person_is_on_no_terminal_and_still_in_the_fleet() {
    let (house, mut hands) = (House::approving().await, Hands::default());
    let [mut a, mut b] = with_ada(&house, &mut hands).await;
    house.set("7", UserEdit { leaves: Some(Some(date(2024, 3, 31))), ..UserEdit::default() }).await;
    until(&house, "2024-03-31T23:00:00Z").await;
    house.calm([&mut a, &mut b]).await;
    assert_eq!(hands.on(&b), ["7 Ada: Ada 6, Ada 7"]);

    // One terminal is off on that day.
    until(&house, "2024-04-01T00:00:01Z").await;
    house.calm_online([&mut a]).await;
    assert_eq!(a.users(), 0);
    hands.enrol(&mut b, "7", "Ada", 2);
    house.calm([&mut a, &mut b]).await;
    assert_eq!((a.users(), b.users()), (0, 0));
    let left = suspended(&house).await.expect("she has left");
    assert!(left.left && left.until.is_none(), "{left:?}");
    assert!(house.contents(&["7"]).await.len() >= 3, "her record and her fingers are there");
    assert_eq!(suspend(&house, None).await, Suspended::Left(pin("7")));

    assert!(is_done(&reinstate(&house).await));
    until(&house, "2024-05-01T00:00:00Z").await;
    house.calm([&mut a, &mut b]).await;
    assert_eq!(hands.on(&a), ["7 Ada: Ada 6, Ada 7"]);
    assert_same(&a, &b);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_suspended_who_leaves_meanwhile_does_not_come_back_though_the_server_was_off() {
    let (mut house, mut hands) = (House::approving().await, Hands::default());
    let [mut a, mut b] = with_ada(&house, &mut hands).await;
    house.set("7", UserEdit { leaves: Some(Some(date(2024, 3, 31))), ..UserEdit::default() }).await;
    suspend(&house, Some(date(2024, 3, 20))).await;
    house.calm([&mut a, &mut b]).await;

    // At its start a server looks by itself.
    house.stop().await;
    house.advance(Duration::from_hours(60 * 24));
    house.restart().await;
    for _ in 0..200 {
        if suspended(&house).await.is_some_and(|suspension| suspension.left) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    house.calm([&mut a, &mut b]).await;
    assert_eq!((a.users(), b.users()), (0, 0));
    let left = suspended(&house).await.expect("she has left");
    assert!(left.left && left.areas == [Area::EVERYONE], "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_be_suspended_or_reinstated_is_told() {
    let (house, mut hands) = (House::approving().await, Hands::default());
    assert_eq!(suspend(&house, None).await, Suspended::Nobody(pin("7")));
    assert_eq!(reinstate(&house).await, Suspended::Nobody(pin("7")));
    let [mut a, mut b] = with_ada(&house, &mut hands).await;
    assert_eq!(reinstate(&house).await, Suspended::NotSuspended(pin("7")));
    assert!(is_done(&suspend(&house, None).await));
    let head = house.head().await;
    assert!(!is_done(&suspend(&house, None).await));
    assert_eq!(house.head().await, head, "nothing goes to any terminal for it");

    // One of several cannot be suspended: nobody is.
    reinstate(&house).await;
    let (now, both) = (house.now(), [pin("7"), pin("8")]);
    let outcome = house.operate(async |tx| suspension::suspend(tx, &both, None, now).await).await;
    assert_eq!(outcome, Suspended::Nobody(pin("8")));
    house.calm([&mut a, &mut b]).await;
    assert_eq!(hands.on(&a), ["7 Ada: Ada 6, Ada 7"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_owner_of_a_pin_is_not_suspended() {
    for at_a_terminal in [true, false] {
        let (house, mut hands) = (House::approving().await, Hands::default());
        let [mut a, mut b] = with_ada(&house, &mut hands).await;
        suspend(&house, Some(date(2024, 3, 13))).await;
        house.calm([&mut a, &mut b]).await;
        house.delete("7").await;
        house.calm([&mut a, &mut b]).await;
        if at_a_terminal {
            hands.enrol_user(&mut b, "7", "Bob", 1);
        } else {
            house.set_name("7", "Bob").await;
            house.calm([&mut a, &mut b]).await;
            hands.enrol(&mut b, "7", "Bob", 1);
        }
        house.calm([&mut a, &mut b]).await;
        assert_eq!(hands.on(&a), ["7 Bob: Bob 1"], "{at_a_terminal}");
        assert_same(&a, &b);
        assert_eq!(suspended(&house).await, None);

        until(&house, "2024-03-15T00:00:00Z").await;
        house.calm([&mut a, &mut b]).await;
        assert_eq!(hands.on(&a), ["7 Bob: Bob 1"], "{at_a_terminal}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_is_undone_does_not_end_a_suspension() {
    let (house, mut hands) = (House::approving().await, Hands::default());
    let [mut a, mut b] = with_ada(&house, &mut hands).await;
    suspend(&house, None).await;
    house.delete("7").await;
    house.calm([&mut a, &mut b]).await;
    let now = house.now();
    house.operate(async |tx| user::undo(tx, &pin("7"), now).await).await;
    house.calm([&mut a, &mut b]).await;
    assert_eq!((a.users(), b.users()), (0, 0));

    assert!(is_done(&reinstate(&house).await));
    house.calm([&mut a, &mut b]).await;
    assert_eq!(hands.on(&a), ["7 Ada: Ada 6, Ada 7"]);
    assert_same(&a, &b);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_the_suspension_of_somebody_who_is_erased() {
    let (house, mut hands) = (House::approving().await, Hands::default());
    let [mut a, mut b] = with_ada(&house, &mut hands).await;
    house.set("7", UserEdit { leaves: Some(Some(date(2024, 3, 31))), ..UserEdit::default() }).await;
    suspend(&house, None).await;
    house.calm_online([&mut a]).await;
    let now = house.now();
    house.operate(async |tx| user::erase(tx, &pin("7"), Punches::Keep, now).await).await;
    for table in ["suspension", "leaving"] {
        assert_eq!(house.value(&format!("SELECT CAST(COUNT(*) AS CHAR(20)) FROM {table}")).await, "0");
    }
    house.calm([&mut a, &mut b]).await;
    assert_eq!((a.users(), b.users()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_suspends_a_person_and_brings_the_person_back() {
    let program = Program::start();
    let mut a = program.connect(Device::new(Model::speedface(), "SIM0001")).await;
    let mut b = program.connect(Device::new(Model::k40(), "SIM0002")).await;
    let mut hands = Hands::default();
    hands.enrol_user(&mut a, "7", "Ada", 6);
    program.calm([&mut a, &mut b]).await;
    assert_eq!(hands.on(&b), ["7 Ada: Ada 6"]);
    let said = |arguments: &str| {
        let ran = program.run(arguments);
        assert!(ran.status.success(), "{arguments}: {ran:?}");
        String::from_utf8_lossy(&ran.stdout).into_owned()
    };

    said("user suspend 7");
    let owed = said("sync status SIM0002");
    assert!(owed.contains("deletion of user 7, suspended since 20"), "{owed}");
    let shown = said("user show 7");
    assert!(shown.contains("pending: the removal is not confirmed"), "{shown}");
    program.calm([&mut a, &mut b]).await;
    assert_eq!((a.users(), b.users()), (0, 0));
    let shown = said("user show 7");
    assert!(shown.contains("nothing: suspended since 20") && !shown.contains("pending"), "{shown}");

    said("user reinstate 7");
    program.calm([&mut a, &mut b]).await;
    assert_eq!(hands.on(&a), ["7 Ada: Ada 6"]);
    assert_same(&a, &b);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_is_suspended_while_a_terminal_is_asked_about_a_rename_is_removed_there() {
    for other in [Model::speedface(), Model::iface950(), Model::old(), Model::k40()] {
        let (house, mut hands) = (House::approving().await, Hands::default());
        let story = other.name;
        let [mut a, mut b] = with_ada_and(&house, &mut hands, other).await;
        b.change_name("7", "Countess");
        house.rounds(1, [&mut a, &mut b]).await;

        suspend(&house, None).await;
        house.rounds(60, [&mut a, &mut b]).await;
        assert_eq!((a.users(), b.users()), (0, 0), "{story}: {:#?}", house.held().await);
        house.held_user("7", HeldKind::Leftover).await;

        reinstate(&house).await;
        house.calm([&mut a, &mut b]).await;
        assert_eq!(hands.on(&b), ["7 Ada: Ada 6, Ada 7"], "{story}");
        assert_same(&a, &b);
    }
}
