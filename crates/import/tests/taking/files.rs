//! The file of the old database: it is read wherever it is, and left unchanged.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use import::CountedKind;
use sqlx::Connection as _;

use crate::old::{Old, print10};
use crate::place::{OPTIONS, Place, counted, tell};

/// All files of a directory with their bytes.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file"));
    entries
        .map(|entry| {
            (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).expect("its bytes"))
        })
        .collect()
}

async fn with_ada() -> Old {
    let old = Old::new().await;
    old.user("7", "Ada", "A1", 0).await;
    old.print("7", 0, &print10(120, 1), "A1", 0).await;
    old
}

#[test]
fn nothing_in_the_folder_of_the_old_database_changes() {
    tell(async {
        let old = with_ada().await;
        for wal in [false, true] {
            if wal {
                old.sql("PRAGMA journal_mode = WAL").await;
            }
            let before = files(old.folder());
            assert_eq!(before.len(), 1);
            let report = Place::new().await.take(&old.url()).await;
            assert_eq!(counted(&report, CountedKind::User), [1, 1, 0, 0, 0]);
            assert!(files(old.folder()) == before, "WAL {wal}");
        }
    });
}

#[test]
fn changes_of_a_running_server_are_read_from_its_log() {
    tell(async {
        let old = with_ada().await;
        let mut server = old.connect().await;
        let write = "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; \
                     INSERT INTO users (pin, name, device_serial) VALUES ('8', 'Grace', 'A1')";
        sqlx::raw_sql(write).execute(&mut server).await.expect("written");
        let before = files(old.folder());
        assert!(!before["zkpush.db-wal"].is_empty());

        let place = Place::new().await;
        let report = place.take(&old.url()).await;

        assert_eq!(counted(&report, CountedKind::User), [2, 2, 0, 0, 0]);
        let after = files(old.folder());
        for name in ["zkpush.db", "zkpush.db-wal"] {
            assert!(after[name] == before[name], "{name}");
        }
        let more = "INSERT INTO users (pin, name, device_serial) VALUES ('9', 'Bob', 'A1')";
        sqlx::raw_sql(more).execute(&mut server).await.expect("the server goes on");

        // A copy of the file and its log, without the `-shm` file.
        let copy = tempfile::tempdir().expect("a folder");
        for name in ["zkpush.db", "zkpush.db-wal"] {
            fs::copy(old.folder().join(name), copy.path().join(name)).expect("copied");
        }
        let before = files(copy.path());
        let path = copy.path().join("zkpush.db").display().to_string();
        let report = place.take(&path).await;
        assert_eq!(counted(&report, CountedKind::User), [3, 1, 2, 0, 0]);
        assert!(files(copy.path()) == before, "nothing is made beside a copy");
        server.close().await.expect("it closes");
    });
}

#[test]
fn a_file_that_is_not_the_old_database_is_refused_with_a_remedy() {
    tell(async {
        let place = Place::new().await;
        let folder = tempfile::tempdir().expect("a folder");
        let refused = async |name: &str| {
            let path = folder.path().join(name).display().to_string();
            place.try_to(&path, OPTIONS, None).await.expect_err("it is refused").to_string()
        };
        assert!(refused("none.db").await.starts_with("there is no file"));
        for (name, bytes) in [("text.db", "people\n".as_bytes()), ("empty.db", b"")] {
            fs::write(folder.path().join(name), bytes).expect("ours");
            assert!(refused(name).await.contains("is not an SQLite database"), "{name}");
        }
        let mut damaged = b"SQLite format 3\0".to_vec();
        damaged.resize(4096, 0x55);
        fs::write(folder.path().join("damaged.db"), damaged).expect("ours");
        let message = refused("damaged.db").await;
        assert!(message.contains("is not an SQLite database"), "{message}");
        assert!(refused("").await.contains("is not an SQLite database"), "a folder");
    });
}

#[test]
fn a_database_of_another_program_is_refused_with_its_tables() {
    tell(async {
        let place = Place::new().await;
        let refused = async |old: &Old| {
            place.try_to(&old.url(), OPTIONS, None).await.expect_err("it is refused").to_string()
        };
        let old = Old::new().await;
        old.sql("DROP TABLE fingerprint_templates").await;
        let message = refused(&old).await;
        assert!(message.contains("has no table fingerprint_templates"), "{message}");
        assert!(message.contains("it has attendance_logs, bio_templates"), "{message}");

        let old = Old::new().await;
        old.sql("ALTER TABLE users DROP COLUMN pin").await;
        let message = refused(&old).await;
        assert!(message.contains("the table users in") && message.contains("has no column pin"), "{message}");

        let old = Old::new().await;
        old.sql("CREATE TABLE feed_clock (id)").await;
        assert!(refused(&old).await.contains("is a database of Muster itself"));
        assert_eq!(place.head().await, 0);
    });
}

#[test]
fn tables_and_columns_that_came_later_may_be_missing() {
    tell(async {
        let old = with_ada().await;
        old.sql(
            "DROP TABLE comparison_photos; DROP TABLE finger_vein_templates; \
             ALTER TABLE users DROP COLUMN vice_card; ALTER TABLE users DROP COLUMN updated_at",
        )
        .await;
        let report = Place::new().await.take(&old.url()).await;
        assert_eq!(counted(&report, CountedKind::Fingerprint), [1, 1, 0, 0, 0]);
        assert_eq!(report.absent, ["finger_vein_templates", "comparison_photos"]);
    });
}
