//! Erasure of a person: the rows that are deleted, the rows that stay, and the bytes in the files.

use std::collections::{BTreeMap, BTreeSet};

use databases::Kind;
use roster::{Content, ItemKey, Part, Photo, Seq, Slot, Template, UserFields};
use sqlx::{AnyPool, AssertSqlSafe, Row as _, query, query_scalar};
use store::{
    DeviceRecordKind, Erasure, HeldKind, HeldRecord, NewAttendancePhoto, NewPunch, NewQueuedCommand,
    OfferedFile, OfferedPhoto, PhotoVersion, Punches, QueuedCommandUpdate, Rewritten, Suspension, TABLES, Tx,
};
use sync::operator::State;
use sync::{ClaimState, Exception, Parked, Reason, Stage, Wait};
use wire::{BioType, Operation, Punch};

use crate::claims;
use crate::fleet::{Fleet, at, finger, finger_key, member, photo, pin, user_key};
use crate::opening::plain;
use crate::sync_state::{answer_line, poll};

const ADA: &str = "ADA4711PIN";
const BOB: &str = "BOB4712PIN";

/// A value of at least this length identifies one person.
const DISTINCTIVE: usize = 12;

/// Columns that may keep a value of a person, and why.
const STAYS: [(&str, &str, &str); 4] = [
    ("operation_log", "digest", "a repeated entry is not acted on again"),
    ("item_old", "hash", "of templates and photos, until every device has carried out the deletion"),
    ("operator_command", "wire_id", "the id of a command on the wire"),
    ("sync_command", "wire_id", "the id of a deletion on the wire"),
];

/// Columns that may keep the PIN: the tombstone, work that must still reach devices, and punches that are kept.
const PIN_STAYS: [(&str, &str); 5] = [
    ("item", "pin"),
    ("spelling", "pin"),
    ("sync_command", "pin"),
    ("sync_exception", "pin"),
    ("attendance", "pin"),
];

/// Every value of the database, as bytes, by table and column.
type Values = BTreeMap<(String, String), BTreeSet<Vec<u8>>>;

async fn texts(db: &AnyPool, sql: String) -> Vec<String> {
    let rows = query(AssertSqlSafe(sql)).fetch_all(db).await.expect("the query runs");
    rows.iter().map(|row| row.get(0)).collect()
}

/// The tables of the database with their columns.
async fn schema(fleet: &Fleet, db: &AnyPool) -> BTreeMap<String, Vec<String>> {
    let sqlite = fleet.database.kind() == Kind::Sqlite;
    let tables = if sqlite {
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    } else {
        "SELECT CAST(table_name AS CHAR(64)) FROM information_schema.tables \
         WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'"
    };
    let mut schema = BTreeMap::new();
    for table in texts(db, tables.to_owned()).await {
        let columns = if sqlite {
            format!("SELECT name FROM pragma_table_info('{table}')")
        } else {
            format!(
                "SELECT CAST(column_name AS CHAR(64)) FROM information_schema.columns \
                 WHERE table_schema = DATABASE() AND table_name = '{table}'"
            )
        };
        let columns = texts(db, columns).await;
        schema.insert(table, columns);
    }
    schema
}

async fn values(fleet: &Fleet, db: &AnyPool) -> Values {
    let mut values = Values::new();
    for (table, columns) in schema(fleet, db).await {
        for column in columns {
            let sql = format!("SELECT HEX({column}) FROM {table} WHERE {column} IS NOT NULL");
            let found = texts(db, sql).await.iter().map(|hex| bytes_of(hex)).collect();
            values.insert((table.clone(), column), found);
        }
    }
    values
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(hex.get(at..at + 2).unwrap_or("0"), 16).expect("hexadecimal");
    (0..hex.len()).step_by(2).map(digit).collect()
}

fn holds(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

async fn rows_of(db: &AnyPool, table: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) FROM {table}");
    query_scalar(AssertSqlSafe(sql)).fetch_one(db).await.expect("a count")
}

fn fields(who: &str, name: &str) -> UserFields {
    UserFields {
        name: format!("{name} of {who}"),
        password: format!("word of {who}"),
        card: Some(format!("card of {who}")),
        vice_card: Some(format!("vice card of {who}")),
        ..UserFields::default()
    }
}

