//! What Muster keeps: people, their items, the contents of those, and what a device can take.
//!
//! Between the records of `wire` and what is stored: [`read`] turns the lines of an upload into users, templates
//! and photos; [`merge`] decides field by field what an uploaded user changes; [`hash`] tells whether two contents
//! are the same in spite of what devices change on the way; [`Capability`] knows what a device can take, and
//! [`update`] and [`delete`] spell an item for it. Pure: no IO, no clock, no randomness.

mod body;
mod canonical;
mod capability;
mod content;
mod definition;
mod hash;
mod header;
mod identity;
mod item;
mod joining;
mod kept;
mod merge;
mod reading;
mod render;
mod user_patch;

pub use body::BodyError;
pub use capability::{Capability, Counts, Evidence, PhotoLimit};
pub use content::{Content, FACE_PARTS, Part, Photo, Template, UserFields};
pub use definition::{
    CLOSED, DAYS, Definition, DefinitionKind, DefinitionName, DefinitionNameError, MOST_DEFINITIONS,
};
pub use hash::{HashKey, hash};
pub use header::{Described, HeaderError, check, inspect};
pub use identity::{
    Likeness, likeness, mark_of_whole, marks, marks_of_record, names_somebody, tells_nobody_else,
};
pub use item::{Algorithm, Area, ContentHash, Format, ItemKey, Kind, Millis, Seq, Slot};
pub use merge::{Merge, Uploader, first, merge, same_person};
pub use reading::{Reading, read};
pub use render::{
    Carried, PhotoSending, Rendering, delete, delete_lines, update, update_lines, update_photo,
};
pub use user_patch::{Field, NameAsKept, UserPatch};
