//! Opening a database on a MySQL or MariaDB server.

use std::time::Duration;

use sqlx::any::AnyConnectOptions;
use sqlx::mysql::MySqlDatabaseError;
use sqlx::{AnyConnection, ConnectOptions as _, Connection as _, query_as, raw_sql};
use url::Url;

use super::{PoolSettings, Pools};
use crate::commit_group::Writers;
use crate::engine::Purpose;
use crate::point::SingleRowReader;
use crate::{Engine, StoreError};

/// Connections per process, unless the URL says otherwise. Half of them are for write transactions.
const CONNECTIONS: u32 = 16;

/// How long a transaction waits for a connection. Connecting to a server that is away is retried during this time. A
/// device gives up after 10 to 30 s.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// An unused connection is closed after this time, because firewalls drop connections that are silent for longer.
const IDLE: Duration = Duration::from_mins(4);

/// A connection is replaced after this time, so that connections to a former primary of a cluster do not stay.
const LIFE: Duration = Duration::from_mins(30);

/// Prepared statements per connection: about the number of different texts. All processes together must stay below
/// the server's `max_prepared_stmt_count`, 16,382 by default.
const STATEMENTS: &str = "256";

/// Minimum `max_allowed_packet`: no statement of Muster is larger.
const PACKET_BYTES: i64 = 4 << 20;

/// The supported URL parameters, besides the size of the pool.
const PARAMETERS: [&str; 5] = ["ssl-mode", "ssl-ca", "ssl-cert", "ssl-key", "socket"];

/// The URL parameter for the number of connections.
const POOL_SIZE: &str = "pool-size";

/// Connects to the database of a URL. Creates a missing database if `create` is set.
pub(super) async fn connect(url: &str, create: bool) -> Result<Pools, StoreError> {
    let address = Address::read(url)?;
    address.check(create).await?;
    let settings = PoolSettings {
        most: (address.connections / 2).max(1),
        longest_wait: MAX_WAIT,
        idle: Some(IDLE),
        life: Some(LIFE),
    };
    let options = address.options()?;
    let read = super::pool(Engine::Mysql, Purpose::Reading, &settings, options.clone()).await?;
    let write = super::pool(Engine::Mysql, Purpose::Writing, &settings, options).await?;
    let writers = Some((Writers::Pool(write.clone()), MAX_WAIT));
    Ok(Pools { point: SingleRowReader::through_driver(read.clone()), read, write, writers })
}

/// The address of a database.
struct Address {
    url: Url,
    database: String,
    connections: u32,
}

impl Address {
    fn read(text: &str) -> Result<Self, StoreError> {
        let wrong = |what: &str| StoreError::Url(what.to_owned());
        let text =
            text.strip_prefix("mariadb:").map_or_else(|| text.to_owned(), |rest| format!("mysql:{rest}"));
        // The parser's error does not show the URL, which holds a password.
        let mut url = Url::parse(&text).map_err(|error| {
            wrong(&format!(
                "{error}; want mysql://user:password@host:3306/name, other characters in it as %40 and so on"
            ))
        })?;
        let database = url.path().trim_start_matches('/').to_owned();
        if database.is_empty() || database.contains('/') {
            return Err(wrong(
                "the name of the database is missing: want mysql://user:password@host:3306/name",
            ));
        }
        let decoded = percent_decoded(&database).filter(|name| !name.contains('`') && name.len() <= 64);
        let database = decoded.ok_or_else(|| wrong("this cannot be the name of a database"))?;
        let parameters: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let mut connections = CONNECTIONS;
        url.set_query(None);
        {
            let mut query = url.query_pairs_mut();
            for (name, value) in &parameters {
                if name == POOL_SIZE {
                    connections = value
                        .parse()
                        .ok()
                        .filter(|number| (2..=1000).contains(number))
                        .ok_or_else(|| wrong("pool-size: want a number of connections, 2 to 1000"))?;
                } else if PARAMETERS.contains(&name.as_str()) {
                    query.append_pair(name, value);
                } else {
                    let known = PARAMETERS.join(", ");
                    return Err(wrong(&format!("unknown parameter {name}; there are {known}, {POOL_SIZE}")));
                }
            }
            query.append_pair("statement-cache-capacity", STATEMENTS);
        }
        Ok(Self { url, database, connections })
    }

    fn options(&self) -> Result<AnyConnectOptions, sqlx::Error> {
        AnyConnectOptions::from_url(&self.url)
    }

