//! Versions of the protocol and of firmware.

use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
};

/// A version: numbers separated by dots, `2.4.1`. Versions compare number by number, and a missing number is 0:
/// 2.2.14 is later than 2.2.9, and 2.4 equals 2.4.0.
#[derive(Clone, Copy)]
pub struct Version {
    numbers: [u32; NUMBERS],
    /// How many numbers were written; used by [`fmt::Display`] only.
    written: usize,
}

/// Most numbers that are kept; further ones are ignored.
const NUMBERS: usize = 4;

/// The error of a text that does not begin with a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a version begins with a number below 4,294,967,296")]
pub struct VersionError;

impl Version {
    /// The oldest version that a server must support; assumed for a device that names none (§5).
    pub const V2_2_14: Self = Self::new(2, 2, 14);
    /// The version that this crate implements.
    pub const V2_4_1: Self = Self::new(2, 4, 1);
    /// The first version with other forms of some commands.
    pub const V2_4_2: Self = Self::new(2, 4, 2);

    /// A version of three numbers.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { numbers: [major, minor, patch, 0], written: 3 }
    }
}

impl FromStr for Version {
    type Err = VersionError;

    /// Reads up to the first character that is neither a digit nor a dot: `2.0.33S-20201204` is 2.0.33.
    fn from_str(text: &str) -> Result<Self, VersionError> {
        let text = text.trim();
        let end = text.find(|character: char| !character.is_ascii_digit() && character != '.');
        let (text, _) = text.split_at_checked(end.unwrap_or(text.len())).ok_or(VersionError)?;
        let mut numbers = [0; NUMBERS];
        let mut written = 0;
        for (place, digits) in numbers.iter_mut().zip(text.split('.')) {
            // `2.` and `2..1` end after the 2.
            if digits.is_empty() {
                break;
            }
            *place = digits.parse().map_err(|_| VersionError)?;
            written += 1;
        }
        if written == 0 { Err(VersionError) } else { Ok(Self { numbers, written }) }
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.numbers == other.numbers
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers)
    }
}

impl Hash for Version {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.numbers.hash(state);
    }
}

impl fmt::Display for Version {
    /// Writes as many numbers as were read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, number) in self.numbers.iter().take(self.written).enumerate() {
            let dot = if place == 0 { "" } else { "." };
            write!(f, "{dot}{number}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Version({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().expect("a version")
    }

    /// Obligation 49.
    #[test]
    fn versions_are_compared_number_by_number() {
        assert!(version("2.2.14") > version("2.2.9"));
        assert!(version("3.0.1") > Version::V2_4_1);
        assert_eq!(version("2.4"), version("2.4.0"));
        assert_eq!(version("2.2.14"), Version::V2_2_14);
    }

    #[test]
    fn a_version_is_shown_as_it_was_read() {
        for text in ["10", "2.4", "2.4.1", "1.2.3.4", "2.4.0"] {
            assert_eq!(version(text).to_string(), text);
        }
        assert_eq!(version(" 2.0.33S-20201204").to_string(), "2.0.33");
        assert_eq!(version("1.2.3.4.5").to_string(), "1.2.3.4");
    }

    #[test]
    fn a_text_that_does_not_begin_with_a_number_is_no_version() {
        for text in ["", "None", ".1", "v2", "99999999999", "-1"] {
            assert_eq!(text.parse::<Version>(), Err(VersionError), "{text}");
        }
    }
}