fn held(device: i64, of: Option<&str>, raw: String) -> HeldRecord {
    HeldRecord {
        life: None,
        device,
        kind: if of.is_some() { HeldKind::Unreadable } else { HeldKind::UnreadTable },
        table: Some("OPERLOG".into()),
        pin: of.map(pin),
        tag: "USER".into(),
        line: Some(1),
        reason: "not readable".into(),
        raw: raw.into_bytes(),
    }
}

fn order(verb: &str, arguments: String, secret: Option<String>) -> NewQueuedCommand {
    NewQueuedCommand {
        verb: verb.into(),
        arguments,
        secret: secret.map(String::into_bytes),
        fence: false,
        repeatable: false,
        empties: false,
        answer_ms: 0,
        expires_at: None,
        by: "operator".into(),
    }
}

/// Text that no other person has, as long as a template or photo.
fn body(who: &str, what: &str, bytes: usize) -> String {
    format!("{what} of {who} ").repeat(bytes / 16)
}

/// Creates a person with data in every table that can hold personal data.
async fn everything_of(fleet: &Fleet, device: i64, who: &str) {
    let comparison = ItemKey { pin: pin(who), slot: Slot::comparison_photo(BioType::VISIBLE_FACE) };
    let picture = |text: String| Content::Photo(Photo { text, file_name: None });
    // A life that has ended, and a second one.
    fleet.put(&[(user_key(who), Content::User(fields(who, "name of a former life")))]).await;
    fleet.delete(&[user_key(who)], at(0), true).await;
    fleet.put(&[member(who), (user_key(who), Content::User(fields(who, "former name")))]).await;
    fleet
        .put(&[
            (user_key(who), Content::User(fields(who, "name"))),
            finger(who, 0, &body(who, "finger 0", 1_500)),
            finger(who, 1, &body(who, "finger 1", 1_500)),
            photo(who, &body(who, "photo", 9_000)),
            (comparison.clone(), picture(body(who, "former comparison photo", 20_000))),
        ])
        .await;
    fleet.put(&[(comparison.clone(), picture(body(who, "comparison photo", 20_000)))]).await;
    fleet.put(&[finger(who, 1, &body(who, "newer finger 1", 1_500))]).await;
    fleet.delete(&[finger_key(who, 1)], at(1), true).await;

    let photo =
        PhotoVersion { seq: fleet.seq_of(&comparison).await, key: comparison.clone(), most_bytes: 9_000 };
    let part = Part { index: 0, valid: 1, duress: false, text: body(who, "part", 1_500) };
    let line = format!("{who}\t2027-03-12 08:00:00\t0\t1\t0\t0\t0");
    let punch = NewPunch {
        punch: Punch::read(line.as_bytes(), false).expect("a punch"),
        raw: line.into_bytes(),
        time_zone: "UTC".into(),
        reads_cards: false,
    };
    let snapshot = NewAttendancePhoto {
        file_name: format!("20270312080000-{who}.jpg"),
        pin: who.into(),
        time: None,
        photo_type: None,
        doubtful: false,
        picture: body(who, "snapshot", 9_000).into_bytes(),
    };
    let operation = Operation {
        code: 6,
        operator: who.into(),
        time: "2027-03-12 08:00:00".into(),
        operands: [who, "0", "0", "0"].map(str::to_owned),
    };
    let file = OfferedFile {
        token: format!("{who:0>32}"),
        device,
        name: "people.txt".into(),
        bytes: 0,
        as_base64: false,
        expires_at: at(900),
    };
    let mut tx = fleet.write().await;
    tx.put_photo_form(&photo, Some(&picture(body(who, "small photo", 5_000))), at(2)).await.expect("a form");
    let offer = OfferedPhoto { photo, device, expires_at: at(900) };
    tx.offer_photo(&format!("photo token of {who}"), &offer).await.expect("offered");
    tx.put_part_set(device, &finger_key(who, 5), Some(&Template::single(part)), at(2)).await.expect("a part");
    let raw = format!("USER PIN={who}\tName={}", body(who, "held name", 900));
    tx.hold(&held(device, Some(who), raw.clone()), at(2)).await.expect("held");
    tx.hold(&held(device, None, format!("{raw}\tUnknown=1")), at(2)).await.expect("held");
    let claimed = ClaimState {
        reason: Reason::Other,
        stage: Stage::Blocking,
        life: Seq(1),
        version: 1,
        since: Seq(0),
        question: None,
    };
    let (mut claimed, user) = claims::whole(who, claimed);
    claimed.items.insert(finger_key(who, 7).slot, finger(who, 7, &body(who, "claimed finger", 1_500)).1);
    let user = format!("{}\t{}\n", user.trim_end(), body(who, "claimed name", 900));
    claims::open(&mut tx, device, who, claimed, Some(&user)).await;
    tx.note_shown(device, &BTreeSet::from([pin(who)])).await.expect("shown");
    let suspension = Suspension { since: at(2), areas: Vec::new(), until: None, left: false };
    tx.put_suspension(&pin(who), &suspension).await.expect("suspended");
    tx.set_last_day(&pin(who), Some("2027-03-31")).await.expect("is to leave");
    tx.keep_record(device, DeviceRecordKind::IdCard, Some(&pin(who)), raw.as_bytes(), at(2))
        .await
        .expect("kept");
    tx.keep_record(device, DeviceRecordKind::Verification, None, raw.as_bytes(), at(2)).await.expect("kept");
    tx.log_operation(device, &operation, at(2)).await.expect("logged");
    tx.give_remotely(device, &pin(who), at(2)).await.expect("given");
    tx.keep_punches(device, &[punch], at(2)).await.expect("kept");
    tx.keep_attendance_photo(device, &snapshot, at(2)).await.expect("kept");
    tx.offer_file(&file, raw.as_bytes()).await.expect("offered");
    tx.order(device, &order("DATA QUERY USERINFO", format!("PIN={who}"), None), at(2))
        .await
        .expect("ordered");
    let update = Some(format!("DATA UPDATE USERINFO {raw}"));
    tx.order(device, &order("DATA UPDATE USERINFO", String::new(), update), at(2)).await.expect("ordered");
    let shell = order("SHELL", String::new(), Some(format!("cat people of {}", who.len())));
    let number = tx.order(device, &shell, at(2)).await.expect("ordered");
    let wire_id = format!("order {number}");
    let row = tx.queued_command(device, number).await.expect("read").expect("there");
    let mut command = row.command;
    command.state = State::Answered { return_code: 0, done: true };
    let news =
        QueuedCommandUpdate { wire_id: Some(&wire_id), reply: Some("0"), content: Some(raw.as_bytes()) };
    tx.update_queued_command(device, &command, news, at(3)).await.expect("answered");
    tx.commit().await.expect("committed");
    catch_up(fleet, device).await;
}

