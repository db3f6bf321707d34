//! The stored form of a capability: one line `name=value` per known fact.

use std::fmt::Write as _;

use wire::{CardForm, Form};

use super::{Capability, Evidence, facts::Facts, parameters::Parameter};

const CARD_FORM: &str = "learned card form";
const VERSION: &str = "learned version ";
const REFUSED: &str = "refused";
const TAKEN: &str = "taken";

impl Capability {
    /// Writes the stored form.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: &str| {
            writeln!(text, "{name}={value}").expect("a string takes whatever is written to it");
        };
        for (parameter, value) in &self.reported {
            line(parameter.name(), value);
        }
        if let Some(form) = self.learned.card_form {
            line(CARD_FORM, card_form_name(form));
        }
        self.learned.keeping.write(&mut line);
        for (bio_type, (major, minor)) in &self.learned.versions {
            line(&format!("{VERSION}{bio_type}"), &format!("{major}.{minor}"));
        }
        for (form, evidence) in self.answers.refusals() {
            let evidence = evidence.map(|evidence| format!(";{}", evidence.to_text())).unwrap_or_default();
            line(REFUSED, &format!("{form}{evidence}"));
        }
        for (form, evidence) in self.answers.taken() {
            line(TAKEN, &format!("{form};{}", evidence.to_text()));
        }
        text
    }

    /// Reads the stored form. Lines that this version of the program does not know are ignored: the device reports
    /// them again with its next handshake.
    pub fn from_text(text: &str) -> Self {
        let mut capability = Self::default();
        for (name, value) in text.lines().filter_map(|line| line.split_once('=')) {
            capability.read_line(name, value);
        }
        capability.facts = Facts::of(&capability.reported);
        capability
    }

    fn read_line(&mut self, name: &str, value: &str) {
        if let Some(parameter) = Parameter::named(name) {
            self.reported.insert(parameter, value.to_owned());
        } else if name == CARD_FORM {
            self.learned.card_form =
                [CardForm::Decimal, CardForm::Hex].into_iter().find(|&form| card_form_name(form) == value);
        } else if name == REFUSED {
            let (form, evidence) = answer(value);
            if let Some(form) = form {
                self.answers.refuse(form, evidence);
            }
        } else if name == TAKEN {
            if let (Some(form), Some(evidence)) = answer(value) {
                self.answers.take(form, evidence);
            }
        } else if let Some(bio_type) = name.strip_prefix(VERSION) {
            let version = value
                .split_once('.')
                .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
            if let (Ok(bio_type), Some(version)) = (bio_type.parse(), version) {
                self.learned.versions.insert(bio_type, version);
            }
        } else {
            self.learned.keeping.read_line(name, value);
        }
    }
}

/// Splits a form and, after a semicolon, its evidence.
fn answer(value: &str) -> (Option<Form>, Option<Evidence>) {
    let (form, evidence) = value.split_once(';').unwrap_or((value, ""));
    (form.parse().ok(), Evidence::from_text(evidence))
}

const fn card_form_name(form: CardForm) -> &'static str {
    match form {
        CardForm::Decimal => "decimal",
        CardForm::Hex => "hex",
    }
}
