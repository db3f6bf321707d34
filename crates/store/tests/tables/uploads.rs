//! Stamps, incomplete templates, held records and log entries of uploads; and leases.

use std::collections::BTreeMap;

use roster::{Content, Part, Template};
use store::{HeldFilter, HeldKind, HeldRecord, Reread, Stamp};
use wire::Operation;

use crate::fleet::{Fleet, at, finger, finger_key, pin, serial};

/// Obligations 51, 52, 103.
#[tokio::test]
async fn stamps_are_stored_by_table_with_the_request_to_upload_again() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;

    tx.set_stamp(device, "OPERLOG", "100").await.expect("written");
    tx.ask_again(device, "OPERLOG", at(1)).await.expect("written");
    tx.set_stamp(device, "OPERLOG", "9999").await.expect("written");
    tx.ask_again(device, "BIODATA", at(2)).await.expect("written");

    let asked = |stamp: Option<&str>, when| Stamp {
        stamp: stamp.map(Into::into),
        reread: Reread::Asked,
        asked_at: Some(at(when)),
        ..Stamp::default()
    };
    let stamps = tx.stamps(device).await.expect("stamps");
    let expected = BTreeMap::from([
        ("BIODATA".to_owned(), asked(None, 2)),
        ("OPERLOG".to_owned(), asked(Some("9999"), 1)),
    ]);
    assert_eq!(stamps, expected);

    // Records that arrive before the device was told are not the beginning of the new upload.
    tx.note_reread(device, "OPERLOG", 1, at(3)).await.expect("written");
    assert_eq!(tx.stamps(device).await.expect("stamps"), expected);

    tx.told_again(device).await.expect("written");
    tx.note_reread(device, "OPERLOG", 40, at(4)).await.expect("written");
    tx.note_reread(device, "OPERLOG", 2, at(5)).await.expect("written");
    let mut stamps = tx.stamps(device).await.expect("stamps");
    let read = Stamp {
        reread: Reread::No,
        begun_at: Some(at(4)),
        last_at: Some(at(5)),
        records: 42,
        ..asked(Some("9999"), 1)
    };
    assert_eq!(stamps.remove("OPERLOG"), Some(read));
    assert_eq!(stamps.remove("BIODATA").map(|stamp| stamp.reread), Some(Reread::Told));

    // A second request begins a second upload.
    tx.ask_again(device, "OPERLOG", at(6)).await.expect("written");
    assert_eq!(tx.stamps(device).await.expect("stamps").remove("OPERLOG"), Some(asked(Some("9999"), 6)));

    // The device is found with its stamp of a table, whether or not there is one, as committed.
    tx.commit().await.expect("committed");
    for (table, expected) in [("OPERLOG", asked(Some("9999"), 6)), ("ATTLOG", Stamp::default())] {
        let found = fleet.store.device_and_stamp(&serial("SN1"), table).await.expect("read");
        let (row, stamp) = found.expect("it is known");
        assert_eq!((row.id, stamp), (device, expected), "{table}");
    }
    assert!(fleet.store.device_and_stamp(&serial("SN9"), "OPERLOG").await.expect("read").is_none());
}

#[tokio::test]
async fn parts_of_a_template_are_stored_and_deleted() {
    let fleet = Fleet::new().await;
    let (one, two) = (fleet.device("SN1").await.id, fleet.device("SN2").await.id);
    let part = |index, text: &str| Part { index, valid: 1, duress: false, text: text.into() };
    let (first, both) = (
        Template { parts: vec![part(0, "QUFB")] },
        Template { parts: vec![part(0, "QUFB"), part(1, "QkJC")] },
    );
    let key = finger_key("1", 0);
    let mut tx = fleet.write().await;

    tx.put_part_set(one, &key, Some(&first), at(0)).await.expect("kept");
    tx.put_part_set(one, &key, Some(&both), at(1)).await.expect("kept");
    tx.put_part_set(two, &key, Some(&first), at(2)).await.expect("kept");
    assert_eq!(tx.part_sets(one, &[pin("1"), pin("2")]).await.expect("parts"), [(key.clone(), both)]);

    tx.put_part_set(two, &key, None, at(3)).await.expect("forgotten");
    assert_eq!(tx.part_sets(two, &[pin("1")]).await.expect("parts"), []);
}

fn held(device: i64, kind: HeldKind, raw: &str) -> HeldRecord {
    HeldRecord {
        life: None,
        device,
        kind,
        table: Some("OPERLOG".into()),
        pin: Some(pin("7")),
        tag: "USER".into(),
        line: Some(3),
        reason: "Pri is no number".into(),
        raw: raw.as_bytes().to_vec(),
    }
}

