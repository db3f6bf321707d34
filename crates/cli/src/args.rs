//! The command line.

mod attendance;
mod command;
mod conformance;
mod definition;
mod device;
mod import;
mod init;
mod simulate;
mod user;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use roster::Area;
use wire::SerialNumber;

pub use self::attendance::{AttendanceCommand, Punches, RecordCommand, RecordKindArg};
pub use self::command::{
    Action, Cleared, CommandArgs, Enroll, Enrolled, Method, Period, PutFile, Query, ReplacedTable, Upgrade,
};
pub use self::conformance::Conformance;
pub use self::definition::{
    Definitions, MessageCommand, SetCombination, SetDefinition, SetGroup, SetHoliday, SetTimeZone,
    SetWorkCode, definition_command,
};
pub use self::device::{Approval, DeviceCommand, DeviceSet, OptionName, OwnEnrolment};
pub use self::import::{Admit, ImportCommand, ImportZkServer};
pub use self::init::Init;
pub use self::simulate::Simulate;
pub use self::user::{DeleteUser, ListUsers, SetUser, SuspendUsers, UserCommand};

/// Heading of the options that every command has. `--help` lists them after the command's own options.
const OF_EVERY: &str = "Options of every command";

const AFTER: &str = "\
Begin with:
  muster serve                        start the server; devices connect to port 8081
  muster init                         or: answer questions, write muster.toml, start the server
  muster device list                  show the devices that have connected, and their states
  muster device approve SN --adopt    let a device in
  muster sync status                  show which devices are in sync, and why others are not

Muster reads settings from the command line, the environment (MUSTER_LISTEN, …), .env
and muster.toml. `muster config` shows them.

Exit codes: 0 success, 1 failure, 2 wrong command line or configuration.";

/// Keeps the same people on all ZKTeco terminals
///
/// When somebody enrols at one terminal, Muster sends the person to all the others within seconds: name, card,
/// password, fingerprints, faces, palms and photos. Muster distributes changes and deletions in the same way.
#[derive(Debug, Parser)]
#[command(name = "muster", version, after_help = AFTER, max_term_width = 100, disable_help_subcommand = false)]
pub struct Cli {
    /// The options of every command.
    #[command(flatten)]
    pub global: Global,
    /// The command to run.
    #[command(subcommand)]
    pub command: Command,
}

