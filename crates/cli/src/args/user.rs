//! `muster user`

use clap::{Args, Subcommand};
use jiff::civil::Date;
use roster::Area;
use wire::Pin;

use super::area;

/// People.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// List people, by PIN
    List(ListUsers),
    /// Show one person: fields, templates, and the devices that hold the person
    Show {
        /// PIN, by which devices know the person
        pin: Pin,
    },
    /// Add a person, or change the given fields of an existing one
    #[command(after_help = "\
Examples:
  muster user set 1001 --name \"Ada Lovelace\" --card 123456789
  muster user set 1001 --privilege admin
  muster user set 1001 --card \"\"                       removes the card
  muster user set 1001 --leaves 2027-03-31
  read -rs P && printf %s \"$P\" | muster user set 1001 --password-stdin")]
    Set(Box<SetUser>),
    /// Remove people from every device, and keep their data in the fleet
    ///
    /// Fingerprints, faces, cards and areas stay in the fleet. No device brings a suspended person back. For a person who
    /// is already suspended, --until replaces the last day.
    #[command(after_help = "\
Examples:
  muster user suspend 1001                              until `muster user reinstate 1001`
  muster user suspend 1001 1002 --until 2027-03-12      they are back on 2027-03-13")]
    Suspend(SuspendUsers),
    /// Bring suspended people, or people who have left, back to the devices of their areas, with all their data
    Reinstate {
        /// PINs of the people
        #[arg(required = true, value_name = "PIN")]
        pins: Vec<Pin>,
    },
    /// Delete a person everywhere, with all templates
    ///
    /// For `undo_days` days, `muster user undo` can bring the person back, unless you give --erase.
    Delete(DeleteUser),
    /// Bring a deleted person back, with all templates
    Undo {
        /// PIN of the person
        pin: Pin,
    },
    /// List deleted people who can be brought back
    Deleted,
}

/// Filters of the list of people.
#[derive(Args, Clone, Debug)]
pub struct ListUsers {
    /// List only people whose PIN, name or card contains this text
    #[arg(long, value_name = "TEXT")]
    pub search: Option<String>,
    /// List at most this many people; 0 = all
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    pub limit: usize,
}

/// The fields of a person that `muster user set` changes.
#[derive(Args, Clone, Debug)]
pub struct SetUser {
    /// PIN, by which devices know the person: letters and digits, at most 24
    pub pin: Pin,
    /// Name; "" removes the name
    #[arg(long, value_parser = line)]
    pub name: Option<String>,
    /// Card number; "" removes the card
    #[arg(long, value_parser = line)]
    pub card: Option<String>,
    /// Number of a second card; "" removes the card
    #[arg(long, value_name = "CARD", value_parser = line)]
    pub vice_card: Option<String>,
    /// Password; "" removes the password. Other users of this machine can read it: prefer --password-stdin
    #[arg(long, value_parser = line)]
    pub password: Option<String>,
    /// Read the password from standard input
    #[arg(long, conflicts_with = "password")]
    pub password_stdin: bool,
    /// Privilege of the person at devices: user, registrar, admin, super, or a number
    #[arg(long, value_name = "ROLE", value_parser = privilege)]
    pub privilege: Option<i32>,
    /// Number of the access group
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(1..=99))]
    pub group: Option<i32>,
    /// Access time zones, 16 digits; "" = the default of the device
    #[arg(long, value_name = "DIGITS", value_parser = time_zones)]
    pub time_zones: Option<String>,
    /// Verification mode; -1 = the mode of the group
    #[arg(long, value_name = "MODE", allow_negative_numbers = true, value_parser = clap::value_parser!(i32).range(-1..=255))]
    pub verify: Option<i32>,
    /// Start of validity, for example "2027-01-01 08:00:00"; "" = none
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub start: Option<String>,
    /// End of validity; "" = none
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub end: Option<String>,
    /// All areas of the person, separated by commas
    ///
    /// Muster deletes the person from devices that share no area with the person any more. A suspended person returns to these
    /// areas.
    #[arg(long, value_name = "1,2", value_delimiter = ',', value_parser = area)]
    pub areas: Option<Vec<Area>>,
    /// Last day of the person, for example 2027-03-31; "" = none
    ///
    /// When the day has ended, Muster removes the person from every device. The fleet keeps the person as left, until you
    /// delete or reinstate the person. The day ends at midnight in the time zone of the server (`time_zone`), for all
    /// devices at once.
    #[arg(long, value_name = "DATE", value_parser = day_or_nothing)]
    pub leaves: Option<String>,
}

