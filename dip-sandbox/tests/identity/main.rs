//! Who a machine is, what it consists of, and whose password its controller takes: in a sandbox, through whole runs.

mod hygiene;
mod mortal;
mod pages;
mod parts;
mod replacement;
mod scene;
