//! A terminal and a fleet of them, as the server sees them.

mod clock;
pub mod content;
pub mod device;
pub mod difference;
pub mod http;
pub mod model;
pub mod quirks;
mod random;
pub mod templates;

pub use self::{
    clock::LocalTime,
    content::Content,
    device::{Acknowledgement, Device},
    difference::{Difference, Holding, difference},
    model::Model,
    quirks::{Faults, Quirks},
    random::Random,
};
