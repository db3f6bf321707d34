//! The program tries the program: `muster conformance` against `muster serve`, as anybody would try any server.

use std::collections::BTreeSet;

use serde_json::Value;
use story::program::{Program, built};

/// The obligations that Muster does not meet.
const NOT_MET: [u64; 0] = [];

/// What does not show from outside: logs, what is stored, what operators do, and what takes longer than a trial.
const NOT_OBSERVABLE: [u64; 58] = [
    17, 18, 21, 29, 31, 37, 40, 41, 43, 49, 50, 57, 67, 72, 76, 81, 88, 90, 97, 99, 107, 110, 111, 112, 113,
    114, 117, 118, 119, 120, 122, 132, 133, 134, 141, 142, 147, 149, 156, 159, 160, 161, 162, 163, 164, 166,
    167, 171, 172, 176, 178, 184, 185, 186, 189, 194, 195, 196,
];

fn numbers(report: &Value, outcome: &str) -> BTreeSet<u64> {
    let parts = report["parts"].as_array().expect("parts");
    let all = parts.iter().flat_map(|part| part["obligations"].as_array().expect("obligations"));
    all.filter(|one| one["outcome"] == outcome).map(|one| one["number"].as_u64().expect("a number")).collect()
}

/// Obligations 42, 93, 187, 188, 190, 191, 192, 193.
#[test]
fn muster_meets_what_it_owes_as_far_as_that_shows_from_outside() {
    let server = Program::with(&[
        ("MUSTER_ADMISSION", "approve"),
        ("MUSTER_ADOPT_QUIET_S", "0"),
        ("MUSTER_LOG", "error"),
    ]);
    let (url, approve) =
        (format!("http://{}", server.address()), format!("{} device approve {{sn}}", built().display()));

    let output =
        server.run_with(&["conformance", &url, "--json", "--seed", "7", "--approve-command", &approve]);

    let told = String::from_utf8(output.stdout).expect("text");
    let report: Value = serde_json::from_str(&told)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let not_met = numbers(&report, "not_met");
    let failures: Vec<&Value> = report["parts"]
        .as_array()
        .expect("parts")
        .iter()
        .flat_map(|part| part["obligations"].as_array().expect("obligations"))
        .filter(|one| one["outcome"] == "not_met" && !NOT_MET.contains(&one["number"].as_u64().unwrap_or(0)))
        .collect();
    assert_eq!(not_met, BTreeSet::from(NOT_MET), "{failures:#?}");
    assert_eq!(
        numbers(&report, "not_observable"),
        BTreeSet::from(NOT_OBSERVABLE),
        "nothing goes unseen unnoticed"
    );
    assert_eq!(output.status.code(), Some(0));
    assert!(report["duration_ms"].as_u64().is_some_and(|ms| ms < 60_000));
}
