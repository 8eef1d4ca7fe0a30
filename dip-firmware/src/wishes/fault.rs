//! What is wrong with a wish beyond its shape.

/// Something in the settings of a node that its shape cannot tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WishFault {
    /// The path of the setting: `firmware.volumes`.
    pub(crate) path: String,
    /// What is wrong, and what to do about it.
    pub(crate) text: String,
}
