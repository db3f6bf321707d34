//! Claims: uploads that the fleet did not accept, their outcomes, and the marks of former people.

use std::collections::{BTreeMap, BTreeSet};

use roster::{Content, Millis, Seq, UserFields, UserPatch};
use sqlx::{AssertSqlSafe, query, query_as, query_scalar};
use store::{ClaimedUser, HeldFilter, HeldKind, HeldRecord, StoreError, Tx};
use sync::{Asked, Changes, Claim, ClaimNews, ClaimState, Joining, Question, Reason, Stage, Subject};

use crate::fleet::{Fleet, at, fields, finger, finger_key, member, photo, pin, user, user_key};
use crate::opening::plain;
use crate::sync_state::person;

/// Applies news of a claim of a device, with the user record of the upload.
pub async fn claim(
    tx: &mut Tx,
    device: i64,
    of: &str,
    claim: Option<Claim>,
    news: ClaimNews,
    raw: Option<&str>,
) {
    let row = tx.device(device).await.expect("read").expect("there");
    let mut view = tx.view(&row).await.expect("a view");
    view.persons.entry(pin(of)).or_default().claim = claim;
    let record = |raw: &str| (pin(of), ClaimedUser { table: "OPERLOG".into(), raw: raw.into() });
    let users: BTreeMap<_, _> = raw.map(record).into_iter().collect();
    let changes = Changes { claims: vec![(pin(of), news)], ..Changes::default() };
    tx.apply_upload(&view, &changes, &users, at(0)).await.expect("applied");
}

/// Opens a claim, or changes one.
pub async fn open(tx: &mut Tx, device: i64, of: &str, opened: Claim, raw: Option<&str>) {
    let state = opened.state;
    claim(tx, device, of, Some(opened), ClaimNews::Open(state), raw).await;
}

pub async fn read(tx: &mut Tx, device: i64, of: &str) -> Option<Claim> {
    person(tx, device, of).await.claim
}

fn asks(subject: Subject, asked: Asked, shown: bool, times: u32) -> Question {
    Question { subject, asked, shown, times }
}

fn state(reason: Reason, stage: Stage, question: Option<Question>) -> ClaimState {
    ClaimState { reason, stage, life: Seq(12), version: 3, since: Seq(40), question }
}

/// A claim on the PIN with a user record, a finger and a photo.
pub fn whole(of: &str, state: ClaimState) -> (Claim, String) {
    let raw = format!("USER PIN={of}\tName=Grace of {of}\tPasswd=1234\tCard=4711\n");
    let patch = patch_of(&raw);
    let items = [finger(of, 3, "R3JhY2U="), photo(of, "cGhvdG8=")];
    let items = items.into_iter().map(|(key, content)| (key.slot, content)).collect();
    (Claim { state, user: Some(patch), items }, raw)
}

fn patch_of(raw: &str) -> UserPatch {
    match roster::read(Some("OPERLOG"), raw.as_bytes(), &roster::Capability::default()).remove(0) {
        roster::Reading::User { patch, .. } => patch,
        other => panic!("{other:?}"),
    }
}

const REASONS: [Reason; 11] = [
    Reason::Unproved,
    Reason::Renamed,
    Reason::WentBack,
    Reason::UsedBefore,
    Reason::Other,
    Reason::Unclear,
    Reason::Leaver,
    Reason::Outside,
    Reason::Remains,
    Reason::Enrolment,
    Reason::Deleted,
];

#[tokio::test]
async fn every_claim_is_read_back_as_it_was_written() {
    let fleet = Fleet::new().await;
    let (device, other) = (fleet.device("SN1").await.id, fleet.device("SN2").await.id);
    let template = Subject::Template(finger_key("1", 3).slot);
    let questions = [
        None,
        Some(asks(Subject::User, Asked::Due, false, 0)),
        Some(asks(Subject::User, Asked::Refused(at(0)), true, 3)),
        Some(asks(template, Asked::Asked(41, at(3)), false, 1)),
        Some(asks(template, Asked::Answered(at(4)), true, 2)),
    ];
    let states: BTreeMap<String, ClaimState> = REASONS
        .iter()
        .flat_map(|reason| [Stage::Waiting, Stage::Blocking].map(|stage| (*reason, stage)))
        .flat_map(|(reason, stage)| questions.iter().map(move |asked| state(reason, stage, *asked)))
        .enumerate()
        .map(|(number, state)| (format!("{}", number + 1), state))
        .collect();
    assert_eq!(states.len(), 110);
    let mut tx = fleet.write().await;
    for (of, state) in &states {
        let bare = Claim { state: *state, user: None, items: BTreeMap::new() };
        open(&mut tx, device, of, bare, None).await;
    }
    // The same PIN at another device is another claim.
    let (theirs, raw) = whole("1", state(Reason::Other, Stage::Blocking, None));
    open(&mut tx, other, "1", theirs.clone(), Some(&raw)).await;
    tx.commit().await.expect("committed");

    let mut tx = fleet.read().await;
    for (of, state) in &states {
        let expected = Claim { state: *state, user: None, items: BTreeMap::new() };
        assert_eq!(read(&mut tx, device, of).await, Some(expected), "{of}");
    }
    assert_eq!(read(&mut tx, other, "1").await, Some(theirs));
    assert_eq!(read(&mut tx, other, "2").await, None);
}

