//! Tables of the old server, with the names of their columns in both generations.

/// A table that the import reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Table {
    Users,
    Fingerprints,
    Faces,
    FingerVeins,
    BioData,
    UserPhotos,
    ComparisonPhotos,
}

/// A column: Muster's name, and its possible names in the old database.
pub(crate) struct Column {
    pub name: &'static str,
    /// The names in the order of search.
    pub old_names: &'static [&'static str],
    /// Whether a table without this column is not the old server's.
    pub required: bool,
}

const fn column(name: &'static str, old_names: &'static [&'static str]) -> Column {
    Column { name, old_names, required: false }
}

const PIN: Column = Column { name: "pin", old_names: &["pin"], required: true };
const TEMPLATE: Column = Column { name: "template", old_names: &["template_data"], required: true };
const CONTENT: Column = Column { name: "content", old_names: &["content"], required: true };
const DEVICE: Column = column("device", &["device_serial"]);
const UPDATED: Column = column("updated", &["updated_at"]);
const CREATED: Column = column("created", &["created_at"]);
const SIZE: Column = column("size", &["template_size", "size"]);
const VALID: Column = column("valid", &["valid_flag", "valid"]);
const DURESS: Column = column("duress", &["duress_flag", "duress"]);
const FINGER: Column = column("finger", &["finger_id", "fid"]);
const FILE_NAME: Column = column("file name", &["filename"]);

const USERS: &[Column] = &[
    PIN,
    DEVICE,
    UPDATED,
    CREATED,
    column("name", &["name"]),
    column("privilege", &["privilege"]),
    column("password", &["password"]),
    column("card", &["card"]),
    column("vice card", &["vice_card"]),
    column("group", &["group_id"]),
    column("time zones", &["timezone", "time_zone"]),
    column("verification mode", &["verify_mode"]),
];
const FINGERPRINTS: &[Column] = &[PIN, DEVICE, UPDATED, CREATED, FINGER, SIZE, VALID, DURESS, TEMPLATE];
const FACES: &[Column] =
    &[PIN, DEVICE, UPDATED, CREATED, column("part", &["face_id", "fid"]), SIZE, VALID, TEMPLATE];
const FINGER_VEINS: &[Column] =
    &[PIN, DEVICE, UPDATED, CREATED, FINGER, column("part", &["index_num"]), SIZE, VALID, TEMPLATE];
const BIO_DATA: &[Column] = &[
    PIN,
    DEVICE,
    UPDATED,
    CREATED,
    column("number", &["bio_number", "bio_no"]),
    column("part", &["bio_index", "index_num"]),
    VALID,
    DURESS,
    Column { name: "type", old_names: &["bio_type", "type"], required: true },
    column("major version", &["major_version", "major_ver"]),
    column("minor version", &["minor_version", "minor_ver"]),
    column("format", &["format_type", "format"]),
    TEMPLATE,
];
const USER_PHOTOS: &[Column] = &[PIN, DEVICE, UPDATED, CREATED, FILE_NAME, SIZE, CONTENT];
const COMPARISON_PHOTOS: &[Column] =
    &[PIN, DEVICE, UPDATED, CREATED, FILE_NAME, column("type", &["type"]), SIZE, CONTENT];

/// The table of the devices, read at once.
pub(crate) const DEVICES: &str = "devices";
pub(crate) const DEVICE_COLUMNS: &[Column] = &[
    Column { name: "serial number", old_names: &["serial_number"], required: true },
    column("last seen", &["last_seen"]),
    column("fingerprint algorithm", &["fingerprint_algorithm"]),
];

impl Table {
    pub const ALL: [Self; 7] = [
        Self::Users,
        Self::Fingerprints,
        Self::Faces,
        Self::FingerVeins,
        Self::BioData,
        Self::UserPhotos,
        Self::ComparisonPhotos,
    ];

    /// The possible names of the table.
    pub const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Users => &["users"],
            Self::Fingerprints => &["fingerprint_templates"],
            Self::Faces => &["face_templates"],
            Self::FingerVeins => &["finger_vein_templates"],
            Self::BioData => &["biometric_templates", "bio_templates"],
            Self::UserPhotos => &["user_photos"],
            Self::ComparisonPhotos => &["comparison_photos"],
        }
    }

    /// Whether a database without this table is not the old server's.
    pub const fn required(self) -> bool {
        matches!(self, Self::Users | Self::Fingerprints)
    }

    pub const fn columns(self) -> &'static [Column] {
        match self {
            Self::Users => USERS,
            Self::Fingerprints => FINGERPRINTS,
            Self::Faces => FACES,
            Self::FingerVeins => FINGER_VEINS,
            Self::BioData => BIO_DATA,
            Self::UserPhotos => USER_PHOTOS,
            Self::ComparisonPhotos => COMPARISON_PHOTOS,
        }
    }
}

/// Tables of the old server that are not imported, each with the reason.
pub(crate) const LEFT_OUT: &[(&str, &str)] = &[
    ("attendance_logs", "punches: Muster synchronises people, not attendance"),
    ("work_codes", "Muster does not send work codes"),
    ("short_messages", "Muster does not send short messages"),
    ("user_sms", "Muster does not send short messages"),
    ("id_cards", "Muster does not send identity cards to devices"),
    ("device_configs", "each device reports its settings to Muster"),
    ("device_commands", "history: Muster finds out what each device lacks"),
    ("commands", "history: Muster finds out what each device lacks"),
    ("sync_status", "the old server's progress does not show what devices hold"),
    ("sync_log", "history"),
];
