//! A CMDB that is one table of comma-separated values (RFC 4180), as spreadsheets keep it.

mod columns;
mod server;
mod stock;
mod table;

pub use server::Csv;
