//! Items: the units that are synchronised, and their keys.

use std::fmt;

use wire::{BioType, Pin};

use crate::{DefinitionKind, DefinitionName};

/// A number of the change feed. Numbers are unique and become visible in their order; 0 is before every change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub i64);

/// A time: milliseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub i64);

impl Millis {
    /// This time and `ms` milliseconds more; stays at the end of time instead of wrapping.
    #[must_use]
    pub const fn plus(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

/// A group of devices and people: a user is on the devices that share an area with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Area(pub i64);

impl Area {
    /// The area that holds everyone and every device unless told otherwise.
    pub const EVERYONE: Self = Self(1);
}

/// What an item is. The order is the order in which a first fill sends the items of one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Name, card, password and the other fields of a user (§11.5).
    User,
    /// The user, or the definition, belongs to an area. Never sent; it decides what is.
    Membership,
    /// The picture shown at a punch (`USERPIC`, §11.13).
    UserPhoto,
    /// The picture a visible-light device makes its own template from (`BIOPHOTO`, §11.15).
    ComparisonPhoto,
    /// A personal message is for the user (`USER_SMS`, §12.1.1.10).
    PersonalMessage,
    /// What is defined for the whole fleet: the one item of an owner that is no person, beside its memberships.
    Definition(DefinitionKind),
    /// A biometric template of any form (§11.9 to §11.12).
    Template(BioType),
}

impl Kind {
    /// The number this kind is stored as: definitions are 11 to 16, templates 100 and more, in the order of [`Kind`].
    pub const fn code(self) -> i64 {
        match self {
            Self::User => 0,
            Self::Membership => 1,
            Self::UserPhoto => 2,
            Self::ComparisonPhoto => 3,
            Self::PersonalMessage => 4,
            Self::Definition(kind) => 10 + kind.code(),
            Self::Template(BioType(number)) => 100 + number as i64,
        }
    }

    /// The kind of a stored number, `None` for a number that no kind has.
    pub fn from_code(code: i64) -> Option<Self> {
        Some(match code {
            0 => Self::User,
            1 => Self::Membership,
            2 => Self::UserPhoto,
            3 => Self::ComparisonPhoto,
            4 => Self::PersonalMessage,
            11..=16 => Self::Definition(DefinitionKind::from_code(code - 10)?),
            _ => Self::Template(BioType(u8::try_from(code.checked_sub(100)?).ok()?)),
        })
    }
}

/// How the bytes of a template are laid out; part of what makes two templates interchangeable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// The vendor's own (`Format=0` or `ZK`), and whatever has no format.
    Zk,
    /// ISO fingerprint (`Format=1`).
    Iso,
    /// ANSI fingerprint (`Format=2`).
    Ansi,
    /// The separate parts of a `FACE` upload (§11.10); not known to be convertible to `BIODATA` type 2.
    FaceParts,
    /// Another `Format` number of a `BIODATA` record.
    Other(u8),
}

/// The algorithm of a template: templates of different algorithms stand side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Algorithm {
    /// Layout of the bytes.
    pub format: Format,
    /// 0 where the version is not known: kept, not distributed.
    pub major: u16,
    /// 3 in 10.3.
    pub minor: u16,
}

impl Algorithm {
    /// The algorithm of items that have none: users, photos, memberships.
    pub const NONE: Self = Self { format: Format::Zk, major: 0, minor: 0 };

    /// The stored form: format × 10¹⁰ + major × 10⁵ + minor.
    pub const fn code(self) -> i64 {
        let format = match self.format {
            Format::Zk => 0,
            Format::Iso => 1,
            Format::Ansi => 2,
            Format::FaceParts => 300,
            Format::Other(number) => number as i64,
        };
        format * 10_000_000_000 + self.major as i64 * 100_000 + self.minor as i64
    }