/// A device acknowledges every line of a command.
async fn carry_out(tx: &mut Tx, device: i64, wire_id: &str) {
    let mut line = 0;
    while tx.find_sync_command(device, wire_id).await.expect("read").expect("there").open {
        answer_line(tx, device, (wire_id, line), 0, at(5)).await;
        line += 1;
    }
}

/// A device polls and carries out its commands until it has read the whole feed.
async fn catch_up(fleet: &Fleet, device: i64) {
    loop {
        let mut tx = fleet.write().await;
        let sends = poll(&mut tx, device, at(4)).await;
        for send in &sends {
            carry_out(&mut tx, device, &send.wire_id).await;
        }
        let cursor = tx.device(device).await.expect("read").expect("there").cursor;
        let head = tx.head().await.expect("the clock");
        let due = tx.due_exceptions(device, at(4), 1).await.expect("what is due");
        tx.commit().await.expect("committed");
        if sends.is_empty() && cursor == head && due.is_empty() {
            return;
        }
    }
}

/// Creates other people. Their rows come before, between and after those of the person, so that pages are filled and
/// split.
async fn others(fleet: &Fleet, from: usize, step: usize) {
    let people: Vec<_> = (0..400)
        .map(|number| format!("{}", 1_000 + (from + number * step) % 400 + from * 400))
        .map(|who| (user_key(&who), Content::User(fields(&who, "name"))))
        .collect();
    for few in people.chunks(7) {
        fleet.put(few).await;
    }
}

/// The list of tables is useful only if it is complete.
#[tokio::test]
async fn every_table_states_what_an_erasure_does_to_it() {
    let fleet = Fleet::new().await;
    let schema = schema(&fleet, &plain(&fleet).await).await;
    let listed: BTreeMap<&str, Erasure> = TABLES.iter().copied().collect();

    let missing: Vec<_> = schema.keys().filter(|table| !listed.contains_key(table.as_str())).collect();
    assert_eq!(missing, [""; 0], "add the table to the list in crates/store/src/erase.rs");
    let gone: Vec<_> = listed.keys().filter(|table| !schema.contains_key(**table)).collect();
    assert_eq!(gone, [&""; 0]);
    for (table, columns) in &schema {
        let personal = columns.iter().any(|column| {
            ["pin", "item_id", "token"].contains(&column.as_str()) || column.starts_with("sealed")
        });
        match listed[table.as_str()] {
            Erasure::Nobody => assert!(!personal, "{table} may name a person"),
            Erasure::Kept(reason) => assert!(!reason.is_empty(), "{table}"),
            Erasure::Cleaned => {}
        }
    }
}

