//! Base64 payloads: templates and photos.

use std::{borrow::Cow, fmt};

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use crate::FieldError;

/// Padding is required. Surplus bits of the last character are ignored, as devices ignore them.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical)
        .with_decode_allow_trailing_bits(true),
);

/// Whether a byte is in the standard alphabet, indexed by byte.
const ALPHABET: [bool; 256] = alphabet();

/// A payload: standard base64 with its padding and without line breaks, unchanged.
///
/// It is checked once, when it is read. It is never decoded and encoded again on its way to other devices.
#[derive(Clone, PartialEq, Eq)]
pub struct Base64<'a>(Cow<'a, str>);

impl<'a> Base64<'a> {
    /// Checks alphabet, length and padding of a payload without copying it.
    ///
    /// # Errors
    /// [`FieldError::Missing`] if it is empty, [`FieldError::Invalid`] if it is damaged: missing padding, a line
    /// break, a foreign character. The error names the field `base64`; [`crate::Fields::base64`] puts in the
    /// field's own name.
    pub fn read(text: &'a [u8]) -> Result<Self, FieldError> {
        const FIELD: &str = "base64";
        if text.is_empty() {
            return Err(FieldError::Missing { field: FIELD });
        }
        let whole = str::from_utf8(text).ok().filter(|text| is_whole(text.as_bytes()));
        whole
            .map(|text| Self(Cow::Borrowed(text)))
            .ok_or(FieldError::Invalid { field: FIELD, want: "valid base64" })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Number of bytes after decoding.
    pub fn decoded_len(&self) -> usize {
        let padding = self.0.bytes().rev().take_while(|&byte| byte == b'=').count();
        (self.0.len() / 4 * 3).saturating_sub(padding)
    }

    /// The decoded bytes.
    ///
    /// # Panics
    /// Never: a `Base64` always holds valid base64.
    pub fn decode(&self) -> Vec<u8> {
        ENGINE.decode(self.0.as_bytes()).expect("a payload was checked when it was read")
    }

    /// The same payload with a copy of a borrowed text.
    pub fn into_owned(self) -> Base64<'static> {
        Base64(Cow::Owned(self.0.into_owned()))
    }

    /// The text, copied only if it is borrowed.
    pub fn into_string(self) -> String {
        self.0.into_owned()
    }
}

impl Base64<'static> {
    /// Encodes `bytes`. The payload of no bytes is empty, which [`Base64::read`] would refuse.
    pub fn encode(bytes: &[u8]) -> Self {
        Self(Cow::Owned(ENGINE.encode(bytes)))
    }
}

impl fmt::Debug for Base64<'_> {
    /// Shows the length only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Base64({} characters)", self.0.len())
    }
}

/// Whether the text is valid base64 by alphabet, length and padding.
fn is_whole(text: &[u8]) -> bool {
    let Some((body, [third, fourth])) = text.split_last_chunk() else { return false };
    let held = |byte: u8| ALPHABET.get(usize::from(byte)) == Some(&true);
    let ending = match (third, fourth) {
        (b'=', b'=') => true,
        (&third, b'=') => held(third),
        (&third, &fourth) => held(third) && held(fourth),
    };
    text.len().is_multiple_of(4) && ending && body.iter().fold(true, |all, &byte| all & held(byte))
}

const fn alphabet() -> [bool; 256] {
    let mut held = [false; 256];
    let mut letters: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    while let [letter, rest @ ..] = letters {
        held[*letter as usize] = true;
        letters = rest;
    }
    held
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Obligation 38.
    #[test]
    fn a_payload_stays_byte_for_byte() {
        for text in ["QUJD", "QUI=", "QQ==", "+/+/", "QR=="] {
            assert_eq!(Base64::read(text.as_bytes()).map(Base64::into_string).as_deref(), Ok(text));
        }
    }

    /// Obligation 35.
    #[test]
    fn damaged_base64_is_refused() {
        let refused = Err(FieldError::Invalid { field: "base64", want: "valid base64" });
        for text in [
            "QUI", "QQ", "QQ=", "Q===", "====", "Q=JD", "QU\nJD", "QUJDQ", "QU-_", "=", "QUI=QUI=",
            "QU\u{e9}",
        ] {
            assert_eq!(Base64::read(text.as_bytes()), refused, "{text}");
        }
        assert_eq!(Base64::read(b""), Err(FieldError::Missing { field: "base64" }));
    }

    #[test]
    fn the_length_is_known_without_decoding() {
        for text in ["QUJD", "QUI=", "QQ=="] {
            let payload = Base64::read(text.as_bytes()).expect("valid base64");
            assert_eq!(payload.decoded_len(), payload.decode().len(), "{text}");
        }
    }

    #[test]
    fn debug_output_holds_no_payload() {
        assert_eq!(format!("{:?}", Base64::encode(b"secret")), "Base64(8 characters)");
    }
}
