//! A terminal and a fleet of them, as the server sees them.
