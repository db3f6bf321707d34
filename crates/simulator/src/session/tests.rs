//! Sessions against servers with scripted answers.

use std::sync::{Arc, Mutex};

use wire::BioType;

use super::*;
use crate::{
    Faults, Model,
    testing::{Relay, option_block, serve},
};

/// A server that sends the options, answers polls with these bodies in turn, and accepts every upload.
async fn scripted(polls: Vec<&'static str>) -> (std::net::SocketAddr, Arc<Mutex<Vec<(String, String)>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let mut polls = polls.into_iter();
    let address = serve(move |request, body| {
        log.lock().unwrap().push((request.to_owned(), String::from_utf8_lossy(body).into_owned()));
        let body = match request {
            _ if request.contains("options=all") => option_block("SIM0001"),
            _ if request.contains("/getrequest") => polls.next().unwrap_or("OK").into(),
            _ => b"OK".to_vec(),
        };
        (200, body)
    })
    .await;
    (address, seen)
}

fn requests(seen: &Mutex<Vec<(String, String)>>) -> Vec<String> {
    let short = |(request, _): &(String, String)| {
        let cut = request.find("INFO=").map_or(request.len(), |at| at + 5);
        request.get(..cut).unwrap().replace("/iclock/", "").replace("SN=SIM0001", "")
    };
    seen.lock().unwrap().iter().map(short).collect()
}

async fn connected(polls: Vec<&'static str>) -> (Session, Arc<Mutex<Vec<(String, String)>>>) {
    let (address, seen) = scripted(polls).await;
    let session = Device::new(Model::speedface(), "SIM0001").connect(address).await.unwrap();
    (session, seen)
}

#[tokio::test]
async fn a_device_initializes_reports_polls_and_acknowledges() {
    let (mut session, seen) = connected(vec!["C:9a:DATA UPDATE USERINFO PIN=8\tName=Bo\nC:9b:INFO\n"]).await;
    assert_eq!(session.standing(), Standing::Connected);
    session.enrol_user("7", "Ada");
    session.settle().await.unwrap();
    assert_eq!(
        requests(&seen),
        [
            "GET cdata?&options=all&language=69&pushver=2.4.1&PushOptionsFlag=1",
            "POST cdata?&table=options",
            "POST cdata?&table=OPERLOG&Stamp=9999",
            "GET getrequest?&INFO=",
            "POST devicecmd?",
            "GET getrequest?&INFO=",
        ]
    );
    let acknowledged = seen.lock().unwrap()[4].1.clone();
    assert!(
        acknowledged.starts_with("ID=9a&Return=0&CMD=DATA\nID=9b&Return=0&CMD=INFO\n~DeviceName="),
        "{acknowledged}"
    );
    assert_eq!(session.users(), 2);
    assert_eq!(session.local_time().to_string(), "2027-03-12 12:23:02");
    let tally = session.tally();
    assert_eq!(
        (tally.handshakes, tally.polls, tally.idle_polls, tally.commands, tally.records),
        (1, 2, 1, 2, 2)
    );
}

#[tokio::test]
async fn every_answer_can_be_read_to_the_last_byte() {
    let (mut session, _) = connected(vec![]).await;
    let polled = session.poll_once().await.unwrap();
    assert!(polled.is_idle());
    let answer = session.last_answer().unwrap();
    assert_eq!((answer.body.as_slice(), answer.header("Content-Length")), (&b"OK"[..], Some("2")));
    assert_eq!(
        session.exchanges().next_back().unwrap().request.split('&').next(),
        Some("GET /iclock/getrequest?SN=SIM0001")
    );
}

#[tokio::test]
async fn a_refused_device_waits_until_it_is_approved() {
    let approved = Arc::new(Mutex::new(false));
    let gate = Arc::clone(&approved);
    let address = serve(move |request, _| match *gate.lock().unwrap() {
        false => (401, b"WAIT".to_vec()),
        true if request.contains("options=all") => (200, option_block("SIM0001")),
        true => (200, b"OK".to_vec()),
    })
    .await;
    let mut session = Device::new(Model::speedface(), "SIM0001").connect(address).await.unwrap();
    session.enrol_user("7", "Ada");
    assert_eq!(session.standing(), Standing::Waiting);
    assert!(matches!(session.settle().await, Err(SessionError::Waiting { .. })));
    assert_eq!((session.pending(), session.tally().refused_handshakes), (2, 2));
    *approved.lock().unwrap() = true;
    session.settle().await.unwrap();
    assert_eq!((session.standing(), session.pending()), (Standing::Connected, 0));
}

