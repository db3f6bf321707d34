//! Capabilities of a device: what it accepts, and how it keeps users.

mod capacity;
mod command_forms;
mod describe;
mod evidence;
mod facts;
mod hybrid;
mod keeping;
mod parameters;
mod photos;
mod stored_text;

use std::{collections::BTreeMap, fmt};

use wire::{BioType, CardForm, Charset, Form, Handshake, PollInfo, Version};

use evidence::Answers;
use facts::{Facts, READS_CARDS};
use keeping::Keeping;
use parameters::Parameter;
pub use photos::PhotoLimit;

pub use evidence::Evidence;

/// The capabilities of a device, as far as the device reported or showed them.
///
/// A device reports them in its handshake (§5), its options (`table=options`, §8), the reply to `INFO` (§12.4) and
/// the `INFO` of a poll (§9), in any order and never completely. It shows others by its uploads and by the
/// commands that it refuses. A value that was once reported stays valid when a later report leaves it out or empty
/// (field note 6.4).
#[derive(Clone, Default, PartialEq)]
pub struct Capability {
    /// Reported values as text. All facts are derived from them.
    reported: BTreeMap<Parameter, String>,
    learned: LearnedProperties,
    answers: Answers,
    /// Facts derived from `reported`. They are cached because every row of the feed needs them.
    facts: Facts,
}

/// Properties that a device showed by its uploads.
#[derive(Clone, Debug, Default, PartialEq)]
struct LearnedProperties {
    card_form: Option<CardForm>,
    /// Boxed because every view of a device holds it and few decisions need it.
    keeping: Box<Keeping>,
    versions: BTreeMap<u8, (u16, u16)>,
}

/// Numbers of records that the device reports to hold, for comparison with what it should hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Users.
    pub users: Option<u64>,
    /// Fingerprints.
    pub fingerprints: Option<u64>,
    /// Faces, near infrared or visible light.
    pub faces: Option<u64>,
    /// Finger veins.
    pub finger_veins: Option<u64>,
    /// Palms.
    pub palms: Option<u64>,
    /// Cards.
    pub cards: Option<u64>,
    /// User photos.
    pub user_photos: Option<u64>,
}

impl Capability {
    /// Merges parameters of `table=options` or of an `INFO` reply. Absent and empty parameters keep their earlier
    /// value.
    pub fn merge_parameters(&mut self, parameters: &[(String, String)]) {
        let known = |name: &str| Parameter::named(name).filter(|parameter| parameter.is_sent());
        self.store_values(parameters.iter().filter_map(|(name, value)| Some((known(name)?, value.clone()))));
    }

    /// Merges the `INFO` of a poll.
    pub fn merge_info(&mut self, info: &PollInfo) {
        let number = |number: Option<u64>| number.map(|number| number.to_string());
        self.store_values(
            [
                (Parameter::InfoFirmware, info.firmware.clone()),
                (Parameter::UserCount, number(info.users)),
                (Parameter::FingerprintCount, number(info.fingerprints)),
                (Parameter::InfoFingerprintVersion, info.fingerprint_version.clone()),
                (Parameter::InfoFaceVersion, info.face_version.clone()),
                (Parameter::FaceCount, number(info.faces)),
                (Parameter::InfoFunctions, info.functions.clone()),
                (Parameter::CardCount, number(info.cards)),
                (Parameter::UserPhotoCount, number(info.user_photos)),
            ]
            .into_iter()
            .filter_map(|(parameter, value)| Some((parameter, value?))),
        );
    }

