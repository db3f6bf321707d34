//! Contents of items.

use std::fmt;

use crate::{Definition, Format, Slot};

/// The content of one item in the fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The fields of a user.
    User(UserFields),
    /// The parts of a biometric template.
    Template(Template),
    /// A user photo or a comparison photo.
    Photo(Photo),
    /// A membership of the area in the slot. It has no further content.
    Membership,
    /// An assignment of the message in the slot to the user. It has no further content.
    PersonalMessage,
    /// A definition of the fleet.
    Definition(Definition),
}

impl Content {
    /// Approximate size of this content's commands on the wire, bytes.
    ///
    /// Muster uses it to limit the size of a poll's answer. It is never less than what is sent.
    pub fn wire_bytes(&self) -> usize {
        /// Bytes for id, verb, table, keys and numbers of one command line.
        const LINE: usize = 240;
        match self {
            Self::User(fields) => LINE + fields.text_bytes(),
            Self::Template(template) => template.parts.iter().map(|part| LINE + part.text.len()).sum(),
            Self::Photo(photo) => LINE + photo.text.len(),
            Self::Membership => 0,
            Self::PersonalMessage => LINE,
            Self::Definition(definition) => LINE + definition.text_bytes(),
        }
    }

    /// Number of parts: the number of commands of an update.
    pub fn parts(&self) -> usize {
        match self {
            Self::Template(template) => template.parts.len(),
            Self::User(_)
            | Self::Photo(_)
            | Self::Membership
            | Self::PersonalMessage
            | Self::Definition(_) => 1,
        }
    }
}

/// The fields of a user in the fleet (§11.5): all of them, each in its canonical spelling.
///
/// [`UserFields::canonical`] converts fields from another source, for example an operator's form.
#[derive(Clone, PartialEq, Eq)]
pub struct UserFields {
    /// Display name; empty means none. It has no tab, line end or NUL.
    pub name: String,
    /// `Pri`: 0 user, 2 registrar, 6 administrator, 10 custom role, 14 super administrator.
    pub privilege: i32,
    /// Password in clear text, as devices require it; empty means none.
    pub password: String,
    /// Main card: a decimal number, or the text of a card that is no number. `None` means no card.
    pub card: Option<String>,
    /// Second card, in the form of `card`.
    pub vice_card: Option<String>,
    /// Access group; 1 is the default, and 0 means the same group.
    pub group: i32,
    /// `TZ`, 16 digits; empty means the default of devices.
    pub time_zones: String,
    /// Personal verification mode (appendix 7); `None` means that of the group.
    pub verify: Option<i32>,
    /// Start of validity as a device or an operator wrote it; `None` means no start.
    pub start: Option<String>,
    /// End of validity as a device or an operator wrote it; `None` means no end.
    pub end: Option<String>,
    /// `Expires`: 1 the validity period applies, 0 it does not, `None` not reported.
    pub expires: Option<i32>,
}

impl Default for UserFields {
    /// A user without name, card or password, in group 1.
    fn default() -> Self {
        Self {
            name: String::new(),
            privilege: 0,
            password: String::new(),
            card: None,
            vice_card: None,
            group: 1,
            time_zones: String::new(),
            verify: None,
            start: None,
            end: None,
            expires: None,
        }
    }
}

impl UserFields {
    /// Total length of all texts, bytes.
    fn text_bytes(&self) -> usize {
        let optional = [&self.card, &self.vice_card, &self.start, &self.end];
        self.name.len()
            + self.password.len()
            + self.time_zones.len()
            + optional.into_iter().flatten().map(String::len).sum::<usize>()
    }
}

impl fmt::Debug for UserFields {
    /// Shows only whether the password and the cards are set.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserFields")
            .field("name", &self.name)
            .field("privilege", &self.privilege)
            .field("password", &Hidden(!self.password.is_empty()))
            .field("card", &Hidden(self.card.is_some()))
            .field("vice_card", &Hidden(self.vice_card.is_some()))
            .field("group", &self.group)
            .field("time_zones", &self.time_zones)
            .field("verify", &self.verify)
            .field("start", &self.start)
            .field("end", &self.end)
            .field("expires", &self.expires)
            .finish()
    }
}

/// Placeholder of a secret in `Debug`: shows only whether it is set.
pub(crate) struct Hidden(pub bool);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0 { "(set)" } else { "(none)" })
    }
}

/// Most parts of a template; one with more never counts as complete.
const MAX_PARTS: usize = 64;

/// Number of parts of the vendor's near-infrared face 7.0: `FACE` lines with `FID` 0 to 11 (§11.10).
pub const FACE_PARTS: u8 = 12;

/// A biometric template. Most have one part; faces and palms have several (§11.10, §11.12).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    /// The parts of one generation, ascending by index.
    pub parts: Vec<Part>,
}

/// One part of a template: the content of one upload line or one command.
#[derive(Clone, PartialEq, Eq)]
pub struct Part {
    /// `Index` of `BIODATA` and `FVEIN`, `FID` of `FACE`; 0 in forms without either.
    pub index: u8,
    /// 0 invalid, 1 valid. Muster copies it and never corrects it (field note 6.9).
    pub valid: u8,
    /// A finger that raises a silent alarm: `Valid=3` of `FP`, `Duress=1` of `BIODATA`.
    pub duress: bool,
    /// Base64, unchanged.
    pub text: String,
}

impl Template {
    /// A template of a single part.
    pub fn single(part: Part) -> Self {
        Self { parts: vec![part] }
    }

    /// Whether these are all parts of a template of `slot`, so that Muster may send it to other devices.
    ///
    /// The parts must be numbered from 0 without a gap. Their number is known only for `FACE` ([`FACE_PARTS`]).
    pub fn complete(&self, slot: &Slot) -> bool {
        let contiguous = self.parts.iter().zip(0..).all(|(part, index)| part.index == index);
        contiguous
            && self.parts.len() <= MAX_PARTS
            && match slot.algorithm.format {
                Format::FaceParts => self.parts.len() == usize::from(FACE_PARTS),
                _ => !self.parts.is_empty(),
            }
    }

    /// Whether every part of this template is an identical part of `other`.
    pub fn is_within(&self, other: &Self) -> bool {
        self.parts.iter().all(|part| other.parts.iter().any(|o| o.index == part.index && o.text == part.text))
    }

    /// Joins `earlier` and this template, if this one continues `earlier` without a gap: one template whose parts
    /// came in two uploads.
    #[must_use]
    pub fn extends(&self, earlier: &Self) -> Option<Self> {
        let (last, next) = (earlier.parts.last()?, self.parts.first()?);
        if last.index.checked_add(1)? != next.index {
            return None;
        }
        Some(Self { parts: earlier.parts.iter().chain(&self.parts).cloned().collect() })
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part")
            .field("index", &self.index)
            .field("valid", &self.valid)
            .field("duress", &self.duress)
            .field("text_bytes", &self.text.len())
            .finish()
    }
}

/// A JPEG photo of a user.
#[derive(Clone, PartialEq, Eq)]
pub struct Photo {
    /// Base64, unchanged.
    pub text: String,
    /// `FileName` of the upload, for example `5.jpg`. It does not count in comparisons.
    pub file_name: Option<String>,
}

impl fmt::Debug for Photo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Photo")
            .field("text_bytes", &self.text.len())
            .field("file_name", &self.file_name)
            .finish()
    }
}
