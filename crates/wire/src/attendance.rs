//! Attendance records, called punches: who identified at a device, and when (§11.2).

use std::fmt;

use crate::upload::lines;
use crate::{Base64, FieldError, RecordError};

/// An attendance record: one punch.
///
/// Wire form (§11.2): columns separated by tabs, without a tag: PIN, time, status, verification, work code, two
/// reserved columns. Devices send 4 to 12 columns (field note 8.1); the last one may be empty. Only PIN and time
/// are required, and the PIN is empty for a stranger (field note 8.2). Columns 8 and 9 hold an identity card, or
/// mask and temperature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Punch {
    /// The PIN as sent. It may belong to no known user; it is empty for a stranger.
    pub pin: String,
    /// The device's local time as sent, `YYYY-MM-DD HH:MM:SS`.
    pub time: String,
    /// The kind of punch: 0 in, 1 out, 255 nothing was chosen. Devices may give the numbers other meanings.
    pub status: Option<i64>,
    /// The verification mode that was used (appendix 6); any number.
    pub verify: Option<i64>,
    /// The work code; empty or `0` means none.
    pub work_code: String,
    /// The reserved columns 6 and 7, as sent.
    pub reserved: [String; 2],
    /// The columns after the seventh.
    pub more: More,
}

/// The content of the columns after the seventh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum More {
    /// No such columns.
    None,
    /// Mask, temperature and location.
    Screening(Screening),
    /// An identity card that the device read (§11.2, `PushProtVer` 2.4.0).
    IdCard(CardRead),
}

/// Measurements of the device. Implausible values are left out here; the raw line still has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Screening {
    /// Whether the person wore a mask.
    pub mask: Option<bool>,
    /// Body temperature as sent, in the device's unit.
    pub temperature: Option<String>,
    /// Body temperature as sent, in the unit that the device was configured to convert to.
    pub converted_temperature: Option<String>,
    /// Offset of the device's clock from UTC, seconds.
    pub time_offset_s: Option<i32>,
    /// The text of a JSON object; `GPSInfo` in it holds the location.
    pub extended: Option<String>,
}

/// The identity card of an attendance record.
#[derive(Clone, PartialEq, Eq)]
pub struct CardRead {
    /// The citizen's number; empty when the card had none.
    pub id_number: String,
    /// 0 attendance; 1 comparison of the person with the card. After a comparison the status means: 0 success, 1
    /// failure, 2 the person is on the blacklist.
    pub kind: Option<i64>,
}

impl fmt::Debug for CardRead {
    /// Leaves out the citizen's number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CardRead").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// A line of an attendance upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PunchLine<'a> {
    /// Number of the line in the request body. The first line is 1, and empty lines count.
    pub number: usize,
    /// The line as it came, without its line end.
    pub raw: &'a [u8],
    /// The record, or why it cannot be read.
    pub record: Result<Punch, RecordError>,
}

/// The lines of an attendance upload with their records. Set `reads_cards` for a device of type `pid`.
pub fn punches(body: &[u8], reads_cards: bool) -> impl Iterator<Item = PunchLine<'_>> {
    lines(body).map(move |(number, raw)| {
        let failed = |source| RecordError { line: number, record: "ATTLOG", source };
        PunchLine { number, raw, record: Punch::read(raw, reads_cards).map_err(failed) }
    })
}

/// Longest text of a column, bytes; a longer column is an error.
const MAX_COLUMN_BYTES: usize = 64;

impl Punch {
    /// Reads a line without its line end. Set `reads_cards` for a device of type `pid`, which sends identity
    /// cards.
    ///
    /// # Errors
    /// The first required column that is missing, or the first column with an invalid value.
    pub fn read(line: &[u8], reads_cards: bool) -> Result<Self, FieldError> {
        let columns: Vec<&[u8]> = line.split(|&byte| byte == b'\t').collect();
        let column = |place: usize, field: &'static str| text(columns.get(place).copied(), field);
        let number = |place: usize, field: &'static str| match column(place, field)? {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| FieldError::Invalid { field, want: "a number" }),
        };
        let time = column(1, "Time")?;
        if time.is_empty() {
            return Err(FieldError::Missing { field: "Time" });
        }
        if !is_local_time(time) {
            return Err(FieldError::Invalid { field: "Time", want: "YYYY-MM-DD HH:MM:SS" });
        }
        Ok(Self {
            pin: column(0, "Pin")?.to_owned(),
            time: time.to_owned(),
            status: number(2, "Status")?,
            verify: number(3, "Verify")?,
            work_code: column(4, "Workcode")?.to_owned(),
            reserved: [column(5, "Reserved1")?.to_owned(), column(6, "Reserved2")?.to_owned()],
            more: More::read(columns.get(7..).unwrap_or_default(), reads_cards),
        })
    }
}

