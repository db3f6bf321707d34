//! Serial numbers, which identify devices.

use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

use crate::FieldError;

/// The `SN` that a device sends with every request: 1 to 32 ASCII letters, digits, `.`, `_` and `-`.
///
/// It is kept as received except for blanks around it, and compares byte by byte. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SerialNumber(Arc<str>);

/// Longest serial number, characters; devices with 10 to 19 were seen (field note 9.5).
const SERIAL_CHARACTERS: usize = 32;

/// The error of a text that is no serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SerialNumberError {
    /// The text is empty or blank.
    #[error("a serial number has at least one character")]
    Empty,
    /// The text has more than 32 characters.
    #[error("a serial number has at most 32 characters")]
    Long,
    /// The text has other characters than ASCII letters, digits, `.`, `_` and `-`.
    #[error("a serial number is made of the letters A to Z, a to z, digits and the characters . _ -")]
    Character,
}

impl SerialNumber {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl SerialNumberError {
    /// The same error as a [`FieldError`].
    pub(crate) const fn in_field(self, field: &'static str) -> FieldError {
        match self {
            Self::Empty => FieldError::Missing { field },
            Self::Long | Self::Character => FieldError::Invalid { field, want: "a serial number" },
        }
    }
}

impl TryFrom<&[u8]> for SerialNumber {
    type Error = SerialNumberError;

    fn try_from(text: &[u8]) -> Result<Self, SerialNumberError> {
        let text = text.trim_ascii();
        if text.is_empty() {
            return Err(SerialNumberError::Empty);
        }
        if text.len() > SERIAL_CHARACTERS {
            return Err(SerialNumberError::Long);
        }
        let held = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        // A leading dash would be taken for an option on the command line.
        let named = text.first().is_some_and(u8::is_ascii_alphanumeric);
        let text = str::from_utf8(text).ok().filter(|text| named && text.bytes().all(held));
        text.map(|text| Self(text.into())).ok_or(SerialNumberError::Character)
    }
}

impl TryFrom<&str> for SerialNumber {
    type Error = SerialNumberError;

    fn try_from(text: &str) -> Result<Self, SerialNumberError> {
        Self::try_from(text.as_bytes())
    }
}

impl FromStr for SerialNumber {
    type Err = SerialNumberError;

    fn from_str(text: &str) -> Result<Self, SerialNumberError> {
        Self::try_from(text.as_bytes())
    }
}

impl AsRef<str> for SerialNumber {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Equality, order and hash are those of the text.
impl Borrow<str> for SerialNumber {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SerialNumber({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_around_a_serial_number_do_not_count() {
        assert_eq!(" CRQX203158427 ".parse::<SerialNumber>(), "CRQX203158427".parse());
        assert_ne!("crqx203158427".parse::<SerialNumber>(), "CRQX203158427".parse());
    }

    #[test]
    fn a_text_that_could_end_a_line_or_leave_a_directory_is_no_serial_number() {
        assert_eq!(" ".parse::<SerialNumber>(), Err(SerialNumberError::Empty));
        assert_eq!("1".repeat(33).parse::<SerialNumber>(), Err(SerialNumberError::Long));
        for text in ["A\nB", "A/B", "A B", "A%B", "Ä", "A\0"] {
            assert_eq!(text.parse::<SerialNumber>(), Err(SerialNumberError::Character), "{text:?}");
        }
    }
}
