//! Facts about a device, derived from its parameters.

use std::collections::BTreeMap;

use wire::{BioType, TypeArray, Version};

use super::{hybrid, parameters::Parameter};

/// The biometric types with a name (appendix 10), and one more for the next type.
const TYPES: u8 = 11;

/// `DeviceType` of a device that reads identity cards.
pub(super) const READS_CARDS: &str = "pid";

/// The facts that a device reported.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one report of the device")]
pub(super) struct Facts {
    /// Whether the device speaks the access-control dialect, which has other commands.
    pub(super) access_control: bool,
    pub(super) reads_cards: bool,
    /// Whether the device reports no protocol version in its handshake.
    pub(super) first_client: bool,
    pub(super) language: Option<u16>,
    pub(super) push_version: Option<Version>,
    /// Whether PINs may have letters.
    pub(super) letters: Option<bool>,
    /// Longest PIN.
    pub(super) pin_width: Option<usize>,
    pub(super) users_max: Option<u64>,
    /// Whether the device shows user photos.
    pub(super) user_photos: Option<bool>,
    /// Whether the device downloads user photos by URL.
    pub(super) user_photo_by_url: bool,
    /// Lengths of the reported support arrays for templates and photos; `None` for an array that was never
    /// reported.
    pub(super) support_lengths: (Option<usize>, Option<usize>),
    /// Whether the device makes faces from comparison photos (type 9).
    pub(super) face_photos: bool,
    /// Whether the device reported which types it accepts as `BIODATA`.
    pub(super) told_support: bool,
    /// Facts by biometric type, from type 0.
    types: Vec<TypeFacts>,
}

/// The reported facts of one biometric type.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct TypeFacts {
    /// Whether the function is switched on, if reported.
    on: Option<bool>,
    version: Option<(u16, Option<u16>)>,
    templates: bool,
    photos: bool,
    max: Option<u64>,
    held: Option<u64>,
}

impl Facts {
    pub(super) fn of(reported: &BTreeMap<Parameter, String>) -> Self {
        if reported.is_empty() {
            return Self::default();
        }
        let reported = Reported(reported);
        let arrays = Arrays::of(&reported);
        let length = |array: Option<&TypeArray>| array.map(TypeArray::len);
        Self {
            access_control: reported.text(Parameter::HandshakeDialect) == Some("acc"),
            reads_cards: reported.text(Parameter::HandshakeDialect) == Some(READS_CARDS),
            first_client: reported.text(Parameter::HandshakeDialect).is_some()
                && reported.text(Parameter::HandshakeVersion).is_none(),
            language: reported
                .number(Parameter::HandshakeLanguage)
                .or_else(|| reported.number(Parameter::Language)),
            push_version: reported.text(Parameter::HandshakeVersion).and_then(|text| text.parse().ok()),
            letters: match (reported.flag(Parameter::LettersInPin), reported.flag(Parameter::TextPin)) {
                (None, None) => None,
                (enabled, text) => Some(enabled == Some(true) || text == Some(true)),
            },
            pin_width: reported.number(Parameter::PinWidth).filter(|&width| width > 0),
            users_max: reported.hundreds(Parameter::MaxUsers),
            user_photos: reported.flag(Parameter::UserPhotosOn).or_else(|| reported.digit(3)),
            user_photo_by_url: reported.flag(Parameter::UserPhotoByUrl) == Some(true),
            support_lengths: (length(arrays.support.as_ref()), length(arrays.photos.as_ref())),
            face_photos: reported.flag(Parameter::ComparisonPhotosOn) == Some(true)
                || reported.digit(4) == Some(true),
            told_support: arrays.support.is_some(),
            types: (0..TYPES).map(|number| reported.of_type(BioType(number), &arrays)).collect(),
        }
    }

    pub(super) fn version_of(&self, bio_type: BioType) -> Option<(u16, Option<u16>)> {
        self.of_type(bio_type).version
    }

    /// Whether the function of this type is switched off or absent.
    pub(super) fn is_off(&self, bio_type: BioType) -> bool {
        self.of_type(bio_type).on == Some(false)
    }

    /// Whether both the device and this server exchange this type as `BIODATA`.
    pub(super) fn templates(&self, bio_type: BioType) -> bool {
        self.of_type(bio_type).templates && hybrid::has_templates(bio_type)
    }

    /// Whether both the device and this server exchange comparison photos of this type.
    pub(super) fn photos(&self, bio_type: BioType) -> bool {
        let takes = self.of_type(bio_type).photos || (bio_type == BioType::VISIBLE_FACE && self.face_photos);
        takes && hybrid::has_photos(bio_type)
    }

    pub(super) fn templates_max(&self, bio_type: BioType) -> Option<u64> {
        self.of_type(bio_type).max
    }

    /// The reported number of templates of this type, from the array of all types.
    pub(super) fn templates_held(&self, bio_type: BioType) -> Option<u64> {
        self.of_type(bio_type).held
    }

    fn of_type(&self, bio_type: BioType) -> TypeFacts {
        self.types.get(usize::from(bio_type.0)).copied().unwrap_or_default()
    }
}

/// The arrays with one element per type.
struct Arrays {
    support: Option<TypeArray>,
    photos: Option<TypeArray>,
    versions: Option<TypeArray>,
    max: Option<TypeArray>,
    held: Option<TypeArray>,
}

