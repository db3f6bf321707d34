//! The settings of the device listener. The program reads them from files and the environment.

use std::net::SocketAddr;
use std::time::Duration;

use fleet::Rules;
use store::DeviceRow;
use sync::Limits;
use sync::intake::{Cleared, Deletion, Policy, PrivilegePolicy};

/// How devices are served.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where devices connect.
    pub listen: SocketAddr,
    /// The rules of the fleet, the same for devices and operators.
    pub fleet: Rules,
    /// The policy for unknown serial numbers.
    pub admission: Admission,
    /// How devices upload and poll, unless a device has its own.
    pub upload: UploadSchedule,
    /// The policy for punches.
    pub attendance: Attendance,
    /// A device may request a user that it does not hold, for one punch (§14). Anybody who knows a serial number could do so too.
    pub remote_attendance: bool,
    /// The policy for deletions of users that a device reports.
    pub deletion: Deletion,
    /// The policy for names, cards and passwords that were emptied at a device.
    pub cleared: Cleared,
    /// The policy for privileges raised at a device; `None` follows [`Admission`].
    pub privilege: Option<PrivilegePolicy>,
    /// A joining device must not upload anything about people for this long before Muster fills it.
    pub adopt_quiet: Duration,
    /// Muster fills a joining device this long after asking for its people, even if the device has not shown all of them.
    pub adopt_limit: Duration,
    /// Percentage of accepted templates that Muster reads back to check that the device stored them; 0 disables it.
    pub read_back_percent: u8,
    /// Muster reads the people of each device once within this many days; 0 disables it.
    pub reread_days: u16,
    /// Number of templates that Muster reads back as a spot check after it read the people of a device.
    pub reread_templates: u32,
    /// How much Muster sends at a time, and how long it waits for acknowledgements.
    pub limits: Limits,
    /// The largest request body, bytes.
    pub max_body_bytes: usize,
    /// Maximum number of device connections at a time.
    pub max_connections: usize,
    /// Maximum number of device requests that use the database, or wait for it, at a time.
    pub max_requests: usize,
    /// How long a device request waits for a request slot before Muster refuses it with 503.
    pub request_wait: Duration,
    /// Idle timeout of a device connection.
    pub idle: Duration,
}

/// The default of `request_wait`. Devices give up a request after 10 to 30 s, and the database may need some of that time.
pub const REQUEST_WAIT: Duration = Duration::from_secs(5);

impl Config {
    /// The policy for raised privileges: the setting, or the default of the admission mode.
    pub fn raised(&self) -> PrivilegePolicy {
        self.privilege.unwrap_or(match self.admission {
            Admission::Approve => PrivilegePolicy::Hold,
            Admission::Open => PrivilegePolicy::Accept,
        })
    }

    /// The intake rules for this device. `deletions_left` is how many more people devices may delete.
    pub fn policy(&self, device: &DeviceRow, deletions_left: u32) -> Policy {
        Policy {
            deletion: self.deletion,
            privilege: self.raised(),
            enrolment: self.fleet.enrolment_at(device),
            cleared: self.cleared,
            deletions_left,
            ..Policy::default()
        }
    }
}

/// The policy for unknown serial numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// The device waits until an operator approves it.
    Approve,
    /// Muster admits the device and its people at once. For a lab.
    Open,
}

/// The policy for punches that devices upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attendance {
    /// Muster acknowledges and counts them, does not keep them, and does not ask for them.
    Discard,
    /// Muster asks for them and keeps them, with the pictures that devices send.
    Keep,
}

/// When devices upload and poll (§5, §11.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadSchedule {
    /// Devices upload at once; otherwise at `trans_times` or every `trans_interval_min`.
    pub realtime: bool,
    /// Hours and minutes of the day, at most ten.
    pub trans_times: Vec<(u8, u8)>,
    /// Minutes, 0 = off.
    pub trans_interval_min: u16,
    /// Seconds between polls, 2 to 60.
    pub delay_s: u16,
    /// Seconds before a device tries again after a network failure, 30 to 300.
    pub error_delay_s: u16,
}

impl Default for UploadSchedule {
    fn default() -> Self {
        Self {
            realtime: true,
            trans_times: Vec::new(),
            trans_interval_min: 1,
            delay_s: 10,
            error_delay_s: 60,
        }
    }
}

/// Reads times of day as `00:00;14:05`.
///
/// # Errors
/// A text for the operator: more than ten times, or a text that is not a time of day.
pub fn trans_times(text: &str) -> Result<Vec<(u8, u8)>, String> {
    let time = |text: &str| -> Option<(u8, u8)> {
        let (hours, minutes) = text.trim().split_once(':')?;
        let (hours, minutes) = (hours.parse().ok()?, minutes.parse().ok()?);
        (hours < 24 && minutes < 60).then_some((hours, minutes))
    };
    let times: Vec<_> = text
        .split(';')
        .filter(|text| !text.trim().is_empty())
        .map(|text| time(text).ok_or_else(|| format!("{text} is not a time of day: write 14:05")))
        .collect::<Result<_, _>>()?;
    if times.len() > 10 {
        return Err(format!("{} times given, a device takes ten", times.len()));
    }
    Ok(times)
}
