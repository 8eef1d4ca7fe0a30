//! What the seven layers connect together, and none of them alone.

use dip::Layers;
use dip::core::layer::ConnectError;
use dip::core::provider::{Providers, sentence};
use dip::core::secret::{Secret, SecretError, SecretRef, Secrets};
use dip::core::site::{Format, Lock, Site, Source};
use dip::core::subject::Subject;
use dip::firmware::provider::Bmc;

struct Known;

impl Secrets for Known {
    fn resolve(&self, _: &SecretRef) -> Result<Secret, SecretError> {
        Ok(Secret::new("secret".to_owned()))
    }
}

const BY_MAC: &str = "version: 1
site: north
nodes:
  n1:
    bmc: {address: \"52:54:00:00:00:01\", user: admin, password: \"env:BMC\", protocols: [{kind: ipmi}]}
";

const DHCP: &str = "services:
  dhcp: {kind: dnsmasq, hosts_directory: /nonexistent/hosts.d, pid_file: /nonexistent/pid}
";

fn connected(text: &str, layers: &Layers) -> Result<Providers, Vec<ConnectError>> {
    let source = Source::new("north.yaml", Format::Yaml, text.to_owned());
    let site = Site::parse(&[source], &layers.settings(), &Lock::default()).expect("the site is well").site;
    layers.connect(&site, &Known)
}

#[tokio::test]
async fn a_controller_known_by_its_mac_address_is_looked_for_at_the_dhcp_server_of_the_site() {
    let layers = dip::layers();
    let providers = connected(&format!("{BY_MAC}{DHCP}"), &layers).expect("the DHCP server tells its address");
    let node = Subject::node(&"n1".parse().expect("a name"));
    let bmc = providers.find::<dyn Bmc>(&node).expect("it is connected");
    let error = bmc.identity().await.expect_err("that DHCP server is not there");
    assert!(sentence(&error).contains("/nonexistent/pid"), "{}", sentence(&error));
}

#[test]
fn an_authority_is_connected_by_each_layer_that_acts_through_it_and_what_is_wrong_is_told_once() {
    let text = "version: 1\nsite: north\nservices:\n  ca: {kind: authority, certificate: /nonexistent/ca.pem, key: \"env:CA\"}\n";
    let alone =
        [Layers::new().with(dip::opsclients::OpsClientsLayer), Layers::new().with(dip::firmware::FirmwareLayer)];
    for layers in alone.into_iter().chain([dip::layers()]) {
        let errors = connected(text, &layers).expect_err("its certificate is not there");
        let told: Vec<String> = errors.iter().map(|error| sentence(error)).collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("north.yaml:4:") && told[0].contains("service `ca`"), "{told:?}");
        assert!(told[0].contains("/nonexistent/ca.pem"), "{told:?}");
    }
}

#[test]
fn a_site_without_a_dhcp_server_is_told_what_it_lacks() {
    let errors = connected(BY_MAC, &dip::layers()).expect_err("nobody tells the address");
    let told: Vec<String> = errors.iter().map(|error| sentence(error)).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("north.yaml:5:") && told[0].contains("the BMC of node `n1`"), "{told:?}");
    assert!(told[0].contains("52:54:00:00:00:01") && told[0].contains("name one in `services`"), "{told:?}");
}
