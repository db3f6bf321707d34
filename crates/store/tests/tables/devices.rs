//! Devices, their areas and their sessions.

use std::collections::BTreeSet;

use roster::{Area, Capability, Kind, Seq};
use store::{DeviceOptions, DeviceState, Seen, SessionEnd};
use sync::{Joining, ScanFrom};
use wire::{BioType, Dialect};

use crate::fleet::{Fleet, at, pin, serial, user};

#[tokio::test]
async fn a_device_is_new_until_it_is_approved() {
    let fleet = Fleet::new().await;
    let mut tx = fleet.write().await;

    let row = tx.create_device(&serial("CKJ1"), at(0)).await.expect("made");

    assert_eq!((row.state, row.joining, row.cursor, row.scan), (DeviceState::New, None, Seq(0), None));
    assert_eq!((row.created_at, row.approved_at, row.next_command), (at(0), None, 1));
    assert_eq!(tx.areas_of(row.id).await.expect("areas"), BTreeSet::from([Area::EVERYONE]));
    assert_eq!(tx.device_by_serial(&serial("CKJ1")).await.expect("read").map(|row| row.id), Some(row.id));
    assert_eq!(tx.device_by_serial(&serial("ckj1")).await.expect("read"), None);
    assert_eq!(tx.device(row.id + 1).await.expect("read"), None);
}

#[tokio::test]
async fn a_serial_number_belongs_to_one_device() {
    let fleet = Fleet::new().await;
    let mut tx = fleet.write().await;
    tx.create_device(&serial("CKJ1"), at(0)).await.expect("made");

    let again = tx.create_device(&serial("CKJ1"), at(1)).await.expect_err("there already");

    assert!(again.is_duplicate() && !again.retryable());
}

#[tokio::test]
async fn an_approved_device_starts_at_the_head_of_the_feed_with_a_scan() {
    let fleet = Fleet::new().await;
    fleet.put(&[user("1", "A"), user("2", "B")]).await;
    let mut tx = fleet.write().await;
    let row = tx.create_device(&serial("CKJ1"), at(0)).await.expect("made");

    tx.approve_device(row.id, Joining::Replace, at(3)).await.expect("approved");

    let row = tx.lock_device(row.id).await.expect("read").expect("there");
    assert_eq!((row.state, row.joining), (DeviceState::Active, Some(Joining::Replace)));
    assert_eq!((row.cursor, row.scan, row.approved_at), (Seq(2), Some(ScanFrom::Start), Some(at(3))));
}

#[tokio::test]
async fn a_capability_is_read_back_and_shown_in_the_sql_views() {
    let fleet = Fleet::new().await;
    let device = fleet.device("CKJ1").await.id;
    let mut capability = Capability::default();
    capability.merge_parameters(&[
        ("FirmVer".into(), "Ver 8.0.4".into()),
        ("~DeviceName".into(), "SpeedFace".into()),
        ("UserCount".into(), "415".into()),
    ]);
    let mut tx = fleet.write().await;

    tx.set_capability(device, &capability, Some(at(2))).await.expect("written");
    tx.set_capability(device, &capability, None).await.expect("written");

    let row = tx.device(device).await.expect("read").expect("there");
    assert_eq!((row.capability.clone(), row.counts_at), (capability, Some(at(2))));
    assert_eq!(row.capability.counts().users, Some(415));
    tx.commit().await.expect("committed");
    let (model, users): (String, i64) = sqlx::query_as("SELECT model, users_count FROM device")
        .fetch_one(&crate::opening::plain(&fleet).await)
        .await
        .expect("read");
    assert_eq!((model.as_str(), users), ("SpeedFace", 415));
}

#[tokio::test]
async fn options_of_a_device_are_stored_and_reset() {
    let fleet = Fleet::new().await;
    let device = fleet.device("CKJ1").await.id;
    let options = DeviceOptions {
        time_zone: Some("Asia/Kathmandu".into()),
        realtime: Some(false),
        trans_times: Some("00:00;14:05".into()),
        trans_interval_min: Some(5),
        trans_flag_format: Some(1),
        photo_delivery: Some(store::PhotoDelivery::Url),
        delay_s: Some(10),
        error_delay_s: Some(30),
        dialect: Some(Dialect::Attendance),
        enrolment: Some(sync::intake::Enrolment::Hold),
    };
    let mut tx = fleet.write().await;

    tx.set_device_options(device, &options).await.expect("written");
    assert_eq!(tx.device(device).await.expect("read").expect("there").options, options);

    tx.set_device_options(device, &DeviceOptions::default()).await.expect("written");
    assert_eq!(tx.device(device).await.expect("read").expect("there").options, DeviceOptions::default());
}

