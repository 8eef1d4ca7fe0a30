//! From the clusters of a site to providers of their membership.

use dip_core::layer::ConnectError;
use dip_core::provider::Providers;
use dip_core::site::Site;

/// Registers a provider for every cluster whose workload is known and compiled in.
#[cfg_attr(not(feature = "etcd"), expect(unused_variables, reason = "no cluster is compiled in"))]
pub(crate) fn connect(site: &Site, providers: &mut Providers) -> Vec<ConnectError> {
    #[cfg_attr(not(feature = "etcd"), expect(unused_mut, reason = "no cluster is compiled in"))]
    let mut errors = Vec::new();
    #[cfg(feature = "etcd")]
    for cluster in site.clusters.values().filter(|cluster| cluster.workload.kind.as_str() == crate::settings::ETCD) {
        match super::etcd::Etcd::of(site, cluster) {
            Ok(etcd) => {
                let subject = dip_core::subject::Subject::cluster(&cluster.name);
                providers.insert::<dyn crate::provider::Membership>(&subject, std::sync::Arc::new(etcd));
            }
            Err(error) => errors.push(error),
        }
    }
    errors
}
