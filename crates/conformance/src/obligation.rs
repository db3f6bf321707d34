//! The obligations of a server, from the project's list.

use serde::{Deserialize, Serialize};

/// The list in the handbook.
const LIST: &str = include_str!("../../../docs/protocol/obligations.toml");

/// The level of an obligation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Level {
    /// Without it devices fail or data is lost.
    #[serde(rename = "MUST")]
    Must,
    /// If it happens, devices fail or data is lost.
    #[serde(rename = "MUST NOT")]
    MustNot,
    /// Recommended.
    #[serde(rename = "SHOULD")]
    Should,
}

impl Level {
    /// Whether a server that breaks the obligation fails.
    pub const fn is_must(self) -> bool {
        matches!(self, Self::Must | Self::MustNot)
    }

    /// The level in the spelling of the list.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::MustNot => "MUST NOT",
            Self::Should => "SHOULD",
        }
    }
}

/// One obligation of a server to its devices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obligation {
    /// The number by which it is cited.
    pub number: u16,
    /// The level.
    pub level: Level,
    /// The required or forbidden behaviour of the server.
    pub text: String,
    /// The part of the protocol.
    pub part: String,
    /// Sections of the vendor's document; empty if the document says nothing.
    #[serde(default)]
    pub section: Vec<String>,
    /// The behaviour of devices, if it contradicts the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_wins: Option<String>,
}

impl Obligation {
    /// The sections in the form of a citation: `§5, appendix 1`; empty if there are none.
    pub fn sections(&self) -> String {
        let cited = self.section.iter().map(|section| {
            if section.starts_with("appendix") { section.clone() } else { format!("§{section}") }
        });
        cited.collect::<Vec<_>>().join(", ")
    }
}

#[derive(Deserialize)]
struct List {
    obligation: Vec<Obligation>,
}

/// All obligations, in the order of the list.
///
/// # Errors
/// The list is malformed. A test of this crate reads it.
pub fn obligations() -> Result<Vec<Obligation>, toml::de::Error> {
    toml::from_str(LIST).map(|list: List| list.obligation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_read_and_its_numbers_have_no_gap() {
        let all = obligations().unwrap();
        let numbers: Vec<u16> = all.iter().map(|obligation| obligation.number).collect();
        assert_eq!(numbers, (1..=196).collect::<Vec<u16>>());
    }

    #[test]
    fn sections_are_cited_as_in_the_code() {
        let all = obligations().unwrap();
        let of = |number: u16| all.iter().find(|one| one.number == number).unwrap().sections();
        assert_eq!([of(1), of(47), of(130)], ["", "appendix 6, §5", "§11.9, §11.10, §11.11"]);
    }
}
