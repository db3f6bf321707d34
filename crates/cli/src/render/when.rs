//! Times, as people read them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use roster::Millis;

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The present, and the time zone in which people here read times.
#[derive(Clone, Debug)]
pub struct When {
    now: Millis,
    zone: TimeZone,
}

impl When {
    /// From `now`, for people in `zone`.
    pub const fn new(now: Millis, zone: TimeZone) -> Self {
        Self { now, zone }
    }

    /// From now, for people in the time zone of this machine.
    pub fn here() -> Self {
        Self::new(crate::system::now(), TimeZone::system())
    }

    /// The time of the command.
    pub const fn now(&self) -> Millis {
        self.now
    }

    /// `3 min ago`, `in 2 days`.
    pub fn relative(&self, at: Millis) -> String {
        let past = self.now.0.saturating_sub(at.0);
        let length = |distance: i64| match distance {
            ..MINUTE => format!("{} s", distance / SECOND),
            MINUTE..HOUR => format!("{} min", distance / MINUTE),
            HOUR..DAY => format!("{} h", distance / HOUR),
            _ => match distance / DAY {
                1 => "1 day".to_owned(),
                days => format!("{days} days"),
            },
        };
        match past {
            0..SECOND => "just now".to_owned(),
            SECOND.. => format!("{} ago", length(past)),
            // Halves are rounded up: what is due in 6 days and 23 hours is due in 7 days.
            _ => {
                let ahead = past.saturating_neg();
                let unit =
                    [SECOND, MINUTE, HOUR, DAY].into_iter().rfind(|unit| *unit <= ahead).unwrap_or(SECOND);
                format!("in {}", length(ahead.saturating_add(unit / 2)))
            }
        }
    }

    /// `2027-03-12 09:30:05`, in the time zone of the reader.
    pub fn local(&self, at: Millis) -> String {
        match Timestamp::from_millisecond(at.0) {
            Ok(at) => at.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
            Err(_) => "at an impossible time".to_owned(),
        }
    }

    /// `2027-03-12`, in the time zone of the reader.
    pub fn date(&self, at: Millis) -> String {
        let local = self.local(at);
        local.split(' ').next().unwrap_or_default().to_owned()
    }

    /// `09:30:05`, in the time zone of the reader.
    pub fn time_of_day(&self, at: Millis) -> String {
        self.local(at).split_off(11)
    }

    /// Both: `3 min ago (2027-03-12 09:30:05)`.
    pub fn both(&self, at: Millis) -> String {
        format!("{} ({})", self.relative(at), self.local(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn when() -> When {
        When::new(Millis(1_805_000_000_000), TimeZone::fixed(jiff::tz::offset(2)))
    }

    #[test]
    fn the_past_is_told_in_the_largest_whole_unit() {
        for (ms, words) in [
            (0, "just now"),
            (999, "just now"),
            (1_000, "1 s ago"),
            (59_999, "59 s ago"),
            (60_000, "1 min ago"),
            (7_199_000, "1 h ago"),
            (86_400_000, "1 day ago"),
            (200_000_000, "2 days ago"),
        ] {
            assert_eq!(when().relative(when().now.plus(-ms)), words, "{ms}");
        }
    }

    #[test]
    fn the_future_is_rounded_to_the_nearest() {
        for (ms, words) in
            [(7 * DAY - 3 * HOUR, "in 7 days"), (40 * SECOND, "in 40 s"), (90 * MINUTE, "in 2 h")]
        {
            assert_eq!(when().relative(when().now.plus(ms)), words, "{ms}");
        }
    }

    #[test]
    fn local_time_is_that_of_the_reader() {
        assert_eq!(when().local(Millis(1_805_000_000_000)), "2027-03-14 06:53:20");
        assert_eq!(when().date(Millis(1_805_000_000_000)), "2027-03-14");
        assert_eq!(when().time_of_day(Millis(1_805_000_000_000)), "06:53:20");
    }
}
