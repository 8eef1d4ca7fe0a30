//! From a BMC of the site file to a provider: one client for each protocol, several behind one face.

use std::collections::BTreeMap;
use std::sync::Arc;

use dip_core::certificate::{AUTHORITY, AuthoritySettings, connect_authorities};
use dip_core::id::{LayerId, ServiceName};
use dip_core::layer::{ConnectError, Unusable};
use dip_core::provider::{ErrorKind, Power, ProviderError, Providers, Whereabouts, sentence};
use dip_core::secret::{Secret, SecretRef, Secrets};
use dip_core::site::{BmcAccess, Driver, Node, Site};
use dip_core::subject::Subject;
use serde::de::DeserializeOwned;

use super::Preferred;
use super::located::Located;
use crate::Underway;
use crate::hygiene::{CertificateBook, Keyed, Keyring, Vouching, takes_factory};
use crate::provider::Bmc;
use crate::settings::{IPMI, IpmiSettings, IpmiWay, NodeFirmware};

/// Registers a provider for every BMC of a node that is wanted at ready state; gives all that is wrong.
pub(crate) fn connect(site: &Site, secrets: &dyn Secrets, providers: &mut Providers) -> Vec<ConnectError> {
    let mut errors = connect_authorities(site, secrets, providers);
    let whereabouts = providers.find::<dyn Whereabouts>(&Subject::addresses(&site.name)).ok();
    let shared = Shared { whereabouts, ..Shared::default() };
    let anchors = anchors(site);
    let mut itself = None;
    for node in site.ready_nodes() {
        let Some(access) = &node.bmc else { continue };
        // Two nodes in-band would be switched by one and the same BMC: that of this machine.
        if is_in_band(access)
            && let Some(other) = itself.replace(&node.name)
        {
            let why = format!(
                "its BMC is reached in-band, and so is that of node `{other}`; only one of them can be the machine that this program runs on"
            );
            errors.push(wrong(node, access, why.into()));
            continue;
        }
        let vouching = match vouching(&anchors, node, secrets, providers) {
            Ok(vouching) => vouching,
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        let shared = Shared { vouching: Arc::new(vouching), ..shared.clone() };
        match bmc(&shared, node, access, secrets, providers) {
            Ok(bmc) => {
                let subject = Subject::node(&node.name);
                if let Some(power) = bmc.power() {
                    providers.insert::<dyn Power>(&subject, power);
                }
                providers.insert::<dyn Bmc>(&subject, bmc);
                providers.insert::<Underway>(&subject, Arc::default());
            }
            Err(wrong) => errors.extend(wrong),
        }
    }
    errors
}

/// Whether one of its protocols is IPMI through the machine's own device.
fn is_in_band(access: &BmcAccess) -> bool {
    let in_band = |driver: &Driver| {
        let settings = driver.read::<IpmiSettings>().ok();
        settings.is_some_and(|settings| settings.via == Some(IpmiWay::InBand))
    };
    access.protocols.iter().filter(|driver| driver.kind.as_str() == IPMI).any(in_band)
}

/// What the clients of a BMC share, some of it with those of all others.
#[derive(Clone, Default)]
struct Shared {
    #[cfg_attr(not(feature = "redfish"), expect(dead_code, reason = "IPMI has no certificates"))]
    vouching: Arc<Vouching>,
    /// Who tells the addresses of controllers that the site knows by their MAC addresses.
    whereabouts: Option<Arc<dyn Whereabouts>>,
    #[cfg(feature = "ipmi")]
    sockets: crate::ipmi::Sockets,
}

/// The certificates of each authority of the site, or why there are none. Many controllers have the same one: each file is read once.
type Anchors = BTreeMap<ServiceName, Result<String, String>>;

fn anchors(site: &Site) -> Anchors {
    let read = |service| AuthoritySettings::of(service).and_then(|settings| settings.anchors());
    site.services_of(&[AUTHORITY]).map(|service| (service.name.clone(), read(service))).collect()
}

/// Who vouches for a node's controller beside its protocols' own settings. Its book of certificates is registered.
fn vouching(
    anchors: &Anchors,
    node: &Node,
    secrets: &dyn Secrets,
    providers: &mut Providers,
) -> Result<Vouching, ConnectError> {
    let origin = node.settings.origin("firmware.certificate").or(node.origin.as_ref());
    let setting =
        |why: String| ConnectError::new(format!("the certificate of the BMC of node `{}`", node.name), origin, why);
    let settings = node.settings.read::<NodeFirmware>(LayerId::Firmware).ok().flatten().unwrap_or_default();
    let Some(wanted) = settings.certificate else { return Ok(Vouching::default()) };
    let anchors = anchors.get(&wanted.authority).ok_or_else(|| {
        setting(format!("its `authority: {}` is no service of kind `{AUTHORITY}`; name one that is", wanted.authority))
    })?;
    let anchors = anchors.as_ref().map_err(|why| setting(why.clone()))?;
    let SecretRef::Store(place) = &wanted.kept else {
        return Err(setting(format!("`kept: {}` is no place in a store; write `store:PATH`", wanted.kept)));
    };
    let store = secrets.store().ok_or_else(|| {
        setting(format!(
            "this program keeps no secrets, and what is signed should be kept in `{}`; give it a store",
            wanted.kept
        ))
    })?;
    let book = CertificateBook::new(store, SecretRef::Store(place.join(node.name.as_str())));
    let vouching = book.vouching(anchors).map_err(|error| setting(sentence(&error)))?;
    providers.insert::<CertificateBook>(&Subject::node(&node.name), Arc::new(book));
    Ok(vouching)
}

fn bmc(
    shared: &Shared,
    node: &Node,
    access: &BmcAccess,
    secrets: &dyn Secrets,
    providers: &mut Providers,
) -> Result<Arc<dyn Bmc>, Vec<ConnectError>> {
    let made = match access.password {
        SecretRef::Store(_) => keyed(shared, node, access, secrets, providers),
        _ => secrets
            .resolve(&access.password)
            .map_err(|error| vec![error.into()])
            .and_then(|password| clients(shared, access, &password).map_err(settings)),
    };
    made.map_err(|all| all.into_iter().map(|why| wrong(node, access, why)).collect())
}

/// Tells of something why a node's controller cannot be used.
fn wrong(node: &Node, access: &BmcAccess, why: Unusable) -> ConnectError {
    let origin = access.origin.as_ref().or(node.origin.as_ref());
    ConnectError::new(format!("the BMC of node `{}`", node.name), origin, why)
}

fn settings(all: Vec<String>) -> Vec<Unusable> {
    all.into_iter().map(Unusable::Setting).collect()
}

/// A BMC whose password dip keeps, and its keyring beside it.
fn keyed(
    shared: &Shared,
    node: &Node,
    access: &BmcAccess,
    secrets: &dyn Secrets,
    providers: &mut Providers,
) -> Result<Arc<dyn Bmc>, Vec<Unusable>> {
    let firmware = node.settings.read::<NodeFirmware>(LayerId::Firmware).ok().flatten().unwrap_or_default();
    let password = firmware.password.unwrap_or_default();
    let store = secrets.store().ok_or_else(|| {
        settings(vec![format!(
            "this program keeps no secrets, and its password is in `{}`; give it a store, or the password as `env:NAME` or `file:PATH`",
            access.password
        )])
    })?;
    let versions = store.versions(&access.password).map_err(|error| vec![error.into()])?;
    // Once another password was proved, nobody needs the factory's to be there still.
    let factory = access
        .factory_password
        .clone()
        .filter(|_| takes_factory(&versions))
        .map(|factory| secrets.resolve(&factory))
        .transpose();
    let factory = factory.map_err(|error| vec![error.into()])?;
    // What is wrong with the settings shows without any password.
    clients(shared, access, &Secret::new(String::new())).map_err(settings)?;
    let making = {
        let (shared, access) = (shared.clone(), access.clone());
        move |password: &Secret| {
            clients(&shared, &access, password).map_err(|wrong| {
                ProviderError::new(ErrorKind::Invalid, "bmc", format!("speak to {}", access.address))
                    .because(wrong.join("; "))
            })
        }
    };
    let (user, at, after) = (&access.user, access.password.clone(), password.lockout_after);
    let keyring = Arc::new(Keyring::new(user, at, store, factory, after, Box::new(making)));
    providers.insert::<Keyring>(&Subject::node(&node.name), Arc::clone(&keyring));
    match Keyed::new(keyring) {
        Ok(keyed) => Ok(Arc::new(keyed)),
        Err(error) => Err(settings(vec![sentence(&error)])),
    }
}

/// A client of a BMC, at its address or wherever it is found by its MAC address.
fn clients(shared: &Shared, access: &BmcAccess, password: &Secret) -> Result<Arc<dyn Bmc>, Vec<String>> {
    let Some(mac) = access.mac() else { return clients_at(shared, access, password) };
    let whereabouts = shared.whereabouts.clone().ok_or_else(|| {
        vec![format!(
            "it is known by its MAC address {mac}, and no DHCP server of the site can be asked for its address; name one in `services`, or give its address"
        )]
    })?;
    // What is wrong with the settings shows without an address, and so does what they offer.
    let anywhere = BmcAccess { address: "0.0.0.0".to_owned(), ..access.clone() };
    let template = clients_at(shared, &anywhere, password)?;
    let at = {
        let (shared, access, password) = (shared.clone(), access.clone(), password.clone());
        move |address: &str| {
            let access = BmcAccess { address: address.to_owned(), ..access.clone() };
            clients_at(&shared, &access, &password).map_err(|wrong| {
                ProviderError::new(ErrorKind::Invalid, "bmc", format!("speak to {address}")).because(wrong.join("; "))
            })
        }
    };
    Ok(Arc::new(Located::new(mac, whereabouts, template, Box::new(at))))
}

/// A client for each protocol of a BMC, behind one face.
fn clients_at(shared: &Shared, access: &BmcAccess, password: &Secret) -> Result<Arc<dyn Bmc>, Vec<String>> {
    let mut clients = Vec::new();
    let mut errors = Vec::new();
    for driver in &access.protocols {
        match client(shared, access, driver, password) {
            Ok(client) => clients.push(client),
            Err(why) => errors.push(why),
        }
    }
    if clients.is_empty() && errors.is_empty() {
        errors.push("it lists no protocol; add `ipmi` or `redfish` to its `protocols`".to_owned());
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(match <[_; 1]>::try_from(clients) {
        Ok([(_, only)]) => only,
        Err(clients) => Arc::new(Preferred::new(&access.address, clients)),
    })
}

type Client = (&'static str, Arc<dyn Bmc>);

#[cfg_attr(not(any(feature = "ipmi", feature = "redfish")), expect(unused_variables))]
fn client(shared: &Shared, access: &BmcAccess, driver: &Driver, password: &Secret) -> Result<Client, String> {
    match driver.kind.as_str() {
        #[cfg(feature = "ipmi")]
        crate::settings::IPMI => {
            let client = super::Ipmi::new(&shared.sockets, &access.address, &access.user, password, &read(driver)?)
                .map_err(|error| error.to_string())?;
            Ok((crate::settings::IPMI, Arc::new(client)))
        }
        #[cfg(feature = "redfish")]
        crate::settings::REDFISH => {
            let client =
                super::Redfish::vouched_for(&access.address, &access.user, password, &read(driver)?, &shared.vouching)
                    .map_err(|error| dip_core::provider::sentence(&error))?;
            Ok((crate::settings::REDFISH, Arc::new(client)))
        }
        other => Err(format!("this program has no client for the protocol `{other}`")),
    }
}

#[cfg_attr(not(any(feature = "ipmi", feature = "redfish")), expect(dead_code))]
fn read<T: DeserializeOwned>(driver: &Driver) -> Result<T, String> {
    driver.read().map_err(|error| format!("the settings of its protocol `{}` cannot be read: {error}", driver.kind))
}

#[cfg(all(test, feature = "ipmi", feature = "redfish"))]
mod tests {
    use dip_core::secret::SecretError;

    use super::*;
    use crate::testing::{node_with_bmc, site_of};
    use dip_core::id::Symbol;
    use serde_json::{Value, json};

    struct Known(Option<&'static str>);

    impl Secrets for Known {
        fn resolve(&self, reference: &SecretRef) -> Result<Secret, SecretError> {
            self.0.map(|text| Secret::new(text.to_owned())).ok_or_else(|| SecretError::Env(reference.clone()))
        }
    }

    fn driver(kind: &'static str, settings: Value) -> Driver {
        Driver { kind: Symbol::of(kind), settings, origin: None }
    }

    #[test]
    fn a_bmc_answers_for_its_node_as_bmc_and_as_power() {
        for protocols in [
            vec![driver("ipmi", json!({}))],
            vec![driver("redfish", json!({ "scheme": "https" })), driver("ipmi", json!({ "port": 6230 }))],
        ] {
            let site = site_of([node_with_bmc("n1", protocols)]);
            let mut providers = Providers::new();
            let errors = connect(&site, &Known(Some("secret")), &mut providers);
            assert!(errors.is_empty(), "{errors:?}");
            let node = Subject::node(&crate::testing::node_named("n1"));
            let bmc = providers.find::<dyn Bmc>(&node).expect("it is registered");
            assert!(bmc.boot().is_some());
            providers.find::<dyn Power>(&node).expect("it is registered");
        }
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once_and_never_the_password() {
        let site = site_of([
            node_with_bmc(
                "n1",
                vec![driver("ipmi", json!({})), driver("redfish", json!({ "tls_fingerprint": "beef" }))],
            ),
            node_with_bmc("n2", vec![]),
            node_with_bmc("n3", vec![driver("carrier-pigeon", json!({}))]),
        ]);
        let errors = connect(&site, &Known(Some("a-secret-that-is-longer-than-20-bytes")), &mut Providers::new());
        let told: Vec<_> = errors.iter().map(|error| sentence(error)).collect();
        assert_eq!(told.len(), 4, "{told:#?}");
        assert!(told[0].contains("password is longer than the 20 bytes"), "{told:#?}");
        assert!(told[1].contains("tls_fingerprint"), "{told:#?}");
        assert!(told[2].contains("lists no protocol"), "{told:#?}");
        assert!(told[3].contains("no client for the protocol `carrier-pigeon`"), "{told:#?}");
        assert!(!told.concat().contains("a-secret"), "{told:#?}");
    }

    #[test]
    fn only_one_node_can_be_the_machine_that_the_program_runs_on() {
        let in_band = || vec![driver("ipmi", json!({ "via": "in_band" }))];
        let site = site_of([node_with_bmc("n1", in_band()), node_with_bmc("n2", in_band())]);
        let mut providers = Providers::new();
        let errors = connect(&site, &Known(Some("a-secret-that-is-longer-than-20-bytes")), &mut providers);
        let told: Vec<_> = errors.iter().map(|error| sentence(error)).collect();
        assert_eq!(told.len(), 1, "no password is sent in-band, however long it is: {told:#?}");
        assert!(told[0].contains("node `n2`") && told[0].contains("node `n1`; only one"), "{told:#?}");
        let n1 = Subject::node(&crate::testing::node_named("n1"));
        providers.find::<dyn Bmc>(&n1).expect("it is registered");
    }

    #[test]
    fn a_secret_that_is_missing_names_the_node_and_the_place() {
        let site = site_of([node_with_bmc("n1", vec![driver("ipmi", json!({}))])]);
        let errors = connect(&site, &Known(None), &mut Providers::new());
        assert_eq!(
            errors.iter().map(|error| sentence(error)).collect::<Vec<_>>(),
            [
                "the BMC of node `n1` cannot be used: secret `env:DIP_TEST_BMC_PASSWORD` cannot be read: set that environment variable"
            ]
        );
    }
}
