//! `muster device`

use clap::{Args, Subcommand, ValueEnum};
use fleet::device::PhotoDelivery;
use roster::Area;
use sync::intake::Enrolment;
use wire::{SerialNumber, StampKey};

use super::area;
use crate::config::time_zone_name;

/// Devices.
#[derive(Debug, Subcommand)]
pub enum DeviceCommand {
    /// List every device that has ever connected
    List,
    /// Show one device: state, settings, what it can take, what it lacks
    Show {
        /// Serial number of the device
        #[arg(value_name = "SN")]
        serial_number: SerialNumber,
    },
    /// Let a device into the fleet
    #[command(after_help = "\
--adopt (the default): the people on the device join the fleet. If the device
holds another person under a PIN, Muster overwrites nothing and lets you decide:
see `muster held list`.
--replace: Muster makes the device equal to the fleet, and deletes the people
that only the device knows from it.

Examples:
  muster device approve CKJF210560012 --adopt
  muster device approve CKJF210560012 --replace")]
    Approve {
        /// Serial number of the device
        #[arg(value_name = "SN")]
        serial_number: SerialNumber,
        /// What Muster does with the people on the device.
        #[command(flatten)]
        approval: Approval,
    },
    /// Reject a device that waits for approval
    ///
    /// Muster sends nothing to the device and accepts nothing from it. `muster device approve` can let it in later.
    Reject {
        /// Serial number of the device
        #[arg(value_name = "SN")]
        serial_number: SerialNumber,
    },
    /// Take a device out of the fleet
    ///
    /// Muster sends nothing more to the device and accepts nothing from it. The people on the device stay there.
    Retire {
        /// Serial number of the device
        #[arg(value_name = "SN")]
        serial_number: SerialNumber,
    },
    /// Compare and send everything to a device again: after repairs, or when in doubt
    Refill {
        /// Serial number of the device
        #[arg(value_name = "SN")]
        serial_number: SerialNumber,
    },
    /// Ask a device to upload whole tables again
    ///
    /// The device uploads the tables after its next handshake. The request ends with the first upload. Muster compares
    /// the records with the fleet as in any upload, and deletes nobody who is absent from them.
    #[command(after_help = "\
`muster device show` shows the progress. Tables: OPERLOG (people, fingerprints,
faces, photos, and the device's log), BIODATA (unified templates), ATTLOG and
ATTPHOTO (attendance), IDCARD, ERRORLOG.

Examples:
  muster device reread CKJF210560012
  muster device reread CKJF210560012 --table OPERLOG --table ATTLOG")]
    Reread {
        /// Serial number of the device
        #[arg(value_name = "SN")]
        serial_number: SerialNumber,
        /// Name of a table; you can give this option several times [default: OPERLOG and BIODATA]
        #[arg(long = "table", value_name = "TABLE", value_parser = stamp_table)]
        tables: Vec<StampKey>,
    },
    /// Change the name, areas and settings of one device
    ///
    /// Muster asks the device for a handshake and sends the settings with it. A device ignores a setting that it does
    /// not support.
    #[command(after_help = "\
Examples:
  muster device set CKJF210560012 --name \"North gate\" --areas 1,3
  muster device set CKJF210560012 --time-zone Europe/Vienna --delay 5
  muster device set CKJF210560012 --enrolment hold
  muster device set CKJF210560012 --default delay --default time-zone")]
    Set(DeviceSet),
}

/// What Muster does with the people on a device that it approves.
#[derive(Args, Clone, Copy, Debug)]
#[group(multiple = false)]
pub struct Approval {
    /// The people on the device join the fleet (the default)
    #[arg(long)]
    pub adopt: bool,
    /// Muster makes the device equal to the fleet, and deletes people that only the device knows
    #[arg(long)]
    pub replace: bool,
}

/// Settings of one device.
#[derive(Args, Clone, Debug)]
pub struct DeviceSet {
    /// Serial number of the device
    #[arg(value_name = "SN")]
    pub serial_number: SerialNumber,
    /// Name of the device, for people
    #[arg(long)]
    pub name: Option<String>,
    /// Time zone, an IANA name such as Europe/Vienna: devices take their clock from the server
    #[arg(long, value_name = "ZONE", value_parser = time_zone_name)]
    pub time_zone: Option<String>,
    /// Whether the device uploads changes at once
    #[arg(long, value_name = "true|false")]
    pub realtime: Option<bool>,
    /// With --realtime false: times of day for uploads, at most ten, for example "00:00;14:05"
    #[arg(long, value_name = "TIMES", value_parser = times_of_day)]
    pub trans_times: Option<String>,
    /// With --realtime false: minutes between uploads; 0 = off
    #[arg(long, value_name = "MINUTES", value_parser = clap::value_parser!(u16).range(0..=1440))]
    pub trans_interval: Option<u16>,
    /// Seconds between two polls of the device, 2 to 60
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(2..=60))]
    pub delay: Option<u16>,
    /// Seconds that the device waits after a failed connection, 30 to 300
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(30..=300))]
    pub error_delay: Option<u16>,
    /// How Muster writes the upload switches for the device: 1 = ten digits, 2 = names
    #[arg(long, value_name = "1|2", value_parser = clap::value_parser!(u8).range(1..=2))]
    pub trans_flag_format: Option<u8>,
    /// How Muster sends photos: inside the command, or as a URL that the device fetches
    ///
    /// Some models accept only one of the two. A display picture goes by URL only to a device that reports support.
    #[arg(long, value_name = "inline|url")]
    pub photo_delivery: Option<PhotoDelivery>,
    /// What Muster does when people are enrolled or changed at the device
    ///
    /// *accept* takes the change, *hold* keeps it for your decision, *refuse* undoes it. *default* follows the setting
    /// `enrolment` of the server. Deletions always follow the setting `deletion`. Other products call a device at which
    /// people may be enrolled a registration device.
    #[arg(long, value_name = "accept|hold|refuse|default", value_parser = enrolment)]
    pub enrolment: Option<OwnEnrolment>,
    /// All areas of the device, separated by commas
    ///
    /// Muster deletes people who share no area with the device any more from the device.
    #[arg(long, value_name = "1,2", value_delimiter = ',', value_parser = area)]
    pub areas: Option<Vec<Area>>,
    /// Reset this setting to the value for all devices; you can give this option several times
    #[arg(long = "default", value_name = "OPTION", value_enum)]
    pub defaults: Vec<OptionName>,
}