/// The options of every command.
#[derive(Args, Clone, Debug, Default)]
pub struct Global {
    /// Print JSON instead of text
    #[arg(long, global = true, help_heading = OF_EVERY)]
    pub json: bool,
    /// Read settings from this file [default: muster.toml in the working directory, if there is one]
    #[arg(long, global = true, help_heading = OF_EVERY, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Directory of the key, and of the database unless --database names another [default: muster-data]
    #[arg(long, global = true, help_heading = OF_EVERY, value_name = "DIR")]
    pub data_dir: Option<String>,
    /// The database: `sqlite://path` or `mysql://user:password@host:3306/name`. Put a password into a file
    /// instead: other users of this machine can read command lines [default: muster.db in the data directory]
    #[arg(long, global = true, help_heading = OF_EVERY, value_name = "URL")]
    pub database: Option<String>,
    /// Log level: error, warn, info, debug or trace, or a level for each part: info,server=debug
    /// [default: info for the server, warn for everything else]
    #[arg(long, global = true, help_heading = OF_EVERY, value_name = "LEVEL", verbatim_doc_comment)]
    pub log: Option<String>,
    /// Format of the log: text or json [default: text]
    #[arg(long, global = true, help_heading = OF_EVERY, value_name = "FORMAT")]
    pub log_format: Option<String>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server
    ///
    /// The first start creates the database and its key. A newer version brings the database up to date. Only one
    /// server can use a database file; all other commands work while the server runs. SIGTERM or Ctrl-C stops the
    /// server after it has answered the open requests; a second one stops the server at once.
    #[command(after_help = "\
Examples:
  muster serve
  muster serve --listen 0.0.0.0:80 --data-dir /var/lib/muster
  muster serve --admission open          lets in every device: for a lab
  DEBUG=true muster serve                shows every request")]
    Serve(Serve),
    /// Ask questions, write the settings into a file, and start the server
    ///
    /// Writes muster.toml into the working directory, or the file that --config names. The file explains every setting:
    /// your choices are active, all others are comments. Only its owner can read the file, since it may hold a password.
    /// Muster does not ask about a setting that you give as an option. Without an interactive console, Muster asks nothing.
    #[command(after_help = "\
Examples:
  muster init                            asks, writes muster.toml, starts the server
  muster init --defaults --no-start      only writes muster.toml, for you to edit
  muster init --env                      writes the settings as variables into .env
  muster init --listen 0.0.0.0:80 --admission approve")]
    Init(Init),
    /// Devices: list, approve, set up, retire
    #[command(subcommand)]
    Device(DeviceCommand),
    /// People: list, add, change, suspend, delete
    #[command(subcommand)]
    User(UserCommand),
    /// Send a command to one device: open the door, upload data, enrol a person, …
    ///
    /// The device fetches a command with its next poll and answers when it is done. A command for this moment expires:
    /// the device does not get it when it comes back much later. Muster sends a
    /// command only once if a repetition would do harm.
    #[command(
        after_help = "\
Examples:
  muster command CKJF210560012 unlock
  muster command CKJF210560012 info --wait
  muster command CKJF210560012 enroll finger --pin 1007 --finger 6 --wait
  muster command CKJF210560012 query attendance 2027-03-01 2027-03-31
  muster command CKJF210560012 clear data --confirm CKJF210560012
  muster command list CKJF210560012
  muster command show CKJF210560012 42",
        name = "command"
    )]
    Queue(CommandArgs),
    /// Areas: groups of devices and people
    ///
    /// A person is on the devices that share an area with the person. People, devices and
    /// definitions are in area 1 unless you choose other areas.
    #[command(subcommand)]
    Area(AreaCommand),
    /// Access time zones: the hours at which doors open
    #[command(subcommand)]
    Timezone(Definitions<SetTimeZone>),
    /// Holidays: days that use another access time zone
    #[command(subcommand)]
    Holiday(Definitions<SetHoliday>),
    /// Access groups: time zones and verification mode of their people
    #[command(subcommand)]
    Group(Definitions<SetGroup>),
    /// Unlock combinations: groups that open a door only together
    #[command(subcommand)]
    UnlockCombination(Definitions<SetCombination>),
    /// Short messages on the screens of devices
    #[command(subcommand)]
    Message(MessageCommand),
    /// Work codes: people choose one at a punch to say which work they do
    #[command(subcommand)]
    Workcode(Definitions<SetWorkCode>),
    /// Show which devices are in sync, what the others lack, and why
    #[command(subcommand)]
    Sync(SyncCommand),
    /// Changes that wait for your decision, and records that Muster could not read
    #[command(subcommand)]
    Held(HeldCommand),
    /// Show and export punches and their pictures
    ///
    /// Muster keeps punches if the setting `attendance` is `keep`: for `attendance_days` days, or for ever.
    #[command(subcommand)]
    Attendance(AttendanceCommand),
    /// Other records from devices: identity cards, errors, messages
    #[command(subcommand)]
    Record(RecordCommand),
    /// Take people over from another server
    #[command(subcommand)]
    Import(ImportCommand),
    /// Show devices and synchronisation live, until Ctrl-C
    ///
    /// Follows the database of the server on this machine: devices that come and go, changes of people, commands and
    /// their results, records that wait for your decision. With --json, each line is one object.
    Watch,
    /// Show each setting, its value and where it was set
    ///
    /// If a setting is set in several places, the first of these wins: command line, environment, .env, muster.toml,
    /// default. Passwords are not shown.
    #[command(after_help = "\