#[tokio::test]
async fn an_erasure_removes_all_data_of_one_person_and_none_of_others() {
    let fleet = Fleet::new().await;
    let db = plain(&fleet).await;
    let device = fleet.device("SN1").await.id;
    others(&fleet, 0, 7).await;
    everything_of(&fleet, device, BOB).await;
    let (before_ada, mut rows_before) = (values(&fleet, &db).await, BTreeMap::new());
    for (table, _) in TABLES {
        rows_before.insert(*table, rows_of(&db, table).await);
    }
    everything_of(&fleet, device, ADA).await;
    for (table, _) in TABLES.iter().filter(|(_, erasure)| *erasure == Erasure::Cleaned) {
        assert!(
            rows_of(&db, table).await > rows_before[table],
            "the test puts nothing of a person into {table}"
        );
    }
    let with_ada = values(&fleet, &db).await;
    others(&fleet, 1, 11).await;

    let mut tx = fleet.write().await;
    let live = tx.live_keys(&[pin(ADA)]).await.expect("keys");
    tx.commit().await.expect("committed");
    let last = fleet.delete(&live, at(10), false).await;
    let mut tx = fleet.write().await;
    let erased = tx.erase(&pin(ADA), Punches::Keep, at(10)).await.expect("erased");
    tx.commit().await.expect("committed");

    assert_eq!(erased.kept_punches, 1);
    assert!(last > Seq(0));
    let after = values(&fleet, &db).await;
    let mut hers = BTreeSet::new();
    for ((table, column), found) in &with_ada {
        let place = (table.as_str(), column.as_str());
        let stays = STAYS.iter().any(|(table, column, _)| place == (*table, *column));
        let bobs = &before_ada[&(table.clone(), column.clone())];
        let others_lose = bobs.iter().filter(|value| {
            value.len() >= DISTINCTIVE && !after[&(table.clone(), column.clone())].contains(*value)
        });
        assert_eq!(others_lose.count(), 0, "{table}.{column}: another person lost data");
        if !stays && table != "attendance" && table != "device" {
            hers.extend(found.difference(bobs).filter(|value| value.len() >= DISTINCTIVE).cloned());
        }
    }
    for text in ["name of ", "card of ", "vice card of "] {
        let text = format!("{text}{ADA}").into_bytes();
        assert!(hers.contains(&text), "the value was stored before");
    }
    // Values that were stored only for a while, and values that must never be stored unsealed.
    for text in [
        "name of a former life",
        "claimed finger",
        "claimed name",
        "Grace",
        "former name",
        "word",
        "finger 0",
        "finger 1",
        "photo",
        "part",
        "held name",
        "snapshot",
    ] {
        hers.insert(format!("{text} of {ADA}").into_bytes());
    }
    assert!(hers.len() > 30, "{}", hers.len());
    let hashes = &after[&("item_old".to_owned(), "hash".to_owned())];
    hers.retain(|value| !hashes.contains(value));
    for ((table, column), found) in &after {
        let left = found.intersection(&hers).count();
        assert_eq!(left, 0, "{table}.{column} still holds something of her");
        let named = found.iter().any(|value| holds(value, ADA.as_bytes()));
        assert!(
            !named || PIN_STAYS.contains(&(table.as_str(), column.as_str())),
            "{table}.{column} still names her"
        );
    }
    let sql = "SELECT COUNT(*) FROM item_old o JOIN item i ON i.item_id = o.item_id \
               WHERE i.pin = 'ADA4711PIN' AND (i.kind IN (0, 1) OR o.sealed IS NOT NULL)";
    let old: i64 = query_scalar(sql).fetch_one(&db).await.expect("a count");
    assert_eq!(old, 0, "hashes of templates and photos alone");

    let rewritten = fleet.store.rewrite().await.expect("written anew");
    if fleet.database.kind() == Kind::MariaDb {
        assert_eq!(rewritten, Rewritten::NotHere);
        return;
    }
    assert_eq!(rewritten, Rewritten::Done);
    assert_eq!(left_in_files(&fleet, &hers), [""; 0]);
    assert_eq!(values(&fleet, &db).await, after, "rewriting the file changes no value");
}

