//! From a modelled BMC to the real Redfish provider that speaks to it.

use std::sync::Arc;

use dip_core::id::NodeName;
use dip_core::secret::Secret;
use dip_core::subject::Subject;
use dip_firmware::models::Model;
use dip_firmware::provider::Bmc;
use dip_firmware::providers::Redfish;
use dip_firmware::settings::{REDFISH, RedfishSettings};

use crate::line::{Access, Line};
use crate::servers::{ModelledBmc, REQUEST};
use crate::world::{Body, World};

/// A client of the model, as the site file describes it as far as that concerns no network.
pub(crate) fn client(
    world: &Arc<World>,
    node: &NodeName,
    access: Access,
    model: Arc<Model<Body>>,
    user: &str,
    password: &Secret,
) -> Arc<dyn Bmc> {
    let line = Line::new(world, Subject::node(node), "sandbox BMC", REQUEST, access);
    let service = Arc::new(ModelledBmc::new(line, node.clone(), model));
    let told = world.site.nodes.get(node).and_then(|node| node.bmc.as_ref());
    let drivers = told.into_iter().flat_map(|bmc| &bmc.protocols);
    let mut of_redfish = drivers.filter(|driver| driver.kind.as_str() == REDFISH);
    let settings: Option<RedfishSettings> = of_redfish.find_map(|driver| driver.read().ok());
    let settings =
        RedfishSettings { quirks: settings.map(|told| told.quirks).unwrap_or_default(), ..RedfishSettings::default() };
    // Names of nodes are names of hosts.
    let client = Redfish::in_process(service, node.as_str(), user, password, &settings);
    Arc::new(client.expect("a node's name can stand in a URL"))
}
