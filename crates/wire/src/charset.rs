//! Charsets of user names on devices.

use encoding_rs::{DecoderResult, GB18030, GBK};

/// The charset of user names, which follows from the device's language (§5, appendix 2). Everything else is ASCII.
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
    /// The charset of a language code; UTF-8 for an unknown language.
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

    /// Decodes a name from a device of this charset and language; `None` if the bytes are valid in neither
    /// charset.
    ///
    /// Chinese devices do not always use the charset of their language (field note 5.7). On a Chinese device,
    /// bytes that are not UTF-8 are GB18030, of which GB2312 is a part. Valid UTF-8 is taken as UTF-8, with one
    /// exception: short GB2312 text may be valid UTF-8 by chance. It then holds mostly characters that Chinese
    /// text in UTF-8 never has, and is taken as GB18030.
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

    /// Encodes a text for a device of this charset. A character that the charset lacks becomes `?`.
    pub fn encode(self, text: &str) -> Vec<u8> {
        match self {
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::Gb2312 => text.chars().flat_map(gb2312).collect(),
        }
    }

    /// The longest beginning of a text, in whole characters, that takes at most `max_bytes` in this charset.
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

/// Whether a character shows that the bytes are not UTF-8: it has two bytes in UTF-8, is of private use, or lies
/// beyond the assigned planes.
fn is_no_chinese(character: char) -> bool {
    character.len_utf8() == 2 || matches!(character, '\u{E000}'..='\u{F8FF}' | '\u{40000}'..)
}

/// Decodes GB18030; `None` on any error.
fn gb18030(bytes: &[u8]) -> Option<String> {
    let mut decoder = GB18030.new_decoder_without_bom_handling();
    let mut text = String::with_capacity(decoder.max_utf8_buffer_length_without_replacement(bytes.len())?);
    let (result, _) = decoder.decode_to_string_without_replacement(bytes, &mut text, true);
    (result == DecoderResult::InputEmpty).then_some(text)
}

/// Encodes one character: one byte for ASCII, two for GB2312, or `?`.
fn gb2312(character: char) -> impl Iterator<Item = u8> {
    let mut buffer = [0; 4];
    let (bytes, _, lacking) = GBK.encode(character.encode_utf8(&mut buffer));
    // GBK contains GB2312 as this square of byte pairs; the pairs outside are other characters.
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
        // Read as UTF-8, these bytes are an unassigned plane and private use.
        for (bytes, name) in [(&b"\xf3\xaf\xbe\xa3"[..], "蟑荆"), (b"\xee\xb5\xb6\xee\xb6\xb5", "畹额兜")]
        {
            assert!(str::from_utf8(bytes).is_ok());
            assert_eq!(Charset::Gb2312.decode(Some(83), bytes).as_deref(), Some(name));
        }
        // An ideograph of the second plane is a Chinese character.
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
