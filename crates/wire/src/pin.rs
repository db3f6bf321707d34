//! PINs: the keys of users on devices.

use std::{fmt, str::FromStr, sync::Arc};

use crate::FieldError;

/// The key of a user on devices (§11.5): 1 to 24 ASCII letters and digits.
///
/// A PIN is text and compares byte by byte: `007` is not `7`, `a1` is not `A1`. PINs are ordered by their bytes.
/// Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pin(Arc<str>);

/// Longest PIN that devices store.
const PIN_CHARACTERS: usize = 24;

/// The error of a text that is no PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PinError {
    /// The text is empty.
    #[error("a PIN has at least one character")]
    Empty,
    /// The text has more than 24 characters.
    #[error("a PIN has at most 24 characters")]
    Long,
    /// The text has other characters than ASCII letters and digits.
    #[error("a PIN is made of the letters A to Z, a to z and digits")]
    Character,
}

/// First character of a reserved key. No PIN begins with it, and it sorts before every letter and digit.
const RESERVED: char = '!';

impl Pin {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A reserved key of the server for data that belongs to no user: `!` and 1 to 23 letters and digits.
    ///
    /// It is used in place of a PIN and is none. No upload and no input of an operator is read as one, and Muster
    /// never sends it to devices. It sorts before every PIN.
    ///
    /// # Errors
    /// As for the text of a PIN.
    pub fn reserved(name: &str) -> Result<Self, PinError> {
        let name = Self::try_from(name)?;
        if name.0.len() == PIN_CHARACTERS {
            return Err(PinError::Long);
        }
        Ok(Self(format!("{RESERVED}{name}").into()))
    }

    /// The name after the `!` of a reserved key; `None` for a PIN.
    pub fn reserved_name(&self) -> Option<&str> {
        self.0.strip_prefix(RESERVED)
    }
}

impl PinError {
    /// The same error as a [`FieldError`].
    pub(crate) const fn in_field(self, field: &'static str) -> FieldError {
        match self {
            Self::Empty => FieldError::Missing { field },
            Self::Long | Self::Character => FieldError::Invalid { field, want: "a PIN" },
        }
    }
}

impl TryFrom<&[u8]> for Pin {
    type Error = PinError;

    fn try_from(text: &[u8]) -> Result<Self, PinError> {
        if text.is_empty() {
            return Err(PinError::Empty);
        }
        if text.len() > PIN_CHARACTERS {
            return Err(PinError::Long);
        }
        let text =
            str::from_utf8(text).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        text.map(|text| Self(text.into())).ok_or(PinError::Character)
    }
}

impl TryFrom<&str> for Pin {
    type Error = PinError;

    fn try_from(text: &str) -> Result<Self, PinError> {
        Self::try_from(text.as_bytes())
    }
}

impl FromStr for Pin {
    type Err = PinError;

    fn from_str(text: &str) -> Result<Self, PinError> {
        Self::try_from(text.as_bytes())
    }
}

impl AsRef<str> for Pin {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pin({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Obligation 36.
    #[test]
    fn a_pin_is_its_exact_text() {
        for text in ["7", "007", "a1", "A1", "2093847156", "ABCDEFGHIJKLMNOPQRSTUVWX"] {
            assert_eq!(text.parse::<Pin>().map(|pin| pin.to_string()).as_deref(), Ok(text));
        }
        assert_ne!("007".parse::<Pin>(), "7".parse());
        assert_ne!("a1".parse::<Pin>(), "A1".parse());
    }

    /// Obligation 35.
    #[test]
    fn a_text_that_devices_cannot_store_is_no_pin() {
        assert_eq!("".parse::<Pin>(), Err(PinError::Empty));
        assert_eq!("1234567890123456789012345".parse::<Pin>(), Err(PinError::Long));
        for text in ["1 2", "1\t2", "-1", "é", "1\n", "1\0"] {
            assert_eq!(text.parse::<Pin>(), Err(PinError::Character), "{text:?}");
        }
        assert_eq!(Pin::try_from(&b"\xff"[..]), Err(PinError::Character));
    }

    #[test]
    fn a_reserved_key_is_no_pin_and_sorts_before_all() {
        let reserved = Pin::reserved("10003").unwrap();
        assert_eq!((reserved.as_str(), reserved.reserved_name()), ("!10003", Some("10003")));
        assert_eq!(reserved.as_str().parse::<Pin>(), Err(PinError::Character));
        assert!(reserved < "0".parse().unwrap());
        assert_eq!("10003".parse::<Pin>().unwrap().reserved_name(), None);
        assert_eq!(Pin::reserved("ABCDEFGHIJKLMNOPQRSTUVWX"), Err(PinError::Long));
        assert_eq!((Pin::reserved(""), Pin::reserved("!")), (Err(PinError::Empty), Err(PinError::Character)));
    }

    #[test]
    fn pins_are_ordered_by_bytes() {
        let mut pins: Vec<Pin> =
            ["9", "10", "a", "B"].into_iter().filter_map(|text| text.parse().ok()).collect();
        pins.sort();
        assert_eq!(pins.iter().map(Pin::as_str).collect::<Vec<_>>(), ["10", "9", "B", "a"]);
    }
}