    /// Merges the parameters of a handshake.
    pub fn merge_handshake(&mut self, handshake: &Handshake) {
        let reads_cards =
            handshake.device_type.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(READS_CARDS));
        let dialect = match handshake.dialect {
            wire::Dialect::Attendance if reads_cards => READS_CARDS,
            wire::Dialect::Attendance => "att",
            wire::Dialect::AccessControl => "acc",
        };
        self.store_values(
            [
                (Parameter::HandshakeDialect, Some(dialect.to_owned())),
                (Parameter::HandshakeLanguage, handshake.language.map(|language| language.to_string())),
                (Parameter::HandshakeType, handshake.device_type.clone()),
                (Parameter::HandshakeVersion, handshake.push_version.as_ref().map(ToString::to_string)),
            ]
            .into_iter()
            .filter_map(|(parameter, value)| Some((parameter, value?))),
        );
    }

    /// Stores values, forgets what an earlier firmware showed, and derives the facts.
    fn store_values(&mut self, values: impl Iterator<Item = (Parameter, String)>) {
        for (parameter, value) in values {
            let value = parameters::clean(&value);
            if value.is_empty() {
                continue;
            }
            let earlier = self.reported.insert(parameter, value.clone());
            // Two reports contain the firmware, each in its own spelling. Each is compared with its own earlier
            // value.
            let new_firmware = parameter.is_firmware() && earlier.is_some_and(|earlier| earlier != value);
            if new_firmware {
                self.answers = Answers::default();
                self.learned.versions.clear();
                self.forget_keeping_of_earlier_firmware();
            }
        }
        self.facts = Facts::of(&self.reported);
    }

    /// Notes how the device writes cards. Muster sends cards in the same form (field note 5.9).
    pub fn learn_card_form(&mut self, form: CardForm) {
        self.learned.card_form = Some(form);
    }

    /// Notes the algorithm version of an uploaded template. It applies when the device reports none.
    pub fn learn_version(&mut self, bio_type: BioType, major: u16, minor: u16) {
        if major > 0 {
            self.learned.versions.insert(bio_type.0, (major, minor));
        }
    }

    /// Notes that this firmware refuses a form of command. Muster does not send the form again (§11.5).
    pub fn refuse(&mut self, form: Form, evidence: Evidence) {
        self.answers.refuse(form, Some(evidence));
    }

    /// Notes that this firmware accepted a form of command. Returns true if that was not known before.
    pub fn accept(&mut self, form: Form, evidence: Evidence) -> bool {
        self.answers.take(form, evidence)
    }

    /// Whether this firmware accepted a form of command.
    pub fn took(&self, form: Form) -> bool {
        self.answers.taken().any(|(taken, _)| taken == form)
    }

    /// Whether this firmware refused a form of command.
    pub fn refused(&self, form: Form) -> bool {
        self.answers.refused(form)
    }

    /// Forgets all refusals, so that every form is tried again.
    pub fn forget_refusals(&mut self) {
        self.answers.forget_refusals();
    }

    /// The charset in which the device writes names.
    pub fn charset(&self) -> Charset {
        Charset::of_language(self.language())
    }

    /// Language number (appendix 2): that of the handshake, or else that of the options.
    pub fn language(&self) -> Option<u16> {
        self.facts.language
    }

    /// Protocol version that the device reported.
    pub fn push_version(&self) -> Option<&Version> {
        self.facts.push_version.as_ref()
    }

    /// The protocol version that both sides speak: the lower of Muster's and the device's. A device that reports
    /// none speaks 2.2.14 (§3.1).
    pub fn protocol(&self) -> Version {
        self.push_version().copied().unwrap_or(Version::V2_2_14).min(Version::V2_4_1)
    }

    /// Firmware version from the options, or else from the polls.
    pub fn firmware(&self) -> Option<&str> {
        self.text_of(Parameter::Firmware).or_else(|| self.text_of(Parameter::InfoFirmware))
    }

    /// `DeviceType` as last reported; it may hold anything (field note 1.2).
    pub fn device_type(&self) -> Option<&str> {
        self.text_of(Parameter::HandshakeType)
    }

    /// Model name.
    pub fn model(&self) -> Option<&str> {
        self.text_of(Parameter::Model)
    }

    /// Hardware platform, for example `ZAM170_TFT`.
    pub fn platform(&self) -> Option<&str> {
        self.text_of(Parameter::Platform)
    }

    /// The form in which the device gets cards: the form in which it writes them itself. A device that has not
    /// shown its form gets decimal cards, except for the first generation of clients, which reports no protocol
    /// version and ignores decimal cards (field note 5.9).
    pub fn card_form(&self) -> CardForm {
        let assumed = if self.facts.first_client { CardForm::Hex } else { CardForm::Decimal };
        self.shown_card_form().unwrap_or(assumed)
    }

    /// The form in which the device writes cards, if it has shown it.
    pub fn shown_card_form(&self) -> Option<CardForm> {
        self.learned.card_form
    }

    /// The algorithm version of a biometric type: the major number, and the minor number if reported.
    ///
    /// `MultiBioVersion` overrides the parameters of single types, and these override the `INFO` of polls (field
    /// note 6.4). A version learned from uploads applies when none is reported.
    pub fn version_of(&self, bio_type: BioType) -> Option<(u16, Option<u16>)> {
        let learned = || self.learned.versions.get(&bio_type.0).map(|&(major, minor)| (major, Some(minor)));
        self.facts.version_of(bio_type).or_else(learned)
    }

    /// The numbers of records that the device last reported.
    pub fn counts(&self) -> Counts {
        let count = |parameter| self.text_of(parameter).and_then(|text| text.parse().ok());
        Counts {
            users: count(Parameter::UserCount),
            fingerprints: count(Parameter::FingerprintCount),
            faces: count(Parameter::FaceCount),
            finger_veins: count(Parameter::FingerVeinCount),
            palms: count(Parameter::PalmCount),
            cards: count(Parameter::CardCount),
            user_photos: count(Parameter::UserPhotoCount),
        }
    }

    /// Approximate capacity for users. It is only a hint for operators, because devices count in hundreds (field
    /// note 9.1).
    pub fn users_max(&self) -> Option<u64> {
        self.facts.users_max
    }

    /// Approximate capacity for templates of a type, also only a hint.
    pub fn templates_max(&self, bio_type: BioType) -> Option<u64> {
        self.facts.templates_max(bio_type)
    }

    fn text_of(&self, parameter: Parameter) -> Option<&str> {
        self.reported.get(&parameter).map(String::as_str)
    }
}

impl fmt::Debug for Capability {
    /// Leaves out the facts, which follow from the other fields.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capability")
            .field("reported", &self.reported)
            .field("learned", &self.learned)
            .field("answers", &self.answers)
            .finish_non_exhaustive()
    }
}
