//! What an operator can set about devices. Reading it from files and the environment is the program's part.

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
    /// The rules that hold for the fleet, whoever acts.
    pub fleet: Rules,
    /// What happens to an unknown serial number.
    pub admission: Admission,
    /// How devices upload and poll, unless a device has its own.
    pub upload: UploadSchedule,
    /// What is done with punches.
    pub attendance: Attendance,
    /// A device may ask for a user it does not hold, for one punch (§14): whoever knows a serial number could ask as well.
    pub remote_attendance: bool,
    /// What the deletion of a user at a device does.
    pub deletion: Deletion,
    /// What a name, card or password that was emptied at a device does.
    pub cleared: Cleared,
    /// What a privilege raised at a device does; `None` = as [`Admission`] has it.
    pub privilege: Option<PrivilegePolicy>,
    /// How long a device that is being taken in must not have uploaded anything about people before it is filled.
    pub adopt_quiet: Duration,
    /// How long after it was asked a device that is being taken in is filled although it has not shown all its people.
    pub adopt_limit: Duration,
    /// Percentage of accepted templates that Muster reads back to check that the device stored them; 0 disables it.
    pub read_back_percent: u8,
    /// Muster reads the people of each device once within this many days; 0 disables it.
    pub reread_days: u16,
    /// How many templates a device is asked for, as a spot check, after its people were read.
    pub reread_templates: u32,
    /// How much is sent at a time, and how long answers may take.
    pub limits: Limits,
    /// The largest request body, bytes.
    pub max_body_bytes: usize,
    /// How many connections of devices are served at a time.
    pub max_connections: usize,
    /// How many requests of devices are at work on the database, or wait for it, at a time.
    pub max_requests: usize,
    /// How long a request of a device waits before it is told to come again.
    pub request_wait: Duration,
    /// How long a connection of a device may do nothing.
    pub idle: Duration,
}

/// How long a request waits unless told otherwise. Devices give one up after 10 to 30 s, and the database may take some of that.
pub const REQUEST_WAIT: Duration = Duration::from_secs(5);

impl Config {
    /// What a raised privilege does, as set or as it follows from the admission.
    pub fn raised(&self) -> PrivilegePolicy {
        self.privilege.unwrap_or(match self.admission {
            Admission::Approve => PrivilegePolicy::Hold,
            Admission::Open => PrivilegePolicy::Accept,
        })
    }

    /// The rules for the uploads of this device. `deletions_left` is how many more people devices may delete.
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

/// What happens to an unknown serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It waits until an operator approves it.
    Approve,
    /// It is taken in at once, its people with it. For a lab.
    Open,
}

/// What is done with punches, which the server does not ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attendance {
    /// They are acknowledged and counted, not kept.
    Discard,
    /// They are asked for and kept, and so are pictures of them that come.
    Keep,
}

/// When devices upload and poll (§5, §11.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadSchedule {
    /// At once; else at `trans_times` or every `trans_interval_min`.
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
/// In words, for more than ten of them or one that is none.
pub fn trans_times(text: &str) -> Result<Vec<(u8, u8)>, String> {
    let time = |text: &str| -> Option<(u8, u8)> {
        let (hours, minutes) = text.trim().split_once(':')?;
        let (hours, minutes) = (hours.parse().ok()?, minutes.parse().ok()?);
        (hours < 24 && minutes < 60).then_some((hours, minutes))
    };
    let times: Vec<_> = text
        .split(';')
        .filter(|text| !text.trim().is_empty())
        .map(|text| time(text).ok_or_else(|| format!("{text} is no time of day: write 14:05")))
        .collect::<Result<_, _>>()?;
    if times.len() > 10 {
        return Err(format!("{} times given, a device takes ten", times.len()));
    }
    Ok(times)
}