#[tokio::test]
async fn a_claim_keeps_the_newest_record_and_the_newest_of_each_template() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;
    let first = state(Reason::Unproved, Stage::Waiting, Some(asks(Subject::User, Asked::Due, false, 0)));
    let only_finger = [finger("7", 3, "QUFB")].map(|(key, content)| (key.slot, content)).into();
    open(&mut tx, device, "7", Claim { state: first, user: None, items: only_finger }, None).await;

    let (mut newer, raw) = whole("7", state(Reason::Other, Stage::Blocking, None));
    open(&mut tx, device, "7", newer.clone(), Some(&raw)).await;
    assert_eq!(read(&mut tx, device, "7").await.as_ref(), Some(&newer));

    // An upload without a user record keeps the stored one.
    newer.state.version += 1;
    newer.items.insert(finger_key("7", 4).slot, finger("7", 4, "QkJC").1);
    open(&mut tx, device, "7", newer.clone(), None).await;
    assert_eq!(read(&mut tx, device, "7").await.as_ref(), Some(&newer));

    let renamed = raw.replace("Grace", "Gracia");
    newer.user = Some(patch_of(&renamed));
    open(&mut tx, device, "7", newer.clone(), Some(&renamed)).await;
    assert_eq!(read(&mut tx, device, "7").await.as_ref(), Some(&newer));

    // An item that the claim no longer holds is deleted.
    newer.items.remove(&finger_key("7", 4).slot).expect("it was there");
    open(&mut tx, device, "7", newer.clone(), None).await;
    assert_eq!(read(&mut tx, device, "7").await.as_ref(), Some(&newer));
}

#[tokio::test]
async fn a_claim_is_sealed_to_its_device_and_pin() {
    let fleet = Fleet::new().await;
    let (device, other) = (fleet.device("SN1").await.id, fleet.device("SN2").await.id);
    let mut tx = fleet.write().await;
    for (device, of) in [(device, "7"), (device, "8"), (other, "7")] {
        let (claim, raw) = whole(of, state(Reason::Other, Stage::Blocking, None));
        open(&mut tx, device, of, claim, Some(&raw)).await;
    }
    tx.commit().await.expect("committed");
    let db = plain(&fleet).await;
    let sealed: Vec<(Vec<u8>,)> =
        query_as("SELECT sealed FROM claim UNION ALL SELECT sealed FROM claim_item")
            .fetch_all(&db)
            .await
            .expect("read");
    assert_eq!(sealed.len(), 9);
    for part in ["Grace", "4711", "R3JhY2U", "cGhvdG8"] {
        let plain = |text: &[u8]| text.windows(part.len()).any(|window| window == part.as_bytes());
        assert!(!sealed.iter().any(|(text,)| plain(text)), "{part}");
    }

    for table in ["claim", "claim_item"] {
        // Moves the sealed content of one claim into the two others.
        let (from,): (Vec<u8>,) = query_as(AssertSqlSafe(format!(
            "SELECT sealed FROM {table} WHERE device_id = {device} AND pin = '7' LIMIT 1"
        )))
        .fetch_one(&db)
        .await
        .expect("read");
        query(AssertSqlSafe(format!(
            "UPDATE {table} SET sealed = ? WHERE device_id <> {device} OR pin <> '7'"
        )))
        .bind(from)
        .execute(&db)
        .await
        .expect("moved");
        let mut tx = fleet.read().await;
        for (device, of) in [(device, "8"), (other, "7")] {
            let mut view = sync::DeviceView::new(device, roster::Capability::default());
            let loaded = tx.load_persons(&mut view, &[pin(of)]).await;
            assert!(matches!(loaded, Err(StoreError::Sealed { .. })), "{table} {device} {of}: {loaded:?}");
        }
        assert!(read(&mut tx, device, "7").await.is_some());
    }
}

