//! A separate store for each test, and the people and devices in it.

use databases::Database;
use roster::{
    Algorithm, Area, Content, Format, ItemKey, Millis, Part, Photo, Seq, Slot, Template, UserFields,
};
use store::{Change, DeviceRow, ItemWrite, Keys, Store, Tx};
use sync::Joining;
use wire::{BioType, Pin, SerialNumber};

/// 10:00 on a fixed day, plus minutes.
pub const fn at(minutes: i64) -> Millis {
    Millis(1_760_000_400_000 + minutes * 60_000)
}

pub struct Fleet {
    pub store: Store,
    pub database: Database,
}

pub fn keys(seed: u8) -> Keys {
    Keys::from_secret(&[seed; 32])
}

impl Fleet {
    pub async fn new() -> Self {
        let database = Database::new();
        Self { store: Store::open(database.url(), keys(1)).await.expect("a new database"), database }
    }

    pub fn url(&self) -> &str {
        self.database.url()
    }

    pub async fn read(&self) -> Tx {
        self.store.read().await.expect("a transaction")
    }

    pub async fn write(&self) -> Tx {
        self.store.write().await.expect("a transaction")
    }

    /// A device of the fleet that may get commands.
    pub async fn device(&self, serial: &str) -> DeviceRow {
        let mut tx = self.write().await;
        let row = tx.create_device(&self::serial(serial), at(0)).await.expect("a device");
        tx.approve_device(row.id, Joining::Adopt, at(0)).await.expect("approved");
        tx.end_roster(row.id, true, at(1)).await.expect("it showed all its people");
        let mut row = tx.device(row.id).await.expect("read").expect("there");
        let mut view = tx.view(&row).await.expect("a view");
        view.joining = None;
        view.scan = None;
        let changes = sync::Changes { device: true, ..Default::default() };
        tx.apply(&view, &changes, at(0)).await.expect("applied");
        row = tx.device(row.id).await.expect("read").expect("there");
        tx.commit().await.expect("committed");
        row
    }

    /// Writes contents as an operator. Returns the last number.
    pub async fn put(&self, contents: &[(ItemKey, Content)]) -> Seq {
        self.put_by(contents, None, at(0)).await
    }

    pub async fn put_by(&self, contents: &[(ItemKey, Content)], by: Option<i64>, at: Millis) -> Seq {
        let writes: Vec<ItemWrite> =
            contents.iter().map(|(key, content)| self.writing(key, Some(content))).collect();
        self.write_all(&writes, &Change { by, at, undo_until: None }).await
    }

    pub async fn write_all(&self, writes: &[ItemWrite], change: &Change) -> Seq {
        let mut tx = self.write().await;
        let seqs = tx.write_items(writes, change).await.expect("written");
        tx.commit().await.expect("committed");
        seqs.last().copied().expect("something was written")
    }

    /// Deletes as an operator. If `undo`, the deletion can be undone for a day.
    pub async fn delete(&self, keys: &[ItemKey], when: Millis, undo: bool) -> Seq {
        let writes: Vec<ItemWrite> = keys.iter().map(|key| self.writing(key, None)).collect();
        let undo_until = undo.then(|| when.plus(86_400_000));
        self.write_all(&writes, &Change { by: None, at: when, undo_until }).await
    }

    pub fn writing(&self, key: &ItemKey, content: Option<&Content>) -> ItemWrite {
        let hashed = content.cloned().unwrap_or(Content::Membership);
        ItemWrite {
            key: key.clone(),
            content: content.cloned(),
            hash: roster::hash(self.store.hash_key(), &key.slot, &hashed),
            contested: false,
            made_of: None,
        }
    }

    pub async fn contents_of(&self, keys: &[ItemKey]) -> Vec<(ItemKey, Content)> {
        self.read().await.contents(keys).await.expect("contents").into_iter().collect()
    }

    pub async fn seq_of(&self, key: &ItemKey) -> Seq {
        self.state_of(key).await.map_or(Seq(0), |state| state.seq)
    }

    pub async fn state_of(&self, key: &ItemKey) -> Option<sync::ItemState> {
        let mut view = sync::DeviceView::new(0, roster::Capability::default());
        self.read().await.load_persons(&mut view, std::slice::from_ref(&key.pin)).await.expect("loaded");
        view.persons.get(&key.pin)?.items.get(&key.slot).cloned()
    }
}

pub fn pin(text: &str) -> Pin {
    text.parse().expect("a PIN")
}

pub fn serial(text: &str) -> SerialNumber {
    text.parse().expect("a serial number")
}

pub fn user_key(text: &str) -> ItemKey {
    ItemKey { pin: pin(text), slot: Slot::USER }
}

pub fn user(text: &str, name: &str) -> (ItemKey, Content) {
    (user_key(text), Content::User(fields(name)))
}

pub fn fields(name: &str) -> UserFields {
    UserFields {
        name: name.into(),
        password: "1234".into(),
        card: Some("998877".into()),
        verify: Some(1),
        end: Some("2030-01-01".into()),
        ..UserFields::default()
    }
}

pub fn member(text: &str) -> (ItemKey, Content) {
    (ItemKey { pin: pin(text), slot: Slot::membership(Area::EVERYONE) }, Content::Membership)
}

pub fn finger_key(text: &str, number: u8) -> ItemKey {
    let algorithm = Algorithm { format: Format::Zk, major: 10, minor: 0 };
    ItemKey { pin: pin(text), slot: Slot::template(BioType::FINGERPRINT, number, algorithm) }
}

pub fn finger(text: &str, number: u8, body: &str) -> (ItemKey, Content) {
    let part = Part { index: 0, valid: 1, duress: false, text: body.into() };
    (finger_key(text, number), Content::Template(Template::single(part)))
}

pub fn photo(text: &str, body: &str) -> (ItemKey, Content) {
    let key = ItemKey { pin: pin(text), slot: Slot::USER_PHOTO };
    (key, Content::Photo(Photo { text: body.into(), file_name: Some(format!("{text}.jpg")) }))
}
