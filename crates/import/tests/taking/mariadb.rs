//! Imports of the first generation, from a real MariaDB.

use databases::{Database, Kind};
use import::{CountedKind, Outcome};

use crate::old::{cut, first_generation, plain, print10, unified};
use crate::place::{OPTIONS, Place, counted, tell, told};

#[test]
fn the_first_generation_is_taken_with_its_damage() {
    tell(async {
        let (old, place) = (Database::of(Kind::MariaDb), Place::new().await);
        let (finger, nine, thirteen) = (print10(121, 1), plain(41, 2), unified(1, 13, 0, 91, 1));
        let faces: Vec<String> = (0..12)
            .map(|part| {
                let text = plain(42, part);
                format!("('7', {part}, {}, '{text}')", text.len())
            })
            .collect();
        let palm: Vec<String> = (0..5)
            .map(|part| {
                let text = unified(8, 12, 0, 100, part);
                format!("('7', 0, {part}, 8, '12', '0', '0', '{}')", cut(&text))
            })
            .collect();
        first_generation(
            old.url(),
            &format!(
                "INSERT INTO users (pin, name, privilege, password, card, group_id, timezone, verify_mode) VALUES \
                 ('7', 'Zoë 李', 14, '4711', '123456789', 3, '0000000100000000', -1), ('a1', 'Ada', 0, '', '', 1, '', 1); \
                 INSERT INTO fingerprint_templates (pin, finger_id, template_size, duress_flag, template_data) VALUES \
                 ('7', 0, {}, 1, '{}'), ('7', 1, 0, 0, '{}'), ('A1', 0, 0, 0, '{finger}'); \
                 INSERT INTO face_templates (pin, face_id, template_size, template_data) VALUES {}; \
                 INSERT INTO biometric_templates (pin, bio_number, bio_index, bio_type, major_version, minor_version, \
                 format_type, template_data) VALUES ('a1', 6, 0, 1, '0', '0', 'ZK', '{thirteen}'), {}; \
                 INSERT INTO devices (serial_number, last_seen) VALUES ('CKJF1', '2024-01-02 03:04:05'); \
                 INSERT INTO device_commands (device_serial, status) VALUES ('CKJF1', 'pending')",
                finger.len(),
                cut(&finger),
                cut(&nine),
                faces.join(", "),
                palm.join(", "),
            ),
        )
        .await;

        let report = place.take(old.url()).await;

        assert_eq!(report.generation, 1);
        let zoe = place.user("7").await.expect("taken");
        assert_eq!((zoe.name.as_str(), zoe.privilege, zoe.verify), ("Zoë 李", 14, None));
        let items: Vec<String> = place.items("7").await.into_keys().collect();
        assert_eq!(
            items,
            ["face 0 (FACE 7.0)", "fingerprint 0 (10.0)", "membership of area 1", "palm 0 (12.0)", "user",]
        );
        let items = place.items("7").await;
        assert!(
            matches!(&items["fingerprint 0 (10.0)"], roster::Content::Template(t) if t.parts[0].duress),
            "{items:?}"
        );
        assert_eq!(place.texts("7", "fingerprint 0 (10.0)").await, [finger]);
        assert!(place.items("a1").await.contains_key("fingerprint 6 (13.0)"), "the header tells the version");
        assert!(told(&report, "7", Outcome::Refused)[0].starts_with("fingerprint 1: lost its padding"));
        // The collation of the old server makes these PINs equal; devices do not.
        assert!(told(&report, "A1", Outcome::Refused)[0].contains("no user of this PIN"));
        assert_eq!(report.devices[0].last_seen.as_deref(), Some("2024-01-02 03:04:05"));
        assert_eq!(report.left_out[0].table, "device_commands");
        assert_eq!(report.absent, ["finger_vein_templates", "user_photos", "comparison_photos"]);

        let head = place.head().await;
        let again = place.take(old.url()).await;
        assert_eq!(counted(&again, CountedKind::User), [2, 0, 2, 0, 0]);
        assert_eq!(place.head().await, head);
    });
}

#[test]
fn an_unreachable_server_is_reported_without_its_password() {
    tell(async {
        let (old, place) = (Database::of(Kind::MariaDb), Place::new().await);
        let with_password = old.url().replace("muster@", "nobody:geheim@");
        let unnamed = {
            let (server, socket) = old.url().split_once('?').expect("a socket");
            format!("{}/?{socket}", server.rsplit_once('/').expect("a database").0)
        };
        for (url, wanted) in [
            (with_password.as_str(), "Access denied for user 'nobody'"),
            ("mysql://root:geheim@127.0.0.1:1/zkteco_sync", "mysql://root:***@127.0.0.1:1/zkteco_sync"),
            ("mysql://root:geheim@:x/zkteco_sync", "want mysql://user:password@host:3306/database"),
            (unnamed.as_str(), "names no database"),
            ("mysql://root:ge/im@geheim@127.0.0.1:1/zkteco_sync", "%2F for /"),
        ] {
            let error = place.try_to(url, OPTIONS, None).await.expect_err("it is refused");
            let shown = format!("{error} {error:?}");
            assert!(shown.contains(wanted) && !shown.contains("geheim"), "{shown}");
        }
        let error = place.try_to(old.url(), OPTIONS, None).await.expect_err("it is empty");
        assert!(error.to_string().contains("it has no tables at all"), "{error}");
    });
}