fn held(device: i64, of: &str, kind: HeldKind) -> HeldRecord {
    HeldRecord {
        device,
        kind,
        table: Some("OPERLOG".into()),
        pin: Some(pin(of)),
        tag: "USER".into(),
        line: Some(1),
        reason: "not taken".into(),
        raw: format!("{kind} of {of}").into_bytes(),
        life: Some(Seq(12)),
    }
}

/// The open held records, and the resolutions of the others, by device, PIN and original kind.
async fn held_now(tx: &mut Tx) -> BTreeSet<(i64, String, String, String)> {
    let filter = HeldFilter { resolved_too: true, ..HeldFilter::default() };
    let mut found = BTreeSet::new();
    for row in tx.held(&filter, 100).await.expect("listed") {
        let (_, raw) = tx.show_held(row.id).await.expect("read").expect("there");
        let was = String::from_utf8(raw).expect("text");
        assert_eq!(row.resolved_at.is_some(), row.resolution.is_some());
        assert_eq!(row.life, Some(Seq(12)));
        let resolution = row.resolution.unwrap_or_else(|| "open".to_owned());
        found.insert((row.device, was, row.kind.to_string(), resolution));
    }
    found
}

#[tokio::test]
async fn held_records_follow_the_outcome_of_their_claim() {
    let waiting = state(Reason::Unproved, Stage::Waiting, Some(asks(Subject::User, Asked::Due, false, 0)));
    let blocking = state(Reason::Other, Stage::Blocking, None);
    for (news, of_waiting, of_conflict) in [
        (ClaimNews::Open(waiting), ("waiting", "open"), ("conflict", "open")),
        (ClaimNews::Open(blocking), ("conflict", "open"), ("conflict", "open")),
        (ClaimNews::Taken, ("waiting", "confirmed"), ("conflict", "confirmed")),
        (ClaimNews::Dropped, ("waiting", "void"), ("conflict", "void")),
        (ClaimNews::Left, ("leftover", "open"), ("leftover", "open")),
    ] {
        let fleet = Fleet::new().await;
        let (one, two) = (fleet.device("SN1").await.id, fleet.device("SN2").await.id);
        let mut tx = fleet.write().await;
        let mine = [
            HeldKind::Waiting,
            HeldKind::Conflict,
            HeldKind::Leftover,
            HeldKind::Privilege,
            HeldKind::Credential,
            HeldKind::Deletion,
            HeldKind::Unreadable,
        ];
        for kind in mine {
            tx.hold(&held(one, "7", kind), at(0)).await.expect("held");
        }
        for (device, of) in [(one, "8"), (two, "7")] {
            tx.hold(&held(device, of, HeldKind::Waiting), at(0)).await.expect("held");
        }
        for (device, of) in [(one, "7"), (one, "8"), (two, "7")] {
            let (claim, raw) = whole(of, waiting);
            open(&mut tx, device, of, claim, Some(&raw)).await;
        }
        let mut expected = held_now(&mut tx).await;
        assert_eq!(expected.len(), 9);
        assert!(expected.iter().all(|(.., resolution)| resolution == "open"));

        let (changed, _) = whole("7", if let ClaimNews::Open(state) = news { state } else { waiting });
        let stays = matches!(news, ClaimNews::Open(_));
        claim(&mut tx, one, "7", stays.then(|| changed.clone()), news, None).await;

        assert_eq!(read(&mut tx, one, "7").await, stays.then_some(changed), "{news:?}");
        for (device, of) in [(one, "8"), (two, "7")] {
            assert_eq!(read(&mut tx, device, of).await, Some(whole(of, waiting).0), "{news:?}");
        }
        for (was, (kind, resolution)) in [("waiting", of_waiting), ("conflict", of_conflict)] {
            let row =
                |kind: &str, decided: &str| (one, format!("{was} of 7"), kind.to_owned(), decided.to_owned());
            assert!(expected.remove(&row(was, "open")));
            expected.insert(row(kind, resolution));
        }
        assert_eq!(held_now(&mut tx).await, expected, "{news:?}");
        tx.commit().await.expect("committed");
        let sql = "SELECT COUNT(*) FROM claim_item WHERE device_id = ? AND pin = '7'";
        let items: i64 = query_scalar(sql).bind(one).fetch_one(&plain(&fleet).await).await.expect("a count");
        assert_eq!(items, if stays { 2 } else { 0 }, "{news:?}");
    }
}