    /// The algorithm of a stored number, `None` for one that [`Algorithm::code`] never gives.
    pub fn from_code(code: i64) -> Option<Self> {
        let format = match code.checked_div(10_000_000_000)? {
            0 => Format::Zk,
            1 => Format::Iso,
            2 => Format::Ansi,
            300 => Format::FaceParts,
            other => Format::Other(u8::try_from(other).ok()?),
        };
        let version = code.checked_rem(10_000_000_000)?;
        Some(Self {
            format,
            major: u16::try_from(version / 100_000).ok()?,
            minor: u16::try_from(version % 100_000).ok()?,
        })
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.format {
            Format::Zk => {}
            Format::Iso => f.write_str("ISO ")?,
            Format::Ansi => f.write_str("ANSI ")?,
            Format::FaceParts => f.write_str("FACE ")?,
            Format::Other(number) => write!(f, "format {number} ")?,
        }
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The place of an item within its person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    /// What it is.
    pub kind: Kind,
    /// Finger, palm or eye of a template, biometric type of a comparison photo, area of a membership, number of a
    /// personal message; else 0.
    pub number: i64,
    /// Algorithm of a template, [`Algorithm::NONE`] of anything else.
    pub algorithm: Algorithm,
}

impl Slot {
    /// The user's own record.
    pub const USER: Self = Self { kind: Kind::User, number: 0, algorithm: Algorithm::NONE };

    /// The user's display picture.
    pub const USER_PHOTO: Self = Self { kind: Kind::UserPhoto, number: 0, algorithm: Algorithm::NONE };

    /// The comparison photo of a biometric type.
    pub const fn comparison_photo(bio_type: BioType) -> Self {
        Self { kind: Kind::ComparisonPhoto, number: bio_type.0 as i64, algorithm: Algorithm::NONE }
    }

    /// The user's membership of `area`.
    pub const fn membership(area: Area) -> Self {
        Self { kind: Kind::Membership, number: area.0, algorithm: Algorithm::NONE }
    }

    /// A template.
    pub const fn template(bio_type: BioType, number: u8, algorithm: Algorithm) -> Self {
        Self { kind: Kind::Template(bio_type), number: number as i64, algorithm }
    }

    /// The assignment of a personal message.
    pub const fn personal_message(number: u16) -> Self {
        Self { kind: Kind::PersonalMessage, number: number as i64, algorithm: Algorithm::NONE }
    }

    /// What everything else of an owner depends on: the user of a person, the definition of another owner.
    pub fn root_of(owner: &Pin) -> Self {
        match owner.reserved_name().and_then(|_| DefinitionName::of(owner)) {
            Some(name) => name.kind.slot(),
            None => Self::USER,
        }
    }

    /// Whether it is what everything else of its owner depends on.
    pub const fn is_root(&self) -> bool {
        matches!(self.kind, Kind::User | Kind::Definition(_))
    }

    /// The area of a membership.
    pub fn area(&self) -> Option<Area> {
        (self.kind == Kind::Membership).then_some(Area(self.number))
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, algorithm) = (self.number, self.algorithm);
        match self.kind {
            Kind::User => f.write_str("user"),
            Kind::Membership => write!(f, "membership of area {number}"),
            Kind::UserPhoto => f.write_str("user photo"),
            Kind::ComparisonPhoto => write!(f, "comparison photo {number}"),
            Kind::PersonalMessage => write!(f, "personal message {number}"),
            Kind::Definition(kind) => f.write_str(kind.word()),
            Kind::Template(BioType::FINGERPRINT) => write!(f, "fingerprint {number} ({algorithm})"),
            Kind::Template(BioType::FACE) => write!(f, "face {number} ({algorithm})"),
            Kind::Template(BioType::FINGER_VEIN) => write!(f, "finger vein {number} ({algorithm})"),
            Kind::Template(BioType::PALM) => write!(f, "palm {number} ({algorithm})"),
            Kind::Template(BioType::VISIBLE_FACE) => write!(f, "visible-light face {number} ({algorithm})"),
            Kind::Template(BioType::VISIBLE_PALM) => write!(f, "visible-light palm {number} ({algorithm})"),
            Kind::Template(BioType(other)) => write!(f, "template of type {other} {number} ({algorithm})"),
        }
    }
}

/// The key of an item in the fleet: newest version only, one row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemKey {
    /// Whose it is: a person's PIN, or the reserved key of a definition ([`DefinitionName::owner`]).
    pub pin: Pin,
    /// Which of theirs.
    pub slot: Slot,
}

impl fmt::Display for ItemKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.slot.kind, DefinitionName::of(&self.pin)) {
            (Kind::Definition(_), Some(name)) => name.fmt(f),
            (_, Some(name)) => write!(f, "{} of {name}", self.slot),
            (_, None) => write!(f, "{} of {}", self.slot, self.pin),
        }
    }
}

/// What two contents must share to be the same content: a keyed hash of the canonical form.
///
/// Keyed, since a plain hash of a template or a name would be personal data in itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash(pub [u8; 16]);
