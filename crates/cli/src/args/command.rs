//! `muster command`: its arguments.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use wire::{Pin, RecordTable, SerialNumber};

/// Commands to one device.
#[derive(Args, Clone, Debug)]
pub struct CommandArgs {
    /// Serial number of the device
    #[arg(value_name = "SN")]
    pub serial_number: Option<SerialNumber>,
    /// Wait until the device has answered; for an enrolment, until the template or card has arrived
    #[arg(long, global = true)]
    pub wait: bool,
    /// The serial number again, for scripts: confirms a dangerous command without the question
    #[arg(long, global = true, value_name = "SN")]
    pub confirm: Option<SerialNumber>,
    /// The command for the device.
    #[command(subcommand)]
    pub action: Action,
}

/// The commands for a device, and the commands that show and cancel them.
#[derive(Clone, Debug, Subcommand)]
pub enum Action {
    /// List queued and finished commands, the newest first
    List {
        /// Serial number: list only commands of this device
        #[arg(value_name = "SN")]
        of: Option<SerialNumber>,
        /// List at most this many commands
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000))]
        limit: i64,
    },
    /// Show the state of one command and the answer of the device
    Show {
        /// Serial number of the device
        #[arg(value_name = "SN")]
        of: SerialNumber,
        /// Number of the command, from `muster command list`
        id: i64,
        /// Write the content of the answer, unchanged, into this file; `-` prints the content. A file from a device
        /// may hold templates and passwords
        #[arg(long, value_name = "FILE")]
        content: Option<PathBuf>,
    },
    /// Cancel a command that Muster has not sent yet
    Cancel {
        /// Serial number of the device
        #[arg(value_name = "SN")]
        of: SerialNumber,
        /// Number of the command, from `muster command list`
        id: i64,
    },
    /// Make the device connect anew, read the server's settings and upload what Muster asks for
    Check,
    /// Make the device look for new records now and upload them
    Log,
    /// Ask the device for all its parameters; `muster command show` prints them
    Info,
    /// Restart the device
    Reboot,
    /// Make the device read its own settings again
    ReloadOptions,
    /// Open the door. The command expires if the device does not fetch it within a minute
    Unlock,
    /// End an alarm
    ClearAlarm,
    /// Delete all records of one kind from the device. Muster then sends missing people again
    Clear {
        /// Kind of records
        #[arg(value_enum)]
        what: Cleared,
    },
    /// Set one parameter of the device
    #[command(after_help = "\
Example:
  muster command CKJF210560012 set-option VOLUME 60

Muster stores the value sealed. With the value -, Muster reads it from standard input, where other users of this
machine cannot see it. Parameters of network and server ask for confirmation: a wrong value cuts the device off.")]
    SetOption {
        /// Name of the parameter, exactly as the device spells it
        key: String,
        /// Value of the parameter; - reads the value from standard input
        #[arg(allow_hyphen_values = true)]
        value: String,
    },
    /// Ask the device to upload people, templates, punches or photos
    #[command(subcommand)]
    Query(Query),
    /// Ask a person at the device to enrol a finger, card, face or palm
    #[command(after_help = "\
Examples:
  muster command CKJF210560012 enroll finger --pin 1007 --finger 6 --wait
  muster command CKJF210560012 enroll face --pin 1007 --overwrite --wait

The person has to stand at the device, which asks for the finger, the card or the face. Fingers: 0 is the left little
finger, 4 the left thumb, 5 the right thumb, 9 the right little finger.")]
    Enroll(Enroll),
    /// Ask the device how many punches of a period it holds
    VerifySum {
        /// The period.
        #[command(flatten)]
        period: Period,
    },
    /// Write a record that is not about people: a message, work code, access rule or picture
    #[command(after_help = TABLES)]
    Put {
        /// Name of the table
        #[arg(value_parser = table)]
        table: RecordTable,
        /// Keys of the table with their values. Content=@FILE reads a picture from a file
        #[arg(value_name = "KEY=VALUE", required = true, value_parser = pair)]
        pairs: Vec<(String, String)>,
    },
    /// Delete a record that `put` wrote
    Remove {
        /// Name of the table: SMS, WORKCODE, ADPIC, BLACKLIST, WHITELIST or WALLPAPER
        #[arg(value_parser = table)]
        table: RecordTable,
        /// Key of the record: its UID, CODE, Index or `IDNum`
        key: String,
    },
    /// Ask the device to send one of its files. Needs the setting `system_commands`
    GetFile {
        /// Path of the file on the device
        path: String,
    },
    /// Make the device fetch a file. Needs the setting `system_commands`
    #[command(after_help = "\
The device unpacks a .tgz file into the directory --to, by default /mnt/mtdblock. Any other file needs a full path.
--replace and --append are for archives of command lines. --replace deletes all that the device holds in the table.")]
    PutFile(PutFile),
    /// Run a command of the device's operating system. Needs the setting `system_commands`
    Shell {
        /// The command, in quotes
        command: String,
    },
    /// Install new firmware on the device. Needs the setting `system_commands`
    Upgrade(Upgrade),
}

const TABLES: &str = "\
Examples:
  muster command CKJF210560012 put SMS UID=3 MSG=\"Lunch at one\" MIN=90 StartTime=\"2027-03-12 12:30:00\"
  muster command CKJF210560012 put AccGroup ID=1 TZ=1;2;3
  muster command CKJF210560012 put ADPIC Index=1 Extension=jpg Content=@poster.jpg