#[tokio::test]
async fn a_repeated_record_is_only_counted() {
    let fleet = Fleet::new().await;
    let (one, two) = (fleet.device("SN1").await.id, fleet.device("SN2").await.id);
    let mut tx = fleet.write().await;
    let record = held(one, HeldKind::Unreadable, "USER PIN=7\tPri=x");

    let first = tx.hold(&record, at(0)).await.expect("held");
    let again = tx.hold(&record, at(5)).await.expect("held");

    assert!(first.is_new && !again.is_new);
    assert_eq!((again.id, again.resolution), (first.id, None));
    for other in [
        held(one, HeldKind::Privilege, "USER PIN=7\tPri=x"),
        held(one, HeldKind::Unreadable, "USER PIN=7\tPri=y"),
        held(two, HeldKind::Unreadable, "USER PIN=7\tPri=x"),
    ] {
        assert!(tx.hold(&other, at(6)).await.expect("held").is_new);
    }
    let (row, raw) = tx.show_held(first.id).await.expect("read").expect("there");
    assert_eq!((row.times_seen, row.first_at, row.last_at), (2, at(0), at(5)));
    assert_eq!(raw, record.raw);
    assert_eq!((row.kind, row.tag.as_str(), row.line), (HeldKind::Unreadable, "USER", Some(3)));
}

#[tokio::test]
async fn a_decision_stays_with_its_record() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;
    let record = held(device, HeldKind::Unreadable, "USER PIN=7\tPri=x");
    let id = tx.hold(&record, at(0)).await.expect("held").id;

    assert!(tx.resolve_held(id, "refused", at(1)).await.expect("resolved"));
    assert!(!tx.resolve_held(id, "accepted", at(2)).await.expect("resolved before"));
    assert!(!tx.resolve_held(id + 1, "accepted", at(2)).await.expect("no such thing"));

    let again = tx.hold(&record, at(9)).await.expect("held");
    assert_eq!(again.resolution.as_deref(), Some("refused"));
    assert_eq!(tx.held(&HeldFilter::default(), 10).await.expect("listed"), []);
}

#[tokio::test]
async fn a_resolved_record_that_comes_again_needs_a_new_decision() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;
    let record = held(device, HeldKind::Privilege, "USER PIN=7\tPri=14");
    let id = tx.hold(&record, at(0)).await.expect("held").id;
    assert!(tx.resolve_held(id, "fleet", at(1)).await.expect("resolved"));

    tx.hold(&record, at(9)).await.expect("held");

    let listed = tx.held(&HeldFilter::default(), 10).await.expect("listed");
    assert_eq!(listed.iter().map(|row| (row.id, row.times_seen)).collect::<Vec<_>>(), [(id, 2)]);
    assert!(tx.resolve_held(id, "device", at(10)).await.expect("resolved once more"));
}

#[tokio::test]
async fn held_records_are_listed_by_kind_device_and_pin() {
    let fleet = Fleet::new().await;
    let (one, two) = (fleet.device("SN1").await.id, fleet.device("SN2").await.id);
    let mut tx = fleet.write().await;
    let conflict = tx.hold(&held(one, HeldKind::Conflict, "a"), at(0)).await.expect("held").id;
    let unread = HeldRecord { pin: None, line: None, table: None, ..held(two, HeldKind::UnreadTable, "b") };
    let unread = tx.hold(&unread, at(1)).await.expect("held").id;
    let done = tx.hold(&held(two, HeldKind::Conflict, "c"), at(2)).await.expect("held").id;
    tx.resolve_held(done, "merged", at(3)).await.expect("resolved");

    let none = HeldFilter::default;
    for (filter, expected) in [
        (none(), vec![unread, conflict]),
        (HeldFilter { resolved_too: true, ..none() }, vec![done, unread, conflict]),
        (HeldFilter { kind: Some(HeldKind::Conflict), ..none() }, vec![conflict]),
        (HeldFilter { device: Some(two), ..none() }, vec![unread]),
        (HeldFilter { pin: Some(pin("7")), resolved_too: true, ..none() }, vec![done, conflict]),
        (HeldFilter { pin: Some(pin("8")), ..none() }, vec![]),
    ] {
        let listed = tx.held(&filter, 10).await.expect("listed");
        assert_eq!(listed.iter().map(|row| row.id).collect::<Vec<_>>(), expected, "{filter:?}");
    }
    assert_eq!(tx.held(&none(), 1).await.expect("listed").len(), 1);
}

#[tokio::test]
async fn debug_of_a_held_record_hides_its_content() {
    let shown = format!("{:?}", held(1, HeldKind::Unreadable, "Passwd=1234"));

    assert!(shown.contains("raw_bytes: 11") && !shown.contains("1234"));
}

fn operation(code: u16, time: &str, operand: &str) -> Operation {
    Operation {
        code,
        operator: "0".into(),
        time: time.into(),
        operands: [operand.into(), String::new(), "0".into(), String::new()],
    }
}

