//! The seven layers together.

use dip_core::layer::Layers;

/// All seven layers of dip. A program with layers of its own adds them: `dip::layers().with(MyLayer)`.
#[must_use]
pub fn layers() -> Layers {
    Layers::new()
        .with(dip_network::NetworkLayer)
        .with(dip_firmware::FirmwareLayer)
        .with(dip_os::OsLayer)
        .with(dip_opsclients::OpsClientsLayer)
        .with(dip_apps::AppsLayer)
        .with(dip_opsmgmt::OpsMgmtLayer)
        .with(dip_cluster::ClusterLayer)
}
