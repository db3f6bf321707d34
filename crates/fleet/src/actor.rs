//! Actors: the operators and jobs that change the fleet.

use std::fmt;

/// The author of a change. Every operation that changes the fleet takes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A background job of the server.
    Server,
    /// A person at the command line, named by the account of the operating system.
    Operator(String),
}

impl Actor {
    /// The kind of actor in stored commands.
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
