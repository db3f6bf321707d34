//! Time zones, groups, holidays, unlock combinations, messages and work codes.

use crate::support::Place;

fn place() -> Place {
    let place = Place::new();
    place.run("migrate").ok();
    place
}

#[test]
fn what_is_defined_is_listed_shown_changed_and_deleted() {
    let place = place();
    assert!(place.run("timezone list").ok().contains("no time zone is defined yet"));
    let made = place.json("timezone set 2 --every-day 08:00-18:00 --sun closed");
    assert_eq!(made, serde_json::json!({"kind": "timezone", "name": "2", "outcome": "made"}));
    assert!(place.run("timezone set 2 --fri 08:00-16:00").ok().contains("time zone 2 is changed"));
    assert!(place.run("timezone set 2 --fri 08:00-16:00").ok().contains("is unchanged"));

    let shown = place.json("timezone show 02");
    let says = "Sun closed, Mon-Thu 08:00-18:00, Fri 08:00-16:00, Sat 08:00-18:00";
    assert_eq!((&shown["says"], &shown["areas"]), (&says.into(), &serde_json::json!([1])));
    assert_eq!((&shown["fields"]["FriEnd"], &shown["changed_by"]), (&"1600".into(), &"an operator".into()));

    place.run("group set 2 --time-zones 2 --holidays yes").ok();
    place.run("holiday set 1 --name Feast --from 05-01 --to 05-02 --time-zone 2").ok();
    place.run("unlock-combination set 2 --groups 2,2").ok();
    assert!(place.run("group list").ok().contains("time zones 2, holidays apply"));
    assert!(place.run("holiday list").ok().contains("Feast, 05-01 to 05-02, time zone 2"));
    assert!(place.run("unlock-combination list").ok().contains("groups 2, 2"));

    let used = place.run("timezone delete 2").failed(1);
    assert!(
        used.contains("time zone 2 is used by holiday 1, group 2: remove this reference first"),
        "{used}"
    );
    for command in ["unlock-combination delete 2", "group delete 2", "holiday delete 1", "timezone delete 2"]
    {
        assert!(place.run(command).ok().contains("is deleted from all devices"), "{command}");
    }
    assert_eq!(place.json("timezone list"), serde_json::json!([]));
}

#[test]
fn what_is_missing_or_wrong_is_said_in_the_words_of_the_command() {
    let place = place();
    assert!(place.run("holiday set 1 --name Feast --from 05-01").failed(2).contains("--to is needed"));
    assert!(place.run("group set 3 --time-zones 7").failed(1).contains("`muster timezone set` first"));
    assert!(place.run("group set 3 --time-zones 1,2,3,4").failed(2).contains("one to 3 numbers"));
    assert!(place.run("timezone set 0 --mon all-day").failed(2).contains("want a number from 1 to 9999"));
    assert!(place.run("timezone set 2 --mon 22:00-06:00").failed(2).contains("make two time zones"));
    assert!(place.run("workcode set a-1 --name x").failed(2).contains("letters and digits"));
    let long = format!("workcode set 1 --name {}", "x".repeat(65));
    assert!(place.run(&long).failed(2).contains("--name: want at most 64 bytes"));
    assert!(place.run("workcode set 1 --name x --areas 9").failed(1).contains("there is no area 9"));
    place.run("workcode set 1001 --name Assembly").ok();
    assert!(place.run("workcode show 1002").failed(1).contains("is 1001 meant?"));
    assert!(place.run("workcode set 1001").failed(2).contains("nothing to change"));
    assert!(place.run("message show 3").failed(1).contains("`muster message list` shows all"));
}

#[test]
fn a_personal_message_is_given_to_people_who_exist() {
    let place = place();
    place.run("message set 1 --text Hello --start 2027-03-12 --minutes 60").ok();
    assert!(place.run("message assign 1 7").failed(1).contains("--to personal` first"));
    place.run("message set 1 --to personal").ok();
    assert!(place.run("message assign 1 7").failed(1).contains("there is no user 7"));
    place.run("user set 7 --name Ada").ok();
    assert!(place.run("message assign 1 7").ok().contains("is assigned to one user"));
    assert_eq!(place.json("message assign 1 7"), serde_json::json!({"message": 1, "users": 0}));
    assert_eq!(place.json("message show 1")["assigned"], serde_json::json!(["7"]));
    assert!(place.run("message list").ok().contains("for 60 minutes from 2027-03-12 00:00:00"));
    assert_eq!(place.json("user list")["users"].as_array().map(Vec::len), Some(1));
}
