//! What an item holds.

use std::fmt;

use crate::{Definition, Format, Slot};

/// What the fleet holds of one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The fields of a user.
    User(UserFields),
    /// The parts of a biometric template.
    Template(Template),
    /// A user photo or a comparison photo.
    Photo(Photo),
    /// The user belongs to the area of the slot; there is nothing more to say.
    Membership,
    /// The message of the slot is for the user; there is nothing more to say.
    PersonalMessage,
    /// What is defined for the fleet.
    Definition(Definition),
}

impl Content {
    /// About how many bytes the commands of this content take on the wire.
    ///
    /// For the window of a poll's answer: never less than what is sent.
    pub fn wire_bytes(&self) -> usize {
        /// Id, verb, table, keys and numbers of one command line.
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

    /// How many parts it has: command lines of an update.
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

/// What the fleet holds of a user (§11.5): complete, and each field in its one canonical spelling.
///
/// [`UserFields::canonical`] brings fields from elsewhere, an operator's form for example, into that spelling.
#[derive(Clone, PartialEq, Eq)]
pub struct UserFields {
    /// Display name; empty = none. No tab, line end or NUL.
    pub name: String,
    /// `Pri`: 0 user, 2 registrar, 6 administrator, 10 a role of the operator's, 14 super administrator.
    pub privilege: i32,
    /// Password in clear, as devices want it; empty = none.
    pub password: String,
    /// Main card: a decimal number, or the text of a card that is no number. `None` = no card.
    pub card: Option<String>,
    /// Second card, spelled as `card`.
    pub vice_card: Option<String>,
    /// Access group, 1 unless told otherwise; 0 and 1 are the same group.
    pub group: i32,
    /// `TZ`, 16 digits; empty = whatever devices take as their default.
    pub time_zones: String,
    /// Personal verification mode (appendix 7); `None` = the group's.
    pub verify: Option<i32>,
    /// Start of validity as a device or an operator wrote it; `None` = none.
    pub start: Option<String>,
    /// End of validity, likewise.
    pub end: Option<String>,
    /// `Expires`: 1 validity enforced, 0 not, `None` not told.
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
    /// The bytes of all texts together.
    fn text_bytes(&self) -> usize {
        let optional = [&self.card, &self.vice_card, &self.start, &self.end];
        self.name.len()
            + self.password.len()
            + self.time_zones.len()
            + optional.into_iter().flatten().map(String::len).sum::<usize>()
    }
}

impl fmt::Debug for UserFields {
    /// Everything but the password and the cards, which only show whether they are there.
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

/// Stands for a secret in `Debug`: tells only whether there is one.
pub(crate) struct Hidden(pub bool);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0 { "(set)" } else { "(none)" })
    }
}

/// More parts than any template has; answers to commands are counted up to here.
const MOST_PARTS: usize = 64;

/// How many parts the vendor's near-infrared face 7.0 has: `FACE` lines with `FID` 0 to 11 (§11.10).
pub const FACE_PARTS: u8 = 12;

/// A biometric template: one part of most, several of faces and palms (§11.10, §11.12).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    /// The parts of one generation in ascending order of their index.
    pub parts: Vec<Part>,
}

/// One part of a template: what one line of an upload or one command carries.
#[derive(Clone, PartialEq, Eq)]
pub struct Part {
    /// `Index` of `BIODATA` and `FVEIN`, `FID` of `FACE`; 0 where the form has neither.
    pub index: u8,
    /// 0 invalid, 1 valid. Copied, never repaired (field note 6.9).
    pub valid: u8,
    /// A finger that raises a silent alarm: `Valid=3` of `FP`, `Duress=1` of `BIODATA`.
    pub duress: bool,
    /// Base64, byte for byte as it came.
    pub text: String,
}

impl Template {
    /// A template of a single part.
    pub fn single(part: Part) -> Self {
        Self { parts: vec![part] }
    }

    /// Whether these are all parts of a template of `slot`, so that it may go to other devices.
    ///
    /// They run from 0 without a gap. How many there must be is known of `FACE` alone ([`FACE_PARTS`]).
    pub fn complete(&self, slot: &Slot) -> bool {
        let contiguous = self.parts.iter().zip(0..).all(|(part, index)| part.index == index);
        contiguous
            && self.parts.len() <= MOST_PARTS
            && match slot.algorithm.format {
                Format::FaceParts => self.parts.len() == usize::from(FACE_PARTS),
                _ => !self.parts.is_empty(),
            }
    }

    /// Whether every part of this is a part of `other`, byte for byte.
    pub fn is_within(&self, other: &Self) -> bool {
        self.parts.iter().all(|part| other.parts.iter().any(|o| o.index == part.index && o.text == part.text))
    }

    /// Both together, when this continues `earlier` without a gap: the parts of one template that came in two
    /// uploads.
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

/// A JPEG picture of a user.
#[derive(Clone, PartialEq, Eq)]
pub struct Photo {
    /// Base64, byte for byte as it came.
    pub text: String,
    /// `FileName` of the upload, for example `5.jpg`; no part of the content.
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
