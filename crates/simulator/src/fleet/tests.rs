//! Fleets against a server that relays the reports of each device to all others.

use super::*;
use crate::testing::{Relay, serve};

async fn fleet() -> Fleet {
    let address = Relay::start().await;
    let pace = Pace {
        interval: Some(Duration::from_millis(5)),
        error_delay: Some(Duration::from_millis(5)),
        eager: true,
    };
    let population = Population {
        users: 12,
        fingerprints: 1,
        faces_percent: 50,
        palms_percent: 0,
        user_photos_percent: 0,
    };
    Fleet {
        pace,
        population,
        deadline: Duration::from_mins(1),
        ..Fleet::new(address.to_string().parse().unwrap())
    }
}

#[tokio::test]
async fn a_fleet_becomes_equal_and_reports_how_long_it_took() {
    let fleet = Fleet { enrolling_devices: 2, enrolment: true, ..fleet().await };
    let mut phases = Vec::new();
    let report = fleet
        .run(|now| {
            phases.push((now.phase, now.equal));
            ControlFlow::Continue(())
        })
        .await;
    assert!(
        report.all_equal,
        "{:?}",
        report.devices.iter().map(|device| &device.first_differences).collect::<Vec<_>>()
    );
    assert_eq!((report.users, report.devices.len()), (13, 3));
    assert!(report.equal_after_ms.is_some() && report.uploaded_after_ms <= report.equal_after_ms);
    assert_eq!(phases.last(), Some(&(Phase::Done, 3)));
    let enrolment = report.enrolment.unwrap();
    assert_eq!((enrolment.pin.as_str(), enrolment.enrolled_at.as_str()), ("1013", "SIM0001"));
    assert_eq!(enrolment.arrived_after_ms.keys().collect::<Vec<_>>(), ["SIM0002", "SIM0003"]);
    assert!(enrolment.missing_on.is_empty() && enrolment.half_after_ms <= enrolment.last_after_ms);
}

#[tokio::test]
async fn a_fleet_with_faults_becomes_equal_too() {
    let report = Fleet { faults: Faults::all(80), ..fleet().await }.run(|_| ControlFlow::Continue(())).await;
    assert!(
        report.all_equal,
        "{:?}",
        report.devices.iter().map(|device| &device.first_differences).collect::<Vec<_>>()
    );
    assert!(report.total.failures() > 0 && report.total.return_codes.contains_key(&-1005));
}

#[tokio::test]
async fn a_fleet_that_stays_different_reports_the_differences() {
    let address = serve(|request, _| match request {
        _ if request.contains("options=all") => {
            (200, crate::testing::option_block(crate::testing::parameter(request, "SN")))
        }
        _ => (200, b"OK".to_vec()),
    })
    .await;
    let fleet = Fleet { devices: 2, server: address.to_string().parse().unwrap(), ..fleet().await };
    // Both devices have polled often enough to be in their final state.
    let enough = |now: &Progress| now.equal == 1 && now.connected == 2 && now.tally.idle_polls > 20;
    let report =
        fleet.run(|now| if enough(now) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }).await;
    assert!(!report.all_equal && report.equal_after_ms.is_none());
    let [first, second] = report.devices.as_slice() else { panic!("two devices") };
    assert!(first.equal && !second.equal);
    assert_eq!(
        (second.differences, second.first_differences.first().map(String::as_str)),
        (12, Some("user 1001 missing on SIM0002"))
    );
    assert!(
        serde_json::to_string(&report)
            .unwrap()
            .contains(r#""first_differences":["user 1001 missing on SIM0002""#)
    );
}

#[tokio::test]
async fn a_fleet_ends_at_its_deadline() {
    let fleet = Fleet { deadline: Duration::ZERO, ..fleet().await };
    let report = fleet.run(|_| ControlFlow::Continue(())).await;
    assert!(!report.all_equal && report.devices.len() == 3);
}

#[tokio::test]
async fn a_fleet_that_is_refused_is_seen_waiting() {
    let address = serve(|_, _| (401, b"WAIT".to_vec())).await;
    let fleet = Fleet { server: address.to_string().parse().unwrap(), ..fleet().await };
    let mut waiting = 0;
    let progress = |now: &Progress| {
        waiting = now.waiting.max(waiting);
        if now.waiting == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let report = fleet.run(progress).await;
    assert_eq!((waiting, report.total.handshakes), (3, 0));
    assert!(report.total.refused_handshakes >= 3);
}

/// A server that already has another person, whom the device `but` does not get.
async fn with_another(but: &str) -> Fleet {
    let command = "DATA UPDATE USERINFO PIN=77\tName=Ada\tPri=0\tPasswd=\tCard=\tGrp=1\tTZ=0000000000000000";
    let address = Relay::holding(vec![(but.to_owned(), command.to_owned())]).await;
    Fleet { server: address.to_string().parse().unwrap(), others: Others::Everywhere, ..fleet().await }
}

fn first_differences(report: &FleetReport) -> Vec<Option<&str>> {
    report.devices.iter().map(|device| device.first_differences.first().map(String::as_str)).collect()
}

#[tokio::test]
async fn another_person_is_allowed_on_all_devices() {
    let report = with_another("NOBODY").await.run(|_| ControlFlow::Continue(())).await;
    assert!(report.all_equal, "{:?}", first_differences(&report));
    assert_eq!((report.users, report.others), (12, 1));

    let fleet = Fleet { others: Others::Nowhere, ..with_another("NOBODY").await };
    let enough = |now: &Progress| now.connected == 3 && now.tally.idle_polls > 50;
    let report =
        fleet.run(|now| if enough(now) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }).await;
    assert!(!report.all_equal);
    assert_eq!(first_differences(&report), [Some("user 77 missing on the fleet"); 3]);
}

#[tokio::test]
async fn a_device_without_the_other_person_differs_from_the_first() {
    let enough = |now: &Progress| now.equal == 3 && now.tally.idle_polls > 50;
    let fleet = with_another("SIM0003").await;
    let report =
        fleet.run(|now| if enough(now) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }).await;
    assert!(!report.all_equal);
    assert_eq!(first_differences(&report), [None, None, Some("user 77 missing on SIM0003")]);
}
