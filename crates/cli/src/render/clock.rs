//! Words for the time of a device.

use std::fmt::Write as _;

use fleet::view::device::ClockView;

use crate::render::when::When;

/// A device sets its clock when the clock is wrong by more than this, s (field note 3.5).
const RIGHT_S: i64 = 15;

/// `Europe/Berlin, UTC+2 now; 3 min behind when it last told its time (2 h ago)`.
///
/// `it` is the device: the line stands in the view of one device.
pub fn words(clock: &ClockView, when: &When) -> String {
    let zone = clock.time_zone.as_deref().map(|name| format!("{name}, ")).unwrap_or_default();
    let mut words = format!("{zone}{} now", offset(clock.offset_min));
    match clock.told_offset_min {
        None => words.push_str(", sent to the device with its next handshake"),
        Some(told) if told != clock.offset_min => {
            let _ = write!(
                words,
                ", but the device still has {}: Muster has asked it for a handshake",
                offset(told)
            );
        }
        Some(_) => {}
    }
    let seen = clock.ahead_s.zip(clock.seen_at).map(|(seconds, seen_at)| {
        format!("{} when it last told its time ({})", ahead(seconds), when.relative(seen_at))
    });
    format!("{words}; {}", seen.unwrap_or_else(|| "the device has not told its time yet".to_owned()))
}

/// `UTC-3:30`
fn offset(minutes: i32) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    let (hours, minutes) = (minutes.abs() / 60, minutes.abs() % 60);
    if minutes == 0 { format!("UTC{sign}{hours}") } else { format!("UTC{sign}{hours}:{minutes:02}") }
}

/// How a clock goes: `right`, `3 min behind`.
pub fn ahead(seconds: i64) -> String {
    let length = match seconds.abs() {
        ..=RIGHT_S => return "right".to_owned(),
        s @ ..120 => format!("{s} s"),
        s @ ..7_200 => format!("{} min", s / 60),
        s @ ..172_800 => format!("{} h", s / 3_600),
        s => format!("{} days", s / 86_400),
    };
    format!("{length} {}", if seconds < 0 { "behind" } else { "ahead" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_and_drifts_are_told_as_people_say_them() {
        for (minutes, words) in
            [(0, "UTC+0"), (60, "UTC+1"), (-210, "UTC-3:30"), (345, "UTC+5:45"), (-690, "UTC-11:30")]
        {
            assert_eq!(offset(minutes), words);
        }
        for (seconds, words) in [
            (0, "right"),
            (-15, "right"),
            (16, "16 s ahead"),
            (-200, "3 min behind"),
            (3_600, "60 min ahead"),
            (-86_400, "24 h behind"),
            (-763_000_000, "8831 days behind"),
        ] {
            assert_eq!(ahead(seconds), words);
        }
    }
}
