//! What a firmware answered to the forms of commands: which it takes, which it refuses, and how that is known (§11.5).

use std::collections::BTreeMap;

use wire::{Form, ReturnCode};

use crate::{Kind, Millis};

/// One answer of a device, by which it is known what its firmware takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// What it answered.
    pub return_code: ReturnCode,
    /// To an item of which kind; `None` for a command that is about none.
    pub kind: Option<Kind>,
    /// When.
    pub at: Millis,
    /// Commands of the device below this number were made before this was known, and so in the form of that time.
    pub before: i64,
}

/// The answers of one firmware to forms of commands. What was answered last counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Answers {
    /// Forms that it refused. `None` where an earlier version of this program did not note how it is known.
    refused: BTreeMap<Form, Option<Evidence>>,
    /// Forms that it took, and when for the first time.
    taken: BTreeMap<Form, Evidence>,
}

impl Answers {
    pub(super) fn refuse(&mut self, form: Form, evidence: Option<Evidence>) {
        self.taken.remove(&form);
        self.refused.insert(form, evidence);
    }

    /// True where this was not known before.
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

    /// Whether a command of this number was made before it was known that the form is refused.
    pub(super) fn refused_since(&self, form: Form, number: i64) -> bool {
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
    /// The stored form: `code;kind;time;number`, the kind empty where there is none.
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
