//! Template headers (field note 6.2), for a cheap check that finds lost padding, truncated or joined lines, and
//! wrong labels.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use wire::BioType;

use crate::{Format, Kind, Slot};

/// The content of a template's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TemplateHeader {
    /// The biometric type (appendix 10); `None` if only the first characters were recognised.
    pub bio_type: Option<u8>,
    /// Major version of the algorithm.
    pub major: u16,
    /// Minor version of the algorithm; 0 if the header has none.
    pub minor: u16,
    /// Whether this is a unified header, which holds the exact version.
    pub unified: bool,
}

/// A contradiction between a template and its header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The text is not valid base64.
    #[error("is not valid base64")]
    Base64,
    /// The text was truncated, or joined with another line.
    #[error("has {held} bytes, but its header announces {announced}")]
    Length {
        /// Bytes that the header announces.
        announced: usize,
        /// Bytes after decoding.
        held: usize,
    },
    /// The line and the header name different types.
    #[error("is labelled type {slot}, but its header says {header}")]
    Type {
        /// Type of the header.
        header: u8,
        /// Type of the line or of the stored item.
        slot: u8,
    },
    /// The line and the header name different versions.
    #[error("is labelled version {}.{}, but its header says {}.{}", slot.0, slot.1, header.0, header.1)]
    Version {
        /// Major and minor version of the header.
        header: (u16, u16),
        /// Major and minor version of the line or of the stored item.
        slot: (u16, u16),
    },
}

/// Magic bytes of the unified forms: bytes 0 to 2.
const UNIFIED: [u8; 3] = [0x6A, 0x95, 0x01];

/// First characters of the base64 text of a fingerprint 9.0.
const FINGERPRINT_9: &str = "oco";

/// Number of base64 characters that are decoded: they hold 12 bytes, enough for each of the headers.
const HEADER_CHARACTERS: usize = 16;

/// Reads the header of a template; `None` for an unknown header.
///
/// # Errors
/// The first bytes or the length are not base64, or the header announces another length than the text has.
pub fn inspect(text: &str) -> Result<Option<TemplateHeader>, HeaderError> {
    let held = decoded_len(text).ok_or(HeaderError::Base64)?;
    let whole =
        |announced| if announced == held { Ok(()) } else { Err(HeaderError::Length { announced, held }) };

    // A text that is shorter than a header leaves zeros in the rest, so its length cannot match.
    let start = text.as_bytes().get(..HEADER_CHARACTERS).unwrap_or(text.as_bytes());
    let mut bytes = [0_u8; HEADER_CHARACTERS / 4 * 3];
    STANDARD.decode_slice(start, &mut bytes).map_err(|_| HeaderError::Base64)?;
    if bytes.starts_with(&UNIFIED) {
        let [_, _, _, _, low, high, _, _, bio_type, _, major, minor] = bytes;
        whole(usize::from(u16::from_le_bytes([low, high])))?;
        return Ok(Some(TemplateHeader {
            bio_type: Some(bio_type),
            major: major.into(),
            minor: minor.into(),
            unified: true,
        }));
    }
    if let [_, _, b'S', b'S', b'2', b'1', length @ ..] | [b'I', b'C', b'R', b'S', b'2', b'1', length @ ..] =
        bytes
    {
        let [first, second, third, fourth, _, _] = length;
        let announced = u32::from_be_bytes([first, second, third, fourth]);
        whole(usize::try_from(announced).unwrap_or(usize::MAX))?;
        let bio_type = Some(BioType::FINGERPRINT.0);
        return Ok(Some(TemplateHeader { bio_type, major: 10, minor: 0, unified: false }));
    }
    let fingerprint_9 = TemplateHeader { bio_type: None, major: 9, minor: 0, unified: false };
    Ok(text.starts_with(FINGERPRINT_9).then_some(fingerprint_9))
}

/// Checks that the header of a template, if it has one, agrees with its length and its slot.
///
/// # Errors
/// As [`inspect`]; also a type, or the version of a unified header, that differs from the slot's.
pub fn check(slot: &Slot, text: &str) -> Result<(), HeaderError> {
    let Kind::Template(BioType(slot_type)) = slot.kind else { return Ok(()) };
    // These begin with 16 arbitrary bytes, which may look like a header.
    if slot.algorithm.format == Format::FaceParts {
        return decoded_len(text).map(|_| ()).ok_or(HeaderError::Base64);
    }
    let Some(described) = inspect(text)? else { return Ok(()) };
    if let Some(header) = described.bio_type.filter(|&header| header != slot_type) {
        return Err(HeaderError::Type { header, slot: slot_type });
    }
    let (header, version) =
        ((described.major, described.minor), (slot.algorithm.major, slot.algorithm.minor));
    if described.unified && header != version {
        return Err(HeaderError::Version { header, slot: version });
    }
    Ok(())
}

