//! The rules of the fleet: they apply to operators, devices and jobs alike.

use std::time::Duration;

use jiff::tz::TimeZone;
use roster::Millis;
use store::DeviceRow;
use sync::intake::Enrolment;

/// The settings of the fleet.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The time zone of devices that have none of their own.
    pub time_zone: TimeZone,
    /// The policy for people who are enrolled or changed at a device, unless the device has its own setting.
    pub enrolment: Enrolment,
    /// How long a deleted person can be brought back.
    pub undo: Duration,
    /// Whether operators may send commands on the system of a device: its files, its shell, its firmware.
    pub system_commands: bool,
}

impl Rules {
    /// The policy for people who are enrolled or changed at this device.
    pub fn enrolment_at(&self, device: &DeviceRow) -> Enrolment {
        device.options.enrolment.unwrap_or(self.enrolment)
    }

    /// Until when a deletion made now can be undone.
    pub fn undo_until(&self, now: Millis) -> Millis {
        now.plus(i64::try_from(self.undo.as_millis()).unwrap_or(i64::MAX))
    }

    /// The name of the time zone of a device: its IANA name, or the present UTC offset if it has no name.
    pub fn zone_name(&self, device: &DeviceRow, now: Millis) -> String {
        if let Some(own) = &device.options.time_zone {
            return own.clone();
        }
        if let Some(name) = self.time_zone.iana_name() {
            return name.to_owned();
        }
        let now = jiff::Timestamp::from_millisecond(now.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        self.time_zone.to_offset(now).to_string()
    }
}
