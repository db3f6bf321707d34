//! Names, cards and passwords that somebody empties at a terminal, beside terminals that do not keep them.

use std::time::Duration;

use fleet::held::{Resolution, ResolveError};
use fleet::user::UserEdit;
use roster::{Field, UserFields};
use simulator::{Device, Model, Session};
use store::{HeldKind, HeldRow};
use story::terminal::Terminal;
use story::{House, assert_same, pin};
use sync::Joining;
use sync::intake::Cleared;

const PEOPLE: [&str; 3] = ["7", "8", "9"];
const GATE: &str = "SIM0002";

async fn with_policy(cleared: Cleared) -> House {
    House::with(|config| config.devices.cleared = cleared).await
}

/// The operator enters people with a name, a card and a password.
async fn enter(house: &House, people: &[&str]) {
    for who in people {
        let edit = UserEdit {
            name: Some(format!("Somebody {who}")),
            card: Some(format!("10{who}")),
            password: Some(format!("47{who}")),
            ..UserEdit::default()
        };
        house.set(who, edit).await;
    }
}

/// Two terminals that hold the people of the operator. The second one has shown all of them.
async fn shown_by_the_gate(house: &House) -> [Session; 2] {
    let mut sessions = written_to_both(house, &PEOPLE).await;
    let (device, now) = (house.device(GATE).await, house.now());
    house.operate(async |tx| fleet::reread::ask_for_everything(tx, device.id, now).await).await;
    calm(house, &mut sessions).await;
    let capability = house.device(GATE).await.capability;
    assert!(Field::CLEARABLE.into_iter().all(|field| capability.keeps_written_values(field)));
    sessions
}

/// Two terminals that hold the people of the operator.
async fn written_to_both(house: &House, people: &[&str]) -> [Session; 2] {
    enter(house, people).await;
    let mut sessions = [
        house.joined(Device::new(Model::speedface(), "SIM0001"), Joining::Adopt).await,
        house.joined(Device::new(Model::speedface(), GATE), Joining::Adopt).await,
    ];
    calm(house, &mut sessions).await;
    sessions
}

async fn calm(house: &House, [office, gate]: &mut [Session; 2]) {
    house.calm([office, gate]).await;
}

fn card(session: &Session, who: &str) -> u64 {
    session.person(who).expect("there").user.card
}

async fn user(house: &House, who: &str) -> UserFields {
    let mut tx = house.store.read().await.expect("a transaction");
    tx.users(&[pin(who)]).await.expect("the people").remove(&pin(who)).expect("the user")
}

