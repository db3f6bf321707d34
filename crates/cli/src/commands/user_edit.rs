//! `muster user set`, `delete` and `undo`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, IsTerminal as _, Read as _, Write as _};

use anyhow::{Context as _, bail};
use fleet::user::{self, UserEdit};
use jiff::civil::Date;
use serde::Serialize;
use store::{Erased, Punches, Rewritten};
use wire::Pin;

use super::user_state::ShownSuspension;
use super::{Context, user_suspend};
use crate::args::{DeleteUser, SetUser};
use crate::failure::usage;
use crate::lookup;

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

/// What an erasure came to.
#[derive(Serialize)]
struct Erasure {
    /// Rows of each table that went, or lost what they said of the person.
    erased: BTreeMap<&'static str, u64>,
    kept_punches: u64,
    /// The files of the database were written anew; `None` where it is on a database server.
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
    if let Some(Some(day)) = leaves {
        user_suspend::not_over(context, day)?;
    }
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
    let mut tx = context.fleet.store().read().await?;
    let exists = tx.users(std::slice::from_ref(&set.pin)).await?.contains_key(&set.pin);
    let suspension = tx.suspensions(std::slice::from_ref(&set.pin)).await?.remove(&set.pin);
    lookup::areas(&mut tx, edit.areas.as_deref().unwrap_or_default()).await?;
    tx.rollback().await?;
    if exists && edit == UserEdit::default() {
        return Err(usage("nothing to change: see `muster user set --help`"));
    }
    if leaves.is_some() && suspension.as_ref().is_some_and(|suspension| suspension.left) {
        bail!("user {0} has left: `muster user reinstate {0}` brings them back first", set.pin);
    }
    let only_leaves = edit == UserEdit { leaves, ..UserEdit::default() };
    let (pin, now) = (set.pin.clone(), context.when.now());
    let changed = context
        .fleet
        .store()
        .retrying(move |tx| {
            let (pin, edit) = (pin.clone(), edit.clone());
            Box::pin(async move {
                // Before anything is read that is decided on.
                tx.reserve(0).await?;
                match tx.spelled_otherwise(std::slice::from_ref(&pin)).await?.remove(&pin) {
                    Some(other) => Ok(Err(other)),
                    None => user::set(tx, &pin, &edit, now).await.map(Ok),
                }
            })
        })
        .await?;
    let changed = changed.map_err(|other| {
        anyhow::anyhow!(
            "there is a user {other}: devices may take {} and {other} for one, since they differ in the case of letters \
             alone",
            set.pin
        )
    })?;
    let (outcome, words) = match (exists, changed) {
        (false, _) => ("made", "is made, and goes to the devices"),
        (true, true) if suspension.is_some() => {
            ("changed", "is changed, and stays suspended: the devices get the change with the person")
        }
        (true, true) if only_leaves => ("changed", "is changed"),
        (true, true) => ("changed", "is changed, and the change goes to the devices"),
        (true, false) => ("unchanged", "was so already"),
    };
    let last_day = match leaves.flatten().filter(|_| outcome != "unchanged") {
        Some(day) => format!("; {day} is the last day: when it has ended, every terminal removes them"),
        None => String::new(),
    };
    let words = format!("user {} {words}{last_day}", set.pin);
    Done { pin: set.pin.to_string(), outcome, items: None, erasure: None, words }.print(context)
}

