//! The `dip` command.
fn main() {}
