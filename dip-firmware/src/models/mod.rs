//! Models of BMCs of five makers that answer Redfish requests in this process: each tells its resources, does what it is asked and
//! refuses in its maker's own way, in front of a [`Machine`]. They are for simulations and tests.
//!
//! They were written after public sources: what the makers' services were recorded to answer, and what the projects that live with them
//! have found out, which is named where it matters. None of it was measured on a machine here.
//!
//! ```
//! use dip_firmware::models::{Bench, Maker, Model};
//! use dip_firmware::providers::service::Request;
//!
//! let model = Model::new(Maker::Dell, Bench::new(Maker::Dell));
//! let asked = Request { method: "GET".into(), path: "/redfish/v1".into(), headers: vec![], body: String::new() };
//! let told = model.answer(&asked, None).expect("it is there");
//! assert!(told.body.contains("Integrated Dell Remote Access Controller"));
//! ```

mod actions;
mod bench;
mod changes;
mod fault;
mod machine;
mod maker;
mod parts;
mod service;
mod show;
mod state;
mod tree;

pub use bench::{Bench, SERIAL, UUID};
pub use fault::Fault;
pub use machine::{Attribute, Machine, Refusal, Takes};
pub use maker::Maker;
pub use service::Model;
