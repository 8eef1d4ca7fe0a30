//! The conformance lists of all layers on the simulated datacenter: the same lists that the real servers pass.

mod bmc;
mod datacenter;
mod dhcp;
mod etcd;
mod host;
mod ipam;
mod mains;
mod opsmgmt;
mod pdu;
mod switch;

use std::process::ExitCode;
use std::sync::Arc;

use datacenter::Datacenter;
use dip_core::conformance::Trial;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build();
    let runtime = runtime.expect("a runtime with one thread needs little");
    let datacenter = Arc::new(Datacenter::new());
    let trials = vec![
        ("switch", dip_network::conformance::switch(Arc::new(switch::Harness::new(&datacenter)))),
        ("dhcp", dip_network::conformance::dhcp(Arc::new(dhcp::Harness::new(&datacenter)))),
        ("addresses", dip_network::conformance::ipam(Arc::new(ipam::Harness::new(&datacenter)))),
        ("pool", dip_core::conformance::pool(Arc::new(ipam::Pool::new(&datacenter)))),
        ("mains", dip_network::conformance::mains(Arc::new(mains::Harness::new(&datacenter)))),
        ("pdu", dip_network::conformance::pdu(Arc::new(pdu::Harness::new(&datacenter)))),
        ("bmc", dip_firmware::conformance::bmc(&bmc::harness(&datacenter))),
        ("bmc", bmc::abilities(&bmc::harness(&datacenter))),
        ("host", dip_os::conformance::host(Arc::new(host::Harness::new(&datacenter)))),
        ("dns", dip_opsmgmt::conformance::dns(Arc::new(opsmgmt::Harness::new(&datacenter)))),
        ("cmdb", dip_opsmgmt::conformance::cmdb(Arc::new(opsmgmt::Harness::new(&datacenter)))),
        ("monitoring", dip_opsmgmt::conformance::monitor(Arc::new(opsmgmt::Monitoring::new(&datacenter)))),
        ("alertmanager", dip_opsmgmt::conformance::alerts(Arc::new(opsmgmt::Harness::new(&datacenter)))),
        ("etcd", dip_apps::conformance::workload(Arc::new(etcd::Harness::new(&datacenter)))),
        ("etcd", dip_cluster::conformance::membership(Arc::new(etcd::Harness::new(&datacenter)))),
        // It takes a member out for good, so it comes last.
        ("etcd", vec![dip_cluster::conformance::membership_of_one_less(Arc::new(etcd::Harness::new(&datacenter)))]),
    ];
    #[cfg(feature = "models")]
    let trials = trials.into_iter().chain(bmc::of_makers());
    let trials = trials
        .into_iter()
        .flat_map(|(server, trials)| trials.into_iter().map(move |trial| on_virtual_time(trial.on(server))));
    dip_core::conformance::run_as_tests(&runtime, trials.collect())
}

/// The trial within a runtime of its own whose clock is paused; the datacenter's own time goes on from one to the next.
fn on_virtual_time(trial: Trial) -> Trial {
    let name = trial.name().to_owned();
    Trial::new(name, move || async move { tokio::task::spawn_blocking(move || dip_sandbox::run(trial.run())).await? })
}
