//! Device clocks, device keys, and PINs with letters.

use std::collections::BTreeMap;

use store::{DeviceClock, Drift, Store};

use crate::fleet::{Fleet, at, keys, pin, user, user_key};

/// Obligation 57.
#[tokio::test]
async fn only_one_of_several_servers_asks_a_device_for_a_handshake_after_a_new_offset() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;
    assert!(!tx.ask_offset(device, 120).await.expect("asked"), "it was never told anything");
    tx.tell_offset(device, 60).await.expect("noted");
    assert!(!tx.ask_offset(device, 60).await.expect("asked"), "that is what it was told");
    tx.commit().await.expect("written");

    let mut servers = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let store = Store::open(fleet.url(), keys(1)).await.expect("another server");
        servers.spawn(async move {
            store
                .retrying(move |tx| {
                    Box::pin(async move {
                        tx.lock_device(device).await?;
                        tx.ask_offset(device, 120).await
                    })
                })
                .await
                .expect("asked")
        });
    }
    let first = servers.join_all().await.into_iter().filter(|first| *first).count();
    assert_eq!(first, 1);

    let mut tx = fleet.write().await;
    assert!(tx.ask_offset(device, -180).await.expect("asked"), "and once for the next");
    tx.need_no_offset(device).await.expect("written");
    assert!(tx.ask_offset(device, 120).await.expect("asked"));
    tx.tell_offset(device, 120).await.expect("noted");
    let clock = tx.clock(device).await.expect("the clock");
    assert_eq!((clock.told_offset_min, clock.asked_offset_min), (Some(120), None));
}

#[tokio::test]
async fn the_drift_of_a_clock_is_stored() {
    let fleet = Fleet::new().await;
    let (one, two) = (fleet.device("SN1").await.id, fleet.device("SN2").await.id);
    let mut tx = fleet.write().await;
    let drift = Drift { ahead_s: -183, seen_at: at(5) };
    tx.note_drift(one, drift).await.expect("written");
    let clocks = tx.clocks().await.expect("the clocks");
    let drifts: BTreeMap<i64, Option<Drift>> =
        clocks.iter().map(|(device, clock)| (*device, clock.drift)).collect();
    assert_eq!(drifts, BTreeMap::from([(one, Some(drift)), (two, None)]));
    assert_eq!(tx.clock(4711).await.expect("none"), DeviceClock::default());
}

/// Obligation 41.
#[tokio::test]
async fn the_first_key_of_a_device_counts_until_it_is_forgotten() {
    let fleet = Fleet::new().await;
    let (one, two) = (fleet.device("SN1").await.id, fleet.device("SN2").await.id);
    let mut tx = fleet.write().await;
    assert!(!tx.has_comm_key(one).await.expect("asked"));
    for (device, key, same) in
        [(one, "a", true), (one, "b", false), (one, "a", true), (two, "b", true), (two, "a", false)]
    {
        assert_eq!(tx.is_comm_key_of(device, key).await.expect("compared"), same, "{device} {key}");
    }
    assert!(tx.has_comm_key(one).await.expect("asked"));
    tx.forget_comm_key(one).await.expect("forgotten");
    assert!(tx.is_comm_key_of(one, "b").await.expect("compared"));
    assert!(!tx.is_comm_key_of(one, "a").await.expect("compared"));
}

/// Obligation 37.
#[tokio::test]
async fn another_spelling_of_a_pin_is_found() {
    let fleet = Fleet::new().await;
    fleet.put(&[user("a1B", "Ada"), user("12", "Bea"), user("zz", "Cora"), user("Gone", "Dora")]).await;
    fleet.delete(&[user_key("Gone")], at(1), false).await;
    let asked = ["A1B", "a1B", "a1b", "12", "ZZ", "gone", "new"].map(pin);
    let mut tx = fleet.read().await;
    let found = tx.pins_differing_in_case(&asked).await.expect("asked");
    let expected = [("A1B", "a1B"), ("ZZ", "zz"), ("a1b", "a1B")];
    assert_eq!(found, expected.into_iter().map(|(new, known)| (pin(new), pin(known))).collect());
}