#[tokio::test]
async fn an_entry_of_a_device_log_counts_only_once() {
    let fleet = Fleet::new().await;
    let (one, two) = (fleet.device("SN1").await.id, fleet.device("SN2").await.id);
    let mut tx = fleet.write().await;
    let deleted = operation(9, "2026-03-01 10:00:00", "7");

    assert!(tx.log_operation(one, &deleted, at(0)).await.expect("logged"));
    assert!(!tx.log_operation(one, &deleted, at(1)).await.expect("known"));
    assert!(tx.log_operation(two, &deleted, at(1)).await.expect("logged"));
    assert!(tx.log_operation(one, &operation(9, "2026-03-01 10:00:01", "7"), at(2)).await.expect("logged"));

    let entries = tx.operations(one, 10).await.expect("entries");
    assert_eq!(entries.len(), 2);
    assert_eq!((&entries[1].operation, entries[1].seen_at), (&deleted, at(0)));
}

#[tokio::test]
async fn a_lease_has_one_holder_until_it_expires() {
    let fleet = Fleet::new().await;
    let mut tx = fleet.write().await;

    assert!(tx.take_lease("sweep", "a", at(0), at(5)).await.expect("asked"));
    assert!(!tx.take_lease("sweep", "b", at(1), at(6)).await.expect("asked"));
    assert!(tx.take_lease("sweep", "a", at(4), at(9)).await.expect("renewed"));
    assert!(!tx.take_lease("sweep", "b", at(8), at(12)).await.expect("asked"));
    assert!(tx.take_lease("sweep", "b", at(9), at(14)).await.expect("over"));
    tx.return_lease("sweep", "a").await.expect("not its own");
    assert!(!tx.take_lease("sweep", "a", at(10), at(14)).await.expect("asked"));
    tx.return_lease("sweep", "b").await.expect("returned");
    assert!(tx.take_lease("sweep", "a", at(10), at(14)).await.expect("free"));
}

#[tokio::test]
async fn parts_of_one_device_cannot_be_read_as_those_of_another() {
    let fleet = Fleet::new().await;
    let (one, two) = (fleet.device("SN1").await.id, fleet.device("SN2").await.id);
    let (key, Content::Template(template)) = finger("1", 0, "QUFB") else { unreachable!("a template") };
    let mut tx = fleet.write().await;
    tx.put_part_set(one, &key, Some(&template), at(0)).await.expect("kept");
    tx.commit().await.expect("committed");
    sqlx::query("UPDATE part_set SET device_id = ?")
        .bind(two)
        .execute(&crate::opening::plain(&fleet).await)
        .await
        .expect("moved");

    let read = fleet.read().await.part_sets(two, &[pin("1")]).await;

    assert!(matches!(read, Err(store::StoreError::Sealed { .. })));
}

/// Every database server limits the length of a statement.
#[tokio::test]
async fn a_large_record_is_held_once_in_pieces() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let line = format!("{}\n", "x".repeat(999));
    let record = held(device, HeldKind::UnreadTable, &line.repeat(5_000));
    let pieces = record.pieces();
    assert_eq!(pieces.len(), 3);
    assert!(pieces.iter().all(|piece| piece.raw.ends_with(b"\n")), "cut at the end of a line");
    assert!(pieces[2].reason.ends_with("(piece 3 of 3)"), "{}", pieces[2].reason);

    let mut tx = fleet.write().await;
    let mut whole = Vec::new();
    for piece in &pieces {
        let id = tx.hold(piece, at(0)).await.expect("held").id;
        whole.extend(tx.show_held(id).await.expect("read").expect("there").1);
    }
    assert_eq!(whole.len(), record.raw.len());
    for piece in &pieces {
        assert!(!tx.hold(piece, at(1)).await.expect("held").is_new);
    }

    let endless = held(device, HeldKind::Unreadable, &"x".repeat(5 << 20));
    assert_eq!(endless.pieces().iter().map(|piece| piece.raw.len()).sum::<usize>(), 5 << 20);
}

/// A device may send texts of any length, so the store cuts them.
#[tokio::test]
async fn long_names_and_log_entries_are_cut() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;
    let endless = "ü".repeat(100_000);
    let record = HeldRecord {
        life: None,
        tag: endless.clone(),
        table: Some(endless.clone()),
        reason: endless.clone(),
        ..held(device, HeldKind::Unreadable, "x")
    };
    let id = tx.hold(&record, at(0)).await.expect("held").id;
    let row = tx.show_held(id).await.expect("read").expect("there").0;
    assert_eq!((row.tag.len(), row.reason.len()), (64, 1_000));

    let entry = format!("9\t{endless}\t{endless}\t{endless}\t7\t0\t0");
    let entry = Operation::read(entry.as_bytes()).expect("an entry");
    assert!(tx.log_operation(device, &entry, at(0)).await.expect("logged"));
    assert!(!tx.log_operation(device, &entry, at(1)).await.expect("known"));
    assert_eq!(tx.operations(device, 10).await.expect("read").len(), 1);
}