#[tokio::test]
async fn an_upload_without_ok_stays_in_the_queue() {
    let mut broken = true;
    let address = serve(move |request, _| match request {
        _ if request.contains("options=all") => (200, option_block("SIM0001")),
        _ if request.contains("OPERLOG") && std::mem::replace(&mut broken, false) => (500, b"ERROR".to_vec()),
        _ => (200, b"OK".to_vec()),
    })
    .await;
    let mut session = Device::new(Model::speedface(), "SIM0001").connect(address).await.unwrap();
    session.enrol_user("7", "Ada");
    assert!(matches!(session.upload_pending().await, Err(SessionError::Status { status: 500, .. })));
    assert_eq!(session.pending(), 2);
    assert_eq!(session.upload_pending().await.unwrap(), 2);
}

#[tokio::test]
async fn lines_that_are_no_commands_are_counted_and_dropped() {
    let (mut session, seen) = connected(vec!["DATA UPDATE USERINFO PIN=7\n", "OK\n"]).await;
    assert_eq!(session.poll_once().await.unwrap().executed, []);
    assert!(!session.poll_once().await.unwrap().is_idle());
    assert_eq!(session.tally().stray_lines, 2);
    assert!(!requests(&seen).iter().any(|request| request.contains("devicecmd")));
}

#[tokio::test]
async fn a_lost_answer_leaves_the_device_without_its_commands() {
    let (mut session, _) = connected(vec!["C:1:DATA UPDATE USERINFO PIN=7\tName=Ada\n"]).await;
    session.faults_mut().lose_replies = 1000;
    assert_eq!(session.poll_once().await.unwrap(), Polled::default());
    assert_eq!((session.users(), session.tally().failures()), (0, 1));
}

#[tokio::test]
async fn a_lost_acknowledgement_is_never_sent_although_the_command_was_executed() {
    let (mut session, seen) = connected(vec!["C:1:DATA UPDATE USERINFO PIN=7\tName=Ada\n"]).await;
    session.faults_mut().lose_acknowledgements = 1000;
    session.settle().await.unwrap();
    assert_eq!(session.users(), 1);
    assert!(!requests(&seen).iter().any(|request| request.contains("devicecmd")));
}

#[tokio::test]
async fn late_and_doubled_acknowledgements_come_some_polls_later() {
    let (mut session, seen) = connected(vec!["C:1:DATA UPDATE USERINFO PIN=7\tName=Ada\n"]).await;
    *session.faults_mut() =
        Faults { late_acknowledgements: 1000, duplicate_acknowledgements: 1000, ..Faults::default() };
    session.poll_once().await.unwrap();
    assert!(!requests(&seen).iter().any(|request| request.contains("devicecmd")));
    session.settle().await.unwrap();
    assert_eq!(requests(&seen).iter().filter(|request| request.contains("devicecmd")).count(), 2);
    assert_eq!(session.tally().return_codes.get(&0), Some(&2));
}

#[tokio::test]
async fn a_restart_loses_received_commands() {
    let (mut session, seen) = connected(vec!["C:1:DATA UPDATE USERINFO PIN=7\tName=Ada\n"]).await;
    session.faults_mut().restart = 1000;
    session.poll_once().await.unwrap();
    *session.faults_mut() = Faults::default();
    session.settle().await.unwrap();
    assert_eq!(session.users(), 0);
    assert_eq!(requests(&seen).iter().filter(|request| request.contains("options=all")).count(), 2);
}

#[tokio::test]
async fn acknowledgements_that_the_server_did_not_accept_are_sent_again() {
    let mut broken = true;
    let mut given = false;
    let address = serve(move |request, _| match request {
        _ if request.contains("options=all") => (200, option_block("SIM0001")),
        _ if request.contains("devicecmd") && std::mem::replace(&mut broken, false) => {
            (503, b"ERROR".to_vec())
        }
        _ if request.contains("getrequest") && !std::mem::replace(&mut given, true) => {
            (200, b"C:1:CHECK\n".to_vec())
        }
        _ => (200, b"OK".to_vec()),
    })
    .await;
    let mut session = Device::new(Model::speedface(), "SIM0001").connect(address).await.unwrap();
    assert!(matches!(session.poll_once().await, Err(SessionError::Status { status: 503, .. })));
    assert!(!session.is_quiet());
    session.settle().await.unwrap();
    assert_eq!((session.tally().return_codes.get(&0), session.tally().handshakes), (Some(&1), 2));
}

