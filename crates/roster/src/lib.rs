//! The roster: users, their items, the contents of items, and the capabilities of devices.
//!
//! This crate lies between the records of `wire` and the stored data. [`read`] turns the lines of an upload into
//! users, templates and photos. [`merge`] decides field by field what an uploaded user changes. [`hash`] is equal
//! for contents that differ only in what devices change. [`Capability`] describes what a device accepts, and
//! [`update`] and [`delete`] turn an item into commands for it. The crate is pure: no IO, no clock, no randomness.

mod body;
mod canonical;
mod capability;
mod content;
mod definition;
mod device_form;
mod field;
mod hash;
mod header;
mod identity;
mod identity_marks;
mod item;
mod merge;
mod merge_limits;
mod reading;
mod render;
mod user_patch;

pub use body::BodyError;
pub use capability::{Capability, Counts, Evidence, PhotoLimit};
pub use content::{Content, FACE_PARTS, Part, Photo, Template, UserFields};
pub use definition::{
    CLOSED, DAYS, Definition, DefinitionKind, DefinitionName, DefinitionNameError, MAX_DEFINITIONS,
};
pub use field::Field;
pub use hash::{HashKey, hash};
pub use header::{HeaderError, TemplateHeader, check, inspect};
pub use identity::{Likeness, agrees_in_identity, has_identity, likeness};
pub use identity_marks::{identity_marks_of_patch, marks, record_mark};
pub use item::{Algorithm, Area, ContentHash, Format, ItemKey, Kind, Millis, Seq, Slot};
pub use merge::{Merge, Uploader, first, merge, same_person};
pub use reading::{Reading, read};
pub use render::{
    PhotoPayload, PhotoUpdate, Rendering, delete, delete_command_count, update, update_command_count,
    update_photo,
};
pub use user_patch::{StoredName, UserPatch};
