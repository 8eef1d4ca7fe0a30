//! The hygiene of a controller itself: whose password it takes, who may log in, what it tells of itself.
//!
//! A controller whose password is in a store (`password: store:PATH`) is reached through a [`Keyring`], which knows every password
//! that it may have and never tries more of them than its lock-out policy leaves.

mod certificates;
mod keyed;
mod keyring;
mod password;
mod propose;
mod settings;

pub use certificates::{CertificateBook, Entry, Vouching};
pub use keyed::Keyed;
pub use keyring::{Key, Keyring, Making, takes_factory};
pub use password::mint;
pub use settings::{CertificateSettings, ControllerSettings, Others, PasswordSettings, UserSettings, Weaknesses};

pub(crate) use propose::steps;
pub(crate) use settings::{certificate_shape, controller_shape, password_shape};
