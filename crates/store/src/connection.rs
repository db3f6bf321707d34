//! The connections that a transaction's statements go to, one interface for both kinds.

use futures_util::stream::BoxStream;
use sqlx::any::{AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo};
use sqlx::{Any, AnyConnection, Connection as _, Either, Error, Execute, Executor, SqlStr, raw_sql};

use crate::Engine;
use crate::inline_sqlite::{Asked, BoxFuture, InlineSqlite};

/// A connection of those who share a commit.
#[derive(Debug)]
pub(crate) enum Connection {
    /// One of the driver: to a database server, or on a thread of its own.
    Driver(AnyConnection),
    /// To a file of SQLite, which is read and written where the statement is.
    InlineSqlite(Box<InlineSqlite>),
}

/// Where the statements of a transaction go to.
pub(crate) struct Db<'c> {
    to: To<'c>,
    /// Set by the first statement that does more than read.
    wrote: Option<&'c mut bool>,
}

enum To<'c> {
    Driver(&'c mut AnyConnection),
    InlineSqlite(&'c mut InlineSqlite),
}

impl<'c> Db<'c> {
    /// A connection of the driver.
    pub(crate) const fn driver(connection: &'c mut AnyConnection) -> Self {
        Self { to: To::Driver(connection), wrote: None }
    }

    /// A file of SQLite, without the driver.
    pub(crate) const fn inline(connection: &'c mut InlineSqlite) -> Self {
        Self { to: To::InlineSqlite(connection), wrote: None }
    }

    /// Says in `wrote` whether a statement does more than read.
    pub(crate) const fn watched(self, wrote: &'c mut bool) -> Self {
        Self { to: self.to, wrote: Some(wrote) }
    }

    fn ask<'q>(self, query: impl Execute<'q, Any>) -> (To<'c>, Asked) {
        let asked = Asked::by(query);
        if let Some(wrote) = self.wrote {
            *wrote |= !asked.only_reads();
        }
        (self.to, asked)
    }
}

impl Connection {
    /// Where statements go to.
    pub(crate) const fn db(&mut self) -> Db<'_> {
        match self {
            Self::Driver(connection) => Db::driver(connection),
            Self::InlineSqlite(connection) => Db::inline(connection),
        }
    }

    /// Begins a transaction that writes.
    pub(crate) async fn begin(&mut self, engine: Engine) -> Result<(), Error> {
        match self {
            Self::Driver(connection) => raw_sql(engine.begin_write()).execute(connection).await.map(drop),
            Self::InlineSqlite(connection) => connection.begin(engine.begin_write()).await,
        }
    }

    /// Makes durable what was written. One whose commit failed is of no use any more.
    pub(crate) async fn commit(self) -> Result<Self, Error> {
        match self {
            Self::Driver(mut connection) => {
                raw_sql("COMMIT").execute(&mut connection).await?;
                Ok(Self::Driver(connection))
            }
            Self::InlineSqlite(connection) => connection.commit().await.map(Self::InlineSqlite),
        }
    }

    /// Closes it. Nothing is lost by one that does not end well.
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
        match self.ask(query) {
            (To::Driver(connection), asked) => connection.execute(asked),
            (To::InlineSqlite(connection), asked) => {
                Box::pin(async move { Ok(connection.run(asked).await?.result) })
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
        match self.ask(query) {
            (To::Driver(connection), asked) => connection.fetch_many(asked),
            (To::InlineSqlite(connection), asked) => connection.steps(asked),
        }
    }

    fn fetch_all<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Vec<AnyRow>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        match self.ask(query) {
            (To::Driver(connection), asked) => connection.fetch_all(asked),
            (To::InlineSqlite(connection), asked) => {
                Box::pin(async move { Ok(connection.run(asked).await?.rows) })
            }
        }
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Option<AnyRow>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        match self.ask(query) {
            (To::Driver(connection), asked) => connection.fetch_optional(asked),
            (To::InlineSqlite(connection), asked) => {
                Box::pin(async move { Ok(connection.run(asked).await?.rows.into_iter().next()) })
            }
        }
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [AnyTypeInfo]) -> BoxFuture<'e, AnyStatement>
    where
        'c: 'e,
    {
        match self.to {
            To::Driver(connection) => connection.prepare_with(sql, parameters),
            To::InlineSqlite(_) => {
                Box::pin(async { Err(Error::InvalidArgument("no statement of this is kept".into())) })
            }
        }
    }
}
