//! Storage: one database, with the same queries for every engine.
//!
//! A [`Store`] is opened with the [`Keys`] for sealing its bodies. All other calls go through a transaction:
//! [`Store::read`] and [`Store::write`] return a [`Tx`], and each module adds the methods of one table to it. The
//! store makes no decisions: [`Tx::view`] and [`Tx::load_persons`] load the view for a decision of `sync`, and
//! [`Tx::apply`] writes the result.
//!
//! Lock order of a transaction: the clock ([`Tx::lock_clock`], [`Tx::write_items`]), then items, then the device
//! ([`Tx::lock_device`]).

mod area;
mod attendance;
mod attendance_photo;
mod body;
mod change_tracker;
mod claim;
mod comm_key;
mod commit_group;
mod connection;
mod definition;
mod device;
mod device_clock;
mod device_load;
mod device_record;
mod device_session;
mod engine;
mod erase;
mod error;
mod feed_cache;
mod feed_clock;
mod held;
mod inline_sqlite;
mod item;
mod item_old;
mod key;
mod keys;
mod last_day;
mod lease;
mod leaving_area;
mod migrate;
mod named;
mod offered_file;
mod offered_photo;
mod open;
mod operation_log;
mod operator_command;
mod part_set;
mod people_read;
mod photo_delivery;
mod photo_form;
mod point;
mod poll_lookup;
mod remote_user;
mod removal;
mod replaced;
mod retention;
mod retry;
mod rewrite;
mod roster_shown;
mod seen;
mod setting;
mod spelling;
mod sql;
mod status;
mod store;
mod suspension;
mod sync_command;
mod sync_exception;
mod undo_body;
mod upload_stamp;
mod user_body;
mod view;
mod write_rates;

pub use attendance::{NewPunch, PunchFilter, PunchRow};
pub use attendance_photo::{AttendancePhotoRow, MOST_PICTURE_BYTES, NewAttendancePhoto};
pub use change_tracker::ChangeEpoch;
pub use claim::ClaimedUser;
pub use definition::Defined;
pub use device::{DeviceOptions, DeviceRow, DeviceState, UnknownState};
pub use device_clock::{DeviceClock, Drift};
pub use device_record::{DeviceRecordKind, DeviceRecordRow, UnknownKeptKind};
pub use device_session::{Session, SessionEnd};
pub use engine::Engine;
pub use erase::{Erased, Punches};
#[doc(hidden)]
pub use erase::{Erasure, TABLES};
pub use error::StoreError;
pub use feed_cache::{CacheSession, FeedCache, FeedPosition, Lines, Page};
pub use feed_clock::FeedClock;
pub use held::{HeldFilter, HeldKind, HeldOutcome, HeldRecord, HeldRow, UnknownHeldKind};
pub use item::{Change, ItemWrite};
pub use item_old::UserVersions;
pub use keys::Keys;
#[doc(hidden)]
pub use migrate::migration_statements;
pub use offered_file::{OfferedFile, PART_BYTES};
pub use offered_photo::OfferedPhoto;
pub use operation_log::LoggedOperation;
pub use operator_command::{MOST_CONTENT_BYTES, NewQueuedCommand, QueuedCommandRow, QueuedCommandUpdate};
pub use people_read::{DueBefore, Readings, Rereading};
pub use photo_delivery::{PhotoDelivery, UnknownDelivery};
pub use photo_form::PhotoVersion;
pub use poll_lookup::WorkHint;
pub use removal::FailedRemoval;
pub use retention::Finished;
pub use retry::{Attempts, retry};
pub use rewrite::Rewritten;
pub use seen::Seen;
pub use status::{CommandEvent, ItemEvent, ItemSummary, SyncCounts};
pub use store::{FeedCounters, Store, Tx, Work};
pub use suspension::Suspension;
pub use sync_command::{Answered, FoundCommand};
pub use undo_body::Deletion;
pub use upload_stamp::{Reread, Stamp};
pub use view::PendingWork;
