//! `TransFlag` of the option block: the kinds of data that a device uploads by itself.

use std::fmt;

/// `TransFlag` of the option block (§5).
///
/// Format II lists words: `TransData OpLog<tab>EnrollUser<tab>…`; format I has one digit for each word of
/// [`TransFlag::WORDS`]. `OpLog` is always included: without it a device uploads no users and no fingerprints, and
/// only operations report deletions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransFlag {
    words: Vec<&'static str>,
    format_one: bool,
}

impl TransFlag {
    /// The words, in the order of the digits of format I.
    pub const WORDS: [&str; 12] = [
        "AttLog",
        OPERATIONS,
        "AttPhoto",
        "EnrollFP",
        "EnrollUser",
        "FPImag",
        "ChgUser",
        "ChgFP",
        "FACE",
        "UserPic",
        "WORKCODE",
        "BioPhoto",
    ];

    /// Everything about users, and operations; no attendance records.
    pub fn people() -> Self {
        let words = [OPERATIONS, "EnrollUser", "ChgUser", "EnrollFP", "ChgFP", "FACE", "UserPic", "BioPhoto"];
        Self { words: words.to_vec(), format_one: false }
    }

    /// Adds attendance records.
    #[must_use]
    pub fn with_attendance(mut self) -> Self {
        if !self.words.contains(&"AttLog") {
            self.words.insert(0, "AttLog");
        }
        self
    }

    /// Adds attendance photos.
    #[must_use]
    pub fn with_attendance_photos(self) -> Self {
        self.with("AttPhoto")
    }

    /// Adds work codes, which belong to no user.
    #[must_use]
    pub fn with_work_codes(self) -> Self {
        self.with("WORKCODE")
    }

    /// Adds finger veins. Other servers send this word to devices with the function; format I cannot express it.
    #[must_use]
    pub fn with_finger_veins(self) -> Self {
        self.with(FINGER_VEINS)
    }

    /// Uses digits, for low-end firmware that cannot read words.
    #[must_use]
    pub fn in_format_one(self) -> Self {
        Self { format_one: true, ..self }
    }

    /// The words of this flag.
    pub fn words(&self) -> &[&'static str] {
        &self.words
    }

    /// Reads either format. Unknown words and surplus digits are ignored.
    pub fn parse(text: &str) -> Self {
        let digits = || Self::WORDS.into_iter().zip(text.bytes()).filter(|(_, digit)| *digit == b'1');
        let (format_one, words) = match text.strip_prefix("TransData") {
            Some(words) => (false, words.split(['\t', ' ']).filter_map(known).collect()),
            None => (true, digits().map(|(word, _)| word).collect()),
        };
        Self { words, format_one }.with(OPERATIONS)
    }

    fn with(mut self, word: &'static str) -> Self {
        if !self.words.contains(&word) {
            self.words.push(word);
        }
        self
    }
}

const OPERATIONS: &str = "OpLog";
const FINGER_VEINS: &str = "FVEIN";

fn known(word: &str) -> Option<&'static str> {
    TransFlag::WORDS.into_iter().chain([FINGER_VEINS]).find(|known| known.eq_ignore_ascii_case(word))
}

impl fmt::Display for TransFlag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.format_one {
            Self::WORDS
                .iter()
                .try_for_each(|word| f.write_str(if self.words.contains(word) { "1" } else { "0" }))
        } else {
            write!(f, "TransData {}", self.words.join("\t"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Obligation 54.
    #[test]
    fn format_two_lists_words() {
        let people = "TransData OpLog\tEnrollUser\tChgUser\tEnrollFP\tChgFP\tFACE\tUserPic\tBioPhoto";
        assert_eq!(TransFlag::people().to_string(), people);
        let all =
            TransFlag::people().with_attendance().with_attendance_photos().with_finger_veins().to_string();
        assert!(all.starts_with("TransData AttLog\tOpLog\t") && all.ends_with("\tAttPhoto\tFVEIN"), "{all}");
    }

    /// Obligation 54.
    #[test]
    fn format_one_has_a_digit_for_each_word() {
        assert_eq!(TransFlag::people().in_format_one().to_string(), "010110111101");
        assert_eq!(TransFlag::people().with_attendance().in_format_one().to_string(), "110110111101");
    }

    /// Obligation 55.
    #[test]
    fn operations_are_always_requested() {
        assert_eq!(TransFlag::parse("0000000000").words(), ["OpLog"]);
        assert_eq!(TransFlag::parse("TransData AttLog\tnews").words(), ["AttLog", "OpLog"]);
        assert_eq!(TransFlag::parse("").words(), ["OpLog"]);
    }

    #[test]
    fn a_word_is_written_once() {
        let twice = TransFlag::people().with_attendance().with_attendance().with_attendance_photos();
        assert_eq!(twice, twice.clone().with_attendance_photos().with_attendance());
    }

    #[test]
    fn both_formats_read_back() {
        for flag in [TransFlag::people(), TransFlag::people().with_attendance().with_finger_veins()] {
            assert_eq!(TransFlag::parse(&flag.to_string()), flag);
        }
        let digits = TransFlag::people().in_format_one().to_string();
        assert_eq!(TransFlag::parse(&digits).to_string(), digits);
    }
}
