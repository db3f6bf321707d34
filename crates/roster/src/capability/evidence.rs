//! Evidence of the command forms that a firmware accepts or refuses (§11.5).

use std::collections::BTreeMap;

use wire::{Form, ReturnCode};

use crate::{Kind, Millis};

/// One answer of a device, from which Muster knows whether the firmware accepts a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The answer.
    pub return_code: ReturnCode,
    /// The kind of the item in the command; `None` for a command without an item.
    pub kind: Option<Kind>,
    /// Time of the answer.
    pub at: Millis,
    /// Commands of the device below this number were created before this answer was known, so they may have the
    /// other form.
    pub before: i64,
}

/// The answers of one firmware to forms of commands. The last answer to a form counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Answers {
    /// Refused forms. `None` if an earlier version of this program stored the refusal without evidence.
    refused: BTreeMap<Form, Option<Evidence>>,
    /// Accepted forms, with the first acceptance.
    taken: BTreeMap<Form, Evidence>,
}

impl Answers {
    pub(super) fn refuse(&mut self, form: Form, evidence: Option<Evidence>) {
        self.taken.remove(&form);
        self.refused.insert(form, evidence);
    }

    /// Returns true if the acceptance was not known before.
    pub(super) fn take(&mut self, form: Form, evidence: Evidence) -> bool {
        let new = self.refused.remove(&form).is_some() || !self.taken.contains_key(&form);
        if new {
            self.taken.insert(form, evidence);
        }
        new
    }

    pub(super) fn refused(&self, form: Form) -> bool {
        self.refused.contains_key(&form)
    }

    /// Whether the command with this number was created before the refusal of the form was known.
    pub(super) fn was_sent_before_refusal(&self, form: Form, number: i64) -> bool {
        self.refused.get(&form).copied().flatten().is_some_and(|evidence| number < evidence.before)
    }

    pub(super) fn refusals(&self) -> impl Iterator<Item = (Form, Option<Evidence>)> {
        self.refused.iter().map(|(form, evidence)| (*form, *evidence))
    }

    pub(super) fn taken(&self) -> impl Iterator<Item = (Form, Evidence)> {
        self.taken.iter().map(|(form, evidence)| (*form, *evidence))
    }

    pub(super) fn forget_refusals(&mut self) {
        self.refused.clear();
    }
}

impl Evidence {
    /// The stored form: `code;kind;time;number`; the kind is empty if there is none.
    pub(super) fn to_text(self) -> String {
        let kind = self.kind.map(|kind| kind.code().to_string()).unwrap_or_default();
        format!("{};{kind};{};{}", self.return_code, self.at.0, self.before)
    }

    pub(super) fn from_text(text: &str) -> Option<Self> {
        let mut parts = text.split(';');
        let (code, kind, at, before) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        Some(Self {
            return_code: ReturnCode(code.parse().ok()?),
            kind: if kind.is_empty() { None } else { Some(Kind::from_code(kind.parse().ok()?)?) },
            at: Millis(at.parse().ok()?),
            before: before.parse().ok()?,
        })
    }
}
