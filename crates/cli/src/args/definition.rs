//! `muster timezone`, `holiday`, `group`, `unlock-combination`, `message` and `workcode`: definitions of the whole fleet.

use clap::{Args, Subcommand, ValueEnum};
use roster::{Area, CLOSED, DAYS, DefinitionKind, MAX_DEFINITIONS};
use wire::Pin;

use super::area;

/// The commands for definitions of one kind.
#[derive(Clone, Debug, Subcommand)]
pub enum Definitions<S: Args> {
    /// Add a definition, or change the given fields of an existing one
    Set(Box<S>),
    /// List all definitions of this kind
    List,
    /// Show a definition, and the devices that hold it
    Show {
        /// Number of the definition; for a work code, the code
        name: String,
    },
    /// Delete a definition from the fleet and all devices
    Delete {
        /// Number of the definition; for a work code, the code
        name: String,
    },
}

/// Short messages.
#[derive(Clone, Debug, Subcommand)]
pub enum MessageCommand {
    /// The commands for any definition.
    #[command(flatten)]
    Defined(Definitions<SetMessage>),
    /// Assign a personal message to people
    ///
    /// You cannot take the message from one person again: the protocol has no command for that. If you delete the
    /// message, nobody has it any more.
    Assign {
        /// Number of the message
        number: u16,
        /// PINs of the people who get the message
        #[arg(required = true)]
        pins: Vec<Pin>,
    },
}

/// The arguments of `set`, for one kind of definition.
pub trait SetDefinition {
    /// The kind of definition.
    const KIND: DefinitionKind;
    /// Each required field of the table, and the option that sets it.
    const NEEDS: &'static [(&'static str, &'static str)];

    /// The number or code of the definition, as the operator typed it.
    fn name(&self) -> &str;

    /// The areas, if the operator gave any.
    fn areas(&self) -> Option<&[Area]>;

    /// The fields that the operator gave.
    fn fields(&self) -> Vec<(&'static str, String)>;
}

/// A time zone.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Write hours as 08:00-18:00, all-day or closed. In a new time zone, days without hours are closed.

Examples:
  muster timezone set 2 --every-day 08:00-18:00 --sat 09:00-12:00 --sun closed
  muster timezone set 2 --fri 08:00-16:00        changes only Friday")]
pub struct SetTimeZone {
    /// Number of the time zone, 1 to 9999; most devices hold 50. People without a time zone of their own have number 1
    pub number: String,
    /// Hours of all days that have no option of their own
    #[arg(long, value_name = "HOURS", value_parser = hours)]
    pub every_day: Option<Hours>,
    /// Hours of Sunday
    #[arg(long, value_name = "HOURS", value_parser = hours)]
    pub sun: Option<Hours>,
    /// Hours of Monday
    #[arg(long, value_name = "HOURS", value_parser = hours)]
    pub mon: Option<Hours>,
    /// Hours of Tuesday
    #[arg(long, value_name = "HOURS", value_parser = hours)]
    pub tue: Option<Hours>,
    /// Hours of Wednesday
    #[arg(long, value_name = "HOURS", value_parser = hours)]
    pub wed: Option<Hours>,
    /// Hours of Thursday
    #[arg(long, value_name = "HOURS", value_parser = hours)]
    pub thu: Option<Hours>,
    /// Hours of Friday
    #[arg(long, value_name = "HOURS", value_parser = hours)]
    pub fri: Option<Hours>,
    /// Hours of Saturday
    #[arg(long, value_name = "HOURS", value_parser = hours)]
    pub sat: Option<Hours>,
    /// The areas of the time zone.
    #[command(flatten)]
    pub of: OfAreas,
}

/// The areas of a definition.
#[derive(Args, Clone, Debug)]
pub struct OfAreas {
    /// All areas whose devices get the definition, separated by commas [default: 1]
    #[arg(long, value_name = "1,2", value_delimiter = ',', value_parser = area)]
    pub areas: Option<Vec<Area>>,
}

/// Start and end, four digits each.
pub type Hours = (String, String);

impl SetDefinition for SetTimeZone {
    const KIND: DefinitionKind = DefinitionKind::TimeZone;
    const NEEDS: &'static [(&'static str, &'static str)] = &[];

