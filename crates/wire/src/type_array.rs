//! Lists with one element per biometric type.

use std::fmt;

use crate::BioType;

/// One element per biometric type, index 0 first (§3.1, appendix 10): `0:1:1:0:0:0:0:0:1:0`.
///
/// `MultiBioDataSupport` and `MultiBioPhotoSupport` hold 0 and 1, `MultiBioVersion` holds versions such as `10.0`,
/// and the arrays of counts hold numbers. An array may have any length: a missing element counts as 0, and
/// elements after the 256th are ignored. Devices of 2.4.1 send ten elements, later ones eleven.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TypeArray(Vec<String>);

/// One element for each possible type number.
const MAX_ELEMENTS: usize = 256;

impl TypeArray {
    /// Reads an array. Blanks around elements are ignored; an empty text is an array without elements.
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        if text.is_empty() {
            return Self::default();
        }
        Self(text.split(':').take(MAX_ELEMENTS).map(|element| element.trim().to_owned()).collect())
    }

    /// The array of `length` elements with 1 for `types` and 0 for all others.
    pub fn of(types: &[BioType], length: u8) -> Self {
        let element = |number| if types.contains(&BioType(number)) { "1" } else { "0" };
        Self((0..length).map(|number| element(number).to_owned()).collect())
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the array has no elements.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the element of a type is a number above 0.
    pub fn enabled(&self, bio_type: BioType) -> bool {
        self.number(bio_type).is_some_and(|number| number > 0)
    }

    /// The element of a type as a version, major and minor. A bare `10` is 10.0; 0 means none.
    pub fn version(&self, bio_type: BioType) -> Option<(u16, u16)> {
        let element = self.element(bio_type)?;
        let (major, minor) = element.split_once('.').unwrap_or((element, "0"));
        let major = major.trim().parse().ok().filter(|&major| major > 0)?;
        Some((major, minor.trim().parse().ok()?))
    }

    /// The element of a type as a number.
    pub fn number(&self, bio_type: BioType) -> Option<u64> {
        self.element(bio_type)?.parse().ok()
    }

    fn element(&self, bio_type: BioType) -> Option<&str> {
        self.0.get(usize::from(bio_type.0)).map(String::as_str)
    }
}

impl fmt::Display for TypeArray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(":"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, test_runner::RngSeed};

    use super::*;

    #[test]
    fn support_is_read_by_type() {
        let array = TypeArray::parse("0:1:0:0:0:0:0:0:1:1");
        let enabled: Vec<u8> = (0..=11).filter(|&number| array.enabled(BioType(number))).collect();
        assert_eq!(enabled, [1, 8, 9]);
        assert_eq!(array, TypeArray::of(&[BioType::FINGERPRINT, BioType::PALM, BioType::VISIBLE_FACE], 10));
    }

    /// Obligation 74.
    #[test]
    fn versions_are_dotted_or_plain_and_0_is_none() {
        let array = TypeArray::parse("0:10.0:12:0:0:0:0:0: 12.4 :58.10");
        assert_eq!(array.version(BioType::FINGERPRINT), Some((10, 0)));
        assert_eq!(array.version(BioType::FACE), Some((12, 0)));
        assert_eq!(array.version(BioType::FINGER_VEIN), None);
        assert_eq!(array.version(BioType::PALM), Some((12, 4)));
        assert_eq!(array.version(BioType::VISIBLE_FACE), Some((58, 10)));
        assert_eq!(array.version(BioType::VISIBLE_PALM), None);
    }

    /// Obligation 73.
    #[test]
    fn blanks_and_missing_elements_are_no_obstacle() {
        let array = TypeArray::parse(" 0 : 4000 : 3000 ");
        assert_eq!(array.number(BioType::FINGERPRINT), Some(4000));
        assert_eq!(array.number(BioType::PALM), None);
        assert_eq!((array.len(), array.to_string().as_str()), (3, "0:4000:3000"));
        assert!(TypeArray::parse("").is_empty());
        assert!(!TypeArray::parse(":x:-1").enabled(BioType::FINGERPRINT));
    }

    #[test]
    fn elements_after_the_256th_are_left_out() {
        let array = TypeArray::parse(&"1:".repeat(100_000));
        assert_eq!(array.len(), 256);
        assert!(array.enabled(BioType(255)));
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(241), failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_is_an_array_and_what_is_written_reads_the_same(text in "[0-9.: x]{0,60}") {
            let array = TypeArray::parse(&text);
            prop_assert_eq!(TypeArray::parse(&array.to_string()), array.clone());
            for number in 0..=u8::MAX {
                prop_assert_eq!(array.enabled(BioType(number)), array.number(BioType(number)) > Some(0));
            }
        }
    }
}