impl More {
    /// Reads the columns from the eighth on. Without `reads_cards`, a citizen's number in column 8 marks an
    /// identity card.
    fn read(columns: &[&[u8]], reads_cards: bool) -> Self {
        let column = |place: usize| text(columns.get(place).copied(), "").unwrap_or_default();
        let first = column(0);
        if is_id_number(first) || (reads_cards && !(first.is_empty() && column(1).is_empty())) {
            return Self::IdCard(CardRead { id_number: first.to_owned(), kind: column(1).parse().ok() });
        }
        let screening = Screening {
            mask: match first {
                "0" => Some(false),
                "1" => Some(true),
                _ => None,
            },
            temperature: temperature(column(1)),
            converted_temperature: temperature(column(2)),
            time_offset_s: time_offset(column(3)),
            extended: columns.get(4).and_then(|encoded| extended(encoded)),
        };
        if screening == Screening::default() { Self::None } else { Self::Screening(screening) }
    }
}

/// The trimmed text of a column; empty when the line ends before it.
fn text<'a>(column: Option<&'a [u8]>, field: &'static str) -> Result<&'a str, FieldError> {
    let column = column.unwrap_or_default().trim_ascii();
    let text = str::from_utf8(column).map_err(|_| FieldError::Invalid { field, want: "UTF-8" })?;
    if text.len() > MAX_COLUMN_BYTES {
        return Err(FieldError::Invalid { field, want: "a short text" });
    }
    Ok(text)
}

/// Whether a text has the form of a device's local time: `2027-03-12 08:01:15`.
pub(crate) fn is_local_time(text: &str) -> bool {
    const PATTERN: &[u8] = b"0000-00-00 00:00:00";
    let shaped = text.len() == PATTERN.len()
        && text.bytes().zip(PATTERN).all(|(byte, &wanted)| match wanted {
            b'0' => byte.is_ascii_digit(),
            other => byte == other,
        });
    let within = |from: usize, low: u8, high: u8| {
        let number = text.get(from..from + 2).and_then(|digits| digits.parse::<u8>().ok());
        number.is_some_and(|number| (low..=high).contains(&number))
    };
    shaped
        && within(5, 1, 12)
        && within(8, 1, 31)
        && within(11, 0, 23)
        && within(14, 0, 59)
        && within(17, 0, 59)
}

/// Whether a text is a citizen's number: 15 or 18 digits, the last of which may be an `X`.
fn is_id_number(text: &str) -> bool {
    let Some((last, digits)) = text.as_bytes().split_last() else { return false };
    matches!(text.len(), 15 | 18)
        && digits.iter().all(u8::is_ascii_digit)
        && (last.is_ascii_digit() || last.eq_ignore_ascii_case(&b'x'))
}

/// A plausible body temperature, in degrees Celsius or Fahrenheit.
fn temperature(text: &str) -> Option<String> {
    let degrees: f64 = text.parse().ok()?;
    (20.0..=130.0).contains(&degrees).then(|| text.to_owned())
}

/// A plausible offset of a time zone. Some devices send other values in this column.
fn time_offset(text: &str) -> Option<i32> {
    let offset: i32 = text.parse().ok()?;
    (offset % 900 == 0 && (-50_400..=50_400).contains(&offset)).then_some(offset)
}

