//! The BMC providers against real servers (`ipmi_sim`, the Redfish emulator), recorded and scripted Redfish answers, and the
//! layer's steps on them.

mod bench;
mod http;
mod hygiene;
mod ipmi;
mod ipmi_facets;
mod machine;
mod makers;
mod model;
mod recorded;
mod redfish;
mod scripted;
mod several;
mod skeleton;
mod steps;

use std::process::ExitCode;

use dip_core::conformance::{Trial, run_as_tests};

fn main() -> ExitCode {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime starts");
    let trials = runtime.block_on(async {
        let mut trials: Vec<Trial> = scripted::trials();
        trials.extend(recorded::trials());
        trials.extend(makers::trials().await.expect("a model listens on a free port of this host"));
        trials.extend(ipmi::trials().await);
        trials.extend(ipmi_facets::trials().await);
        trials.extend(redfish::trials().await);
        trials.extend(several::trials().await);
        trials.extend(steps::trials().await);
        trials.extend(hygiene::trials().await);
        trials
    });
    run_as_tests(&runtime, trials)
}
