//! Commands that operators order, from the command line to the device and back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;
use simulator::{Device, Model};

use crate::support::{Place, Server};

/// A server, and a device with two people on it that lives beside the story.
struct Site {
    place: Place,
    _server: Server,
    is_over: Arc<AtomicBool>,
    device: Option<JoinHandle<()>>,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.switch_off();
    }
}

impl Site {
    fn new(settings: &str) -> Self {
        let place = Place::new();
        std::fs::write(place.path().join("muster.toml"), settings).expect("the settings");
        let server = place.serve("--admission open");
        let is_over = Arc::new(AtomicBool::new(false));
        let (listen, over) = (server.listen.clone(), Arc::clone(&is_over));
        let device = std::thread::spawn(move || live(&listen, &over));
        let site = Self { place, _server: server, is_over, device: Some(device) };
        let is_there = || site.place.run("user show 1002").code == Some(0);
        assert!((0..100).any(|_| is_there()), "the device tells of its people");
        site
    }

    /// The device goes, and does not come back.
    fn switch_off(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        if let Some(device) = self.device.take() {
            let _ = device.join();
        }
    }

    fn failed(&self, arguments: &str, code: i32) -> String {
        self.place.run(arguments).failed(code)
    }

    fn shown(&self, id: &Value) -> Value {
        self.place.json(&format!("command show SIM0001 {id}"))
    }
}

/// A device that reports, polls and obeys many times a second.
fn live(listen: &str, is_over: &AtomicBool) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let device = Device::new(Model::speedface(), "SIM0001");
        let mut session = device.connect(listen).await.expect("the device connects");
        session.enrol_user("1001", "Ada");
        session.enrol_user("1002", "Bea");
        while !is_over.load(Ordering::SeqCst) {
            session.step().await.expect("the server answers");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
}

#[test]
fn a_command_goes_to_the_device_and_its_answer_comes_back() {
    let site = Site::new("");
    let place = &site.place;
    let told = place.run("command SIM0001 info --wait").ok();
    assert!(told.contains("done") && told.contains("~DeviceName=SpeedFace"), "{told}");

    let unlock = place.json("command SIM0001 unlock --wait");
    assert_eq!((&unlock["state"], &unlock["command"]), (&"done".into(), &"AC_UNLOCK".into()));
    let option = place.json("command SIM0001 set-option VOLUME 60 --wait");
    assert_eq!((&option["state"], &option["arguments"]), (&"done".into(), &"VOLUME".into()));
    assert!(!option.to_string().contains("60\""), "{option}");
    place.run("command SIM0001 put AccGroup ID=1 TZ=1;2;3 --wait").ok();
    place.run("command SIM0001 verify-sum 2027-03-01 2027-03-31 --wait").ok();
    place.run("command SIM0001 query user 1001 --wait").ok();
    let listed = place.run("command list SIM0001").ok();
    for words in ["INFO", "AC_UNLOCK", "DATA UPDATE AccGroup", "VERIFY SUM ATTLOG", "DATA QUERY USERINFO"] {
        assert!(listed.contains(words), "{words}: {listed}");
    }

    let enrolled = place.run("command SIM0001 enroll finger --pin 1001 --finger 9 --wait").ok();
    assert!(enrolled.contains("enrolled: fingerprint 9"), "{enrolled}");
    let again = place.run("command SIM0001 enroll finger --pin 1001 --finger 9 --wait");
    assert_eq!(again.code, Some(1));
    assert!(again.out.contains("not done (2)") && again.out.contains("--overwrite"), "{}", again.out);
}

