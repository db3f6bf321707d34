//! Damage by the old server, and what the import does about it.

use import::{CountedKind, Outcome};
use roster::Content;

use crate::old::{Old, cut, jpeg, plain, print10, unified};
use crate::place::{Place, counted, tell, told};

#[test]
fn a_whole_database_is_taken_with_everything_that_belongs_to_a_person() {
    tell(async {
        let (old, place) = (Old::new().await, Place::new().await);
        old.sql(
            "INSERT INTO users (pin, name, privilege, password, card, group_id, time_zone, verify_mode, vice_card, \
             device_serial, updated_at) VALUES ('007', ' Ada' || char(9) || 'Lovelace', 14, '4711', '[15CD5B07]', 2, \
             '0001000200000000', 0, '77', 'A1', '2024-01-02 03:04:05')",
        )
        .await;
        old.print("007", 3, &print10(121, 1), "A1", 0).await;
        old.bio("007", 0, (9, "58", "0"), &unified(9, 58, 0, 90, 1)).await;
        let photo = jpeg(100, 1);
        old.sql(&format!(
            "INSERT INTO user_photos (pin, filename, size, content, device_serial) VALUES ('007', '7.jpg', {0}, \
             '{photo}', 'A1'); INSERT INTO comparison_photos (pin, filename, type, size, content, device_serial) \
             VALUES ('007', '7.jpg', 0, {0}, '{photo}', 'A1'); INSERT INTO attendance_logs (pin) VALUES ('007'); \
             INSERT INTO finger_vein_templates (pin, fid, index_num, size, valid, template_data, device_serial) \
             VALUES ('007', 1, 0, 56, 1, '{1}', 'A1'), ('007', 1, 1, 56, 1, '{1}', 'A1')",
            photo.len(),
            plain(42, 5),
        ))
        .await;

        let report = place.take(&old.url()).await;

        let ada = place.user("007").await.expect("she is taken");
        assert_eq!((ada.name.as_str(), ada.privilege, ada.password.as_str()), ("Ada Lovelace", 14, "4711"));
        assert_eq!((ada.card.as_deref(), ada.vice_card.as_deref()), (Some("123456789"), Some("77")));
        assert_eq!((ada.group, ada.verify, ada.time_zones.as_str()), (2, Some(0), "0001000200000000"));
        let items = place.items("007").await;
        assert_eq!(
            items.keys().map(String::as_str).collect::<Vec<_>>(),
            [
                "comparison photo 9",
                "finger vein 1 (0.0)",
                "fingerprint 3 (10.0)",
                "membership of area 1",
                "user",
                "user photo",
                "visible-light face 0 (58.0)",
            ]
        );
        assert!(matches!(&items["finger vein 1 (0.0)"], Content::Template(vein) if vein.parts.len() == 2));
        for what in [
            CountedKind::User,
            CountedKind::Fingerprint,
            CountedKind::Face,
            CountedKind::FingerVein,
            CountedKind::UserPhoto,
        ] {
            assert_eq!(counted(&report, what), [1, 1, 0, 0, 0], "{what}");
        }
        assert_eq!((report.left_out[0].table.as_str(), report.left_out[0].rows), ("attendance_logs", 1));
        assert!(told(&report, "007", Outcome::Noted)[0].contains("sends it to no device"));
    });
}