/// What is held, which is this one field of a user.
async fn held_alone(house: &House, field: &str) -> HeldRow {
    let mut held = house.held().await;
    assert_eq!(held.len(), 1, "{held:#?}");
    let record = held.remove(0);
    let reason = format!("the {field} of PIN 9 was emptied at the device; the fleet keeps it");
    assert_eq!((record.kind, record.reason.as_str()), (HeldKind::Cleared, reason.as_str()));
    record
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_was_deleted_at_a_terminal_waits_for_a_decision() {
    let house = with_policy(Cleared::Hold).await;
    let mut sessions = Box::pin(shown_by_the_gate(&house)).await;
    for (resolution, left) in [(Resolution::Fleet, 109), (Resolution::Device, 0)] {
        sessions[1].delete_card("9");
        calm(&house, &mut sessions).await;

        let record = held_alone(&house, "card").await;
        assert_eq!((card(&sessions[0], "9"), card(&sessions[1], "9")), (109, 0), "nothing is spread");
        house.try_resolve(&record, resolution).await.expect("decided");
        calm(&house, &mut sessions).await;
        assert_eq!((card(&sessions[0], "9"), card(&sessions[1], "9")), (left, left), "{resolution:?}");
        assert_same(&sessions[0], &sessions[1]);
        assert!(house.held().await.is_empty());
    }
    assert_eq!(user(&house, "9").await.name, "Somebody 9");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_and_a_password_are_held_each_by_itself() {
    let house = with_policy(Cleared::Hold).await;
    let mut sessions = Box::pin(shown_by_the_gate(&house)).await;
    sessions[1].delete_password("9");
    calm(&house, &mut sessions).await;
    let password = held_alone(&house, "password").await;
    sessions[1].change_name("9", "");
    calm(&house, &mut sessions).await;

    let held = house.held().await;
    let name = held.iter().find(|record| record.reason.contains("the name of PIN 9")).expect("held");
    assert_eq!(held.len(), 2, "{held:#?}");
    house.try_resolve(&password, Resolution::Device).await.expect("decided");
    calm(&house, &mut sessions).await;
    let UserFields { name: kept, password, .. } = user(&house, "9").await;
    assert_eq!((kept.as_str(), password.as_str()), ("Somebody 9", ""));
    house.try_resolve(name, Resolution::Fleet).await.expect("decided");
    calm(&house, &mut sessions).await;
    assert_same(&sessions[0], &sessions[1]);
    assert_eq!(sessions[1].person("9").expect("there").user.name, b"Somebody 9");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_does_not_empty_a_card_that_was_given_since() {
    let house = with_policy(Cleared::Hold).await;
    let mut sessions = Box::pin(shown_by_the_gate(&house)).await;
    sessions[1].delete_card("9");
    calm(&house, &mut sessions).await;
    let record = held_alone(&house, "card").await;
    sessions[0].change_card("9", 555);
    calm(&house, &mut sessions).await;

    let refused = house.try_resolve(&record, Resolution::Device).await;
    assert!(matches!(refused, Err(ResolveError::Replaced(Field::Card))), "{refused:?}");
    assert_eq!((card(&sessions[0], "9"), card(&sessions[1], "9")), (555, 555));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_was_deleted_at_a_terminal_is_deleted_everywhere_where_that_is_set() {
    let house = with_policy(Cleared::Accept).await;
    let mut sessions = Box::pin(shown_by_the_gate(&house)).await;
    sessions[1].delete_card("9");
    calm(&house, &mut sessions).await;

    assert!(house.held().await.is_empty());
    assert_eq!(user(&house, "9").await.card, None);
    assert_same(&sessions[0], &sessions[1]);

    // Without a card the name is all that tells who it is.
    sessions[1].change_name("9", "");
    calm(&house, &mut sessions).await;
    let held = house.held().await;
    assert!(held.len() == 1 && held[0].kind == HeldKind::Leftover, "{held:#?}");
    assert_eq!(user(&house, "9").await.name, "Somebody 9");
    assert_same(&sessions[0], &sessions[1]);
}

/// Whoever holds the terminal must not take the card of an administrator away.
#[tokio::test(flavor = "multi_thread")]
async fn a_card_of_somebody_with_a_privilege_waits_for_a_decision_in_any_case() {
    let house = with_policy(Cleared::Accept).await;
    let mut sessions = Box::pin(shown_by_the_gate(&house)).await;
    house.set("9", UserEdit { privilege: Some(14), ..UserEdit::default() }).await;
    calm(&house, &mut sessions).await;
    sessions[1].delete_card("9");
    calm(&house, &mut sessions).await;

    let record = held_alone(&house, "card").await;
    assert_eq!(card(&sessions[0], "9"), 109);
    house.try_resolve(&record, Resolution::Device).await.expect("decided");
    calm(&house, &mut sessions).await;
    assert_eq!((card(&sessions[0], "9"), user(&house, "9").await.card), (0, None));
    assert_same(&sessions[0], &sessions[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_was_deleted_at_a_terminal_comes_back_where_that_is_set() {
    let house = with_policy(Cleared::Ignore).await;
    let mut sessions = Box::pin(shown_by_the_gate(&house)).await;
    sessions[1].delete_card("9");
    calm(&house, &mut sessions).await;

    assert!(house.held().await.iter().all(|record| record.kind == HeldKind::PartDeleted));
    assert_same(&sessions[0], &sessions[1]);
    assert_eq!(card(&sessions[1], "9"), 109);
}

/// One person is no evidence: nobody knows yet whether the terminal keeps cards.
#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_is_missing_on_a_terminal_which_showed_no_others_comes_back() {
    for policy in [Cleared::Hold, Cleared::Accept] {
        let house = with_policy(policy).await;
        let mut sessions = written_to_both(&house, &["9"]).await;
        sessions[1].delete_card("9");
        calm(&house, &mut sessions).await;

        let held = house.held().await;
        assert!(held.iter().all(|record| record.kind == HeldKind::PartDeleted), "{held:#?}");
        assert_same(&sessions[0], &sessions[1]);
        assert_eq!(card(&sessions[1], "9"), 109);
    }
}

/// It acknowledges the cards that it is sent, and shows those alone that were enrolled at it.
#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_ignores_the_cards_of_commands_empties_nobodys() {
    for policy in [Cleared::Hold, Cleared::Accept] {
        let house = with_policy(policy).await;
        enter(&house, &PEOPLE).await;
        let terminal = Terminal::approved(&house, GATE, Joining::Adopt).await;
        terminal.greet().await;
        terminal.poll_holding(0).await;
        terminal.poll_for(Duration::from_mins(5)).await;
        assert!(!terminal.is_joining().await);
        let record = |who: &str, card: &str| {
            format!(
                "USER PIN={who}\tName=Somebody {who}\tPri=0\tPasswd=\tCard={card}\tGrp=1\tTZ=\tVerify=-1\n"
            )
        };
        for who in ["21", "22", "23"] {
            terminal.upload("OPERLOG", &record(who, &format!("90{who}"))).await;
            terminal.poll_for(Duration::from_mins(1)).await;
            terminal.upload("OPERLOG", &record(who, &format!("90{who}"))).await;
        }
        for _ in 0..3 {
            for who in PEOPLE {
                terminal.upload("OPERLOG", &record(who, "")).await;
            }
            terminal.poll_for(Duration::from_mins(1)).await;
        }

        assert!(house.held().await.is_empty());
        for who in PEOPLE {
            let UserFields { card, password, .. } = user(&house, who).await;
            assert_eq!((card, password), (Some(format!("10{who}")), format!("47{who}")));
        }
        let capability = house.device(GATE).await.capability;
        assert!(capability.keeps_written_values(Field::Name), "the names are as they were written");
        assert!(!capability.keeps_written_values(Field::Card));
    }
}
