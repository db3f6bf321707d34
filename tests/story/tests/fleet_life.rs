//! The whole life of a fleet.

use simulator::{Device, Model, difference};
use story::House;

#[tokio::test(flavor = "multi_thread")]
async fn a_person_enrolled_at_one_device_appears_at_the_other() {
    let house = House::open().await;
    let mut a = house.connect(Device::new(Model::speedface(), "SIM0001")).await;
    let mut b = house.connect(Device::new(Model::speedface(), "SIM0002")).await;
    house.calm([&mut a, &mut b]).await;

    a.enrol_user("7", "Ada");
    a.enrol_fingerprint("7", 6);
    a.enrol_face("7");
    house.calm([&mut a, &mut b]).await;

    assert_eq!(difference(&a.holding(), &b.holding()), []);
    assert_eq!(b.users(), 1);
}
