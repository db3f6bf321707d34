//! How long the store takes on the machine at hand.
//!
//! `cargo run --release -p store --example speed -- [folder]`: a database in that folder, or in a temporary one, which
//! should be on the disk that the server will use: most of what is measured is that disk's `fsync`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use roster::{Algorithm, Area, Content, Format, ItemKey, Millis, Part, Slot, Template, UserFields};
use sqlx::{AnyPool, SqlitePool, query, query_as};
use store::{Change, ItemWrite, Keys, Store, StoreError};
use wire::{BioType, Pin};

const USERS: usize = 415;
const TEMPLATES: usize = 1_300;
/// Base64 of a fingerprint 10.0.
const TEMPLATE_BYTES: usize = 1_640;
const COMMITS: u32 = 200;
const READS: u32 = 5_000;

#[tokio::main]
async fn main() -> Result<(), StoreError> {
    let temporary = tempfile::tempdir().expect("a folder for a temporary database");
    let folder = std::env::args().nth(1).map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    let path = folder.join(format!("speed-{}.db", std::process::id()));
    let store = Store::open(&format!("sqlite://{}", path.display()), Keys::from_secret(&[7; 32])).await?;

    let writes = fleet(&store);
    let took = write(&store, &writes).await?;
    println!("{} items of {USERS} users in one transaction: {}", writes.len(), ms(took));
    println!("the same again, as changes of all of them: {}", ms(write(&store, &writes).await?));
    println!("everything known of these people, for an upload: {}", ms(known(&store).await?));

    let one = &writes[..1];
    let start = now();
    for _ in 0..COMMITS {
        write(&store, one).await?;
    }
    println!("one change and its commit: {}", ms(start.elapsed() / COMMITS));
    println!("the pulse, without a transaction: {}", ms(pulse(&store).await?));
    compare(&path).await?;
    store.close().await;
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{end}", path.display()));
    }
    Ok(())
}

async fn write(store: &Store, writes: &[ItemWrite]) -> Result<Duration, StoreError> {
    let change = Change { by: None, at: Millis(1), undo_until: None };
    let start = now();
    let mut tx = store.write().await?;
    tx.write_items(writes, &change).await?;
    tx.commit().await?;
    Ok(start.elapsed())
}

async fn known(store: &Store) -> Result<Duration, StoreError> {
    let pins: Vec<Pin> = (0..USERS).map(pin).collect();
    let mut view = sync::DeviceView::new(1, roster::Capability::default());
    let start = now();
    let mut tx = store.read().await?;
    tx.load_persons(&mut view, &pins).await?;
    let known = tx.known(1, &pins, Millis(1)).await?;
    let took = start.elapsed();
    assert_eq!((view.persons.len(), known.len()), (USERS, USERS), "all of them were read");
    Ok(took)
}

async fn pulse(store: &Store) -> Result<Duration, StoreError> {
    let start = now();
    for _ in 0..READS {
        store.pulse().await?;
    }
    Ok(start.elapsed() / READS)
}

type Row = (i64, String, i64, i64, i64, i64, i64, i64, i64);

