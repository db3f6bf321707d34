//! The server, simulated devices, and the commands about them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;

use crate::support::{Place, Server};

#[test]
fn a_person_enrolled_at_one_device_is_on_the_other_and_the_proof_is_told() {
    let place = Place::new();
    let server = place.serve("--admission open");
    let simulate =
        format!("simulate --url http://{} --devices 2 --users 3 --interval 0.05 --enrol", server.listen);
    let told = place.run(&simulate).ok();
    assert!(told.contains("SIM0002 has the person after"), "{told}");
    let last = told.lines().last().unwrap_or_default();
    assert!(
        last.starts_with("all 2 devices hold the same people after ") && last.contains("4 users"),
        "{told}"
    );

    assert_eq!(place.json("user list")["users"].as_array().map(Vec::len), Some(4));

    the_second_device_can_be_looked_at_and_set_up(&place);
    a_record_that_cannot_be_read_is_held_and_dismissed(&place, &server);

    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
}

fn the_second_device_can_be_looked_at_and_set_up(place: &Place) {
    let shown = place.json("device show SIM0002");
    assert_eq!((&shown["state"], &shown["model"]), (&"active".into(), &"SpeedFace-V5L[TD]".into()));
    let sentences = shown["capability"].to_string();
    assert!(sentences.contains("accepts fingerprints 10"), "{sentences}");
    assert!(place.run("device show SIM002").failed(1).contains("is SIM0002 meant?"));
    let user = place.json("user show 1001");
    let device = user["devices"]
        .as_array()
        .and_then(|devices| devices.iter().find(|d| d["serial_number"] == "SIM0002"));
    assert!(device.is_some_and(|device| device["owed"] == serde_json::json!([])), "{user}");

    let changed = place.json("device set SIM0002 --name Gate --delay 5 --time-zone Asia/Tokyo");
    assert_eq!(changed["changed"], serde_json::json!(["name", "time zone", "delay"]));
    assert_eq!(place.json("device show SIM0002")["options"]["delay_s"], 5);
    place.run("device set SIM0002 --default delay --default name").ok();
    let shown = place.json("device show SIM0002");
    assert_eq!((&shown["options"]["delay_s"], &shown["name"]), (&serde_json::Value::Null, &"".into()));
    assert_eq!(
        place.json("device set SIM0002 --enrolment hold")["changed"],
        serde_json::json!(["enrolment"])
    );
    let shown = place.json("device show SIM0002");
    assert_eq!((&shown["options"]["enrolment"], &shown["enrolment"]), (&"hold".into(), &"hold".into()));
    let words = place.run("device show SIM0002").ok();
    assert!(
        words.contains("hold: changes of people at this device wait for your decision (set for this device)"),
        "{words}"
    );
    place.run("device set SIM0002 --enrolment default").ok();
    let shown = place.json("device show SIM0002");
    assert_eq!(
        (&shown["options"]["enrolment"], &shown["enrolment"]),
        (&serde_json::Value::Null, &"accept".into())
    );
    place.run("device set SIM0002 --enrolment never").failed(2);
    place.run("device set SIM0002").failed(2);
    place.run("device set SIM0002 --delay 1").failed(2);

    // Its clock was set a moment ago; a table is asked for again, and one that there is not is refused.
    let clock = place.run("device show SIM0002").ok();
    assert!(clock.contains("Asia/Tokyo, UTC+9 now, but the device still has UTC"), "{clock}");
    assert!(clock.contains("USERINFO since 20"), "{clock}");
    place.run("device reread SIM0002 --table OPERLOGS").failed(2);
    let asked = place.json("device reread SIM0002 --table attlog --table OPERLOG");
    assert_eq!(asked["tables"], serde_json::json!(["ATTLOG", "OPERLOG"]));
    let shown = place.run("device show SIM0002").ok();
    assert!(
        shown.contains("ATTLOG: asked for just now, the device has not fetched the request yet"),
        "{shown}"
    );
    let rereads = place.json("device show SIM0002")["rereads"].to_string();
    assert!(rereads.contains(r#""stage":"asked","table":"ATTLOG""#), "{rereads}");
    assert!(place.run("user set 1001X --name Bea").ok().contains("is added"));
    assert!(place.run("user set 1001x --name Bob").failed(1).contains("there is a user 1001X"));
    place.run("device set SIM0002 --default comm-key").ok();

    assert!(place.run("device reject SIM0002").failed(1).contains("is in the fleet"));
    assert!(place.run("device approve SIM0002").failed(1).contains("is in the fleet already"));
    place.run("device refill SIM0002").ok();
    assert!(place.run("sync status SIM0002").ok().contains("is being filled"));
    assert_eq!(place.json("device retire SIM0002")["outcome"], "retired");
    assert!(place.run("sync status").ok().contains("not part of the fleet"));
    assert!(place.run("device refill SIM0002").failed(1).contains("is not in the fleet"));
}

fn a_record_that_cannot_be_read_is_held_and_dismissed(place: &Place, server: &Server) {
    let body = "FP PIN=7\tFID=0\tSize=8\tValid=1\tTMP=geheim==\n";
    let mut device = TcpStream::connect(&server.listen).expect("the server listens");
    write!(
        device,
        "POST /iclock/cdata?SN=SIM0001&table=OPERLOG&Stamp=1 HTTP/1.1\r\nHost: muster\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("it reads");
    let mut answer = String::new();
    device.read_to_string(&mut answer).expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    let held = place.json("held list --kind unreadable --device SIM0001");
    let id = held[0]["id"].as_i64().expect("one is held");
    assert_eq!(held[0]["record"], "FP");
    let shown = place.run(&format!("held show {id}")).ok();
    assert!(!shown.contains("geheim") && shown.contains("--raw prints the record"), "{shown}");
    assert!(place.run(&format!("held show {id} --raw")).ok().contains("geheim"));
    assert!(place.run(&format!("held resolve {id} --fleet")).failed(2).contains("--dismiss"));
    place.run(&format!("held resolve {id} --dismiss")).ok();
    assert_eq!(place.run("held list").ok(), "nothing waits for you\n");
    assert_eq!(place.json("held list --all")[0]["resolution"], "dismissed");
    assert!(place.run(&format!("held resolve {id} --dismiss")).failed(1).contains("decided already"));
}

#[test]
fn devices_wait_until_they_are_approved_and_the_simulator_says_how() {
    let place = Place::new();
    let server = place.serve("");
    let mut simulate = place
        .command(&format!(
            "simulate --url http://{} --devices 2 --users 2 --interval 0.05 --json",
            server.listen
        ))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut told = BufReader::new(simulate.stderr.take().expect("piped")).lines();
    let mut line = || told.next().expect("it tells").expect("text");
    assert!(line().ends_with("for approval:"));
    let commands = [line(), line()];
    assert_eq!(commands[0].trim(), "muster device approve SIM0001 --adopt");
    // Both have called by now, or call soon: whoever has not is not known yet.
    for command in commands {
        let arguments = command.trim().trim_start_matches("muster ").to_owned();
        while place.run(&arguments).code != Some(0) {}
    }
    let output = simulate.wait_with_output().expect("it ends");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(output.status.success() && report["all_equal"] == true, "{report}");
}

#[test]
fn a_fleet_that_does_not_become_equal_is_told_device_by_device() {
    let place = Place::new();
    let server = place.serve("");
    let simulate = "--devices 2 --users 1 --interval 0.05 --deadline 1";
    let ran = place.run(&format!("simulate --url http://{} {simulate}", server.listen));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.out.contains("time is up: 1 of 2 devices differ from the enrolled people"), "{}", ran.out);
    assert!(ran.out.contains("SIM0002:") && ran.out.contains("(never approved)"), "{}", ran.out);
}
