//! The entry point of the fleet: opening it, and running transactions.

use roster::Millis;
use store::{Attempts, Keys, Store, StoreError, Tx};

use crate::clock::Clock;
use crate::{FleetError, Rules};

/// The fleet of one installation. Every program reads and changes it through this type.
///
/// The methods are in the files of their subjects: devices in `device.rs`, people in `user.rs`, and so on. A method that changes
/// something takes the [`Actor`](crate::Actor) first, works in one transaction, and returns the outcome.
#[derive(Clone, Debug)]
pub struct Fleet {
    store: Store,
    rules: Rules,
    clock: Clock,
}

impl Fleet {
    /// The fleet in an open database.
    pub const fn new(store: Store, rules: Rules, clock: Clock) -> Self {
        Self { store, rules, clock }
    }

    /// Opens the database at `url` for a server: creates it if there is none, and updates its schema. `secret` is the key
    /// that encrypts contents.
    ///
    /// # Errors
    /// The database cannot be created or opened, or belongs to another key.
    pub async fn open(url: &str, secret: &[u8; 32], rules: Rules, clock: Clock) -> Result<Self, StoreError> {
        Ok(Self::new(Store::open(url, Keys::from_secret(secret)).await?, rules, clock))
    }

    /// Opens the database at `url` while its server may run.
    ///
    /// # Errors
    /// There is no database, it belongs to another key, or its schema does not fit this program.
    pub async fn open_existing(
        url: &str,
        secret: &[u8; 32],
        rules: Rules,
        clock: Clock,
    ) -> Result<Self, StoreError> {
        Ok(Self::new(Store::open_existing(url, Keys::from_secret(secret)).await?, rules, clock))
    }

    /// Whether nobody has used the database at `url` yet.
    ///
    /// # Errors
    /// The database server cannot be reached.
    pub async fn is_new(url: &str) -> Result<bool, StoreError> {
        Store::is_new(url).await
    }

    /// The version of the schema of the database.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn schema_version(&self) -> Result<i64, StoreError> {
        self.store.schema_version().await
    }

    /// Closes the database.
    pub async fn close(&self) {
        self.store.close().await;
    }

    /// The database, for the listener and the server.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The rules of the fleet.
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The clock of the fleet.
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The current time.
    pub fn now(&self) -> Millis {
        self.clock.now()
    }

    /// Begins a read-only transaction.
    pub(crate) async fn read(&self) -> Result<Tx, StoreError> {
        self.store.read().await
    }

    /// Begins a transaction that writes.
    pub(crate) async fn write(&self) -> Result<Tx, StoreError> {
        self.store.write().await
    }
}

/// Runs `work`, a whole transaction from its beginning to its commit, and repeats it after a conflict with another
/// transaction. So `work` must have no effect outside of the transaction.
///
/// # Errors
/// The last database error after several attempts; any other error at once.
pub(crate) async fn retry<T, F, W>(mut work: F) -> Result<T, FleetError>
where
    F: FnMut() -> W,
    W: Future<Output = Result<T, FleetError>>,
{
    let mut attempts = Attempts::new();
    loop {
        match work().await {
            Err(FleetError::Store(error)) if attempts.again(&error).await => {}
            outcome => return outcome,
        }
    }
}
