//! Who made a BMC, as far as it tells.

/// The words by which a BMC tells who made it and which one it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Make {
    /// Who made the service, the controller or the machine, in all words that are told: `Dell`, `Dell Inc.`.
    pub vendors: Vec<String>,
    /// What the service, the controller and the machine are called: `iLO 5`, `17G Monolithic`, `PowerEdge R6515`.
    pub models: Vec<String>,
    /// The version of the controller's firmware.
    pub firmware: Option<String>,
}
