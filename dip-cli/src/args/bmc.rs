//! The command line of `dip bmc`.

use std::num::NonZeroU16;
use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use dip::core::hardware::BootDevice;
use dip::core::provider::PowerAction;
use dip::firmware::provider::{BootMode, Light as LightState};

use super::{Over, Simulation};

#[derive(Debug, clap::Args)]
#[command(subcommand_precedence_over_arg = true)]
pub(crate) struct Bmc {
    /// The nodes by name, several with commas between them; `*` in a name stands for any text (`r1-*`)
    #[arg(required_unless_present = "all", conflicts_with = "all", value_delimiter = ',')]
    pub(crate) nodes: Vec<String>,
    /// All nodes that have a BMC
    #[arg(long)]
    pub(crate) all: bool,
    /// The site file
    #[arg(long, value_name = "FILE", default_value = "site.yaml")]
    pub(crate) site: PathBuf,
    #[command(flatten)]
    pub(crate) over: Over,
    #[command(flatten)]
    pub(crate) simulation: Simulation,
    /// Do not ask before a change to running machines
    #[arg(long, short, global = true)]
    pub(crate) yes: bool,
    /// How many BMCs are asked at once
    #[arg(long, value_name = "N", default_value = "256")]
    pub(crate) at_once: NonZeroU16,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What a BMC is asked for.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Verb {
    /// Show the power, or switch it
    Power {
        /// What to do; the power is shown where it is left out
        #[arg(default_value = "show")]
        action: PowerWord,
    },
    /// Show from what the machine boots next, or set it
    Boot {
        /// The device; what is set is shown where it is left out
        device: Option<BootWord>,
        /// Not only for the next boot, but until it is changed
        #[arg(long, requires = "device")]
        always: bool,
        /// By which firmware interface
        #[arg(long, value_name = "MODE", default_value = "uefi")]
        mode: ModeWord,
    },
    /// Tell who the machine is, and what its BMC offers
    Identity,
    /// List the parts of the machine
    Hardware,
    /// Read the sensors
    Sensors {
        /// Only those that are not as they should be
        #[arg(long)]
        bad: bool,
    },
    /// Show the event log, or clear it
    #[command(visible_alias = "sel")]
    Log {
        /// Remove all entries
        #[arg(long)]
        clear: bool,
        /// Only the newest entries
        #[arg(long, value_name = "N", conflicts_with = "clear")]
        last: Option<usize>,
    },
    /// Show the light by which the machine is found in its rack, or turn it on or off
    Light {
        /// On or off; shown where it is left out
        state: Option<LightWord>,
    },
    /// List the users of the BMC
    Users,
    /// Show the settings of the machine's firmware, and those that wait for a reset
    Bios,
    /// List the versions of firmware
    Firmware,
    /// List storage controllers, disks and volumes
    Storage,
    /// Show the virtual drives, put an image into one, or empty it
    Media {
        /// The URL of an image that the BMC can reach
        #[arg(long, value_name = "URL")]
        insert: Option<String>,
        /// Empty the drive
        #[arg(long, conflicts_with = "insert")]
        eject: bool,
        /// The drive; the first that fits where it is left out
        #[arg(long, value_name = "ID")]
        slot: Option<String>,
    },
    /// Show the BMC's own version, clock, log receiver and weak ways in
    Controller,
    /// Restart the BMC itself; the machine runs on
    Restart,
    /// Follow what the BMC tells by itself, until Ctrl-C; or say to whom it sends that
    Events {
        /// List to whom it sends events
        #[arg(long)]
        list: bool,
        /// Let it send its events to this URL from now on
        #[arg(long, value_name = "URL", conflicts_with_all = ["list", "end"])]
        send_to: Option<String>,
        /// A text that comes with each event that is sent
        #[arg(long, value_name = "TEXT", requires = "send_to", default_value = "dip")]
        context: String,
        /// Send no events any more to whom `--list` shows with this id
        #[arg(long, value_name = "ID", conflicts_with = "list")]
        end: Option<String>,
    },
    /// Use the serial console; `~.` at the start of a line ends it
    Console {
        /// Take it from somebody who has it
        #[arg(long)]
        take: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PowerWord {
    /// Show it
    Show,
    /// Switch on
    On,
    /// Switch off at once
    Off,
    /// Ask the system to shut down
    Shutdown,
    /// Off and on again
    Cycle,
}

impl PowerWord {
    pub(crate) const fn action(self) -> Option<PowerAction> {
        match self {
            Self::Show => None,
            Self::On => Some(PowerAction::On),
            Self::Off => Some(PowerAction::Off),
            Self::Shutdown => Some(PowerAction::Shutdown),
            Self::Cycle => Some(PowerAction::Cycle),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BootWord {
    /// The system disk
    Disk,
    /// PXE or HTTP boot
    Network,
    /// An optical drive, also a virtual one
    Cdrom,
    /// The firmware's own setup
    Setup,
    /// As the firmware's own order says: ends what was set
    Default,
}

impl BootWord {
    pub(crate) const fn device(self) -> BootDevice {
        match self {
            Self::Disk => BootDevice::Disk,
            Self::Network => BootDevice::Network,
            Self::Cdrom => BootDevice::Cdrom,
            Self::Setup => BootDevice::Setup,
            Self::Default => BootDevice::Default,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModeWord {
    /// UEFI
    Uefi,
    /// PC-compatible BIOS
    Bios,
}

impl ModeWord {
    pub(crate) const fn mode(self) -> BootMode {
        match self {
            Self::Uefi => BootMode::Uefi,
            Self::Bios => BootMode::Bios,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LightWord {
    /// It shines
    On,
    /// It is dark
    Off,
}

impl LightWord {
    pub(crate) const fn state(self) -> LightState {
        match self {
            Self::On => LightState::On,
            Self::Off => LightState::Off,
        }
    }
}

impl Verb {
    /// What a person is asked about before it is done, as the end of "May dip ...?"; `None` for what nobody would miss.
    pub(crate) const fn disrupts(&self) -> Option<&'static str> {
        match self {
            Self::Power { action: PowerWord::Off } => Some("switch off at once"),
            Self::Power { action: PowerWord::Shutdown } => Some("shut down"),
            Self::Power { action: PowerWord::Cycle } => Some("switch off and on again"),
            Self::Log { clear: true, .. } => Some("clear the event log of"),
            Self::Restart => Some("restart the BMC of"),
            _ => None,
        }
    }

    /// Whether a failure means that something was not changed, and not only that it was not seen.
    pub(crate) const fn changes(&self) -> bool {
        match self {
            Self::Power { action } => !matches!(action, PowerWord::Show),
            Self::Boot { device, .. } => device.is_some(),
            Self::Log { clear, .. } => *clear,
            Self::Light { state } => state.is_some(),
            Self::Media { insert, eject, .. } => insert.is_some() || *eject,
            Self::Events { send_to, end, .. } => send_to.is_some() || end.is_some(),
            Self::Restart | Self::Console { .. } => true,
            Self::Identity
            | Self::Hardware
            | Self::Sensors { .. }
            | Self::Users
            | Self::Bios
            | Self::Firmware
            | Self::Storage
            | Self::Controller => false,
        }
    }

    /// Whether events are followed: one BMC at a time, until somebody ends it.
    pub(crate) const fn follows(&self) -> bool {
        matches!(self, Self::Events { list: false, send_to: None, end: None, .. })
    }
}
