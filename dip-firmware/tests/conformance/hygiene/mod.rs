//! The steps that keep a controller itself in order, on real BMCs, models of several makers' and one that locks its users.

mod bmc_of_ipmi;
mod certificates;
mod forward;
mod guarded;
mod passwords;
mod settings;
mod tls_bmc;

use dip_core::conformance::Trial;

pub(crate) async fn trials() -> Vec<Trial> {
    let mut trials = bmc_of_ipmi::trials().await;
    trials.extend(passwords::trials());
    trials.extend(certificates::trials());
    trials.extend(settings::trials().await);
    trials
}
