//! Limits of the machine without Muster, measured in the same run.

pub mod hyper;
pub mod mariadb;
pub mod sqlite;
