//! What the site has in its DHCP servers: reservations that nothing asks for any more, and who holds one.

use std::collections::BTreeSet;

use dip_core::operation::OperationError;
use dip_core::orphan::{HeldRecord, Leftovers, Orphan, Unlisted};
use dip_core::provider::{Holder, Providers, sentence};
use dip_core::site::Site;
use dip_core::step::Step;
use dip_core::subject::Subject;
use serde_json::json;

use crate::provider::Dhcp;
use crate::settings::DHCP_KINDS;
use crate::steps::ReserveAddress;

/// The reservations with the site's mark that are of no interface of its file. A node that is absent has its own plan.
pub(crate) async fn leftovers(site: &Site, providers: &Providers) -> Leftovers {
    let known: BTreeSet<_> =
        site.nodes.values().flat_map(|node| node.nics.values()).filter_map(|nic| nic.mac).collect();
    let mut found = Leftovers::default();
    for service in site.services_of(DHCP_KINDS) {
        let Ok(dhcp) = providers.find::<dyn Dhcp>(&Subject::service(&service.name)) else { continue };
        let service = service.name.to_string();
        match dhcp.list().await {
            Ok(list) => {
                let ours = list.into_iter().filter(|held| held.owner.as_ref() == Some(&site.name));
                let orphans = ours.filter(|held| !known.contains(&held.reservation.mac)).map(|held| {
                    let mac = held.reservation.mac.to_string();
                    let what = format!("reservation of {mac}");
                    Orphan { of: held.reservation.host_name.unwrap_or(mac), service: service.clone(), what }
                });
                found.orphans.extend(orphans);
            }
            Err(error) => found.unlisted.push(Unlisted { service, why: sentence(&error) }),
        }
    }
    found
}

/// The reservation that a step would write.
pub(crate) async fn held(step: &Step, providers: &Providers) -> Result<Option<HeldRecord>, OperationError> {
    let Some(ReserveAddress { service, reservation, .. }) = step.call.as_operation() else { return Ok(None) };
    let held = providers.find::<dyn Dhcp>(&Subject::service(&service))?.reservation(reservation.mac).await?;
    Ok(held.map(|held| HeldRecord { holder: Holder::from(held.owner), says: json!(held.reservation) }))
}

/// Takes the site's mark off the reservation that a step writes.
pub(crate) async fn disown(step: &Step, providers: &Providers) -> Result<(), OperationError> {
    if let Some(ReserveAddress { service, reservation, site, .. }) = step.call.as_operation() {
        providers.find::<dyn Dhcp>(&Subject::service(&service))?.disown(reservation.mac, &site).await?;
    }
    Ok(())
}
