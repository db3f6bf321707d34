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

/// Options that every command has stand below its own.
const OF_EVERY: &str = "Options of every command";

const AFTER: &str = "\
Begin with:
  muster serve                        start the server; devices connect to port 8081
  muster init                         or: write its settings down first, with questions
  muster device list                  what called, and in which state it is
  muster device approve SN --adopt    let a device in
  muster sync status                  what is in sync, and if not, why

Settings stand in muster.toml, in .env or the environment (MUSTER_LISTEN, …), or on
the command line; `muster config` shows them.

Exit codes: 0 done, 1 it did not work, 2 wrong command line or configuration.";

/// Keeps the same people on all ZKTeco terminals
///
/// Whoever is enrolled at one terminal is on every other within seconds: name, card, password, fingerprints, faces,
/// palms and photos, changes and deletions too.
#[derive(Debug, Parser)]
#[command(name = "muster", version, after_help = AFTER, max_term_width = 100, disable_help_subcommand = false)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What holds for every command.
#[derive(Args, Clone, Debug, Default)]
pub struct Global {
    /// Print JSON instead of text
    #[arg(long, global = true, help_heading = OF_EVERY)]
    pub json: bool,
    /// Read settings from this file [default: muster.toml in the working directory, if there is one]
    #[arg(long, global = true, help_heading = OF_EVERY, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where the key is, and the database unless told otherwise [default: muster-data]
    #[arg(long, global = true, help_heading = OF_EVERY, value_name = "DIR")]
    pub data_dir: Option<String>,
    /// The database: `sqlite://path` or `mysql://user:password@host:3306/name`. A password is better kept in a
    /// file: others on the machine see command lines [default: muster.db in the data directory]
    #[arg(long, global = true, help_heading = OF_EVERY, value_name = "URL")]
    pub database: Option<String>,
    /// What is logged: error, warn, info, debug or trace, or directives such as info,server=debug
    /// [default: info for the server, warn for everything else]
    #[arg(long, global = true, help_heading = OF_EVERY, value_name = "LEVEL", verbatim_doc_comment)]
    pub log: Option<String>,
    /// How it is logged: text or json [default: text]
    #[arg(long, global = true, help_heading = OF_EVERY, value_name = "FORMAT")]
    pub log_format: Option<String>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server
    ///
    /// Makes the database and its key at the first start, and brings the schema up to date. One server at a time uses a
    /// database; all other commands work beside it. SIGTERM or Ctrl-C stops it when it has finished what it answers; a
    /// second one stops it at once.
    #[command(after_help = "\
Examples:
  muster serve
  muster serve --listen 0.0.0.0:80 --data-dir /var/lib/muster
  muster serve --admission open          a lab: takes in every device that calls
  DEBUG=true muster serve                shows every request")]
    Serve(Serve),
    /// Write the settings into a file, with questions, and start the server
    ///
    /// Writes muster.toml into the working directory (or the file of --config): every setting with what it does, those
    /// that you choose active, all others as comments. Only its owner may read it, since it may hold a password. What is given as an option is
    /// not asked. Without a terminal nothing is asked at all.
    #[command(after_help = "\
Examples:
  muster init                            asks, writes muster.toml, starts the server
  muster init --defaults --no-start      a muster.toml to look at and to change
  muster init --env                      the same as variables, in .env
  muster init --listen 0.0.0.0:80 --admission approve")]
    Init(Init),
    /// Devices: list them, let them in, set them up
    #[command(subcommand)]
    Device(DeviceCommand),
    /// People: list, make, change, delete them
    #[command(subcommand)]
    User(UserCommand),
    /// Commands to one device: open its door, ask it for what it holds, have somebody enrol at it, …
    ///
    /// The device fetches a command with its next poll and answers when it is done. What was ordered for now is not
    /// sent when the device comes back much later, and what cannot be repeated is sent once.
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
    /// A person is on the devices that share an area with them. Everyone and everything is in area 1 unless told otherwise.
    #[command(subcommand)]
    Area(AreaCommand),
    /// Access time zones: at which hours doors open
    #[command(subcommand)]
    Timezone(Definitions<SetTimeZone>),
    /// Days on which another time zone holds
    #[command(subcommand)]
    Holiday(Definitions<SetHoliday>),
    /// Access groups: time zones and verification for those who are in them
    #[command(subcommand)]
    Group(Definitions<SetGroup>),
    /// Groups that open a door only together
    #[command(subcommand)]
    UnlockCombination(Definitions<SetCombination>),
    /// Short messages on the screens of devices
    #[command(subcommand)]
    Message(MessageCommand),
    /// Work codes: what people choose at a punch to say what they work on
    #[command(subcommand)]
    Workcode(Definitions<SetWorkCode>),
    /// What is in sync; if not: what is owed, and why
    #[command(subcommand)]
    Sync(SyncCommand),
    /// What waits for your decision, and records that could not be read
    #[command(subcommand)]
    Held(HeldCommand),
    /// Punches that terminals sent: show and export them, and their pictures
    ///
    /// They are kept with `attendance = "keep"`, for `attendance_days` or for ever.
    #[command(subcommand)]
    Attendance(AttendanceCommand),
    /// What else devices send: identity cards, errors, messages
    #[command(subcommand)]
    Record(RecordCommand),
    /// Take people over from another server
    #[command(subcommand)]
    Import(ImportCommand),
    /// Show devices and synchronisation live, until Ctrl-C
    ///
    /// Follows the database of the server on this machine: devices that come and go, changes of people, commands and
    /// what became of them, records that wait for you. With --json one object a line.
    Watch,
    /// Show each setting, its value and where it was set
    ///
    /// The stronger place counts: command line, environment, .env, muster.toml, default. Passwords are not shown.
    #[command(after_help = "\
Examples:
  muster config
  MUSTER_DELAY_S=5 muster config --listen 0.0.0.0:80")]
    Config(Serve),
    /// Make the database, or bring it to this version, without starting the server
    ///
    /// The server does it by itself at its start. Works on both kinds of database: a file, and a database of a MySQL or
    /// MariaDB server, which has to be Muster's alone.
    Migrate,
    /// Run simulated devices against a server, and compare them in the end
    ///
    /// They enrol people, upload them, poll and obey as real devices do, until all hold the same or the time is up. In
    /// the end they are compared with each other: exit code 0 when all are equal, 1 when not. People whom the server had
    /// before have to be the same on all of them.
    ///
    /// While they wait for approval, the command that approves them is shown. Against a server with `--admission open`
    /// they are let in at once. Do not run it against a server of real devices: the people would be on them.
    Simulate(Simulate),
    /// Try any server of the protocol, and show which of its obligations it meets
    ///
    /// Plays five devices at the server, for less than a minute: what they send is written byte by byte, what comes back is
    /// compared with what the protocol asks for. Exit code 1 where something is not met that must be.
    ///
    /// Made for an empty server: the people who are enrolled stay on it. Four of the devices have to be let in, by
    /// --approve-command or beforehand; the fifth must not be.
    Conformance(Conformance),
}

