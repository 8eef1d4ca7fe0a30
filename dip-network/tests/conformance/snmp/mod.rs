//! net-snmp's agent as a PDU of each product under trial; the processes behind its outlets tell what really came of it.

mod further;
mod rig;

use std::sync::Arc;

use dip_core::conformance::{Trial, not_installed, trials_of};
use dip_lab::Requirement;
use dip_network::conformance::{self, MainsHarness, PduHarness};
use dip_network::settings::SnmpDigest;

use further::{
    a_card_that_was_replaced_is_reached_again, a_community_that_may_only_read_is_denied, a_cycle_is_written_once,
    a_map_without_a_cycle_is_switched_twice, a_pdu_of_a_site_file_is_connected,
    a_product_that_nobody_knows_is_told_and_a_map_of_the_site_serves, a_user_that_may_only_read_is_denied,
    a_wrong_community_is_silence_with_advice, an_agent_that_restarted_is_reached_again,
    each_wrong_credential_is_told_as_far_as_the_agent_tells_it,
};
use rig::{Access, RARITAN, RPDU, RPDU2, Rig, SENTRY3, SENTRY4};

pub(crate) async fn trials() -> Vec<Trial> {
    const SHA256: Access = Access::V3(SnmpDigest::Sha256);
    let rigs = [
        ("snmpd apc-rpdu2 v2c", RPDU2, Access::V2c),
        ("snmpd apc-rpdu2 v3 SHA-1", RPDU2, Access::V3(SnmpDigest::Sha1)),
        ("snmpd apc-rpdu2 v3", RPDU2, SHA256),
        ("snmpd apc-rpdu v3", RPDU, SHA256),
        ("snmpd raritan-pdu2 v3", RARITAN, SHA256),
        ("snmpd servertech-sentry3 v3", SENTRY3, SHA256),
        ("snmpd servertech-sentry4 v3", SENTRY4, SHA256),
    ];
    if let Err(missing) = Requirement::Snmp.check() {
        return vec![Trial::new("all_trials", move || async move { not_installed(missing.to_string()) }).on("snmpd")];
    }
    let mut trials = Vec::new();
    for (server, product, access) in rigs {
        match Rig::start(product, access).await {
            Ok(rig) => trials.extend(of(Arc::new(rig)).into_iter().map(|trial| trial.on(server))),
            Err(failure) => trials.push(Trial::new("it_starts", move || async move { Err(failure) }).on(server)),
        }
    }
    trials
}

fn of(rig: Arc<Rig>) -> Vec<Trial> {
    let mut trials = conformance::pdu(Arc::clone(&rig) as Arc<dyn PduHarness>);
    if rig.access == Access::V3(SnmpDigest::Sha256) && rig.product.name == RPDU2.name {
        trials.extend(conformance::mains(Arc::clone(&rig) as Arc<dyn MainsHarness>));
    }
    match (rig.product.name, rig.access) {
        ("apc-rpdu2", Access::V2c) => {
            trials.extend(trials_of! {rig;
                a_wrong_community_is_silence_with_advice
                a_community_that_may_only_read_is_denied
                a_product_that_nobody_knows_is_told_and_a_map_of_the_site_serves
                a_map_without_a_cycle_is_switched_twice
            });
        }
        ("apc-rpdu2", Access::V3(SnmpDigest::Sha256)) => {
            trials.extend(trials_of! {rig;
                each_wrong_credential_is_told_as_far_as_the_agent_tells_it
                a_user_that_may_only_read_is_denied
                an_agent_that_restarted_is_reached_again
            a_card_that_was_replaced_is_reached_again
                a_cycle_is_written_once
                a_pdu_of_a_site_file_is_connected
            });
        }
        _ => {}
    }
    trials
}
