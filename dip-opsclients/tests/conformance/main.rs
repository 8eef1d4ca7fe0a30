//! The steps of this layer on a real host: time against a real NTP server, the resolver against BIND, the log against a real
//! receiver, SSH logins, certificates that openssl verifies, a package proxy, memcached, and configuration agents.
//!
//! Needs three hosts: the first is the node, the second its NTP server and its receiver of logs, the third has the servers of
//! configuration systems.

mod agents;
mod basics;
mod caches;
mod cinc;
mod families;
mod lab;
mod logs;
mod prepared;
mod puppet_server;
mod salt;
mod trust;

use std::process::ExitCode;
use std::sync::Arc;

use dip_core::conformance::{Trial, not_installed, run_as_tests};
use dip_lab::Requirement;

use agents::*;
use basics::*;
use caches::*;
use cinc::*;
use families::*;
use lab::Lab;
use logs::*;
use puppet_server::*;
use salt::*;
use trust::*;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a test can start a runtime");
    if let Err(missing) = Requirement::check_all(&[Requirement::Hosts, Requirement::Bind]) {
        let why = missing.to_string();
        return run_as_tests(&runtime, vec![Trial::new("opsclients", move || async { not_installed(why) })]);
    }
    let lab = match runtime.block_on(Lab::start()) {
        Ok(lab) => Arc::new(lab),
        Err(error) => {
            let why = error.to_string();
            return run_as_tests(&runtime, vec![Trial::new("opsclients", move || async { Err(why.into()) })]);
        }
    };
    let mut trials = Vec::new();
    macro_rules! trials {
        ($($name:ident),* $(,)?) => {
            $({
                let lab = lab.clone();
                trials.push(Trial::new(stringify!($name), move || async move { $name(&lab).await }));
            })*
        };
    }
    trials![
        a_node_follows_the_site_time,
        a_server_that_is_not_there_is_not_followed,
        a_node_finds_its_own_name_through_the_site_resolver,
        a_name_that_is_not_registered_is_told,
        a_node_with_systemd_resolved_finds_its_name_by_that,
        a_node_serves_its_metrics_to_others,
        a_message_of_the_node_is_seen_at_the_receiver,
        a_message_by_tls_is_seen_at_the_receiver,
        a_receiver_that_is_away_and_one_that_cannot_be_read_are_told,
        a_node_and_its_users_are_believed_by_certificates_alone,
        a_node_holds_a_certificate_that_openssl_verifies,
        who_uses_a_certificate_is_told_of_it_after_a_failure_too,
        a_node_asks_a_package_proxy,
        a_node_with_dnf_asks_a_package_proxy,
        a_node_with_zypper_asks_a_package_proxy,
        a_node_runs_a_memcached,
        a_playbook_brings_a_node_to_order_and_a_failure_is_the_steps_own,
        a_manifest_brings_a_node_to_order,
        a_node_that_has_systemd_timesyncd_alone_follows_by_it,
        a_node_that_a_puppet_server_does_not_know_is_signed_for_and_gets_its_catalogue,
        what_a_puppet_server_refuses_is_told_with_what_to_do,
        a_minion_is_accepted_at_its_master_and_gets_its_states,
        what_a_salt_master_refuses_is_told_with_what_to_do,
        what_ohai_knows_of_a_node_comes_back,
        cookbooks_bring_a_node_to_order,
        what_cinc_says_is_told_apart_from_what_it_runs,
    ];
    for (name, list) in [
        ("agents", agents::conformance(&lab)),
        ("puppet_server", puppet_server::conformance(&lab)),
        ("salt", salt::conformance(&lab)),
        ("cinc", cinc::conformance(&lab)),
    ] {
        match list {
            Ok(more) => trials.extend(more),
            Err(error) => {
                let why = error.to_string();
                trials.push(Trial::new(name, move || async { Err(why.into()) }));
            }
        }
    }
    let outcome = run_as_tests(&runtime, trials);
    // Servers and hosts are stopped by their drop.
    drop(lab);
    outcome
}
