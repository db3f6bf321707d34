//! The routine check: the people of each terminal are read once in some days, although nothing asks for it. And the reading that
//! finds who is missing where a terminal deleted somebody under a number of its own.

use std::time::Duration;

use fleet::user::UserEdit;
use simulator::{Device, Model, Population, Queries, Quirks, Restoring, Session};
use store::HeldKind;
use story::people::Hands;
use story::records::user;
use story::terminal::Terminal;
use story::{House, assert_same, pin};
use sync::Joining;
use sync::intake::Deletion;

const HOUR: Duration = Duration::from_hours(1);

/// The rest of an hour of which nineteen rounds of ten seconds have passed.
const REST: Duration = Duration::from_secs(3_600 - 190);

/// A house whose terminals are read once a week.
async fn weekly() -> House {
    House::with(|config| config.devices.reread_days = 7).await
}

/// So many hours pass. The server looks each hour whose turn it is, and the terminals poll for three minutes.
async fn hours<const N: usize>(house: &House, hours: usize, mut sessions: [&mut Session; N]) {
    for _ in 0..hours {
        house.rounds(1, sessions.each_mut().map(|session| &mut **session)).await;
        house.check_people().await;
        house.rounds(18, sessions.each_mut().map(|session| &mut **session)).await;
        house.advance(REST);
    }
}

/// How often a terminal was asked for all its people.
async fn readings(house: &House, serial_number: &str) -> usize {
    ordered(house, serial_number, "DATA QUERY USERINFO", "").await
}

/// How many commands of the routine check or of others a terminal was sent.
async fn ordered(house: &House, serial_number: &str, verb: &str, arguments: &str) -> usize {
    let device = house.device(serial_number).await.id;
    let mut tx = house.store.read().await.expect("a transaction");
    let orders = tx.orders(Some(device), 10_000).await.expect("the orders");
    orders.iter().filter(|order| order.verb == verb && order.arguments == arguments).count()
}

/// Two terminals. The second one was set back without a word to before the fleet deleted Ada, renamed Bob and hired Cleo. It holds
/// as many people as before.
async fn set_back_silently(house: &House, hands: &mut Hands) -> [Session; 2] {
    let mut a = house.joined(Device::new(Model::speedface(), "SIM0001"), Joining::Adopt).await;
    let mut b = house.joined(Device::new(Model::speedface(), "SIM0002"), Joining::Adopt).await;
    hands.enrol_user(&mut a, "7", "Ada", 6);
    hands.enrol_user(&mut a, "8", "Bob", 1);
    house.calm([&mut a, &mut b]).await;
    let backup = b.backup();
    house.delete("7").await;
    house.set("8", UserEdit { name: Some("Robert".into()), ..UserEdit::default() }).await;
    hands.enrol_user(&mut a, "9", "Cleo", 3);
    house.calm([&mut a, &mut b]).await;
    hands.enrol(&mut a, "8", "Robert", 2);
    house.calm([&mut a, &mut b]).await;

    b.restore(&backup, Restoring::Silently);
    assert_eq!(hands.on(&b), ["7 Ada: Ada 6", "8 Bob: Bob 1"]);
    [a, b]
}

const RIGHT: [&str; 2] = ["8 Robert: Bob 1, Robert 2", "9 Cleo: Cleo 3"];

