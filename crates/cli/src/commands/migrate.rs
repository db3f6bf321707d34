//! `muster migrate`

use fleet::StoreError;
use serde::Serialize;

use crate::config::Settings;
use crate::database;
use crate::render::output::Output;

#[derive(Serialize)]
struct Migrated {
    schema: i64,
    changed: bool,
}

/// Creates the database, or brings it to this version.
///
/// # Errors
/// A server uses the database file; see [`database::open_to_serve`].
pub async fn run(settings: &Settings, out: Output) -> anyhow::Result<()> {
    let changed = match database::open_beside(settings).await {
        Ok(fleet) => {
            fleet.close().await;
            false
        }
        Err(error) => match error.downcast_ref::<StoreError>() {
            // `None`: the database does not exist yet.
            None | Some(StoreError::SchemaTooOld { .. }) => true,
            Some(_) => return Err(error),
        },
    };
    let fleet = if changed {
        let (fleet, _lock) = database::open_to_serve(settings).await?;
        fleet
    } else {
        database::open_beside(settings).await?
    };
    let migrated = Migrated { schema: fleet.schema_version().await?, changed };
    fleet.close().await;
    out.print(&migrated, |Migrated { schema, changed }| {
        let what = if *changed { "is now at" } else { "was already at" };
        format!("the database {what} schema {schema}")
    })
}
