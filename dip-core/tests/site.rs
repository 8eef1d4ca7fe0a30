//! Site files become sites, and what is wrong with them is told.

#[path = "site/addresses.rs"]
mod addresses;
#[path = "site/bases.rs"]
mod bases;
#[path = "site/conduct.rs"]
mod conduct;
#[path = "site/faults.rs"]
mod faults;
#[path = "site/mangled.rs"]
mod mangled;
#[path = "site/manifest.rs"]
mod manifest;
#[path = "site/ports.rs"]
mod ports;
#[path = "site/rules.rs"]
mod rules;
#[path = "site/schema.rs"]
mod schema;
#[path = "site/stock.rs"]
mod stock;
#[path = "site/values.rs"]
mod values;
#[path = "site/whole.rs"]
mod whole;
