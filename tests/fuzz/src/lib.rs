//! Fuzzing of everything that reads external input.
//!
//! A [`Target`] is a parser with the properties that it must have for every input. [`targets::TARGETS`] is the
//! list, one line each. The inputs are the kept corpus and its mutations by a seeded mutator: see [`run`].
//! `docs/decisions/0016-fuzzing-on-stable.md` explains why it uses no library.

pub mod cases;
pub mod check;
pub mod corpus;
pub mod input;
pub mod mutate;
pub mod run;
pub mod targets;

pub use self::{corpus::Seeds, input::Input};

/// A parser with the properties that it must have.
#[derive(Debug)]
pub struct Target {
    /// The name, which is also that of its directory in the corpus.
    pub name: &'static str,
    /// The captured requests that seed it.
    pub seeds: Seeds,
    /// Parses the input and panics if a property does not hold.
    pub check: fn(&Input<'_>),
}
