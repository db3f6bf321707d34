//! Quirks and faults: deviations of a device from the protocol, each with its own switch.

mod drawn;
mod named;

use wire::BioType;

pub use self::named::{HABITS, Habit, UnknownQuirk};
use crate::model::Queries;

/// Permanent habits of a device in keeping and writing data.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent habit that a test switches on")]
pub struct Quirks {
    /// Names are cut after this many bytes, even inside a character (field note 5.7).
    pub cut_names_at: Option<usize>,
    /// The device writes cards as `[15CD5B0700]` and ignores decimal numbers from the server (field note 5.9).
    pub hex_cards: bool,
    /// The device uploads templates with another `Valid` and `Size` than it received: 0, and the number of bytes
    /// instead of characters (field note 6.7).
    pub renumber_valid: bool,
    /// The device uploads what the server wrote.
    pub echo_writes: bool,
    /// The device leaves empty and zero fields out of uploads.
    pub drop_empty_fields: bool,
    /// Operation 9 contains the terminal's internal number of a deleted user, 1 for the first one, instead of the
    /// PIN (field note 11.1). All other operations contain the PIN.
    pub logs_internal_numbers: bool,
    /// Operation 10 contains the number of deleted fingers of a user instead of the finger (field note 11.7).
    pub counts_deleted_fingers: bool,
    /// The device reports a deletion by the server like one at the device.
    pub log_commands: bool,
    /// Deleting a user leaves its unified templates and photos behind. They belong to the next user with the PIN.
    pub strand_templates: bool,
    /// The device reads answers as the old client does: header names in exact case, headers below 2 KB, a line
    /// below 1 KB, `text/plain` (field note 2.5).
    pub literal_answers: bool,
    /// Paths end in `.aspx` (field note 2.1).
    pub aspx_paths: bool,
    /// Paths begin with `/iclock/iclock` (field note 2.2).
    pub doubled_paths: bool,
    /// Request lines contain the absolute address (field note 2.8).
    pub absolute_targets: bool,
    /// The device reports a user without a card with card 0 instead of an empty one (field note 5.9).
    pub zero_cards: bool,
    /// The device keeps the end of a validity as a date of eight digits, and an invalid month as January (field
    /// note 5.11: 1785300000 comes back as 17850100).
    pub rewrite_validity: bool,
    /// The device keeps group, time zones and verification mode of a user. Without this it acknowledges them and
    /// uploads those of a new user.
    pub keeps_access_fields: bool,
    /// The device answers damaged templates with -12. Without this it answers 0 and loses them (field notes 4.7,
    /// 7.5).
    pub refuse_damaged: bool,
    /// The device forgets the received parts of a template when anything else comes between (field note 6.8).
    pub reset_parts: bool,
    /// The device executes `REBOOT` without an acknowledgement (field note 7.4).
    pub silent_reboot: bool,
    /// The device acknowledges `INFO` without parameters; the next poll contains `INFO` instead (field note 7.6).
    pub bare_info: bool,
    /// Every poll contains `INFO`, not only those after changes (field note 9.4).
    pub info_in_every_poll: bool,
    /// The first field of `INFO`, the firmware, is empty (field note 9.4).
    pub info_without_firmware: bool,
    /// After a restart the device polls without an initialization (field note 1.4).
    pub skip_handshake: bool,
    /// With every initialization the device uploads all its data (field note 4.3).
    pub upload_everything: bool,
    /// Lines of uploads end in CR LF (field note 4.5).
    pub crlf_lines: bool,
    /// Keys of uploads are in lower case (field note 4.6).
    pub lower_case_keys: bool,
    /// Fields of uploads come in reverse order (field note 4.6).
    pub reversed_fields: bool,
    /// Users come as `table=USERINFO` without a tag, and comparison photos as `table=BIOPHOTO` (field note 4.4).
    pub own_tables: bool,
    /// `CMD` of an acknowledgement has two words, `DATA UPDATE`, and the last line has no line end (field note
    /// 7.6).
    pub odd_acknowledgements: bool,
    /// Operations are logged with impossible times (field note 3.6).
    pub broken_times: bool,
    /// The device reports edits by their operations only. It uploads the edited data only on request (field note
    /// 5.13).
    pub operations_only: bool,
    /// The device uploads the templates of a person before the user record. In an upload of everything, all
    /// templates precede all user records.
    pub templates_first: bool,
    /// Most records in one body of an upload of everything. A template with more parts fills a body of its own.
    /// `None` means the limit of the model.
    pub roster_records: Option<usize>,
    /// An upload of everything pauses after each body until the next poll. Other reports are sent meanwhile.
    pub slow_roster: bool,
    /// An upload of everything breaks off after this many records. The device forgets the rest, and starts again
    /// when the server requests everything again. `None` means that the upload is complete.
    pub broken_roster: Option<usize>,
    /// How the device answers `DATA QUERY`; `None` means as its model does.
    pub queries: Option<Queries>,
    /// Data that the device refuses, whatever its content.
    pub refuse: Vec<Refusal>,
    /// Refused tables beside those of people, each with the return code (appendix 1).
    pub refuse_tables: Vec<(&'static str, i32)>,
    /// Data that the device acknowledges and does not keep (field note 7.5).
    pub ignore: Vec<Form>,
    /// `DATA DELETE` of whatever it is answers this code, and nothing is deleted.
    pub refuse_deletions: Option<i32>,
}

impl Default for Quirks {
    /// Only the habits that a server must expect of every device: the device reads answers strictly, refuses
    /// damaged templates, forgets parts, keeps access fields and does not acknowledge `REBOOT`.
    fn default() -> Self {
        Self {
            cut_names_at: None,
            hex_cards: false,
            renumber_valid: false,
            echo_writes: false,
            drop_empty_fields: false,
            logs_internal_numbers: false,
            counts_deleted_fingers: false,
            log_commands: false,
            strand_templates: false,
            literal_answers: true,
            aspx_paths: false,
            doubled_paths: false,
            absolute_targets: false,
            zero_cards: false,
            rewrite_validity: false,
            keeps_access_fields: true,
            refuse_damaged: true,
            reset_parts: true,
            silent_reboot: true,
            bare_info: false,
            info_in_every_poll: false,
            info_without_firmware: false,
            skip_handshake: false,
            upload_everything: false,
            crlf_lines: false,
            lower_case_keys: false,
            reversed_fields: false,
            own_tables: false,
            odd_acknowledgements: false,
            broken_times: false,
            operations_only: false,
            templates_first: false,
            roster_records: None,
            slow_roster: false,
            broken_roster: None,
            queries: None,
            refuse: Vec::new(),
            refuse_tables: Vec::new(),
            ignore: Vec::new(),
            refuse_deletions: None,
        }
    }
}

/// A form in which a device can receive data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `USERINFO`
    User,
    /// `FINGERTMP`
    Fingerprint,
    /// `FACE`
    Face,
    /// `FVEIN`
    FingerVein,
    /// `BIODATA` of a type
    BioData(BioType),
    /// `USERPIC`
    UserPhoto,
    /// `BIOPHOTO`
    ComparisonPhoto,
}

/// A form of data that a device refuses with this code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The refused form.
    pub form: Form,
    /// The return code (appendix 1).
    pub return_code: i32,
}

/// Faults that occur at random: chances per mille, 1000 for always.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// The device answers a command with -1005 and does not execute it.
    pub busy: u16,
    /// The answer to a poll is lost: the server has sent commands that the device does not know.
    pub lose_replies: u16,
    /// The device executes commands, but their acknowledgements are lost.
    pub lose_acknowledgements: u16,
    /// The device sends acknowledgements twice.
    pub duplicate_acknowledgements: u16,
    /// The device sends acknowledgements some polls later.
    pub late_acknowledgements: u16,
    /// The device restarts after it has received commands and before it executes the rest of them.
    pub restart: u16,
    /// The answer to an upload is lost: the server has accepted the upload, and the device sends it again.
    pub lose_upload_answers: u16,
}

impl Faults {
    /// All faults with the same chance.
    pub const fn all(per_mille: u16) -> Self {
        Self {
            busy: per_mille,
            lose_replies: per_mille,
            lose_acknowledgements: per_mille,
            duplicate_acknowledgements: per_mille,
            late_acknowledgements: per_mille,
            restart: per_mille,
            lose_upload_answers: per_mille,
        }
    }
}
