//! A device that holds more people than it should: it is not in sync, and is asked whom it holds.

use std::time::Duration;

use store::DeviceOptions;
use story::House;
use story::records::user;
use story::terminal::Terminal;
use sync::Joining;
use sync::intake::Enrolment;

const SIM: &str = "SIM0001";

/// A terminal that was taken in with one person, and says after a while that there are two.
async fn with_one_more(house: &House) -> Terminal<'_> {
    let terminal = Terminal::approved(house, SIM, Joining::Adopt).await;
    terminal.greet().await;
    terminal.poll_holding(1).await;
    terminal.upload("OPERLOG", &user("1", "Ada")).await;
    terminal.poll_for(Duration::from_mins(5)).await;
    assert!(terminal.status().await.in_sync);

    assert_eq!(terminal.poll_holding(2).await, "", "it has time to upload whom it means");
    let commands = terminal.poll_for(Duration::from_mins(1)).await;
    assert!(commands.contains("CHECK"), "{commands}");
    let status = terminal.status().await;
    assert!(!status.in_sync);
    assert_eq!((status.users_reported, status.surplus_expected), (Some(2), Some(1)));
    terminal
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_holds_one_more_than_it_should_is_asked_once_a_day() {
    let house = House::approving().await;
    let terminal = with_one_more(&house).await;

    // It does not show whom it means, and counts again and again.
    for _ in 0..46 {
        house.advance(Duration::from_mins(29));
        terminal.poll_holding(2).await;
        house.advance(Duration::from_secs(61));
        assert_eq!(terminal.poll().await, "");
    }
    assert!(!terminal.status().await.in_sync);
    house.advance(Duration::from_hours(1));
    let commands = terminal.poll_for(Duration::from_mins(30)).await;
    assert_eq!(commands.matches("CHECK").count(), 1, "{commands}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_surplus_is_over_when_the_terminal_holds_no_more_than_it_should() {
    let house = House::approving().await;
    let terminal = with_one_more(&house).await;

    terminal.poll_holding(1).await;
    assert!(terminal.status().await.in_sync, "its own word counts at once");
    terminal.poll_for(Duration::from_mins(2)).await;

    assert_eq!(house.device(SIM).await.surplus_expected, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_surplus_is_over_when_the_terminal_showed_whom_it_means() {
    let house = House::approving().await;
    let terminal = with_one_more(&house).await;

    terminal.greet().await;
    terminal.upload("OPERLOG", &(user("1", "Ada") + &user("2", "Bob"))).await;
    terminal.poll_for(Duration::from_mins(15)).await;

    assert_eq!(house.device(SIM).await.surplus_expected, None);
    assert!(terminal.status().await.in_sync);
}

/// Nobody may be enrolled at the terminal: it shows whom it means, and is told to delete that person.
#[tokio::test(flavor = "multi_thread")]
async fn a_surplus_goes_from_a_terminal_that_must_not_enrol_people() {
    for (enrolment, held) in [(Enrolment::Refuse, 0), (Enrolment::Hold, 1)] {
        let house = House::approving().await;
        let terminal = with_one_more(&house).await;
        let device = house.device(SIM).await;
        let options = DeviceOptions { enrolment: Some(enrolment), ..device.options };
        house.operate(async |tx| tx.set_device_options(device.id, &options).await).await;

        terminal.greet().await;
        terminal.upload("OPERLOG", &(user("1", "Ada") + &user("2", "Bob"))).await;
        let commands = terminal.poll_for(Duration::from_mins(2)).await;
        let deletes = |line: &&str| line.contains("DATA DELETE USERINFO");
        assert!(commands.lines().any(|line| deletes(&line)), "{commands}");
        assert!(commands.lines().filter(deletes).all(|line| line.ends_with("PIN=2")), "{commands}");
        terminal.poll_holding(1).await;
        terminal.poll_for(Duration::from_mins(2)).await;

        assert!(terminal.status().await.in_sync);
        let kept = house.held().await;
        assert_eq!(kept.len(), held, "{kept:#?}");
    }
}

/// The fleet knows of everybody there: of one it waits for a decision.
#[tokio::test(flavor = "multi_thread")]
async fn people_who_wait_for_a_decision_are_no_surplus() {
    let house = House::approving().await;
    let first = Terminal::approved(&house, "SIM0002", Joining::Adopt).await;
    first.greet().await;
    first.poll_holding(1).await;
    first.upload("OPERLOG", &user("7", "Ada")).await;
    first.poll_for(Duration::from_mins(2)).await;

    let second = Terminal::approved(&house, SIM, Joining::Adopt).await;
    second.greet().await;
    second.poll_holding(2).await;
    second.upload("OPERLOG", &(user("7", "Bob") + &user("8", "Cleo"))).await;
    second.poll_for(Duration::from_mins(5)).await;
    second.poll_holding(2).await;
    second.poll_for(Duration::from_mins(5)).await;

    assert_eq!(house.held().await.len(), 1);
    assert_eq!(second.status().await.surplus_expected, None);
}