/// Adds a record that waits in a claim, at a time.
async fn waits(tx: &mut Tx, device: i64, tag: &str, raw: &str, when: Millis) {
    let record = HeldRecord {
        tag: tag.to_owned(),
        raw: raw.as_bytes().to_vec(),
        ..held(device, "7", HeldKind::Waiting)
    };
    tx.hold(&record, when).await.expect("held");
}

#[tokio::test]
async fn replaced_records_of_a_claim_stay_held_when_the_claim_is_accepted() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let (with_another_card, with_her_card) =
        ("USER PIN=7\tName=Grace\tCard=17\n", "USER PIN=7\tName=Grace\tCard=18\n");
    let mut tx = fleet.write().await;
    waits(&mut tx, device, "USER", "USER PIN=7\tName=Ada\n", at(1)).await;
    waits(&mut tx, device, "USER", "USER PIN=7\tName=Grace\n", at(2)).await;
    waits(&mut tx, device, "USER", with_another_card, at(3)).await;
    waits(&mut tx, device, "fingerprint 3 (10.0)", "FP PIN=7\tFID=3\tTMP=QUFB\n", at(4)).await;
    waits(&mut tx, device, "fingerprint 3 (10.0)", "FP PIN=7\tFID=3\tTMP=QkJC\n", at(5)).await;
    waits(&mut tx, device, "fingerprint 4 (10.0)", "FP PIN=7\tFID=4\tTMP=Q0ND\n", at(6)).await;

    claim(&mut tx, device, "7", None, ClaimNews::Taken, Some(with_her_card)).await;

    let mut left: Vec<(HeldKind, String)> = Vec::new();
    for row in tx.held(&HeldFilter::default(), 10).await.expect("read") {
        let (_, raw) = tx.show_held(row.id).await.expect("read").expect("there");
        left.push((row.kind, String::from_utf8(raw).expect("text")));
    }
    left.sort();
    let expected = ["FP PIN=7\tFID=3\tTMP=QUFB\n", with_another_card, "USER PIN=7\tName=Ada\n"];
    let mut expected = expected.map(|raw| (HeldKind::Leftover, raw.to_owned()));
    expected.sort();
    assert_eq!(left, expected);
}

#[tokio::test]
async fn former_people_are_recognised_by_their_names_and_cards() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let former = async |of: &str| {
        let mut tx = fleet.read().await;
        tx.known(device, &[pin(of)], at(9), None).await.expect("read").remove(&pin(of)).expect("there").former
    };
    let byron = UserFields { vice_card: Some("31".into()), ..fields("Ada Byron") };
    let king = UserFields { card: Some("32".into()), ..fields("Augusta Ada King, Countess") };
    let marks = |users: &[&UserFields]| -> BTreeSet<roster::ContentHash> {
        users.iter().flat_map(|user| roster::marks(fleet.store.hash_key(), user)).collect()
    };
    fleet
        .put(&[
            member("7"),
            (user_key("7"), Content::User(byron.clone())),
            finger("7", 3, "QUFB"),
            user("8", "Bob"),
        ])
        .await;
    fleet.put(&[(user_key("7"), Content::User(king.clone()))]).await;
    fleet.delete(&[finger_key("7", 3)], at(1), false).await;
    assert_eq!(former("7").await, BTreeSet::new(), "the person is still live");

    fleet.delete(&[user_key("7"), member("7").0], at(2), false).await;

    let expected = marks(&[&byron, &king]);
    // Two names, the beginning of the long one, three cards, two whole records.
    assert_eq!((former("7").await, expected.len()), (expected.clone(), 8));
    assert_eq!(former("8").await, BTreeSet::new());
    // The next life under the PIN is of another person, and the marks of both stay.
    fleet.put(&[user("7", "Grace")]).await;
    assert_eq!(former("7").await, expected);
    fleet.delete(&[user_key("7")], at(3), false).await;
    let expected = &expected | &marks(&[&fields("Grace")]);
    assert_eq!(former("7").await, expected);

    let discarded = roster::hash(fleet.store.hash_key(), &finger_key("7", 5).slot, &finger("7", 5, "QkJC").1);
    let mut tx = fleet.write().await;
    for _ in 0..2 {
        tx.mark_discarded(&pin("7"), &[discarded]).await.expect("marked");
    }
    tx.commit().await.expect("committed");
    assert_eq!(former("7").await, &expected | &BTreeSet::from([discarded]));
}

