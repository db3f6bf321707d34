//! Descriptions of a capability for operators.

use wire::{BioType, CardForm, Form};

use super::{Capability, Evidence, parameters::Parameter};
use crate::{Algorithm, Field, Format, Kind, Millis, Slot};

/// The types that are always described, with their names.
const NAMED: [(BioType, &str); 6] = [
    (BioType::FINGERPRINT, "fingerprints"),
    (BioType::FACE, "near-infrared faces"),
    (BioType::FINGER_VEIN, "finger veins"),
    (BioType::PALM, "palms"),
    (BioType::VISIBLE_FACE, "visible-light faces"),
    (BioType::VISIBLE_PALM, "visible-light palms"),
];

/// The name of templates of a type, in plural.
pub(super) fn name_of(bio_type: BioType) -> String {
    let named = NAMED.iter().find(|(one, _)| *one == bio_type);
    named.map_or_else(|| format!("templates of type {}", bio_type.0), |(_, name)| (*name).to_owned())
}

impl Capability {
    /// Describes the known properties of the device, one sentence each; `date` formats days.
    pub fn describe(&self, date: &dyn Fn(Millis) -> String) -> Vec<String> {
        let mut sentences = Vec::new();
        let reported = |words: &str, parameter| self.text_of(parameter).map(|text| format!("{words} {text}"));
        sentences.extend(reported("model", Parameter::Model));
        sentences.extend(self.firmware().map(|firmware| format!("runs firmware {firmware}")));
        sentences.extend(self.push_version().map(|version| format!("speaks push protocol {version}")));
        sentences.extend(reported("device type", Parameter::HandshakeType));
        if self.facts.access_control {
            sentences.push("speaks the access-control dialect: Muster sends it nothing".to_owned());
        }
        sentences.extend(NAMED.iter().map(|&(bio_type, name)| {
            let mut sentence = self.describe_type(bio_type, name);
            for (form, evidence) in
                self.answers.refusals().filter(|(form, _)| carries(*form) == Some(bio_type))
            {
                sentence = format!("{sentence}; {}", refusal(form, evidence, date));
            }
            sentence
        }));
        let photos = |slot: &Slot, name: &str| match self.takes(slot) {
            Some(form) => format!("accepts {name} as {form}"),
            None => format!("accepts no {name}"),
        };
        sentences.push(photos(&Slot::USER_PHOTO, "user photos"));
        sentences.push(photos(&Slot::comparison_photo(BioType::VISIBLE_FACE), "comparison photos"));
        if self.facts.letters == Some(false) {
            sentences.push("accepts PINs of digits only".to_owned());
        }
        sentences
            .extend(self.facts.pin_width.map(|width| format!("accepts PINs of at most {width} characters")));
        sentences.extend(self.name_bytes().map(|bytes| format!("keeps the first {bytes} bytes of a name")));
        let kept: Vec<&str> =
            Field::ALL.into_iter().filter(|field| self.keeps(*field)).map(Field::as_str).collect();
        if !kept.is_empty() {
            sentences.push(format!("keeps these fields of users as written: {}", kept.join(", ")));
        }
        let written: Vec<&str> = Field::CLEARABLE
            .into_iter()
            .filter(|field| self.keeps_written_values(*field))
            .map(Field::as_str)
            .collect();
        if !written.is_empty() {
            sentences.push(format!("keeps these values that Muster writes: {}", written.join(", ")));
        }
        if self.card_form() == CardForm::Hex {
            sentences.push("writes cards in hex".to_owned());
        }
        sentences.extend(self.users_max().map(|max| format!("holds about {max} users at most")));
        let of_a_named_type = |form: Form| NAMED.iter().any(|(bio_type, _)| carries(form) == Some(*bio_type));
        let others = self.answers.refusals().filter(|(form, _)| !of_a_named_type(*form));
        sentences.extend(others.map(|(form, evidence)| refusal(form, evidence, date)));
        let taken =
            self.answers.taken().map(|(form, evidence)| format!("{form} since {}", date(evidence.at)));
        let taken: Vec<String> = taken.collect();
        if !taken.is_empty() {
            sentences.push(format!("accepted with this firmware: {}", taken.join(", ")));
        }
        sentences
    }

    /// Describes whether the device accepts one type of template, in which version and form.
    fn describe_type(&self, bio_type: BioType, name: &str) -> String {
        if self.facts.is_off(bio_type) {
            return format!("accepts no {name}: the function is off");
        }
        let Some((major, minor)) = self.version_of(bio_type) else {
            return format!("accepts no {name}: their version is unknown");
        };
        let version = minor.map_or_else(|| format!("{major}.x"), |minor| format!("{major}.{minor}"));
        let in_form = |format| {
            let algorithm = Algorithm { format, major, minor: minor.unwrap_or(0) };
            self.takes(&Slot::template(bio_type, 0, algorithm))
        };
        let forms: Vec<String> = [Format::Zk, Format::FaceParts]
            .into_iter()
            .filter_map(in_form)
            .map(|form| form.to_string())
            .collect();
        if forms.is_empty() {
            format!("accepts no {name}, although it has version {version}")
        } else {
            format!("accepts {name} {version} as {}", forms.join(" and "))
        }
    }
}

/// The type of template that a form transports; `None` for other forms.
const fn carries(form: Form) -> Option<BioType> {
    match form {
        Form::FingerTmp => Some(BioType::FINGERPRINT),
        Form::Face => Some(BioType::FACE),
        Form::FVein => Some(BioType::FINGER_VEIN),
        Form::BioData(number) => Some(BioType(number)),
        _ => None,
    }
}

/// Describes a refusal: `BIODATA 1 answered -1002 (the device does not support this) on 2026-11-25`.
fn refusal(form: Form, evidence: Option<Evidence>, date: &dyn Fn(Millis) -> String) -> String {
    let Some(Evidence { return_code, kind, at, .. }) = evidence else { return format!("refused {form}") };
    // The kind adds what the form does not show.
    let about = match kind {
        Some(Kind::User) => " for a user",
        Some(Kind::UserPhoto | Kind::ComparisonPhoto) => " for a photo",
        _ => "",
    };
    format!("{form} answered {return_code} ({}){about} on {}", return_code.describe(), date(at))
}