    fn name(&self) -> &str {
        &self.number
    }

    fn areas(&self) -> Option<&[Area]> {
        self.of.areas.as_deref()
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        let days = [&self.sun, &self.mon, &self.tue, &self.wed, &self.thu, &self.fri, &self.sat];
        let hours = days.into_iter().map(|day| day.clone().or_else(|| self.every_day.clone()));
        let given = DAYS.iter().zip(hours).filter_map(|(keys, hours)| Some((keys, hours?)));
        given.flat_map(|((start, end), (from, to))| [(*start, from), (*end, to)]).collect()
    }
}

/// A holiday.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  muster holiday set 1 --name Christmas --from 12-24 --to 12-26 --time-zone 3
  muster group set 2 --holidays yes              the holidays apply to this group")]
pub struct SetHoliday {
    /// Number of the holiday, 1 to 9999; most devices hold 24
    pub number: String,
    /// Name of the holiday
    #[arg(long)]
    pub name: Option<String>,
    /// First day, in each year
    #[arg(long, value_name = "MM-DD", value_parser = day)]
    pub from: Option<String>,
    /// Last day, in each year
    #[arg(long, value_name = "MM-DD", value_parser = day)]
    pub to: Option<String>,
    /// Access time zone that applies on these days
    #[arg(long, value_name = "NUMBER")]
    pub time_zone: Option<u16>,
    /// The areas of the holiday.
    #[command(flatten)]
    pub of: OfAreas,
}

impl SetDefinition for SetHoliday {
    const KIND: DefinitionKind = DefinitionKind::Holiday;
    const NEEDS: &'static [(&'static str, &'static str)] = &[
        ("HolidayName", "--name"),
        ("StartDate", "--from"),
        ("EndDate", "--to"),
        ("TimeZone", "--time-zone"),
    ];

    fn name(&self) -> &str {
        &self.number
    }

    fn areas(&self) -> Option<&[Area]> {
        self.of.areas.as_deref()
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        given([
            ("HolidayName", self.name.clone()),
            ("StartDate", self.from.clone()),
            ("EndDate", self.to.clone()),
            ("TimeZone", self.time_zone.map(|number| number.to_string())),
        ])
    }
}

/// An access group.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  muster group set 2 --time-zones 2,3
  muster group set 2 --holidays yes --verify 1
  muster user set 1001 --group 2                 puts a person into the group")]
pub struct SetGroup {
    /// Number of the group, 1 to 9999; devices hold 5 to 99. People without a group of their own are in group 1
    pub number: String,
    /// Access time zones in which the group may open doors, one to three, separated by commas
    #[arg(long, value_name = "1,2,3", value_parser = numbers::<3>)]
    pub time_zones: Option<Numbers>,
    /// Verification mode of the group: a number of appendix 7 of the protocol; 0 = any
    #[arg(long, value_name = "MODE", allow_negative_numbers = true, value_parser = clap::value_parser!(i32).range(-1..=255))]
    pub verify: Option<i32>,
    /// Whether holidays apply to the group
    #[arg(long, value_name = "YES|NO")]
    pub holidays: Option<YesNo>,
    /// The areas of the group.
    #[command(flatten)]
    pub of: OfAreas,
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum YesNo {
    /// Holidays apply
    Yes,
    /// Holidays do not apply
    No,
}

impl SetDefinition for SetGroup {
    const KIND: DefinitionKind = DefinitionKind::Group;
    const NEEDS: &'static [(&'static str, &'static str)] = &[("TZ", "--time-zones")];

    fn name(&self) -> &str {
        &self.number
    }

