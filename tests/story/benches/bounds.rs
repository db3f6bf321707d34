//! What the server takes and how long it takes, as the README's table shows it.
//!
//! ```text
//! cargo build --release && cargo bench -p story
//! ```
//!
//! The server is the built program with a database of its own on the disk of this machine; the devices are simulated
//! on the same machine, so both share its cores. Times of one run are worth little: compare runs on one machine.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use simulator::{Device, Model};
use story::program::{Program, Settings, built};

/// As it is by default, but for devices that would wait for approval.
const OPEN: Settings = &[("MUSTER_ADMISSION", "open")];

fn main() {
    println!("| What | Measured |\n|---|---|");
    upload();
    idle_memory();
    convergence();
}

/// 415 people with 1,300 fingerprints in one body.
fn upload() {
    let body = roster_of(415, 1_300);
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let server = Program::with(OPEN);
        introduce(server.address(), "BENCH0001");
        first.push(post(server.address(), "BENCH0001", &body));
        again.push(post(server.address(), "BENCH0001", &body));
    }
    let size = body.len() / 1024;
    println!(
        "| 415 people, 1,300 fingerprints in one body of {size} KiB, until the `OK` | {} |",
        spread(&mut first)
    );
    println!("| the same body again, nothing changed | {} |", spread(&mut again));
}

/// A thousand known devices, each of which polled.
fn idle_memory() {
    let server = Program::with(OPEN);
    let before = memory_kib(&server);
    for number in 0..1_000 {
        introduce(server.address(), &format!("BENCH{number:05}"));
    }
    std::thread::sleep(Duration::from_secs(5));
    let after = memory_kib(&server);
    println!(
        "| memory of the server at its start, and idle with 1,000 known devices | {} MiB, {} MiB |",
        before / 1024,
        after / 1024
    );
}

/// A hundred devices until all hold what was enrolled at one.
fn convergence() {
    for (devices, users) in [(2, 100), (100, 1_000)] {
        let server = Program::with(OPEN);
        let report = Command::new(built())
            .args(["simulate", "--json", "--url", &format!("http://{}", server.address())])
            .args(["--devices", &devices.to_string(), "--users", &users.to_string(), "--templates", "3"])
            .args(["--interval", "1", "--deadline", "1800", "--faces", "0"])
            .stderr(Stdio::inherit())
            .output()
            .expect("muster simulate runs");
        let report: serde_json::Value = serde_json::from_slice(&report.stdout).expect("a report");
        let outcome = match report["equal_after_ms"].as_u64() {
            Some(ms) => format!("{} s", ms / 1000),
            None => "not within half an hour".to_owned(),
        };
        let memory = memory_kib(&server) / 1024;
        println!(
            "| {devices} devices, {users} people with 3 fingerprints each enrolled at one, polls every second, until all \
             are equal | {outcome} (server then at {memory} MiB, {:.1} s of processor time) |",
            processor_s(&server)
        );
    }
}

fn memory_kib(server: &Program) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

fn processor_s(server: &Program) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.id())).unwrap_or_default();
    let ticks: Vec<f64> = stat.split_whitespace().skip(13).take(2).filter_map(|n| n.parse().ok()).collect();
    ticks.iter().sum::<f64>() / 100.0
}

/// The upload of a device that holds so many people and fingerprints.
fn roster_of(users: usize, fingerprints: usize) -> Vec<u8> {
    let mut device = Device::new(Model::speedface(), "BENCH0001");
    for number in 0..users {
        let pin = (1_000 + number).to_string();
        device.enrol_user(&pin, &format!("Person {number}"));
        for finger in 0..=9_u8 {
            if number + usize::from(finger) * users < fingerprints {
                device.enrol_fingerprint(&pin, finger);
            }
        }
    }
    let flags = "TransFlag=TransData OpLog\tEnrollUser\tChgUser\tEnrollFP\tChgFP";
    let told = device.initialize(format!("GET OPTION FROM: BENCH0001\nRealtime=1\n{flags}\n").as_bytes());
    assert!(told, "the device is told what to upload");
    let mut body = Vec::new();
    while let Some(upload) = device.next_upload() {
        body.extend_from_slice(&upload.body);
        device.uploaded(&upload);
    }
    body
}

fn introduce(server: SocketAddr, serial_number: &str) {
    request(server, &format!("GET /iclock/cdata?SN={serial_number}&options=all&pushver=2.4.1"), b"");
    let options = b"FingerFunOn=1,FPVersion=10,UserCount=0,FWVersion=Ver 1.0";
    request(server, &format!("POST /iclock/cdata?SN={serial_number}&table=options"), options);
    request(server, &format!("GET /iclock/getrequest?SN={serial_number}"), b"");
}

fn post(server: SocketAddr, serial_number: &str, body: &[u8]) -> Duration {
    let target = format!("POST /iclock/cdata?SN={serial_number}&table=OPERLOG&Stamp=9999");
    let begun = now();
    let answer = request(server, &target, body);
    let took = begun.elapsed();
    assert!(answer.contains("\r\n\r\nOK:"), "{answer}");
    took
}

fn request(server: SocketAddr, target: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(server).expect("a connection");
    let head = format!(
        "{target} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("the head is sent");
    stream.write_all(body).expect("the body is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn now() -> Instant {
    Instant::now()
}

fn spread(times: &mut [Duration]) -> String {
    times.sort();
    let ms = |time: Option<&Duration>| time.map_or(0, Duration::as_millis);
    format!(
        "{} ms (fastest {}, slowest {} of {})",
        ms(times.get(times.len() / 2)),
        ms(times.first()),
        ms(times.last()),
        times.len()
    )
}
