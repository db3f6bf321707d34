//! `.env` in the working directory, and the names of other servers of terminals.

use std::fs;

use crate::support::Place;

const PASSWORD: &str = "p@ss/geheim";

fn place_of_an_old_server() -> Place {
    let place = Place::new();
    let lines = format!(
        "DB_HOST=127.0.0.1\r\nDB_PORT=1\r\nDB_USER=zk\r\nDB_PASSWORD='{PASSWORD}'\r\nDB_NAME=zkteco_sync\r\nPORT=9081\r\n"
    );
    fs::write(place.path().join(".env"), lines).expect("ours");
    place
}

#[test]
fn the_env_file_of_an_old_server_is_shown_with_its_lines_and_without_its_password() {
    let place = place_of_an_old_server();
    let shown = place.run("config --log trace").ok();
    let expected = [
        "mysql://zk:***@127.0.0.1:1/zkteco_sync",
        "DB_HOST, DB_NAME, DB_PORT, DB_USER, DB_PASSWORD in .env line 1",
        "0.0.0.0:9081",
        "PORT in .env line 6",
    ];
    for expected in expected {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    assert_eq!(place.json("config")[0]["value"], "0.0.0.0:9081");
    for arguments in ["config --log trace", "config --json --log trace"] {
        let ran = place.run(arguments);
        assert!(!format!("{ran:?}").contains("geheim"), "{ran:?}");
    }
}

#[test]
fn the_environment_and_the_command_line_win_over_it() {
    let place = place_of_an_old_server();
    let shown = place.command("config --json").env("PORT", "9082").output().expect("the program runs");
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).expect("JSON");
    assert_eq!(shown[0]["origin"], "environment PORT");
    assert_eq!(place.json("config --listen 127.0.0.1:9")[0]["origin"], "command line --listen");
    let server = place.serve("--database sqlite://muster-data/muster.db");
    assert!(server.listen.starts_with("127.0.0.1:"), "{}", server.listen);
}

#[test]
fn a_bad_line_and_a_wrong_part_are_told_without_the_password() {
    let place = Place::new();
    let path = place.path().join(".env");
    for (lines, told) in [
        ("# ours\ngeheim\n", "error: .env line 2: want NAME=VALUE, or a comment after #\n"),
        ("DB_PASSWORD='geheim\n", "error: .env line 1: the quote ' is opened and never closed\n"),
        ("DB_HOST=db\nDB_PASSWORD=geheim\n", "DB_USER is not set"),
        ("DB_HOST=d!b\nDB_USER=zk\nDB_PASSWORD=geheim\n", "error: DB_HOST in .env line 1: "),
        ("MUSTER_DATABASE=mysql://zk:1/geheim@db/zk\n", "percent-encoded"),
        ("MUSTER_DATABASE=mysql://zk:geheim/zk\n", "a user before the host"),
    ] {
        fs::write(&path, lines).expect("ours");
        for command in ["device list", "serve --log trace"] {
            let ran = place.run(command);
            assert!(ran.out.is_empty() && !ran.err.contains("geheim"), "{ran:?}");
            assert!(ran.failed(2).contains(told), "{lines}");
        }
    }
    fs::write(&path, [b'A', b'=', 0xff]).expect("ours");
    assert_eq!(place.run("device list").failed(2), "error: .env is no text in UTF-8\n");
}

#[test]
fn the_one_beside_the_program_is_for_whoever_has_none() {
    let (place, elsewhere) = (Place::new(), Place::new());
    let program = place.path().join("muster");
    fs::copy(env!("CARGO_BIN_EXE_muster"), &program).expect("there is room");
    fs::write(place.path().join(".env"), "PORT=9083\n").expect("ours");
    let origin = || {
        let mut command = std::process::Command::new(&program);
        command.args(["config", "--json"]).current_dir(elsewhere.path()).env_clear();
        let shown: serde_json::Value =
            serde_json::from_slice(&command.output().expect("the program runs").stdout).expect("JSON");
        shown[0]["origin"].as_str().unwrap_or_default().to_owned()
    };
    let beside = place.path().canonicalize().expect("it is there").join(".env");
    assert_eq!(origin(), format!("PORT in {} line 1", beside.display()));
    fs::write(elsewhere.path().join(".env"), "DEBUG=1\n").expect("ours");
    assert_eq!(origin(), "default");
}

#[test]
fn a_folder_of_that_name_is_somebody_elses() {
    let place = Place::new();
    fs::create_dir(place.path().join(".env")).expect("ours");
    place.run("config").ok();
}

#[cfg(unix)]
#[test]
fn a_password_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = place_of_an_old_server();
    let readable_by = |mode| {
        fs::set_permissions(place.path().join(".env"), fs::Permissions::from_mode(mode)).expect("ours");
        place.run("config").err
    };
    let warned = readable_by(0o640);
    assert!(warned.contains("others can read the database's password in .env: chmod 600 .env"), "{warned}");
    assert_eq!(readable_by(0o600), "");
}
