//! `muster area`

use std::fmt::Display;

use anyhow::bail;
use roster::Area;
use serde::Serialize;

use super::Context;
use crate::args::AreaCommand;
use crate::failure::usage;
use crate::lookup;
use crate::table::Table;

#[derive(Serialize)]
struct Shown {
    id: i64,
    name: String,
    devices: usize,
}

#[derive(Serialize)]
struct Done {
    id: i64,
    name: String,
}

/// Carries out a command about areas.
///
/// # Errors
/// There is no such area, or another one has the name.
pub async fn run(context: &Context, command: AreaCommand) -> anyhow::Result<()> {
    match command {
        AreaCommand::List => list(context).await,
        AreaCommand::Add { name } => add(context, named(&name)?).await,
        AreaCommand::Rename { id, name } => rename(context, Area(id), named(&name)?).await,
    }
}

fn named(name: &str) -> anyhow::Result<String> {
    let name = name.trim();
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(usage("an area has a name of one line"));
    }
    Ok(name.to_owned())
}

async fn list(context: &Context) -> anyhow::Result<()> {
    let mut tx = context.store.read().await?;
    let mut shown = Vec::new();
    for (area, name) in tx.areas().await? {
        shown.push(Shown { id: area.0, name, devices: tx.devices_of(area).await?.len() });
    }
    context.out.print(&shown, |shown| {
        let mut table = Table::new(["area", "name", "devices"]).right([0, 2]);
        for area in shown {
            table.row([area.id.to_string(), area.name.clone(), area.devices.to_string()]);
        }
        table.to_string()
    })
}

async fn add(context: &Context, name: String) -> anyhow::Result<()> {
    let mut tx = context.store.read().await?;
    if let Some((area, _)) = tx.areas().await?.iter().find(|(_, other)| *other == name) {
        bail!("area {} is called {name} already", area.0);
    }
    tx.rollback().await?;
    let wanted = name.clone();
    let area = context
        .store
        .retrying(move |tx| {
            let name = wanted.clone();
            Box::pin(async move { tx.create_area(&name).await })
        })
        .await?;
    print(context, area, name, "is made: put devices and people into it with --areas")
}

async fn rename(context: &Context, area: Area, name: String) -> anyhow::Result<()> {
    let mut tx = context.store.read().await?;
    lookup::areas(&mut tx, &[area]).await?;
    tx.rollback().await?;
    let wanted = name.clone();
    let renamed = context
        .store
        .retrying(move |tx| {
            let name = wanted.clone();
            Box::pin(async move { tx.rename_area(area, &name).await })
        })
        .await;
    match renamed {
        Err(error) if error.is_duplicate() => bail!("another area is called {name}"),
        other => other?,
    }
    print(context, area, name, "is its new name")
}

fn print(context: &Context, area: Area, name: String, words: impl Display) -> anyhow::Result<()> {
    context.out.print(&Done { id: area.0, name }, |done| format!("area {}: {} {words}", done.id, done.name))
}
