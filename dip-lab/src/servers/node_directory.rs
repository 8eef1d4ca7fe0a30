//! The directory of a node, shared by its BMC simulators: power, boot device, log of commands.

use std::path::{Path, PathBuf};

use crate::command::output;
use crate::error::LabError;
use crate::ledger::{Entry, ProcessMark, end_node};
use crate::scratch::Scratch;
use crate::servers::segment::{make_executable, write_script};

const HOOK: &str = include_str!("../files/chassiscontrol");

/// Whether a node is switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PowerState {
    /// Its process runs.
    On,
    /// It does not run.
    Off,
}

/// What the BMC would let the node boot from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootDevice(pub String);

/// A directory with the hook that BMC simulators call and the `poweron` script that it starts.
#[derive(Debug, Clone)]
pub struct NodeDirectory {
    dir: PathBuf,
    // Holds the directory alive while a simulator uses it.
    scratch: Scratch,
}

/// A node that does nothing but be on.
const IDLE: &str = "#!/bin/sh\nexec sleep 1000000\n";

impl NodeDirectory {
    /// A node whose power is a process that sleeps.
    ///
    /// # Errors
    /// If the directory cannot be written.
    pub fn idle(name: &str) -> Result<Self, LabError> {
        Self::create(&Scratch::temporary()?, name, IDLE)
    }

    /// A node whose power is a script of the caller, run in a session of its own and killed with it.
    ///
    /// # Errors
    /// If the directory cannot be written.
    pub fn with_script(name: &str, poweron: &str) -> Result<Self, LabError> {
        Self::create(&Scratch::temporary()?, name, poweron)
    }

    pub(crate) fn create(scratch: &Scratch, name: &str, poweron: &str) -> Result<Self, LabError> {
        let scratch = scratch.within(name)?;
        let dir = scratch.dir().to_path_buf();
        scratch.record(&Entry::Node(dir.clone()))?;
        write_script(&dir.join("poweron"), poweron)?;
        let hook = scratch.write("chassiscontrol", HOOK)?;
        make_executable(&hook)?;
        Ok(Self { dir, scratch })
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn hook(&self) -> PathBuf {
        self.dir.join("chassiscontrol")
    }

    pub(crate) fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// The process that runs while it is on.
    pub fn pid(&self) -> Option<i32> {
        self.read("pid")
            .and_then(|text| text.parse().ok())
            .filter(|pid| ProcessMark::of(*pid).is_some_and(ProcessMark::alive))
    }

    /// Whether its process runs.
    pub fn power(&self) -> PowerState {
        self.pid().map_or(PowerState::Off, |_| PowerState::On)
    }

    /// What the BMC was told to boot from, in the words of `ipmi_sim`: `pxe`, `default`, `cdrom`, `bios`, `none`.
    pub fn boot_device(&self) -> Option<BootDevice> {
        self.read("boot").map(BootDevice)
    }

    /// The commands that were given, one a line after a time stamp: `power 1`, `reset 1`, `boot pxe`.
    pub fn commands(&self) -> Vec<String> {
        let text = self.read("commands.log").unwrap_or_default();
        text.lines().filter_map(|line| line.split_once(' ')).map(|(_, what)| what.to_owned()).collect()
    }

    /// Switches the node on without a BMC.
    ///
    /// # Errors
    /// If the hook fails.
    pub async fn switch_on(&self) -> Result<(), LabError> {
        self.set("power", "1").await
    }

    /// Switches the node off without a BMC.
    ///
    /// # Errors
    /// If the hook fails.
    pub async fn switch_off(&self) -> Result<(), LabError> {
        self.set("power", "0").await
    }

    /// Asks the node to shut down, as by a short press of its button; it is off some time later.
    ///
    /// # Errors
    /// If the hook fails.
    pub async fn shut_down(&self) -> Result<(), LabError> {
        self.set("shutdown", "1").await
    }

    async fn set(&self, parameter: &str, value: &str) -> Result<(), LabError> {
        let mut line = std::process::Command::new(self.hook());
        line.arg(&self.dir).args(["set", parameter, value]);
        output(line).await.map(drop)
    }

    /// Switches the node off as somebody with a hand on the cable would.
    pub fn pull_the_plug(&self) {
        end_node(&self.dir);
    }

    fn read(&self, name: &str) -> Option<String> {
        let text = std::fs::read_to_string(self.dir.join(name)).ok()?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }
}
