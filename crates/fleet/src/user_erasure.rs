//! Erasure of a person: deletes the person everywhere, and every trace of the person in this database.

use std::collections::BTreeMap;

pub use store::Punches;
use store::{Erased, Rewritten, StoreError, Tx};
use wire::Pin;

use crate::fleet::retry;
use crate::{Actor, Fleet, FleetError, lookup, user};

/// The extent of an erasure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErasureScope {
    /// The treatment of the person's punches.
    pub punches: Punches,
    /// Whether the database file is rewritten. Otherwise only the database log is emptied.
    pub rewrites_file: bool,
}

/// The result of an erasure.
#[derive(Debug)]
pub struct ErasedUser {
    /// How many items were deleted, memberships included.
    pub items: usize,
    /// For each table, the number of rows that were deleted or cleared of the person; tables without any are left out.
    pub rows: BTreeMap<&'static str, u64>,
    /// How many punches of the person were kept.
    pub kept_punches: u64,
    /// The state of the database file.
    pub file: ErasedFile,
}

/// The state of the database file after an erasure, which is committed already.
#[derive(Debug)]
pub enum ErasedFile {
    /// The database has no file here: it is on a database server or in memory.
    NotHere,
    /// The file was rewritten: no byte of the person is left in it.
    Rewritten,
    /// The log was emptied. The file may still hold rows that earlier versions of Muster replaced.
    LogEmptied,
    /// Another process reads the log, which may still hold deleted rows.
    LogInUse,
    /// The file could not be rewritten.
    Failed(StoreError),
}

impl Fleet {
    /// The name of a person who can be erased; empty for a PIN without a user that the database still knows.
    ///
    /// # Errors
    /// The database knows nothing of the PIN; those of the database.
    pub async fn erasable_name(&self, pin: &Pin) -> Result<String, FleetError> {
        let mut tx = self.read().await?;
        self.erasable(&mut tx, pin).await
    }

    async fn erasable(&self, tx: &mut Tx, pin: &Pin) -> Result<String, FleetError> {
        match tx.users(std::slice::from_ref(pin)).await?.remove(pin) {
            Some(fields) => Ok(fields.name),
            None if tx.knows_pin(pin).await? => Ok(String::new()),
            None => Err(lookup::no_user(tx, pin, self.now()).await),
        }
    }

    /// Deletes a person everywhere and erases everything about the person in this database. The PIN stays as a tombstone, so
    /// that no device brings the person back.
    ///
    /// # Errors
    /// The database knows nothing of the PIN; those of the database. If the erasure is committed and the file cannot be
    /// rewritten, the result is [`ErasedFile::Failed`] and no error.
    pub async fn erase_user(
        &self,
        actor: &Actor,
        pin: &Pin,
        scope: ErasureScope,
    ) -> Result<ErasedUser, FleetError> {
        let (items, Erased { rows, kept_punches }) = retry(|| async {
            let mut tx = self.write().await?;
            tx.lock_clock().await?;
            self.erasable(&mut tx, pin).await?;
            let erased = user::erase(&mut tx, pin, scope.punches, self.now()).await?;
            tx.commit().await?;
            Ok(erased)
        })
        .await?;
        tracing::info!(%actor, user.pin = %pin, items, kept_punches, "user erased");
        let file = self.clear_file(scope.rewrites_file).await;
        Ok(ErasedUser { items, rows, kept_punches, file })
    }

    /// Removes the bytes of erased rows from the database file.
    async fn clear_file(&self, rewrites_file: bool) -> ErasedFile {
        let store = self.store();
        let outcome = if rewrites_file { store.rewrite().await } else { store.empty_log().await };
        match outcome {
            Ok(Rewritten::NotHere) => ErasedFile::NotHere,
            Ok(Rewritten::Done) if rewrites_file => ErasedFile::Rewritten,
            Ok(Rewritten::Done) => ErasedFile::LogEmptied,
            Ok(Rewritten::LogInUse) => ErasedFile::LogInUse,
            Err(error) => ErasedFile::Failed(error),
        }
    }
}