/// Settings of the server that can stand on the command line.
#[derive(Args, Clone, Debug, Default)]
pub struct Serve {
    /// Where devices connect [default: 0.0.0.0:8081]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// Where people and monitoring connect [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub admin_listen: Option<String>,
    /// Unknown devices: approve waits for you, open takes in everything that calls (a lab)
    /// [default: approve]
    #[arg(long, value_name = "POLICY", verbatim_doc_comment)]
    pub admission: Option<String>,
}

/// Areas.
#[derive(Debug, Subcommand)]
pub enum AreaCommand {
    /// List the areas
    List,
    /// Make an area
    Add {
        /// What it is called
        name: String,
    },
    /// Give an area another name
    Rename {
        /// Its number, as `muster area list` shows it
        id: i64,
        /// Its new name
        name: String,
    },
}

/// Synchronisation.
#[derive(Debug, Subcommand)]
pub enum SyncCommand {
    /// A line for each device; with a serial number: what it can take, what is owed to it, and why
    #[command(after_help = "\
Examples:
  muster sync status
  muster sync status CKJF210560012")]
    Status {
        /// One device
        #[arg(value_name = "SN")]
        serial_number: Option<SerialNumber>,
    },
}

/// What is held.
#[derive(Debug, Subcommand)]
pub enum HeldCommand {
    /// List what waits for a decision
    List {
        /// Only this kind
        #[arg(long, value_enum)]
        kind: Option<HeldKindArg>,
        /// Only from this device
        #[arg(long, value_name = "SN")]
        device: Option<SerialNumber>,
        /// Also what was decided
        #[arg(long)]
        all: bool,
    },
    /// Show one of them
    Show {
        /// Its number, as `muster held list` shows it
        id: i64,
        /// Print the record as the device sent it. It may hold names, cards, passwords, templates
        #[arg(long)]
        raw: bool,
    },
    /// Decide
    #[command(after_help = "\
What a decision means:
  conflict    --same     both are one person: what the device has joins the
                         fleet's person
              --device   the device's person becomes the fleet's
              --fleet    the fleet's person goes to the device
  leftover    --same     it belongs to the fleet's person
              --device   it is taken; with nobody under the PIN it is
                         somebody new
              --fleet    it is discarded
  privilege   --device   it is given everywhere
              --fleet    it stays without effect
  credential  --device   the card, password or template counts everywhere
              --fleet    it does not count
  deletion    --device   the person is deleted everywhere
              --fleet    the person comes back to the device
  part-deleted --fleet   the fingers, faces, card or password go to the device
                         again
  cleared     --device   the name, card or password is emptied everywhere
              --fleet    it is brought back to the device
  brake       --device   what the device has becomes the fleet's
              --fleet    what the fleet has stays
  any         --dismiss  seen, nothing is done; all there is to decide about
                         unreadable and unread-table")]
    Resolve {
        /// Its number, as `muster held list` shows it
        id: i64,
        /// What was decided
        #[command(flatten)]
        decision: Decision,
    },
}

