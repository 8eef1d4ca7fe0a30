//! From the kinds in a site file to providers. Kinds that this layer does not know are left to others.

use std::sync::Arc;

use dip_core::id::SiteName;
use dip_core::layer::{ConnectError, Unusable};
use dip_core::provider::Providers;
use dip_core::secret::Secrets;
use dip_core::site::{Driver, Site};
use dip_core::subject::Subject;

use crate::provider::{Cmdb, Dns};
use crate::settings::{ALERTMANAGER, CSV, DIRECTORY, DNSMASQ_HOSTS, NAUTOBOT, NETBOX, POWERDNS, PROMETHEUS, RFC2136};

/// Registers a provider for each DNS, CMDB and monitoring service of the site, and tells all that is wrong.
pub(crate) fn connect(site: &Site, secrets: &dyn Secrets, providers: &mut Providers) -> Vec<ConnectError> {
    let mut errors = Vec::new();
    for service in site.services.values() {
        let (subject, driver) = (Subject::service(&service.name), &service.driver);
        let made = match driver.kind.as_str() {
            RFC2136 => rfc2136(driver, secrets).map(|dns| providers.insert::<dyn Dns>(&subject, dns)),
            POWERDNS => powerdns(driver, secrets).map(|dns| providers.insert::<dyn Dns>(&subject, dns)),
            DNSMASQ_HOSTS => hosts_directory(driver).map(|dns| providers.insert::<dyn Dns>(&subject, dns)),
            DIRECTORY => directory(driver).map(|cmdb| providers.insert::<dyn Cmdb>(&subject, cmdb)),
            CSV => csv(driver).map(|cmdb| providers.insert::<dyn Cmdb>(&subject, cmdb)),
            NAUTOBOT | NETBOX => netbox(driver, &subject, secrets, providers),
            PROMETHEUS => prometheus(&subject, driver, providers),
            ALERTMANAGER => alertmanager(&site.name, &subject, driver, providers),
            _ => continue,
        };
        if let Err(why) = made {
            errors.push(ConnectError::service(service, why));
        }
    }
    super::beside(site, providers);
    errors
}

#[cfg(feature = "rfc2136")]
fn rfc2136(driver: &Driver, secrets: &dyn Secrets) -> Result<Arc<dyn Dns>, Unusable> {
    let settings = driver.read::<crate::settings::Rfc2136Settings>()?;
    let secret = secrets.resolve(&settings.key.secret)?;
    let dns = super::rfc2136::Rfc2136::new(&settings, &secret)
        .map_err(|error| Unusable::Setting(dip_core::provider::sentence(&error)))?;
    Ok(Arc::new(dns))
}

#[cfg(not(feature = "rfc2136"))]
fn rfc2136(_: &Driver, _: &dyn Secrets) -> Result<Arc<dyn Dns>, Unusable> {
    Err(without(RFC2136))
}

#[cfg(feature = "powerdns")]
fn powerdns(driver: &Driver, secrets: &dyn Secrets) -> Result<Arc<dyn Dns>, Unusable> {
    let settings = driver.read::<crate::settings::PowerDnsSettings>()?;
    let key = secrets.resolve(&settings.key)?;
    let dns = super::powerdns::PowerDns::new(&settings, &key)
        .map_err(|error| Unusable::Setting(dip_core::provider::sentence(&error)))?;
    Ok(Arc::new(dns))
}

#[cfg(not(feature = "powerdns"))]
fn powerdns(_: &Driver, _: &dyn Secrets) -> Result<Arc<dyn Dns>, Unusable> {
    Err(without(POWERDNS))
}

#[cfg(feature = "dnsmasq-hosts")]
fn hosts_directory(driver: &Driver) -> Result<Arc<dyn Dns>, Unusable> {
    Ok(Arc::new(super::hosts_directory::HostsDirectory::new(driver.read()?)))
}

#[cfg(not(feature = "dnsmasq-hosts"))]
fn hosts_directory(_: &Driver) -> Result<Arc<dyn Dns>, Unusable> {
    Err(without("dnsmasq-hosts"))
}

