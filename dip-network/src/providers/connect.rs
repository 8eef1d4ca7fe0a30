//! From the kinds in a site file to providers. Kinds that this layer does not know are left to others.

use std::sync::Arc;

use dip_core::layer::ConnectError;
use dip_core::provider::{Providers, Whereabouts};
use dip_core::secret::Secrets;
use dip_core::site::Site;
use dip_core::subject::Subject;

use crate::provider::MlagPair;
use crate::settings::{DNSMASQ, ISC_DHCPD, KEA, NETCONF, OPENVSWITCH, SNMP};

/// Registers a provider for each DHCP service, each switch and each PDU of the site, and tells all that is wrong.
pub(crate) fn connect(site: &Site, secrets: &dyn Secrets, providers: &mut Providers) -> Vec<ConnectError> {
    let mut errors = Vec::new();
    for service in site.services.values() {
        let driver = &service.driver;
        let made = match driver.kind.as_str() {
            DNSMASQ => dnsmasq(driver.read()),
            ISC_DHCPD => isc_dhcpd(driver.read(), secrets),
            KEA => kea(driver.read(), secrets),
            _ => continue,
        };
        let wrong = |why: String| ConnectError::service(service, why);
        keep(made, &mut errors, wrong, |dhcp| {
            providers.insert::<dyn crate::provider::Dhcp>(&Subject::service(&service.name), dhcp);
        });
    }
    for switch in site.switches.values() {
        let Some(driver) = &switch.driver else { continue };
        let pair = switch.peer.as_ref().map(|peer| MlagPair::new(&site.name, &switch.name, peer));
        let made = match driver.kind.as_str() {
            NETCONF => netconf(driver.read(), secrets, pair),
            OPENVSWITCH => openvswitch(driver.read(), pair),
            _ => continue,
        };
        let wrong = |why| ConnectError::new(format!("switch `{}`", switch.name), driver.origin.as_ref(), why);
        keep(made, &mut errors, wrong, |found| {
            providers.insert::<dyn crate::provider::Switch>(&Subject::switch(&switch.name), found);
        });
    }
    for pdu in site.pdus.values() {
        let Some(driver) = pdu.driver.as_ref().filter(|driver| driver.kind.as_str() == SNMP) else { continue };
        let wrong = |why| ConnectError::new(format!("PDU `{}`", pdu.name), driver.origin.as_ref(), why);
        keep(snmp(driver.read(), secrets), &mut errors, wrong, |found| {
            providers.insert::<dyn crate::provider::Pdu>(&Subject::pdu(&pdu.name), found);
        });
    }
    whereabouts(site, providers);
    errors
}

/// Registers who tells where interfaces are, by the DHCP servers that are there already. Right when these are: layers that connect
/// later look for it, for controllers that the site knows by their MAC addresses.
pub fn whereabouts(site: &Site, providers: &mut Providers) {
    if let Some(whereabouts) = super::SiteWhereabouts::of(site, providers) {
        providers.insert::<dyn Whereabouts>(&Subject::addresses(&site.name), Arc::new(whereabouts));
    }
}

/// Registers what stands on other providers that are there already: the addresses of a site, on its DHCP servers and address books,
/// and the mains of its nodes, on its PDUs.
pub fn beside(site: &Site, providers: &mut Providers) {
    if let Some(ranges) = super::SiteRanges::of(site, providers) {
        providers.insert::<dyn dip_core::provider::Ipam>(&Subject::addresses(&site.name), Arc::new(ranges));
    }
    for node in site.nodes.values() {
        if let Some(mains) = super::Mains::of(node, providers) {
            providers.insert::<dyn dip_core::provider::Power>(&Subject::mains(&node.name), Arc::new(mains));
        }
    }
}

fn keep<T>(
    made: Result<T, String>,
    errors: &mut Vec<ConnectError>,
    wrong: impl FnOnce(String) -> ConnectError,
    insert: impl FnOnce(T),
) {
    match made {
        Ok(provider) => insert(provider),
        Err(why) => errors.push(wrong(why)),
    }
}

type Read<T> = Result<T, serde_json::Error>;

#[cfg(feature = "dnsmasq")]
fn dnsmasq(settings: Read<crate::settings::DnsmasqSettings>) -> Result<Arc<dyn crate::provider::Dhcp>, String> {
    let settings = settings.map_err(|error| error.to_string())?;
    Ok(Arc::new(super::dnsmasq::Dnsmasq::new(settings)))
}