    fn areas(&self) -> Option<&[Area]> {
        self.of.areas.as_deref()
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        given([
            ("TZ", self.time_zones.as_ref().map(|Numbers(zones)| zones.join(";"))),
            ("Verify", self.verify.map(|mode| mode.to_string())),
            ("ValidHoliday", self.holidays.map(|yes| u8::from(yes == YesNo::Yes).to_string())),
        ])
    }
}

/// Groups that open a door together.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  muster unlock-combination set 2 --groups 2,3     one of group 2 and one of group 3
  muster unlock-combination set 3 --groups 4,4     two of group 4")]
pub struct SetCombination {
    /// Number of the combination, 1 to 9999; most devices hold 10
    pub number: String,
    /// One to five groups, separated by commas: one person of each has to be present
    #[arg(long, value_name = "1,2", value_parser = numbers::<5>)]
    pub groups: Option<Numbers>,
    /// The areas of the combination.
    #[command(flatten)]
    pub of: OfAreas,
}

impl SetDefinition for SetCombination {
    const KIND: DefinitionKind = DefinitionKind::Combination;
    const NEEDS: &'static [(&'static str, &'static str)] = &[];

    fn name(&self) -> &str {
        &self.number
    }

    fn areas(&self) -> Option<&[Area]> {
        self.of.areas.as_deref()
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        let Some(Numbers(groups)) = &self.groups else { return Vec::new() };
        ["Group1", "Group2", "Group3", "Group4", "Group5"].into_iter().zip(groups.iter().cloned()).collect()
    }
}

/// A short message.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Times are those of the clock on each device.

Examples:
  muster message set 1 --text \"Stocktaking on Friday\" --start \"2027-03-12 08:00\" --minutes 600
  muster message set 2 --text \"See the front desk\" --start 2027-03-12 --minutes 1440 --to personal
  muster message assign 2 1001 1002")]
pub struct SetMessage {
    /// Number of the message, 1 to 9999
    pub number: String,
    /// Text of the message, at most 320 bytes
    #[arg(long)]
    pub text: Option<String>,
    /// Time from which devices show the message, by the clock of the device
    #[arg(long, value_name = "TIME", value_parser = super::user::moment)]
    pub start: Option<String>,
    /// Number of minutes for which devices show the message
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(1..))]
    pub minutes: Option<i32>,
    /// People who see the message [default: everyone]
    #[arg(long, value_enum)]
    pub to: Option<Audience>,
    /// The areas of the message.
    #[command(flatten)]
    pub of: OfAreas,
}

/// The audience of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Audience {
    /// Everyone, on the screen
    Everyone,
    /// People to whom you assign the message, at their next punch
    Personal,
    /// Nobody yet
    Nobody,
}

impl SetDefinition for SetMessage {
    const KIND: DefinitionKind = DefinitionKind::Message;
    const NEEDS: &'static [(&'static str, &'static str)] =
        &[("MSG", "--text"), ("StartTime", "--start"), ("MIN", "--minutes")];

    fn name(&self) -> &str {
        &self.number
    }

    fn areas(&self) -> Option<&[Area]> {
        self.of.areas.as_deref()
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        let to = self.to.map(|to| match to {
            Audience::Everyone => "253",
            Audience::Personal => "254",
            Audience::Nobody => "255",
        });
        given([
            ("MSG", self.text.clone()),
            ("StartTime", self.start.clone()),
            ("MIN", self.minutes.map(|minutes| minutes.to_string())),
            ("TAG", to.map(str::to_owned)),
        ])
    }
}

/// A work code.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  muster workcode set 101 --name Assembly
  muster workcode set 102 --name Shipping --areas 2")]
pub struct SetWorkCode {
    /// Code that people type and that punches contain: letters and digits, at most 20
    pub code: String,
    /// Name of the work code
    #[arg(long)]
    pub name: Option<String>,
    /// The areas of the work code.
    #[command(flatten)]
    pub of: OfAreas,
}

impl SetDefinition for SetWorkCode {
    const KIND: DefinitionKind = DefinitionKind::WorkCode;
    const NEEDS: &'static [(&'static str, &'static str)] = &[("NAME", "--name")];

    fn name(&self) -> &str {
        &self.code
    }

    fn areas(&self) -> Option<&[Area]> {
        self.of.areas.as_deref()
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        given([("NAME", self.name.clone())])
    }
}