/// An option that can be set for one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OptionName {
    /// No name
    Name,
    /// The setting `time_zone` of the server
    TimeZone,
    /// The setting `realtime` of the server
    Realtime,
    /// The setting `trans_times` of the server
    TransTimes,
    /// The setting `trans_interval_min` of the server
    TransInterval,
    /// The setting `delay_s` of the server
    Delay,
    /// The setting `error_delay_s` of the server
    ErrorDelay,
    /// The format that suits the version of the device
    TransFlagFormat,
    /// Photos inside the command
    PhotoDelivery,
    /// The setting `enrolment` of the server
    Enrolment,
    /// Area 1 only
    Areas,
    /// Trust the next communication key that the device shows: after it was reset or replaced
    CommKey,
}

/// The enrolment policy of one device; `None` follows the setting of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnEnrolment(pub Option<Enrolment>);

fn enrolment(text: &str) -> Result<OwnEnrolment, String> {
    if text == "default" {
        return Ok(OwnEnrolment(None));
    }
    match Enrolment::of(text) {
        Some(enrolment) => Ok(OwnEnrolment(Some(enrolment))),
        None => Err("want accept, hold, refuse or default".to_owned()),
    }
}

fn times_of_day(text: &str) -> Result<String, String> {
    listener::trans_times(text).map(|_| text.to_owned())
}

fn stamp_table(text: &str) -> Result<StampKey, String> {
    StampKey::of_table(text).ok_or_else(|| {
        let tables: Vec<&str> = StampKey::ALL.into_iter().map(StampKey::table).collect();
        format!("want one of {}", tables.join(", "))
    })
}
