//! Who acts on the fleet.

use std::fmt;

/// Who does something to the fleet: every operation that changes something is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The server, by a job of its own.
    Server,
    /// Somebody at the command line, by the name of the account of the operating system.
    Operator(String),
}

impl Actor {
    /// The kind of actor as it is stored with commands.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Operator(_) => "operator",
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server => f.write_str("server"),
            Self::Operator(name) => write!(f, "operator {name}"),
        }
    }
}