    /// Creates a missing database if `create` is set, and checks that Muster supports the server.
    async fn check(&self, create: bool) -> Result<(), StoreError> {
        let mut connection = match AnyConnection::connect_with(&self.options()?).await {
            Ok(connection) => connection,
            Err(error) if number_of(&error) == Some(UNKNOWN_DATABASE) => {
                if !create {
                    return Err(StoreError::NoDatabase { name: self.database.clone(), source: None });
                }
                self.create().await?;
                AnyConnection::connect_with(&self.options()?).await?
            }
            Err(error) => return Err(error.into()),
        };
        let (version, packet): (String, i64) =
            query_as("SELECT VERSION(), @@max_allowed_packet").fetch_one(&mut connection).await?;
        connection.close().await?;
        if !is_known(&version) {
            return Err(StoreError::Server(format!(
                "it is {version}; want MySQL 5.7 or MariaDB 10.3, or newer"
            )));
        }
        if packet < PACKET_BYTES {
            return Err(StoreError::Server(format!(
                "its max_allowed_packet is {packet} bytes; Muster needs {PACKET_BYTES}"
            )));
        }
        Ok(())
    }

    async fn create(&self) -> Result<(), StoreError> {
        let mut url = self.url.clone();
        url.set_path("");
        let mut connection = AnyConnection::connect_with(&AnyConnectOptions::from_url(&url)?).await?;
        let create = format!(
            "CREATE DATABASE IF NOT EXISTS `{}` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            self.database
        );
        let made = raw_sql(sqlx::AssertSqlSafe(create)).execute(&mut connection).await;
        connection.close().await?;
        match made {
            Ok(_) => {
                tracing::info!(database = self.database, "created the database");
                Ok(())
            }
            Err(error) => Err(StoreError::NoDatabase { name: self.database.clone(), source: Some(error) }),
        }
    }
}

const UNKNOWN_DATABASE: u16 = 1049;

fn number_of(error: &sqlx::Error) -> Option<u16> {
    let sqlx::Error::Database(error) = error else { return None };
    error.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number)
}

/// Whether Muster supports a server of this version. `VERSION()` of MariaDB contains its name.
fn is_known(version: &str) -> bool {
    let numbers: Vec<u32> =
        version.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect();
    let [major, minor, ..] = numbers[..] else { return true };
    let least = if version.contains("MariaDB") { (10, 3) } else { (5, 7) };
    (major, minor) >= least
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let (byte, after) = match (byte, after) {
            (b'%', [high, low, after @ ..]) => {
                let digits = [*high, *low];
                (u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?, after)
            }
            _ => (byte, after),
        };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        match Address::read(url) {
            Err(error) => error.to_string(),
            Ok(address) => panic!("{url} was taken for {}", address.database),
        }
    }

    #[test]
    fn a_url_holds_the_address_and_the_number_of_connections() {
        let address = Address::read("mariadb://ada:p%40ss@db:3307/must%2Der?pool-size=40&ssl-mode=REQUIRED")
            .expect("read");

        assert_eq!((address.database.as_str(), address.connections), ("must-er", 40));
        let url = address.url.as_str();
        assert!(url.starts_with("mysql://ada:p%40ss@db:3307/must%2Der?ssl-mode=REQUIRED&"), "{url}");
    }

    #[test]
    fn an_error_for_an_invalid_url_does_not_show_its_password() {
        for (url, why) in [
            ("mysql://ada:secret@db:3306", "name of the database is missing"),
            ("mysql://ada:secret@db:3306/a/b", "name of the database is missing"),
            ("mysql://ada:secret@db/a?sslmode=REQUIRED", "unknown parameter sslmode; there are ssl-mode"),
            ("mysql://ada:secret@db/a?pool-size=1", "2 to 1000"),
            ("mysql://ada:secret@db:port/a", "invalid port"),
            ("mysql://ada:secret@db/a%60b", "cannot be the name"),
        ] {
            let error = refused(url);
            assert!(error.contains(why) && !error.contains("secret"), "{url}: {error}");
        }
    }

    #[test]
    fn old_servers_are_refused() {
        for version in [
            "5.7.44-log",
            "8.0.36",
            "9.1.0",
            "10.3.39-MariaDB-1",
            "10.11.6-MariaDB-0+deb12u1",
            "11.4.2-MariaDB",
        ] {
            assert!(is_known(version), "{version}");
        }
        for version in ["5.6.51", "5.5.62-MariaDB", "10.2.44-MariaDB"] {
            assert!(!is_known(version), "{version}");
        }
        assert!(is_known("8.0.11-TiDB-v7.5.0"));
        assert!(is_known("an unknown kind"));
    }
}
