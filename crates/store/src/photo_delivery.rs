//! Photo delivery: how photos reach a device.

use std::fmt;
use std::str::FromStr;

use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::StoreError;

/// How photos reach a device (§12.1.1.7, §12.1.1.8). Some devices refuse one way, some the other (field note 6.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhotoDelivery {
    /// In the command itself.
    Inline,
    /// By a URL that the device fetches.
    Url,
}

/// A text that names no delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("want inline or url")]
pub struct UnknownDelivery;

impl PhotoDelivery {
    /// The stored form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inline => "inline",
            Self::Url => "url",
        }
    }

    /// The setting for the device of this row.
    pub(crate) fn read(row: &AnyRow, key: &str) -> Result<Option<Self>, StoreError> {
        const COLUMN: &str = "photo_delivery";
        let wrong = |_| StoreError::Inconsistent { table: "device", column: COLUMN, key: key.to_owned() };
        row.try_get::<Option<String>, _>(COLUMN)?.map(|text| text.parse().map_err(wrong)).transpose()
    }
}

impl fmt::Display for PhotoDelivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for PhotoDelivery {
    type Err = UnknownDelivery;

    fn from_str(text: &str) -> Result<Self, UnknownDelivery> {
        [Self::Inline, Self::Url]
            .into_iter()
            .find(|delivery| delivery.as_str() == text)
            .ok_or(UnknownDelivery)
    }
}
