//! How the text of a setting becomes its value. Errors say what is wanted.

use std::fmt::Display;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use jiff::tz::TimeZone;
use listener::{Admission, Attendance};
use sync::intake::{Cleared, Deletion, Enrolment, PrivilegePolicy};

/// Seconds between polls that devices take.
pub const DELAY_S: RangeInclusive<u16> = 2..=60;
/// Seconds after a failure that devices take.
pub const ERROR_DELAY_S: RangeInclusive<u16> = 30..=300;
/// Seconds that a device may take to answer: a slow one works for several on a large batch.
pub const ANSWER_TIMEOUT_S: RangeInclusive<i64> = 5..=3600;
/// Connections that one server may keep to a database server.
pub const POOL: RangeInclusive<u32> = 2..=200;

/// Connections of devices at a time.
pub const CONNECTIONS: RangeInclusive<usize> = 1..=1_000_000;
/// Requests of devices at work at a time: more than that are not told apart from a queue.
pub const REQUESTS: RangeInclusive<usize> = 1..=10_000;
/// Seconds without a byte: devices poll every minute at the longest, and are not to connect anew each time.
pub const IDLE_S: RangeInclusive<u64> = 60..=3600;

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// A JSON object a line.
    Json,
}

/// One of several words.
fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        match words.split_last() {
            Some((last, rest)) => format!("want {} or {last}", rest.join(", ")),
            None => "no value is possible".to_owned(),
        }
    })
}

/// A whole number of `unit` within `range`.
pub fn number<T>(text: &str, range: RangeInclusive<T>, unit: &str) -> Result<T, String>
where
    T: FromStr + PartialOrd + Display,
{
    let want = || format!("want a whole number of {unit}, {} to {}", range.start(), range.end());
    text.parse().ok().filter(|number| range.contains(number)).ok_or_else(want)
}

/// `true` or `false`, and what people write for them.
pub fn truth(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err("want true or false".to_owned()),
    }
}

/// An address with a port.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "want an address and a port, for example 0.0.0.0:8081 or [::]:8081".to_owned())
}

/// A folder that need not exist.
pub fn folder(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("want a folder".to_owned()) } else { Ok(PathBuf::from(text)) }
}

/// The policy for unknown devices.
pub fn admission(text: &str) -> Result<Admission, String> {
    word(text, &[("approve", Admission::Approve), ("open", Admission::Open)])
}

/// The policy for people who are deleted at a device.
pub fn deletion(text: &str) -> Result<Deletion, String> {
    word(text, &[("propagate", Deletion::Propagate), ("restore", Deletion::Restore), ("ask", Deletion::Ask)])
}

/// The policy for people who are enrolled or changed at a device.
pub fn enrolment(text: &str) -> Result<Enrolment, String> {
    word(text, &[("accept", Enrolment::Accept), ("hold", Enrolment::Hold), ("refuse", Enrolment::Refuse)])
}

/// The policy for a name, card or password that is emptied at a device.
pub fn cleared(text: &str) -> Result<Cleared, String> {
    word(text, &[("hold", Cleared::Hold), ("accept", Cleared::Accept), ("ignore", Cleared::Ignore)])
}

/// The policy for a privilege that is raised at a device.
pub fn privilege(text: &str) -> Result<PrivilegePolicy, String> {
    word(
        text,
        &[
            ("hold", PrivilegePolicy::Hold),
            ("accept", PrivilegePolicy::Accept),
            ("never", PrivilegePolicy::Never),
        ],
    )
}

/// The policy for punches.
pub fn attendance(text: &str) -> Result<Attendance, String> {
    word(text, &[("discard", Attendance::Discard), ("keep", Attendance::Keep)])
}

/// How long punches are kept; `None` for ever.
pub fn attendance_days(text: &str) -> Result<Option<Duration>, String> {
    let days: u64 = number(text, 0..=36_500, "days")?;
    Ok((days > 0).then(|| Duration::from_hours(24 * days)))
}

/// How log lines are written.
pub fn log_format(text: &str) -> Result<LogFormat, String> {
    word(text, &[("text", LogFormat::Text), ("json", LogFormat::Json)])
}

/// A time zone by its IANA name.
pub fn time_zone(text: &str) -> Result<TimeZone, String> {
    TimeZone::get(text).map_err(|_| {
        let near = jiff::tz::db()
            .available()
            .map(|name| (strsim::jaro_winkler(&name.to_string().to_lowercase(), &text.to_lowercase()), name))
            .max_by(|(one, _), (other, _)| one.total_cmp(other))
            .filter(|(likeness, _)| *likeness > 0.85);
        let meant = near.map(|(_, name)| format!("; is {name} meant?")).unwrap_or_default();
        format!("want the IANA name of a time zone, for example Europe/Vienna{meant}")
    })
}

/// The name of the machine's time zone, `UTC` where it has none that can be told.
pub fn machine_zone() -> String {
    TimeZone::system().iana_name().filter(|name| TimeZone::get(name).is_ok()).unwrap_or("UTC").to_owned()
}