/// What is decided about something held.
#[derive(Args, Clone, Copy, Debug)]
#[group(required = true, multiple = false)]
#[expect(clippy::struct_excessive_bools, reason = "one flag for each decision, of which one is given")]
pub struct Decision {
    /// What the device has is right
    #[arg(long)]
    pub device: bool,
    /// Both are the same person
    #[arg(long)]
    pub same: bool,
    /// What the fleet has is right: the device is told so
    #[arg(long)]
    pub fleet: bool,
    /// Seen, nothing to do
    #[arg(long)]
    pub dismiss: bool,
}

/// Why something is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HeldKindArg {
    /// A record that could not be read
    Unreadable,
    /// A device means another person by a PIN
    Conflict,
    /// A device was asked whom it means by a PIN
    Waiting,
    /// What a device had under the PIN of somebody else
    Leftover,
    /// A privilege was raised at a device
    Privilege,
    /// Somebody with a privilege was given a card, password or template at a device
    Credential,
    /// A finger, face, card or password was deleted at a device
    PartDeleted,
    /// A name, card or password was emptied at a device that keeps it
    Cleared,
    /// A person was deleted at a device
    Deletion,
    /// Devices change something to and fro
    Brake,
    /// An upload of a kind that is not read
    UnreadTable,
}

/// Numbers of areas, separated by commas.
///
/// # Errors
/// In words.
pub fn area(text: &str) -> Result<Area, String> {
    text.trim()
        .parse()
        .ok()
        .filter(|number| *number > 0)
        .map(Area)
        .ok_or_else(|| "want the number of an area, as `muster area list` shows it".to_owned())
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
