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
    /// List every device that ever called
    List,
    /// Show one device: its state, what it can take, what it lacks, how it is set up
    Show {
        /// Its serial number
        #[arg(value_name = "SN")]
        serial_number: SerialNumber,
    },
    /// Let a device into the fleet
    #[command(after_help = "\
--adopt (the default): its people join the others. Where a PIN means somebody
else there, nothing is overwritten: it is held, see `muster held list`.
--replace: it is made equal to the fleet, and people that only it knows are
deleted from it.

Examples:
  muster device approve CKJF210560012 --adopt
  muster device approve CKJF210560012 --replace")]
    Approve {
        /// Its serial number
        #[arg(value_name = "SN")]
        serial_number: SerialNumber,
        /// What becomes of the people it holds
        #[command(flatten)]
        approval: Approval,
    },
    /// Do not let a device in that waits for approval
    ///
    /// It gets nothing, and is not believed. `muster device approve` changes that later.
    Reject {
        /// Its serial number
        #[arg(value_name = "SN")]
        serial_number: SerialNumber,
    },
    /// Take a device out of the fleet
    ///
    /// It gets nothing any more and is no longer believed. What it holds stays on it.
    Retire {
        /// Its serial number
        #[arg(value_name = "SN")]
        serial_number: SerialNumber,
    },
    /// Compare and send everything again: after repairs, or when in doubt
    Refill {
        /// Its serial number
        #[arg(value_name = "SN")]
        serial_number: SerialNumber,
    },
    /// Have a device upload whole tables again
    ///
    /// It is asked for them with its next handshake, and that ends by itself as they begin to come. What they hold is compared
    /// with the fleet as any upload: nothing is deleted for being absent.
    #[command(after_help = "\
`muster device show` tells how far it is. Tables: OPERLOG (people, fingerprints,
faces, photos, and the device's log), BIODATA (unified templates), ATTLOG and
ATTPHOTO (attendance), IDCARD, ERRORLOG.

Examples:
  muster device reread CKJF210560012
  muster device reread CKJF210560012 --table OPERLOG --table ATTLOG")]
    Reread {
        /// Its serial number
        #[arg(value_name = "SN")]
        serial_number: SerialNumber,
        /// Which table; may be given several times. Without it: OPERLOG and BIODATA
        #[arg(long = "table", value_name = "TABLE", value_parser = stamp_table)]
        tables: Vec<StampKey>,
    },
    /// Set up one device otherwise than the others
    ///
    /// The device is told with its next handshake, which it is asked for. What it does not support it ignores.
    #[command(after_help = "\
Examples:
  muster device set CKJF210560012 --name \"North gate\" --areas 1,3
  muster device set CKJF210560012 --time-zone Europe/Vienna --delay 5
  muster device set CKJF210560012 --enrolment hold
  muster device set CKJF210560012 --default delay --default time-zone")]
    Set(DeviceSet),
}

/// What becomes of the people whom an approved device holds.
#[derive(Args, Clone, Copy, Debug)]
#[group(multiple = false)]
pub struct Approval {
    /// They join the fleet (the default)
    #[arg(long)]
    pub adopt: bool,
    /// The device is made equal to the fleet: people that only it knows are deleted from it
    #[arg(long)]
    pub replace: bool,
}

/// How one device is set up.
#[derive(Args, Clone, Debug)]
pub struct DeviceSet {
    /// Its serial number
    #[arg(value_name = "SN")]
    pub serial_number: SerialNumber,
    /// What people call it
    #[arg(long)]
    pub name: Option<String>,
    /// IANA name of its time zone: terminals take their clock from the server
    #[arg(long, value_name = "ZONE", value_parser = time_zone_name)]
    pub time_zone: Option<String>,
    /// Whether it uploads changes at once
    #[arg(long, value_name = "true|false")]
    pub realtime: Option<bool>,
    /// Otherwise: at these times of day, at most ten, for example "00:00;14:05"
    #[arg(long, value_name = "TIMES", value_parser = times_of_day)]
    pub trans_times: Option<String>,
    /// Otherwise: every so many minutes; 0 = not
    #[arg(long, value_name = "MINUTES", value_parser = clap::value_parser!(u16).range(0..=1440))]
    pub trans_interval: Option<u16>,
    /// How often it asks for work, 2 to 60 seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(2..=60))]
    pub delay: Option<u16>,
    /// How long it waits after a failed connection, 30 to 300 seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(30..=300))]
    pub error_delay: Option<u16>,
    /// Which spelling of the upload switches it is sent: 1 ten digits, 2 names
    #[arg(long, value_name = "1|2", value_parser = clap::value_parser!(u8).range(1..=2))]
    pub trans_flag_format: Option<u8>,
    /// How photos reach it: in the command, or by a URL that it fetches them from
    ///
    /// Some models refuse the one and take the other. A display picture goes by URL only to a device that says so.
    #[arg(long, value_name = "inline|url")]
    pub photo_delivery: Option<PhotoDelivery>,
    /// Whether people may be enrolled and changed at it: *accept* takes what comes, *hold* keeps it for you, *refuse* undoes it
    ///
    /// Other products call a terminal that may change people a registration device. *default* follows the setting
    /// `enrolment` of the server. Deletions follow the setting `deletion` in any case.
    #[arg(long, value_name = "accept|hold|refuse|default", value_parser = enrolment)]
    pub enrolment: Option<OwnEnrolment>,
    /// The areas it belongs to, all of them, separated by commas
    ///
    /// People of areas that it leaves are taken off it.
    #[arg(long, value_name = "1,2", value_delimiter = ',', value_parser = area)]
    pub areas: Option<Vec<Area>>,
    /// Set this as for all devices again; may be given several times
    #[arg(long = "default", value_name = "OPTION", value_enum)]
    pub defaults: Vec<OptionName>,
}

/// An option that can be set for one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OptionName {
    /// No name
    Name,
    /// The server's time zone
    TimeZone,
    /// As the server has it
    Realtime,
    /// As the server has it
    TransTimes,
    /// As the server has it
    TransInterval,
    /// As the server has it
    Delay,
    /// As the server has it
    ErrorDelay,
    /// As the device's version suggests
    TransFlagFormat,
    /// In the command
    PhotoDelivery,
    /// As the server has it
    Enrolment,
    /// Area 1 alone
    Areas,
    /// The next one that the device shows: after it was reset or exchanged
    CommKey,
}

/// What is set for one device; `None` follows the server.
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
        format!("there is no such table: {}", tables.join(", "))
    })
}
