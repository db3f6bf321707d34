//! Reading of an old database: its tables, an index of rows by PIN, and the rows of some PINs.

mod connection;
mod sqlite;

use std::collections::{BTreeMap, BTreeSet};

use sqlx::AssertSqlSafe;

use self::connection::Connection;
use crate::error::{ImportError, in_words};
use crate::report::LeftOut;
use crate::rows::{Row, Rows, Texts};
use crate::source::Source;
use crate::table::{Column, DEVICE_COLUMNS, DEVICES, LEFT_OUT, Table};
use crate::template::Versions;

/// Rows per query.
const ROWS: usize = 500;

/// The columns of each table of a database.
pub(crate) type Tables = BTreeMap<String, BTreeSet<String>>;

/// An old database, open for reading.
pub struct OldDatabase {
    connection: Connection,
    source_name: String,
    generation: u8,
    tables: BTreeMap<Table, FoundTable>,
    /// The row ids of each PIN, by table.
    index: BTreeMap<String, BTreeMap<Table, Vec<i64>>>,
    devices: Vec<(String, Option<String>)>,
    versions: Versions,
    left_out: Vec<LeftOut>,
    absent: Vec<&'static str>,
}

/// A table that the database has.
struct FoundTable {
    name: &'static str,
    /// The selected columns, in the order of [`Table::columns`].
    selected: Vec<Option<&'static str>>,
}

impl OldDatabase {
    /// Opens a database and examines its tables. It changes nothing. An SQLite file that is being written is read
    /// in a consistent snapshot.
    ///
    /// # Errors
    /// The database cannot be opened or read, or it is not a database of the old server.
    pub async fn open(source: &Source) -> Result<Self, ImportError> {
        let source_name = source.to_string();
        let mut connection = match source {
            Source::Sqlite(path) => sqlite::open(path).await?,
            Source::Mysql(url) => Connection::mysql(url)
                .await
                .map_err(|reason| ImportError::Open { source_name: source_name.clone(), reason })?,
        };
        let found = connection.tables().await.map_err(|error| {
            if not_a_database(&error) {
                ImportError::NoDatabase(source_name.clone())
            } else {
                failed(&source_name, "list of tables", &error)
            }
        })?;
        if found.contains_key("feed_clock") {
            return Err(ImportError::OwnDatabase(source_name));
        }
        let mut old = Self {
            generation: if has(&found, "users", "device_serial") { 2 } else { 1 },
            connection,
            source_name,
            tables: BTreeMap::new(),
            index: BTreeMap::new(),
            devices: Vec::new(),
            versions: Versions::default(),
            left_out: Vec::new(),
            absent: Vec::new(),
        };
        for table in Table::ALL {
            match old.find_table(table, &found)? {
                Some(found_table) => {
                    old.tables.insert(table, found_table);
                }
                None => old.absent.extend(table.names().first()),
            }
        }
        old.read_index().await?;
        old.read_devices(&found).await?;
        old.read_left_out(&found).await?;
        Ok(old)
    }

    /// Its location without the password.
    pub fn source_name(&self) -> &str {
        &self.source_name
    }

    /// 1 for the schema of MySQL, 2 for the one with a row for each device and user.
    pub const fn generation(&self) -> u8 {
        self.generation
    }

    /// Number of PINs.
    pub fn people(&self) -> usize {
        self.index.len()
    }

    /// The serial numbers of its devices. With each comes the time when the old server last heard of it, in the
    /// old server's format.
    pub fn devices(&self) -> &[(String, Option<String>)] {
        &self.devices
    }

    pub(crate) fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    pub(crate) fn absent(&self) -> &[&'static str] {
        &self.absent
    }

    pub(crate) const fn versions(&self) -> &Versions {
        &self.versions
    }

    /// Every PIN, valid or not, with its number of rows in each table.
    pub(crate) fn pins(&self) -> Vec<(String, BTreeMap<Table, usize>)> {
        let counted = |rows: &BTreeMap<Table, Vec<i64>>| {
            rows.iter().map(|(table, ids)| (*table, ids.len())).collect::<BTreeMap<_, _>>()
        };
        self.index.iter().map(|(pin, rows)| (pin.clone(), counted(rows))).collect()
    }

    /// The rows of these PINs.
    pub(crate) async fn rows(&mut self, pins: &[String]) -> Result<BTreeMap<String, Rows>, ImportError> {
        let mut people: BTreeMap<String, Rows> =
            pins.iter().map(|pin| (pin.clone(), Rows::default())).collect();
        let mut texts = Texts::default();
        for (table, found_table) in &self.tables {
            let of_pin = |pin| self.index.get(pin).and_then(|rows| rows.get(table));
            let owners: BTreeMap<i64, &String> = pins
                .iter()
                .flat_map(|pin| of_pin(pin).into_iter().flatten().map(move |id| (*id, pin)))
                .collect();
            let ids: Vec<i64> = owners.keys().copied().collect();
            for ids in ids.chunks(ROWS) {
                let columns = table.columns();
                let read =
                    self.connection.rows(found_table.name, &found_table.selected, Some(ids), |id, values| {
                        let values = values.into_iter().map(|value| texts.value(value)).collect();
                        if let Some(rows) = owners.get(&id).and_then(|pin| people.get_mut(*pin)) {
                            rows.take(*table, &Row { id, columns, values });
                        }
                    });
                read.await.map_err(|error| failed(&self.source_name, found_table.name, &error))?;
            }
        }
        Ok(people)
    }

