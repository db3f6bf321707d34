//! Every query on a real database.

mod attendance;
mod claims;
mod claims_migration;
mod clocks;
mod definitions;
mod devices;
mod erase;
mod fleet;
mod items;
mod opening;
mod operators;
mod people_read;
mod photos;
mod retention;
mod schema;
mod status;
mod suspension;
mod sync_state;
mod undo;
mod uploads;
mod views;
mod writers;
