//! Faults of other servers that no other story is about.

use simulator::{Device, Model, difference};
use story::House;

/// Known fault 31: a finger enrolled again at one device replaces the old one on the others, exactly once.
#[tokio::test(flavor = "multi_thread")]
async fn a_finger_enrolled_again_replaces_the_old_one_on_the_others_exactly_once() {
    let house = House::open().await;
    let mut a = house.connect(Device::new(Model::speedface(), "SIM0001")).await;
    let mut b = house.connect(Device::new(Model::speedface(), "SIM0002")).await;
    let mut c = house.connect(Device::new(Model::k40(), "SIM0003")).await;
    a.enrol_user("7", "Ada");
    a.enrol_fingerprint("7", 6);
    house.calm([&mut a, &mut b, &mut c]).await;
    let (before, commands) = (b.content(), house.commands().await);

    a.delete_fingerprint("7", 6);
    a.enrol_fingerprint("7", 6);
    house.calm([&mut a, &mut b, &mut c]).await;

    assert_ne!(b.content(), before);
    assert_eq!(difference(&a.holding(), &b.holding()), []);
    assert_eq!(difference(&a.holding(), &c.holding()), []);
    // One for each device: the one where it was enrolled is told too, should an older one be on its way there.
    assert_eq!(house.commands().await, commands + 3);
}

/// Known fault 23: changes are numbered, not ordered by time. All of this happens within one millisecond of the server.
/// Obligation 190.
#[tokio::test(flavor = "multi_thread")]
async fn changes_of_one_moment_keep_their_order() {
    let house = House::open().await;
    let mut a = house.connect(Device::new(Model::speedface(), "SIM0001")).await;
    let mut b = house.connect(Device::new(Model::speedface(), "SIM0002")).await;
    house.calm([&mut a, &mut b]).await;
    let begun = house.now();
    // Each begins with the one before: whoever completes a name means the same person.
    for name in ["Ada", "Ada Byron", "Ada Byron King", "Ada Byron King Lovelace"] {
        if a.users() == 0 {
            a.enrol_user("7", name);
        } else {
            a.change_name("7", name);
        }
        a.upload_pending().await.expect("the upload is taken");
    }
    assert_eq!(house.now(), begun);

    house.calm([&mut a, &mut b]).await;

    let name = |device: &simulator::Session| device.person("7").map(|person| person.user.name.clone());
    assert_eq!(name(&a), name(&b));
    assert_eq!(name(&b).as_deref(), Some("Ada Byron King Lovelace".as_bytes()));
}
