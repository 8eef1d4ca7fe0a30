//! A /24 of its own for each lab, so that labs run side by side in one root namespace.

use std::net::Ipv4Addr;

use crate::error::LabError;
use crate::namespace::Namespace;
use crate::scratch::Scratch;

/// 10.93.N.0/24, reserved by the existence of the namespace `dipN`.
#[derive(Debug)]
pub(crate) struct Subnet {
    number: u8,
    namespace: Namespace,
}

impl Subnet {
    /// Takes the first that is free.
    pub(crate) async fn reserve(scratch: &Scratch) -> Result<Self, LabError> {
        for number in 0..=254 {
            let name = format!("dip{number}");
            if std::path::Path::new("/run/netns").join(&name).exists() {
                continue;
            }
            match Namespace::named(scratch, &name).await {
                Ok(namespace) => return Ok(Self { number, namespace }),
                // Somebody was faster: take the next.
                Err(LabError::Command { reason, .. }) if reason.contains("File exists") => {}
                Err(other) => return Err(other),
            }
        }
        Err(LabError::NoSubnet)
    }

    pub(crate) fn number(&self) -> u8 {
        self.number
    }

    pub(crate) fn address(&self, host: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 93, self.number, host)
    }

    /// The name of the namespace, also used for the interface in the root namespace.
    pub(crate) fn name(&self) -> &str {
        self.namespace.name()
    }

    pub(crate) fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// A hardware address that is unique among labs.
    pub(crate) fn mac(&self, host: u8) -> String {
        format!("02:5d:1b:00:{:02x}:{host:02x}", self.number)
    }
}
