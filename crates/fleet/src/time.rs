//! Serialisation of times.

use jiff::Timestamp;
use roster::Millis;
use serde::Serializer;

/// RFC 3339 in UTC.
pub fn rfc3339(at: Millis) -> String {
    Timestamp::from_millisecond(at.0).map_or_else(|_| at.0.to_string(), |at| at.to_string())
}

/// Serialises a time as [`rfc3339`].
///
/// # Errors
/// Those of the serialiser.
pub fn serialize<S: Serializer>(at: &Millis, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*at))
}

/// Serialises a time that may be missing as [`rfc3339`] or null.
///
/// # Errors
/// Those of the serialiser.
pub fn serialize_option<S: Serializer>(at: &Option<Millis>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serialize(at, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_in_utc() {
        assert_eq!(rfc3339(Millis(1_805_000_000_000)), "2027-03-14T04:53:20Z");
    }
}
