//! Where a device departs from the book, each departure with a switch of its own.

mod drawn;
mod named;

use wire::BioType;

pub use self::named::{HABITS, Habit, UnknownQuirk};
use crate::model::Queries;

/// How a device keeps and spells things: what is so every time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a habit of its own that a test switches on")]
pub struct Quirks {
    /// Names are cut after so many bytes, inside a character if it falls so (field note 5.7).
    pub cut_names_at: Option<usize>,
    /// Cards are written as `[15CD5B0700]`, and a decimal number from the server is ignored (field note 5.9).
    pub hex_cards: bool,
    /// Templates are uploaded with another `Valid` and another `Size` than they were written with: 0, and the number of
    /// bytes instead of that of characters (field note 6.7).
    pub renumber_valid: bool,
    /// What the server wrote is uploaded again.
    pub echo_writes: bool,
    /// Fields that are empty or zero are left out of uploads.
    pub drop_empty_fields: bool,
    /// Operation 9 names a deleted user by the number under which the terminal kept it, 1 for the first one, and not by
    /// the PIN (field note 11.1). All other operations name the PIN.
    pub logs_internal_numbers: bool,
    /// Operation 10 tells how many fingers of a user were deleted, and not which one (field note 11.7).
    pub counts_deleted_fingers: bool,
    /// A user that the server deletes is reported as one deleted at the device.
    pub log_commands: bool,
    /// Deleting a user leaves its unified templates and photos behind; they belong to whoever gets the PIN next.
    pub strand_templates: bool,
    /// Answers are read as the old client does: header names by exact case, headers below 2 KB, a line below 1 KB,
    /// `text/plain` (field note 2.5).
    pub literal_answers: bool,
    /// Paths end in `.aspx` (field note 2.1).
    pub aspx_paths: bool,
    /// Paths begin with `/iclock/iclock` (field note 2.2).
    pub doubled_paths: bool,
    /// Request lines hold the whole address (field note 2.8).
    pub absolute_targets: bool,
    /// A user without a card is reported with card 0 instead of an empty one (field note 5.9).
    pub zero_cards: bool,
    /// The end of a validity is kept as a date of eight digits, and a month that there is not as January
    /// (field note 5.11: 1785300000 comes back as 17850100).
    pub rewrite_validity: bool,
    /// The device keeps group, time zones and verification mode of a user. Where this is off it acknowledges them and
    /// uploads those of a new user.
    pub keeps_access_fields: bool,
    /// Damaged templates are answered -12; where this is off they are answered 0 and lost (field notes 4.7, 7.5).
    pub refuse_damaged: bool,
    /// Parts of a template that came so far are forgotten when anything else comes between (field note 6.8).
    pub reset_parts: bool,
    /// `REBOOT` is obeyed without an acknowledgement (field note 7.4).
    pub silent_reboot: bool,
    /// `INFO` is acknowledged without parameters; all that it brings is `INFO` in the next poll (field note 7.6).
    pub bare_info: bool,
    /// `INFO` stands in every poll, not only after changes (field note 9.4).
    pub info_in_every_poll: bool,
    /// The first field of `INFO`, the firmware, is empty (field note 9.4).
    pub info_without_firmware: bool,
    /// After a restart the device polls on without an initialization (field note 1.4).
    pub skip_handshake: bool,
    /// With every initialization the device uploads all that it holds (field note 4.3).
    pub upload_everything: bool,
    /// Lines of uploads end in CR LF (field note 4.5).
    pub crlf_lines: bool,
    /// Keys of uploads are in lower case (field note 4.6).
    pub lower_case_keys: bool,
    /// Fields of uploads come in the opposite order (field note 4.6).
    pub reversed_fields: bool,
    /// Users come as `table=USERINFO` without the word before them, comparison photos as `table=BIOPHOTO`
    /// (field note 4.4).
    pub own_tables: bool,
    /// `CMD` of an acknowledgement holds two words, `DATA UPDATE`, and the last line has no line end (field note 7.6).
    pub odd_acknowledgements: bool,
    /// Operations are logged with times that there are not (field note 3.6).
    pub broken_times: bool,
    /// Edits are reported by their operations alone, and what was edited only when the server asks (field note 5.13).
    pub operations_only: bool,
    /// The device uploads the templates of a person before the user record, and with everything all templates before all
    /// user records.
    pub templates_first: bool,
    /// An upload of everything comes in bodies of at most so many records. A template with more parts fills a body of its
    /// own. `None` for the limit of the model.
    pub roster_records: Option<usize>,
    /// An upload of everything pauses after each body until the next poll. Other news goes out meanwhile.
    pub slow_roster: bool,
    /// An upload of everything breaks off after so many records. The rest is forgotten; the device begins anew when the
    /// server asks for everything again. `None` for an upload that ends.
    pub broken_roster: Option<usize>,
    /// How the device answers `DATA QUERY`; `None` for the way of its model.
    pub queries: Option<Queries>,
    /// Data that is refused whatever it is.
    pub refuse: Vec<Refusal>,
    /// Tables beside those of people that are refused, each with the return code (appendix 1).
    pub refuse_tables: Vec<(&'static str, i32)>,
    /// Data that is acknowledged and not kept (field note 7.5).
    pub ignore: Vec<Form>,
    /// `DATA DELETE` of whatever it is answers this code, and nothing is deleted.
    pub refuse_deletions: Option<i32>,
}

impl Default for Quirks {
    /// None but those that the server has to reckon with at every device: answers are read literally, damaged templates
    /// are refused, parts are forgotten, access fields are kept and `REBOOT` is not answered.
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

/// A form in which a device can be given data.
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

/// A form of data that a device answers with this code instead of taking it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is refused.
    pub form: Form,
    /// The return code (appendix 1).
    pub return_code: i32,
}

/// What goes wrong now and then: chances per mille, 1000 for every time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// A command is answered -1005 and not executed.
    pub busy: u16,
    /// The answer to a poll never arrives: the server has sent commands, the device knows nothing of them.
    pub lose_replies: u16,
    /// Commands are executed, their acknowledgements never arrive.
    pub lose_acknowledgements: u16,
    /// Acknowledgements are sent twice.
    pub duplicate_acknowledgements: u16,
    /// Acknowledgements are sent some polls later than the commands came.
    pub late_acknowledgements: u16,
    /// The device restarts after it has read commands and before it executes the rest of them.
    pub restart: u16,
    /// The answer to an upload never arrives: the server has taken it, the device sends it again.
    pub lose_upload_answers: u16,
}

impl Faults {
    /// Everything goes wrong in so many of 1000 cases.
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
