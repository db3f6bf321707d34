//! Periods by the clock of a device.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use wire::LocalTime;

use crate::args::Period;
use crate::failure::usage;

impl Period {
    /// The first and the last second by the clock of a device in `zone`.
    ///
    /// # Errors
    /// [`crate::failure::Usage`]: one is no time, or the last is before the first.
    pub fn at(&self, zone: &TimeZone) -> anyhow::Result<(LocalTime, LocalTime)> {
        let time = |text: &str, of_day: &str| {
            local(text, of_day, zone).ok_or_else(|| {
                usage(format!(
                    "{text:?} is not a time: write 2027-03-01, \"2027-03-01 08:00:00\" by the clock of the device, or \
                     2027-03-01T07:00:00Z"
                ))
            })
        };
        let (from, to) = (time(&self.from, "00:00:00")?, time(&self.to, "23:59:59")?);
        if to < from {
            return Err(usage(format!("the period ends at {to}, before it begins at {from}")));
        }
        Ok((from, to))
    }
}

/// Reads a local time, a day (which gets the time `of_day`), or a time with an offset, converted to the device's zone.
fn local(text: &str, of_day: &str, zone: &TimeZone) -> Option<LocalTime> {
    let text = text.trim();
    if let Ok(moment) = text.parse::<Timestamp>() {
        let there = moment.to_zoned(zone.clone());
        return there.strftime("%Y-%m-%d %H:%M:%S").to_string().parse().ok();
    }
    let is_day = text.len() == 10 && text.parse::<Date>().is_ok();
    let text = if is_day { format!("{text} {of_day}") } else { text.to_owned() };
    text.parse::<DateTime>().ok()?.strftime("%Y-%m-%d %H:%M:%S").to_string().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(from: &str, to: &str) -> Result<(String, String), String> {
        let zone = TimeZone::get("Asia/Tokyo").expect("a zone");
        let period = Period { from: from.into(), to: to.into() };
        let (from, to) = period.at(&zone).map_err(|error| error.to_string())?;
        Ok((from.to_string(), to.to_string()))
    }

    /// Obligation 161.
    #[test]
    fn a_period_is_by_the_clock_of_the_device() {
        let pair = |from: &str, to: &str| Ok((from.to_owned(), to.to_owned()));
        assert_eq!(period("2027-03-01", "2027-03-31"), pair("2027-03-01 00:00:00", "2027-03-31 23:59:59"));
        assert_eq!(
            period("2027-03-01 08:00:00", "2027-03-01T09:30"),
            pair("2027-03-01 08:00:00", "2027-03-01 09:30:00")
        );
        // A moment is another time of day in Tokyo.
        assert_eq!(
            period("2027-03-01T20:00:00Z", "2027-03-01T22:00:00+01:00"),
            pair("2027-03-02 05:00:00", "2027-03-02 06:00:00")
        );
    }

    #[test]
    fn what_is_no_period_is_refused() {
        for (from, to) in [("2027-02-30", "2027-03-01"), ("yesterday", "today"), ("2027-03-02", "2027-03-01")]
        {
            assert!(period(from, to).is_err(), "{from} {to}");
        }
    }
}