/// The people to suspend, and the last day of the suspension.
#[derive(Args, Clone, Debug)]
pub struct SuspendUsers {
    /// PINs of the people
    #[arg(required = true, value_name = "PIN")]
    pub pins: Vec<Pin>,
    /// Last day of the suspension, for example 2027-03-12: the person is back when the next day begins
    ///
    /// The day ends at midnight in the time zone of the server (`time_zone`), for all devices at once. Without --until,
    /// the suspension lasts until `muster user reinstate`.
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub until: Option<Date>,
}

/// The person to delete, and how.
#[derive(Args, Clone, Debug)]
pub struct DeleteUser {
    /// PIN of the person
    pub pin: Pin,
    /// Erase everything about the person: keep nothing for an undo, no held record, no picture
    ///
    /// You can also erase a PIN that is already deleted. Punches stay unless you give --punches. Muster then rewrites the
    /// file of an SQLite database, so that no byte of the person stays in the file. Nobody else can write meanwhile.
    #[arg(long)]
    pub erase: bool,
    #[command(flatten)]
    pub erasing: Erasing,
    /// Do not ask for confirmation
    #[arg(long, short)]
    pub yes: bool,
}

/// How far an erasure goes.
#[derive(Args, Clone, Debug)]
pub struct Erasing {
    /// With --erase: also delete the person's punches
    #[arg(long, requires = "erase")]
    pub punches: bool,
    /// With --erase: do not rewrite the file of the database
    #[arg(long, requires = "erase")]
    pub no_rewrite: bool,
}

/// Reads text that a device can store in one field.
fn line(text: &str) -> Result<String, String> {
    if text.chars().any(char::is_control) {
        Err("want one line of text without tabs".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

/// A privilege by its name or number.
fn privilege(text: &str) -> Result<i32, String> {
    match text {
        "user" => Ok(0),
        "registrar" => Ok(2),
        "admin" => Ok(6),
        "super" => Ok(14),
        _ => text.parse().ok().filter(|number| (0..=15).contains(number)).ok_or_else(|| {
            "want user (0), registrar (2), admin (6), super (14), or a number 0 to 15".to_owned()
        }),
    }
}

fn time_zones(text: &str) -> Result<String, String> {
    let right = text.is_empty() || (text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_digit()));
    if right { Ok(text.to_owned()) } else { Err("want 16 digits, or nothing".to_owned()) }
}

/// A date.
fn day(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| "want a date such as 2027-03-12".to_owned())
}

/// A date, or nothing.
fn day_or_nothing(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    day(text).map(|day| day.to_string()).map_err(|error| error + ", or nothing")
}

/// A time as devices write it.
pub(super) fn moment(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    let day = text.parse::<Date>().map(|day| day.at(0, 0, 0, 0));
    let time = text.parse::<jiff::civil::DateTime>().or(day);
    time.map(|time| time.strftime("%Y-%m-%d %H:%M:%S").to_string())
        .map_err(|_| "want a time such as 2027-01-01 or \"2027-01-01 08:00:00\", or nothing".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_a_time_at_its_beginning() {
        assert_eq!(moment("2027-01-02").as_deref(), Ok("2027-01-02 00:00:00"));
        assert_eq!(moment("2027-01-02 08:30").as_deref(), Ok("2027-01-02 08:30:00"));
        assert_eq!(moment("").as_deref(), Ok(""));
        assert!(moment("tomorrow").is_err());
    }

    #[test]
    fn a_last_day_is_a_date_or_nothing() {
        assert_eq!(day_or_nothing("2027-03-12").as_deref(), Ok("2027-03-12"));
        assert_eq!(day_or_nothing("").as_deref(), Ok(""));
        for wrong in ["tomorrow", "2027-02-29", "12.3.2027", "never"] {
            assert!(day_or_nothing(wrong).is_err() && day(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_privilege_has_a_name_or_a_number() {
        for (text, number) in
            [("user", Some(0)), ("super", Some(14)), ("10", Some(10)), ("16", None), ("-1", None)]
        {
            assert_eq!(privilege(text).ok(), number, "{text}");
        }
    }
}