/// Punches are stored in the order of their digests, so each new one moves others from page to page.
#[tokio::test]
async fn an_erasure_also_removes_punches_that_moved_between_pages() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let punches = |who: &str, day: usize| -> Vec<NewPunch> {
        (0..60)
            .map(|minute| format!("{who}\t2027-03-{day:02} 08:{minute:02}:00\t0\t1\t0\t0\t0"))
            .map(|line| NewPunch {
                punch: Punch::read(line.as_bytes(), false).expect("a punch"),
                raw: line.into_bytes(),
                time_zone: "UTC".into(),
                reads_cards: false,
            })
            .collect()
    };
    for day in 1..=28 {
        let mut tx = fleet.write().await;
        for who in [ADA, BOB, "1", "2"] {
            tx.keep_punches(device, &punches(who, day), at(0)).await.expect("kept");
        }
        tx.commit().await.expect("committed");
    }
    let db = plain(&fleet).await;
    let lines = format!("SELECT HEX(sealed) FROM attendance WHERE pin = '{ADA}'");
    let hers: BTreeSet<Vec<u8>> = texts(&db, lines).await.iter().map(|hex| bytes_of(hex)).collect();
    let mut tx = fleet.write().await;
    let erased = tx.erase(&pin(ADA), Punches::Erase, at(10)).await.expect("erased");
    tx.commit().await.expect("committed");

    assert_eq!((erased.kept_punches, erased.rows["attendance"]), (0, 60 * 28));
    assert_eq!((hers.len(), rows_of(&db, "attendance").await), (60 * 28, 3 * 60 * 28));
    if fleet.database.kind() == Kind::Sqlite {
        assert_eq!(fleet.store.empty_log().await.expect("emptied"), Rewritten::Done);
        assert_eq!(left_in_files(&fleet, &hers), [""; 0], "SQLite overwrote the rows in place");
    }
}

/// The values that remain in the files of an SQLite database.
fn left_in_files(fleet: &Fleet, values: &BTreeSet<Vec<u8>>) -> Vec<String> {
    let file = fleet.database.file();
    let mut bytes = std::fs::read(&file).expect("the file");
    for end in ["-wal", "-shm"] {
        let mut name = file.clone().into_os_string();
        name.push(end);
        bytes.extend(std::fs::read(name).unwrap_or_default());
    }
    assert!(holds(&bytes, BOB.as_bytes()), "the search finds existing values");
    // The file holds a sealed body of many pages in pieces. Searches for the end of each value, because texts begin
    // alike.
    let pieces: BTreeSet<&[u8]> = values
        .iter()
        .flat_map(|value| value.chunks(100))
        .filter_map(|piece| piece.len().checked_sub(DISTINCTIVE).and_then(|from| piece.get(from..)))
        .collect();
    assert!(!pieces.is_empty());
    let left: BTreeSet<&[u8]> = bytes.windows(DISTINCTIVE).filter(|window| pieces.contains(window)).collect();
    left.into_iter().map(|piece| piece.escape_ascii().to_string()).collect()
}

#[tokio::test]
async fn other_people_keep_their_lines_of_a_shared_record() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let raw = "USER PIN=7\tName=Ada\nUSER PIN=8\tName=Bob\n";
    let mut tx = fleet.write().await;
    let id = tx.hold(&held(device, None, raw.to_owned()), at(0)).await.expect("held").id;
    tx.erase(&pin("7"), Punches::Keep, at(1)).await.expect("erased");
    let (_, left) = tx.show_held(id).await.expect("read").expect("there");
    assert_eq!(left, b"USER PIN=8\tName=Bob\n");
    tx.erase(&pin("8"), Punches::Keep, at(1)).await.expect("erased");
    assert!(tx.show_held(id).await.expect("read").is_none());
}