/// The decoded length of padded base64 text, computed from its length. `None` for an impossible length.
fn decoded_len(text: &str) -> Option<usize> {
    let padding = text.bytes().rev().take_while(|&byte| byte == b'=').count();
    if !text.len().is_multiple_of(4) || padding > 2 {
        return None;
    }
    (text.len() / 4 * 3).checked_sub(padding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Algorithm;

    /// A template with a unified header, `len` bytes long.
    fn unified(bio_type: u8, major: u8, minor: u8, len: u16) -> String {
        let [low, high] = len.to_le_bytes();
        let mut bytes = vec![0x6A, 0x95, 0x01, 0x10, low, high, 0, 0, bio_type, 0, major, minor];
        bytes.resize(usize::from(len), 7);
        STANDARD.encode(bytes)
    }

    fn slot(bio_type: BioType, format: Format, major: u16, minor: u16) -> Slot {
        Slot::template(bio_type, 0, Algorithm { format, major, minor })
    }

    #[test]
    fn a_unified_header_holds_type_and_version() {
        let expected = TemplateHeader { bio_type: Some(9), major: 58, minor: 10, unified: true };
        assert_eq!(inspect(&unified(9, 58, 10, 2064)), Ok(Some(expected)));
    }

    #[test]
    fn a_template_that_lost_its_end_is_refused() {
        let whole = unified(8, 12, 0, 300);
        let cut = &whole[..whole.len() - 4];
        assert_eq!(inspect(cut), Err(HeaderError::Length { announced: 300, held: 297 }));
    }

    #[test]
    fn a_template_that_lost_its_padding_is_refused() {
        let whole = unified(8, 12, 0, 301);
        assert!(whole.ends_with("=="));
        assert_eq!(inspect(whole.trim_end_matches('=')), Err(HeaderError::Base64));
    }

    #[test]
    fn a_template_under_a_wrong_label_is_refused() {
        let text = unified(9, 58, 10, 60);
        assert_eq!(check(&slot(BioType::VISIBLE_FACE, Format::Zk, 58, 10), &text), Ok(()));
        assert_eq!(
            check(&slot(BioType::FACE, Format::Zk, 58, 10), &text),
            Err(HeaderError::Type { header: 9, slot: 2 })
        );
        assert_eq!(
            check(&slot(BioType::VISIBLE_FACE, Format::Zk, 58, 0), &text),
            Err(HeaderError::Version { header: (58, 10), slot: (58, 0) })
        );
    }

    #[test]
    fn both_headers_of_a_fingerprint_10_hold_their_length() {
        for start in [*b"\x4a\xd7SS21", *b"ICRS21"] {
            let mut bytes = start.to_vec();
            bytes.extend(120_u32.to_be_bytes());
            bytes.resize(120, 3);
            let expected = TemplateHeader { bio_type: Some(1), major: 10, minor: 0, unified: false };
            assert_eq!(inspect(&STANDARD.encode(&bytes)), Ok(Some(expected)));
            bytes.extend([1, 2, 3]);
            assert_eq!(
                inspect(&STANDARD.encode(&bytes)),
                Err(HeaderError::Length { announced: 120, held: 123 })
            );
        }
    }

    #[test]
    fn a_header_without_a_template_is_refused() {
        let text = STANDARD.encode([0x6A, 0x95, 0x01]);
        assert_eq!(inspect(&text), Err(HeaderError::Length { announced: 0, held: 3 }));
    }

    #[test]
    fn an_unknown_header_is_accepted() {
        assert_eq!(inspect(&STANDARD.encode([1; 40])), Ok(None));
        assert_eq!(inspect(""), Ok(None));
        assert_eq!(inspect("AAAA"), Ok(None));
    }

    #[test]
    fn the_arbitrary_bytes_before_a_face_part_are_no_header() {
        let text = unified(9, 58, 10, 60);
        assert_eq!(check(&slot(BioType::FACE, Format::FaceParts, 7, 0), &text), Ok(()));
    }
}