Examples:
  muster config
  MUSTER_DELAY_S=5 muster config --listen 0.0.0.0:80")]
    Config(Serve),
    /// Create the database or bring it to this version, without starting the server
    ///
    /// The server does the same when it starts. The database is a file, or a database on a MySQL or MariaDB server that
    /// no other program uses.
    Migrate,
    /// Run simulated devices against a server, and compare them at the end
    ///
    /// Simulated devices enrol people, upload them, poll and carry out commands as real devices do, until all hold the
    /// same people or the time is up. Then the command compares the devices with each other: exit code 0 if all are
    /// equal, 1 if not. People whom the server already had must be the same on all of them, too.
    ///
    /// While devices wait for approval, the command shows how to approve them. A server with `--admission open` lets
    /// them in at once. Do not run this against a server of real devices: they would get the simulated people.
    Simulate(Simulate),
    /// Test any server of the protocol, and show which obligations it meets
    ///
    /// Acts as five devices for less than a minute, and compares the answers of the server with the obligations of the
    /// protocol. Exit code 1 if the server does not meet a mandatory obligation.
    ///
    /// Use an empty server: the people that the test enrols stay on it. The server must let in four of the devices, by
    /// --approve-command or beforehand, and must not let in the fifth.
    Conformance(Conformance),
}

/// Settings of the server that the command line can set.
#[derive(Args, Clone, Debug, Default)]
pub struct Serve {
    /// Address on which devices connect [default: 0.0.0.0:8081]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// Address on which people and monitoring connect [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub admin_listen: Option<String>,
    /// Unknown devices: approve makes them wait for you, open lets in every device (for a lab)
    /// [default: approve]
    #[arg(long, value_name = "POLICY", verbatim_doc_comment)]
    pub admission: Option<String>,
}

/// Areas.
#[derive(Debug, Subcommand)]
pub enum AreaCommand {
    /// List the areas
    List,
    /// Add an area
    Add {
        /// Name of the new area
        name: String,
    },
    /// Rename an area
    Rename {
        /// Number of the area, from `muster area list`
        id: i64,
        /// New name
        name: String,
    },
}

/// Synchronisation.
#[derive(Debug, Subcommand)]
pub enum SyncCommand {
    /// Show one line for each device, or for one device what it can take, what it lacks and why
    #[command(after_help = "\
Examples:
  muster sync status
  muster sync status CKJF210560012")]
    Status {
        /// Serial number: show only this device, in full
        #[arg(value_name = "SN")]
        serial_number: Option<SerialNumber>,
    },
}

/// Held records.
#[derive(Debug, Subcommand)]
pub enum HeldCommand {
    /// List the changes that wait for your decision, and unreadable records
    List {
        /// List only this kind
        #[arg(long, value_enum)]
        kind: Option<HeldKindArg>,
        /// List only records from the device with this serial number
        #[arg(long, value_name = "SN")]
        device: Option<SerialNumber>,
        /// Also list the records that are already decided
        #[arg(long)]
        all: bool,
    },
    /// Show one held record
    Show {
        /// Number of the record, from `muster held list`
        id: i64,
        /// Print the record as the device sent it; the text may hold names, cards, passwords and templates
        #[arg(long)]
        raw: bool,
    },
    /// Decide about one held record
    #[command(after_help = "\
Meaning of each decision:
  conflict    --same     both are one person: the fleet adds the device's data
                         to its person
              --device   the device's person replaces the fleet's
              --fleet    the fleet's person goes to the device
  leftover    --same     the data belongs to the fleet's person
              --device   the fleet takes the data; if nobody has the PIN,
                         the data makes a new person
              --fleet    Muster discards the data
  privilege   --device   the person gets the privilege everywhere
              --fleet    the privilege stays without effect
  credential  --device   the card, password or template counts everywhere
              --fleet    the card, password or template does not count
  deletion    --device   the person is deleted everywhere
              --fleet    the person comes back to the device
  part-deleted --fleet   the fingers, faces, card or password go to the device
                         again
  cleared     --device   the name, card or password is emptied everywhere
              --fleet    the name, card or password goes back to the device
  brake       --device   the device's version becomes the fleet's
              --fleet    the fleet's version stays
  any, except --dismiss  closes the record and changes nothing; the only
  conflict               decision for unreadable and unread-table")]
    Resolve {
        /// Number of the record, from `muster held list`
        id: i64,
        /// The decision.
        #[command(flatten)]
        decision: Decision,
    },
}

