//! The machine that a model's BMC manages: what really is, and really happens.

use std::fmt;

use dip_core::hardware::{Hardware, PowerState};
use dip_core::provider::PowerAction;
use dip_core::secret::Secret;

use crate::provider::{
    Accepted, BiosAttributes, BiosState, BootOverride, Component, SecureBootState, StorageController, TaskRef,
    TaskState, WantedVolume,
};

/// A BIOS attribute, and what its registry allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// What it may be.
    pub takes: Takes,
}

/// What an attribute may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Takes {
    /// One of these words.
    OneOf(Vec<String>),
    /// A number from the first to the second.
    From(i64, i64),
    /// On or off.
    Switch,
    /// Only what it is.
    ReadOnly,
}

/// Why a machine does not do it, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is wrong.
    #[error("{0}")]
    Wrong(String),
    /// It is at something else.
    #[error("{0}")]
    Busy(String),
}

/// A machine with a controller that speaks no protocol of its own. A model asks it before each answer, so what it tells is what it is now.
///
/// # Contract
/// As of the traits in [`crate::provider`] of the same names; each call returns at once.
pub trait Machine: fmt::Debug + Send {
    /// The serial number and the system's UUID.
    fn identity(&mut self) -> (String, String);

    /// Its parts; disks behind storage controllers are told by [`Self::storage`].
    fn hardware(&mut self) -> Hardware;

    /// Whether it is on.
    fn power(&mut self) -> PowerState;

    /// Takes a power command.
    fn request(&mut self, action: PowerAction);

    /// What the next boot starts from.
    fn boot(&mut self) -> BootOverride;

    /// Sets what the next boot starts from.
    fn set_boot(&mut self, wanted: BootOverride);

    /// The BIOS attributes.
    fn bios(&mut self) -> BiosState;

    /// What the attributes may be.
    fn registry(&mut self) -> Vec<Attribute>;

    /// Takes attributes for the next reset, all or none.
    ///
    /// # Errors
    /// Where one of them cannot be so.
    fn set_bios(&mut self, wanted: &BiosAttributes) -> Result<(), Refusal>;

    /// Secure Boot.
    fn secure_boot(&mut self) -> SecureBootState;

    /// Switches Secure Boot at the next reset.
    fn secure(&mut self, enabled: bool);

    /// The storage controllers.
    fn storage(&mut self) -> Vec<StorageController>;

    /// Makes a volume.
    ///
    /// # Errors
    /// Where a disk is taken or not there.
    fn make(&mut self, controller: &str, wanted: &WantedVolume) -> Result<Accepted, Refusal>;

    /// Takes a volume away.
    fn remove(&mut self, volume: &str) -> Accepted;

    /// The firmware. The component `BMC` is the controller itself.
    fn components(&mut self) -> Vec<Component>;

    /// Installs an image.
    ///
    /// # Errors
    /// Where it is busy with these components.
    fn install(&mut self, image: &str, components: &[String]) -> Result<Accepted, Refusal>;

    /// The tasks that the controller knows.
    fn tasks(&mut self) -> Vec<(TaskRef, TaskState)>;

    /// The controller restarts: it forgets its tasks.
    fn restart_controller(&mut self);

    /// The user that the controller was shipped with.
    fn administrator(&mut self) -> String;

    /// Whether a user may log in by this password.
    fn lets_in(&mut self, user: &str, password: &Secret) -> bool;

    /// Gives a user a password; makes the user, if there is none of this name.
    fn set_password(&mut self, user: &str, password: &Secret);

    /// Lets a user log in no longer.
    fn bar(&mut self, user: &str);
}
