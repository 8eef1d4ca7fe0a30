//! DIP layer 6, operations management: the records of a node in the services that people run a site with.

pub mod provider;
