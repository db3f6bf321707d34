//! Times on a device's clock.

use std::{fmt, str::FromStr};

use crate::FieldError;

/// A time on the device's clock, as commands contain it (§12.1.3, §12.3): `2027-03-12 07:54:11`.
///
/// It has no time zone: the device compares it with its own clock. Times are ordered chronologically.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalTime(Box<str>);

impl LocalTime {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn read(field: &'static str, value: &[u8]) -> Result<Self, FieldError> {
        let invalid = FieldError::Invalid { field, want: WANT };
        str::from_utf8(value).ok().and_then(|text| text.parse().ok()).ok_or(invalid)
    }
}

const WANT: &str = "a time as 2027-03-12 07:54:11";

impl FromStr for LocalTime {
    type Err = FieldError;

    /// `YYYY-MM-DD HH:MM:SS` of an existing day. A `T` may separate date and time.
    fn from_str(text: &str) -> Result<Self, FieldError> {
        let text = text.trim().replacen('T', " ", 1);
        if is_time(text.as_bytes()) {
            Ok(Self(text.into()))
        } else {
            Err(FieldError::Invalid { field: "time", want: WANT })
        }
    }
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_time(text: &[u8]) -> bool {
    const PATTERN: &[u8] = b"dddd-dd-dd dd:dd:dd";
    let fits = text.len() == PATTERN.len()
        && text.iter().zip(PATTERN).all(
            |(byte, wanted)| {
                if *wanted == b'd' { byte.is_ascii_digit() } else { byte == wanted }
            },
        );
    let number = |from: usize, to: usize| {
        let digits = text.get(from..to).unwrap_or_default();
        digits.iter().fold(0_u32, |sum, digit| sum * 10 + u32::from(digit.saturating_sub(b'0')))
    };
    fits && is_day(number(0, 4), number(5, 7), number(8, 10))
        && number(11, 13) < 24
        && number(14, 16) < 60
        && number(17, 19) < 60
}

/// Whether the calendar has this day.
fn is_day(year: u32, month: u32, day: u32) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// Whether four digits are a day of the year as `MMdd` (§12.1.1.16); 29 February is valid.
pub(super) fn is_month_and_day(digits: &[u8]) -> bool {
    let [a, b, c, d] = digits else { return false };
    let number =
        |tens: u8, ones: u8| u32::from(tens.saturating_sub(b'0')) * 10 + u32::from(ones.saturating_sub(b'0'));
    digits.iter().all(u8::is_ascii_digit) && is_day(2000, number(*a, *b), number(*c, *d))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_existing_times_are_read() {
        for text in ["2027-03-12 07:54:11", "2024-02-29T23:59:59", " 2000-02-29 00:00:00 "] {
            let time: LocalTime = text.parse().unwrap();
            assert_eq!(time.as_str(), text.trim().replace('T', " "));
        }
        for text in [
            "",
            "2027-03-12",
            "2027-02-29 00:00:00",
            "2100-02-29 00:00:00",
            "2027-13-01 00:00:00",
            "2027-04-31 00:00:00",
            "2027-03-12 24:00:00",
            "2027-03-12 07:60:00",
            "2027-03-12\t07:54:11",
            "2027-03-12 07:54:11Z",
        ] {
            assert!(text.parse::<LocalTime>().is_err(), "{text}");
        }
    }

    #[test]
    fn times_compare_chronologically() {
        let time = |text: &str| text.parse::<LocalTime>().unwrap();
        assert!(time("2027-03-12 07:54:11") < time("2027-03-12 17:54:11"));
    }

    #[test]
    fn a_day_of_the_year_has_four_digits() {
        for (text, is_day) in
            [("1123", true), ("0229", true), ("0230", false), ("1301", false), ("112", false)]
        {
            assert_eq!(is_month_and_day(text.as_bytes()), is_day, "{text}");
        }
    }
}
