//! `muster area`

use fleet::FleetError;
use fleet::area::{AreaRefusal, AreaView};
use roster::Area;
use serde::Serialize;

use super::Context;
use crate::args::AreaCommand;
use crate::failure::usage;
use crate::render::not_found::explained;
use crate::render::table::Table;

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
        AreaCommand::Add { name } => {
            let area = context.fleet.add_area(&context.actor, &name).await.map_err(refused)?;
            print(context, area, "is added: put devices and people into the area with --areas")
        }
        AreaCommand::Rename { id, name } => {
            let area = context.fleet.rename_area(&context.actor, Area(id), &name).await.map_err(refused)?;
            print(context, area, "is the new name")
        }
    }
}

fn refused(error: FleetError) -> anyhow::Error {
    match error {
        FleetError::Area(AreaRefusal::Unnameable) => usage(AreaRefusal::Unnameable.to_string()),
        other => explained(other),
    }
}

async fn list(context: &Context) -> anyhow::Result<()> {
    let areas = context.fleet.areas().await?;
    context.out.print(&areas, |areas| {
        let mut table = Table::new(["area", "name", "devices"]).right([0, 2]);
        for area in areas {
            table.row([area.id.to_string(), area.name.clone(), area.devices.to_string()]);
        }
        table.to_string()
    })
}

fn print(context: &Context, AreaView { id, name, .. }: AreaView, words: &str) -> anyhow::Result<()> {
    context.out.print(&Done { id, name }, |done| format!("area {}: {} {words}", done.id, done.name))
}
