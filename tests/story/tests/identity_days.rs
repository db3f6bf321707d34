//! Ordinary days: people are enrolled and changed anywhere, and no operator has to decide anything.

use simulator::{Device, Model, Session};
use story::people::Hands;
use story::{House, assert_same};
use sync::Joining;

/// Two terminals of each model; the first five are one of each.
async fn all_models(house: &House) -> Vec<Session> {
    let mut sessions = Vec::new();
    for (number, model) in Model::all().into_iter().chain(Model::all()).enumerate() {
        let device = Device::new(model, &format!("SIM{:04}", number + 1));
        sessions.push(house.joined(device, Joining::Adopt).await);
    }
    sessions
}

/// All terminals come to rest. The operator has nothing to decide, and both terminals of each model are equal.
async fn rest(house: &House, sessions: &mut [Session], after: &str) {
    let sessions: &mut [Session; 10] = sessions.try_into().expect("ten terminals");
    // A terminal that answers no questions uploads everything when it connects again: once to show that somebody is not
    // there any more, and once to show who is there since.
    for _ in 0..2 {
        house.rounds(6, sessions.each_mut()).await;
        for session in sessions.iter_mut().filter(|session| session.model().name == "k40") {
            if house.status_of(session.serial()).await.asked > 0 {
                session.require_handshake();
            }
        }
    }
    house.calm(sessions.each_mut()).await;
    assert_eq!(house.held().await, [], "{after}");
    for model in 0..5 {
        assert_same(&sessions[model], &sessions[model + 5]);
    }
}

