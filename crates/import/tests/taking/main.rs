//! Imports of old databases of both generations, with the damage that occurs in the field.

mod damage;
mod files;
mod fleet;
mod known;
mod mariadb;
mod old;
mod place;
