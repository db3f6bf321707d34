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
        /// Which punches.
        #[command(flatten)]
        of: Punches,
        /// Show at most this many punches
        #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000))]
        limit: i64,
    },
    /// Export punches as CSV, ordered by time
    ///
    /// Times are those of the devices' clocks; the column `time_zone` names the zone of each. Muster puts a ' before a
    /// text that a spreadsheet would take for a formula. With --json, each line is one object with unchanged texts.
    #[command(after_help = "\
Examples:
  muster attendance export --from 2027-03-01 --to 2027-03-31 --output march.csv
  muster attendance export --device CKJF210560012 --json")]
    Export {
        /// Which punches.
        #[command(flatten)]
        of: Punches,
        /// Write into this new file instead of printing; only its owner can read the file
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// List the pictures that devices took at punches, the newest first
    Photos {
        /// The punches of the pictures.
        #[command(flatten)]
        of: Punches,
    },
    /// Write one picture into a file
    Photo {
        /// Number of the picture, from `muster attendance photos`
        id: i64,
        /// Write into this new file; only its owner can read the file [default: the file name that the device gave]
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

/// Which punches.
#[derive(Args, Clone, Debug, Default)]
pub struct Punches {
    /// First day or time, by the clock of the device: 2027-03-12 or "2027-03-12 08:00"
    #[arg(long, value_name = "TIME", value_parser = local_time)]
    pub from: Option<String>,
    /// Last day or time; the whole day, minute or second is included
    #[arg(long, value_name = "TIME", value_parser = local_time)]
    pub to: Option<String>,
    /// Only from the device with this serial number
    #[arg(long, value_name = "SN")]
    pub device: Option<SerialNumber>,
    /// Only of this PIN, as the device sent it; "" for strangers
    #[arg(long)]
    pub pin: Option<String>,
}

/// Records from devices that are neither people nor punches.
#[derive(Debug, Subcommand)]
pub enum RecordCommand {
    /// List records, the newest first
    List {
        /// List only this kind
        #[arg(long, value_enum)]
        kind: Option<RecordKindArg>,
        /// List only records from the device with this serial number
        #[arg(long, value_name = "SN")]
        device: Option<SerialNumber>,
    },
    /// Show one record
    Show {
        /// Number of the record, from `muster record list`
        id: i64,
        /// Print the record as the device sent it; the text may hold everything on an identity card
        #[arg(long)]
        raw: bool,
    },
}

/// The kinds of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RecordKindArg {
    /// An identity card that the device read
    IdCard,
    /// An error that the device reported
    Error,
    /// A message that the device shows
    Message,
    /// A request of the device to verify a person
    Verification,
}

/// Reads a day or a time as devices write it, to the day, minute or second.
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
    Err("want a day such as 2027-03-12, or a time such as \"2027-03-12 08:00\"".to_owned())
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
