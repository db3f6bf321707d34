//! Who becomes part of the fleet, with whom, and who is an administrator.

use fleet::device::DeviceState;
use fleet::held::Resolution;
use fleet::user::UserEdit;
use listener::Admission;
use simulator::{Device, Model, Population, Session, SessionError, Standing};
use store::{HeldKind, HeldRow};
use story::{House, assert_same, pin};
use sync::Joining;
use sync::intake::PrivilegePolicy;

/// A visible-light terminal that worked alone until now, with these people; everybody has a finger and a face.
fn with_people(serial_number: &str, people: &[(&str, &str)]) -> Device {
    let mut alone = Device::new(Model::speedface(), "ALONE").with_seed(serial_number.len() as u64);
    for (who, name) in people {
        alone.enrol_user(who, name);
        alone.enrol_fingerprint(who, 6);
        alone.enrol_face(who);
    }
    Device::new(Model::speedface(), serial_number).with_content(&alone.content())
}

async fn approve(house: &House, serial_number: &str, joining: Joining) {
    let (device, now) = (house.device(serial_number).await, house.now());
    house.operate(async |tx| fleet::device::approve(tx, &device, joining, now).await).await;
}

async fn joined(house: &House, device: Device, joining: Joining) -> Session {
    let serial_number = device.serial().to_owned();
    let mut session = house.connect(device).await;
    approve(house, &serial_number, joining).await;
    house.calm_online([&mut session]).await;
    session
}

async fn resolve(house: &House, record: &HeldRow, resolution: Resolution) {
    let mut tx = house.store.write().await.expect("a transaction");
    fleet::held::resolve(&mut tx, record.id, resolution, house.rules(), house.now()).await.expect("resolved");
    tx.commit().await.expect("written");
    house.look().await;
}

fn name(session: &Session, who: &str) -> String {
    let person = session.person(who).unwrap_or_else(|| panic!("{} lacks {who}", session.serial()));
    String::from_utf8_lossy(&person.user.name).into_owned()
}

fn privilege(session: &Session, who: &str) -> i32 {
    session.person(who).expect("there").user.privilege
}

/// Obligations 39, 40.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_device_waits_with_401_and_changes_nothing() {
    let house = House::approving().await;
    let mut a = house.connect(with_people("SIM0001", &[("7", "Ada")])).await;
    assert_eq!(a.standing(), Standing::Waiting);
    a.enrol_user("8", "Bob");
    for _ in 0..5 {
        assert!(matches!(a.poll_once().await, Err(SessionError::Waiting { .. })));
        assert_eq!(a.last_answer().expect("an answer").status, 401);
    }

    let status = house.status_of("SIM0001").await;
    assert_eq!((status.state, status.in_sync), (DeviceState::New, false));
    assert_eq!((house.head().await, house.commands().await, house.held().await.len()), (0, 0, 0));
    assert!(a.pending() > 0, "it keeps what it has to tell");
}

