//! Progress and final report of a fleet.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::tally::Tally;

/// The state of a running fleet, a few times a second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Milliseconds since the start.
    pub elapsed_ms: u64,
    /// The current phase.
    pub phase: Phase,
    /// Number of devices.
    pub devices: usize,
    /// Number of devices with options.
    pub connected: usize,
    /// Number of devices that wait for an operator's approval.
    pub waiting: usize,
    /// Number of devices that hold what they should.
    pub equal: usize,
    /// Users and templates on all devices together.
    pub held: u64,
    /// Users and templates that all devices together should hold; all can be equal only at this number.
    pub wanted: u64,
    /// Counts of all devices together.
    pub tally: Tally,
}

/// The phase of a fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The fleet waits until all devices hold everyone.
    Filling,
    /// The fleet waits until all devices hold the person who was enrolled last.
    Enrolment,
    /// The fleet is done.
    Done,
}

/// The result of a fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FleetReport {
    /// Whether every device held what it should before the deadline.
    pub all_equal: bool,
    /// Number of enrolled people.
    pub users: usize,
    /// Number of their templates.
    pub templates: usize,
    /// Number of people on the first device who were not enrolled here.
    pub others: usize,
    /// Milliseconds from the start until all devices were equal.
    pub equal_after_ms: Option<u64>,
    /// Milliseconds from the start until the server had accepted everything that was enrolled.
    pub uploaded_after_ms: Option<u64>,
    /// Records per second that the server accepted from the enrolling devices during that time.
    pub uploaded_records_per_second: Option<u64>,
    /// Counts of all devices together.
    pub total: Tally,
    /// The last enrolment, if it was requested and took place.
    pub enrolment: Option<EnrolmentReport>,
    /// The devices.
    pub devices: Vec<DeviceReport>,
}

/// The result of one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceReport {
    /// Its serial number.
    pub serial_number: String,
    /// Its model.
    pub model: &'static str,
    /// Whether it holds what it should.
    pub equal: bool,
    /// Milliseconds from the start until it held everyone.
    pub equal_after_ms: Option<u64>,
    /// Number of users.
    pub users: usize,
    /// Number of templates.
    pub templates: usize,
    /// Number of differences from what it should hold.
    pub differences: usize,
    /// The first differences, in words.
    pub first_differences: Vec<String>,
    /// Its counts.
    pub tally: Tally,
}

/// The distribution of one more enrolment through an idle fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EnrolmentReport {
    /// The enrolled person.
    pub pin: String,
    /// The device of the enrolment.
    pub enrolled_at: String,
    /// Milliseconds from the enrolment until each other device held the person.
    pub arrived_after_ms: BTreeMap<String, u64>,
    /// The devices that the person did not reach in time.
    pub missing_on: Vec<String>,
    /// Milliseconds until half of the devices had the person.
    pub half_after_ms: Option<u64>,
    /// Milliseconds until the last device had the person.
    pub last_after_ms: Option<u64>,
}

impl EnrolmentReport {
    pub(super) fn new(
        pin: String,
        enrolled_at: String,
        arrived_after_ms: BTreeMap<String, u64>,
        missing_on: Vec<String>,
    ) -> Self {
        let mut times: Vec<u64> = arrived_after_ms.values().copied().collect();
        times.sort_unstable();
        let half = times.len().checked_sub(1).map(|last| last / 2);
        Self {
            pin,
            enrolled_at,
            half_after_ms: half.and_then(|half| times.get(half)).copied(),
            last_after_ms: times.last().copied(),
            arrived_after_ms,
            missing_on,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_enrolment_is_summarised_by_the_median_and_the_last_device() {
        let arrived = (1..=4).map(|at| (format!("SIM{at}"), at * 100)).collect();
        let report = EnrolmentReport::new("7".into(), "SIM0".into(), arrived, vec![]);
        assert_eq!((report.half_after_ms, report.last_after_ms), (Some(200), Some(400)));
        let nowhere = EnrolmentReport::new("7".into(), "SIM0".into(), BTreeMap::new(), vec!["SIM1".into()]);
        assert_eq!((nowhere.half_after_ms, nowhere.last_after_ms), (None, None));
    }
}
