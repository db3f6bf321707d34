//! What a device can take.

mod describe;
mod evidence;
mod facts;
mod hybrid;
mod keeping;
mod parameters;
mod photos;
mod room;
mod takes;
mod text;

use std::{collections::BTreeMap, fmt};

use wire::{BioType, CardForm, Charset, Form, Handshake, PollInfo, Version};

use evidence::Answers;
use facts::{Facts, READS_CARDS};
use keeping::Keeping;
use parameters::Parameter;
pub use photos::PhotoLimit;

pub use evidence::Evidence;

/// What a device can take, as far as it told or showed.
///
/// It tells by its handshake (§5), its options (`table=options`, §8), the reply to `INFO` (§12.4) and the `INFO` of a
/// poll (§9), in any order and never all of it; it shows by what it uploads and by what it refuses. Nothing that was
/// told once is taken back by silence or by an empty value (field note 6.4).
#[derive(Clone, Default, PartialEq)]
pub struct Capability {
    /// What was told, as text: everything else about the device follows from it.
    told: BTreeMap<Parameter, String>,
    learned: Learned,
    answers: Answers,
    /// What follows from `told`; made anew when that changes, since every row of the feed asks for it.
    facts: Facts,
}

/// What a device showed by its uploads.
#[derive(Clone, Debug, Default, PartialEq)]
struct Learned {
    card_form: Option<CardForm>,
    /// Boxed: few decisions look at it, and every view of a device holds it.
    keeping: Box<Keeping>,
    versions: BTreeMap<u8, (u16, u16)>,
}

/// How much a device said to hold; for comparison with what it should hold.
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
    /// Takes in parameters of `table=options` or of an `INFO` reply. Parameters that are not named stay, and an
    /// empty value says nothing.
    pub fn merge_parameters(&mut self, parameters: &[(String, String)]) {
        let known = |name: &str| Parameter::named(name).filter(|parameter| parameter.is_sent());
        self.tell(parameters.iter().filter_map(|(name, value)| Some((known(name)?, value.clone()))));
    }

    /// Takes in the `INFO` of a poll.
    pub fn merge_info(&mut self, info: &PollInfo) {
        let number = |number: Option<u64>| number.map(|number| number.to_string());
        self.tell(
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

    /// Takes in what the device said in its handshake.
    pub fn merge_handshake(&mut self, handshake: &Handshake) {
        let reads_cards =
            handshake.device_type.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(READS_CARDS));
        let dialect = match handshake.dialect {
            wire::Dialect::Attendance if reads_cards => READS_CARDS,
            wire::Dialect::Attendance => "att",
            wire::Dialect::AccessControl => "acc",
        };
        self.tell(
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

    /// Notes values, forgets what held for an earlier firmware, and draws the conclusions.
    fn tell(&mut self, values: impl Iterator<Item = (Parameter, String)>) {
        for (parameter, value) in values {
            let value = parameters::clean(&value);
            if value.is_empty() {
                continue;
            }
            let earlier = self.told.insert(parameter, value.clone());
            // Two places tell the firmware, each in its own words: each is compared with what it said before.
            let new_firmware = parameter.is_firmware() && earlier.is_some_and(|earlier| earlier != value);
            if new_firmware {
                self.answers = Answers::default();
                self.learned.versions.clear();
                self.forget_keeping_of_earlier_firmware();
            }
        }
        self.facts = Facts::of(&self.told);
    }

    /// Notes how the device writes its cards: it is sent its own form (field note 5.9).
    pub fn learn_card_form(&mut self, form: CardForm) {
        self.learned.card_form = Some(form);
    }

    /// Notes the version of a template that the device uploaded, for where it tells none itself.
    pub fn learn_version(&mut self, bio_type: BioType, major: u16, minor: u16) {
        if major > 0 {
            self.learned.versions.insert(bio_type.0, (major, minor));
        }
    }

    /// Notes that this firmware refuses a form of command: it is not sent again (§11.5).
    pub fn refuse(&mut self, form: Form, evidence: Evidence) {
        self.answers.refuse(form, Some(evidence));
    }

    /// Notes that this firmware took a form of command. True where that was not known before.
    pub fn accept(&mut self, form: Form, evidence: Evidence) -> bool {
        self.answers.take(form, evidence)
    }

    /// Whether this firmware took a form of command.
    pub fn took(&self, form: Form) -> bool {
        self.answers.taken().any(|(taken, _)| taken == form)
    }

    /// Whether this firmware refused a form of command.
    pub fn refused(&self, form: Form) -> bool {
        self.answers.refused(form)
    }

    /// Everything may be tried again.
    pub fn forget_refusals(&mut self) {
        self.answers.forget_refusals();
    }

    /// How the device spells names.
    pub fn charset(&self) -> Charset {
        Charset::of_language(self.language())
    }

    /// Language number (appendix 2): the handshake's, or else the one in the options.
    pub fn language(&self) -> Option<u16> {
        self.facts.language
    }

    /// Protocol version that the device announced.
    pub fn push_version(&self) -> Option<&Version> {
        self.facts.push_version.as_ref()
    }

    /// The version of the protocol that both sides speak: the lower of ours and the device's, which is 2.2.14 where it tells
    /// none (§3.1).
    pub fn protocol(&self) -> Version {
        self.push_version().copied().unwrap_or(Version::V2_2_14).min(Version::V2_4_1)
    }

    /// Firmware, as the options tell it or else the polls.
    pub fn firmware(&self) -> Option<&str> {
        self.text_of(Parameter::Firmware).or_else(|| self.text_of(Parameter::InfoFirmware))
    }

    /// `DeviceType` as the device last said it; it may hold anything (field note 1.2).
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

    /// How the device wants cards written: as it writes them itself. Until it showed that, decimal, but for the first
    /// generation of clients, which names no version in its handshake and ignores decimal cards (field note 5.9).
    pub fn card_form(&self) -> CardForm {
        let assumed = if self.facts.first_client { CardForm::Hex } else { CardForm::Decimal };
        self.shown_card_form().unwrap_or(assumed)
    }

    /// How the device writes cards itself, if that showed.
    pub fn shown_card_form(&self) -> Option<CardForm> {
        self.learned.card_form
    }

    /// The algorithm version of a biometric type: major, and minor where it is told.
    ///
    /// `MultiBioVersion` wins over the parameters of the types, these over the `INFO` of polls (field note 6.4), and
    /// what was learned from uploads stands in where nothing is told.
    pub fn version_of(&self, bio_type: BioType) -> Option<(u16, Option<u16>)> {
        let learned = || self.learned.versions.get(&bio_type.0).map(|&(major, minor)| (major, Some(minor)));
        self.facts.version_of(bio_type).or_else(learned)
    }

    /// What the device last said to hold.
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

    /// About how many users the device has room for: a hint for people, since devices count in hundreds
    /// (field note 9.1).
    pub fn users_max(&self) -> Option<u64> {
        self.facts.users_max
    }

    /// About how many templates of a type the device has room for, likewise.
    pub fn templates_max(&self, bio_type: BioType) -> Option<u64> {
        self.facts.templates_max(bio_type)
    }

    fn text_of(&self, parameter: Parameter) -> Option<&str> {
        self.told.get(&parameter).map(String::as_str)
    }
}

impl fmt::Debug for Capability {
    /// Without the facts, which follow from the rest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capability")
            .field("told", &self.told)
            .field("learned", &self.learned)
            .field("answers", &self.answers)
            .finish_non_exhaustive()
    }
}
