//! What became of a fleet: in numbers while it runs, in full at its end.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::tally::Tally;

/// A fleet on its way, a few times a second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Since the start, in milliseconds.
    pub elapsed_ms: u64,
    /// What is waited for.
    pub phase: Phase,
    /// How many devices there are.
    pub devices: usize,
    /// How many have their options.
    pub connected: usize,
    /// How many wait for an operator's approval.
    pub waiting: usize,
    /// How many hold what they should.
    pub equal: usize,
    /// Users and templates that all devices together hold.
    pub held: u64,
    /// Users and templates that all devices together should hold; the first number at which all can be equal.
    pub wanted: u64,
    /// What all devices together have done.
    pub tally: Tally,
}

/// What a fleet is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Until all devices hold everyone.
    Filling,
    /// Until all devices hold the one person who was enrolled last.
    Enrolment,
    /// Nothing is waited for any more.
    Done,
}

/// How a fleet ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FleetReport {
    /// Whether every device held what it should before the time was up.
    pub all_equal: bool,
    /// How many people were enrolled.
    pub users: usize,
    /// How many templates they had.
    pub templates: usize,
    /// How many people the first device holds who were not enrolled here.
    pub others: usize,
    /// From the start until all devices were equal, in milliseconds.
    pub equal_after_ms: Option<u64>,
    /// From the start until everything enrolled was taken by the server, in milliseconds.
    pub uploaded_after_ms: Option<u64>,
    /// Records that the server took from the enrolling devices, each second of that time.
    pub uploaded_records_per_second: Option<u64>,
    /// What all devices together have done.
    pub total: Tally,
    /// The one person who was enrolled last, if that was wanted and came to it.
    pub enrolment: Option<EnrolmentReport>,
    /// Each device.
    pub devices: Vec<DeviceReport>,
}

/// How one device ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceReport {
    /// Its serial number.
    pub serial_number: String,
    /// Its model.
    pub model: &'static str,
    /// Whether it holds what it should.
    pub equal: bool,
    /// From the start until it held everyone, in milliseconds.
    pub equal_after_ms: Option<u64>,
    /// How many users it holds.
    pub users: usize,
    /// How many templates it holds.
    pub templates: usize,
    /// In how many things it differs from what it should hold.
    pub differences: usize,
    /// The first of them, in words.
    pub first_differences: Vec<String>,
    /// What it has done.
    pub tally: Tally,
}

/// How one more enrolment travelled through a settled fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EnrolmentReport {
    /// Who was enrolled.
    pub pin: String,
    /// At which device.
    pub enrolled_at: String,
    /// From the enrolment until each other device held the person, in milliseconds.
    pub arrived_after_ms: BTreeMap<String, u64>,
    /// The devices at which the person did not arrive in time.
    pub missing_on: Vec<String>,
    /// Half of the devices had the person by then.
    pub half_after_ms: Option<u64>,
    /// The last device had the person by then.
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
    fn an_enrolment_is_summed_up_by_the_middle_and_the_last_device() {
        let arrived = (1..=4).map(|at| (format!("SIM{at}"), at * 100)).collect();
        let report = EnrolmentReport::new("7".into(), "SIM0".into(), arrived, vec![]);
        assert_eq!((report.half_after_ms, report.last_after_ms), (Some(200), Some(400)));
        let nowhere = EnrolmentReport::new("7".into(), "SIM0".into(), BTreeMap::new(), vec!["SIM1".into()]);
        assert_eq!((nowhere.half_after_ms, nowhere.last_after_ms), (None, None));
    }
}
