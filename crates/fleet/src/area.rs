//! Areas: groups of devices, and the people whom these devices hold.

use roster::Area;
use serde::Serialize;

use crate::fleet::retry;
use crate::{Actor, Fleet, FleetError, lookup};

/// Why an area cannot be created or renamed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AreaRefusal {
    /// The name is empty, or has more than one line.
    #[error("an area has a name of one line")]
    Unnameable,
    /// Another area has the name.
    #[error("{} is called {name} already", other.map_or_else(|| "another area".to_owned(), |area| format!("area {}", area.0)))]
    NameTaken {
        /// The area with this name, if it is known.
        other: Option<Area>,
        /// The name.
        name: String,
    },
}

/// An area.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AreaView {
    /// Its number.
    pub id: i64,
    /// The name.
    pub name: String,
    /// How many devices belong to it.
    pub devices: usize,
}

/// The name as it is stored.
fn named(name: &str) -> Result<String, AreaRefusal> {
    let name = name.trim();
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(AreaRefusal::Unnameable);
    }
    Ok(name.to_owned())
}

impl Fleet {
    /// All areas.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn areas(&self) -> Result<Vec<AreaView>, FleetError> {
        let mut tx = self.read().await?;
        let mut areas = Vec::new();
        for (area, name) in tx.areas().await? {
            areas.push(AreaView { id: area.0, name, devices: tx.devices_of(area).await?.len() });
        }
        Ok(areas)
    }

    /// Creates an area.
    ///
    /// # Errors
    /// [`AreaRefusal`]; those of the database.
    pub async fn add_area(&self, actor: &Actor, name: &str) -> Result<AreaView, FleetError> {
        let name = named(name)?;
        let area = retry(|| async {
            let mut tx = self.write().await?;
            if let Some((other, _)) = tx.areas().await?.into_iter().find(|(_, other)| *other == name) {
                return Err(AreaRefusal::NameTaken { other: Some(other), name: name.clone() }.into());
            }
            let area = tx.create_area(&name).await?;
            tx.commit().await?;
            Ok(area)
        })
        .await?;
        tracing::info!(%actor, area = area.0, name, "area added");
        Ok(AreaView { id: area.0, name, devices: 0 })
    }

    /// Renames an area.
    ///
    /// # Errors
    /// There is no such area; [`AreaRefusal`]; those of the database.
    pub async fn rename_area(&self, actor: &Actor, area: Area, name: &str) -> Result<AreaView, FleetError> {
        let name = named(name)?;
        let renamed = retry(|| async {
            let mut tx = self.write().await?;
            lookup::areas(&mut tx, &[area]).await?;
            tx.rename_area(area, &name).await?;
            let devices = tx.devices_of(area).await?.len();
            tx.commit().await?;
            Ok(devices)
        });
        let devices = match renamed.await {
            Err(FleetError::Store(error)) if error.is_duplicate() => {
                return Err(AreaRefusal::NameTaken { other: None, name }.into());
            }
            other => other?,
        };
        tracing::info!(%actor, area = area.0, name, "area renamed");
        Ok(AreaView { id: area.0, name, devices })
    }
}
