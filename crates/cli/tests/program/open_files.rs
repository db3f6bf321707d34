//! As many files as the system lets the server open, and not one more.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::support::Place;

/// What one connection is told, which stays open.
fn told(address: &str) -> (TcpStream, String) {
    let mut line = TcpStream::connect(address).expect("the server takes the connection");
    line.write_all(b"GET /iclock/ping?SN=A1 HTTP/1.1\r\nHost: x\r\n\r\n").expect("it reads");
    let mut answer = Vec::new();
    while !answer.windows(4).any(|four| four == b"\r\n\r\n") {
        let mut some = [0; 512];
        let read = line.read(&mut some).expect("it answers");
        assert!(read > 0, "{}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&some[..read]);
    }
    (line, String::from_utf8_lossy(&answer).into_owned())
}

#[test]
fn where_few_files_may_be_open_the_rest_is_told_to_come_again_and_the_operator_what_to_do() {
    let place = Place::new();
    let mut command = place.limited_to_files(
        100,
        200,
        "serve --admission open --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0",
    );
    let server = Place::started(&mut command);
    let mut lines = Vec::new();
    let answer = loop {
        let (line, answer) = told(&server.listen);
        if !answer.starts_with("HTTP/1.1 200") {
            break answer;
        }
        lines.push(line);
        assert!(lines.len() < 200, "there is a limit");
    };
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("\r\nRetry-After: 10\r\n"), "{answer}");
    assert!(!lines.is_empty(), "the soft limit alone would leave no room");
    let most = lines.len();
    drop(lines);
    // All of them are served again; the first ones may come before the server has seen the others go.
    let mut again = Vec::new();
    while again.len() < most {
        let (line, told) = told(&server.listen);
        if told.starts_with("HTTP/1.1 200") {
            again.push(line);
        }
    }
    drop(again);

    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    for word in ["max_connections=20000", &format!("possible={most}"), "LimitNOFILE="] {
        assert!(log.contains(word), "{word}: {log}");
    }
    assert!(!log.contains("lets no more connections"), "the system itself refused none: {log}");
}
