//! BIND, Knot, PowerDNS, dnsmasq, Nautobot, NetBox, Prometheus, Alertmanager, directories and tables, the real ones, against the trials of
//! their traits; and this layer's steps on them.

mod alertmanager;
mod csv;
mod directory;
mod failures;
mod faulty_way;
mod hosts_directory;
mod http_sd;
mod nautobot;
mod netbox;
mod own_dns;
mod powerdns;
mod primary;
mod prometheus;
mod rest_rig;
mod rest_trials;
mod runs;
mod shortages;
mod slow_way;
mod step;
mod tls_way;
mod updates;
mod zones;

use std::future::Future;
use std::process::ExitCode;

use dip_core::conformance::{Failure, Trial, Verdict, not_installed, run_as_tests};
use dip_lab::Requirement;
use tokio::runtime::Handle;

/// Waits for the lab, whose futures need not be `Send`, within a trial, whose future must be.
pub(crate) fn wait<F: Future>(lab: F) -> F::Output {
    tokio::task::block_in_place(|| Handle::current().block_on(lab))
}

/// What was found must be what is wanted.
pub(crate) fn is(what: &str, found: &str, wanted: &str) -> Result<(), Failure> {
    if found == wanted { Ok(()) } else { Err(format!("{what} is `{found}` and should be `{wanted}`").into()) }
}

/// A trial that starts its own server, where that is installed.
pub(crate) async fn tried(
    requirement: Requirement,
    trial: impl Future<Output = Result<(), Failure>>,
) -> Result<Verdict, Failure> {
    match requirement.check() {
        Err(missing) => not_installed(missing.to_string()),
        Ok(()) => trial.await.map(|()| Verdict::Passed),
    }
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime can be built");
    let trials: Vec<Trial> = runtime.block_on(async {
        let (updates, powerdns, hosts, nautobot, netbox, prometheus, alerts) = tokio::join!(
            updates::trials(),
            powerdns::trials(),
            hosts_directory::trials(),
            nautobot::trials(),
            netbox::trials(),
            prometheus::trials(),
            alertmanager::trials()
        );
        updates
            .into_iter()
            .chain(powerdns)
            .chain(nautobot)
            .chain(netbox)
            .chain(prometheus)
            .chain(alerts)
            .chain(csv::trials())
            .chain(directory::trials())
            .chain(own_dns::trials())
            .chain(hosts)
            .chain(failures::trials())
            .chain(shortages::trials())
            .chain(runs::trials())
            .collect()
    });
    run_as_tests(&runtime, trials)
}