/// The terminals that take fingerprints of version 10 hold these people; the others hold as many.
fn assert_on(hands: &Hands, sessions: &[Session], people: &[&str]) {
    for session in sessions {
        let model = session.model().name;
        if model == "senseface" {
            assert_eq!(session.users(), people.len(), "{}", session.serial());
        } else {
            assert_eq!(hands.on(session), people, "{model} {}", session.serial());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_enrolled_at_terminals_of_any_model_get_in_everywhere() {
    let (house, mut hands) = (House::approving().await, Hands::default());
    let mut all = all_models(&house).await;

    for (place, session) in all.iter_mut().take(5).enumerate() {
        let (who, person) = ((place + 1).to_string(), ["Ada", "Bob", "Cleo", "Dan", "Eva"][place]);
        hands.enrol_user(session, &who, person, 6);
    }
    rest(&house, &mut all, "everybody was enrolled at another terminal").await;

    for session in &all {
        assert_eq!(session.users(), 5, "{}", session.serial());
        for line in hands.on(session) {
            let owner = line.split([' ', ':']).nth(1).expect("a name").to_owned();
            let fingers = line.split_once(": ").expect("fingers").1;
            let is_own = |finger: &str| finger.is_empty() || finger.starts_with(&owner);
            assert!(fingers.split(", ").all(is_own), "{}: {line}", session.serial());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fingers_faces_cards_and_passwords_are_added_alone_at_any_terminal() {
    for place in 0..5 {
        let (house, mut hands) = (House::approving().await, Hands::default());
        let mut all = all_models(&house).await;
        hands.enrol_user(&mut all[0], "7", "Ada", 0);
        rest(&house, &mut all, "enrolled").await;

        let after = all[place].model().name;
        hands.enrol(&mut all[place], "7", "Ada", 1);
        rest(&house, &mut all, &format!("a finger at {after}")).await;
        all[place].change_card("7", 4_402_017);
        rest(&house, &mut all, &format!("a card at {after}")).await;
        all[place].change_password("7", "2468");
        rest(&house, &mut all, &format!("a password at {after}")).await;
        if after != "k40" {
            all[place].enrol_face("7");
            rest(&house, &mut all, &format!("a face at {after}")).await;
        }

        assert_on(&hands, &all, &[if after == "senseface" { "7 Ada: Ada 0" } else { "7 Ada: Ada 0, Ada 1" }]);
        for session in &all {
            let user = session.person("7").expect("there").user.clone();
            assert_eq!((user.card, user.password.as_str()), (4_402_017, "2468"), "{}", session.serial());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_with_a_finger_is_renamed_at_any_terminal() {
    let (house, mut hands) = (House::approving().await, Hands::default());
    let mut all = all_models(&house).await;
    hands.enrol_user(&mut all[0], "7", "Ada", 0);
    // Terminals of the newest model read fingers of their own kind.
    hands.enrol_user(&mut all[2], "8", "Bob", 0);
    rest(&house, &mut all, "enrolled").await;
    hands.enrol(&mut all[2], "7", "Ada", 5);
    rest(&house, &mut all, "enrolled").await;

    for place in 0..5 {
        let (after, name) = (all[place].model().name, format!("Ada {place}"));
        all[place].change_name("7", &name);
        rest(&house, &mut all, &format!("renamed at {after}")).await;
        for session in all.iter().filter(|session| session.model().name != "senseface") {
            assert_eq!(hands.on(session), [format!("7 {name}: Ada 0"), "8 Bob: ".to_owned()], "{after}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_without_a_name_are_edited_at_another_terminal_than_enrolled_them() {
    let (house, mut hands) = (House::approving().await, Hands::default());
    let mut all = all_models(&house).await;
    for (number, session) in (1..=5_u64).zip(&mut all) {
        let who = number.to_string();
        session.enrol_user(&who, "");
        session.change_card(&who, 1_000_000 + number);
    }
    rest(&house, &mut all, "enrolled").await;

    for place in 0..5 {
        let (who, other) = ((place + 1).to_string(), (place + 1) % 5);
        let after = all[other].model().name;
        hands.enrol(&mut all[other], &who, &who, 3);
        rest(&house, &mut all, &format!("a finger for {who} at {after}")).await;
        all[other].change_password(&who, "1357");
        rest(&house, &mut all, &format!("a password for {who} at {after}")).await;
    }

    // The finger of person 2 was enrolled at a terminal whose fingers no other model reads.
    assert_on(&hands, &all, &["1 : 1 3", "2 : ", "3 : 3 3", "4 : 4 3", "5 : 5 3"]);
    for session in &all {
        let content = session.content();
        let cards: Vec<u64> = content.people.values().map(|person| person.user.card).collect();
        assert_eq!(cards, [1_000_001, 1_000_002, 1_000_003, 1_000_004, 1_000_005], "{}", session.serial());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_deletes_somebody_and_enrols_the_next_person_under_the_same_pin() {
    for place in 0..5 {
        let (house, mut hands) = (House::approving().await, Hands::default());
        let mut all = all_models(&house).await;
        hands.enrol_user(&mut all[0], "7", "Ada", 0);
        rest(&house, &mut all, "enrolled").await;

        let after = all[place].model().name;
        all[place].delete_user("7");
        hands.enrol_user(&mut all[place], "7", "Bob", 1);
        rest(&house, &mut all, &format!("the PIN was given on at {after}")).await;

        assert_on(&hands, &all, &[if after == "senseface" { "7 Bob: " } else { "7 Bob: Bob 1" }]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_deleted_everywhere_makes_room_for_the_next_one_at_any_terminal() {
    for place in 0..5 {
        let (house, mut hands) = (House::approving().await, Hands::default());
        let mut all = all_models(&house).await;
        hands.enrol_user(&mut all[0], "7", "Ada", 0);
        rest(&house, &mut all, "enrolled").await;

        let after = all[place].model().name;
        all[place].delete_user("7");
        rest(&house, &mut all, &format!("deleted at {after}")).await;
        assert_on(&hands, &all, &[]);
        hands.enrol_user(&mut all[(place + 1) % 5], "7", "Bob", 1);
        rest(&house, &mut all, &format!("deleted at {after} and given on at the next")).await;

        assert!(all.iter().all(|session| session.users() == 1));
        assert!(all.iter().all(|session| !hands.on(session)[0].contains("Ada")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_named_person_is_enrolled_at_two_terminals_of_any_models() {
    for place in 0..5 {
        let (house, mut hands) = (House::approving().await, Hands::default());
        let mut all = all_models(&house).await;

        let (after, other) = (all[place].model().name, (place + 1) % 5);
        hands.enrol_user(&mut all[place], "7", "Ada", 1);
        hands.enrol_user(&mut all[other], "7", "Ada", 2);
        rest(&house, &mut all, &format!("enrolled at {after} and the next")).await;

        let fingers: Vec<&str> = [(place, "Ada 1"), (other, "Ada 2")]
            .into_iter()
            .filter(|(place, _)| *place != 2)
            .map(|(_, finger)| finger)
            .collect();
        assert_on(&hands, &all, &[&format!("7 Ada: {}", fingers.join(", "))]);
    }
}
