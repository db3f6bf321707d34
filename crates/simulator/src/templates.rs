//! Artificial biometric data: headers as in real templates, with noise in place of the biometrics.

use wire::BioType;

use crate::Random;

/// Why a device refuses a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateFault {
    /// The length in the header differs from the actual length: the template was cut or joined.
    Damaged,
    /// Another algorithm made the template.
    OtherAlgorithm,
}

/// A fingerprint template of the algorithm 10.0: `SS21` at bytes 2 to 5, the whole length big-endian at bytes 6 to 9.
pub fn fingerprint_10(random: &mut Random) -> Vec<u8> {
    let length = 720 + random.index(330);
    let mut template = random.bytes(length);
    write(&mut template, 0, &[0x4A, 0xD7]);
    write(&mut template, 2, b"SS21");
    write(&mut template, 6, &u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    template
}

/// A unified template or one part of it: `6A 95 01`, the whole length little-endian at bytes 4 and 5, the biometric
/// type at 8 and 9, major and minor version at 10 and 11.
pub fn unified(random: &mut Random, bio_type: BioType, major: u16, minor: u16, length: u16) -> Vec<u8> {
    let mut template = random.bytes(usize::from(length));
    write(&mut template, 0, &[0x6A, 0x95, 0x01, 0x10]);
    write(&mut template, 4, &length.to_le_bytes());
    write(&mut template, 8, &[bio_type.0, 0]);
    write(&mut template, 10, &[low_byte(major), low_byte(minor), 1]);
    template
}

/// One of the twelve parts of a near-infrared face 7.0: 16 arbitrary bytes, then `ZKFiX` and noise.
pub fn face_7_part(random: &mut Random) -> Vec<u8> {
    let length = 1000 + random.index(80);
    let mut template = random.bytes(FACE_PREFIX_BYTES + length);
    write(&mut template, FACE_PREFIX_BYTES, b"ZKFiX");
    template
}

/// Number of arbitrary bytes before the payload of a `FACE` record (§11.10).
pub const FACE_PREFIX_BYTES: usize = 16;

/// Bytes that begin and end like a JPEG file.
pub fn photo(random: &mut Random, length: usize) -> Vec<u8> {
    let mut photo = random.bytes(length.max(32));
    write(&mut photo, 0, &[0xFF, 0xD8, 0xFF, 0xE0, 0x00, 0x10]);
    write(&mut photo, 6, b"JFIF\0\x01\x01\0");
    let end = photo.len() - 2;
    write(&mut photo, end, &[0xFF, 0xD9]);
    photo
}

/// Checks the header of a template against its length and the device's algorithm, as terminals do.
///
/// # Errors
/// The contradiction. A template with an unknown header is accepted.
pub fn inspect(template: &[u8], bio_type: BioType, major: u16) -> Result<(), TemplateFault> {
    if template.get(2..6) == Some(b"SS21") {
        let announced =
            template.get(6..10).map(|bytes| bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)));
        if announced != Some(template.len()) {
            return Err(TemplateFault::Damaged);
        }
        return if bio_type == BioType::FINGERPRINT && major == 10 {
            Ok(())
        } else {
            Err(TemplateFault::OtherAlgorithm)
        };
    }
    if template.starts_with(&[0x6A, 0x95, 0x01]) {
        let announced = template
            .get(4..6)
            .map(|bytes| bytes.iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte)));
        if announced != Some(template.len()) {
            return Err(TemplateFault::Damaged);
        }
        if template.get(8) != Some(&bio_type.0) || template.get(10) != Some(&low_byte(major)) {
            return Err(TemplateFault::OtherAlgorithm);
        }
    }
    Ok(())
}

fn low_byte(number: u16) -> u8 {
    number.to_le_bytes()[0]
}

fn write(template: &mut [u8], at: usize, bytes: &[u8]) {
    for (place, byte) in template.iter_mut().skip(at).zip(bytes) {
        *place = *byte;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_10_holds_its_length_like_a_real_one() {
        let template = fingerprint_10(&mut Random::new(1));
        assert_eq!(template.get(..6), Some(&[0x4A, 0xD7, b'S', b'S', b'2', b'1'][..]));
        assert_eq!(template.get(6..10), Some(&u32::try_from(template.len()).unwrap().to_be_bytes()[..]));
        assert!((720..1050).contains(&template.len()));
        assert_eq!(inspect(&template, BioType::FINGERPRINT, 10), Ok(()));
        assert_eq!(inspect(&template, BioType::FINGERPRINT, 13), Err(TemplateFault::OtherAlgorithm));
    }

    #[test]
    fn a_unified_template_has_the_header_of_a_captured_one() {
        // The face 58.10 of 2064 bytes in the fixture a08 begins 6A 95 01 10 10 08 ?? ?? 09 00 3A 0A 01.
        let template = unified(&mut Random::new(1), BioType::VISIBLE_FACE, 58, 10, 2064);
        assert_eq!(template.len(), 2064);
        assert_eq!(template.get(..6), Some(&[0x6A, 0x95, 0x01, 0x10, 0x10, 0x08][..]));
        assert_eq!(template.get(8..13), Some(&[0x09, 0x00, 0x3A, 0x0A, 0x01][..]));
        assert_eq!(inspect(&template, BioType::VISIBLE_FACE, 58), Ok(()));
        assert_eq!(inspect(&template, BioType::VISIBLE_FACE, 40), Err(TemplateFault::OtherAlgorithm));
        assert_eq!(inspect(&template, BioType::PALM, 58), Err(TemplateFault::OtherAlgorithm));
    }

    #[test]
    fn a_template_that_lost_its_end_is_damaged() {
        let whole = unified(&mut Random::new(2), BioType::PALM, 12, 0, 2016);
        assert_eq!(inspect(whole.get(..2015).unwrap(), BioType::PALM, 12), Err(TemplateFault::Damaged));
        let finger = fingerprint_10(&mut Random::new(2));
        assert_eq!(
            inspect(finger.get(..700).unwrap(), BioType::FINGERPRINT, 10),
            Err(TemplateFault::Damaged)
        );
    }

    #[test]
    fn the_same_seed_makes_the_same_photo() {
        let picture = photo(&mut Random::new(3), 4000);
        assert_eq!(picture.len(), 4000);
        assert!(picture.starts_with(&[0xFF, 0xD8, 0xFF, 0xE0]) && picture.ends_with(&[0xFF, 0xD9]));
        assert_eq!(picture, photo(&mut Random::new(3), 4000));
    }
}