/// Decodes a column of base64 that holds a JSON object.
fn extended(encoded: &[u8]) -> Option<String> {
    const MAX_BYTES: usize = 4_096;
    let encoded = encoded.trim_ascii();
    let payload = Base64::read(encoded).ok().filter(|payload| payload.decoded_len() <= MAX_BYTES)?;
    let text = String::from_utf8(payload.decode()).ok()?;
    (text.starts_with('{') && text.ends_with('}')).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Punch {
        Punch::read(line.as_bytes(), false).expect("a punch")
    }

    fn plain(pin: &str, time: &str) -> Punch {
        Punch {
            pin: pin.into(),
            time: time.into(),
            status: None,
            verify: None,
            work_code: String::new(),
            reserved: [String::new(), String::new()],
            more: More::None,
        }
    }

    /// Obligation 109.
    #[test]
    fn only_pin_and_time_must_be_there() {
        let time = "2027-03-12 08:01:15";
        let (bare, sent) = (plain("1007", time), Some(0));
        let four = Punch { status: sent, verify: Some(1), ..bare.clone() };
        let seven = Punch { work_code: "4".into(), reserved: ["0".into(), "0".into()], ..four.clone() };
        for (line, expected) in [
            ("1007\t2027-03-12 08:01:15", &bare),
            ("1007\t2027-03-12 08:01:15\t0\t1", &four),
            ("1007\t2027-03-12 08:01:15\t0\t1\t4\t0\t0", &seven),
            ("1007\t2027-03-12 08:01:15\t0\t1\t4\t0\t0\t", &seven),
            ("1007\t2027-03-12 08:01:15\t0\t1\t4\t0\t0\t\t\t\t", &seven),
        ] {
            assert_eq!(&read(line), expected, "{line}");
        }
        assert_eq!(Punch::read(b"1007", false), Err(FieldError::Missing { field: "Time" }));
        for line in ["7\tnever", "7\t2027-13-12 08:01:15", "7\t2027-03-12T08:01:15", "7\t2027-03-12 08:01:1"]
        {
            let wrong = FieldError::Invalid { field: "Time", want: "YYYY-MM-DD HH:MM:SS" };
            assert_eq!(Punch::read(line.as_bytes(), false), Err(wrong), "{line}");
        }
    }

    /// Obligation 112.
    #[test]
    fn any_number_is_a_status_and_a_verification() {
        let punch = read("7\t2027-03-12 08:01:15\t4711\t-3");
        assert_eq!((punch.status, punch.verify), (Some(4711), Some(-3)));
        let wrong = Punch::read(b"7\t2027-03-12 08:01:15\tin\t1", false);
        assert_eq!(wrong, Err(FieldError::Invalid { field: "Status", want: "a number" }));
    }

    fn card(id_number: &str, kind: Option<i64>) -> More {
        More::IdCard(CardRead { id_number: id_number.into(), kind })
    }

    /// Obligation 113.
    #[test]
    fn an_identity_card_differs_from_a_mask() {
        let front = "7\t2027-03-12 08:01:15\t0\t15\t0\t0\t0";
        let more = |tail: &str, reads_cards| {
            Punch::read(format!("{front}{tail}").as_bytes(), reads_cards).expect("a punch").more
        };
        assert_eq!(more("\t990101198001011234\t0", false), card("990101198001011234", Some(0)));
        assert_eq!(more("\t99010119800101123x\t1", false), card("99010119800101123x", Some(1)));
        assert_eq!(more("\t990101800101123\t1", false), card("990101800101123", Some(1)));
        // A device that reads cards sends only identity cards here, whatever the number looks like.
        assert_eq!(more("\t1\t0", true), card("1", Some(0)));
        assert_eq!(more("", true), More::None);
        assert_eq!(more("\t\t", true), More::None);
        let mask = Screening { mask: Some(true), temperature: Some("36.2".into()), ..Screening::default() };
        assert_eq!(more("\t1\t36.2", false), More::Screening(mask));
    }

    /// Obligation 114.
    #[test]
    fn implausible_measurements_are_left_out() {
        let front = "7\t2027-03-12 08:01:15\t0\t15\t0\t0\t0";
        let more = |tail: &str| read(&format!("{front}{tail}")).more;
        let place = r#"{"GPSInfo":{"longitude":"-1","latitude":"-1"}}"#;
        let encoded = Base64::encode(place.as_bytes());
        assert_eq!(
            more(&format!("\t0\t36.2\t97.2\t+28800\t{}", encoded.as_str())),
            More::Screening(Screening {
                mask: Some(false),
                temperature: Some("36.2".into()),
                converted_temperature: Some("97.2".into()),
                time_offset_s: Some(28_800),
                extended: Some(place.into()),
            })
        );
        // A temperature of 0 means not measured. An offset of 6 seconds was seen and is no time zone.
        assert_eq!(
            more("\t1\t36.70\t0\t6\tno-base64"),
            More::Screening(Screening {
                mask: Some(true),
                temperature: Some("36.70".into()),
                ..Screening::default()
            })
        );
        assert_eq!(more("\t255\t0\t0\t"), More::None);
    }

    #[test]
    fn a_stranger_has_no_pin() {
        let body = b"\t2024-03-11 16:34:33\t255\t15\t\t0\t0\t1\t36.70\t0\r\n\n7\tnever";
        let lines: Vec<_> = punches(body, false).collect();
        assert_eq!(lines[0].record.as_ref().map(|punch| punch.pin.as_str()), Ok(""));
        assert_eq!((lines[0].number, lines[1].number), (1, 3));
        let error = lines[1].record.as_ref().expect_err("no time");
        assert_eq!(error.to_string(), "line 3, ATTLOG: Time is not YYYY-MM-DD HH:MM:SS");
    }

    #[test]
    fn debug_output_holds_no_citizen_number() {
        let shown = format!("{:?}", read("7\t2027-03-12 08:01:15\t0\t15\t0\t0\t0\t990101198001011234\t0"));
        assert!(!shown.contains("990101198001011234"), "{shown}");
    }
}
