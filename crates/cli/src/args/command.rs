//! `muster command`: its arguments.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use wire::{Pin, RecordTable, SerialNumber};

/// Commands to one device.
#[derive(Args, Clone, Debug)]
pub struct CommandArgs {
    /// The device: its serial number
    #[arg(value_name = "SN")]
    pub serial_number: Option<SerialNumber>,
    /// Follow it until the device has answered; an enrolment until what was enrolled is here
    #[arg(long, global = true)]
    pub wait: bool,
    /// The serial number once more, for a script: what cannot be undone is asked for otherwise
    #[arg(long, global = true, value_name = "SN")]
    pub confirm: Option<SerialNumber>,
    /// What it shall do
    #[command(subcommand)]
    pub action: Action,
}

/// What a device shall do.
#[derive(Clone, Debug, Subcommand)]
pub enum Action {
    /// List the commands that were ordered, the newest first
    List {
        /// Only of this device
        #[arg(value_name = "SN")]
        of: Option<SerialNumber>,
        /// So many of them
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000))]
        limit: i64,
    },
    /// Show one command: where it stands, and what the device answered
    Show {
        /// Its device
        #[arg(value_name = "SN")]
        of: SerialNumber,
        /// Its number, as `muster command list` shows it
        id: i64,
        /// Write what came with the answer into this file, as it came; `-` prints it. A file of a device may hold
        /// templates and passwords
        #[arg(long, value_name = "FILE")]
        content: Option<PathBuf>,
    },
    /// Take a command back that was not sent yet
    Cancel {
        /// Its device
        #[arg(value_name = "SN")]
        of: SerialNumber,
        /// Its number, as `muster command list` shows it
        id: i64,
    },
    /// Connect anew: read the settings of the server again, and upload what it asks for
    Check,
    /// Look for new records now and upload them
    Log,
    /// Ask it for all its parameters; `muster command show` prints them
    Info,
    /// Start it again
    Reboot,
    /// Have it read its own settings again
    ReloadOptions,
    /// Open the door. Not sent any more when the device does not fetch it within a minute
    Unlock,
    /// End an alarm
    ClearAlarm,
    /// Delete on the device, all of a kind. Whoever is missing then is sent again
    Clear {
        /// Which
        #[arg(value_enum)]
        what: Cleared,
    },
    /// Set one of its own parameters
    #[command(after_help = "\
Example:
  muster command CKJF210560012 set-option VOLUME 60

The value is kept sealed. A value of - is read from standard input, where others on this machine do not see it.
Parameters of its network and of its server ask for confirmation: a wrong one cuts the device off.")]
    SetOption {
        /// Its name, to the letter
        key: String,
        /// Its value; - reads it from standard input
        #[arg(allow_hyphen_values = true)]
        value: String,
    },
    /// Have it upload what it holds
    #[command(subcommand)]
    Query(Query),
    /// Have somebody enrol at it
    #[command(after_help = "\
Examples:
  muster command CKJF210560012 enroll finger --pin 1007 --finger 6 --wait
  muster command CKJF210560012 enroll face --pin 1007 --overwrite --wait

Somebody has to stand at the device, which asks for the finger, the card or the face. Fingers: 0 is the left little
finger, 4 the left thumb, 5 the right thumb, 9 the right little finger.")]
    Enroll(Enroll),
    /// Ask it how many punches of a period it holds
    VerifySum {
        /// The period
        #[command(flatten)]
        period: Period,
    },
    /// Give it a record of a table that is not about people: messages, work codes, access rules, pictures
    #[command(after_help = TABLES)]
    Put {
        /// The table
        #[arg(value_parser = table)]
        table: RecordTable,
        /// Its keys with their values. Content=@FILE takes a picture out of a file
        #[arg(value_name = "KEY=VALUE", required = true, value_parser = pair)]
        pairs: Vec<(String, String)>,
    },
    /// Take a record of such a table off it
    Remove {
        /// The table: SMS, WORKCODE, ADPIC, BLACKLIST, WHITELIST or WALLPAPER
        #[arg(value_parser = table)]
        table: RecordTable,
        /// Which record: its UID, CODE, Index or `IDNum`
        key: String,
    },
    /// Have it send one of its files. Needs the setting `system_commands`
    GetFile {
        /// Its path on the device
        path: String,
    },
    /// Have it fetch a file. Needs the setting `system_commands`
    #[command(after_help = "\
A .tgz is unpacked into the directory --to, or into /mnt/mtdblock without it. Any other file needs the whole path.
--replace and --append are for archives of command lines; --replace forgets all that the device has of the table.")]
    PutFile(PutFile),
    /// Run a command of its operating system. Needs the setting `system_commands`
    Shell {
        /// The command, in quotes
        command: String,
    },
    /// Give it new firmware. Needs the setting `system_commands`
    Upgrade(Upgrade),
}