/// A decision about a held record.
#[derive(Args, Clone, Copy, Debug)]
#[group(required = true, multiple = false)]
#[expect(clippy::struct_excessive_bools, reason = "one flag for each decision, of which one is given")]
pub struct Decision {
    /// The device is right
    #[arg(long)]
    pub device: bool,
    /// Both are the same person
    #[arg(long)]
    pub same: bool,
    /// The fleet is right
    #[arg(long)]
    pub fleet: bool,
    /// Close the record and change nothing
    #[arg(long)]
    pub dismiss: bool,
}

/// Why Muster holds a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HeldKindArg {
    /// Muster could not read the record
    Unreadable,
    /// A device holds another person under a PIN
    Conflict,
    /// Muster asked a device which person it holds under a PIN
    Waiting,
    /// A device had data under the PIN of somebody else
    Leftover,
    /// Somebody got a higher privilege at a device
    Privilege,
    /// Somebody with a privilege got a card, password or template at a device
    Credential,
    /// A finger, face, card or password was deleted at a device
    PartDeleted,
    /// A name, card or password was emptied at a device that keeps it
    Cleared,
    /// A person was deleted at a device
    Deletion,
    /// Devices keep changing the same data to and fro
    Brake,
    /// An upload of a table that Muster does not read
    UnreadTable,
}

/// Reads the number of an area.
///
/// # Errors
/// The text is not a positive number. The error is text for the operator.
pub fn area(text: &str) -> Result<Area, String> {
    text.trim()
        .parse()
        .ok()
        .filter(|number| *number > 0)
        .map(Area)
        .ok_or_else(|| "want the number of an area, from `muster area list`".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parsed(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_and_option_has_a_help_text() {
        fn check(command: &clap::Command) {
            let name = command.get_name();
            assert!(command.get_about().is_some(), "{name} has no help");
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} of {name} has no help", argument.get_id());
            }
            command.get_subcommands().filter(|command| command.get_name() != "help").for_each(check);
        }
        check(&Cli::command());
    }

    #[test]
    fn global_options_may_stand_anywhere() {
        for line in ["muster --json device list", "muster device --json list", "muster device list --json"] {
            assert!(parsed(line).is_ok_and(|cli| cli.global.json), "{line}");
        }
    }

    #[test]
    fn a_decision_is_exactly_one() {
        assert!(parsed("muster held resolve 3 --fleet").is_ok());
        assert!(parsed("muster held resolve 3").is_err());
        assert!(parsed("muster held resolve 3 --fleet --device").is_err());
    }

    #[test]
    fn adopt_and_replace_exclude_each_other() {
        assert!(parsed("muster device approve A1 --adopt").is_ok());
        assert!(parsed("muster device approve A1 --adopt --replace").is_err());
    }

    #[test]
    fn what_cannot_be_a_key_is_refused_at_once() {
        assert!(parsed("muster user show 12-3").is_err());
        assert!(parsed("muster device show a/b").is_err());
        assert!(parsed("muster user set 7 --areas 1,2 --privilege super").is_ok());
        assert!(parsed("muster user set 7 --areas 0").is_err());
        assert!(parsed("muster user set 7 --privilege boss").is_err());
    }
}