/// Obligation 163.
#[test]
fn what_cannot_be_undone_is_asked_for() {
    let site = Site::new("");
    for command in ["clear data", "clear log", "set-option IPAddress 192.0.2.9"] {
        let error = site.failed(&format!("command SIM0001 {command}"), 2);
        assert!(error.contains("--confirm SIM0001"), "{error}");
        let error = site.failed(&format!("command SIM0001 {command} --confirm SIM0002"), 2);
        assert!(error.contains("no command was queued"), "{error}");
    }
    assert_eq!(
        site.place
            .json("command list SIM0001 --limit 100")
            .as_array()
            .map(|all| { all.iter().filter(|order| order["ordered_by"] == "operator").count() }),
        Some(0)
    );
    let cleared = site.place.json("command SIM0001 clear data --confirm SIM0001 --wait");
    assert_eq!(cleared["state"], "done");
}

/// Obligation 164.
#[test]
fn the_system_of_a_device_needs_a_setting() {
    let site = Site::new("");
    std::fs::write(site.place.path().join("fw.cfg"), "firmware").expect("a file");
    for command in ["shell ls", "get-file /mnt/options.cfg", "put-file fw.cfg --to /x", "upgrade fw.cfg"] {
        let error = site.failed(&format!("command SIM0001 {command} --confirm SIM0001"), 1);
        assert!(
            error.contains("system_commands = true") && error.contains("MUSTER_SYSTEM_COMMANDS"),
            "{error}"
        );
    }
}

#[test]
fn a_device_fetches_a_file_where_that_is_allowed() {
    let site = Site::new("system_commands = true\n");
    let place = &site.place;
    let put = place.json("command SIM0001 put-file muster.toml --to /mnt/copy.cfg --confirm SIM0001 --wait");
    assert_eq!((&put["state"], &put["return_code"]), (&"done".into(), &23.into()));
    let got = place.json("command SIM0001 get-file /mnt/copy.cfg --wait");
    assert_eq!(got["state"], "done");
    place.run(&format!("command show SIM0001 {} --content copy.cfg", got["id"])).ok();
    let copy = std::fs::read_to_string(place.path().join("copy.cfg")).expect("it is written");
    assert_eq!(copy, "system_commands = true\n");
    let upgrade = place.json("command SIM0001 upgrade muster.toml --confirm SIM0001 --wait");
    assert_eq!(upgrade["state"], "done");
    let shell = place.run("command SIM0001 shell whoami --confirm SIM0001 --wait");
    assert_eq!(shell.code, Some(1));
    assert!(shell.out.contains("exit status 127"), "{}", shell.out);
}

#[test]
fn what_was_not_fetched_can_be_taken_back_and_errors_say_what_to_do() {
    let mut site = Site::new("");
    site.switch_off();
    let placed = site.place.json("command SIM0001 reboot");
    let id = &placed["id"];
    assert_eq!(site.shown(id)["state"], "queued");
    assert_eq!(site.place.json(&format!("command cancel SIM0001 {id}"))["outcome"], "cancelled");
    assert!(
        site.failed(&format!("command cancel SIM0001 {id}"), 2).contains("cancelled before Muster sent it")
    );
    assert!(site.failed("command cancel SIM0001 999999", 1).contains("muster command list SIM0001"));
    assert!(site.failed("command SIM001 reboot", 1).contains("is SIM0001 meant?"));
    assert!(site.failed("command reboot", 2).contains("serial number of the device is missing"));
    assert!(site.failed("command SIM0001 put USERINFO PIN=7", 2).contains("muster user"));
    let error = site.failed("command SIM0001 put SMS MSG=x UID=1", 2);
    assert!(
        error.contains("MIN is missing") && error.contains("Its keys: MSG, TAG, UID, MIN, StartTime"),
        "{error}"
    );
    assert!(
        site.failed("command SIM0001 query attendance 2027-03-02 2027-03-01", 2).contains("before it begins")
    );
    assert!(
        site.failed("command SIM0001 enroll finger --pin 99999 --finger 1", 1)
            .contains("muster user set 99999")
    );
    site.place.run("device retire SIM0001").ok();
    assert!(site.failed("command SIM0001 reboot", 1).contains("muster device approve SIM0001"));
}
