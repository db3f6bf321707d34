//! Text from devices, made fit for a log.

use wire::Target;

/// The serial number that a request claims, shortened for a log. It may be invalid.
pub fn claimed_serial(target: &Target<'_>) -> String {
    printable(&target.query.get("SN").unwrap_or_default())
}

/// Text from outside, made safe for a log and a terminal: one line, no control characters, at most 64 characters.
pub fn printable(text: &str) -> String {
    const CHARACTERS: usize = 64;
    text.chars().filter(|character| !character.is_control()).take(CHARACTERS).collect()
}