#[tokio::test]
async fn paths_have_the_form_of_the_quirks() {
    let (address, seen) = scripted(vec![]).await;
    let mut device = Device::new(Model::speedface(), "SIM0001");
    device.quirks_mut().aspx_paths = true;
    device.quirks_mut().doubled_paths = true;
    let mut session = device.connect(address).await.unwrap();
    session.poll_once().await.unwrap();
    let paths = seen
        .lock()
        .unwrap()
        .iter()
        .map(|(request, _)| request.split('?').next().unwrap().to_owned())
        .collect::<Vec<_>>();
    assert_eq!(
        paths,
        [
            "GET /iclock/iclock/cdata.aspx",
            "POST /iclock/iclock/cdata.aspx",
            "GET /iclock/iclock/getrequest.aspx"
        ]
    );
}

#[tokio::test]
async fn an_enrolment_reaches_the_other_device() {
    let address = Relay::start().await;
    let mut a = Device::new(Model::speedface(), "SIM0001").connect(address).await.unwrap();
    let mut b = Device::new(Model::speedface(), "SIM0002").connect(address).await.unwrap();
    a.enrol_user("7", "Ada");
    a.enrol_fingerprint("7", 6);
    a.enrol_palm("7", 1);
    b.enrol_user("8", "Bo");
    settle_all([&mut a, &mut b], 50).await.unwrap();
    assert_eq!(a.content(), b.content());
    assert_eq!((b.count(BioType::FINGERPRINT), b.count(BioType::PALM), b.users()), (1, 1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_running_device_accepts_edits_while_it_waits() {
    let (address, seen) = scripted(vec![]).await;
    let mut session =
        Session::new(Device::new(Model::speedface(), "SIM0001"), address.to_string().parse().unwrap());
    let (edit, edits) = tokio::sync::mpsc::unbounded_channel::<Edit>();
    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    let stopping = async move {
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    let mut rounds = 0;
    let pace = Pace { interval: Some(Duration::from_hours(1)), ..Pace::default() };
    session
        .run(pace, edits, stopping, |_, _| {
            rounds += 1;
            if rounds == 1 {
                assert!(edit.send(Box::new(|device| device.enrol_user("7", "Ada"))).is_ok());
            } else {
                stop.send_replace(true);
            }
        })
        .await;
    assert_eq!(rounds, 2);
    assert!(requests(&seen).iter().any(|request| request.contains("OPERLOG")));
}

#[tokio::test]
async fn a_slow_roster_comes_with_one_body_a_poll() {
    let (address, seen) = scripted(vec![]).await;
    let mut device = Device::new(Model::speedface(), "SIM0001");
    for pin in ["1", "2", "3"] {
        device.enrol_silently(pin, "Ada", &[]);
    }
    device.quirks_mut().upload_everything = true;
    device.quirks_mut().roster_records = Some(2);
    device.quirks_mut().slow_roster = true;
    let mut session = device.connect(address).await.unwrap();
    let uploads = || requests(&seen).iter().filter(|request| request.contains("OPERLOG")).count();
    session.step().await.unwrap();
    assert_eq!((uploads(), session.pending()), (1, 1));
    session.settle().await.unwrap();
    assert_eq!((uploads(), session.pending()), (2, 0));
}

#[tokio::test]
async fn an_answer_to_a_query_precedes_its_acknowledgement() {
    let (address, seen) = scripted(vec!["C:240:DATA QUERY USERINFO PIN=7\n"]).await;
    let mut device = Device::new(Model::speedface(), "SIM0001");
    device.enrol_silently("7", "Ada", &[]);
    device.quirks_mut().queries = Some(crate::Queries::Marked);
    let mut session = device.connect(address).await.unwrap();
    session.poll_once().await.unwrap();
    let requests = requests(&seen);
    assert_eq!(
        requests.iter().rev().take(2).rev().collect::<Vec<_>>(),
        ["POST cdata?&table=USERINFO&Stamp=9999&Count=1&PackCnt=1&PackIdx=1&CmdId=240", "POST devicecmd?"]
    );
    assert!(session.is_quiet());
}
