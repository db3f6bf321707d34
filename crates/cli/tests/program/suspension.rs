//! Suspending people, reinstating them, and their last days.

use serde_json::json;

use crate::support::Place;

fn with_people() -> Place {
    let place = Place::new();
    place.run("migrate").ok();
    place.run("area add Lab").ok();
    place.run("user set 7 --name Ada --areas 1,2").ok();
    place.run("user set 8 --name Bob").ok();
    place
}

#[test]
fn people_are_suspended_and_reinstated() {
    let place = with_people();
    let said = place.run("user suspend 7 8").ok();
    assert_eq!(said.lines().count(), 2, "{said}");
    let line = said.lines().next().unwrap_or_default();
    assert!(line.starts_with("user 7 is suspended since 20"), "{line}");
    let rest = ", until reinstated: Muster removes the person from every device, from an offline device when it is back";
    assert!(line.ends_with(rest), "{line}");

    let shown = place.json("user show 7");
    assert_eq!((&shown["areas"], &shown["suspended"]["areas"]), (&json!([]), &json!([1, 2])));
    assert_eq!((&shown["suspended"]["until"], &shown["suspended"]["left"]), (&json!(null), &json!(false)));
    let text = place.run("user show 7").ok();
    assert!(text.contains("1, 2 once reinstated") && text.contains("suspended since 20"), "{text}");
    assert!(place.run("user list").ok().contains("suspended since 20"));
    assert!(place.json("user list")["users"][0]["suspended"]["since"].is_string());

    let again = place.run("user suspend 7").ok();
    assert!(again.contains("(unchanged)"), "{again}");
    assert_eq!(place.json("user suspend 7 --until 2999-12-31")[0]["outcome"], "changed");
    assert_eq!(place.json("user suspend 7 --until 2999-12-31")[0]["outcome"], "unchanged");
    assert!(place.run("user list").ok().contains("until the end of 2999-12-31"));

    let changed = place.run("user set 7 --areas 2 --card 4711").ok();
    assert!(changed.contains("stays suspended"), "{changed}");
    assert_eq!(place.json("user show 7")["suspended"]["areas"], json!([2]));
    assert_eq!(place.json("user set 7 --areas 2")["outcome"], "unchanged");

    assert_eq!(place.json("user reinstate 7 8")[1]["outcome"], "reinstated");
    let shown = place.json("user show 7");
    assert_eq!((&shown["areas"], &shown["suspended"]), (&json!([2]), &json!(null)));
    assert!(!place.run("user list").ok().contains("standing"));
}

#[test]
fn nobody_is_suspended_or_reinstated_where_one_cannot_be() {
    let place = with_people();
    let message = place.run("user suspend 7 007").failed(1);
    assert!(message.contains("nobody was suspended: there is no user 007; is 7 meant?"), "{message}");
    assert_eq!(place.json("user show 7")["suspended"], json!(null));
    place.run("user suspend 7").ok();
    let message = place.run("user reinstate 7 8").failed(1);
    assert!(message.contains("nobody was reinstated: user 8 is not suspended"), "{message}");
    assert!(place.json("user show 7")["suspended"].is_object());
    assert!(place.run("user reinstate 9").failed(1).contains("there is no user 9"));
    place.run("user suspend").failed(2);
    place.run("user suspend 7 --until tomorrow").failed(2);
    assert!(place.run("user suspend 7 --until 2020-02-29").failed(2).contains("2020-02-29 is over"));
    assert!(place.run("user set 7 --leaves 2020-02-29").failed(2).contains("2020-02-29 is over"));
    assert_eq!(place.json("user show 7")["leaves"], json!(null));
}

#[test]
fn a_last_day_is_set_shown_and_taken_away() {
    let place = with_people();
    let said = place.run("user set 7 --leaves 2999-03-31").ok();
    assert!(said.contains("2999-03-31 is the last day"), "{said}");
    assert_eq!(place.json("user set 7 --leaves 2999-03-31")["outcome"], "unchanged");
    assert_eq!(place.json("user show 7")["leaves"], "2999-03-31");
    assert!(place.run("user show 7").ok().contains("at the end of 2999-03-31"));
    assert!(place.run("user list").ok().contains("leaves at the end of 2999-03-31"));
    assert_eq!(place.json("user set 9 --name Temp --leaves 2999-01-01")["outcome"], "made");
    assert_eq!(place.json("user list")["users"][2]["leaves"], "2999-01-01");

    place.run_with_arguments(&["user", "set", "7", "--leaves", ""]).ok();
    assert_eq!(place.json("user show 7")["leaves"], json!(null));
}

#[test]
fn a_suspended_person_who_is_deleted_and_brought_back_stays_suspended() {
    let place = with_people();
    place.run("user suspend 7").ok();
    place.run("user delete 7 --yes").ok();
    let said = place.run("user undo 7").ok();
    assert!(said.contains("is in the fleet again, but on no device: suspended since 20"), "{said}");
    assert_eq!(place.json("user show 7")["suspended"]["areas"], json!([1, 2]));

    place.run("user delete 7 --yes").ok();
    place.run("user set 7 --name Cleo").ok();
    let shown = place.json("user show 7");
    assert_eq!((&shown["suspended"], &shown["areas"]), (&json!(null), &json!([1])));
}
