//! A network namespace that is removed with what runs in it.

use std::fs::File;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::command::{command, output, run};
use crate::error::LabError;
use crate::ledger::{Entry, delete_namespace};
use crate::scratch::Scratch;

/// A network namespace of the lab, with its loopback interface up.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    scratch: Scratch,
}

impl Namespace {
    /// Makes a namespace with a name that no other lab uses.
    pub(crate) async fn create(scratch: &Scratch) -> Result<Self, LabError> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        Self::named(scratch, &format!("dipns{}-{number}", std::process::id())).await
    }

    /// Makes a namespace with the given name; fails if it exists, so that a name is a reservation too.
    pub(crate) async fn named(scratch: &Scratch, name: &str) -> Result<Self, LabError> {
        run("ip", ["netns", "add", name]).await?;
        scratch.record(&Entry::Namespace(name.to_owned()))?;
        let namespace = Self { name: name.to_owned(), scratch: scratch.clone() };
        namespace.ip(&["link", "set", "lo", "up"]).await?;
        Ok(namespace)
    }

    /// Its name, for `ip netns exec`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs a program in the namespace and gives its standard output.
    ///
    /// # Errors
    /// If it cannot be run, fails, or runs for longer than a minute.
    pub async fn run(&self, program: &str, args: &[&str]) -> Result<String, LabError> {
        let mut line = self.command(program);
        line.args(args);
        output(line).await
    }

    /// Opens a UDP socket in the namespace, where it stays, whoever reads it.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn bind(&self, addr: SocketAddr) -> Result<UdpSocket, LabError> {
        let failed = |source| LabError::file("open a socket in", &self.name, source);
        let way = self.way_in()?;
        // A namespace is entered by one thread.
        let thread = std::thread::spawn(move || {
            way.enter()?;
            UdpSocket::bind(addr)
        });
        thread.join().map_err(|_| failed(std::io::Error::other("its thread panicked")))?.map_err(failed)
    }

    /// What a thread enters it by.
    pub(crate) fn way_in(&self) -> Result<WayIn, LabError> {
        let opened = File::open(format!("/run/netns/{}", self.name));
        opened.map(WayIn).map_err(|source| LabError::file("open the namespace", &self.name, source))
    }

    pub(crate) async fn ip(&self, args: &[&str]) -> Result<String, LabError> {
        run("ip", ["-n", &self.name].iter().chain(args)).await
    }

    pub(crate) fn command(&self, program: &str) -> Command {
        let mut line = command("ip");
        line.args(["netns", "exec", &self.name, program]);
        line
    }
}

/// The way into a namespace, for the thread that takes it.
#[derive(Debug)]
pub(crate) struct WayIn(File);

impl WayIn {
    /// Moves this thread in, for good: its sockets are those of the namespace from now on.
    pub(crate) fn enter(self) -> std::io::Result<()> {
        Ok(move_into_link_name_space(self.0.as_fd(), Some(LinkNameSpaceType::Network))?)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if !self.scratch.kept() {
            delete_namespace(&self.name);
        }
    }
}
