//! Serialisation of values as their text.

use std::fmt::Display;

use serde::Serializer;

/// Serialises a value as its text.
///
/// # Errors
/// Those of the serialiser.
pub(crate) fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// Serialises a value that may be missing as its text or null.
///
/// # Errors
/// Those of the serialiser.
#[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
pub(crate) fn serialize_option<T: Display, S: Serializer>(
    value: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serialize(value, serializer),
        None => serializer.serialize_none(),
    }
}

/// Serialises values as a list of their texts.
///
/// # Errors
/// Those of the serialiser.
pub(crate) fn serialize_all<T: Display, S: Serializer>(
    values: &[T],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(values.iter().map(ToString::to_string))
}
