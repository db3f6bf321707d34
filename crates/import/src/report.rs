//! The report of an import: counts, and all cases that an operator may want to see. It never holds the value of a
//! field.

use std::collections::BTreeMap;
use std::fmt;

use roster::Kind;
use serde::Serialize;
use wire::BioType;

/// The kind of a record in the counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CountedKind {
    /// Users: names, cards, passwords and so on.
    User,
    /// Fingerprints of every version.
    Fingerprint,
    /// Near-infrared and visible-light faces.
    Face,
    /// Finger veins.
    FingerVein,
    /// Palms.
    Palm,
    /// Templates of another type.
    OtherTemplate,
    /// User photos.
    UserPhoto,
    /// Comparison photos.
    ComparisonPhoto,
}

impl CountedKind {
    /// The kind under which an item is counted.
    pub(crate) fn of(kind: Kind) -> Self {
        match kind {
            Kind::User | Kind::Membership | Kind::PersonalMessage | Kind::Definition(_) => Self::User,
            Kind::UserPhoto => Self::UserPhoto,
            Kind::ComparisonPhoto => Self::ComparisonPhoto,
            Kind::Template(BioType::FINGERPRINT) => Self::Fingerprint,
            Kind::Template(BioType::FACE | BioType::VISIBLE_FACE) => Self::Face,
            Kind::Template(BioType::FINGER_VEIN) => Self::FingerVein,
            Kind::Template(BioType::PALM | BioType::VISIBLE_PALM) => Self::Palm,
            Kind::Template(_) => Self::OtherTemplate,
        }
    }
}

impl fmt::Display for CountedKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::User => "people",
            Self::Fingerprint => "fingerprints",
            Self::Face => "faces",
            Self::FingerVein => "finger veins",
            Self::Palm => "palms",
            Self::OtherTemplate => "other templates",
            Self::UserPhoto => "user photos",
            Self::ComparisonPhoto => "comparison photos",
        })
    }
}

/// Number of records of one kind in the old database, and what the import did with them.
///
/// `taken`, `already_there`, `kept` and `refused` add up to `found`; `merged` and `repaired` are among those.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Records in the old database. Copies on several devices count as one.
    pub found: usize,
    /// Records that Muster did not have, or that replaced Muster's.
    pub taken: usize,
    /// Records that Muster already has.
    pub already_there: usize,
    /// Records of which Muster has another version, or which were deleted in Muster. Muster's state stays.
    pub kept: usize,
    /// Records that cannot be used.
    pub refused: usize,
    /// Records with different copies on several devices; the newest copy counts.
    pub merged: usize,
    /// Records whose lost padding was restored.
    pub repaired: usize,
}

/// The reason for a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Not taken because it cannot be used.
    Refused,
    /// Not taken because Muster has another version.
    Kept,
    /// Not taken because it was deleted in Muster.
    Deleted,
    /// It replaced Muster's version, or was brought back after a deletion in Muster.
    Replaced,
    /// Several devices had different copies.
    Merged,
    /// Its lost padding was restored.
    Repaired,
    /// It was taken, with a remark.
    Noted,
}

/// A record that the report names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Case {
    /// The PIN as in the old database.
    pub pin: String,
    /// The record.
    pub record: String,
    /// The outcome of the import.
    pub outcome: Outcome,
    /// The reason in words.
    pub reason: String,
}

/// A table that is not imported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Its name.
    pub table: String,
    /// Number of rows.
    pub rows: i64,
    /// The reason.
    pub reason: &'static str,
}

/// What became of a device of the old server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceOutcome {
    /// Muster does not know the device, and admission was not requested.
    Unknown,
    /// The device is admitted when it connects.
    Admitted,
    /// Muster knows the device; nothing changes.
    Known,
    /// The device waits for approval, and admission was not requested.
    Waits,
    /// The device was retired in Muster and stays retired.
    Retired,
    /// The serial number is invalid.
    Refused,
}

/// A device of the old server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OldDevice {
    /// The serial number as in the old database.
    pub serial_number: String,
    /// When the old server last heard of the device, in the old server's format.
    pub last_seen: Option<String>,
    /// The outcome of the import.
    pub outcome: DeviceOutcome,
}

/// The report of an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The location of the old database, without a password.
    pub source: String,
    /// 1 for the schema of MySQL, 2 for the one with a row for each device and user.
    pub generation: u8,
    /// Whether nothing was written.
    pub dry_run: bool,
    /// The counts by kind.
    pub counts: BTreeMap<CountedKind, Counts>,
    /// All cases, ordered by PIN.
    pub cases: Vec<Case>,
    /// The devices of the old server.
    pub devices: Vec<OldDevice>,
    /// The tables that are not imported.
    pub left_out: Vec<LeftOut>,
    /// Expected tables that this database lacks.
    pub absent: Vec<&'static str>,
}

impl Report {
    /// The counts of a kind.
    pub fn of(&self, what: CountedKind) -> Counts {
        self.counts.get(&what).copied().unwrap_or_default()
    }

    /// Whether the database has records, and none of them could be used.
    pub fn nothing_usable(&self) -> bool {
        let found: usize = self.counts.values().map(|counts| counts.found).sum();
        let refused: usize = self.counts.values().map(|counts| counts.refused).sum();
        found > 0 && found == refused
    }

    /// Adds the results of some people.
    pub(crate) fn add(&mut self, tally: Tally) {
        add_counts(&mut self.counts, tally.counts);
        self.cases.extend(tally.cases);
    }
}

fn add_counts(all: &mut BTreeMap<CountedKind, Counts>, more: BTreeMap<CountedKind, Counts>) {
    for (what, more) in more {
        let counts = all.entry(what).or_default();
        counts.found += more.found;
        counts.taken += more.taken;
        counts.already_there += more.already_there;
        counts.kept += more.kept;
        counts.refused += more.refused;
        counts.merged += more.merged;
        counts.repaired += more.repaired;
    }
}

/// The results of some people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub counts: BTreeMap<CountedKind, Counts>,
    pub cases: Vec<Case>,
}

impl Tally {
    pub fn add(&mut self, other: Self) {
        add_counts(&mut self.counts, other.counts);
        self.cases.extend(other.cases);
    }

    pub fn count(&mut self, what: CountedKind) -> &mut Counts {
        self.counts.entry(what).or_default()
    }

    /// Counts a record as refused, with the reason.
    pub fn refuse(
        &mut self,
        pin: &str,
        what: CountedKind,
        record: impl Into<String>,
        reason: impl Into<String>,
    ) {
        let counts = self.count(what);
        counts.found += 1;
        counts.refused += 1;
        self.name(pin, record, Outcome::Refused, reason);
    }

    /// Adds a case.
    pub fn name(
        &mut self,
        pin: &str,
        record: impl Into<String>,
        outcome: Outcome,
        reason: impl Into<String>,
    ) {
        let (pin, record, reason) = (pin.to_owned(), record.into(), reason.into());
        self.cases.push(Case { pin, record, outcome, reason });
    }
}