#[test]
fn lost_padding_is_restored_if_it_is_proved_and_the_rest_is_reported() {
    tell(async {
        let (old, place) = (Old::new().await, Place::new().await);
        old.user("7", "Ada", "A1", 0).await;
        let (one, two) = (print10(121, 1), print10(122, 2));
        old.print("7", 0, cut(&one), "A1", 0).await;
        old.print("7", 1, cut(&two), "A1", 0).await;
        // Fingerprints 9.0 begin like this and hold no length.
        let nine = format!("ocoA{}", plain(40, 3));
        old.print("7", 2, cut(&nine), "A1", 0).await;
        // This template was cut for real, and its header shows it.
        old.print("7", 3, &print10(124, 3)[..100], "A1", 0).await;
        old.print("7", 4, &cut(&print10(121, 4))[..158], "A1", 0).await;

        let report = place.take(&old.url()).await;

        assert_eq!(place.texts("7", "fingerprint 0 (10.0)").await, [one]);
        assert_eq!(place.texts("7", "fingerprint 1 (10.0)").await, [two]);
        assert_eq!(counted(&report, CountedKind::Fingerprint), [5, 2, 0, 0, 3]);
        assert_eq!(report.of(CountedKind::Fingerprint).repaired, 2);
        assert_eq!(told(&report, "7", Outcome::Repaired).len(), 2);
        let refused = told(&report, "7", Outcome::Refused);
        assert_eq!(refused[0], "fingerprint 2: lost its padding, and nothing proves its length");
        assert_eq!(refused[1], "fingerprint 3: has 75 bytes, but its header announces 124");
        assert!(refused[2].starts_with("fingerprint 4: lost more than its padding"), "{refused:?}");
    });
}

#[test]
fn a_size_that_the_device_reported_proves_a_template_without_a_header() {
    tell(async {
        let (old, place) = (Old::new().await, Place::new().await);
        old.user("7", "Ada", "A1", 0).await;
        let nine = format!("ocoA{}", plain(40, 3));
        old.print("7", 2, cut(&nine), "A1", 0).await;
        old.sql(&format!("UPDATE fingerprint_templates SET size = {}", nine.len())).await;

        place.take(&old.url()).await;

        assert_eq!(place.texts("7", "fingerprint 2 (9.0)").await, [nine]);
    });
}

#[test]
fn a_face_of_twelve_parts_is_taken_whole_or_not_at_all() {
    tell(async {
        let (old, place) = (Old::new().await, Place::new().await);
        for pin in ["7", "8", "9"] {
            old.user(pin, pin, "A1", 0).await;
        }
        let parts: Vec<String> = (0..12).map(|part| plain(42, part)).collect();
        for (part, text) in (0..).zip(&parts) {
            old.face_part("7", part, text, "A1").await;
            if part != 5 {
                old.face_part("8", part, text, "A1").await;
            }
            old.face_part("9", part, if part == 3 { "QUJDQ" } else { text }, "A1").await;
        }

        let report = place.take(&old.url()).await;

        assert_eq!(place.texts("7", "face 0 (FACE 7.0)").await, parts);
        assert_eq!(counted(&report, CountedKind::Face), [3, 1, 0, 0, 2]);
        assert_eq!(
            told(&report, "8", Outcome::Refused),
            ["face 0: is not complete: 11 of 12 parts are there (0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11)"]
        );
        assert_eq!(told(&report, "9", Outcome::Refused), ["face 0: part 3 is not valid base64"]);
        assert_eq!(place.items("9").await.len(), 2, "the user stays without it");
    });
}

#[test]
fn the_parts_of_a_unified_template_are_one_item() {
    tell(async {
        let (old, place) = (Old::new().await, Place::new().await);
        for pin in ["7", "8", "9"] {
            old.user(pin, pin, "A1", 0).await;
        }
        let parts: Vec<String> = (0..6).map(|part| unified(8, 5, 0, 231, part)).collect();
        for (part, text) in (0..).zip(&parts) {
            old.bio("7", part, (8, "5", "0"), text).await;
        }
        // The old server kept only one of several lines in a body.
        old.bio("8", 0, (8, "5", "0"), &parts[0]).await;
        old.bio("9", 14, (2, "12", "0"), &unified(2, 12, 0, 200, 1)).await;

        let report = place.take(&old.url()).await;

        assert_eq!(place.texts("7", "palm 0 (5.0)").await, parts);
        let refused = told(&report, "8", Outcome::Refused);
        assert_eq!(refused, ["palm 0: is not complete: 1 of 6 parts are there (0)"]);
        let refused = told(&report, "9", Outcome::Refused);
        assert_eq!(refused, ["face 0: is not complete: 1 of 15 parts are there (14)"]);
    });
}

