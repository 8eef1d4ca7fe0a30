//! A Salt master on a host of the lab.

use std::time::Duration;

use crate::error::LabError;
use crate::hosts::Host;
use crate::ready::until;

/// It needs five seconds of an idle processor.
const START: Duration = Duration::from_secs(60);

/// The master on a host that has [`Overlay::Salt`](crate::Overlay). It accepts no key by itself.
#[derive(Debug, Clone, Copy)]
pub struct SaltMaster<'h> {
    host: &'h Host,
}

impl<'h> SaltMaster<'h> {
    /// The master on a host.
    pub fn on(host: &'h Host) -> Self {
        Self { host }
    }

    /// Starts it, if it does not run, and waits until it can be asked.
    ///
    /// # Errors
    /// If it does not start, with the end of its log.
    pub async fn start(self) -> Result<(), LabError> {
        let script = "systemctl is-active -q salt-master || {
            mkdir -p /etc/salt/master.d /srv/salt && printf 'user: root\\nworker_threads: 2\\n' >/etc/salt/master.d/lab.conf
            systemd-run -q --unit=salt-master salt-master
        }";
        self.host.ssh(script).await?;
        // Port 4506 is the last that it opens (the request server).
        let open = || async { self.host.ssh("ss -ltn | grep -q ':4506 '").await.is_ok() };
        if until(START, open).await {
            return Ok(());
        }
        Err(LabError::NotReady {
            server: format!("the Salt master on {}", self.host.name),
            waited: START,
            log: "/var/log/salt/master".into(),
            tail: self.host.ssh("journalctl -n 15 -u salt-master --no-pager -o cat").await?,
        })
    }

    /// Writes a file of states; `top` says which of them a minion gets.
    ///
    /// # Errors
    /// If the host does not take it.
    pub async fn write_states(self, name: &str, text: &str) -> Result<(), LabError> {
        let script =
            format!("mkdir -p /srv/salt && cat >/srv/salt/{name}.sls <<'END_OF_STATES'\n{text}\nEND_OF_STATES");
        self.host.ssh(&script).await.map(drop)
    }
}