/// The first line of standard input. On a terminal it is asked for.
fn password_from_stdin() -> anyhow::Result<String> {
    let mut input = std::io::stdin().lock();
    if input.is_terminal() {
        eprint!("password (it is shown while you type): ");
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
/// There is no such person, or the operator thought better of it.
pub async fn delete(context: &Context, delete: &DeleteUser) -> anyhow::Result<()> {
    let pin = &delete.pin;
    let mut tx = context.fleet.store().read().await?;
    let user = tx.users(std::slice::from_ref(pin)).await?.remove(pin);
    // Who is deleted already can still be erased.
    let name = match user {
        Some(fields) => fields.name,
        None if delete.erase && tx.knows_pin(pin).await? => String::new(),
        None => return Err(lookup::no_user(&mut tx, pin, context.when.now()).await),
    };
    tx.rollback().await?;
    if !delete.yes && !confirmed(pin, &name, delete.erase)? {
        bail!("nothing was deleted");
    }
    if delete.erase {
        return erase(context, delete).await;
    }
    let (owned, now) = (pin.clone(), context.when.now());
    let until = context.settings.server.devices.fleet.undo_until(now);
    let items = context
        .fleet
        .store()
        .retrying(move |tx| {
            let pin = owned.clone();
            Box::pin(async move { user::delete(tx, &pin, None, now, Some(until)).await })
        })
        .await?;
    let words = format!(
        "user {pin} is deleted everywhere; until {} `muster user undo {pin}` brings them back",
        context.when.local(until)
    );
    Done { pin: pin.to_string(), outcome: "deleted", items: Some(items), erasure: None, words }.print(context)
}

/// Deletes a person and erases everything about them in this database.
async fn erase(context: &Context, delete: &DeleteUser) -> anyhow::Result<()> {
    let pin = &delete.pin;
    let (owned, now) = (pin.clone(), context.when.now());
    let punches = if delete.erasing.punches { Punches::Erase } else { Punches::Keep };
    let (items, Erased { rows, kept_punches }) = context
        .fleet
        .store()
        .retrying(move |tx| {
            let pin = owned.clone();
            Box::pin(async move { user::erase(tx, &pin, punches, now).await })
        })
        .await?;
    let mut words = format!(
        "user {pin} is erased here and deleted on every terminal, also on those that are off, as soon as they are back\n\
         kept: the PIN, so that no terminal brings the person back"
    );
    if kept_punches > 0 {
        let _ = write!(words, "; {kept_punches} punches (--punches erases them too)");
    }
    // The erasure is committed. What fails from here on leaves bytes in a file, and no content in the database.
    let no_rewrite = delete.erasing.no_rewrite;
    let overwritten = if no_rewrite {
        context.fleet.store().empty_log().await
    } else {
        context.fleet.store().rewrite().await
    };
    let (files_rewritten, sentence) = match overwritten {
        Ok(Rewritten::NotHere) => (
            None,
            "the database server removes old versions of rows by itself, later: see docs/security.md"
                .to_owned(),
        ),
        Ok(Rewritten::Done) if no_rewrite => (
            Some(false),
            "rows that earlier versions of Muster replaced may still stand in the file of the database"
                .into(),
        ),
        Ok(Rewritten::Done) => (
            Some(true),
            "the file of the database was written anew: no byte of the person is left in it".to_owned(),
        ),
        Ok(Rewritten::LogInUse) => (
            Some(false),
            "the log of the database is in use and still holds old rows: run the command again".to_owned(),
        ),
        Err(error) => (
            Some(false),
            format!("the file of the database was not written anew: {error}. Run the command again"),
        ),
    };
    let _ = write!(words, "\n{sentence}");
    words += "\nbackups keep what they have";
    let erasure = Some(Erasure { erased: rows, kept_punches, files_rewritten });
    Done { pin: pin.to_string(), outcome: "erased", items: Some(items), erasure, words }.print(context)
}

/// Asks on a terminal; a script has to say `--yes`.
fn confirmed(pin: &Pin, name: &str, erase: bool) -> anyhow::Result<bool> {
    let mut input = std::io::stdin().lock();
    if !input.is_terminal() {
        bail!("there is no terminal to ask on: say --yes to delete user {pin}");
    }
    let what = if erase { "Erase for good" } else { "Delete" };
    let name = crate::render::output::printable(name);
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
    let (owned, now) = (pin.clone(), context.when.now());
    let items = context
        .fleet
        .store()
        .retrying(move |tx| {
            let pin = owned.clone();
            Box::pin(async move { user::undo(tx, &pin, now).await })
        })
        .await?;
    if items == 0 {
        let mut tx = context.fleet.store().read().await?;
        if tx.users(std::slice::from_ref(pin)).await?.contains_key(pin) {
            bail!("user {pin} is not deleted");
        }
        let deletions = tx.deletions(now).await?;
        match lookup::nearest(pin.as_str(), deletions.iter().map(|deletion| deletion.pin.as_str())) {
            Some(near) => bail!("there is no deletion of {pin} to undo; is {near} meant?"),
            None => bail!(
                "there is no deletion of {pin} to undo; `muster user deleted` lists those that there are"
            ),
        }
    }
    let mut tx = context.fleet.store().read().await?;
    let suspension = tx.suspensions(std::slice::from_ref(pin)).await?.remove(pin);
    tx.rollback().await?;
    let words = match suspension.map(ShownSuspension::from) {
        Some(suspension) => format!(
            "user {pin} is in the fleet again, and stays off every terminal: {}",
            suspension.words(&context.when)
        ),
        None => format!("user {pin} is back, and goes to the devices again"),
    };
    Done { pin: pin.to_string(), outcome: "restored", items: Some(items), erasure: None, words }
        .print(context)
}
