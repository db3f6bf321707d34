//! Several devices of the old server, each with its own rows.

use import::{CountedKind, DeviceOutcome, Outcome};
use store::DeviceState;
use sync::Joining;

use crate::old::{Old, cut, print10};
use crate::place::{OPTIONS, Place, counted, tell, told};

#[test]
fn the_newest_copy_counts_and_the_differing_fields_are_reported() {
    tell(async {
        let (old, place) = (Old::new().await, Place::new().await);
        old.user("7", "Ada", "A1", 1).await;
        old.user("7", "Ada", "B2", 5).await;
        old.user("7", "Ada", "C3", 3).await;
        old.sql("UPDATE users SET card = '77', password = '4711' WHERE device_serial = 'B2'").await;
        old.sql("UPDATE users SET card = '78' WHERE device_serial = 'C3'").await;
        old.sql("UPDATE users SET card = '77', group_id = 5 WHERE device_serial = 'A1'").await;
        old.sql("UPDATE users SET card = NULL WHERE device_serial = 'C3'").await;
        let (newer, older) = (print10(120, 1), print10(120, 2));
        old.print("7", 0, &older, "B2", 1).await;
        old.print("7", 0, &newer, "A1", 9).await;
        old.print("7", 1, &older, "A1", 1).await;
        old.print("7", 1, &older, "B2", 2).await;

        let report = place.take(&old.url()).await;

        let ada = place.user("7").await.expect("taken");
        assert_eq!((ada.card.as_deref(), ada.password.as_str(), ada.group), (Some("77"), "4711", 1));
        assert_eq!(place.texts("7", "fingerprint 0 (10.0)").await, [newer]);
        assert_eq!(counted(&report, CountedKind::User), [1, 1, 0, 0, 0]);
        assert_eq!(counted(&report, CountedKind::Fingerprint), [2, 2, 0, 0, 0]);
        assert_eq!((report.of(CountedKind::User).merged, report.of(CountedKind::Fingerprint).merged), (1, 1));
        assert_eq!(
            told(&report, "7", Outcome::Merged),
            [
                "user: the record of device B2 is the newest; A1, C3 differ in password, card, group",
                "fingerprint 0 (10.0): the copy of device A1 is the newest; it differs from the copies of B2",
            ]
        );
    });
}

#[test]
fn a_device_that_has_another_person_under_a_pin_is_left_out() {
    tell(async {
        let (old, place) = (Old::new().await, Place::new().await);
        old.user("7", "Ada Lovelace", "A1", 5).await;
        old.user("7", "Grace Hopper", "B2", 1).await;
        old.print("7", 0, &print10(120, 1), "A1", 1).await;
        old.print("7", 1, &print10(120, 2), "B2", 9).await;

        let report = place.take(&old.url()).await;

        assert_eq!(place.user("7").await.expect("taken").name, "Ada Lovelace");
        assert!(!place.items("7").await.contains_key("fingerprint 1 (10.0)"), "Grace's finger is not Ada's");
        assert_eq!(counted(&report, CountedKind::Fingerprint), [2, 1, 0, 0, 1]);
        let refused = told(&report, "7", Outcome::Refused);
        assert!(
            refused[0]
                .contains("device B2 has another person under this PIN (other name or card) than device A1"),
            "{refused:?}"
        );
    });
}

#[test]
fn a_common_finger_makes_the_same_person_whatever_the_name() {
    tell(async {
        let (old, place) = (Old::new().await, Place::new().await);
        old.user("7", "Ada Lovelace", "A1", 5).await;
        old.user("7", "Ada Byron", "B2", 1).await;
        let (finger, other) = (print10(120, 1), print10(120, 2));
        old.print("7", 0, &finger, "A1", 1).await;
        old.print("7", 0, &finger, "B2", 1).await;
        old.print("7", 1, &other, "B2", 1).await;

        let report = place.take(&old.url()).await;

        assert_eq!(place.texts("7", "fingerprint 1 (10.0)").await, [other]);
        assert!(told(&report, "7", Outcome::Merged)[0].ends_with("differ in name"));
    });
}

#[test]
fn a_complete_copy_of_another_device_replaces_a_damaged_one() {
    tell(async {
        let (old, place) = (Old::new().await, Place::new().await);
        old.user("7", "Ada", "A1", 0).await;
        let whole = print10(121, 1);
        old.print("7", 0, &cut(&whole)[..150], "A1", 9).await;
        old.print("7", 0, &whole, "B2", 1).await;

        let report = place.take(&old.url()).await;

        assert_eq!(place.texts("7", "fingerprint 0 (10.0)").await, [whole]);
        assert_eq!(counted(&report, CountedKind::Fingerprint), [1, 1, 0, 0, 0]);
        let noted = told(&report, "7", Outcome::Noted);
        assert!(
            noted[0].contains("a copy of A1 cannot be used") && noted[0].contains("another one is complete")
        );
    });
}

#[test]
fn devices_are_only_reported_unless_admission_is_requested() {
    tell(async {
        let (old, place) = (Old::new().await, Place::new().await);
        old.sql(
            "INSERT INTO devices (serial_number, last_seen) VALUES ('A1', '2024-01-02 03:04:05'), ('B2', NULL), \
             ('C3', NULL), ('D/4', NULL)",
        )
        .await;
        let mut tx = place.store.write().await.expect("a transaction");
        let retired = tx.create_device(&"B2".parse().expect("ours"), OPTIONS.now).await.expect("made");
        tx.set_device_state(retired.id, DeviceState::Retired).await.expect("retired");
        tx.create_device(&"C3".parse().expect("ours"), OPTIONS.now).await.expect("made");
        tx.commit().await.expect("written");
        let outcomes = async |admit| {
            let report = place.try_to(&old.url(), OPTIONS, admit).await.expect("taken in");
            report.devices.iter().map(|device| device.outcome).collect::<Vec<_>>()
        };
        let (unknown, retired) = (DeviceOutcome::Unknown, DeviceOutcome::Retired);
        let (waits, refused) = (DeviceOutcome::Waits, DeviceOutcome::Refused);
        assert_eq!(outcomes(None).await, [unknown, retired, waits, refused]);
        let admitted = DeviceOutcome::Admitted;
        assert_eq!(outcomes(Some(Joining::Adopt)).await, [admitted, retired, admitted, refused]);
        let known = DeviceOutcome::Known;
        assert_eq!(outcomes(Some(Joining::Replace)).await, [known, retired, known, refused]);

        let mut tx = place.store.read().await.expect("a transaction");
        let device = tx.device_by_serial(&"A1".parse().expect("ours")).await.expect("read").expect("known");
        assert_eq!((device.state, device.joining), (DeviceState::Active, Some(Joining::Adopt)));
        let stamps = tx.stamps(device.id).await.expect("the stamps");
        let asked = stamps.values().all(|stamp| stamp.reread == store::Reread::Asked);
        assert!(asked && stamps.len() == 2, "it is asked for everything");
    });
}
