//! How a device is told the offset of its local time.

use std::fmt;

/// `TimeZone` of the option block (§5): the offset of the device's site from UTC, daylight saving included.
///
/// Numbers between −12 and 12 are whole hours; those beyond ±60 are minutes; what lies between has no meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeZone(i32);

/// Offsets that exist, in minutes: −12:00 to +14:00.
const OFFSETS: std::ops::RangeInclusive<i32> = -720..=840;

impl TimeZone {
    /// The zone of an offset in minutes, −720 to 840; one beyond is taken as the nearest of these.
    ///
    /// Full hours go as hours as far as these are defined, everything else as minutes. An offset of less than an hour
    /// can be expressed in neither way and becomes the nearest full hour: [`TimeZone::offset_minutes`] tells.
    pub fn from_offset_minutes(minutes: i32) -> Self {
        let minutes = minutes.clamp(*OFFSETS.start(), *OFFSETS.end());
        if minutes % 60 == 0 && minutes.abs() < 720 {
            Self(minutes / 60)
        } else if minutes.abs() > 60 {
            Self(minutes)
        } else {
            // Half an hour goes away from zero.
            Self((minutes + 30 * minutes.signum()) / 60)
        }
    }

    /// The zone of a number on the wire, whatever it means.
    pub(crate) const fn of_value(value: i32) -> Self {
        Self(value)
    }

    /// The number on the wire.
    pub const fn value(self) -> i32 {
        self.0
    }

    /// The offset as a device understands it, in minutes (field note 3.5).
    pub const fn offset_minutes(self) -> i32 {
        if self.0.unsigned_abs() < 25 { self.0 * 60 } else { self.0 }
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Obligation 56.
    #[test]
    fn every_offset_from_minus_12_to_14_hours_is_understood_as_it_is_meant() {
        for minutes in OFFSETS {
            let zone = TimeZone::from_offset_minutes(minutes);
            let value = zone.value();
            assert!(
                (-11..=11).contains(&value) || value.abs() > 60,
                "{minutes} goes as {value}, which is undefined"
            );
            if minutes.abs() >= 60 || minutes == 0 {
                assert_eq!(zone.offset_minutes(), minutes);
            } else {
                assert!((zone.offset_minutes() - minutes).abs() <= 30, "{minutes} goes as {value}");
            }
        }
    }

    /// Obligation 56.
    #[test]
    fn whole_hours_go_as_hours_and_others_as_minutes() {
        let values = [
            (0, 0),
            (60, 1),
            (-180, -3),
            (660, 11),
            (720, 720),
            (780, 780),
            (840, 840),
            (-720, -720),
            (330, 330),
            (345, 345),
            (-210, -210),
            (90, 90),
            (30, 1),
            (-30, -1),
            (15, 0),
        ];
        for (minutes, value) in values {
            assert_eq!(TimeZone::from_offset_minutes(minutes).value(), value, "{minutes}");
        }
    }

    #[test]
    fn an_offset_that_exists_nowhere_becomes_the_nearest_that_does() {
        assert_eq!(TimeZone::from_offset_minutes(i32::MAX).value(), 840);
        assert_eq!(TimeZone::from_offset_minutes(i32::MIN).value(), -720);
    }
}
