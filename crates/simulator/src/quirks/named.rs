//! Quirks by their names in `muster simulate --quirk`.

use wire::BioType;

use super::{Form, Quirks, Refusal};
use crate::model::Queries;

/// A quirk that is either on or off.
#[derive(Debug)]
pub struct Habit {
    /// The name that switches it on; with the prefix `no-` it switches it off.
    pub name: &'static str,
    /// A short description of the behaviour.
    pub what: &'static str,
    place: fn(&mut Quirks) -> &mut bool,
}

impl Habit {
    /// The flag of this habit in a set of quirks.
    pub fn switch<'q>(&self, quirks: &'q mut Quirks) -> &'q mut bool {
        (self.place)(quirks)
    }
}

const fn habit(name: &'static str, what: &'static str, place: fn(&mut Quirks) -> &mut bool) -> Habit {
    Habit { name, what, place }
}

/// All quirks that are on or off, in display order.
pub const HABITS: &[Habit] = &[
    habit("hex-cards", "cards are bracketed hex, lowest byte first", |quirks| &mut quirks.hex_cards),
    habit("zero-cards", "no card is written as 0", |quirks| &mut quirks.zero_cards),
    habit("rewrite-validity", "the end of a validity comes back changed", |quirks| {
        &mut quirks.rewrite_validity
    }),
    habit("access-fields", "group, time zones and verification mode are kept (on)", |quirks| {
        &mut quirks.keeps_access_fields
    }),
    habit("renumber-valid", "Valid and Size come back changed", |quirks| &mut quirks.renumber_valid),
    habit("echo-writes", "writes of the server are uploaded again", |quirks| &mut quirks.echo_writes),
    habit("upload-everything", "everything is uploaded again with every initialization", |quirks| {
        &mut quirks.upload_everything
    }),
    habit("operations-only", "edits are reported by the operation log only", |quirks| {
        &mut quirks.operations_only
    }),
    habit("templates-first", "templates are uploaded before their user records", |quirks| {
        &mut quirks.templates_first
    }),
    habit("slow-roster", "an upload of everything pauses after each body", |quirks| &mut quirks.slow_roster),
    habit("broken-times", "operations have impossible times", |quirks| &mut quirks.broken_times),
    habit("drop-empty-fields", "empty and zero fields are not uploaded", |quirks| {
        &mut quirks.drop_empty_fields
    }),
    habit("log-commands", "deletions by the server are logged like those at the device", |quirks| {
        &mut quirks.log_commands
    }),
    habit("internal-numbers", "OPLOG 9 contains the internal number instead of the PIN", |quirks| {
        &mut quirks.logs_internal_numbers
    }),
    habit(
        "counted-fingers",
        "OPLOG 10 contains the number of deleted fingers instead of the finger",
        |quirks| &mut quirks.counts_deleted_fingers,
    ),
    habit("strand-templates", "templates of deleted users stay behind", |quirks| {
        &mut quirks.strand_templates
    }),
    habit("crlf-lines", "lines of uploads end in CR LF", |quirks| &mut quirks.crlf_lines),
    habit("lower-case-keys", "keys of uploads are in lower case", |quirks| &mut quirks.lower_case_keys),
    habit("reversed-fields", "fields of uploads come in reverse order", |quirks| &mut quirks.reversed_fields),
    habit("own-tables", "users and photos come in their own tables", |quirks| &mut quirks.own_tables),
    habit("odd-acknowledgements", "CMD has two words, and the last line has no line end", |quirks| {
        &mut quirks.odd_acknowledgements
    }),
    habit("bare-info", "INFO is answered without parameters", |quirks| &mut quirks.bare_info),
    habit("info-in-every-poll", "every poll contains INFO", |quirks| &mut quirks.info_in_every_poll),
    habit("info-without-firmware", "the first field of INFO is empty", |quirks| {
        &mut quirks.info_without_firmware
    }),
    habit("skip-handshake", "no initialization after a restart", |quirks| &mut quirks.skip_handshake),
    habit("aspx-paths", "paths end in .aspx", |quirks| &mut quirks.aspx_paths),
    habit("doubled-paths", "paths begin with /iclock/iclock", |quirks| &mut quirks.doubled_paths),
    habit("absolute-targets", "request lines contain the absolute address", |quirks| {
        &mut quirks.absolute_targets
    }),
    habit("literal-answers", "headers are found by exact case only (on)", |quirks| {
        &mut quirks.literal_answers
    }),
    habit("refuse-damaged", "damaged templates are answered -12 (on)", |quirks| &mut quirks.refuse_damaged),
    habit("reset-parts", "parts are forgotten when anything comes between (on)", |quirks| {
        &mut quirks.reset_parts
    }),
    habit("silent-reboot", "REBOOT is not answered (on)", |quirks| &mut quirks.silent_reboot),
];