#[tokio::test]
async fn the_end_of_a_life_resolves_the_records_held_for_that_person() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    fleet.put(&[user("7", "Ada"), user("8", "Bob"), finger("7", 3, "QUFB")]).await;
    let mut tx = fleet.write().await;
    let of_the_life = [HeldKind::Privilege, HeldKind::Credential, HeldKind::Deletion, HeldKind::Brake];
    let of_the_device = [HeldKind::Waiting, HeldKind::Conflict, HeldKind::Leftover, HeldKind::Unreadable];
    for kind in of_the_life.iter().chain(&of_the_device) {
        tx.hold(&held(device, "7", *kind), at(0)).await.expect("held");
        tx.hold(&held(device, "8", *kind), at(0)).await.expect("held");
    }
    tx.commit().await.expect("committed");
    let decided = async || -> BTreeSet<String> {
        let all = held_now(&mut fleet.read().await).await.into_iter();
        all.filter(|(.., resolution)| resolution == "person-gone").map(|(_, was, ..)| was).collect()
    };
    fleet.delete(&[finger_key("7", 3)], at(1), false).await;
    assert_eq!(decided().await, BTreeSet::new());

    fleet.delete(&[user_key("7")], at(2), false).await;

    assert_eq!(decided().await, of_the_life.iter().map(|kind| format!("{kind} of 7")).collect());
}

#[tokio::test]
async fn claims_become_due_at_their_time() {
    let fleet = Fleet::new().await;
    let (one, two) = (fleet.device("SN1").await.id, fleet.device("SN2").await.id);
    let asked = |asked| Some(asks(Subject::User, asked, false, 1));
    let mut tx = fleet.write().await;
    let waiting = [
        ("1", Stage::Waiting, asked(Asked::Due)),
        ("2", Stage::Waiting, asked(Asked::Asked(41, at(0)))),
        ("3", Stage::Waiting, asked(Asked::Answered(at(5)))),
        // Judged by counts, a minute later each time.
        ("4", Stage::Waiting, asked(Asked::Refused(at(3)))),
        ("5", Stage::Waiting, asked(Asked::Answered(at(2)))),
        ("6", Stage::Blocking, asked(Asked::Answered(at(1)))),
        ("7", Stage::Blocking, None),
    ];
    for (of, stage, question) in waiting {
        let (claim, raw) = whole(of, state(Reason::Unproved, stage, question));
        open(&mut tx, one, of, claim, Some(&raw)).await;
    }
    let (theirs, _) = whole("9", state(Reason::Unproved, Stage::Waiting, asked(Asked::Asked(42, at(1)))));
    open(&mut tx, two, "9", theirs, None).await;

    let due = async |tx: &mut Tx, device, now, limit| tx.due_claims(device, now, limit).await.expect("read");
    let seconds = |minutes, seconds: i64| at(minutes).plus(seconds * 1_000);
    assert_eq!(tx.next_due(one).await.expect("read"), Some(seconds(2, 30)));
    assert_eq!(due(&mut tx, one, seconds(2, 29), 10).await, []);
    assert_eq!(due(&mut tx, one, seconds(2, 30), 10).await, [pin("5")]);
    assert_eq!(due(&mut tx, one, at(59), 10).await, [pin("5"), pin("4"), pin("3")]);
    assert_eq!(due(&mut tx, one, at(60), 10).await, [pin("5"), pin("4"), pin("3"), pin("2")]);
    assert_eq!(due(&mut tx, one, at(60), 2).await, [pin("5"), pin("4")]);
    assert_eq!(due(&mut tx, two, at(60), 10).await, []);
    assert_eq!(due(&mut tx, two, at(61), 10).await, [pin("9")]);
    for (now, expected) in [(seconds(2, 29), false), (seconds(2, 30), true)] {
        let standing = tx.device_snapshot(&crate::fleet::serial("SN1"), now).await.expect("read");
        assert_eq!(standing.map(|(.., standing)| standing.claims_due), Some(expected));
    }

    let asking = async |tx: &mut Tx, device, order| tx.claim_that_asks(device, order).await.expect("read");
    assert_eq!(asking(&mut tx, one, 41).await, Some(pin("2")));
    assert_eq!(asking(&mut tx, two, 41).await, None);
    assert_eq!(asking(&mut tx, one, 42).await, None);

    claim(&mut tx, one, "5", None, ClaimNews::Dropped, None).await;
    assert_eq!(due(&mut tx, one, at(60), 10).await, [pin("4"), pin("3"), pin("2")]);
}

