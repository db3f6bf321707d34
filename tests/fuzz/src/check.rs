//! Properties that a parser must have for every input.

pub mod messages;
pub mod people;
pub mod uploads;

use std::fmt::{Debug, Display};
use std::str::FromStr;

use crate::Input;

/// The parser returns, and uses no more memory than its input may cost.
pub fn answers<T>(input: &Input<'_>, read: impl FnOnce(&str) -> T) {
    let text = input.text();
    drop(input.reads_whole(|| read(&text)));
}

/// A parsed value reads back equal from its text.
///
/// # Panics
/// When it does not.
pub fn spelt<T: FromStr + Display + PartialEq + Debug>(input: &Input<'_>) {
    spelt_as(input, |text| text.parse::<T>().ok());
}

/// As [`spelt`], for values with another reader.
///
/// # Panics
/// When the value does not read back equal.
pub fn spelt_as<T: Display + PartialEq + Debug>(input: &Input<'_>, read: impl Fn(&str) -> Option<T>) {
    let text = input.text();
    let Some(Some(value)) = input.reads_whole(|| read(&text)) else { return };
    let spelling = value.to_string();
    assert_eq!(read(&spelling).as_ref(), Some(&value), "spelt {spelling:?}");
    assert!(spelling.len() <= 3 * text.len() + 64, "{} bytes for {}", spelling.len(), text.len());
}

/// Whether `piece` is a slice of `whole`, not a copy.
fn is_within(whole: &[u8], piece: &[u8]) -> bool {
    let (whole, piece) = (whole.as_ptr_range(), piece.as_ptr_range());
    whole.start <= piece.start && piece.end <= whole.end
}
