//! The Puppet server on a host of the lab.

use std::time::Duration;

use crate::error::LabError;
use crate::hosts::Host;
use crate::ready::until;

/// It needs 40 s of two idle processors to start, and tests start it beside builds.
const START: Duration = Duration::from_secs(600);

/// The Puppet server on a host that has [`Overlay::PuppetServer`](crate::Overlay). It signs nothing by itself.
#[derive(Debug, Clone, Copy)]
pub struct PuppetServer<'h> {
    host: &'h Host,
}

impl<'h> PuppetServer<'h> {
    /// The server on a host.
    pub fn on(host: &'h Host) -> Self {
        Self { host }
    }

    /// Begins to start it under a name, by which clients and the server itself must find the host.
    ///
    /// # Errors
    /// If the host does not take its settings.
    pub async fn begin(self, name: &str) -> Result<(), LabError> {
        let address = self.host.address;
        // Half a gibibyte is enough for one interpreter; compiled lightly, it starts sooner.
        let script = format!(
            "echo '{address} {name}' >>/etc/hosts\n\
             printf '[main]\\ncertname = {name}\\nserver = {name}\\n' >/etc/puppet/puppet.conf\n\
             sed -i 's/-Xms1g -Xmx1g/-Xms256m -Xmx512m -XX:TieredStopAtLevel=1/' /etc/default/puppetserver\n\
             echo 'jruby-puppet.max-active-instances: 1' >>/etc/puppet/puppetserver/conf.d/puppetserver.conf\n\
             systemctl start --no-block puppetserver"
        );
        self.host.ssh(&script).await.map(drop)
    }

    /// Waits until it has started.
    ///
    /// # Errors
    /// If it does not, with the end of its log.
    pub async fn ready(self) -> Result<(), LabError> {
        let active = || async { self.host.ssh("systemctl is-active puppetserver").await.is_ok() };
        if until(START, active).await {
            return Ok(());
        }
        let log = "journalctl -n 15 -u puppetserver --no-pager -o cat";
        Err(LabError::NotReady {
            server: format!("the Puppet server on {}", self.host.name),
            waited: START,
            log: "/var/log/puppetserver/puppetserver.log".into(),
            tail: self.host.ssh(log).await?,
        })
    }

    /// Writes the manifest of an environment.
    ///
    /// # Errors
    /// If the host does not take it.
    pub async fn write_manifest(self, environment: &str, text: &str) -> Result<(), LabError> {
        let directory = format!("/etc/puppet/code/environments/{environment}/manifests");
        let script =
            format!("mkdir -p {directory} && cat >{directory}/site.pp <<'END_OF_MANIFEST'\n{text}\nEND_OF_MANIFEST");
        self.host.ssh(&script).await.map(drop)
    }
}
