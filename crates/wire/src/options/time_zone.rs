//! `TimeZone` of the option block: the UTC offset of a device's local time.

use std::fmt;

/// `TimeZone` of the option block (§5): the UTC offset of the device's site, including daylight saving time.
///
/// Numbers from −12 to 12 are hours; numbers beyond ±60 are minutes; those between have no meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeZone(i32);

/// Existing offsets, minutes: −12:00 to +14:00.
const OFFSETS: std::ops::RangeInclusive<i32> = -720..=840;

impl TimeZone {
    /// The time zone of an offset in minutes. An offset outside of −720 to 840 becomes the nearest of these.
    ///
    /// Full hours are written as hours where these are defined, all other offsets as minutes. Neither form can
    /// express an offset of less than an hour, which becomes the nearest full hour: [`TimeZone::offset_minutes`]
    /// returns the result.
    pub fn from_offset_minutes(minutes: i32) -> Self {
        let minutes = minutes.clamp(*OFFSETS.start(), *OFFSETS.end());
        if minutes % 60 == 0 && minutes.abs() < 720 {
            Self(minutes / 60)
        } else if minutes.abs() > 60 {
            Self(minutes)
        } else {
            // Half an hour rounds away from zero.
            Self((minutes + 30 * minutes.signum()) / 60)
        }
    }

    /// The time zone of a number on the wire, valid or not.
    pub(crate) const fn of_value(value: i32) -> Self {
        Self(value)
    }

    /// The number on the wire.
    pub const fn value(self) -> i32 {
        self.0
    }

    /// The offset as a device understands it, minutes (field note 3.5).
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
    fn devices_understand_every_offset_from_minus_12_to_14_hours() {
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
    fn whole_hours_are_written_as_hours_and_others_as_minutes() {
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
    fn an_impossible_offset_becomes_the_nearest_possible_one() {
        assert_eq!(TimeZone::from_offset_minutes(i32::MAX).value(), 840);
        assert_eq!(TimeZone::from_offset_minutes(i32::MIN).value(), -720);
    }
}
