//! What has to be true of a parser for every input.

pub mod messages;
pub mod people;
pub mod uploads;

use std::fmt::{Debug, Display};
use std::str::FromStr;

use crate::Input;

/// It answers, and holds no more memory than its input may cost.
pub fn answers<T>(input: &Input<'_>, read: impl FnOnce(&str) -> T) {
    let text = input.text();
    drop(input.reads_whole(|| read(&text)));
}

/// What is read and printed is read as the same again.
///
/// # Panics
/// When it is not.
pub fn spelt<T: FromStr + Display + PartialEq + Debug>(input: &Input<'_>) {
    spelt_as(input, |text| text.parse::<T>().ok());
}

/// As [`spelt`], for what is read otherwise.
///
/// # Panics
/// When it is not read as the same again.
pub fn spelt_as<T: Display + PartialEq + Debug>(input: &Input<'_>, read: impl Fn(&str) -> Option<T>) {
    let text = input.text();
    let Some(Some(value)) = input.reads_whole(|| read(&text)) else { return };
    let spelling = value.to_string();
    assert_eq!(read(&spelling).as_ref(), Some(&value), "spelt {spelling:?}");
    assert!(spelling.len() <= 3 * text.len() + 64, "{} bytes for {}", spelling.len(), text.len());
}

/// Whether `piece` is a part of `whole` itself, not a copy of it.
fn is_within(whole: &[u8], piece: &[u8]) -> bool {
    let (whole, piece) = (whole.as_ptr_range(), piece.as_ptr_range());
    whole.start <= piece.start && piece.end <= whole.end
}