#[tokio::test]
async fn a_full_reading_answers_the_questions_that_a_device_refused() {
    let fleet = Fleet::new().await;
    let (one, two) = (fleet.device("SN1").await.id, fleet.device("SN2").await.id);
    let mut tx = fleet.write().await;
    let asked = |asked| Some(asks(Subject::User, asked, false, 1));
    let (refused, asking) = (asked(Asked::Refused(at(0))), asked(Asked::Asked(41, at(0))));
    for (device, of, question) in [(one, "1", refused), (one, "2", asking), (two, "1", refused)] {
        let (claim, raw) = whole(of, state(Reason::Unproved, Stage::Waiting, question));
        open(&mut tx, device, of, claim, Some(&raw)).await;
    }
    let shown = BTreeSet::from([pin("1"), pin("8")]);
    tx.note_shown(one, &shown).await.expect("noted");
    tx.note_shown(two, &shown).await.expect("noted");
    let row = async |tx: &mut Tx, device| tx.device(device).await.expect("read").expect("there");
    // Until a reading begins, the people whom the device shows are not counted.
    tx.note_asked(one, at(1)).await.expect("noted");
    tx.note_heard(one, at(1)).await.expect("noted");
    let idle = row(&mut tx, one).await;
    assert_eq!((idle.is_read(), idle.asked_at, idle.heard_at), (false, None, None));

    tx.begin_reread(one).await.expect("begun");
    let reading = row(&mut tx, one).await;
    assert_eq!((reading.is_read(), reading.asked_at, reading.heard_at), (true, None, None));
    assert_eq!(tx.users_shown(one).await.expect("counted"), 0, "what it showed before is of another time");
    assert_eq!(tx.users_shown(two).await.expect("counted"), 2);
    tx.note_asked(one, at(2)).await.expect("noted");
    tx.note_asked(one, at(3)).await.expect("noted");
    tx.note_heard(one, at(4)).await.expect("noted");
    tx.note_shown(one, &shown).await.expect("noted");
    let reading = row(&mut tx, one).await;
    assert_eq!((reading.asked_at, reading.heard_at), (Some(at(2)), Some(at(4))), "the first time counts");
    assert!(!row(&mut tx, two).await.is_read());
    assert_eq!(tx.due_claims(one, at(9), 10).await.expect("read"), [pin("1")], "its count may tell");

    // A second reading, in which the device does not show everybody.
    tx.begin_reread(one).await.expect("begun");
    assert_eq!(row(&mut tx, one).await.asked_at, None);
    assert_eq!(tx.users_shown(one).await.expect("counted"), 0);

    tx.end_reread(one, at(9)).await.expect("ended");
    assert!(!row(&mut tx, one).await.is_read());
    assert_eq!(tx.due_claims(one, at(8), 10).await.expect("read"), []);
    assert_eq!(tx.due_claims(one, at(9), 10).await.expect("read"), [pin("1")]);
    let question =
        async |tx: &mut Tx, device, of| read(tx, device, of).await.and_then(|claim| claim.state.question);
    assert_eq!(question(&mut tx, one, "1").await, asked(Asked::Answered(Millis(0))));
    assert_eq!(question(&mut tx, one, "2").await, asking, "the device answers this question itself");
    assert_eq!(question(&mut tx, two, "1").await, refused);

    // A joining device is read anyway, so a question does not start its reading again.
    tx.approve_device(one, Joining::Adopt, at(10)).await.expect("approved");
    tx.note_shown(one, &shown).await.expect("noted");
    tx.begin_reread(one).await.expect("nothing to do");
    assert_eq!(row(&mut tx, one).await.rereads, None);
    assert_eq!(tx.users_shown(one).await.expect("counted"), 2);
    assert_eq!(question(&mut tx, two, "1").await, refused);
    tx.end_roster(two, true, at(11)).await.expect("ended");
    assert_eq!(
        question(&mut tx, two, "1").await,
        asked(Asked::Answered(Millis(0))),
        "it has shown everything"
    );
    assert_eq!(tx.due_claims(two, at(11), 10).await.expect("read"), [pin("1")]);
}