/// The same statements through `Any` and through the driver of SQLite itself.
async fn compare(path: &std::path::Path) -> Result<(), StoreError> {
    let url = format!("sqlite://{}", path.display());
    let (any, own) = (AnyPool::connect(&url).await?, SqlitePool::connect(&url).await?);
    let page = "SELECT item_id, pin, kind, slot, algorithm, seq, created_seq, live, body_bytes FROM item ORDER BY seq";
    let body = "SELECT sealed FROM body ORDER BY item_id";
    for _ in 0..2 {
        let start = now();
        for _ in 0..READS {
            let _: (i64,) =
                query_as("SELECT seq FROM feed_clock WHERE id = ?").bind(1_i64).fetch_one(&any).await?;
        }
        let by_any = start.elapsed() / READS;
        let start = now();
        for _ in 0..READS {
            let _: (i64,) =
                query_as("SELECT seq FROM feed_clock WHERE id = ?").bind(1_i64).fetch_one(&own).await?;
        }
        println!("one row: Any {}, SQLite {}", ms(by_any), ms(start.elapsed() / READS));

        let start = now();
        let rows: Vec<Row> = query_as(page).fetch_all(&any).await?;
        let by_any = start.elapsed();
        let start = now();
        let same: Vec<Row> = query_as(page).fetch_all(&own).await?;
        println!("{} rows of 9 columns: Any {}, SQLite {}", rows.len(), ms(by_any), ms(start.elapsed()));
        assert_eq!(rows, same, "both drivers read the same");

        let start = now();
        let bodies: Vec<(Vec<u8>,)> = query_as(body).fetch_all(&any).await?;
        let by_any = start.elapsed();
        let start = now();
        let same: Vec<(Vec<u8>,)> = query_as(body).fetch_all(&own).await?;
        println!("{} bodies: Any {}, SQLite {}", bodies.len(), ms(by_any), ms(start.elapsed()));

        let insert = format!("INSERT INTO setting (name, value) VALUES {}", vec!["(?, ?)"; 128].join(", "));
        let values: Vec<String> = (0..128).map(|n| format!("{n:01640}")).collect();
        let start = now();
        let mut tx = any.begin().await?;
        for round in 0..10 {
            let mut statement = query(sqlx::AssertSqlSafe(insert.as_str()));
            for (n, value) in values.iter().enumerate() {
                statement = statement.bind(format!("{round} {n}")).bind(value.clone());
            }
            statement.execute(&mut *tx).await?;
        }
        tx.rollback().await?;
        let by_any = start.elapsed();
        let start = now();
        let mut tx = own.begin().await?;
        for round in 0..10 {
            let mut statement = query(sqlx::AssertSqlSafe(insert.as_str()));
            for (n, value) in values.iter().enumerate() {
                statement = statement.bind(format!("{round} {n}")).bind(value.clone());
            }
            statement.execute(&mut *tx).await?;
        }
        tx.rollback().await?;
        println!("1,280 rows of 1,640 bytes inserted: Any {}, SQLite {}", ms(by_any), ms(start.elapsed()));
        assert_eq!(bodies.len(), same.len(), "both drivers read the same");
    }
    any.close().await;
    own.close().await;
    Ok(())
}

fn fleet(store: &Store) -> Vec<ItemWrite> {
    let users = (0..USERS).flat_map(|n| {
        let fields =
            UserFields { name: format!("User number {n}"), password: "4711".into(), ..UserFields::default() };
        let member = ItemKey { pin: pin(n), slot: Slot::membership(Area::EVERYONE) };
        [(ItemKey { pin: pin(n), slot: Slot::USER }, Content::User(fields)), (member, Content::Membership)]
    });
    let templates = (0..TEMPLATES).map(|n| {
        let algorithm = Algorithm { format: Format::Zk, major: 10, minor: 0 };
        let number = u8::try_from(n / USERS).unwrap_or(0);
        let text = format!("{n:0>TEMPLATE_BYTES$}");
        let part = Part { index: 0, valid: 1, duress: false, text };
        let slot = Slot::template(BioType::FINGERPRINT, number, algorithm);
        (ItemKey { pin: pin(n % USERS), slot }, Content::Template(Template::single(part)))
    });
    users
        .chain(templates)
        .map(|(key, content)| {
            let hash = roster::hash(store.hash_key(), &key.slot, &content);
            ItemWrite { key, content: Some(content), hash, contested: false, made_of: None }
        })
        .collect()
}

fn pin(n: usize) -> Pin {
    format!("{}", 1_000 + n).parse().expect("digits are a PIN")
}

#[expect(clippy::disallowed_methods, reason = "this program measures time, it decides nothing by it")]
fn now() -> Instant {
    Instant::now()
}

fn ms(took: Duration) -> String {
    format!("{:.3} ms", took.as_secs_f64() * 1e3)
}
