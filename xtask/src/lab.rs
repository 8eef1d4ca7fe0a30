//! `cargo xtask lab up|down`: a datacenter that stays up until it is taken down.

use std::path::PathBuf;

use dip_lab::Datacenter;

use crate::tool::{Done, repository};

pub(crate) fn up() -> Done {
    let dir = directory();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    println!("starting the lab in {}", dir.display());
    let layout = runtime.block_on(Datacenter::up_in(&dir))?;
    for node in &layout.nodes {
        println!(
            "  {}: off, BMC {} ({:?}), switch port {} in VLAN {}",
            node.name, node.bmc, node.bmc_protocol, node.port, layout.wrong_vlan
        );
    }
    println!(
        "  DNS {}, NTP {}, Prometheus http://{}, OVSDB tcp:{}",
        layout.dns, layout.ntp, layout.prometheus, layout.ovsdb
    );
    println!("the site file is {}", dir.join("site.yaml").display());
    println!("take it down with `cargo xtask lab down`");
    Ok(())
}

pub(crate) fn down() -> Done {
    let dir = directory();
    Datacenter::down_in(&dir)?;
    println!("the lab in {} is down", dir.display());
    Ok(())
}

fn directory() -> PathBuf {
    repository().join(".dip/lab")
}
