//! How devices spell names.

use encoding_rs::{DecoderResult, GB18030, GBK};

/// How a device spells the names of users: as its language tells (§5, appendix 2). All else is ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Charset {
    /// Every language but Simplified Chinese.
    Utf8,
    /// Simplified Chinese.
    Gb2312,
}

/// Simplified Chinese (appendix 2).
const SIMPLIFIED_CHINESE: u16 = 83;
/// Traditional Chinese (appendix 2).
const TRADITIONAL_CHINESE: u16 = 84;

impl Charset {
    /// The charset of a language code; UTF-8 where it is not known.
    pub const fn of_language(language: Option<u16>) -> Self {
        match language {
            Some(SIMPLIFIED_CHINESE) => Self::Gb2312,
            _ => Self::Utf8,
        }
    }

    /// Whether a device of this language may write GB18030.
    pub const fn is_chinese(language: Option<u16>) -> bool {
        matches!(language, Some(SIMPLIFIED_CHINESE | TRADITIONAL_CHINESE))
    }

    /// The text of a name that a device of this charset and this language sent; `None` if it is text in none.
    ///
    /// Chinese devices do not all send what they should (field note 5.7). What is no UTF-8 is GB18030, which holds
    /// GB2312, if the device is Chinese. What is UTF-8 is just that, but for one case: short GB2312 text may happen
    /// to be UTF-8 too, then mostly of characters that no Chinese text in UTF-8 has.
    pub fn decode(self, language: Option<u16>, bytes: &[u8]) -> Option<String> {
        let chinese = self == Self::Gb2312 || Self::is_chinese(language);
        match str::from_utf8(bytes) {
            Ok(text) if self == Self::Gb2312 && text.chars().any(is_no_chinese) => {
                Some(gb18030(bytes).unwrap_or_else(|| text.to_owned()))
            }
            Ok(text) => Some(text.to_owned()),
            Err(_) if chinese => gb18030(bytes),
            Err(_) => None,
        }
    }

    /// The bytes of a text for a device of this charset, with `?` for each character that it lacks.
    pub fn encode(self, text: &str) -> Vec<u8> {
        match self {
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::Gb2312 => text.chars().flat_map(gb2312).collect(),
        }
    }

    /// As much of a text, in whole characters, as takes at most `max_bytes` in this charset.
    pub fn cut(self, text: &str, max_bytes: usize) -> String {
        let mut bytes = 0_usize;
        let fits = |character: &char| {
            bytes = bytes.saturating_add(match self {
                Self::Utf8 => character.len_utf8(),
                Self::Gb2312 => gb2312(*character).count(),
            });
            bytes <= max_bytes
        };
        text.chars().take_while(fits).collect()
    }
}

/// Whether a character in UTF-8 tells that the bytes are something else: one of two bytes, of private use, or beyond the
/// planes that are assigned.
fn is_no_chinese(character: char) -> bool {
    character.len_utf8() == 2 || matches!(character, '\u{E000}'..='\u{F8FF}' | '\u{40000}'..)
}

/// GB18030 without a single error.
fn gb18030(bytes: &[u8]) -> Option<String> {
    let mut decoder = GB18030.new_decoder_without_bom_handling();
    let mut text = String::with_capacity(decoder.max_utf8_buffer_length_without_replacement(bytes.len())?);
    let (result, _) = decoder.decode_to_string_without_replacement(bytes, &mut text, true);
    (result == DecoderResult::InputEmpty).then_some(text)
}

/// One character: a byte of ASCII, two of GB2312, or `?`.
fn gb2312(character: char) -> impl Iterator<Item = u8> {
    let mut buffer = [0; 4];
    let (bytes, _, lacking) = GBK.encode(character.encode_utf8(&mut buffer));
    // GBK is GB2312 with further characters outside of this square.
    let (first, second) = match *bytes {
        [byte] if byte.is_ascii() && !lacking => (byte, None),
        [lead @ 0xA1..=0xF7, trail @ 0xA1..=0xFE] if !lacking => (lead, Some(trail)),
        _ => (b'?', None),
    };
    std::iter::once(first).chain(second)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Obligation 32.
    #[test]
    fn only_simplified_chinese_is_gb2312() {
        assert_eq!(Charset::of_language(Some(83)), Charset::Gb2312);
        for language in [None, Some(69), Some(84)] {
            assert_eq!(Charset::of_language(language), Charset::Utf8);
        }
    }

    /// Obligation 30.
    #[test]
    fn a_chinese_device_may_send_either_charset() {
        let name = "卓越林";
        let gb2312 = Charset::Gb2312.encode(name);
        assert_eq!(gb2312, b"\xd7\xbf\xd4\xbd\xc1\xd6");
        for bytes in [name.as_bytes(), &gb2312] {
            assert_eq!(Charset::Gb2312.decode(Some(83), bytes).as_deref(), Some(name));
        }
        assert_eq!(Charset::Utf8.decode(Some(84), &gb2312).as_deref(), Some(name));
        assert_eq!(Charset::Utf8.decode(Some(69), &gb2312), None);
        assert_eq!(Charset::Utf8.decode(None, &gb2312), None);
    }

    /// Obligation 30.
    #[test]
    fn short_gb2312_that_happens_to_be_utf8_is_gb2312_on_a_chinese_device_only() {
        let bytes = b"\xc4\xa7";
        assert_eq!(Charset::Gb2312.decode(Some(83), bytes).as_deref(), Some("魔"));
        assert_eq!(Charset::Utf8.decode(Some(69), bytes).as_deref(), Some("\u{127}"));
    }

    /// Obligation 32.
    #[test]
    fn gb2312_that_would_be_utf8_of_no_character_in_use_is_gb2312_on_a_chinese_device() {
        // As UTF-8: a plane that is not assigned, private use.
        for (bytes, name) in [(&b"\xf3\xaf\xbe\xa3"[..], "蟑荆"), (b"\xee\xb5\xb6\xee\xb6\xb5", "畹额兜")]
        {
            assert!(str::from_utf8(bytes).is_ok());
            assert_eq!(Charset::Gb2312.decode(Some(83), bytes).as_deref(), Some(name));
        }
        // An ideograph of the second plane is one.
        let name = "\u{20BB7}野家";
        assert_eq!(Charset::Gb2312.decode(Some(83), name.as_bytes()).as_deref(), Some(name));
    }

    #[test]
    fn a_character_that_the_charset_lacks_becomes_a_question_mark() {
        assert_eq!(Charset::Gb2312.encode("Zoë €"), b"Zo? ?");
        assert_eq!(Charset::Gb2312.encode("喆"), b"?");
        assert_eq!(Charset::Utf8.encode("Zoë"), "Zoë".as_bytes());
    }

    #[test]
    fn a_cut_leaves_whole_characters() {
        assert_eq!(Charset::Utf8.cut("Zoë", 3), "Zo");
        assert_eq!(Charset::Utf8.cut("Zoë", 4), "Zoë");
        assert_eq!(Charset::Utf8.cut("卓越林", 8), "卓越");
        assert_eq!(Charset::Gb2312.cut("卓越林", 5), "卓越");
        assert_eq!(Charset::Gb2312.cut("卓越林", 0), "");
    }
}
