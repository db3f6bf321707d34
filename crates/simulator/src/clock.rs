//! The clock of a terminal: local wall time, set from the server's answers.

use std::fmt;

const DAY_S: i64 = 86_400;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A local time without a zone, in whole seconds since 1970-01-01 00:00:00 of the same place.
///
/// It is printed as in every record of the protocol: `2027-03-12 09:30:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LocalTime(pub i64);

impl LocalTime {
    /// The time of a device whose clock was never set.
    pub const UNSET: Self = Self(1_704_067_200);

    /// Reads the value of a `Date` header in GMT (`Fri, 12 Mar 2027 06:53:01 GMT`); `None` for any other form.
    pub fn of_date_header(value: &str) -> Option<Self> {
        let mut words = value.split(' ');
        let weekday = words.next()?;
        let day: i64 = words.next()?.parse().ok()?;
        let name = words.next()?;
        let month = MONTHS.iter().position(|month| *month == name)? + 1;
        let year: i64 = words.next()?.parse().ok()?;
        let mut clock = words.next()?.split(':').map(|part| part.parse::<i64>().ok());
        let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
        if weekday.len() != 4
            || words.next() != Some("GMT")
            || words.next().is_some()
            || clock.next().is_some()
        {
            return None;
        }
        let days = days_from_civil(year, i64::try_from(month).ok()?, day);
        Some(Self(days * DAY_S + hour * 3600 + minute * 60 + second))
    }

    /// This time at a place whose offset is `minutes` larger.
    #[must_use]
    pub const fn plus_minutes(self, minutes: i64) -> Self {
        Self(self.0 + minutes * 60)
    }

    /// This time as a device with a broken clock writes it (field note 3.6): `1971--03--12 -09:-30:-00`.
    pub fn broken(self) -> String {
        let text = self.to_string();
        let (date, clock) = text.split_once(' ').unwrap_or_default();
        let (_, day) = date.split_once('-').unwrap_or_default();
        format!("1971--{} -{}", day.replace('-', "--"), clock.replace(':', ":-"))
    }

    /// The following second.
    #[must_use]
    pub const fn next_second(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = (self.0.div_euclid(DAY_S), self.0.rem_euclid(DAY_S));
        let (year, month, day) = civil_from_days(days);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    }
}

/// Days from 1970-01-01 to a day of the proleptic Gregorian calendar. The computation starts years in March.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_header_becomes_the_time_at_the_site() {
        let time = LocalTime::of_date_header("Fri, 12 Mar 2027 06:53:01 GMT").unwrap();
        assert_eq!(time.to_string(), "2027-03-12 06:53:01");
        assert_eq!(time.plus_minutes(330).to_string(), "2027-03-12 12:23:01");
        assert_eq!(time.plus_minutes(-480).to_string(), "2027-03-11 22:53:01");
    }

    #[test]
    fn leap_days_are_counted() {
        let time = LocalTime::of_date_header("Thu, 29 Feb 2024 23:59:59 GMT").unwrap();
        assert_eq!(time.next_second().to_string(), "2024-03-01 00:00:00");
        assert_eq!(LocalTime::UNSET.to_string(), "2024-01-01 00:00:00");
    }

    #[test]
    fn another_form_of_date_is_not_taken() {
        for text in ["", "Friday, 12-Mar-27 06:53:01 GMT", "Fri, 12 Mar 2027 06:53:01 +0000", "12 Mar 2027"] {
            assert_eq!(LocalTime::of_date_header(text), None, "{text}");
        }
    }
}