/// The error of a text that names no quirk.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownQuirk {
    /// No quirk has this name.
    #[error(
        "there is no quirk {0:?}: want one of cut-names=BYTES, roster-records=N, broken-roster=N, query=WAY, refuse=TABLE:CODE, refuse-deletions=CODE, ignore=TABLE, {names}",
        names = names()
    )]
    Name(String),
    /// The value does not fit the quirk.
    #[error("{name}: want {want}")]
    Value {
        /// The quirk.
        name: &'static str,
        /// The expected value.
        want: &'static str,
    },
}

fn names() -> String {
    HABITS.iter().map(|habit| habit.name).collect::<Vec<_>>().join(", ")
}

impl Quirks {
    /// Changes one quirk by its name.
    ///
    /// `hex-cards` switches a [`Habit`] on, `no-hex-cards` switches it off. `cut-names=24` cuts names after 24
    /// bytes, `no-cut-names` removes the limit. `roster-records=20` and `broken-roster=35` limit the upload of
    /// everything; the prefix `no-` removes the limit. `query=marked` sets how queries are answered, `no-query`
    /// restores the way of the model. `refuse=USERPIC:-1001` refuses a table, and `ignore=BIODATA/8` acknowledges
    /// a table without storing its data; `BIODATA` may have a type.
    /// `refuse-deletions=-3` refuses every deletion; the prefix `no-` ends that.
    ///
    /// # Errors
    /// No quirk has this name, or the value does not fit.
    pub fn set(&mut self, text: &str) -> Result<(), UnknownQuirk> {
        let unknown = || UnknownQuirk::Name(text.to_owned());
        match text.split_once('=') {
            Some(("cut-names", bytes)) => {
                let bytes = bytes.parse().ok().filter(|bytes| (1..=255).contains(bytes));
                let wrong = UnknownQuirk::Value { name: "cut-names", want: "a number of bytes, 1 to 255" };
                self.cut_names_at = Some(bytes.ok_or(wrong)?);
            }
            Some(("roster-records", records)) => {
                let records = records.parse().ok().filter(|records| *records > 0);
                let wrong =
                    UnknownQuirk::Value { name: "roster-records", want: "a number of records, 1 or more" };
                self.roster_records = Some(records.ok_or(wrong)?);
            }
            Some(("broken-roster", records)) => {
                let wrong = UnknownQuirk::Value { name: "broken-roster", want: "a number of records" };
                self.broken_roster = Some(records.parse().map_err(|_| wrong)?);
            }
            Some(("query", way)) => {
                let found = Queries::NAMED.iter().find(|(name, _)| *name == way);
                let wrong = UnknownQuirk::Value {
                    name: "query",
                    want: "in-turn, marked, first-generation or not-understood",
                };
                self.queries = Some(found.ok_or(wrong)?.1);
            }
            Some(("refuse", value)) => self.refuse.push(refusal(value).ok_or(UnknownQuirk::Value {
                name: "refuse",
                want: "a table and a return code below 0, such as USERPIC:-1001 or BIODATA/8:-12",
            })?),
            Some(("refuse-deletions", code)) => {
                let code = code.parse().ok().filter(|code| *code < 0);
                let wrong = UnknownQuirk::Value { name: "refuse-deletions", want: "a return code below 0" };
                self.refuse_deletions = Some(code.ok_or(wrong)?);
            }
            Some(("ignore", value)) => self.ignore.push(Form::read(value).ok_or(UnknownQuirk::Value {
                name: "ignore",
                want: "a table, such as USERPIC or BIODATA/8",
            })?),
            Some(_) => return Err(unknown()),
            None if text == "no-cut-names" => self.cut_names_at = None,
            None if text == "no-refuse-deletions" => self.refuse_deletions = None,
            None if text == "no-query" => self.queries = None,
            None if text == "no-roster-records" => self.roster_records = None,
            None if text == "no-broken-roster" => self.broken_roster = None,
            None => {
                let (name, on) = text.strip_prefix("no-").map_or((text, true), |name| (name, false));
                let habit = HABITS.iter().find(|habit| habit.name == name).ok_or_else(unknown)?;
                *habit.switch(self) = on;
            }
        }
        Ok(())
    }
}