#[tokio::test(flavor = "multi_thread")]
async fn a_silently_restored_terminal_is_found_without_anybody_asking() {
    let (house, mut hands) = (weekly().await, Hands::default());
    let [mut a, mut b] = Box::pin(set_back_silently(&house, &mut hands)).await;

    hours(&house, 8 * 24, [&mut a, &mut b]).await;

    assert_eq!(hands.on(&a), RIGHT, "nobody who left is back");
    assert_eq!(hands.on(&b), RIGHT);
    assert_same(&a, &b);
    assert!(house.device("SIM0002").await.people_read_at.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silently_restored_terminal_stays_as_it_is_where_the_check_is_off() {
    let (house, mut hands) = (House::approving().await, Hands::default());
    let [mut a, mut b] = Box::pin(set_back_silently(&house, &mut hands)).await;

    hours(&house, 8 * 24, [&mut a, &mut b]).await;

    assert_eq!(hands.on(&a), RIGHT);
    assert_eq!(hands.on(&b), ["7 Ada: Ada 6", "8 Bob: Bob 1"]);
    assert_eq!(readings(&house, "SIM0002").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn terminals_at_rest_are_read_once_in_the_days_of_the_setting() {
    let house = weekly().await;
    let names = ["SIM0001", "SIM0002", "SIM0003"];
    let mut hands = Hands::default();
    let mut a = house.joined(Device::new(Model::speedface(), names[0]), Joining::Adopt).await;
    let mut b = house.joined(Device::new(Model::iface950(), names[1]), Joining::Adopt).await;
    let mut c = house.joined(Device::new(Model::k40(), names[2]), Joining::Adopt).await;
    hands.enrol_user(&mut a, "7", "Ada", 6);
    hands.enrol_user(&mut a, "8", "Bob", 1);
    house.calm([&mut a, &mut b, &mut c]).await;
    let head = house.head().await;

    // They were read when they were approved: the first week is quiet.
    hours(&house, 6 * 24, [&mut a, &mut b, &mut c]).await;
    let read = async |times: usize, when: &str| {
        for name in names {
            assert_eq!(readings(&house, name).await, times, "{name} {when}");
        }
    };
    read(0, "on the sixth day").await;
    hours(&house, 2 * 24, [&mut a, &mut b, &mut c]).await;
    read(1, "on the eighth day").await;
    hours(&house, 5 * 24, [&mut a, &mut b, &mut c]).await;
    read(1, "on the thirteenth day").await;
    hours(&house, 2 * 24, [&mut a, &mut b, &mut c]).await;
    read(2, "on the fifteenth day").await;

    assert_eq!(house.head().await, head, "nothing changed by it");
    for name in names {
        let device = house.device(name).await;
        assert_eq!((device.rereads, device.spot_checks), (None, 0), "{name}");
        assert!(house.status_of(name).await.in_sync, "{name}");
        let was_read = device.people_read_at > device.approved_at.map(|at| at.plus(14 * 24 * 3_600_000));
        assert_eq!(was_read, name != "SIM0003", "the last one answers no queries: {name}");
        assert_eq!(ordered(&house, name, "CHECK", "").await, 1, "{name} never uploaded everything again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_terminal_an_hour_has_its_turn_in_a_small_fleet_and_none_twice_on_a_day() {
    let house = House::with(|config| config.devices.reread_days = 1).await;
    let mut a = house.joined(Device::new(Model::speedface(), "SIM0001"), Joining::Adopt).await;
    let mut b = house.joined(Device::new(Model::speedface(), "SIM0002"), Joining::Adopt).await;
    let other = house.beside().await;
    house.advance(Duration::from_hours(25));
    house.rounds(2, [&mut a, &mut b]).await;

    assert_eq!((house.check_people().await, house.check_people().await), (1, 0));
    assert_eq!(other.check_people().await, 0, "the servers share the rate");
    house.rounds(18, [&mut a, &mut b]).await;
    house.advance(HOUR);
    house.rounds(1, [&mut a, &mut b]).await;
    assert_eq!((house.check_people().await, other.check_people().await), (1, 0));
    house.rounds(18, [&mut a, &mut b]).await;

    hours(&house, 22, [&mut a, &mut b]).await;
    for name in ["SIM0001", "SIM0002"] {
        assert_eq!(readings(&house, name).await, 1, "{name}");
    }
    hours(&house, 3, [&mut a, &mut b]).await;
    for name in ["SIM0001", "SIM0002"] {
        assert_eq!(readings(&house, name).await, 2, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_is_off_has_its_turn_when_it_is_back() {
    let house = weekly().await;
    let mut a = house.joined(Device::new(Model::speedface(), "SIM0001"), Joining::Adopt).await;
    let mut b = house.joined(Device::new(Model::speedface(), "SIM0002"), Joining::Adopt).await;

    hours(&house, 9 * 24, [&mut a]).await;
    assert_eq!((readings(&house, "SIM0001").await, readings(&house, "SIM0002").await), (1, 0));
    hours(&house, 2, [&mut a, &mut b]).await;
    assert_eq!((readings(&house, "SIM0001").await, readings(&house, "SIM0002").await), (1, 1));
}

/// A terminal of the first generation that names internal numbers in its log; it may not tell how many people it holds.
fn old(serial_number: &str, (queries, bare_info): (Queries, bool)) -> Device {
    let queries = Some(queries);
    let quirks = Quirks { logs_internal_numbers: true, queries, bare_info, ..Model::old().quirks };
    Device::new(Model::old(), serial_number).with_quirks(quirks)
}

/// An old terminal that names internal numbers in its log, and another one. Its PIN 902 has the internal number 2; PIN 2 is
/// somebody else.
async fn with_internal_numbers(house: &House, hands: &mut Hands, way: (Queries, bool)) -> [Session; 2] {
    let mut a = house.joined(Device::new(Model::speedface(), "SIM0001"), Joining::Adopt).await;
    let mut b = house.joined(old("SIM0002", way), Joining::Adopt).await;
    hands.enrol_user(&mut b, "2", "Bob", 1);
    hands.enrol_user(&mut b, "902", "Cleo", 6);
    hands.enrol_user(&mut b, "903", "Dan", 3);
    house.calm([&mut a, &mut b]).await;
    assert_eq!(b.internal_number("902"), Some(2));
    [a, b]
}

async fn with_policy(deletion: Deletion) -> House {
    House::with(|config| config.devices.deletion = deletion).await
}

const ALL: [&str; 3] = ["2 Bob: Bob 1", "902 Cleo: Cleo 6", "903 Dan: Dan 3"];
const WITHOUT_CLEO: [&str; 2] = ["2 Bob: Bob 1", "903 Dan: Dan 3"];

/// How terminals answer the query of all people: with all of them, with nothing, or not at all. The second and the third are
/// asked for everything.
const WAYS: [Queries; 4] =
    [Queries::InTurn, Queries::Marked, Queries::FirstGeneration, Queries::NotUnderstood];

#[tokio::test(flavor = "multi_thread")]
async fn who_was_deleted_under_an_internal_number_is_found_and_goes_everywhere() {
    for (queries, bare_info) in WAYS.into_iter().flat_map(|queries| [(queries, false), (queries, true)]) {
        let (house, mut hands) = (with_policy(Deletion::Propagate).await, Hands::default());
        let [mut a, mut b] = with_internal_numbers(&house, &mut hands, (queries, bare_info)).await;

        b.delete_user("902");
        house.calm([&mut a, &mut b]).await;
        hours(&house, 2, [&mut a, &mut b]).await;

        assert_eq!(hands.on(&a), WITHOUT_CLEO, "{queries:?}, {bare_info}");
        assert_eq!(hands.on(&b), WITHOUT_CLEO, "{queries:?}, {bare_info}");
        let now = house.now();
        let back = house.operate(async |tx| fleet::user::undo(tx, &pin("902"), now).await).await;
        assert!(back > 0, "the deletion can be undone");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_deleted_under_an_internal_number_comes_back_where_deletions_are_undone() {
    let (house, mut hands) = (with_policy(Deletion::Restore).await, Hands::default());
    let [mut a, mut b] = with_internal_numbers(&house, &mut hands, (Queries::FirstGeneration, false)).await;

    b.delete_user("902");
    house.calm([&mut a, &mut b]).await;
    hours(&house, 2, [&mut a, &mut b]).await;

    assert_eq!(hands.on(&a), ALL);
    assert_eq!(hands.on(&b), ALL);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_deleted_under_an_internal_number_waits_for_a_decision_where_the_server_asks() {
    let (house, mut hands) = (with_policy(Deletion::Ask).await, Hands::default());
    let [mut a, mut b] = with_internal_numbers(&house, &mut hands, (Queries::FirstGeneration, false)).await;

    b.delete_user("902");
    house.calm([&mut a, &mut b]).await;
    hours(&house, 2, [&mut a, &mut b]).await;

    assert_eq!(hands.on(&a), ALL);
    assert_eq!(hands.on(&b), WITHOUT_CLEO);
    let held = house.held().await;
    let [record] = held.as_slice() else { panic!("one decision waits: {held:#?}") };
    assert_eq!((record.kind, record.pin.as_ref()), (HeldKind::Deletion, Some(&pin("902"))));
}

/// More people are missing than were deleted: the terminal was set back, and lacks Dan for that.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_deleted_where_more_people_are_missing_than_were_deleted() {
    let (house, mut hands) = (with_policy(Deletion::Propagate).await, Hands::default());
    let mut a = house.joined(Device::new(Model::speedface(), "SIM0001"), Joining::Adopt).await;
    let mut b = house.joined(old("SIM0002", (Queries::FirstGeneration, false)), Joining::Adopt).await;
    hands.enrol_user(&mut b, "2", "Bob", 1);
    hands.enrol_user(&mut b, "902", "Cleo", 6);
    house.calm([&mut a, &mut b]).await;
    let backup = b.backup();
    hands.enrol_user(&mut b, "903", "Dan", 3);
    house.calm([&mut a, &mut b]).await;

    b.restore(&backup, Restoring::Silently);
    b.delete_user("902");
    house.calm([&mut a, &mut b]).await;
    hours(&house, 2, [&mut a, &mut b]).await;

    assert_eq!(hands.on(&a), ALL);
    assert_eq!(hands.on(&b), ALL);
}

/// A terminal whose people are right, and which lacks a finger since it was set back without a word.
async fn without_a_finger(templates: u32) -> Vec<String> {
    let house = House::with(|config| {
        config.devices.reread_days = 7;
        config.devices.reread_templates = templates;
    })
    .await;
    let mut hands = Hands::default();
    let mut a = house.joined(Device::new(Model::speedface(), "SIM0001"), Joining::Adopt).await;
    let mut b = house.joined(Device::new(Model::speedface(), "SIM0002"), Joining::Adopt).await;
    hands.enrol_user(&mut a, "7", "Ada", 6);
    house.calm([&mut a, &mut b]).await;
    let backup = b.backup();
    hands.enrol(&mut a, "7", "Ada", 2);
    house.calm([&mut a, &mut b]).await;
    b.restore(&backup, Restoring::Silently);

    hours(&house, 9 * 24, [&mut a, &mut b]).await;
    assert_eq!(house.device("SIM0002").await.spot_checks, 0, "each was asked for");
    hands.on(&b)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finger_that_a_terminal_lost_is_found_by_spot_checks_alone() {
    assert_eq!(without_a_finger(20).await, ["7 Ada: Ada 2, Ada 6"]);
    assert_eq!(without_a_finger(0).await, ["7 Ada: Ada 6"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_looks_by_itself_whose_turn_it_is() {
    let mut house = weekly().await;
    let mut a = house.joined(Device::new(Model::speedface(), "SIM0001"), Joining::Adopt).await;
    house.advance(Duration::from_hours(8 * 24));
    house.rounds(1, [&mut a]).await;

    // It looks when it starts, and then once a minute.
    house.restart().await;
    let asked = async {
        while readings(&house, "SIM0001").await == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), asked).await.expect("the device is asked within a minute");
}

const RAW: &str = "SIM0009";

/// A terminal that was taken in with Ada more than a week ago.
async fn with_ada(house: &House) -> Terminal<'_> {
    let terminal = Terminal::approved(house, RAW, Joining::Adopt).await;
    terminal.greet().await;
    terminal.poll_holding(1).await;
    terminal.upload("OPERLOG", &user("1", "Ada")).await;
    terminal.poll_for(Duration::from_mins(5)).await;
    assert!(!terminal.is_joining().await);
    house.advance(Duration::from_hours(8 * 24));
    assert_eq!(terminal.poll().await, "");
    terminal
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_was_read_today_is_not_asked_again_for_a_surplus() {
    let house = weekly().await;
    let terminal = with_ada(&house).await;
    assert_eq!(house.check_people().await, 1);
    let commands = terminal.poll().await;
    assert!(commands.contains("INFO") && commands.contains("DATA QUERY USERINFO"), "{commands}");
    terminal.upload("USERINFO", &user("1", "Ada")).await;
    terminal.poll_for(Duration::from_mins(1)).await;
    assert_eq!(house.device(RAW).await.rereads, None, "it showed all its people");

    assert_eq!(terminal.poll_holding(2).await, "");
    let commands = terminal.poll_for(Duration::from_hours(1)).await;
    assert!(!commands.contains("CHECK"), "{commands}");
    assert!(!terminal.status().await.in_sync, "the surplus shows all the same");

    house.advance(Duration::from_hours(23));
    let commands = terminal.poll_for(Duration::from_mins(20)).await;
    assert_eq!(commands.matches("CHECK").count(), 1, "{commands}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_was_asked_for_a_surplus_today_is_not_read_by_routine() {
    let house = weekly().await;
    let terminal = with_ada(&house).await;
    terminal.poll_holding(2).await;
    let commands = terminal.poll_for(Duration::from_mins(2)).await;
    assert_eq!(commands.matches("CHECK").count(), 1, "{commands}");

    house.advance(Duration::from_hours(22));
    terminal.poll().await;
    assert_eq!(house.check_people().await, 0);
    // Before a surplus that lasts is asked about once more.
    house.advance(HOUR);
    assert_eq!(terminal.poll().await, "");
    assert_eq!(house.check_people().await, 1);
}

/// The terminal shows one of the three people that it says to hold, and then nobody for long: nothing is concluded from that.
#[tokio::test(flavor = "multi_thread")]
async fn a_reading_that_breaks_off_deletes_nobody_and_sends_nothing() {
    let house = weekly().await;
    let terminal = with_ada(&house).await;
    terminal.upload("OPERLOG", &(user("2", "Bob") + &user("3", "Cleo"))).await;
    terminal.poll_holding(3).await;
    terminal.poll_for(Duration::from_mins(5)).await;
    assert_eq!(house.check_people().await, 1);
    terminal.poll_holding(3).await;
    terminal.upload("USERINFO", &user("1", "Ada")).await;
    let head = house.head().await;

    assert_eq!(terminal.poll_for(Duration::from_mins(30)).await, "");

    let device = house.device(RAW).await;
    assert_eq!((device.rereads, house.head().await), (None, head));
    assert!(device.hides_people(), "`muster device show` says so");
}

/// What docs/operations.md says that a reading costs: measured here.
#[tokio::test(flavor = "multi_thread")]
async fn to_read_a_thousand_people_costs_a_small_part_of_all_that_a_terminal_holds() {
    let house = weekly().await;
    let people = Population {
        users: 1_000,
        fingerprints: 2,
        faces_percent: 0,
        palms_percent: 0,
        user_photos_percent: 0,
    };
    let mut full = Device::new(Model::speedface(), "SIM0001");
    (0..people.users).for_each(|person| people.enrol(person, 5, &mut full));
    let mut session = house.joined(full, Joining::Adopt).await.remembering(2_000);
    house.advance(Duration::from_hours(8 * 24));
    house.rounds(1, [&mut session]).await;
    let before = posted(&session);
    assert_eq!(house.check_people().await, 1);
    house.rounds(60, [&mut session]).await;
    assert!(house.device("SIM0001").await.people_read_at > house.device("SIM0001").await.people_checked_at);
    let read = posted(&session) - before;

    let (device, now) = (house.device("SIM0001").await.id, house.now());
    house.operate(async |tx| fleet::reread::ask_for_everything(tx, device, now).await).await;
    session.require_handshake();
    house.rounds(60, [&mut session]).await;
    let all = posted(&session) - before - read;

    eprintln!("1,000 people: {read} bytes to read them, {all} bytes with two fingers each");
    assert!((60_000..150_000).contains(&read), "{read}");
    assert!(all > 15 * read, "{all}");
}

/// How many bytes a terminal has posted, of the exchanges that it remembers.
fn posted(session: &Session) -> usize {
    session.exchanges().map(|exchange| exchange.posted.len()).sum()
}
