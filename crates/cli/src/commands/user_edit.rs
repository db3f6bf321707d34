//! `muster user set`, `delete` and `undo`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, IsTerminal as _, Read as _, Write as _};

use anyhow::{Context as _, bail};
use fleet::FleetError;
use fleet::user::{SetOutcome, UserEdit, UserRefusal};
use fleet::user_erasure::{ErasedFile, ErasureScope, Punches};
use jiff::civil::Date;
use serde::Serialize;
use wire::Pin;

use super::Context;
use crate::args::{DeleteUser, SetUser};
use crate::failure::usage;
use crate::render::not_found::explained;
use crate::render::{output, suspension};

#[derive(Serialize)]
struct Done {
    pin: String,
    outcome: &'static str,
    items: Option<usize>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    erasure: Option<Erasure>,
    #[serde(skip)]
    words: String,
}

/// The result of an erasure.
#[derive(Serialize)]
struct Erasure {
    /// For each table, the rows that were deleted or that lost the data of the person.
    erased: BTreeMap<&'static str, u64>,
    kept_punches: u64,
    /// Whether the database file was rewritten; `None` for a database server.
    files_rewritten: Option<bool>,
}

impl Done {
    fn print(self, context: &Context) -> anyhow::Result<()> {
        context.out.print(&self, |done| done.words.clone())
    }
}

/// Makes or changes a person.
///
/// # Errors
/// Nothing was given to change; an area that does not exist; a password that cannot be read; a new PIN that differs from
/// another one in the case of its letters alone.
pub async fn set(context: &Context, set: SetUser) -> anyhow::Result<()> {
    let password = if set.password_stdin { Some(password_from_stdin()?) } else { set.password };
    let leaves = set.leaves.map(|day| day.parse::<Date>().ok());
    let edit = UserEdit {
        name: set.name,
        privilege: set.privilege,
        password,
        card: set.card,
        vice_card: set.vice_card,
        group: set.group,
        time_zones: set.time_zones,
        verify: set.verify,
        start: set.start,
        end: set.end,
        areas: set.areas,
        leaves,
    };
    let only_leaves = edit == UserEdit { leaves, ..UserEdit::default() };
    let outcome = context.fleet.set_user(&context.actor, &set.pin, &edit).await.map_err(not_set)?;
    let (word, words) = match outcome {
        SetOutcome::Made => ("made", "is added; Muster sends the person to the devices"),
        SetOutcome::Changed { is_suspended: true } => {
            ("changed", "is changed, and stays suspended: the devices get the change when the person returns")
        }
        SetOutcome::Changed { .. } if only_leaves => ("changed", "is changed"),
        SetOutcome::Changed { .. } => ("changed", "is changed; Muster sends the change to the devices"),
        SetOutcome::Unchanged => ("unchanged", "is unchanged"),
    };
    let last_day = match leaves.flatten().filter(|_| outcome != SetOutcome::Unchanged) {
        Some(day) => format!(
            "; {day} is the last day: when the day has ended, Muster removes the person from every device"
        ),
        None => String::new(),
    };
    let words = format!("user {} {words}{last_day}", set.pin);
    Done { pin: set.pin.to_string(), outcome: word, items: None, erasure: None, words }.print(context)
}

/// The reason why a person was not changed, with advice.
fn not_set(error: FleetError) -> anyhow::Error {
    match error {
        FleetError::User(UserRefusal::NothingToChange(_)) => {
            usage("nothing to change: see `muster user set --help`")
        }
        FleetError::User(refusal @ UserRefusal::DayIsOver { .. }) => usage(refusal.to_string()),
        FleetError::User(UserRefusal::HasLeft(pin)) => {
            anyhow::anyhow!("user {pin} has left: `muster user reinstate {pin}` brings the person back first")
        }
        other => explained(other),
    }
}

/// The first line of standard input. On a console, Muster asks for the line.
fn password_from_stdin() -> anyhow::Result<String> {
    let mut input = std::io::stdin().lock();
    if input.is_terminal() {
        eprint!("password (visible while you type): ");
    }
    let mut line = String::new();
    input.by_ref().take(1024).read_line(&mut line).context("cannot read the password from standard input")?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.chars().any(char::is_control) {
        bail!(usage("the password on standard input is not one line of text"));
    }
    Ok(password.to_owned())
}

