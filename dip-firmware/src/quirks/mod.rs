//! What makers of BMCs do in their own way: a table of data ([`TABLE`]) says who does what, the code knows how to live with it.
//!
//! A site may add entries of the same form for its own machines; they count more than those of the table.

mod entry;
mod make;
mod quirk;
mod table;
mod version;

pub use entry::{Entry, FirmwareRange};
pub use make::Make;
pub use quirk::Quirk;
pub use table::{Quirks, TABLE, shipped};
