//! Card numbers of users.

use std::fmt;

use crate::fields::trimmed;

/// A card number in a device's spelling (§11.5, field note 5.9).
///
/// Two spellings of one card have the same [`Card::number`].
#[derive(Clone, PartialEq, Eq)]
pub enum Card {
    /// No card: an empty text, or a number that is 0.
    None,
    /// Decimal digits: `123456789`.
    Decimal(u64),
    /// Hexadecimal digits of 4 or 5 bytes in brackets, lowest byte first: `[15CD5B07]`. Muster writes 5 bytes.
    Hex(u64),
    /// Any other text, unchanged.
    Text(String),
}

/// The two spellings of a card number. Old devices ignore the decimal one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CardForm {
    /// `123456789`
    Decimal,
    /// `[15CD5B0700]`
    Hex,
}

impl Card {
    /// Reads a card in either spelling. A number has four bytes; a card of five is kept as text.
    pub fn read(text: &str) -> Self {
        let text = trimmed(text);
        if text.is_empty() {
            return Self::None;
        }
        let card = match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(digits) => hex(digits).map(Self::Hex),
            None if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok().map(Self::Decimal),
            None => None,
        };
        match card {
            Some(Self::Decimal(0) | Self::Hex(0)) => Self::None,
            Some(card) => card,
            None => Self::Text(text.to_owned()),
        }
    }

    /// The card's number; `None` for no card and for a text.
    pub const fn number(&self) -> Option<u64> {
        match self {
            Self::Decimal(number) | Self::Hex(number) => Some(*number),
            Self::None | Self::Text(_) => None,
        }
    }

    /// The same card in another spelling. A card without a number, or with one of more than four bytes, stays as
    /// it is.
    #[must_use]
    pub fn to_form(&self, form: CardForm) -> Self {
        match (self.number(), form) {
            (Some(number), CardForm::Decimal) => Self::Decimal(number),
            (Some(number), CardForm::Hex) if u32::try_from(number).is_ok() => Self::Hex(number),
            _ => self.clone(),
        }
    }
}

impl fmt::Display for Card {
    /// The text on the wire; empty for no card.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Decimal(number) => write!(f, "{number}"),
            Self::Hex(number) => match u32::try_from(*number) {
                // The bytes of the swapped number, highest first, are those of the number, lowest first.
                Ok(number) => write!(f, "[{:08X}00]", number.swap_bytes()),
                Err(_) => write!(f, "{number}"),
            },
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl fmt::Debug for Card {
    /// Shows the spelling, not the number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "(none)",
            Self::Decimal(_) => "(decimal)",
            Self::Hex(_) => "(hex)",
            Self::Text(_) => "(text)",
        })
    }
}

/// The number of 4 bytes, lowest first, or of 5 bytes of which the last is 0.
fn hex(digits: &str) -> Option<u64> {
    let four = match digits.len() {
        8 => digits,
        10 => digits.strip_suffix("00")?,
        _ => return None,
    };
    // `from_str_radix` would accept a sign.
    if !four.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(four, 16).ok().map(|number| number.swap_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Obligation 128.
    #[test]
    fn a_card_has_one_number_in_either_spelling() {
        for (text, card) in [
            ("123456789", Card::Decimal(123_456_789)),
            (" 0123456789 ", Card::Decimal(123_456_789)),
            ("[15CD5B07]", Card::Hex(123_456_789)),
            ("[15cd5b0700]", Card::Hex(123_456_789)),
        ] {
            assert!(Card::read(text) == card, "{text}");
            assert_eq!(card.number(), Some(123_456_789), "{text}");
            assert_eq!(card.to_form(CardForm::Hex).to_string(), "[15CD5B0700]", "{text}");
            assert_eq!(card.to_form(CardForm::Decimal).to_string(), "123456789", "{text}");
        }
    }

    #[test]
    fn nothing_and_zero_are_no_card() {
        for text in ["", " ", "0", "0000000000", "[00000000]", "[0000000000]"] {
            assert!(Card::read(text) == Card::None, "{text}");
            assert_eq!(Card::read(text).to_string(), "");
        }
    }

    #[test]
    fn a_card_without_a_four_byte_number_keeps_its_text() {
        for text in
            ["[15CD5B0701]", "[15CD5B]", "[+5CD5B07]", "[]", "AB-17", "99999999999999999999", "[é15CD5B]"]
        {
            let card = Card::read(text);
            assert!(card == Card::Text(text.to_owned()), "{text}");
            assert_eq!(card.to_form(CardForm::Hex).to_string(), text);
            assert_eq!(card.to_form(CardForm::Decimal).to_string(), text);
        }
        let long = Card::read("4294967296");
        assert_eq!(long.to_form(CardForm::Hex).to_string(), "4294967296");
    }
}
