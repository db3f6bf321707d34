//! Connections of transactions: one interface for the driver and for inline SQLite.

use futures_util::stream::BoxStream;
use sqlx::any::{AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo};
use sqlx::{Any, AnyConnection, Connection as _, Either, Error, Execute, Executor, SqlStr, raw_sql};

use crate::Engine;
use crate::inline_sqlite::{BoundStatement, BoxFuture, InlineSqlite};

/// A connection of a commit group.
#[derive(Debug)]
pub(crate) enum Connection {
    /// A connection of the driver: to a database server, or on a thread of its own.
    Driver(AnyConnection),
    /// A connection to an SQLite file. Its statements run on the calling thread.
    InlineSqlite(Box<InlineSqlite>),
}

/// The target of a transaction's statements.
pub(crate) struct Db<'c> {
    to: To<'c>,
    /// Set by the first statement that may write.
    wrote: Option<&'c mut bool>,
}

enum To<'c> {
    Driver(&'c mut AnyConnection),
    InlineSqlite(&'c mut InlineSqlite),
}

impl<'c> Db<'c> {
    /// The target for a connection of the driver.
    pub(crate) const fn driver(connection: &'c mut AnyConnection) -> Self {
        Self { to: To::Driver(connection), wrote: None }
    }

    /// The target for an SQLite file, without the driver.
    pub(crate) const fn inline(connection: &'c mut InlineSqlite) -> Self {
        Self { to: To::InlineSqlite(connection), wrote: None }
    }

    /// Sets `wrote` as soon as a statement may write.
    pub(crate) const fn watched(self, wrote: &'c mut bool) -> Self {
        Self { to: self.to, wrote: Some(wrote) }
    }

    fn into_statement<'q>(self, query: impl Execute<'q, Any>) -> (To<'c>, BoundStatement) {
        let statement = BoundStatement::by(query);
        if let Some(wrote) = self.wrote {
            *wrote |= !statement.only_reads();
        }
        (self.to, statement)
    }
}

impl Connection {
    /// The target for statements on this connection.
    pub(crate) const fn db(&mut self) -> Db<'_> {
        match self {
            Self::Driver(connection) => Db::driver(connection),
            Self::InlineSqlite(connection) => Db::inline(connection),
        }
    }

    /// Begins a write transaction.
    pub(crate) async fn begin(&mut self, engine: Engine) -> Result<(), Error> {
        match self {
            Self::Driver(connection) => raw_sql(engine.begin_write()).execute(connection).await.map(drop),
            Self::InlineSqlite(connection) => connection.begin(engine.begin_write()).await,
        }
    }

    /// Commits. A connection whose commit failed is dropped.
    pub(crate) async fn commit(self) -> Result<Self, Error> {
        match self {
            Self::Driver(mut connection) => {
                raw_sql("COMMIT").execute(&mut connection).await?;
                Ok(Self::Driver(connection))
            }
            Self::InlineSqlite(connection) => connection.commit().await.map(Self::InlineSqlite),
        }
    }

    /// Closes the connection. An error here loses nothing.
    pub(crate) async fn close(self) {
        match self {
            Self::Driver(connection) => drop(connection.close().await),
            Self::InlineSqlite(connection) => drop(connection),
        }
    }
}

impl std::fmt::Debug for Db<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Db").finish_non_exhaustive()
    }
}

impl<'c> Executor<'c> for Db<'c> {
    type Database = Any;

    fn execute<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, AnyQueryResult>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        match self.into_statement(query) {
            (To::Driver(connection), statement) => connection.execute(statement),
            (To::InlineSqlite(connection), statement) => {
                Box::pin(async move { Ok(connection.run(statement).await?.result) })
            }
        }
    }

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<AnyQueryResult, AnyRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        match self.into_statement(query) {
            (To::Driver(connection), statement) => connection.fetch_many(statement),
            (To::InlineSqlite(connection), statement) => connection.steps(statement),
        }
    }

    fn fetch_all<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Vec<AnyRow>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        match self.into_statement(query) {
            (To::Driver(connection), statement) => connection.fetch_all(statement),
            (To::InlineSqlite(connection), statement) => {
                Box::pin(async move { Ok(connection.run(statement).await?.rows) })
            }
        }
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Option<AnyRow>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        match self.into_statement(query) {
            (To::Driver(connection), statement) => connection.fetch_optional(statement),
            (To::InlineSqlite(connection), statement) => {
                Box::pin(async move { Ok(connection.run(statement).await?.rows.into_iter().next()) })
            }
        }
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [AnyTypeInfo]) -> BoxFuture<'e, AnyStatement>
    where
        'c: 'e,
    {
        match self.to {
            To::Driver(connection) => connection.prepare_with(sql, parameters),
            To::InlineSqlite(_) => Box::pin(async {
                Err(Error::InvalidArgument("inline SQLite prepares its statements itself".into()))
            }),
        }
    }
}
