//! Terminals that do not delete what they are told to delete.

use std::time::Duration;

use simulator::{Device, Model, Session};
use story::House;
use story::program::Program;

const GATE: &str = "SIM0002";

/// The device could not write its storage.
const STORAGE: i32 = -3;

const SENTENCE: &str = "removal of user 13 failed 10 times: return code -3 (the device could not read or write its storage); \
                        Muster retries daily";

/// Two terminals with Ada and her finger. The second deletes nobody from now on.
async fn with_a_stubborn_gate(house: &House, code: i32) -> (Session, Session) {
    let mut a = house.connect(Device::new(Model::k40(), "SIM0001")).await;
    let mut gate = house.connect(Device::new(Model::k40(), GATE)).await;
    a.enrol_user("13", "Ada");
    a.enrol_fingerprint("13", 6);
    house.calm([&mut a, &mut gate]).await;
    assert_eq!(gate.users(), 1);
    gate.quirks_mut().refuse_deletions = Some(code);
    house.delete("13").await;
    (a, gate)
}

/// The terminal polls once an hour, for so many days. How many commands it got.
async fn polls_hourly(house: &House, gate: &mut Session, days: u32) -> usize {
    let before = house.commands().await;
    for _ in 0..days * 24 {
        house.advance(Duration::from_hours(1));
        gate.step().await.expect("the terminal reaches the server");
        // It uploads and answers what the first visit brought.
        gate.step().await.expect("the terminal reaches the server");
    }
    house.commands().await - before
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_that_keeps_failing_is_shown_and_tried_daily_and_stops_nothing_else() {
    for code in [STORAGE, -1] {
        let house = House::open().await;
        let (mut a, mut gate) = with_a_stubborn_gate(&house, code).await;
        house.rounds(600, [&mut a, &mut gate]).await;

        let status = house.status_of(GATE).await;
        assert!(!status.in_sync && status.removals_failed == 1, "{status:#?}");
        assert_eq!((status.removals_failed, status.due, status.open), (1, 0, 0));
        assert!(house.status_of("SIM0001").await.in_sync);
        assert!(gate.person("13").is_some());

        a.enrol_user("14", "Bob");
        a.enrol_fingerprint("14", 6);
        house.rounds(4, [&mut a, &mut gate]).await;
        assert!(gate.person("14").is_some(), "nobody waits for the removal");

        assert_eq!(polls_hourly(&house, &mut gate, 3).await, 3, "{code}");
        assert_eq!(house.status_of(GATE).await.removals_failed, 1);
        gate.quirks_mut().refuse_deletions = None;
        polls_hourly(&house, &mut gate, 1).await;
        house.calm([&mut a, &mut gate]).await;

        assert_eq!(gate.person("13"), None);
        assert!(house.status_of(GATE).await.in_sync, "{:#?}", house.status_of(GATE).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_that_fails_for_a_while_is_tried_again_soon_and_not_parked() {
    let house = House::open().await;
    let (mut a, mut gate) = with_a_stubborn_gate(&house, STORAGE).await;
    let before = house.commands_to(GATE, 0).await.len();
    house.rounds(18, [&mut a, &mut gate]).await;
    let tries = house.commands_to(GATE, 0).await.len() - before;
    assert!((3..=6).contains(&tries), "with growing pauses: {tries}");
    let status = house.status_of(GATE).await;
    assert_eq!((status.removals_failed, status.in_sync), (0, false));

    gate.quirks_mut().refuse_deletions = None;
    house.rounds(18, [&mut a, &mut gate]).await;

    assert_eq!(gate.person("13"), None);
    assert!(house.status_of(GATE).await.in_sync);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_that_failed_often_is_tried_when_the_terminal_connects_anew() {
    let house = House::open().await;
    let (mut a, mut gate) = with_a_stubborn_gate(&house, STORAGE).await;
    house.rounds(600, [&mut a, &mut gate]).await;
    assert_eq!(house.status_of(GATE).await.removals_failed, 1);
    gate.quirks_mut().refuse_deletions = None;

    // Within an hour after the last failure a new connection is no reason.
    let connects = async |gate: &mut Session| {
        gate.initialize().await.expect("the terminal connects");
        house.rounds(3, [&mut *gate]).await;
        gate.person("13").is_some()
    };
    assert!(connects(&mut gate).await);
    house.advance(Duration::from_hours(2));
    assert!(!connects(&mut gate).await);
    house.calm([&mut a, &mut gate]).await;
    assert!(house.status_of(GATE).await.in_sync);
}

/// The commands of the program tell of it, and `/health`.
#[tokio::test(flavor = "multi_thread")]
async fn a_removal_that_failed_often_is_named_by_the_commands_of_the_program() {
    let mut program = Program::start();
    let mut gate = program.connect(Device::new(Model::k40(), GATE)).await;
    gate.enrol_user("13", "Ada");
    program.calm([&mut gate]).await;
    assert_eq!(gate.users(), 1);
    gate.quirks_mut().refuse_deletions = Some(STORAGE);
    let deleted = program.run("user delete 13 --yes");
    assert!(deleted.status.success(), "{}", text(&deleted));
    until_told(&program, &mut gate, "failed 1 times").await;
    // It failed nine times, and the next try is due.
    program.kill();
    program.sql("UPDATE sync_exception SET attempts = 9, due_at = 0 WHERE kind = 0").await;
    program.start_again();
    until_told(&program, &mut gate, "not confirmed").await;

    let status = text(&program.run("sync status"));
    assert!(status.contains("1 removals not confirmed, retried daily"), "{status}");
    assert!(status.contains("0 of 1 devices of the fleet are in sync"), "{status}");
    for command in ["sync status SIM0002", "device show SIM0002", "user show 13"] {
        let told = text(&program.run(command)).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains(SENTENCE), "{command}: {told}");
    }

    gate.quirks_mut().refuse_deletions = None;
    program.kill();
    program.sql("UPDATE sync_exception SET due_at = 0 WHERE kind = 0").await;
    program.start_again();
    program.calm([&mut gate]).await;
    assert_eq!(gate.users(), 0);
    let status = text(&program.run("sync status"));
    assert!(status.contains("1 of 1 devices of the fleet are in sync"), "{status}");
    assert!(!text(&program.run("user show 13")).contains("removal"));
}

/// The terminal polls until `muster sync status` says so.
async fn until_told(program: &Program, gate: &mut Session, words: &str) {
    let mut told = String::new();
    for _ in 0..100 {
        gate.step().await.expect("the terminal reaches the server");
        told = text(&program.run("sync status SIM0002"));
        if told.contains(words) {
            return;
        }
    }
    panic!("it never says {words:?}: {told}\n{}", program.log());
}

/// All that a command said.
fn text(output: &std::process::Output) -> String {
    [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said).into_owned()).concat()
}