/// A device that waits for a decision about the person must not wait for ever: the erasure is the decision.
#[tokio::test]
async fn exceptions_that_wait_for_an_operator_are_due_after_an_erasure() {
    let fleet = Fleet::new().await;
    fleet.put(&[member("7"), (user_key("7"), Content::User(fields("7", "name")))]).await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;
    let row = tx.device(device).await.expect("read").expect("there");
    let view = tx.view(&row).await.expect("a view");
    let parked = Exception {
        wait: Wait::Parked(Parked::Held),
        wipe: false,
        known: None,
        refused: None,
        attempts: 0,
        unconfirmed: None,
    };
    let changes = sync::Changes { exceptions: vec![(user_key("7"), Some(parked))], ..Default::default() };
    tx.apply(&view, &changes, at(0)).await.expect("applied");
    tx.commit().await.expect("committed");

    fleet.delete(&[user_key("7"), member("7").0], at(1), false).await;
    let mut tx = fleet.write().await;
    assert!(poll(&mut tx, device, at(2)).await.is_empty(), "an operator decides first");
    tx.erase(&pin("7"), Punches::Keep, at(3)).await.expect("erased");

    let sends = poll(&mut tx, device, at(4)).await;
    assert_eq!(
        sends.iter().map(|send| (&send.key, send.verb)).collect::<Vec<_>>(),
        [(&user_key("7"), sync::Verb::Delete)]
    );
}

/// A device may have shown a person whom the fleet never had.
#[tokio::test]
async fn a_person_with_only_a_claim_or_a_mark_can_be_erased() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let state = ClaimState {
        reason: Reason::Unproved,
        stage: Stage::Waiting,
        life: Seq(0),
        version: 1,
        since: Seq(0),
        question: None,
    };
    let mut tx = fleet.write().await;
    let (claim, user) = claims::whole("7", state);
    claims::open(&mut tx, device, "7", claim, Some(&user)).await;
    let hash = roster::hash(fleet.store.hash_key(), &finger_key("8", 1).slot, &finger("8", 1, "QUFB").1);
    tx.mark_discarded(&pin("8"), &[hash]).await.expect("marked");
    for of in ["7", "8"] {
        assert!(tx.knows_pin(&pin(of)).await.expect("read"), "{of}");
        let rows = tx.erase(&pin(of), Punches::Keep, at(1)).await.expect("erased").rows;
        assert!(!rows.is_empty(), "{of}");
        assert!(!tx.knows_pin(&pin(of)).await.expect("read"), "{of}");
    }
    assert!(!tx.knows_pin(&pin("9")).await.expect("read"));
}

/// The hashes prevent that a delayed upload gives a new owner of the PIN the templates of the former one.
#[tokio::test]
async fn hashes_of_templates_are_deleted_once_every_device_has_carried_out_the_deletion() {
    let fleet = Fleet::new().await;
    let (one, two) = (fleet.device("SN1").await.id, fleet.device("SN2").await.id);
    fleet
        .put(&[member("7"), (user_key("7"), Content::User(fields("7", "name"))), finger("7", 0, "QUFB")])
        .await;
    catch_up(&fleet, one).await;
    catch_up(&fleet, two).await;
    fleet.delete(&[user_key("7"), finger_key("7", 0), member("7").0], at(1), false).await;
    let mut tx = fleet.write().await;
    tx.erase(&pin("7"), Punches::Keep, at(1)).await.expect("erased");
    tx.commit().await.expect("committed");

    let forgotten = async || {
        let mut tx = fleet.write().await;
        let forgotten = tx.forget_versions(0, 100).await.expect("forgotten").0;
        tx.commit().await.expect("committed");
        forgotten
    };
    assert_eq!(forgotten().await, 0, "no device has read the deletion");
    catch_up(&fleet, one).await;
    assert_eq!(forgotten().await, 0, "the other device has not read it");
    let mut tx = fleet.write().await;
    poll(&mut tx, two, at(60)).await;
    let sends = poll(&mut tx, two, at(61)).await;
    assert_eq!(sends.iter().map(|send| send.verb).collect::<Vec<_>>(), [sync::Verb::Delete]);
    tx.commit().await.expect("committed");
    assert_eq!(forgotten().await, 0, "the deletion is under way");
    answer_open(&fleet, two).await;
    catch_up(&fleet, two).await;
    assert_eq!(forgotten().await, 1);
    assert!(fleet.read().await.old_hashes(&[pin("7")]).await.expect("read").is_empty());
}

/// A device acknowledges the commands that it was sent before.
async fn answer_open(fleet: &Fleet, device: i64) {
    let sql = format!("SELECT wire_id FROM sync_command WHERE device_id = {device} AND open = 1");
    let names = texts(&plain(fleet).await, sql).await;
    let mut tx = fleet.write().await;
    for name in names {
        carry_out(&mut tx, device, &name).await;
    }
    tx.commit().await.expect("committed");
}
