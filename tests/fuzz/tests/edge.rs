//! Fuzzing of a running server with broken requests: it must answer or close, in time and in valid form, and keep
//! running.
//!
//! ```text
//! MUSTER_FUZZ_SECONDS=3600 cargo test -p fuzz --test edge   longer: a sixth of that
//! MUSTER_FUZZ_SEED=7 MUSTER_FUZZ_CASE=123 …                  one case again, of broken requests or packages
//! ```

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use flate2::{Compression, write::GzEncoder};
use fuzz::cases::{Run, input};
use listener::{Admission, Attendance};
use story::House;
use story::raw::{Line, post};

/// Number of fixed cases for each kind of request.
const CASES: u64 = 60;
const SEED: u64 = 2_041;

/// Number of panics in all threads. A task of the server that panics only closes its connection, so the count
/// shows it.
static PANICS: AtomicUsize = AtomicUsize::new(0);

fn count_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |told| {
        PANICS.fetch_add(1, Ordering::SeqCst);
        usual(told);
    }));
}

/// Captured requests, with the serial number of a known device.
fn captured() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/wire/tests/fixtures");
    let mut files: Vec<_> =
        fs::read_dir(folder).expect("captured requests").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    let requests = files.iter().filter(|file| file.extension().is_some_and(|it| it == "http"));
    let requests = requests.map(|file| fs::read(file).expect("a captured request"));
    requests.filter(|request| request.len() <= 16 * 1024).collect()
}

/// Archives of uploads for a data package.
fn archives() -> Vec<Vec<u8>> {
    let members: [&[(&str, &[u8])]; 3] = [
        &[("OPERLOG.txt", b"USER PIN=7\tName=Ada\tPri=0\n")],
        &[("ATTLOG", b"7\t2024-03-12 06:00:00\t0\t1\t0\n"), ("./IDCARD.txt", b"IDCARD PIN=7\tSNNum=1\n")],
        &[],
    ];
    let archive = |members: &[(&str, &[u8])]| {
        let mut archive = tar::Builder::new(Vec::new());
        for (name, body) in members {
            let mut header = tar::Header::new_gnu();
            header.set_size(body.len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, name, *body).expect("an archive in memory");
        }
        archive.into_inner().expect("an archive in memory")
    };
    members.into_iter().map(archive).collect()
}

fn package(archive: &[u8], case: u64) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(archive).expect("in memory");
    let packed = packed.finish().expect("in memory");
    let table = if case.is_multiple_of(2) { "tgz" } else { "OPERLOG" };
    post(
        &format!(
            "/iclock/cdata?SN=SIM0001&table={table}&PacketIndex=1&PacketCount=1&DataType=tgz&ContentType=tgz"
        ),
        packed,
    )
}

/// Sends bytes on a connection and reads until the server closes it.
async fn exchange(house: &House, request: &[u8]) {
    let mut line = Line::to(house.address()).await;
    // The server may close before all bytes are written.
    if line.try_write(request).await.is_ok() {
        line.try_finish().await;
    }
    let answers = line.rest().await;
    well_formed(&answers).unwrap_or_else(|wrong| {
        panic!("{wrong}: {} to {}", answers.escape_ascii(), request[..request.len().min(400)].escape_ascii())
    });
}

/// Checks each answer as devices read it: status line, exact header names, a true length.
fn well_formed(mut answers: &[u8]) -> Result<(), &'static str> {
    while !answers.is_empty() {
        let end = answers.windows(4).position(|four| four == b"\r\n\r\n").ok_or("a head without an end")?;
        let head = str::from_utf8(&answers[..end]).map_err(|_| "a head that is no text")?;
        let status = head.strip_prefix("HTTP/1.1 ").or_else(|| head.strip_prefix("HTTP/1.0 "));
        let status: u16 =
            status.and_then(|rest| rest.get(..3)?.parse().ok()).ok_or("no status line of HTTP/1")?;
        if end > 2_048 {
            return Err("a head of more than 2 KB");
        }
        if head.to_lowercase().contains("transfer-encoding") {
            return Err("a chunked answer");
        }
        answers = &answers[end + 4..];
        if status == 100 {
            continue;
        }
        if status == 500 {
            return Err("an error of the server");
        }
        let length = head.split("\r\n").find_map(|line| line.strip_prefix("Content-Length: "));
        let length: usize = length.and_then(|text| text.parse().ok()).ok_or("no Content-Length")?;
        // An answer to a HEAD has no body.
        answers =
            if answers.is_empty() { answers } else { answers.get(length..).ok_or("a body that is cut")? };
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "how long to go on, not what to do")]
fn now() -> Instant {
    Instant::now()
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_requests_do_not_break_the_server() {
    count_panics();
    let house = House::with(|config| {
        config.devices.admission = Admission::Open;
        config.devices.attendance = Attendance::Keep;
        config.devices.remote_attendance = true;
    })
    .await;
    house.know("SIM0001").await;
    let known = |request: &Vec<u8>| String::from_utf8_lossy(request).contains("SN=");
    let mut requests = captured();
    assert!(requests.iter().filter(|request| known(request)).count() > 30);
    let archives = archives();
    // Every device of the captured requests is known, so that the code after the admission is tested too.
    for request in &requests {
        exchange(&house, request).await;
    }
    requests
        .push(post("/iclock/cdata?SN=SIM0001&table=options", "~DeviceName=X,UserCount=7,~MaxUserCount=1"));
    requests.push(post("/iclock/devicecmd?SN=SIM0001", "ID=1000900&Return=0&CMD=INFO\nUserCount=7\n"));

    let run = Run::of_environment();
    eprintln!("MUSTER_FUZZ_SEED={}", run.seed);
    let one = async |seed: u64, case: u64| {
        let failing = Failing(seed, case);
        exchange(&house, &input(&requests, seed, case)).await;
        exchange(&house, &package(&input(&archives, seed, case), case)).await;
        assert_eq!(PANICS.load(Ordering::SeqCst), 0, "the server panicked");
        std::mem::forget(failing);
    };
    if let Some(only) = run.only {
        return one(run.seed, only).await;
    }
    for case in 0..CASES {
        one(SEED, case).await;
    }
    let (began, most) = (now(), run.time / 6);
    for case in (0..).take_while(|_| began.elapsed() < most) {
        one(run.seed, case).await;
    }
    house.advance(Duration::from_mins(1));
    assert!(house.get("/iclock/getrequest?SN=SIM0001").await.status() < 500, "it goes on");
}

/// Prints the failing case when a panic drops it.
struct Failing(u64, u64);

impl Drop for Failing {
    fn drop(&mut self) {
        eprintln!("again: MUSTER_FUZZ_SEED={} MUSTER_FUZZ_CASE={}", self.0, self.1);
    }
}