fn given<const N: usize>(fields: [(&'static str, Option<String>); N]) -> Vec<(&'static str, String)> {
    fields.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

/// As many numbers as the table has fields; 0 for each number that the operator did not give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbers(pub Vec<String>);

/// One to `MOST` numbers, separated by commas.
fn numbers<const MOST: usize>(text: &str) -> Result<Numbers, String> {
    let want = || format!("want one to {MOST} numbers from 1 to {MAX_DEFINITIONS}, separated by commas");
    let number = |text: &str| {
        let number = text.trim().parse::<u16>().ok().filter(|number| (1..=MAX_DEFINITIONS).contains(number));
        number.map(|number| number.to_string()).ok_or_else(want)
    };
    let mut numbers = text.split(',').map(number).collect::<Result<Vec<String>, String>>()?;
    if numbers.len() > MOST {
        return Err(want());
    }
    numbers.resize(MOST, "0".to_owned());
    Ok(Numbers(numbers))
}

/// `08:00-18:00`, `all-day` or `closed`.
fn hours(text: &str) -> Result<Hours, String> {
    let want = || "want hours such as 08:00-18:00, or all-day, or closed".to_owned();
    let (start, end) = match text {
        "all-day" => return Ok(("0000".to_owned(), "2359".to_owned())),
        "closed" => return Ok((CLOSED.0.to_owned(), CLOSED.1.to_owned())),
        _ => text.split_once('-').ok_or_else(want)?,
    };
    let clock = |text: &str| -> Result<String, String> {
        let time: jiff::civil::Time = text.trim().parse().map_err(|_| want())?;
        Ok(time.strftime("%H%M").to_string())
    };
    let (start, end) = (clock(start)?, clock(end)?);
    if start > end {
        // A device treats such hours as closed.
        return Err(
            "the hours end before they begin: for a night, make two time zones, one for each of the \
                    two days"
                .to_owned(),
        );
    }
    Ok((start, end))
}

/// A day of every year.
fn day(text: &str) -> Result<String, String> {
    let want = || "want a day such as 12-24".to_owned();
    let (month, day) = text.split_once('-').ok_or_else(want)?;
    let number = |text: &str| text.parse::<i8>().map_err(|_| want());
    // 2000 had a 29 February.
    let date = jiff::civil::Date::new(2000, number(month)?, number(day)?).map_err(|_| want())?;
    Ok(date.strftime("%m%d").to_string())
}

/// The word for a kind on the command line.
pub const fn definition_command(kind: DefinitionKind) -> &'static str {
    match kind {
        DefinitionKind::TimeZone => "timezone",
        DefinitionKind::Holiday => "holiday",
        DefinitionKind::Group => "group",
        DefinitionKind::Combination => "unlock-combination",
        DefinitionKind::Message => "message",
        DefinitionKind::WorkCode => "workcode",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_written_as_devices_want_them() {
        let hours = |text| hours(text).ok().map(|(start, end)| format!("{start} {end}"));
        assert_eq!(hours("08:00-18:30").as_deref(), Some("0800 1830"));
        assert_eq!(hours("all-day").as_deref(), Some("0000 2359"));
        assert_eq!(hours("closed").as_deref(), Some("2357 2356"));
        for wrong in ["", "8", "22:00-06:00", "25:00-26:00", "08:00"] {
            assert_eq!(hours(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_day_is_one_of_some_year() {
        assert_eq!(day("12-24").as_deref(), Ok("1224"));
        assert_eq!(day("2-29").as_deref(), Ok("0229"));
        for wrong in ["", "24.12.", "13-01", "02-30"] {
            assert!(day(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_that_are_not_given_are_none() {
        assert_eq!(numbers::<3>("2"), Ok(Numbers(["2", "0", "0"].map(str::to_owned).to_vec())));
        for wrong in ["", "0", "1,2,3,4", "x", "1;2", "10000"] {
            assert!(numbers::<3>(wrong).is_err(), "{wrong}");
        }
    }
}
