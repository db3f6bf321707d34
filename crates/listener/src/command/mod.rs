//! Acknowledgements of queued commands, and read-backs of templates.

pub mod read_back;
pub mod result;
