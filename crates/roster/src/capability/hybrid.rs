//! Hybrid identification: the biometric types that both sides can exchange in the unified forms (§3.1).

use wire::{BioType, TypeArray};

use super::Capability;

/// The types in the arrays: ten elements in 2.4.1, and from 2.4.2 also the visible-light palm.
const TEMPLATES: [BioType; 10] = [
    BioType::FINGERPRINT,
    BioType::FACE,
    BioType(3),
    BioType(4),
    BioType(5),
    BioType(6),
    BioType::FINGER_VEIN,
    BioType::PALM,
    BioType::VISIBLE_FACE,
    BioType::VISIBLE_PALM,
];

/// The types whose comparison photos this server distributes.
const PHOTOS: [BioType; 1] = [BioType::VISIBLE_FACE];

/// Number of elements that devices of 2.4.1 send; used for a device that reported no array.
const USUAL_LENGTH: usize = 10;

/// Whether this server exchanges templates of a type as `BIODATA`.
pub(super) fn has_templates(bio_type: BioType) -> bool {
    TEMPLATES.contains(&bio_type)
}

/// Whether this server distributes comparison photos of a type.
pub(super) fn has_photos(bio_type: BioType) -> bool {
    PHOTOS.contains(&bio_type)
}

impl Capability {
    /// `MultiBioDataSupport` for this device: the types that this server accepts as `BIODATA`. The array is as
    /// long as the device's own (§3.1, §5).
    pub fn offered_templates(&self) -> TypeArray {
        let (templates, photos) = self.facts.support_lengths;
        offered(&TEMPLATES, templates.or(photos))
    }

    /// `MultiBioPhotoSupport` for this device, as long as the device's own array.
    pub fn offered_photos(&self) -> TypeArray {
        let (templates, photos) = self.facts.support_lengths;
        offered(&PHOTOS, photos.or(templates))
    }

    /// Whether the device takes part in hybrid identification: it reported which types it supports (§3.1).
    pub fn is_hybrid(&self) -> bool {
        self.facts.support_lengths != (None, None)
    }

    /// Whether the arrays of both sides allow templates of this type as `BIODATA`.
    pub fn shares_templates(&self, bio_type: BioType) -> bool {
        self.facts.templates(bio_type)
    }

    /// Whether the arrays of both sides allow comparison photos of this type.
    pub fn exchanges_photos(&self, bio_type: BioType) -> bool {
        self.facts.photos(bio_type)
    }
}

fn offered(types: &[BioType], told_length: Option<usize>) -> TypeArray {
    let length = told_length.unwrap_or(USUAL_LENGTH);
    TypeArray::of(types, u8::try_from(length).unwrap_or(u8::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(pairs: &[(&str, &str)]) -> Capability {
        let mut device = Capability::default();
        tell(&mut device, pairs);
        device
    }

    fn tell(device: &mut Capability, pairs: &[(&str, &str)]) {
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        device.merge_parameters(&pairs);
    }

    /// Obligation 63.
    #[test]
    fn the_arrays_are_as_long_as_those_of_the_device() {
        let new = Capability::default();
        assert_eq!(new.offered_templates().to_string(), "0:1:1:1:1:1:1:1:1:1");
        assert_eq!(new.offered_photos().to_string(), "0:0:0:0:0:0:0:0:0:1");
        let eleven = told(&[("MultiBioDataSupport", "0:1:0:0:0:0:0:0:0:1:1")]);
        assert_eq!(eleven.offered_templates().to_string(), "0:1:1:1:1:1:1:1:1:1:1");
        assert_eq!(eleven.offered_photos().to_string(), "0:0:0:0:0:0:0:0:0:1:0");
        let odd = told(&[("MultiBioDataSupport", "0:1:0"), ("MultiBioPhotoSupport", "0:0:0:0:0:0:0:0:0:1")]);
        assert_eq!(odd.offered_templates().to_string(), "0:1:1");
        assert_eq!(odd.offered_photos().len(), 10);
    }

    /// Obligations 73, 75.
    #[test]
    fn a_type_is_used_if_both_sides_support_it_by_the_last_report() {
        let both = |device: &Capability| {
            let types = || (0..=11).map(BioType);
            let templates: Vec<u8> =
                types().filter(|it| device.shares_templates(*it)).map(|it| it.0).collect();
            let photos: Vec<u8> = types().filter(|it| device.exchanges_photos(*it)).map(|it| it.0).collect();
            (templates, photos)
        };
        let mut device = Capability::default();
        assert!(!device.is_hybrid());
        assert_eq!(both(&device), (vec![], vec![]));
        tell(&mut device, &[("MultiBioDataSupport", " 1: 1 :0:0:0:0:0:0:0:1:0:1")]);
        assert!(device.is_hybrid());
        assert_eq!(both(&device), (vec![1, 9], vec![]));
        tell(&mut device, &[("MultiBioPhotoSupport", "1:1:1:1:1:1:1:1:1:1:1")]);
        assert_eq!(both(&device), (vec![1, 9], vec![9]));
        tell(&mut device, &[("MultiBioDataSupport", "0:0:0"), ("MultiBioPhotoSupport", "")]);
        assert_eq!(both(&device), (vec![], vec![9]));
    }

    /// Obligation 74.
    #[test]
    fn a_version_may_lack_the_minor_number() {
        let device = told(&[("MultiBioVersion", "0: 10 :7.1:0:0:0:0:0:0:58.12")]);
        assert_eq!(device.version_of(BioType::FINGERPRINT), Some((10, Some(0))));
        assert_eq!(device.version_of(BioType::FACE), Some((7, Some(1))));
        assert_eq!(device.version_of(BioType::VISIBLE_FACE), Some((58, Some(12))));
        assert_eq!(device.version_of(BioType::PALM), None);
    }
}
