//! A capability in words, for people.

use wire::{BioType, CardForm, Form};

use super::{Capability, parameters::Parameter};
use crate::{Algorithm, Format, Slot};

/// The types that people ask about, and what each is called.
const NAMED: [(BioType, &str); 6] = [
    (BioType::FINGERPRINT, "fingerprints"),
    (BioType::FACE, "near-infrared faces"),
    (BioType::FINGER_VEIN, "finger veins"),
    (BioType::PALM, "palms"),
    (BioType::VISIBLE_FACE, "visible-light faces"),
    (BioType::VISIBLE_PALM, "visible-light palms"),
];

impl Capability {
    /// What is known of the device, a sentence each.
    pub fn describe(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        let told = |words: &str, parameter| self.text_of(parameter).map(|text| format!("{words} {text}"));
        sentences.extend(told("is a", Parameter::Model));
        sentences.extend(self.firmware().map(|firmware| format!("runs firmware {firmware}")));
        sentences.extend(self.push_version().map(|version| format!("speaks push protocol {version}")));
        if self.facts.access_control {
            sentences.push("speaks the access-control dialect, in which nothing is sent".to_owned());
        }
        sentences.extend(NAMED.iter().map(|&(bio_type, name)| self.describe_type(bio_type, name)));
        let photos = |slot: &Slot, name: &str| match self.takes(slot) {
            Some(form) => format!("takes {name} as {form}"),
            None => format!("takes no {name}"),
        };
        sentences.push(photos(&Slot::USER_PHOTO, "user photos"));
        sentences.push(photos(&Slot::comparison_photo(BioType::VISIBLE_FACE), "comparison photos"));
        if self.facts.letters == Some(false) {
            sentences.push("takes PINs of digits only".to_owned());
        }
        sentences
            .extend(self.facts.pin_width.map(|width| format!("takes PINs of at most {width} characters")));
        sentences.extend(self.name_bytes().map(|bytes| format!("keeps {bytes} bytes of a name")));
        if self.card_form() == CardForm::Hex {
            sentences.push("writes cards in hex".to_owned());
        }
        sentences.extend(self.users_max().map(|max| format!("has room for about {max} users")));
        sentences.extend(self.refused.iter().map(|form: &Form| format!("refused {form}")));
        sentences
    }

    /// Whether the device takes one type of template, of which version, and how.
    fn describe_type(&self, bio_type: BioType, name: &str) -> String {
        if self.facts.is_off(bio_type) {
            return format!("takes no {name}: the function is off");
        }
        let Some((major, minor)) = self.version_of(bio_type) else {
            return format!("takes no {name}: their version is not known");
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
            format!("takes no {name}, although theirs are of version {version}")
        } else {
            format!("takes {name} {version} as {}", forms.join(" and "))
        }
    }
}