/// Deletes a person everywhere.
///
/// # Errors
/// There is no such person, or the operator did not confirm.
pub async fn delete(context: &Context, delete: &DeleteUser) -> anyhow::Result<()> {
    let pin = &delete.pin;
    let fleet = &context.fleet;
    // A person who is already deleted can still be erased.
    let name = if delete.erase { fleet.erasable_name(pin).await } else { fleet.user_name(pin).await };
    let name = name.map_err(explained)?;
    if !delete.yes && !confirmed(pin, &name, delete.erase)? {
        bail!("nothing was deleted");
    }
    if delete.erase {
        return erase(context, delete).await;
    }
    let deleted = fleet.delete_user(&context.actor, pin).await.map_err(explained)?;
    let words = format!(
        "user {pin} is deleted everywhere; until {} `muster user undo {pin}` brings the person back",
        context.when.local(deleted.until)
    );
    Done { pin: pin.to_string(), outcome: "deleted", items: Some(deleted.items), erasure: None, words }
        .print(context)
}

/// Deletes a person and erases everything about them in this database.
async fn erase(context: &Context, delete: &DeleteUser) -> anyhow::Result<()> {
    let pin = &delete.pin;
    let scope = ErasureScope {
        punches: if delete.erasing.punches { Punches::Erase } else { Punches::Keep },
        rewrites_file: !delete.erasing.no_rewrite,
    };
    let erased = context.fleet.erase_user(&context.actor, pin, scope).await.map_err(explained)?;
    let mut words = format!(
        "user {pin} is erased here; Muster deletes the person from every device, from offline devices when they are back\n\
         kept: the PIN, so that no device brings the person back"
    );
    let kept_punches = erased.kept_punches;
    if kept_punches > 0 {
        let _ = write!(words, "; {kept_punches} punches (--punches erases them too)");
    }
    let (files_rewritten, sentence) = file_words(&erased.file);
    let _ = write!(words, "\n{sentence}");
    words += "\nbackups still hold the person";
    let erasure = Some(Erasure { erased: erased.rows, kept_punches, files_rewritten });
    Done { pin: pin.to_string(), outcome: "erased", items: Some(erased.items), erasure, words }.print(context)
}

/// Whether the database file was rewritten, and the consequence in words.
fn file_words(file: &ErasedFile) -> (Option<bool>, String) {
    match file {
        ErasedFile::NotHere => (
            None,
            "the database server removes old versions of rows by itself, later: see docs/security.md"
                .to_owned(),
        ),
        ErasedFile::LogEmptied => (
            Some(false),
            "the file of the database may still hold rows that earlier versions of Muster replaced"
                .to_owned(),
        ),
        ErasedFile::Rewritten => (
            Some(true),
            "the file of the database was rewritten: it holds no byte of the person any more".to_owned(),
        ),
        ErasedFile::LogInUse => (
            Some(false),
            "the log of the database is in use and still holds old rows: run the command again".to_owned(),
        ),
        ErasedFile::Failed(error) => (
            Some(false),
            format!("the file of the database was not rewritten: {error}. Run the command again"),
        ),
    }
}

/// Asks on the console. A script must give `--yes`.
fn confirmed(pin: &Pin, name: &str, erase: bool) -> anyhow::Result<bool> {
    let mut input = std::io::stdin().lock();
    if !input.is_terminal() {
        bail!("without a console, Muster cannot ask: add --yes to delete user {pin}");
    }
    let what = if erase { "Erase for good" } else { "Delete" };
    let name = output::printable(name);
    eprint!("{what} user {pin} {name:?} on all devices? [y/N] ");
    std::io::stderr().flush().context("cannot ask")?;
    let mut answer = String::new();
    input.read_line(&mut answer).context("cannot read the answer")?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Brings a deleted person back.
///
/// # Errors
/// There is nothing to undo.
pub async fn undo(context: &Context, pin: &Pin) -> anyhow::Result<()> {
    let restored = match context.fleet.undo_deletion(&context.actor, pin).await {
        Err(FleetError::User(refusal @ UserRefusal::NoDeletion { nearest: None, .. })) => {
            bail!("{refusal}; `muster user deleted` lists all deletions that can be undone")
        }
        other => other?,
    };
    let words = match &restored.suspension {
        Some(suspended) => format!(
            "user {pin} is in the fleet again, but on no device: {}",
            suspension::words(suspended, &context.when)
        ),
        None => format!("user {pin} is back; Muster sends the person to the devices again"),
    };
    Done { pin: pin.to_string(), outcome: "restored", items: Some(restored.items), erasure: None, words }
        .print(context)
}
