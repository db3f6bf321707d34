//! PINs in the text of records and commands: fields such as `PIN=7` name a person.

use wire::Pin;

/// The rest of a record after a person was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// The record does not name the person.
    All,
    /// The remaining lines, which name other people or nobody.
    Some(Vec<u8>),
    /// Nothing remains: the record is about this person alone.
    Nothing,
}

/// Whether a field of a text names the person.
pub(crate) fn names(text: &[u8], pin: &Pin) -> bool {
    pins(text).any(|found| is_of(found, pin))
}

/// Removes a person from a record.
///
/// A record that names nobody else is removed as a whole, because a photo has lines of its own after the line that
/// names the person. A record that also names other people loses only the lines with this PIN.
pub(crate) fn without(record: &[u8], pin: &Pin) -> Rest {
    if !names(record, pin) {
        return Rest::All;
    }
    let lines = || record.split_inclusive(|&byte| byte == b'\n');
    if pins(record).all(|found| is_of(found, pin)) {
        return Rest::Nothing;
    }
    Rest::Some(lines().filter(|line| !names(line, pin)).collect::<Vec<_>>().concat())
}

/// The values of all fields whose names end in `PIN`.
fn pins(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let separates = |byte: &u8| byte.is_ascii_control() || matches!(byte, b' ' | b'&' | b',' | b';');
    text.split(separates).filter_map(|field| {
        let equals = field.iter().position(|&byte| byte == b'=')?;
        let (name, value) = field.split_at(equals);
        let at = name.len().checked_sub(3)?;
        let value = value.get(1..).filter(|value| !value.is_empty())?;
        name.get(at..).is_some_and(|end| end.eq_ignore_ascii_case(b"PIN")).then_some(value)
    })
}

/// Whether a value is the PIN, or the file name of the person's picture: `20270312060000-7.jpg`.
fn is_of(value: &[u8], pin: &Pin) -> bool {
    let pin = pin.as_str().as_bytes();
    let stem = value.iter().position(|&byte| byte == b'.').and_then(|dot| value.get(..dot));
    value == pin
        || stem.is_some_and(|stem| {
            stem == pin || stem.split(|&byte| byte == b'-').skip(1).any(|part| part == pin)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(text: &str) -> Pin {
        text.parse().expect("a PIN")
    }

    #[test]
    fn only_a_field_names_a_person() {
        for text in [
            "PIN=7",
            "USER PIN=7\tName=Ada",
            "ENROLL_FP PIN=7\tFID=7",
            "BIODATA Pin=7\tNo=0",
            "PIN=20270312060000-7.jpg\nsize=9",
            "PIN=7.jpg",
            "a=1&pin=7",
        ] {
            assert!(names(text.as_bytes(), &pin("7")), "{text}");
        }
        for text in ["PIN=77", "FID=7", "PIN=07", "7", "PIN=", "PIN 7", "PIN=20270312060000-77.jpg", "=7"] {
            assert!(!names(text.as_bytes(), &pin("7")), "{text}");
        }
    }

    #[test]
    fn other_people_keep_their_lines() {
        let both = b"USER PIN=7\tName=Ada\nUSER PIN=8\tName=Bob\nFP PIN=7\tFID=0\n";
        assert_eq!(without(both, &pin("7")), Rest::Some(b"USER PIN=8\tName=Bob\n".to_vec()));
        assert_eq!(without(both, &pin("9")), Rest::All);
        assert_eq!(without(b"PIN=7.jpg\nsize=3\nabc", &pin("7")), Rest::Nothing);
        assert_eq!(without(b"", &pin("7")), Rest::All);
    }
}
