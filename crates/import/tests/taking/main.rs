//! Old databases of both generations, with the damage that they have in the field, taken into Muster.

mod damage;
mod files;
mod fleet;
mod known;
mod mariadb;
mod old;
mod place;
