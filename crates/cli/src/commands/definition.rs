//! `muster timezone`, `holiday`, `group`, `unlock-combination`, `message` and `workcode`.

use std::fmt::Write as _;

use anyhow::anyhow;
use clap::Args;
use fleet::FleetError;
use fleet::definition::{DefinitionEdit, DefinitionRefusal, Outcome};
use fleet::view::definition::{DefinitionAtDevice, DefinitionState, DefinitionSync, DefinitionView};
use roster::{Area, DefinitionKind, DefinitionName};
use serde::Serialize;
use wire::{FieldError, Pin, TableRecordError};

use super::Context;
use crate::args::{Definitions, MessageCommand, SetDefinition, definition_command};
use crate::failure::usage;
use crate::render::definition;
use crate::render::not_found::explained;
use crate::render::table::{Table, pairs};
use crate::render::when::When;

/// Carries out a command about definitions of one kind.
///
/// # Errors
/// There is no such definition; an argument is wrong, or refers to something that is not defined.
pub async fn run<S: SetDefinition + Args>(context: &Context, command: Definitions<S>) -> anyhow::Result<()> {
    let named = |text: &str| {
        DefinitionName::read(S::KIND, text)
            .map_err(|error| usage(format!("{} {text:?}: {error}", S::KIND.word())))
    };
    match command {
        Definitions::Set(set) => self::set(context, &named(set.name())?, set.as_ref()).await,
        Definitions::List => list(context, S::KIND).await,
        Definitions::Show { name } => show(context, &named(&name)?).await,
        Definitions::Delete { name } => delete(context, &named(&name)?).await,
    }
}

/// Carries out a command about messages.
///
/// # Errors
/// As [`run`]; there is no such user, or the message is not a personal one.
pub async fn message(context: &Context, command: MessageCommand) -> anyhow::Result<()> {
    match command {
        MessageCommand::Defined(command) => run(context, command).await,
        MessageCommand::Assign { number, pins } => assign(context, number, &pins).await,
    }
}

#[derive(Serialize)]
struct Done {
    kind: &'static str,
    name: String,
    outcome: &'static str,
    #[serde(skip)]
    words: String,
}

impl Done {
    fn print(
        context: &Context,
        name: &DefinitionName,
        outcome: &'static str,
        words: &str,
    ) -> anyhow::Result<()> {
        let done = Self {
            kind: definition_command(name.kind),
            name: name.name.clone(),
            outcome,
            words: format!("{name} {words}"),
        };
        context.out.print(&done, |done| done.words.clone())
    }
}

async fn set<S: SetDefinition>(context: &Context, name: &DefinitionName, set: &S) -> anyhow::Result<()> {
    let edit = DefinitionEdit { fields: set.fields(), areas: set.areas().map(<[Area]>::to_vec) };
    let outcome = context.fleet.set_definition(&context.actor, name, &edit).await;
    match outcome.map_err(refused::<S>)? {
        Outcome::Made => Done::print(context, name, "made", "is added; Muster sends it to the devices"),
        Outcome::Changed => {
            Done::print(context, name, "changed", "is changed; Muster sends the change to the devices")
        }
        Outcome::Unchanged => Done::print(context, name, "unchanged", "is unchanged"),
    }
}

/// A refusal with the command or the option that helps.
fn refused<S: SetDefinition>(error: FleetError) -> anyhow::Error {
    let FleetError::Definition(refusal) = error else { return explained(error) };
    match &refusal {
        DefinitionRefusal::Undefined { missing, .. } => {
            let kind = missing.first().map_or("timezone", |name| definition_command(name.kind));
            anyhow!("{refusal}: `muster {kind} set` first")
        }
        DefinitionRefusal::NothingGiven(name) => {
            usage(format!("nothing to change: see `muster {} set --help`", definition_command(name.kind)))
        }
        DefinitionRefusal::Invalid { name, error } => said_wrong::<S>(name, error),
        _ => refusal.into(),
    }
}

/// A wrong or missing field, in the words of the command line.
fn said_wrong<S: SetDefinition>(name: &DefinitionName, error: &TableRecordError) -> anyhow::Error {
    let option =
        |field: &str| S::NEEDS.iter().find(|(key, _)| *key == field).map_or("", |(_, option)| option);
    match error {
        TableRecordError::Field(FieldError::Missing { field }) if !option(field).is_empty() => {
            usage(format!("{name} is not defined yet: {} is needed", option(field)))
        }
        TableRecordError::Field(FieldError::Invalid { field, want }) if !option(field).is_empty() => {
            usage(format!("{}: want {want}", option(field)))
        }
        other => usage(format!("{name}: {other}")),
    }
}