/// Tokens are for the encrypted variant of the protocol; in clear they prove nothing, and their absence neither.
///
/// Obligation 42.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_a_cookie_admits_nobody_and_keeps_nobody_out() {
    let house = House::approving().await;
    let poll = |serial_number: &str, token: &str| {
        format!(
            "GET /iclock/getrequest?SN={serial_number} HTTP/1.1\r\nHost: 192.0.2.10\r\n\
             Connection: close\r\nCookie: token={token}\r\n\r\n"
        )
    };
    house.connect(Device::new(Model::speedface(), "SIM0001")).await;
    approve(&house, "SIM0001", Joining::Adopt).await;

    // A made-up device shows the token that an approved one showed.
    for token in ["d1904c7be52f683ab0c7715e2849f6ad", "", "another"] {
        assert_eq!(house.send(poll("SIM0001", token).as_bytes()).await.status(), 200, "{token}");
        assert_eq!(house.send(poll("SIM0002", token).as_bytes()).await.status(), 401, "{token}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_device_had_to_tell_before_its_approval_arrives_after_it() {
    let house = House::approving().await;
    let mut b = joined(&house, Device::new(Model::k40(), "SIM0002"), Joining::Adopt).await;
    let mut a = house.connect(Device::new(Model::speedface(), "SIM0001")).await;
    a.enrol_user("8", "Bob");
    a.enrol_fingerprint("8", 1);
    assert!(a.step().await.is_err());

    approve(&house, "SIM0001", Joining::Adopt).await;
    house.calm([&mut a, &mut b]).await;

    assert_same(&a, &b);
    assert_eq!(b.users(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_approved_with_adopt_brings_its_people_and_gets_the_others() {
    let house = House::approving().await;
    let mut a = joined(&house, with_people("SIM0001", &[("1", "Ada"), ("2", "Bob")]), Joining::Adopt).await;
    let mut b = joined(&house, with_people("SIM0002", &[("3", "Cleo")]), Joining::Adopt).await;
    house.calm([&mut a, &mut b]).await;

    assert_eq!((a.users(), b.users()), (3, 3));
    assert_same(&a, &b);
    assert_eq!(house.held().await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_devices_with_the_same_people_are_adopted_without_a_conflict() {
    let house = House::approving().await;
    let people = Population {
        users: 30,
        fingerprints: 2,
        faces_percent: 50,
        palms_percent: 50,
        user_photos_percent: 50,
    };
    let mut alone = Device::new(Model::speedface(), "ALONE");
    (0..people.users).for_each(|person| people.enrol(person, 5, &mut alone));
    let twin = |serial| Device::new(Model::speedface(), serial).with_content(&alone.content());
    let mut a = joined(&house, twin("SIM0001"), Joining::Adopt).await;
    let head = house.head().await;

    let mut b = joined(&house, twin("SIM0002"), Joining::Adopt).await;
    house.calm([&mut a, &mut b]).await;

    assert_same(&a, &b);
    assert_eq!((house.head().await, house.held().await.len()), (head, 0));
}

/// A fleet in which PIN 7 is Ada, and a device that is adopted and means Bob by it. The device has one more person.
async fn conflict(house: &House) -> (Session, Session, HeldRow) {
    let mut a = joined(house, with_people("SIM0001", &[("7", "Ada")]), Joining::Adopt).await;
    let mut b = joined(house, with_people("SIM00002", &[("7", "Bob"), ("8", "Cleo")]), Joining::Adopt).await;
    house.calm([&mut a, &mut b]).await;
    assert_eq!((name(&a, "7"), name(&b, "7")), ("Ada".to_owned(), "Bob".to_owned()));
    assert_eq!((a.users(), b.users()), (2, 2), "everybody else is synchronised");
    let held = house.held().await;
    let record = held.iter().find(|record| record.tag == "USER").expect("the user is held").clone();
    assert!(held.iter().all(|record| record.kind == HeldKind::Conflict));
    assert!(record.reason.contains("a different person under PIN 7"), "{}", record.reason);
    (a, b, record)
}

/// Obligation 192.
#[tokio::test(flavor = "multi_thread")]
async fn a_pin_with_another_name_is_held_and_the_operator_says_that_the_fleet_is_right() {
    let house = House::approving().await;
    let (mut a, mut b, record) = conflict(&house).await;
    assert!(house.status_of("SIM00002").await.parked > 0);
    assert!(!house.status_of("SIM00002").await.in_sync, "it is shown");

    resolve(&house, &record, Resolution::Fleet).await;
    house.calm([&mut a, &mut b]).await;

    assert_same(&a, &b);
    assert_eq!((name(&a, "7"), name(&b, "7")), ("Ada".to_owned(), "Ada".to_owned()));
    assert_eq!(a.person("7").expect("there").templates, b.person("7").expect("there").templates);
    assert_eq!(house.held().await.len(), 0);
    assert!(house.status_of("SIM00002").await.in_sync);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_with_another_name_is_held_and_the_operator_says_that_the_device_is_right() {
    let house = House::approving().await;
    let (mut a, mut b, record) = conflict(&house).await;
    let of_bob = b.person("7").expect("there").templates.clone();

    resolve(&house, &record, Resolution::Device).await;
    house.calm([&mut a, &mut b]).await;

    assert_same(&a, &b);
    assert_eq!((name(&a, "7"), name(&b, "7")), ("Bob".to_owned(), "Bob".to_owned()));
    assert_eq!(a.person("7").expect("there").templates, of_bob, "nothing of Ada opens a door for Bob");
    assert_eq!(house.held().await.len(), 0);
    assert!(house.status_of("SIM00002").await.in_sync);
}

/// Obligation 192.
#[tokio::test(flavor = "multi_thread")]
async fn what_happens_at_a_device_to_a_pin_in_conflict_reaches_nobody_else() {
    let house = House::approving().await;
    let (mut a, mut b, _) = conflict(&house).await;

    b.change_name("7", "Bob the second");
    b.enrol_fingerprint("7", 2);
    a.change_card("7", 4_402_017);
    house.calm([&mut a, &mut b]).await;
    b.delete_user("7");
    house.calm([&mut a, &mut b]).await;

    assert_eq!((name(&a, "7"), a.person("7").expect("there").user.card), ("Ada".to_owned(), 4_402_017));
    assert_eq!(a.person("7").expect("there").templates.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_approved_with_replace_is_made_equal_and_loses_its_own_people() {
    let house = House::approving().await;
    let mut a = joined(&house, with_people("SIM0001", &[("1", "Ada"), ("2", "Bob")]), Joining::Adopt).await;
    let theirs = with_people("SIM00002", &[("2", "Somebody else"), ("3", "Cleo"), ("4", "Dan")]);
    let mut b = joined(&house, theirs, Joining::Replace).await;
    house.calm([&mut a, &mut b]).await;

    assert_eq!((a.users(), b.users()), (2, 2));
    assert_same(&a, &b);
    assert_eq!(a.person("2").expect("there").templates, b.person("2").expect("there").templates);
    assert_eq!(name(&a, "2"), "Bob");
    assert_eq!(house.held().await.len(), 0);

    // Who was only on that device can be enrolled again, at any.
    b.enrol_user("3", "A new one");
    house.calm([&mut a, &mut b]).await;
    assert_eq!((name(&a, "3"), a.users()), ("A new one".to_owned(), 3));
}

/// Obligation 39.
#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_device_stays_out_and_brings_nobody_back() {
    let house = House::approving().await;
    let mut a = joined(&house, with_people("SIM0001", &[("1", "Ada"), ("2", "Bob")]), Joining::Adopt).await;
    let mut b = joined(&house, Device::new(Model::speedface(), "SIM0002"), Joining::Adopt).await;
    house.calm([&mut a, &mut b]).await;
    let device = house.device("SIM0001").await;
    let now = house.now();
    house.operate(async |tx| fleet::device::retire(tx, &device, now).await).await;
    let until = house.rules().undo_until(now);
    house.operate(async |tx| fleet::user::delete(tx, &pin("2"), None, now, Some(until)).await).await;
    house.calm_online([&mut b]).await;
    let (head, commands) = (house.head().await, house.commands().await);

    a.change_name("1", "Somebody else");
    a.enrol_user("9", "Eva");
    for _ in 0..5 {
        assert!(a.step().await.is_err());
        house.calm_online([&mut b]).await;
    }

    assert_eq!(a.standing(), Standing::Waiting);
    assert_eq!((a.users(), b.users()), (3, 1), "what it holds stays on it");
    assert_eq!((house.head().await, house.commands().await), (head, commands));
    assert_eq!(house.status_of("SIM0001").await.state, DeviceState::Retired);
}

/// Known fault 21: a retired device does not come back by calling.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_comes_back_after_its_retirement_does_not_bring_back_who_was_deleted_meanwhile() {
    let house = House::approving().await;
    let mut a = joined(&house, with_people("SIM0001", &[("1", "Ada"), ("2", "Bob")]), Joining::Adopt).await;
    let mut b = joined(&house, Device::new(Model::speedface(), "SIM0002"), Joining::Adopt).await;
    house.calm([&mut a, &mut b]).await;
    let (device, now) = (house.device("SIM0001").await, house.now());
    house.operate(async |tx| fleet::device::retire(tx, &device, now).await).await;
    let until = house.rules().undo_until(now);
    house.operate(async |tx| fleet::user::delete(tx, &pin("2"), None, now, Some(until)).await).await;
    house.calm_online([&mut b]).await;

    approve(&house, "SIM0001", Joining::Replace).await;
    house.calm([&mut a, &mut b]).await;

    assert_eq!((a.users(), b.users()), (1, 1));
    assert_same(&a, &b);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_deleted_by_the_fleet_and_brought_by_an_adopted_device_is_removed_there_and_held() {
    let house = House::approving().await;
    let mut a = joined(&house, with_people("SIM0001", &[("1", "Ada"), ("2", "Bob")]), Joining::Adopt).await;
    let (now, until) = (house.now(), house.rules().undo_until(house.now()));
    house.operate(async |tx| fleet::user::delete(tx, &pin("2"), None, now, Some(until)).await).await;
    house.calm([&mut a]).await;

    let mut b = joined(&house, with_people("SIM0002", &[("2", "Bob"), ("3", "Cleo")]), Joining::Adopt).await;
    house.calm([&mut a, &mut b]).await;

    assert_eq!(a.person("2"), None, "nobody comes back by an upload");
    assert_eq!(a.users(), 2);
    let held = house.held().await;
    let record = held.iter().find(|record| record.tag == "USER").expect("held");
    assert_eq!(record.kind, HeldKind::Leftover);
    assert_eq!((b.person("2"), b.users()), (None, 2), "nor does he get in there");

    resolve(&house, record, Resolution::Fleet).await;
    house.calm([&mut a, &mut b]).await;
    assert_eq!((b.person("2"), house.held().await.len()), (None, 0));
    assert_same(&a, &b);
}

#[tokio::test(flavor = "multi_thread")]
async fn under_open_admission_everybody_joins_at_once() {
    let house = House::open().await;
    let mut a = house.connect(with_people("SIM0001", &[("1", "Ada")])).await;
    let mut b = house.connect(with_people("SIM0002", &[("2", "Bob")])).await;
    assert_eq!((a.standing(), b.standing()), (Standing::Connected, Standing::Connected));
    house.calm([&mut a, &mut b]).await;

    assert_same(&a, &b);
    assert_eq!(a.users(), 2);
    a.change_privilege("2", 14);
    house.calm([&mut a, &mut b]).await;
    assert_eq!((privilege(&b, "2"), house.held().await.len()), (14, 0), "a lab trusts its devices");
}

/// Two devices of a fleet in which devices wait for approval; Ada, an administrator since before, and Bob.
async fn with_an_administrator(house: &House) -> (Session, Session) {
    let mut device = with_people("SIM0001", &[("1", "Ada"), ("2", "Bob")]);
    device.change_privilege("1", 14);
    let mut a = joined(house, device, Joining::Adopt).await;
    let mut b = joined(house, Device::new(Model::speedface(), "SIM0002"), Joining::Adopt).await;
    house.calm([&mut a, &mut b]).await;
    assert_eq!((privilege(&b, "1"), house.held().await.len()), (14, 0), "what was there before is confirmed");
    (a, b)
}

/// Obligation 193.
#[tokio::test(flavor = "multi_thread")]
async fn a_privilege_raised_at_a_device_is_held_and_the_device_is_set_back() {
    let house = House::approving().await;
    let (mut a, mut b) = with_an_administrator(&house).await;

    a.change_name("2", "Robert");
    a.change_privilege("2", 14);
    house.calm([&mut a, &mut b]).await;

    assert_eq!((privilege(&a, "2"), privilege(&b, "2")), (0, 0));
    assert_eq!(
        (name(&a, "2"), name(&b, "2")),
        ("Robert".to_owned(), "Robert".to_owned()),
        "the rest is an edit"
    );
    let held = house.held().await;
    assert_eq!((held.len(), held[0].kind, held[0].pin.clone()), (1, HeldKind::Privilege, Some(pin("2"))));

    resolve(&house, &held[0], Resolution::Device).await;
    house.calm([&mut a, &mut b]).await;
    assert_eq!((privilege(&a, "2"), privilege(&b, "2")), (14, 14));
    assert_eq!(house.held().await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_privilege_that_the_operator_refuses_stays_refused() {
    let house = House::approving().await;
    let (mut a, mut b) = with_an_administrator(&house).await;
    a.change_privilege("2", 14);
    house.calm([&mut a, &mut b]).await;

    let held = house.held().await;
    resolve(&house, &held[0], Resolution::Fleet).await;
    house.calm([&mut a, &mut b]).await;

    assert_eq!((privilege(&a, "2"), privilege(&b, "2")), (0, 0));
    assert_eq!(house.held().await.len(), 0);
    a.change_privilege("2", 14);
    house.calm([&mut a, &mut b]).await;
    assert_eq!((privilege(&b, "2"), house.held().await.len()), (0, 1), "the next try is asked about again");
}

/// Obligation 193.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_user_enrolled_as_an_administrator_is_there_without_the_privilege() {
    let house = House::approving().await;
    let (mut a, mut b) = with_an_administrator(&house).await;

    a.enrol_user("3", "Mallory");
    a.change_privilege("3", 14);
    house.calm([&mut a, &mut b]).await;

    assert_eq!((privilege(&a, "3"), privilege(&b, "3")), (0, 0));
    assert_eq!(house.held().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_privilege_that_is_lowered_at_a_device_that_keeps_privileges_waits_for_an_operator() {
    let house = House::approving().await;
    let (mut a, mut b) = with_an_administrator(&house).await;
    a.change_privilege("1", 0);
    house.calm([&mut a, &mut b]).await;
    assert_eq!(privilege(&b, "1"), 14, "this device may not keep privileges");
    // It shows another one, and the operator agrees.
    a.change_privilege("2", 14);
    house.calm([&mut a, &mut b]).await;
    resolve(&house, &house.held().await[0], Resolution::Device).await;
    house.calm([&mut a, &mut b]).await;
    assert_eq!(privilege(&b, "2"), 14);

    a.change_privilege("1", 0);
    house.calm([&mut a, &mut b]).await;

    let held = house.held().await;
    assert_eq!((privilege(&b, "1"), held.len(), held[0].kind), (14, 1, HeldKind::Credential));
    resolve(&house, &held[0], Resolution::Device).await;
    house.calm([&mut a, &mut b]).await;
    assert_eq!((privilege(&a, "1"), privilege(&b, "1"), house.held().await.len()), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_never_a_privilege_raised_at_a_device_is_undone_and_nothing_is_asked() {
    let house = House::with(|config| {
        config.devices.admission = Admission::Approve;
        config.devices.privilege = Some(PrivilegePolicy::Never);
    })
    .await;
    let (mut a, mut b) = with_an_administrator(&house).await;

    a.change_privilege("2", 14);
    house.calm([&mut a, &mut b]).await;
    assert_eq!((privilege(&a, "2"), privilege(&b, "2"), house.held().await.len()), (0, 0, 0));

    let (now, edit) = (house.now(), UserEdit { privilege: Some(14), ..UserEdit::default() });
    house.operate(async |tx| fleet::user::set(tx, &pin("2"), &edit, now).await).await;
    house.calm([&mut a, &mut b]).await;
    assert_eq!((privilege(&a, "2"), privilege(&b, "2")), (14, 14), "an operator's word counts");
}