#[test]
fn a_lost_version_is_taken_from_the_header_and_a_wrong_one_is_refused() {
    tell(async {
        let (old, place) = (Old::new().await, Place::new().await);
        for pin in ["7", "8", "9", "10"] {
            old.user(pin, pin, "A1", 0).await;
        }
        old.bio("7", 0, (1, "0", "ZK"), &print10(120, 1)).await;
        old.bio("8", 0, (1, "0", "0"), &unified(1, 13, 0, 90, 1)).await;
        old.bio("9", 0, (9, "39", "0"), &unified(9, 58, 0, 90, 1)).await;
        old.bio("10", 0, (1, "13", "1"), &plain(90, 4)).await;

        let report = place.take(&old.url()).await;

        assert!(place.items("7").await.contains_key("fingerprint 0 (10.0)"), "the word ZK is format 0");
        assert!(place.items("8").await.contains_key("fingerprint 0 (13.0)"));
        assert!(place.items("10").await.contains_key("fingerprint 0 (ISO 13.0)"));
        let refused = told(&report, "9", Outcome::Refused);
        assert_eq!(refused, ["visible-light face 0: is labelled version 39.0, but its header says 58.0"]);
    });
}

#[test]
fn a_photo_is_repaired_if_its_end_or_its_size_proves_it() {
    tell(async {
        let (old, place) = (Old::new().await, Place::new().await);
        for pin in ["7", "8"] {
            old.user(pin, pin, "A1", 0).await;
        }
        let photo = jpeg(100, 1);
        assert!(photo.ends_with('='));
        for (pin, text) in [("7", cut(&photo)), ("8", &photo[..50])] {
            old.sql(&format!(
                "INSERT INTO user_photos (pin, content, device_serial) VALUES ('{pin}', '{text}', 'A1')"
            ))
            .await;
        }

        let report = place.take(&old.url()).await;

        assert_eq!(place.texts("7", "user photo").await, [photo]);
        assert_eq!(counted(&report, CountedKind::UserPhoto), [2, 1, 0, 0, 1]);
    });
}

#[test]
fn an_invalid_record_is_reported_and_everything_else_is_taken() {
    tell(async {
        let (old, place) = (Old::new().await, Place::new().await);
        old.user("12-3", "Nobody", "A1", 0).await;
        old.user("7", "Ada", "A1", 0).await;
        old.print("12-3", 0, &print10(120, 1), "A1", 0).await;
        old.print("7", 10, &print10(120, 1), "A1", 0).await;
        old.print("99", 0, &print10(120, 1), "A1", 0).await;
        old.sql(
            "INSERT INTO users (pin, name, privilege, device_serial) VALUES ('8', 'Bob', 'boss', 'A1'), \
             (NULL, 'Eve', 0, 'A1'), (' 9 ', 'J' || char(65533) || 'rgen', 0, 'A1'), \
             ('10', CAST(x'ff41' AS TEXT), 0, 'A1')",
        )
        .await;

        let report = place.take(&old.url()).await;

        assert_eq!(counted(&report, CountedKind::User), [6, 2, 0, 0, 4]);
        assert_eq!(counted(&report, CountedKind::Fingerprint), [3, 0, 0, 0, 3]);
        let refused = |pin| told(&report, pin, Outcome::Refused).join("; ");
        assert!(refused("12-3").contains("a PIN is made of the letters A to Z"), "{}", refused("12-3"));
        assert!(refused("12-3").contains("with it 1 rows of templates and photos"));
        assert!(refused("").contains("at least one character"));
        assert_eq!(refused("7"), "fingerprint: its finger is not within 0 to 9");
        assert_eq!(refused("8"), "user: its privilege is not a valid number");
        assert_eq!(refused("10"), "user: its name is not text");
        assert!(refused("99").contains("the old database has no user of this PIN"));
        assert_eq!(place.user("9").await.expect("taken").name, "", "a name with lost characters is none");
        assert!(told(&report, "9", Outcome::Noted)[0].contains("characters of the name were lost"));
    });
}