const TABLES: &str = "\
Examples:
  muster command CKJF210560012 put SMS UID=3 MSG=\"Lunch at one\" MIN=90 StartTime=\"2027-03-12 12:30:00\"
  muster command CKJF210560012 put AccGroup ID=1 TZ=1;2;3
  muster command CKJF210560012 put ADPIC Index=1 Extension=jpg Content=@poster.jpg

Tables: SMS, USER_SMS, ADPIC, WORKCODE, ShortcutKey, AccGroup, AccTimeZone, AccHoliday, AccUnLockComb, BLACKLIST,
WHITELIST, WALLPAPER, IDCARD. All keys of a table are sent: what is not given gets its default. Times are those of
the device's clock. The keys of a table are told when one is wrong, and stand in docs/commands.md.
People are no table of these: `muster user`.";

/// What a device deletes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Cleared {
    /// Everything: people, punches, settings of its own. The people are sent again
    Data,
    /// All punches
    Log,
    /// All photos of punches
    Photos,
    /// All unified templates: faces, palms. They are sent again
    Templates,
    /// All people, but not the punches. They are sent again
    Users,
}

/// What a device uploads.
#[derive(Clone, Debug, Subcommand)]
pub enum Query {
    /// One person
    User {
        /// Who
        pin: Pin,
    },
    /// All people
    Users,
    /// Fingerprints of a person
    Fingerprints {
        /// Whose
        pin: Pin,
        /// Only of this finger, 0 to 9
        #[arg(long, value_parser = clap::value_parser!(u8).range(0..=9))]
        finger: Option<u8>,
    },
    /// Unified templates of a type
    Templates {
        /// 1 fingerprint, 2 near-infrared face, 7 finger vein, 8 palm, 9 visible-light face, 10 visible-light palm
        #[arg(long = "type", value_name = "TYPE", value_parser = clap::value_parser!(u8).range(0..=10))]
        bio_type: u8,
        /// Only of this person
        #[arg(long)]
        pin: Option<Pin>,
        /// Only this finger or hand of the person
        #[arg(long, requires = "pin")]
        number: Option<u8>,
    },
    /// Punches of a period
    Attendance {
        /// The period
        #[command(flatten)]
        period: Period,
    },
    /// Photos of punches of a period
    Photos {
        /// The period
        #[command(flatten)]
        period: Period,
    },
}

/// A period.
#[derive(Args, Clone, Debug)]
pub struct Period {
    /// Its first day or second, by the clock of the device: 2027-03-01 or "2027-03-01 08:00:00". A time with an
    /// offset (2027-03-01T07:00:00Z) is turned into that of the device
    pub from: String,
    /// Its last day or second
    pub to: String,
}

/// Somebody enrols.
#[derive(Args, Clone, Debug)]
pub struct Enroll {
    /// What
    #[arg(value_enum)]
    pub what: Enrolled,
    /// Who
    #[arg(long)]
    pub pin: Pin,
    /// Which finger, 0 to 9
    #[arg(long, required_if_eq("what", "finger"), value_parser = clap::value_parser!(u8).range(0..=9))]
    pub finger: Option<u8>,
    /// How often somebody may try again
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=10))]
    pub retries: u8,
    /// Take the place of what is enrolled already; without it the device refuses that
    #[arg(long)]
    pub overwrite: bool,
}

/// What somebody enrols.
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
    /// The file, here
    pub file: PathBuf,
    /// Where it goes on the device
    #[arg(long, value_name = "PATH")]
    pub to: Option<String>,
    /// Put its lines in place of all that the device has of this table
    #[arg(long, value_enum, value_name = "TABLE", requires = "records", conflicts_with = "append")]
    pub replace: Option<ReplacedTable>,
    /// How many lines there are
    #[arg(long, value_name = "N", requires = "replace")]
    pub records: Option<u32>,
    /// Add its lines to what the device has
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
    /// The file of the firmware, here
    pub file: PathBuf,
    /// How the device fetches it: base64 and raw by /iclock/file, pieces by its address in steps of 1 MiB (from 2.4.2)
    #[arg(long, value_enum, default_value = "raw")]
    pub method: Method,
    /// The address of this server as the device reaches it, where it needs one: `http://10.0.0.5:8081`
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
}

/// How firmware is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Method {
    /// As base64 text
    Base64,
    /// As it is
    Raw,
    /// As it is, in pieces
    Pieces,
}

fn table(text: &str) -> Result<RecordTable, String> {
    if let Some(table) = RecordTable::named(text) {
        return Ok(table);
    }
    let of_people = ["USERINFO", "FINGERTMP", "FACE", "FVEIN", "BIODATA", "USERPIC", "BIOPHOTO"];
    if of_people.iter().any(|table| table.eq_ignore_ascii_case(text)) {
        return Err(
            "people are on every device: `muster user` changes them, and what they enrol comes from devices"
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
