//! Where a device departs from the book, each departure with a switch of its own.

use wire::BioType;

/// How a device keeps and spells things: what is so every time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a habit of its own that a test switches on")]
pub struct Quirks {
    /// Names are cut after so many bytes, inside a character if it falls so (field note 5.7).
    pub cut_names_at: Option<usize>,
    /// Cards are written as `[15CD5B0700]`, and a decimal number from the server is ignored (field note 5.9).
    pub hex_cards: bool,
    /// Templates are uploaded with another `Valid` and another `Size` than they were written with.
    pub renumber_valid: bool,
    /// What the server wrote is uploaded again.
    pub echo_writes: bool,
    /// Fields that are empty or zero are left out of uploads.
    pub drop_empty_fields: bool,
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
    /// Data that is refused whatever it is.
    pub refuse: Vec<Refusal>,
    /// Tables beside those of people that are refused, each with the return code (appendix 1).
    pub refuse_tables: Vec<(&'static str, i32)>,
    /// Data that is acknowledged and not kept (field note 7.5).
    pub ignore: Vec<Form>,
}

impl Default for Quirks {
    /// None but the literal reading of answers, to which the server is always held.
    fn default() -> Self {
        Self {
            cut_names_at: None,
            hex_cards: false,
            renumber_valid: false,
            echo_writes: false,
            drop_empty_fields: false,
            log_commands: false,
            strand_templates: false,
            literal_answers: true,
            aspx_paths: false,
            doubled_paths: false,
            absolute_targets: false,
            refuse: Vec::new(),
            refuse_tables: Vec::new(),
            ignore: Vec::new(),
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
