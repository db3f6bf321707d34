//! SQLite and MariaDB against each other: uploads and idle polls, in turns in one run.
//!
//! ```text
//! cargo build --release && cargo bench -p story --bench engines
//! ```
//!
//! The server is the built program; SQLite's file and MariaDB's data lie in the temporary folder, which `TMPDIR` names; MariaDB
//! is started for this, as it is by default. Server, database and clients share the cores of this machine, so look at the
//! ratios rather than at the numbers.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use databases::{Database, Kind, MariaDb};
use story::program::{Program, Settings};

/// As it is by default, but for devices that would wait.
const OPEN: Settings = &[("MUSTER_ADMISSION", "open"), ("MUSTER_ADOPT_QUIET_S", "0")];

const ROUNDS: usize = 5;

/// Devices that upload at the same time, bodies of each, users in a body.
const UPLOADERS: usize = 16;
const BODIES: usize = 10;
const USERS: usize = 100;

/// Devices that poll at the same time, and for how long.
const POLLERS: usize = 16;
const POLLING: Duration = Duration::from_secs(4);

fn main() {
    // The default number of connections: named, since without any option the server is set up for tests.
    let mariadb = MariaDb::start(&["--max-connections=151"]);
    let (mut files, mut servers) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let file = Database::of(Kind::Sqlite);
        files.push(measured(file.url()));
        let name = mariadb.create();
        servers.push(measured(&mariadb.url(&name)));
        mariadb.drop_database(&name);
    }
    println!("| | SQLite | MariaDB | MariaDB / SQLite |\n|---|---|---|---|");
    row("users uploaded a second, in bodies of 100 from 16 devices at once", &files, &servers, |m| {
        m.users_a_second
    });
    row("idle polls a second, 16 connections kept alive", &files, &servers, |m| m.polls_a_second);
}

/// What one server reaches.
struct Measured {
    users_a_second: f64,
    polls_a_second: f64,
}

fn measured(url: &str) -> Measured {
    let server = Program::on_url(url, OPEN);
    for number in 0..UPLOADERS.max(POLLERS) {
        introduce(server.address(), &serial(number));
    }
    let polls = AtomicUsize::new(0);
    let begun = now();
    std::thread::scope(|scope| {
        for number in 0..POLLERS {
            let (address, polls) = (server.address(), &polls);
            scope.spawn(move || {
                let mut line = Line::to(address);
                let poll = format!("GET /iclock/getrequest?SN={}", serial(number));
                while begun.elapsed() < POLLING {
                    assert_eq!(line.ask(&poll, b""), "OK", "there is nothing to do");
                    polls.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let polls_a_second = count(polls.into_inner()) / begun.elapsed().as_secs_f64();
    // After the polls: what is uploaded would be due to everybody.
    let begun = now();
    std::thread::scope(|scope| {
        for number in 0..UPLOADERS {
            let address = server.address();
            scope.spawn(move || upload(address, number));
        }
    });
    let users_a_second = count(UPLOADERS * BODIES * USERS) / begun.elapsed().as_secs_f64();
    Measured { users_a_second, polls_a_second }
}

fn upload(address: SocketAddr, number: usize) {
    let mut line = Line::to(address);
    let target = format!("POST /iclock/cdata?SN={}&table=OPERLOG&Stamp=9999", serial(number));
    for body in 0..BODIES {
        let users: Vec<String> = (0..USERS)
            .map(|user| {
                let pin = 1_000_000 * (number + 1) + 1_000 * body + user;
                let rest = format!("Pri=0\tPasswd=\tCard={pin}\tGrp=1\tTZ=0000000100000000");
                format!("USER PIN={pin}\tName=Person {pin}\t{rest}\n")
            })
            .collect();
        assert_eq!(line.ask(&target, users.concat().as_bytes()), format!("OK:{USERS}"));
    }
}

fn introduce(address: SocketAddr, serial: &str) {
    let mut line = Line::to(address);
    line.ask(&format!("GET /iclock/cdata?SN={serial}&options=all&pushver=2.4.1"), b"");
    drain(address, serial);
}

/// Obeys until there is nothing to do.
fn drain(address: SocketAddr, serial: &str) {
    let mut line = Line::to(address);
    loop {
        let commands = line.ask(&format!("GET /iclock/getrequest?SN={serial}"), b"");
        if commands == "OK" {
            return;
        }
        let ids = commands.lines().filter_map(|line| line.split(':').nth(1));
        let done: Vec<String> = ids.map(|id| format!("ID={id}&Return=0&CMD=DATA\n")).collect();
        line.ask(&format!("POST /iclock/devicecmd?SN={serial}"), done.concat().as_bytes());
    }
}

fn serial(number: usize) -> String {
    format!("BENCH{number:04}")
}

/// A connection that is kept alive.
struct Line {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Line {
    fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_nodelay(true).expect("what is written goes out at once");
        Self { stream, unread: Vec::new() }
    }

    /// Sends a request and returns the body of its answer.
    fn ask(&mut self, target: &str, body: &[u8]) -> String {
        let head = format!(
            "{target} HTTP/1.1\r\nHost: bench\r\nConnection: keep-alive\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.stream.write_all(&[head.as_bytes(), body].concat()).expect("it is sent");
        loop {
            let text = String::from_utf8_lossy(&self.unread);
            if let Some((head, rest)) = text.split_once("\r\n\r\n") {
                let length = head.split("Content-Length: ").nth(1).and_then(|text| text.lines().next());
                let length: usize = length.and_then(|text| text.parse().ok()).expect("a length");
                if rest.len() >= length {
                    let answer = rest[..length].to_owned();
                    assert!(head.starts_with("HTTP/1.1 200"), "{head} {answer}");
                    self.unread.clear();
                    return answer;
                }
            }
            let mut some = [0; 8_192];
            let read = self.stream.read(&mut some).expect("an answer");
            assert!(read > 0, "the connection ended");
            self.unread.extend_from_slice(&some[..read]);
        }
    }
}

fn row(what: &str, files: &[Measured], servers: &[Measured], of: impl Fn(&Measured) -> f64) {
    let sorted = |all: &[Measured]| {
        let mut numbers: Vec<f64> = all.iter().map(&of).collect();
        numbers.sort_by(f64::total_cmp);
        numbers
    };
    let (files, servers) = (sorted(files), sorted(servers));
    let middle = |numbers: &[f64]| numbers[numbers.len() / 2];
    let shown = |numbers: &[f64]| {
        format!("{:.0} ({:.0} to {:.0})", middle(numbers), numbers[0], numbers[numbers.len() - 1])
    };
    let ratio = middle(&servers) / middle(&files);
    println!("| {what} | {} | {} | {ratio:.2} |", shown(&files), shown(&servers));
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn now() -> Instant {
    Instant::now()
}