#[cfg(not(feature = "dnsmasq"))]
fn dnsmasq(_: Read<crate::settings::DnsmasqSettings>) -> Result<Arc<dyn crate::provider::Dhcp>, String> {
    Err("this program was built without the feature `dnsmasq` of dip-network".to_owned())
}

#[cfg(feature = "isc-dhcpd")]
fn isc_dhcpd(
    settings: Read<crate::settings::IscDhcpdSettings>,
    secrets: &dyn Secrets,
) -> Result<Arc<dyn crate::provider::Dhcp>, String> {
    let settings = settings.map_err(|error| error.to_string())?;
    Ok(Arc::new(super::isc_dhcpd::IscDhcpd::new(&settings, secrets)?))
}

#[cfg(not(feature = "isc-dhcpd"))]
fn isc_dhcpd(
    _: Read<crate::settings::IscDhcpdSettings>,
    _: &dyn Secrets,
) -> Result<Arc<dyn crate::provider::Dhcp>, String> {
    Err("this program was built without the feature `isc-dhcpd` of dip-network".to_owned())
}

#[cfg(feature = "kea")]
fn kea(
    settings: Read<crate::settings::KeaSettings>,
    secrets: &dyn Secrets,
) -> Result<Arc<dyn crate::provider::Dhcp>, String> {
    let settings = settings.map_err(|error| error.to_string())?;
    Ok(Arc::new(super::kea::Kea::new(&settings, secrets)?))
}

#[cfg(not(feature = "kea"))]
fn kea(_: Read<crate::settings::KeaSettings>, _: &dyn Secrets) -> Result<Arc<dyn crate::provider::Dhcp>, String> {
    Err("this program was built without the feature `kea` of dip-network".to_owned())
}

#[cfg(feature = "netconf")]
fn netconf(
    settings: Read<crate::settings::NetconfSettings>,
    secrets: &dyn Secrets,
    pair: Option<MlagPair>,
) -> Result<Arc<dyn crate::provider::Switch>, String> {
    let settings = settings.map_err(|error| error.to_string())?;
    let target = super::netconf::NetconfTarget::of(&settings, secrets)?;
    let switch = super::netconf::Netconf::new(target);
    Ok(Arc::new(match pair {
        Some(pair) => switch.of_pair(pair),
        None => switch,
    }))
}

#[cfg(not(feature = "netconf"))]
fn netconf(
    _: Read<crate::settings::NetconfSettings>,
    _: &dyn Secrets,
    _: Option<MlagPair>,
) -> Result<Arc<dyn crate::provider::Switch>, String> {
    Err("this program was built without the feature `netconf` of dip-network".to_owned())
}

#[cfg(feature = "openvswitch")]
fn openvswitch(
    settings: Read<crate::settings::OpenVSwitchSettings>,
    pair: Option<MlagPair>,
) -> Result<Arc<dyn crate::provider::Switch>, String> {
    let settings = settings.map_err(|error| error.to_string())?;
    let address = settings.address.parse::<super::openvswitch::OvsdbAddress>().map_err(|error| error.to_string())?;
    let switch = super::openvswitch::OpenVSwitch::new(address, settings.bridge);
    Ok(Arc::new(match pair {
        Some(pair) => switch.of_pair(pair),
        None => switch,
    }))
}

#[cfg(not(feature = "openvswitch"))]
fn openvswitch(
    _: Read<crate::settings::OpenVSwitchSettings>,
    _: Option<MlagPair>,
) -> Result<Arc<dyn crate::provider::Switch>, String> {
    Err("this program was built without the feature `openvswitch` of dip-network".to_owned())
}

#[cfg(feature = "snmp")]
fn snmp(
    settings: Read<crate::settings::SnmpSettings>,
    secrets: &dyn Secrets,
) -> Result<Arc<dyn crate::provider::Pdu>, String> {
    let settings = settings.map_err(|error| error.to_string())?;
    let pdu = super::snmp::SnmpPdu::new(&settings, secrets);
    Ok(Arc::new(pdu.map_err(|error| dip_core::provider::sentence(&error))?))
}

#[cfg(not(feature = "snmp"))]
fn snmp(_: Read<crate::settings::SnmpSettings>, _: &dyn Secrets) -> Result<Arc<dyn crate::provider::Pdu>, String> {
    Err("this program was built without the feature `snmp` of dip-network".to_owned())
}