Tables: SMS, USER_SMS, ADPIC, WORKCODE, ShortcutKey, AccGroup, AccTimeZone, AccHoliday, AccUnLockComb, BLACKLIST,
WHITELIST, WALLPAPER, IDCARD. Muster sends all keys of a table, and the default for keys that you do not give. Times
are those of the device's clock. docs/commands.md lists the keys of each table; a wrong key lists them, too.
To change people, use `muster user`.";

/// The kinds of records that `clear` deletes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Cleared {
    /// Everything: people, punches, the device's own settings. Muster sends the people again
    Data,
    /// All punches
    Log,
    /// All photos of punches
    Photos,
    /// All unified templates: faces, palms. Muster sends them again
    Templates,
    /// All people, but not the punches. Muster sends the people again
    Users,
}

/// The data that `query` asks for.
#[derive(Clone, Debug, Subcommand)]
pub enum Query {
    /// One person
    User {
        /// PIN of the person
        pin: Pin,
    },
    /// All people
    Users,
    /// Fingerprints of a person
    Fingerprints {
        /// PIN of the person
        pin: Pin,
        /// Only this finger, 0 to 9
        #[arg(long, value_parser = clap::value_parser!(u8).range(0..=9))]
        finger: Option<u8>,
    },
    /// Unified templates of one type
    Templates {
        /// Type of template: 1 fingerprint, 2 near-infrared face, 7 finger vein, 8 palm, 9 visible-light face, 10 visible-light palm
        #[arg(long = "type", value_name = "TYPE", value_parser = clap::value_parser!(u8).range(0..=10))]
        bio_type: u8,
        /// Only templates of the person with this PIN
        #[arg(long)]
        pin: Option<Pin>,
        /// Only this finger or hand of the person
        #[arg(long, requires = "pin")]
        number: Option<u8>,
    },
    /// Punches of a period
    Attendance {
        /// The period.
        #[command(flatten)]
        period: Period,
    },
    /// Photos of punches of a period
    Photos {
        /// The period.
        #[command(flatten)]
        period: Period,
    },
}

/// A period.
#[derive(Args, Clone, Debug)]
pub struct Period {
    /// First day or second, by the clock of the device: 2027-03-01 or "2027-03-01 08:00:00". Muster converts a time
    /// with an offset (2027-03-01T07:00:00Z) to the clock of the device
    pub from: String,
    /// Last day or second
    pub to: String,
}

/// A remote enrolment.
#[derive(Args, Clone, Debug)]
pub struct Enroll {
    /// The kind of enrolment
    #[arg(value_enum)]
    pub what: Enrolled,
    /// PIN of the person
    #[arg(long)]
    pub pin: Pin,
    /// Number of the finger, 0 to 9
    #[arg(long, required_if_eq("what", "finger"), value_parser = clap::value_parser!(u8).range(0..=9))]
    pub finger: Option<u8>,
    /// Number of further attempts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=10))]
    pub retries: u8,
    /// Replace an existing enrolment; without this option the device refuses
    #[arg(long)]
    pub overwrite: bool,
}

/// The kinds of enrolment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Enrolled {
    /// A fingerprint
    Finger,
    /// A card
    Card,
    /// A face
    Face,
    /// A palm
    Palm,
}

/// A file for a device.
#[derive(Args, Clone, Debug)]
pub struct PutFile {
    /// Path of the file on this machine
    pub file: PathBuf,
    /// Path of the file on the device
    #[arg(long, value_name = "PATH")]
    pub to: Option<String>,
    /// Replace everything that the device holds in this table with the lines of the file
    #[arg(long, value_enum, value_name = "TABLE", requires = "records", conflicts_with = "append")]
    pub replace: Option<ReplacedTable>,
    /// Number of lines in the file
    #[arg(long, value_name = "N", requires = "replace")]
    pub records: Option<u32>,
    /// Add the lines of the file to those on the device
    #[arg(long)]
    pub append: bool,
}

/// A table whose content can be replaced from a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReplacedTable {
    /// People
    Users,
    /// Fingerprints
    Fingerprints,
    /// Near-infrared faces
    Faces,
}

/// Firmware for a device.
#[derive(Args, Clone, Debug)]
pub struct Upgrade {
    /// Path of the firmware file on this machine
    pub file: PathBuf,
    /// How the device fetches the file: base64 or raw from /iclock/file, or in pieces of 1 MiB from a URL (from 2.4.2)
    #[arg(long, value_enum, default_value = "raw")]
    pub method: Method,
    /// URL at which the device reaches this server, if the method needs one: `http://10.0.0.5:8081`
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
}

/// How a device fetches firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Method {
    /// As base64 text
    Base64,
    /// Unchanged, in one answer
    Raw,
    /// Unchanged, in pieces
    Pieces,
}

fn table(text: &str) -> Result<RecordTable, String> {
    if let Some(table) = RecordTable::named(text) {
        return Ok(table);
    }
    let of_people = ["USERINFO", "FINGERTMP", "FACE", "FVEIN", "BIODATA", "USERPIC", "BIOPHOTO"];
    if of_people.iter().any(|table| table.eq_ignore_ascii_case(text)) {
        return Err(
            "this table is about people: change people with `muster user`, and enrol them at a device"
                .to_owned(),
        );
    }
    let names: Vec<String> = RecordTable::ALL.iter().map(|table| table.form().to_string()).collect();
    Err(format!("want one of {}", names.join(", ")))
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("want KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}