#[cfg(feature = "directory")]
fn directory(driver: &Driver) -> Result<Arc<dyn Cmdb>, Unusable> {
    Ok(Arc::new(super::directory::Directory::new(driver.read()?)))
}

#[cfg(not(feature = "directory"))]
fn directory(_: &Driver) -> Result<Arc<dyn Cmdb>, Unusable> {
    Err(without(DIRECTORY))
}

#[cfg(feature = "csv")]
fn csv(driver: &Driver) -> Result<Arc<dyn Cmdb>, Unusable> {
    Ok(Arc::new(super::csv::Csv::new(driver.read()?)))
}

#[cfg(not(feature = "csv"))]
fn csv(_: &Driver) -> Result<Arc<dyn Cmdb>, Unusable> {
    Err(without(CSV))
}

#[cfg(feature = "netbox")]
fn netbox(
    driver: &Driver,
    subject: &Subject,
    secrets: &dyn Secrets,
    providers: &mut Providers,
) -> Result<(), Unusable> {
    use super::netbox::{Dialect, Netbox};
    let settings = driver.read::<crate::settings::NetboxSettings>()?;
    let token = secrets.resolve(&settings.token)?;
    let dialect = if driver.kind.as_str() == NAUTOBOT { Dialect::Nautobot } else { Dialect::Netbox };
    let netbox = Netbox::new(settings, dialect, &token)
        .map_err(|error| Unusable::Setting(dip_core::provider::sentence(&error)))?;
    providers.insert::<dyn dip_core::provider::AddressPool>(subject, Arc::new(netbox.clone()));
    providers.insert::<dyn Cmdb>(subject, Arc::new(netbox));
    Ok(())
}

#[cfg(not(feature = "netbox"))]
fn netbox(_: &Driver, _: &Subject, _: &dyn Secrets, _: &mut Providers) -> Result<(), Unusable> {
    Err(without(NETBOX))
}

#[cfg(feature = "prometheus")]
fn prometheus(subject: &Subject, driver: &Driver, providers: &mut Providers) -> Result<(), Unusable> {
    use crate::provider::{Alerts, Monitor};
    let monitor = super::prometheus::Prometheus::new(driver.read()?)
        .map_err(|error| Unusable::Setting(dip_core::provider::sentence(&error)))?;
    let monitor = Arc::new(monitor);
    providers.insert::<dyn Monitor>(subject, Arc::clone(&monitor) as Arc<dyn Monitor>);
    providers.insert::<dyn Alerts>(subject, monitor);
    Ok(())
}

#[cfg(not(feature = "prometheus"))]
fn prometheus(_: &Subject, _: &Driver, _: &mut Providers) -> Result<(), Unusable> {
    Err(without(PROMETHEUS))
}

#[cfg(feature = "alertmanager")]
fn alertmanager(
    site: &SiteName,
    subject: &Subject,
    driver: &Driver,
    providers: &mut Providers,
) -> Result<(), Unusable> {
    use crate::provider::Alerts;
    use dip_core::provider::Silences;
    let server = super::alertmanager::Alertmanager::new(driver.read()?)
        .map_err(|error| Unusable::Setting(dip_core::provider::sentence(&error)))?;
    let server = Arc::new(server);
    providers.insert::<dyn Alerts>(subject, Arc::clone(&server) as Arc<dyn Alerts>);
    providers.insert::<dyn Silences>(&Subject::alerts(site), server);
    Ok(())
}

#[cfg(not(feature = "alertmanager"))]
fn alertmanager(_: &SiteName, _: &Subject, _: &Driver, _: &mut Providers) -> Result<(), Unusable> {
    Err(without(ALERTMANAGER))
}

#[cfg(not(all(
    feature = "alertmanager",
    feature = "rfc2136",
    feature = "powerdns",
    feature = "directory",
    feature = "dnsmasq-hosts",
    feature = "csv",
    feature = "netbox",
    feature = "prometheus"
)))]
fn without(feature: &str) -> Wrong {
    Unusable::Setting(format!("this program was built without the feature `{feature}` of dip-opsmgmt"))
}