async fn delete(context: &Context, name: &DefinitionName) -> anyhow::Result<()> {
    context.fleet.delete_definition(&context.actor, name).await.map_err(|error| match error {
        FleetError::Definition(refusal @ DefinitionRefusal::InUse { .. }) => {
            anyhow!("{refusal}: remove this reference first")
        }
        other => explained(other),
    })?;
    Done::print(context, name, "deleted", "is deleted from all devices")
}

/// A definition, as JSON shows it.
#[derive(Serialize)]
struct Shown {
    /// The command of its kind.
    kind: &'static str,
    /// The content, in words.
    says: String,
    #[serde(flatten)]
    definition: DefinitionView,
}

impl From<DefinitionView> for Shown {
    fn from(definition: DefinitionView) -> Self {
        Self {
            kind: definition_command(definition.kind),
            says: definition::summary(&definition.definition),
            definition,
        }
    }
}

async fn list(context: &Context, kind: DefinitionKind) -> anyhow::Result<()> {
    let all: Vec<Shown> = context.fleet.definitions(kind).await?.into_iter().map(Shown::from).collect();
    context.out.print(&all, |all| {
        if all.is_empty() {
            return format!(
                "no {} is defined yet: see `muster {} set --help`",
                kind.word(),
                definition_command(kind)
            );
        }
        let mut table = Table::new([kind.word(), "content", "areas", "changed", "by"]);
        for Shown { says, definition, .. } in all {
            table.row([
                definition.name.clone(),
                says.clone(),
                areas(definition),
                context.when.relative(definition.changed_at),
                definition.changed_by.to_string(),
            ]);
        }
        table.to_string()
    })
}

fn areas(definition: &DefinitionView) -> String {
    definition.areas.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// One definition and its state on the devices, as JSON shows it.
#[derive(Serialize)]
struct One {
    /// The command of its kind.
    kind: &'static str,
    /// The content, in words.
    says: String,
    #[serde(flatten)]
    sync: DefinitionSync,
}

async fn show(context: &Context, name: &DefinitionName) -> anyhow::Result<()> {
    let sync = context.fleet.definition(name).await.map_err(explained)?;
    let one = One {
        kind: definition_command(name.kind),
        says: definition::summary(&sync.definition.definition),
        sync,
    };
    context.out.print(&one, |one| one.words(&context.when))
}

impl One {
    fn words(&self, when: &When) -> String {
        let DefinitionSync { definition, assigned, devices } = &self.sync;
        let assigned: Vec<String> = assigned.iter().map(ToString::to_string).collect();
        let changed = format!("{} by {}", when.both(definition.changed_at), definition.changed_by);
        let mut text = pairs([
            (self.kind, Some(definition.name.clone())),
            ("content", Some(self.says.clone())),
            ("assigned to", Some(assigned.join(", ")).filter(|assigned| !assigned.is_empty())),
            ("areas", Some(areas(definition))),
            ("changed", Some(changed)),
        ]);
        if !devices.is_empty() {
            let mut table = Table::new(["device", "name", "on the device"]);
            for DefinitionAtDevice { serial_number, name, state } in devices {
                table.row([serial_number.clone(), name.clone(), has_it(*state).to_owned()]);
            }
            let _ = write!(text, "\n{table}");
        }
        text
    }
}

const fn has_it(state: DefinitionState) -> &'static str {
    match state {
        DefinitionState::Holds => "yes",
        DefinitionState::Owed => "not yet: will be sent with the next polls",
        DefinitionState::Refused => "no: the device refused it",
        DefinitionState::Joining => "approved: Muster is still reading the device's people",
        DefinitionState::NotForIt => "no: the device shares no area with it, or does not support this kind",
    }
}

#[derive(Serialize)]
struct Assigned {
    message: u16,
    /// How many people did not have the message before.
    users: usize,
}

async fn assign(context: &Context, number: u16, pins: &[Pin]) -> anyhow::Result<()> {
    let assigned = context.fleet.assign_message(&context.actor, number, pins).await;
    let users = assigned.map_err(|error| match error {
        FleetError::Definition(refusal @ DefinitionRefusal::NotPersonal(_)) => {
            anyhow!("{refusal}: `muster message set {number} --to personal` first")
        }
        FleetError::Definition(refusal @ DefinitionRefusal::NoMessage { .. }) => usage(refusal.to_string()),
        other => explained(other),
    })?;
    context.out.print(&Assigned { message: number, users }, |assigned| match assigned.users {
        0 => format!("message {number} was already assigned to them"),
        1 => format!("message {number} is assigned to one user"),
        users => format!("message {number} is assigned to {users} users"),
    })
}