#[tokio::test]
async fn the_progress_of_a_device_is_read_back() {
    let fleet = Fleet::new().await;
    let row = fleet.device("CKJ1").await;
    let mut tx = fleet.write().await;
    let mut view = tx.view(&row).await.expect("a view");
    view.cursor = Seq(41);
    view.scan = Some(ScanFrom::After(pin("77")));
    view.next_command = 9;
    view.full = BTreeSet::from([Kind::User, Kind::Template(BioType::FACE)]);
    view.joining = Some(Joining::Adopt);

    tx.apply(&view, &sync::Changes { device: true, ..Default::default() }, at(1)).await.expect("applied");

    let row = tx.device(row.id).await.expect("read").expect("there");
    let read = tx.view(&row).await.expect("a view");
    assert_eq!((read.cursor, read.scan, read.next_command), (Seq(41), Some(ScanFrom::After(pin("77"))), 9));
    assert_eq!((read.full, read.joining), (view.full, Some(Joining::Adopt)));
    assert_eq!(read.areas, BTreeSet::from([Area::EVERYONE]));
}

#[tokio::test]
async fn last_seen_times_are_written_for_many_devices_at_once() {
    let fleet = Fleet::new().await;
    let (one, two) = (fleet.device("SN1").await.id, fleet.device("SN2").await.id);
    let mut tx = fleet.write().await;

    tx.write_seen(&[
        Seen { device: one, at: at(5), address: Some("10.0.0.7".into()) },
        Seen { device: two, at: at(6), address: None },
        Seen { device: one, at: at(7), address: None },
    ])
    .await
    .expect("written");

    let rows = tx.devices().await.expect("devices");
    let seen: Vec<_> = rows.iter().map(|row| (row.last_seen_at, row.address.as_deref())).collect();
    assert_eq!(seen, [(Some(at(7)), Some("10.0.0.7")), (Some(at(6)), None)]);
}

#[tokio::test]
async fn names_and_states_can_be_changed() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;

    tx.rename_device(device, "Gate 3").await.expect("renamed");
    tx.set_device_state(device, DeviceState::Retired).await.expect("retired");

    let row = tx.device(device).await.expect("read").expect("there");
    assert_eq!((row.name.as_str(), row.state), ("Gate 3", DeviceState::Retired));
    assert_eq!("retired".parse(), Ok(DeviceState::Retired));
    assert!("Retired".parse::<DeviceState>().is_err());
}

#[tokio::test]
async fn areas_are_created_once_renamed_and_given_to_devices() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;

    let plant = tx.create_area("plant").await.expect("made");
    assert_eq!(tx.create_area("plant").await.expect("found"), plant);
    tx.rename_area(plant, "plant 2").await.expect("renamed");
    let areas = tx.areas().await.expect("areas");
    assert_eq!(areas, [(Area::EVERYONE, "everyone".into()), (plant, "plant 2".into())]);
    assert!(tx.rename_area(plant, "everyone").await.expect_err("taken").is_duplicate());

    tx.set_areas(device, &BTreeSet::from([plant])).await.expect("written");
    assert_eq!(tx.areas_of(device).await.expect("areas"), BTreeSet::from([plant]));
    assert_eq!(tx.devices_of(plant).await.expect("devices"), BTreeSet::from([device]));
    assert_eq!(tx.devices_of(Area::EVERYONE).await.expect("devices"), BTreeSet::new());
}

#[tokio::test]
async fn a_device_cannot_be_put_into_an_area_that_does_not_exist() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;

    tx.set_areas(device, &BTreeSet::from([Area(99)])).await.expect_err("no such area");
}

#[tokio::test]
async fn a_session_ends_with_the_next_one_or_when_it_is_closed() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;

    tx.open_session(device, at(0), Some("10.0.0.7")).await.expect("opened");
    tx.open_session(device, at(10), None).await.expect("opened");
    tx.close_session(device, at(20), SessionEnd::Retired).await.expect("closed");
    tx.open_session(device, at(30), None).await.expect("opened");

    let sessions = tx.sessions(device, 10).await.expect("sessions");
    let ended: Vec<_> = sessions.iter().map(|s| (s.opened_at, s.closed_at, s.ended.as_deref())).collect();
    assert_eq!(
        ended,
        [
            (at(30), None, None),
            (at(10), Some(at(20)), Some("retired")),
            (at(0), Some(at(10)), Some("restart")),
        ]
    );
    assert_eq!(sessions[2].address.as_deref(), Some("10.0.0.7"));
}

#[tokio::test]
async fn a_new_incarnation_differs_from_the_one_of_a_device() {
    let fleet = Fleet::new().await;
    let row = fleet.device("SN1").await;
    let mut tx = fleet.write().await;

    let incarnation = tx.begin_incarnation().await.expect("begun");
    assert_eq!((row.incarnation, incarnation), (1, 2));

    tx.set_incarnation(row.id).await.expect("written");
    assert_eq!(tx.device(row.id).await.expect("read").expect("there").incarnation, 2);
}

#[tokio::test]
async fn a_change_by_an_operator_wakes_every_process() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let before = fleet.store.feed_counters().await.expect("feed counters");

    let mut tx = fleet.write().await;
    tx.set_device_state(device, DeviceState::Retired).await.expect("written");
    tx.commit().await.expect("committed");
    fleet.put(&[user("1", "A")]).await;

    let after = fleet.store.feed_counters().await.expect("feed counters");
    assert_eq!((before.head, after.head), (Seq(0), Seq(1)));
    assert_eq!(after.wakes, before.wakes + 1);
}
