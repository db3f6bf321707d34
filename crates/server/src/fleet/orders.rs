//! Commands that are ordered, as they are stored and as they go out.

use roster::Millis;
use store::{Order, OrderRow, StoreError, Tx};
use wire::{Command, Pin, Select};

/// An ordered command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ordered {
    /// Read the options again and upload what they ask for (§12.3).
    Check,
    /// Upload one user and what belongs to it (§12.1.3).
    QueryUser(Pin),
    /// Start again (§12.7).
    Reboot,
}

impl Ordered {
    /// The stored order, `None` for one that this program does not know.
    pub fn of(row: &OrderRow) -> Option<Self> {
        Some(match row.verb.as_str() {
            "CHECK" => Self::Check,
            "QUERY USERINFO" => Self::QueryUser(row.arguments.parse().ok()?),
            "REBOOT" => Self::Reboot,
            _ => return None,
        })
    }

    /// As it goes out.
    pub fn command(&self) -> Command<'static> {
        match self {
            Self::Check => Command::Check,
            Self::QueryUser(pin) => Command::Query(Select::User(pin.clone())),
            Self::Reboot => Command::Reboot,
        }
    }

    /// Puts it in the queue of a device; one that waits there already is not put a second time.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn queue(&self, tx: &mut Tx, device: i64, by: &str, now: Millis) -> Result<i64, StoreError> {
        let (verb, arguments) = match self {
            Self::Check => ("CHECK", String::new()),
            Self::QueryUser(pin) => ("QUERY USERINFO", pin.to_string()),
            Self::Reboot => ("REBOOT", String::new()),
        };
        let order = Order {
            verb: verb.to_owned(),
            arguments,
            fence: matches!(self, Self::Reboot),
            repeatable: self.command().repeatable(),
            empties: false,
            by: by.to_owned(),
        };
        tx.order(device, &order, now).await
    }
}
