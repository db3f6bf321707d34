//! Broken input for everything that reads what comes from outside.
//!
//! A [`Target`] is a parser with what has to be true of it for every input; [`targets::TARGETS`] is the list, one line
//! each. Inputs are the kept corpus and what a seeded mutator makes of it: see [`run`]. Why not a library:
//! `docs/decisions/0016-fuzzing-on-stable.md`.

pub mod cases;
pub mod check;
pub mod corpus;
pub mod input;
pub mod mutate;
pub mod run;
pub mod targets;

pub use self::{corpus::Seeds, input::Input};

/// A parser and what has to be true of it.
#[derive(Debug)]
pub struct Target {
    /// The name, also that of its folder in the corpus.
    pub name: &'static str,
    /// Which captured requests its inputs begin with.
    pub seeds: Seeds,
    /// Parses the input and panics where something is not as it has to be.
    pub check: fn(&Input<'_>),
}
