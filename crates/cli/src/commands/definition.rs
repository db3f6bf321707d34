//! `muster timezone`, `holiday`, `group`, `unlock-combination`, `message` and `workcode`.

mod says;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::bail;
use clap::Args;
use fleet::definition::{self, Deleted, Outcome};
use roster::{Area, Definition, DefinitionKind, DefinitionName, Millis};
use serde::Serialize;
use store::{Defined, Tx};
use sync::Want;
use wire::{EntryError, FieldError, Pin, SerialNumber};

use super::Context;
use crate::args::{Definitions, MessageCommand, SetDefinition, definition_command};
use crate::failure::usage;
use crate::lookup;
use crate::render::table::{Table, pairs};
use crate::render::when::When;
use fleet::time::rfc3339;

/// Carries out a command about definitions of one kind.
///
/// # Errors
/// There is no such definition; what was given is none of its kind, or refers to what is not defined.
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
        MessageCommand::Assign { number, pins } => assign(context, number, pins).await,
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
    let mut tx = context.fleet.store().read().await?;
    let before = definition::find(&mut tx, name).await?;
    lookup::areas(&mut tx, set.areas().unwrap_or_default()).await?;
    tx.rollback().await?;
    let given = set.fields(before.is_none());
    if before.is_some() && given.is_empty() && set.areas().is_none() {
        return Err(usage(format!(
            "nothing to change: see `muster {} set --help`",
            definition_command(name.kind)
        )));
    }
    let mut fields: BTreeMap<&str, String> = BTreeMap::new();
    if let Some(before) = &before {
        fields.extend(before.definition.fields().iter().map(|(key, value)| (key.as_str(), value.clone())));
    }
    fields.extend(given);
    let fields: Vec<(&str, String)> = fields.into_iter().collect();
    let definition = Definition::new(name, &fields).map_err(|error| said_wrong::<S>(name, &error))?;
    let (owned, areas, now) = (name.clone(), set.areas().map(<[Area]>::to_vec), context.when.now());
    let outcome = context
        .fleet
        .store()
        .retrying(move |tx| {
            let (name, definition, areas) = (owned.clone(), definition.clone(), areas.clone());
            Box::pin(async move { definition::set(tx, &name, &definition, areas.as_deref(), now).await })
        })
        .await?;
    match outcome {
        Outcome::Made => Done::print(context, name, "made", "is made, and goes to the devices"),
        Outcome::Changed => {
            Done::print(context, name, "changed", "is changed, and the change goes to the devices")
        }
        Outcome::Unchanged => Done::print(context, name, "unchanged", "was so already"),
        Outcome::Lacks(lacks) => {
            let names: Vec<String> = lacks.iter().map(ToString::to_string).collect();
            let kind = lacks.first().map_or("timezone", |name| definition_command(name.kind));
            bail!("{name} refers to {}, not defined yet: `muster {kind} set` first", names.join(" and "))
        }
    }
}

/// What was given, or was not, in the words of the command line.
fn said_wrong<S: SetDefinition>(name: &DefinitionName, error: &EntryError) -> anyhow::Error {
    let option =
        |field: &str| S::NEEDS.iter().find(|(key, _)| *key == field).map_or("", |(_, option)| option);
    match error {
        EntryError::Field(FieldError::Missing { field }) if !option(field).is_empty() => {
            usage(format!("{name} is not defined yet: {} is needed", option(field)))
        }
        EntryError::Field(FieldError::Invalid { field, want }) if !option(field).is_empty() => {
            usage(format!("{}: want {want}", option(field)))
        }
        other => usage(format!("{name}: {other}")),
    }
}

async fn delete(context: &Context, name: &DefinitionName) -> anyhow::Result<()> {
    let (owned, now) = (name.clone(), context.when.now());
    let deleted = context
        .fleet
        .store()
        .retrying(move |tx| {
            let name = owned.clone();
            Box::pin(async move { definition::delete(tx, &name, now).await })
        })
        .await?;
    match deleted {
        Deleted::Done => Done::print(context, name, "deleted", "is deleted from all devices"),
        Deleted::Unknown => Err(unknown(&mut context.fleet.store().read().await?, name).await?),
        Deleted::InUse(users) => bail!("{name} is used by {}: change that first", users.join(", ")),
    }
}

/// The error for a name that nothing has.
async fn unknown(tx: &mut Tx, name: &DefinitionName) -> anyhow::Result<anyhow::Error> {
    let all = tx.definitions(name.kind).await?;
    let near = lookup::nearest(&name.name, all.iter().map(|defined| defined.name.name.as_str()));
    Ok(match near.filter(|_| name.kind == DefinitionKind::WorkCode) {
        Some(near) => anyhow::anyhow!("there is no {name}; is {near} meant?"),
        None => {
            anyhow::anyhow!("there is no {name}; `muster {} list` shows all", definition_command(name.kind))
        }
    })
}

/// A definition in a list.
#[derive(Serialize)]
struct Shown {
    kind: &'static str,
    name: String,
    /// The same in words.
    says: String,
    /// As devices get it.
    fields: BTreeMap<String, String>,
    areas: Vec<i64>,
    changed_at: String,
    changed_by: String,
    #[serde(skip)]
    changed: Millis,
}

impl Shown {
    fn of(defined: &Defined, serial_numbers: &BTreeMap<i64, SerialNumber>) -> Self {
        Self {
            kind: definition_command(defined.name.kind),
            name: defined.name.name.clone(),
            says: says::says(&defined.definition),
            fields: defined.definition.fields().iter().cloned().collect(),
            areas: defined.areas.iter().map(|area| area.0).collect(),
            changed_at: rfc3339(defined.changed_at),
            changed_by: lookup::who(defined.changed_by, serial_numbers),
            changed: defined.changed_at,
        }
    }

