//! Command ids, by which acknowledgements are matched.

use std::{fmt, str::FromStr};

/// The id of a command (§12): 1 to 16 ASCII letters and digits. The device returns it unchanged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(Box<str>);

/// The error of a text that is no [`CommandId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the id of a command has 1 to 16 letters and digits")]
pub struct CommandIdError;

impl CommandId {
    /// Most characters of an id.
    pub const MAX_LENGTH: usize = 16;

    /// The text of the id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The line of a command from its text, as [`Command::write_text`](super::Command::write_text) wrote it.
    pub fn line_of(&self, text: &[u8]) -> Vec<u8> {
        let mut line = Vec::with_capacity(Self::MAX_LENGTH + 3 + text.len());
        self.write_start(&mut line);
        line.extend_from_slice(text);
        line
    }

    /// Appends `C:<id>:`.
    pub(super) fn write_start(&self, out: &mut Vec<u8>) {
        for part in ["C:", self.as_str(), ":"] {
            out.extend_from_slice(part.as_bytes());
        }
    }
}

impl FromStr for CommandId {
    type Err = CommandIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = (1..=Self::MAX_LENGTH).contains(&text.len());
        if fits && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            Ok(Self(text.into()))
        } else {
            Err(CommandIdError)
        }
    }
}

impl TryFrom<&[u8]> for CommandId {
    type Error = CommandIdError;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        std::str::from_utf8(bytes).map_err(|_| CommandIdError)?.parse()
    }
}

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fault 30: an id longer than 16 characters.
    ///
    /// Obligation 80.
    #[test]
    fn an_id_has_1_to_16_letters_and_digits() {
        for text in ["1", "7f2a", "b7e204d19cf3586a", "INFO8487"] {
            assert_eq!(text.parse::<CommandId>().unwrap().as_str(), text);
        }
        for text in ["", "b7e204d19cf3586a0", "1:2", "a-b", "a b", "1\n", "é"] {
            assert_eq!(text.parse::<CommandId>(), Err(CommandIdError), "{text:?}");
        }
        assert!(CommandId::try_from(&b"\xFF1"[..]).is_err());
    }
}
