//! `muster attendance` and `muster record`

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use wire::SerialNumber;

/// Punches.
#[derive(Debug, Subcommand)]
pub enum AttendanceCommand {
    /// Show the last punches, the newest first
    #[command(after_help = "\
Examples:
  muster attendance list
  muster attendance list --from 2027-03-12 --pin 1001")]
    List {
        /// Which
        #[command(flatten)]
        of: Punches,
        /// How many at most
        #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000))]
        limit: i64,
    },
    /// Write punches as CSV, in the order of their times
    ///
    /// Times are those of the terminals' clocks; `time_zone` names the zone of each. Texts of terminals that a
    /// spreadsheet would take for a formula begin with a ' there. With --json one object a line, as they are.
    #[command(after_help = "\
Examples:
  muster attendance export --from 2027-03-01 --to 2027-03-31 --output march.csv
  muster attendance export --device CKJF210560012 --json")]
    Export {
        /// Which
        #[command(flatten)]
        of: Punches,
        /// Write into this new file, which only its owner may read, instead of printing
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// List the pictures that terminals took of punches, the newest first
    Photos {
        /// Which
        #[command(flatten)]
        of: Punches,
    },
    /// Write one of the pictures into a file
    Photo {
        /// Its number, as `muster attendance photos` shows it
        id: i64,
        /// Write into this new file, which only its owner may read [default: the name that the terminal gave it]
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

/// Which punches.
#[derive(Args, Clone, Debug, Default)]
pub struct Punches {
    /// Not before this day or time, by the clock of the terminal: 2027-03-12 or "2027-03-12 08:00"
    #[arg(long, value_name = "TIME", value_parser = local_time)]
    pub from: Option<String>,
    /// Not after this day or time; all of that day, minute or second
    #[arg(long, value_name = "TIME", value_parser = local_time)]
    pub to: Option<String>,
    /// Only from this device
    #[arg(long, value_name = "SN")]
    pub device: Option<SerialNumber>,
    /// Only of this PIN, as the terminal sent it; "" for strangers
    #[arg(long)]
    pub pin: Option<String>,
}

/// What devices send beside people and punches.
#[derive(Debug, Subcommand)]
pub enum RecordCommand {
    /// List them, the newest first
    List {
        /// Only this kind
        #[arg(long, value_enum)]
        kind: Option<RecordKindArg>,
        /// Only from this device
        #[arg(long, value_name = "SN")]
        device: Option<SerialNumber>,
    },
    /// Show one of them
    Show {
        /// Its number, as `muster record list` shows it
        id: i64,
        /// Print the record as the device sent it. It may hold all that stands on an identity card
        #[arg(long)]
        raw: bool,
    },
}

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RecordKindArg {
    /// An identity card that was read
    IdCard,
    /// An error that the device reported
    Error,
    /// A message that the device shows
    Message,
    /// Whom the device asked to let in
    Verification,
}

/// The beginning of a time, from a year on, as terminals write it.
fn local_time(text: &str) -> Result<String, String> {
    const PATTERN: &str = "0000-00-00 00:00:00";
    let text = text.trim().replacen('T', " ", 1);
    let shaped = text.len() <= PATTERN.len()
        && text.bytes().zip(PATTERN.bytes()).all(|(byte, wanted)| match wanted {
            b'0' => byte.is_ascii_digit(),
            other => byte == other,
        });
    if shaped && matches!(text.len(), 10 | 16 | 19) {
        return Ok(text);
    }
    Err("want a day as 2027-03-12, or a time as \"2027-03-12 08:00\"".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_day_or_more() {
        for (text, time) in [
            ("2027-03-12", "2027-03-12"),
            ("2027-03-12 08:00", "2027-03-12 08:00"),
            ("2027-03-12T08:00:15", "2027-03-12 08:00:15"),
        ] {
            assert_eq!(local_time(text).as_deref(), Ok(time));
        }
        for text in ["", "2027", "12.3.2027", "2027-03-12 8:00", "2027-03-12 08:00:15Z", "yesterday"] {
            assert!(local_time(text).is_err(), "{text}");
        }
    }
}
