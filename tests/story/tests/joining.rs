//! When a device that is taken in is filled and believed: once it has shown all its people.

use std::time::Duration;

use fleet::user::UserEdit;
use roster::Slot;
use story::records::{biodata, unified, user};
use story::terminal::Terminal;
use story::{House, pin};
use sync::Joining;
use wire::BioType;

const SIM: &str = "SIM0001";
const HALF_A_MINUTE: Duration = Duration::from_secs(30);

/// A server whose operator entered these people.
async fn with_people(people: &[(&str, &str)]) -> House {
    let house = House::approving().await;
    for (who, name) in people {
        let edit = UserEdit { name: Some((*name).to_owned()), ..UserEdit::default() };
        house.operate(async |tx| fleet::user::set(tx, &pin(who), &edit, house.now()).await).await;
    }
    house
}

/// The name that the fleet has for a PIN; empty where it has none.
async fn name(house: &House, who: &str) -> String {
    let mut tx = house.store.read().await.expect("a transaction");
    let key = roster::ItemKey { pin: pin(who), slot: Slot::USER };
    let found = tx.contents(&[key]).await.expect("the content");
    match found.into_iter().next() {
        Some((_, roster::Content::User(user))) => user.name,
        _ => String::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_greets_every_half_minute_and_is_punched_at_all_day_is_filled() {
    let house = with_people(&[("1", "Ada")]).await;
    let terminal = Terminal::approved(&house, SIM, Joining::Adopt).await;
    terminal.greet().await;
    assert!(terminal.poll_holding(2).await.contains("CHECK"));
    terminal.upload("OPERLOG", &(user("2", "Bob") + &user("3", "Cleo"))).await;

    let mut seconds = 0;
    while terminal.is_joining().await {
        assert!(seconds < 60, "it is never filled");
        house.advance(Duration::from_secs(10));
        seconds += 10;
        if seconds % 30 == 0 {
            terminal.greet().await;
            terminal.upload("options", "FirmVer=Ver 8.0.4").await;
        }
        terminal.upload("ATTLOG", &format!("2\t2024-03-12 06:00:{seconds}\t0\t1\t0\t0\t0\t0\t0\t0\n")).await;
        let log = format!("OPLOG 4\t0\t2024-03-12 06:00:{seconds}\t0\t0\t0\t0\n");
        terminal.upload("OPERLOG", &(log + "WORKCODE PIN=1\tCODE=12\tNAME=Paint\n")).await;
        let commands = terminal.poll().await;
        assert_eq!(commands.contains("Ada"), !terminal.is_joining().await, "{commands}");
    }

    assert!(terminal.is_complete().await);
    assert_eq!(name(&house, "2").await, "Bob");
}

/// Without evidence the second half would be taken for edits, and Ada would be called Eve everywhere.
#[tokio::test(flavor = "multi_thread")]
async fn a_pause_in_a_roster_does_not_end_the_joining_with_adopt() {
    let house = with_people(&[("3", "Ada")]).await;
    let terminal = Terminal::approved(&house, SIM, Joining::Adopt).await;
    let status = terminal.status().await;
    assert_eq!((status.joining, status.users_shown), (Some(Joining::Adopt), None), "it is awaited");
    terminal.greet().await;
    terminal.poll_holding(3).await;
    terminal.upload("OPERLOG", &(user("1", "Bob") + &user("2", "Cleo"))).await;

    assert_eq!(terminal.poll_for(Duration::from_mins(20)).await, "");
    let status = terminal.status().await;
    assert_eq!((status.users_shown, status.users_counted), (Some(2), Some(3)));

    terminal.upload("OPERLOG", &user("3", "Eve")).await;
    terminal.poll_for(HALF_A_MINUTE).await;

    assert!(!terminal.is_joining().await && terminal.is_complete().await);
    assert_eq!((name(&house, "3").await.as_str(), house.held().await.len()), ("Ada", 1));
    assert_eq!(terminal.status().await.users_shown, None, "whom it showed is forgotten");
}

/// Without evidence the second half would be enrolled in the fleet.
#[tokio::test(flavor = "multi_thread")]
async fn a_pause_in_a_roster_does_not_end_the_joining_with_replace() {
    let house = with_people(&[("1", "Ada")]).await;
    let terminal = Terminal::approved(&house, SIM, Joining::Replace).await;
    terminal.greet().await;
    terminal.poll_holding(2).await;
    terminal.upload("OPERLOG", &user("8", "Bob")).await;
    assert_eq!(terminal.poll_for(Duration::from_mins(20)).await, "");

    terminal.upload("OPERLOG", &user("9", "Cleo")).await;
    let commands = terminal.poll_for(Duration::from_mins(1)).await;

    assert!(!terminal.is_joining().await && terminal.is_complete().await);
    for command in ["DELETE USERINFO PIN=8", "DELETE USERINFO PIN=9", "Name=Ada"] {
        assert!(commands.contains(command), "{command} in {commands}");
    }
    assert_eq!((name(&house, "8").await, name(&house, "9").await), (String::new(), String::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_shows_fewer_people_than_it_says_to_hold_is_filled_at_the_limit() {
    let house = with_people(&[("1", "Ada")]).await;
    let terminal = Terminal::approved(&house, SIM, Joining::Adopt).await;
    house.advance(Duration::from_hours(5));
    terminal.greet().await;
    terminal.poll_holding(4).await;
    terminal.upload("OPERLOG", &(user("2", "Bob") + &user("3", "Cleo"))).await;

    assert_eq!(
        terminal.poll_for(Duration::from_secs(3_590)).await,
        "",
        "the time counts from when it was asked"
    );
    assert!(terminal.poll_for(Duration::from_secs(10)).await.contains("Ada"));

    assert!(!terminal.is_joining().await && !terminal.is_complete().await);
    assert!(!terminal.status().await.roster_complete);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_never_counts_its_people_is_filled_after_a_longer_pause() {
    let house = with_people(&[("1", "Ada")]).await;
    let terminal = Terminal::approved(&house, SIM, Joining::Adopt).await;
    terminal.greet().await;
    terminal.poll().await;
    terminal.upload("OPERLOG", &user("2", "Bob")).await;
    let status = terminal.status().await;
    assert_eq!((status.users_shown, status.users_counted), (Some(1), None));

    assert_eq!(terminal.poll_for(Duration::from_secs(110)).await, "");
    assert!(terminal.poll_for(Duration::from_secs(10)).await.contains("Ada"));
    assert!(terminal.is_complete().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_on_which_nobody_is_is_filled_at_once_with_adopt_and_after_a_pause_with_replace() {
    let house = with_people(&[("1", "Ada")]).await;
    for (serial_number, joining, seconds) in [(SIM, Joining::Adopt, 0), ("SIM0002", Joining::Replace, 30)] {
        let terminal = Terminal::approved(&house, serial_number, joining).await;
        terminal.greet().await;
        let commands =
            terminal.poll_holding(0).await + &terminal.poll_for(Duration::from_secs(seconds)).await;
        assert!(commands.contains("Ada"), "{commands}");
        assert!(terminal.is_complete().await);
    }
}

/// What it said before is of another roster; and that it says the same again is news.
#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_is_approved_again_has_to_count_and_show_its_people_again() {
    let house = with_people(&[("1", "Ada")]).await;
    let terminal = Terminal::approved(&house, SIM, Joining::Adopt).await;
    terminal.greet().await;
    terminal.poll_holding(2).await;
    terminal.upload("OPERLOG", &(user("2", "Bob") + &user("3", "Cleo"))).await;
    terminal.poll_for(Duration::from_mins(1)).await;
    assert!(!terminal.is_joining().await);

    house.advance(HALF_A_MINUTE);
    terminal.approve(Joining::Adopt).await;
    assert!(!terminal.is_complete().await);
    terminal.greet().await;
    terminal.poll().await;
    terminal.upload("OPERLOG", &user("2", "Bob")).await;
    assert_eq!(terminal.status().await.users_shown, Some(1));
    assert_eq!(terminal.status().await.users_counted, None, "it has not counted since");
    terminal.poll_holding(2).await;
    assert_eq!(terminal.poll_for(Duration::from_mins(10)).await, "");
    assert_eq!(terminal.status().await.users_counted, Some(2));

    terminal.upload("OPERLOG", &user("3", "Cleo")).await;
    terminal.poll_for(HALF_A_MINUTE).await;
    assert!(!terminal.is_joining().await && terminal.is_complete().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_with_unified_templates_has_longer_until_their_table_begins() {
    let house = with_people(&[("1", "Ada")]).await;
    let face = unified(&mut simulator::Random::new(1), BioType::VISIBLE_FACE, (58, 12), 2_064);
    for (serial_number, begins, seconds) in [(SIM, false, 120), ("SIM0002", true, 30)] {
        let terminal = Terminal::approved(&house, serial_number, Joining::Adopt).await;
        terminal.greet().await;
        let types = "MultiBioDataSupport=0:1:0:0:0:0:0:0:0:1,MultiBioPhotoSupport=0:0:0:0:0:0:0:0:0:1";
        terminal.upload("options", &format!("{types},UserCount=1,FaceCount=1")).await;
        terminal.poll().await;
        terminal.upload("OPERLOG", &user("2", "Bob")).await;
        if begins {
            terminal.upload("BIODATA", &biodata("2", 0, 0, BioType::VISIBLE_FACE, (58, 12), &face)).await;
        }

        assert_eq!(terminal.poll_for(Duration::from_secs(seconds - 10)).await, "", "{serial_number}");
        assert!(terminal.poll_for(Duration::from_secs(10)).await.contains("Ada"), "{serial_number}");
        assert!(terminal.is_complete().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_a_retired_terminal_showed_is_forgotten() {
    let house = with_people(&[]).await;
    let terminal = Terminal::approved(&house, SIM, Joining::Adopt).await;
    terminal.greet().await;
    terminal.poll_holding(2).await;
    terminal.upload("OPERLOG", &user("2", "Bob")).await;
    let device = house.device(SIM).await;
    let shown = async || {
        let mut tx = house.store.read().await.expect("a transaction");
        tx.users_shown(device.id).await.expect("the count")
    };
    assert_eq!(shown().await, 1);

    house.operate(async |tx| fleet::device::retire(tx, &device, house.now()).await).await;

    assert_eq!(shown().await, 0);
}