fn refusal(text: &str) -> Option<Refusal> {
    let (form, code) = text.split_once(':')?;
    let return_code = code.parse().ok().filter(|code| *code < 0)?;
    Some(Refusal { form: Form::read(form)?, return_code })
}

impl Form {
    /// Reads a form from its table name in commands; `BIODATA` with its type is `BIODATA/8`.
    fn read(text: &str) -> Option<Self> {
        Some(match text {
            "USERINFO" => Self::User,
            "FINGERTMP" => Self::Fingerprint,
            "FACE" => Self::Face,
            "FVEIN" => Self::FingerVein,
            "USERPIC" => Self::UserPhoto,
            "BIOPHOTO" => Self::ComparisonPhoto,
            _ => Self::BioData(BioType(text.strip_prefix("BIODATA/")?.parse().ok()?)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_habit_is_switched_by_its_name_alone() {
        for habit in HABITS {
            let (mut on, mut off) = (Quirks::default(), Quirks::default());
            on.set(habit.name).unwrap();
            off.set(&format!("no-{}", habit.name)).unwrap();
            assert!(*habit.switch(&mut on) && !*habit.switch(&mut off), "{}", habit.name);
            // The two sets differ in nothing else.
            *habit.switch(&mut off) = true;
            assert_eq!(on, off, "{}", habit.name);
        }
    }

    #[test]
    fn a_quirk_accepts_only_a_valid_value() {
        let mut quirks = Quirks::default();
        for text in [
            "cut-names=24",
            "roster-records=20",
            "broken-roster=35",
            "query=marked",
            "refuse=BIODATA/8:-12",
            "ignore=USERPIC",
            "refuse-deletions=-3",
        ] {
            quirks.set(text).unwrap();
        }
        let refusal = Refusal { form: Form::BioData(BioType::PALM), return_code: -12 };
        let wanted = Quirks {
            cut_names_at: Some(24),
            roster_records: Some(20),
            broken_roster: Some(35),
            queries: Some(Queries::Marked),
            refuse: vec![refusal],
            ignore: vec![Form::UserPhoto],
            refuse_deletions: Some(-3),
            ..Quirks::default()
        };
        assert_eq!(quirks, wanted);
        for text in
            ["no-cut-names", "no-roster-records", "no-broken-roster", "no-query", "no-refuse-deletions"]
        {
            quirks.set(text).unwrap();
        }
        assert_eq!((quirks.cut_names_at, quirks.roster_records, quirks.broken_roster), (None, None, None));
        assert_eq!((quirks.queries, quirks.refuse_deletions), (None, None));
        for wrong in [
            "",
            "laziness",
            "no-",
            "cut-names",
            "cut-names=0",
            "roster-records=0",
            "query=never",
            "broken-roster=",
            "hex-cards=1",
            "refuse=USERPIC:0",
            "refuse-deletions=0",
            "ignore=BIODATA",
        ] {
            assert!(Quirks::default().set(wrong).is_err(), "{wrong}");
        }
    }
}
