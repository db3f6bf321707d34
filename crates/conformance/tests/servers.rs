//! Trials of servers that do less than they should.

use conformance::{Admission, Outcome, RunError, Settings, run};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A server that gives the same answer to every request.
async fn saying(answer: &'static str) -> Settings {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut request = Vec::new();
                while !request.windows(4).any(|four| four == b"\r\n\r\n") {
                    if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                // A client that sends more finds the connection closed.
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    Settings {
        server: address.parse().unwrap(),
        admission: Admission::Beforehand,
        serial_numbers: Vec::new(),
        seed: 7,
        now: "2027-03-12T06:53:01Z".parse().unwrap(),
    }
}

#[tokio::test]
async fn a_server_that_says_ok_to_everything_fails() {
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK";
    let report = run(saying(ok).await).await.unwrap();
    assert!(!report.passes());
    let with = |outcome: Outcome| -> Vec<u16> {
        report.judgements().filter(|one| one.outcome == outcome).map(|one| one.obligation.number).collect()
    };
    let (met, not_met) = (with(Outcome::Met), with(Outcome::NotMet));
    for number in [
        1, 2, 5, 8, 13, 14, 15, 19, 23, 24, 26, 39, 42, 45, 47, 54, 60, 65, 66, 98, 100, 106, 109, 127, 138,
        146, 165, 190,
    ] {
        assert!(not_met.contains(&number), "{number} is met by a server that does nothing");
    }
    for number in [4, 6, 7, 77, 94, 96, 121, 169] {
        assert!(met.contains(&number), "{number} is not met");
    }
    // Without commands, the report says nothing about commands.
    for number in [29, 34, 78, 79, 80, 84, 89, 95, 101, 107, 125, 129, 157, 181, 187, 188, 191, 192, 193] {
        assert!(!met.contains(&number), "{number} is met without a command");
    }
    let words = report.in_words(false);
    assert!(words.contains("wanted 401 or 403 and no option block"), "{words}");
}

#[tokio::test]
async fn a_server_that_admits_no_device_cannot_be_tried() {
    let refusal = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 5\r\n\r\nERROR";
    let error = run(saying(refusal).await).await.unwrap_err();
    assert!(matches!(&error, RunError::NotAdmitted { answer, .. } if answer == "401 \"ERROR\""), "{error}");
}

#[tokio::test]
async fn a_missing_server_is_reported() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = saying("").await;
    let server = listener.local_addr().unwrap().to_string().parse().unwrap();
    drop(listener);
    let error = run(Settings { server, ..settings }).await.unwrap_err();
    assert!(matches!(error, RunError::Silent { .. }), "{error}");
}
