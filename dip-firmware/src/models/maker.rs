//! The makers, with the names that they give to things.

/// Whose BMC it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Maker {
    /// Dell iDRAC10 of a 17G machine.
    Dell,
    /// HPE iLO 5.
    Hpe,
    /// Lenovo XCC of an SR675 V3 OVX, firmware 9.10.
    Lenovo,
    /// Supermicro.
    Supermicro,
    /// OpenBMC, as NVIDIA builds it.
    OpenBmc,
}

impl Maker {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Dell, Self::Hpe, Self::Lenovo, Self::Supermicro, Self::OpenBmc];

    /// Its name, as people know it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dell => "Dell",
            Self::Hpe => "HPE",
            Self::Lenovo => "Lenovo",
            Self::Supermicro => "Supermicro",
            Self::OpenBmc => "OpenBMC",
        }
    }

    /// The path of the system.
    #[must_use]
    pub const fn system(self) -> &'static str {
        match self {
            Self::Dell => "/redfish/v1/Systems/System.Embedded.1",
            Self::Hpe | Self::Lenovo | Self::Supermicro => "/redfish/v1/Systems/1",
            Self::OpenBmc => "/redfish/v1/Systems/System_0",
        }
    }

    pub(super) const fn manager(self) -> &'static str {
        match self {
            Self::Dell => "/redfish/v1/Managers/iDRAC.Embedded.1",
            Self::Hpe | Self::Lenovo | Self::Supermicro => "/redfish/v1/Managers/1",
            Self::OpenBmc => "/redfish/v1/Managers/BMC_0",
        }
    }

    /// Where the virtual drive for CDs is.
    pub(super) fn media(self) -> String {
        match self {
            Self::Dell => format!("{}/VirtualMedia/1", self.system()),
            Self::Hpe => format!("{}/VirtualMedia/2", self.manager()),
            Self::Lenovo => format!("{}/VirtualMedia/EXT1", self.manager()),
            Self::Supermicro => format!("{}/VirtualMedia/CD1", self.manager()),
            Self::OpenBmc => format!("{}/VirtualMedia/Slot_2", self.manager()),
        }
    }

    /// The settings resource of the system, where it has one.
    pub(super) fn settings(self) -> Option<String> {
        matches!(self, Self::Dell | Self::OpenBmc).then(|| format!("{}/Settings", self.system()))
    }

    /// The settings resource of the BIOS. HPE writes small letters.
    pub(super) fn bios_settings(self) -> String {
        let name = if self == Self::Hpe { "bios/settings" } else { "Bios/Settings" };
        format!("{}/{name}", self.system())
    }

    /// Where a task is.
    pub(super) fn task(self, id: &str) -> String {
        match (self, id.parse::<u64>()) {
            (Self::Dell, Ok(number)) => format!("/redfish/v1/TaskService/Tasks/JID_{number:012}"),
            _ => format!("/redfish/v1/TaskService/Tasks/{id}"),
        }
    }

    /// The manufacturer and the model of the machine.
    #[must_use]
    pub const fn machine(self) -> (&'static str, &'static str) {
        match self {
            Self::Dell => ("Dell Inc.", "PowerEdge R670"),
            Self::Hpe => ("HPE", "ProLiant DL360 Gen10"),
            Self::Lenovo => ("Lenovo", "ThinkSystem SR675 V3"),
            Self::Supermicro => ("Supermicro", "SYS-510T-MR"),
            Self::OpenBmc => ("NVIDIA", "GB200 NVL"),
        }
    }

    /// The model and the firmware of the controller.
    #[must_use]
    pub const fn controller(self) -> (&'static str, &'static str) {
        match self {
            Self::Dell => ("17G Monolithic", "1.20.50.52"),
            Self::Hpe => ("iLO 5", "iLO 5 v2.72"),
            Self::Lenovo => ("Lenovo XClarity Controller", "AFBT10N 9.10 2025-03-01"),
            Self::Supermicro => ("BMC", "01.02.10"),
            Self::OpenBmc => ("OpenBmc", "GB200Nvl-25.01-1"),
        }
    }
}
