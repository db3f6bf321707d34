//! Text from devices, made fit for a log.

use wire::Target;

/// The serial number that a request claims, whatever it is, for a log.
pub fn claimed_serial(target: &Target<'_>) -> String {
    printable(&target.query.get("SN").unwrap_or_default())
}

/// What somebody outside made up, fit for a log and a terminal: one line, no control codes, not long.
pub fn printable(text: &str) -> String {
    const CHARACTERS: usize = 64;
    text.chars().filter(|character| !character.is_control()).take(CHARACTERS).collect()
}