    fn areas(&self) -> String {
        self.areas.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}

async fn list(context: &Context, kind: DefinitionKind) -> anyhow::Result<()> {
    let mut tx = context.fleet.store().read().await?;
    let serial_numbers = lookup::serial_numbers(&mut tx).await?;
    let all: Vec<Shown> =
        tx.definitions(kind).await?.iter().map(|defined| Shown::of(defined, &serial_numbers)).collect();
    context.out.print(&all, |all| {
        if all.is_empty() {
            return format!(
                "no {} is defined yet: see `muster {} set --help`",
                kind.word(),
                definition_command(kind)
            );
        }
        let mut table = Table::new([kind.word(), "what it says", "areas", "changed", "by"]);
        for one in all {
            let changed = context.when.relative(one.changed);
            table.row([one.name.clone(), one.says.clone(), one.areas(), changed, one.changed_by.clone()]);
        }
        table.to_string()
    })
}

/// One definition, and how far it is.
#[derive(Serialize)]
struct One {
    #[serde(flatten)]
    shown: Shown,
    /// Of a personal message: who has it.
    assigned: Vec<String>,
    devices: Vec<OnDevice>,
}

#[derive(Serialize)]
struct OnDevice {
    serial_number: String,
    name: String,
    /// `holds`, `owed`, `refused`, `not-for-it` or `joining`.
    stands: &'static str,
}

async fn show(context: &Context, name: &DefinitionName) -> anyhow::Result<()> {
    let mut tx = context.fleet.store().read().await?;
    let Some(defined) = definition::find(&mut tx, name).await? else {
        return Err(unknown(&mut tx, name).await?);
    };
    let assigned = match (name.kind, name.name.parse()) {
        (DefinitionKind::Message, Ok(number)) => tx.users_of_message(number).await?,
        _ => Vec::new(),
    };
    let serial_numbers = lookup::serial_numbers(&mut tx).await?;
    let one = One {
        shown: Shown::of(&defined, &serial_numbers),
        assigned: assigned.iter().map(ToString::to_string).collect(),
        devices: on_devices(&mut tx, &defined).await?,
    };
    context.out.print(&one, |one| one.words(&context.when))
}

async fn on_devices(tx: &mut Tx, defined: &Defined) -> anyhow::Result<Vec<OnDevice>> {
    let key = definition::key(&defined.name)?;
    let mut found = Vec::new();
    for row in tx.devices().await? {
        if !row.state.is_member() {
            continue;
        }
        let mut view = tx.view(&row).await?;
        tx.load_persons(&mut view, std::slice::from_ref(&key.pin)).await?;
        let exception = view.persons.get(&key.pin).and_then(|owner| owner.exceptions.get(&key.slot));
        let refused = exception
            .and_then(|exception| exception.refused)
            .is_some_and(|refusal| refusal.seq == defined.seq);
        let stands = match view.want(&key) {
            _ if row.joining.is_some() => "joining",
            Want::Present if refused => "refused",
            Want::Present if view.settled(&key) => "holds",
            Want::Present => "owed",
            Want::Anything | Want::Absent | Want::ByUser => "not-for-it",
        };
        found.push(OnDevice { serial_number: row.serial_number.to_string(), name: row.name.clone(), stands });
    }
    Ok(found)
}

impl One {
    fn words(&self, when: &When) -> String {
        let assigned = (!self.assigned.is_empty()).then(|| self.assigned.join(", "));
        let mut text = pairs([
            (self.shown.kind, Some(self.shown.name.clone())),
            ("says", Some(self.shown.says.clone())),
            ("for", assigned),
            ("areas", Some(self.shown.areas())),
            ("changed", Some(format!("{} by {}", when.both(self.shown.changed), self.shown.changed_by))),
        ]);
        let mut devices = Table::new(["device", "name", "has it"]);
        for device in &self.devices {
            let stands = match device.stands {
                "holds" => "yes",
                "owed" => "not yet: it goes out with the next polls",
                "refused" => "no: the device refused it",
                "joining" => "approved: its people are still being read",
                _ => "no: it is in none of its areas, or does not know such a thing",
            };
            devices.row([device.serial_number.clone(), device.name.clone(), stands.to_owned()]);
        }
        if !devices.is_empty() {
            let _ = write!(text, "\n{devices}");
        }
        text
    }
}

#[derive(Serialize)]
struct Assigned {
    message: u16,
    /// How many did not have it before.
    users: usize,
}

async fn assign(context: &Context, number: u16, pins: Vec<Pin>) -> anyhow::Result<()> {
    let name = DefinitionName::read(DefinitionKind::Message, &number.to_string())
        .map_err(|error| usage(format!("message {number}: {error}")))?;
    let mut tx = context.fleet.store().read().await?;
    let Some(message) = definition::find(&mut tx, &name).await? else {
        return Err(unknown(&mut tx, &name).await?);
    };
    if message.definition.value("TAG") != "254" {
        bail!("{name} is for everyone: `muster message set {number} --to personal` first");
    }
    let users = tx.users(&pins).await?;
    if let Some(nobody) = pins.iter().find(|pin| !users.contains_key(pin)) {
        return Err(lookup::no_user(&mut tx, nobody, context.when.now()).await);
    }
    tx.rollback().await?;
    let now = context.when.now();
    let users = context
        .fleet
        .store()
        .retrying(move |tx| {
            let pins = pins.clone();
            Box::pin(async move { definition::assign(tx, number, &pins, now).await })
        })
        .await?;
    context.out.print(&Assigned { message: number, users }, |assigned| match assigned.users {
        0 => format!("{name} was theirs already"),
        1 => format!("{name} is given to one user"),
        users => format!("{name} is given to {users} users"),
    })
}
