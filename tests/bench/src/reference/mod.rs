//! What the machine can do without us, measured in the same run.

pub mod hyper;
pub mod mariadb;
pub mod sqlite;