impl Arrays {
    fn of(reported: &Reported<'_>) -> Self {
        Self {
            support: reported.array(Parameter::TemplateSupport),
            photos: reported.array(Parameter::PhotoSupport),
            versions: reported.array(Parameter::Versions),
            max: reported.array(Parameter::MaxTemplates),
            held: reported.array(Parameter::TemplateCounts),
        }
    }
}

/// Typed access to the reported parameters.
struct Reported<'a>(&'a BTreeMap<Parameter, String>);

impl Reported<'_> {
    fn text(&self, parameter: Parameter) -> Option<&str> {
        self.0.get(&parameter).map(String::as_str)
    }

    fn number<T: std::str::FromStr>(&self, parameter: Parameter) -> Option<T> {
        self.text(parameter)?.parse().ok()
    }

    /// A capacity. Devices count it in hundreds (field note 9.1).
    fn hundreds(&self, parameter: Parameter) -> Option<u64> {
        self.number::<u64>(parameter)?.checked_mul(100).filter(|&max| max > 0)
    }

    fn flag(&self, parameter: Parameter) -> Option<bool> {
        self.number::<u32>(parameter).map(|value| value != 0)
    }

    fn array(&self, parameter: Parameter) -> Option<TypeArray> {
        self.text(parameter).map(TypeArray::parse)
    }

    /// A function digit of `INFO`; the first digit is 1.
    fn digit(&self, place: usize) -> Option<bool> {
        let digit = self.text(Parameter::InfoFunctions)?.as_bytes().get(place.checked_sub(1)?)?;
        digit.is_ascii_digit().then_some(*digit != b'0')
    }

    /// Whether this is a visible-light device: the only face version of such a device is that of type 9. It sends
    /// five function digits, other devices three (§9).
    fn visible_light(&self, support: Option<&TypeArray>) -> bool {
        let flag = self.flag(Parameter::VisibleLight);
        flag == Some(true)
            || support.is_some_and(|support| support.enabled(BioType::VISIBLE_FACE))
            || (flag.is_none() && self.digit(5).is_some())
    }

    fn of_type(&self, bio_type: BioType, arrays: &Arrays) -> TypeFacts {
        let templates = arrays.support.as_ref().is_some_and(|support| support.enabled(bio_type))
            || (bio_type == BioType::VISIBLE_FACE && self.flag(Parameter::VisibleTemplatesOn) == Some(true));
        TypeFacts {
            on: self.on(bio_type, templates),
            version: self.version(bio_type, arrays),
            templates,
            photos: arrays.photos.as_ref().is_some_and(|photos| photos.enabled(bio_type)),
            max: self.max(bio_type, arrays.max.as_ref()),
            held: arrays.held.as_ref().and_then(|held| held.number(bio_type)),
        }
    }

    /// Whether a function is on: by its own parameter, or else by its digit in `INFO`. A digit 0 does not count if
    /// the device reports that it accepts templates of the type.
    fn on(&self, bio_type: BioType, templates: bool) -> Option<bool> {
        let (parameter, digit) = match bio_type {
            BioType::FINGERPRINT => (Parameter::FingerprintsOn, Some(1)),
            BioType::FACE | BioType::VISIBLE_FACE => (Parameter::FacesOn, Some(2)),
            BioType::FINGER_VEIN => (Parameter::FingerVeinsOn, None),
            BioType::PALM => (Parameter::PalmsOn, None),
            _ => return None,
        };
        self.flag(parameter).or_else(|| digit.and_then(|place| self.digit(place)).map(|on| on || templates))
    }

    fn version(&self, bio_type: BioType, arrays: &Arrays) -> Option<(u16, Option<u16>)> {
        let support = arrays.support.as_ref();
        let array = arrays.versions.as_ref().and_then(|versions| versions.version(bio_type));
        if let Some((major, minor)) = array.filter(|&(major, _)| major > 0) {
            return Some((major, Some(minor)));
        }
        let places: &[Parameter] = match bio_type {
            BioType::FINGERPRINT => &[
                Parameter::FingerprintVersion,
                Parameter::FingerprintAlgorithm,
                Parameter::InfoFingerprintVersion,
            ],
            // One parameter holds the number of faces, whichever kind the device has.
            BioType::FACE if !self.visible_light(support) => {
                &[Parameter::FaceVersion, Parameter::InfoFaceVersion]
            }
            BioType::VISIBLE_FACE if self.visible_light(support) => {
                &[Parameter::FaceVersion, Parameter::InfoFaceVersion]
            }
            BioType::FINGER_VEIN => &[Parameter::FingerVeinVersion],
            BioType::PALM => &[Parameter::PalmVersion],
            _ => &[],
        };
        places.iter().find_map(|&place| version(self.text(place)?))
    }

    fn max(&self, bio_type: BioType, array: Option<&TypeArray>) -> Option<u64> {
        let array = array.and_then(|max| max.number(bio_type));
        array.filter(|&max| max > 0).or_else(|| match bio_type {
            BioType::FINGERPRINT => self.hundreds(Parameter::MaxFingerprints),
            BioType::FACE | BioType::VISIBLE_FACE => self.number(Parameter::MaxFaces),
            BioType::PALM => self.number(Parameter::MaxPalms),
            _ => None,
        })
    }
}

/// A version like `10` or `10.3`; `None` for 0 and for invalid text.
fn version(text: &str) -> Option<(u16, Option<u16>)> {
    let (major, minor) = match text.split_once('.') {
        Some((major, minor)) => (major, Some(minor)),
        None => (text, None),
    };
    let major = major.trim().parse().ok().filter(|&major| major > 0)?;
    Some((major, minor.and_then(|minor| minor.trim().parse().ok())))
}
