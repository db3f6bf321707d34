//! The ways in which devices answer queries.

use super::*;
use crate::model::Queries;

/// A device with Ada, her finger and her face, and Bo.
fn answering(model: Model, queries: Option<Queries>) -> Device {
    let mut device = quirky(model, |quirks| quirks.queries = queries);
    device.enrol_silently("7", "Ada", &[6]);
    device.enrol_silently("8", "Bo", &[]);
    device.silently(|device| {
        if device.model().comparison_photos.is_some() {
            device.enrol_face("7");
        }
    });
    device
}

/// The next bodies, each with its table, its further parameters and the kinds of its lines.
fn requests(device: &mut Device) -> Vec<(String, Vec<String>)> {
    let mut requests = Vec::new();
    while let Some(upload) = device.next_upload() {
        let lines: Vec<String> =
            String::from_utf8(upload.body.clone()).unwrap().lines().map(str::to_owned).collect();
        requests.push((format!("{}&{}", upload.table, upload.stamp), kinds(&lines)));
        device.uploaded(&upload);
    }
    requests
}

fn request(target: &str, lines: &[&str]) -> (String, Vec<String>) {
    (target.to_owned(), lines.iter().map(|line| (*line).to_owned()).collect())
}

#[test]
fn a_marked_answer_is_a_body_of_its_own_before_other_news() {
    let mut device = answering(Model::senseface(), Some(Queries::Marked));
    device.enrol_user("9", "Cy");
    assert_eq!(run(&mut device, "DATA QUERY USERINFO PIN=7"), 4);
    assert!(device.next_answer().is_some());
    let marked = "USERINFO&Stamp=9999&Count=4&PackCnt=1&PackIdx=1&CmdId=1";
    assert_eq!(
        requests(&mut device),
        [
            request(marked, &["USER 7", "BIODATA 7", "BIODATA 7", "BIOPHOTO 7"]),
            request("OPERLOG&Stamp=9999", &["USER 9", "OPLOG 30 9"]),
        ]
    );
    // No user has this PIN.
    assert_eq!(run(&mut device, "DATA QUERY USERINFO PIN=70"), 0);
    assert_eq!(device.pending(), 0);
}

#[test]
fn a_marked_answer_about_many_people_comes_in_packets() {
    let mut device = answering(
        Model { batch_records: 2, counts_rows: false, ..Model::senseface() },
        Some(Queries::Marked),
    );
    device.enrol_silently("9", "Cy", &[]);
    assert_eq!(run(&mut device, "DATA QUERY USERINFO "), 0);
    let packet = |index| format!("USERINFO&Stamp=9999&Count=3&PackCnt=2&PackIdx={index}&CmdId=1");
    assert_eq!(
        requests(&mut device),
        [request(&packet(1), &["USER 7", "USER 8"]), request(&packet(2), &["USER 9"])]
    );
    assert_eq!(run(&mut device, "DATA QUERY BIODATA Type=1"), 0);
    let templates = "BIODATA&Stamp=9999&Count=1&PackCnt=1&PackIdx=1&CmdId=1";
    assert_eq!(requests(&mut device), [request(templates, &["BIODATA 7"])]);
}

#[test]
fn the_first_generation_answers_with_the_user_alone_and_counts() {
    let mut device = answering(Model::old(), None);
    assert_eq!(run(&mut device, "DATA QUERY USERINFO PIN=7"), 1);
    assert_eq!(requests(&mut device), [request("USERINFO&OpStamp=0", &["USER 7"])]);
    assert_eq!(run(&mut device, "DATA QUERY USERINFO PIN=70"), 0);
    assert_eq!(run(&mut device, "DATA QUERY USERINFO "), 0);
    assert_eq!(run(&mut device, "DATA QUERY BIODATA Type=1\tPIN=7"), -1);
    assert_eq!(device.pending(), 0);
    assert_eq!(run(&mut device, "DATA QUERY FINGERTMP PIN=7"), 1);
    assert_eq!(requests(&mut device), [request("FINGERTMP&OpStamp=0", &["FP 7"])]);
    assert_eq!(run(&mut device, "DATA QUERY FINGERTMP PIN=8"), 1);
    assert_eq!(requests(&mut device), [request("FINGERTMP&OpStamp=0", &["FP "])]);
}

#[test]
fn a_quirk_overrides_the_way_in_which_a_model_answers_queries() {
    let ways = Model::all().into_iter().map(|model| (model.name, device(model).queries()));
    assert_eq!(
        ways.collect::<Vec<_>>(),
        [
            ("speedface", Queries::InTurn),
            ("iface950", Queries::InTurn),
            ("senseface", Queries::InTurn),
            ("k40", Queries::NotUnderstood),
            ("old", Queries::FirstGeneration),
        ]
    );
    let mut device = answering(Model::speedface(), Some(Queries::NotUnderstood));
    assert_eq!(run(&mut device, "DATA QUERY USERINFO PIN=7"), -1004);
    assert_eq!(device.pending(), 0);
}

#[test]
fn every_marked_line_is_read_by_the_protocol_crate() {
    for model in [Model::speedface(), Model::iface950(), Model::senseface()] {
        let mut device = answering(model, Some(Queries::Marked));
        for query in ["USERINFO PIN=7", "FINGERTMP PIN=7", "BIODATA Type=1"] {
            assert!(run(&mut device, &format!("DATA QUERY {query}")) >= 0);
            let upload = device.next_answer().unwrap();
            assert_eq!(wire::records(Some(upload.table), &upload.body).count(), upload.records);
            for line in wire::records(Some(upload.table), &upload.body) {
                assert!(line.record.is_ok(), "{query}: {:?}", line.record.err());
            }
            device.uploaded(&upload);
        }
    }
}

#[test]
fn edits_are_reported_by_operations_only_if_queries_return_the_data() {
    for (queries, told) in [(Queries::Marked, 1), (Queries::FirstGeneration, 2), (Queries::NotUnderstood, 2)]
    {
        let mut device = quirky(Model::speedface(), |quirks| {
            quirks.operations_only = true;
            quirks.queries = Some(queries);
        });
        device.enrol_user("7", "Ada");
        assert_eq!(reported(&mut device).len(), told, "{queries:?}");
    }
}
