//! A Muster database for the tests, and access to its content.

use std::collections::BTreeMap;

use databases::Database;
use fleet::user::{self, UserEdit};
use import::{CountedKind, Counts, ImportError, OldDatabase, Options, Outcome, Report, Source};
use roster::{Content, ItemKey, Millis, Slot, UserFields};
use store::{Keys, Store};
use sync::Joining;
use wire::Pin;

/// 2024-03-12 06:00:00 UTC.
pub const NOW: Millis = Millis(1_710_223_200_000);

/// A Muster installation before the import.
pub struct Place {
    pub store: Store,
    _database: Database,
}

pub const OPTIONS: Options =
    Options { overwrite: false, dry_run: false, now: NOW, undo_until: Millis(NOW.0 + 1) };

impl Place {
    pub async fn new() -> Self {
        let database = Database::new();
        let store = Store::open(database.url(), Keys::from_secret(&[42; 32])).await.expect("it opens");
        Self { store, _database: database }
    }

    /// Imports the people of an old database.
    pub async fn take(&self, url: &str) -> Report {
        self.take_as(url, OPTIONS).await
    }

    pub async fn take_as(&self, url: &str, options: Options) -> Report {
        self.try_to(url, options, None).await.expect("it is taken in")
    }

    pub async fn try_to(
        &self,
        url: &str,
        options: Options,
        admit: Option<Joining>,
    ) -> Result<Report, ImportError> {
        let source = Source::read(url).expect("a source");
        let mut old = OldDatabase::open(&source).await?;
        let mut report = import::people(&mut old, &self.store, options, |_| {}).await?;
        report.devices = import::devices(&old, &self.store, admit, options).await?;
        Ok(report)
    }

    /// The newest number of the feed.
    pub async fn head(&self) -> i64 {
        self.store.feed_counters().await.expect("the clock").head.0
    }

    pub async fn user(&self, of: &str) -> Option<UserFields> {
        let mut tx = self.store.read().await.expect("a transaction");
        tx.users(&[pin(of)]).await.expect("the users").remove(&pin(of))
    }

    /// All live items of a person, by description.
    pub async fn items(&self, of: &str) -> BTreeMap<String, Content> {
        let mut tx = self.store.read().await.expect("a transaction");
        let keys = tx.live_keys(&[pin(of)]).await.expect("the items");
        let contents = tx.contents(&keys).await.expect("the contents");
        contents.into_iter().map(|(key, content)| (key.slot.to_string(), content)).collect()
    }

    /// The base64 texts of an item's parts.
    pub async fn texts(&self, of: &str, item: &str) -> Vec<String> {
        match self.items(of).await.remove(item) {
            Some(Content::Template(template)) => template.parts.into_iter().map(|part| part.text).collect(),
            Some(Content::Photo(photo)) => vec![photo.text],
            _ => Vec::new(),
        }
    }

    pub async fn set(&self, of: &str, edit: UserEdit) {
        let mut tx = self.store.write().await.expect("a transaction");
        user::set(&mut tx, &pin(of), &edit, NOW).await.expect("the user");
        tx.commit().await.expect("it is written");
    }

    pub async fn delete(&self, of: &str) {
        let mut tx = self.store.write().await.expect("a transaction");
        user::delete(&mut tx, &pin(of), None, NOW, Some(NOW.plus(1000))).await.expect("the user");
        tx.commit().await.expect("it is written");
    }

    /// Changes an item to a version that the old database does not have.
    pub async fn put(&self, of: &str, slot: Slot, content: Content) {
        let hash = roster::hash(self.store.hash_key(), &slot, &content);
        let key = ItemKey { pin: pin(of), slot };
        let write = store::ItemWrite { key, content: Some(content), hash, contested: false, made_of: None };
        let change = store::Change { by: None, at: NOW, undo_until: None };
        let mut tx = self.store.write().await.expect("a transaction");
        tx.write_items(&[write], &change).await.expect("the item");
        tx.commit().await.expect("it is written");
    }
}

pub fn pin(text: &str) -> Pin {
    text.parse().expect("a PIN")
}

/// The reported cases of a person, in order.
pub fn told(report: &Report, of: &str, outcome: Outcome) -> Vec<String> {
    let cases = report.cases.iter().filter(|case| case.pin == of && case.outcome == outcome);
    cases.map(|case| format!("{}: {}", case.record, case.reason)).collect()
}

/// Found, taken, already there, kept, refused.
pub fn counted(report: &Report, what: CountedKind) -> [usize; 5] {
    let Counts { found, taken, already_there, kept, refused, .. } = report.of(what);
    assert_eq!(found, taken + already_there + kept + refused, "{what}: {report:#?}");
    [found, taken, already_there, kept, refused]
}

/// Runs a story.
pub fn tell(story: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(story);
}
