//! Command forms that a device accepts for an item.

use std::collections::BTreeSet;

use wire::{BioType, Form, Pin};

use super::{Capability, hybrid};
use crate::{Algorithm, Format, Kind, Slot};

/// Fingerprints up to this version are sent as `FINGERTMP`, later ones as `BIODATA` only (§12.1.1.3).
const CLASSIC_FINGERPRINT: u16 = 10;

impl Capability {
    /// The form in which this device accepts an item of this slot; `None` if it accepts none.
    ///
    /// A template must have the device's own version (major number) and the vendor's format. If either version is
    /// unknown, the template is not sent. If this firmware refused a form, the other form of the same data
    /// applies, if there is one.
    pub fn takes(&self, slot: &Slot) -> Option<Form> {
        if self.speaks_access_control() {
            return None;
        }
        self.forms(slot).into_iter().flatten().find(|form| !self.refused(*form))
    }

    /// Whether the command with this number was created in a form that the device was found to refuse only
    /// afterwards. A refusal of such a command says nothing about the form that is used now.
    pub fn was_sent_before_refusal(&self, slot: &Slot, number: i64) -> bool {
        self.forms(slot).into_iter().flatten().any(|form| self.answers.was_sent_before_refusal(form, number))
    }

    /// The forms of an item, the better one first, including refused ones.
    fn forms(&self, slot: &Slot) -> [Option<Form>; 2] {
        match slot.kind {
            Kind::User => [Some(Form::UserInfo), None],
            Kind::Membership => [None, None],
            Kind::PersonalMessage => [Some(Form::UserSms), None],
            Kind::Definition(kind) => [Some(kind.table().form()), None],
            Kind::UserPhoto => [self.takes_user_photos().then_some(Form::UserPic), None],
            Kind::ComparisonPhoto => [self.takes_photo_of(slot).then_some(Form::BioPhoto), None],
            Kind::Template(bio_type) => self.template_forms(bio_type, slot.algorithm),
        }
    }

    /// Whether the device reads identity cards (`DeviceType=pid`): then its attendance records hold them (§11.2).
    pub fn reads_cards(&self) -> bool {
        self.facts.reads_cards
    }

    /// Whether the device speaks the access-control dialect. Muster sends nothing to such a device.
    pub fn speaks_access_control(&self) -> bool {
        self.facts.access_control
    }

    /// Whether the device accepts a PIN unchanged. Letters are accepted unless the device reports digits only, and
    /// the PIN must not be longer than the device's limit. A reserved key is no PIN and is never sent.
    pub fn accepts_pin(&self, pin: &Pin) -> bool {
        if pin.reserved_name().is_some() {
            return true;
        }
        let text = pin.as_str();
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        (digits || self.facts.letters != Some(false))
            && self.facts.pin_width.is_none_or(|width| text.len() <= width)
    }

    /// The forms under which the device may hold data of a user, without the refused ones.
    pub(crate) fn tables(&self) -> BTreeSet<Form> {
        let own_version = |bio_type| {
            let (major, minor) = self.version_of(bio_type)?;
            Some((bio_type, major, minor.unwrap_or(0)))
        };
        let templates = (0..=u8::MAX).filter_map(|number| own_version(BioType(number))).flat_map(
            |(bio_type, major, minor)| {
                [Format::Zk, Format::FaceParts]
                    .into_iter()
                    .flat_map(move |format| self.template_forms(bio_type, Algorithm { format, major, minor }))
            },
        );
        let photos = (0..=u8::MAX).map(|number| Slot::comparison_photo(BioType(number)));
        let others = [Slot::USER, Slot::USER_PHOTO].into_iter().chain(photos);
        templates
            .flatten()
            .filter(|form| !self.refused(*form))
            .chain(others.filter_map(|slot| self.takes(&slot)))
            .collect()
    }

    /// Whether this device can use templates of this type and version.
    fn takes_version(&self, bio_type: BioType, algorithm: Algorithm) -> bool {
        let known = algorithm.major > 0 && !self.facts.is_off(bio_type);
        known && self.version_of(bio_type).is_some_and(|(major, _)| major == algorithm.major)
    }

    /// The forms of a template, the better one first.
    fn template_forms(&self, bio_type: BioType, algorithm: Algorithm) -> [Option<Form>; 2] {
        if !self.takes_version(bio_type, algorithm) {
            return [None, None];
        }
        let unified = self.takes_unified(bio_type).then_some(Form::BioData(bio_type.0));
        match (bio_type, algorithm.format) {
            // Some platforms answered `BIODATA` of a fingerprint with 0 and did not store it, while `FINGERTMP`
            // worked.
            (BioType::FINGERPRINT, Format::Zk) if algorithm.major <= CLASSIC_FINGERPRINT => {
                [Some(Form::FingerTmp), unified]
            }
            (BioType::FINGERPRINT, Format::Zk) => [Some(Form::BioData(bio_type.0)), None],
            (BioType::FACE, Format::FaceParts) => [Some(Form::Face), None],
            (BioType::FINGER_VEIN, Format::Zk) => [unified, Some(Form::FVein)],
            (_, Format::Zk) => [unified, None],
            // Devices do not report which other formats they read.
            (_, Format::FaceParts | Format::Iso | Format::Ansi | Format::Other(_)) => [None, None],
        }
    }

    /// Whether the device accepts a type as `BIODATA`: by its report, or, if it reported nothing about any type,
    /// by its having a version of this type.
    fn takes_unified(&self, bio_type: BioType) -> bool {
        hybrid::has_templates(bio_type)
            && (self.facts.templates(bio_type)
                || (!self.facts.told_support
                    && bio_type != BioType::FINGER_VEIN
                    && self.version_of(bio_type).is_some()))
    }

    fn takes_user_photos(&self) -> bool {
        self.facts.user_photos != Some(false)
    }

    fn takes_photo_of(&self, slot: &Slot) -> bool {
        let bio_type = u8::try_from(slot.number).map(BioType);
        bio_type.is_ok_and(|bio_type| self.facts.photos(bio_type))
    }
}