    /// The columns of a table, if the database has the table.
    fn find_table(&self, table: Table, found: &Tables) -> Result<Option<FoundTable>, ImportError> {
        let names = table.names();
        let Some((name, columns)) = names.iter().find_map(|name| Some((*name, found.get(*name)?))) else {
            return match names.first().filter(|_| table.required()) {
                None => Ok(None),
                Some(table) => Err(ImportError::NoTable {
                    source_name: self.source_name.clone(),
                    table,
                    found: listed(found.keys(), "no tables at all"),
                }),
            };
        };
        Ok(Some(FoundTable { name, selected: self.selected(name, table.columns(), columns)? }))
    }

    /// The actual names of a table's columns; `None` for absent ones.
    fn selected(
        &self,
        table: &str,
        wanted: &'static [Column],
        found: &BTreeSet<String>,
    ) -> Result<Vec<Option<&'static str>>, ImportError> {
        let missing = |column: &'static str| ImportError::NoColumn {
            source_name: self.source_name.clone(),
            table: table.to_owned(),
            column,
            found: listed(found, "none"),
        };
        if let Some(id) = self.connection.id_column().filter(|id| !found.contains(*id)) {
            return Err(missing(id));
        }
        let name_of = |column: &'static Column| {
            let name = column.old_names.iter().copied().find(|name| found.contains(*name));
            match (name, column.old_names.first()) {
                (None, Some(first)) if column.required => Err(missing(first)),
                _ => Ok(name),
            }
        };
        wanted.iter().map(name_of).collect()
    }

    /// Reads the PIN of every row. Rows are read by their ids afterwards, because the collations of MySQL make
    /// `a1` equal to `A1`.
    async fn read_index(&mut self) -> Result<(), ImportError> {
        for (table, found_table) in &self.tables {
            let index = &mut self.index;
            let pin = [found_table.selected.first().copied().flatten()];
            let read = self.connection.rows(found_table.name, &pin, None, |id, values| {
                let pin = values.first().copied().flatten().unwrap_or_default();
                let pin = String::from_utf8_lossy(pin.trim_ascii()).into_owned();
                index.entry(pin).or_default().entry(*table).or_default().push(id);
            });
            read.await.map_err(|error| failed(&self.source_name, found_table.name, &error))?;
        }
        Ok(())
    }

    async fn read_devices(&mut self, found: &Tables) -> Result<(), ImportError> {
        let Some(columns) = found.get(DEVICES) else {
            self.absent.push(DEVICES);
            return Ok(());
        };
        let selected = self.selected(DEVICES, DEVICE_COLUMNS, columns)?;
        let (devices, versions) = (&mut self.devices, &mut self.versions);
        let read = self.connection.rows(DEVICES, &selected, None, |_, values| {
            let text = |place: usize| {
                let bytes = values.get(place).copied().flatten()?;
                Some(String::from_utf8_lossy(bytes).trim().to_owned()).filter(|text| !text.is_empty())
            };
            let serial_number = text(0).unwrap_or_default();
            if let Some(version) = text(2) {
                versions.learn(&serial_number, &version);
            }
            devices.push((serial_number, text(1)));
        });
        read.await.map_err(|error| failed(&self.source_name, DEVICES, &error))
    }

    /// Counts the rows of tables that are not imported.
    async fn read_left_out(&mut self, found: &Tables) -> Result<(), ImportError> {
        for &(table, reason) in LEFT_OUT.iter().filter(|(table, _)| found.contains_key(*table)) {
            let rows = self.connection.count(table).await;
            let rows = rows.map_err(|error| failed(&self.source_name, table, &error))?;
            if rows > 0 {
                self.left_out.push(LeftOut { table: table.to_owned(), rows, reason });
            }
        }
        Ok(())
    }
}

fn failed(source_name: &str, table: &str, error: &sqlx::Error) -> ImportError {
    ImportError::Read {
        source_name: source_name.to_owned(),
        table: table.to_owned(),
        reason: in_words(error),
    }
}

fn has(tables: &Tables, table: &str, column: &str) -> bool {
    tables.get(table).is_some_and(|columns| columns.contains(column))
}

fn listed<'n>(names: impl IntoIterator<Item = &'n String>, none: &str) -> String {
    /// Most names in a message; enough to recognise a database.
    const MAX_LISTED: usize = 12;
    let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
    match names.get(..MAX_LISTED) {
        _ if names.is_empty() => none.to_owned(),
        Some(shown) if names.len() > MAX_LISTED => {
            format!("{} and {} more", shown.join(", "), names.len() - MAX_LISTED)
        }
        _ => names.join(", "),
    }
}

/// `SQLITE_NOTADB`, or `SQLITE_CORRUPT` at the first access.
fn not_a_database(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else { return false };
    error.code().is_some_and(|code| matches!(code.as_ref(), "26" | "11"))
}

/// A statement whose names all come from this crate.
fn statement(text: String) -> AssertSqlSafe<String> {
    AssertSqlSafe(text)
}
