//! Commands beside a server: people, areas, devices that are not there.

use crate::support::Place;

#[test]
fn an_empty_fleet_says_what_comes_next() {
    let place = Place::new();
    let _server = place.serve("");
    assert!(place.run("device list").ok().contains("no device has connected yet"));
    assert!(place.run("user list").ok().contains("there is nobody yet"));
    assert_eq!(place.run("held list").ok(), "nothing waits for you\n");
    assert_eq!(place.run("sync status").ok(), "no device has connected yet\n");
    assert!(place.run("device approve CKJF1").failed(1).contains("no device CKJF1: none has called yet"));
    assert_eq!(place.json("device list").as_array().map(Vec::len), Some(0));
}

#[test]
fn a_person_is_made_changed_deleted_and_brought_back() {
    let place = Place::new();
    let _server = place.serve("");
    let made =
        place.run_with_input("user set 1001 --name Ada --card 123456789 --password-stdin", "4711\n").ok();
    assert_eq!(made, "user 1001 is added; Muster sends the person to the devices\n");
    assert_eq!(place.json("user set 1001 --privilege admin")["outcome"], "changed");
    assert_eq!(place.json("user set 1001 --privilege 6")["outcome"], "unchanged");
    place.run("user set 1001").failed(2);

    let list = place.json("user list");
    let user = &list["users"][0];
    assert_eq!(
        (&user["pin"], &user["name"], &user["role"]),
        (&"1001".into(), &"Ada".into(), &"admin".into())
    );
    assert_eq!(user["password_set"], true);
    assert_eq!(place.json("user list --search 4567")["users"].as_array().map(Vec::len), Some(1));
    assert!(place.run("user list --search Grace").ok().contains("nobody has a PIN, name or card"));
    for view in ["user list", "user show 1001", "user list --json", "user show 1001 --json"] {
        let shown = place.run(view).ok();
        assert!(shown.contains("Ada") && !shown.contains("4711"), "{view}: {shown}");
    }

    assert_eq!(place.json("user delete 1001 --yes")["outcome"], "deleted");
    assert!(place.run("user show 1001").failed(1).contains("`muster user undo 1001` brings the person back"));
    assert_eq!(place.json("user deleted")[0]["pin"], "1001");
    assert_eq!(place.json("user undo 1001")["outcome"], "restored");
    let back = place.json("user show 1001");
    assert_eq!((&back["card"], &back["password_set"]), (&"123456789".into(), &true.into()));

    let erased = place.json("user delete 1001 --erase --yes");
    assert_eq!((&erased["outcome"], &erased["items"]), (&"erased".into(), &2.into()));
    assert_eq!((&erased["files_rewritten"], &erased["kept_punches"]), (&true.into(), &0.into()));
    assert!(place.run("user undo 1001").failed(1).contains("there is no deletion of 1001 to undo"));
}

/// The server has the database open, and reads and writes meanwhile.
#[test]
fn of_an_erased_person_no_byte_is_left_beside_a_running_server() {
    let place = Place::new();
    let _server = place.serve("");
    place.run("user set 1001 --name Lovelace-1815 --card 181512101852").ok();
    place.run("user set 1001 --name King-1835").ok();
    place.run("user set 1002 --name Grace").ok();
    place.run("user delete 1001 --yes").ok();
    let files = || {
        ["muster.db", "muster.db-wal", "muster.db-shm"]
            .map(|name| std::fs::read(place.path().join("muster-data").join(name)).unwrap_or_default())
    };
    let holds = |text: &str| {
        files().iter().any(|bytes| bytes.windows(text.len()).any(|part| part == text.as_bytes()))
    };
    assert!(holds("King-1835"), "the log has it");

    let said = place.run("user delete 1001 --erase --yes").ok();

    assert!(said.contains("it holds no byte of the person any more"), "{said}");
    for text in ["Lovelace-1815", "181512101852", "King-1835"] {
        assert!(!holds(text), "{text}");
    }
    assert!(holds("Grace"));
    assert_eq!(place.json("user list")["users"][0]["pin"], "1002");
    // Somebody who is erased already may be erased again; of somebody unknown there is nothing to erase.
    place.run("user delete 1001 --erase --no-rewrite --yes").ok();
    assert!(place.run("user delete 1003 --erase --yes").failed(1).contains("no user 1003"));
    place.run("user delete 1002 --punches --yes").failed(2);
}

#[test]
fn a_person_that_is_not_there_is_told_with_the_likeliest_one() {
    let place = Place::new();
    place.run("migrate").ok();
    place.run("user set 0042 --name Ada").ok();
    assert!(place.run("user show 42").failed(1).contains("there is no user 42; is 0042 meant?"));
    assert!(place.run("user undo 0042").failed(1).contains("user 0042 is not deleted"));
    place.run("user show 4/2").failed(2);
}

#[test]
fn people_are_put_into_areas_that_exist() {
    let place = Place::new();
    place.run("migrate").ok();
    assert_eq!(place.json("area add Lab")["id"], 2);
    assert!(place.run("area add Lab").failed(1).contains("area 2 is called Lab already"));
    place.run("area rename 2 Laboratory").ok();
    assert!(place.run("area list").ok().contains("Laboratory"));
    place.run("user set 7 --name Ada --areas 1,2").ok();
    assert_eq!(place.json("user show 7")["areas"], serde_json::json!([1, 2]));
    let message = place.run("user set 7 --areas 3").failed(1);
    assert!(message.contains("there is no area 3; there are: 1 everyone, 2 Laboratory"), "{message}");
}

#[test]
fn what_is_not_held_cannot_be_decided() {
    let place = Place::new();
    place.run("migrate").ok();
    assert!(place.run("held show 9").failed(1).contains("nothing is held under 9"));
    assert!(place.run("held resolve 9 --dismiss").failed(1).contains("nothing is held under 9"));
    place.run("held resolve 9").failed(2);
}
