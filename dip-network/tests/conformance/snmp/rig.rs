//! A PDU of one product, and how the provider logs in to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::conformance::Failure;
use dip_core::provider::{Power, Providers};
use dip_core::secret::{Secret, SecretError, SecretRef, Secrets};
use dip_core::subject::Subject;
use dip_lab::{NodeDirectory, PduConfig};
use dip_network::conformance::{MainsHarness, PduConsumers, PduHarness};
use dip_network::provider::{Load, Milliamperes, Millivolts, Milliwatts, Pdu};
use dip_network::providers::Mains;
use dip_network::providers::snmp::SnmpPdu;
use dip_network::settings::{SnmpDigest, SnmpSettings, SnmpVersion};
use tokio::sync::Mutex;

use crate::step;

pub(super) type Lab = dip_lab::SnmpPdu;

const OUTLETS: u16 = 8;

/// A product of the lab: what it says that it is, and what it measures.
#[derive(Debug, Clone, Copy)]
pub(super) struct Product {
    pub(super) name: &'static str,
    pub(super) object_id: &'static str,
    /// Thousandths of watts, amperes and volts.
    pub(super) outlet: [u64; 3],
    pub(super) unit: [u64; 3],
}

fn load([milliwatts, milliamperes, millivolts]: [u64; 3]) -> Load {
    let measured = |value: u64| (value > 0).then_some(value);
    Load {
        power: measured(milliwatts).map(Milliwatts),
        current: measured(milliamperes).map(Milliamperes),
        voltage: measured(millivolts).map(Millivolts),
    }
}

/// 287 W, 1.25 A and 230 V at each of eight outlets, as finely as each product tells it. 0 is not measured.
pub(super) const RPDU: Product = Product {
    name: "apc-rpdu",
    object_id: "1.3.6.1.4.1.318.1.3.4.5",
    outlet: [0; 3],
    unit: [2_296_000, 10_000, 230_000],
};
pub(super) const RPDU2: Product = Product {
    name: "apc-rpdu2",
    object_id: "1.3.6.1.4.1.318.1.3.4.6",
    outlet: [287_000, 1_200, 0],
    unit: [2_290_000, 10_000, 230_000],
};
pub(super) const RARITAN: Product = Product {
    name: "raritan-pdu2",
    object_id: "1.3.6.1.4.1.13742.6",
    outlet: [287_000, 1_250, 230_000],
    unit: [2_296_000, 10_000, 230_000],
};
pub(super) const SENTRY3: Product = Product { name: "servertech-sentry3", object_id: "1.3.6.1.4.1.1718.3", ..RARITAN };
pub(super) const SENTRY4: Product = Product { name: "servertech-sentry4", object_id: "1.3.6.1.4.1.1718.4", ..RARITAN };

/// How the provider logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    V2c,
    V3(SnmpDigest),
}

pub(super) struct Rig {
    pub(super) lab: Mutex<Lab>,
    pub(super) settings: SnmpSettings,
    pub(super) provider: Arc<SnmpPdu>,
    pub(super) product: Product,
    pub(super) access: Access,
    pub(super) consumers: Arc<Consumers>,
}

pub(super) struct Consumers(BTreeMap<u16, NodeDirectory>);

/// Secrets whose reference is what they are: tests have nothing to hide.
pub(super) struct Open;

impl Secrets for Open {
    fn resolve(&self, reference: &SecretRef) -> Result<Secret, SecretError> {
        match reference {
            SecretRef::Env(text) => Ok(Secret::new(text.clone())),
            SecretRef::File(_) | SecretRef::Store(_) => Err(SecretError::Env(reference.clone())),
        }
    }
}

pub(super) fn secret(text: &str) -> Option<SecretRef> {
    Some(SecretRef::Env(text.to_owned()))
}

impl Rig {
    pub(super) async fn start(product: Product, access: Access) -> Result<Self, Failure> {
        let plugged: BTreeMap<u16, NodeDirectory> = [1, 2]
            .into_iter()
            .map(|outlet| Ok((outlet, NodeDirectory::idle(&format!("at-{outlet}"))?)))
            .collect::<Result<_, Failure>>()?;
        let consumers = Arc::new(Consumers(plugged.clone()));
        let config = PduConfig { product: product.name, object_id: product.object_id, outlets: OUTLETS, plugged };
        let lab = Lab::start(config).await?;
        let address = lab.addr.to_string();
        let settings = match access {
            Access::V2c => SnmpSettings {
                address,
                version: SnmpVersion::V2c,
                community: secret(Lab::COMMUNITY),
                ..SnmpSettings::default()
            },
            Access::V3(digest) => SnmpSettings {
                address,
                user: Some(if digest == SnmpDigest::Sha256 { Lab::USER } else { Lab::SHA1_USER }.to_owned()),
                digest,
                auth_password: secret(Lab::AUTH_PASSWORD),
                privacy_password: secret(Lab::PRIVACY_PASSWORD),
                ..SnmpSettings::default()
            },
        };
        let provider = Arc::new(SnmpPdu::new(&settings, &Open)?);
        Ok(Self { lab: Mutex::new(lab), settings, provider, product, access, consumers })
    }

    pub(super) fn with(&self, change: impl FnOnce(&mut SnmpSettings)) -> Result<SnmpPdu, Failure> {
        let mut settings = self.settings.clone();
        change(&mut settings);
        Ok(SnmpPdu::new(&settings, &Open)?)
    }
}

impl PduHarness for Rig {
    fn pdu(&self) -> Arc<dyn Pdu> {
        Arc::clone(&self.provider) as Arc<dyn Pdu>
    }

    fn with_wrong_credentials(&self) -> Option<Arc<dyn Pdu>> {
        // An agent says nothing to a wrong community; a trial of its own tells what is then said.
        if self.access == Access::V2c {
            return None;
        }
        let wrong = self.with(|settings| settings.auth_password = secret("not-the-password"));
        Some(Arc::new(wrong.expect("its settings can be used")))
    }

    fn of_dead_server(&self) -> Option<Arc<dyn Pdu>> {
        // It takes its time, and the map makes no difference.
        if self.product.name != RPDU2.name {
            return None;
        }
        // Port 9, discard: nothing listens there.
        let dead = self.with(|settings| settings.address = "127.0.0.1:9".to_owned());
        Some(Arc::new(dead.expect("its settings can be used")))
    }

    fn outlets(&self) -> [u16; 2] {
        [1, 2]
    }

    fn missing_outlet(&self) -> u16 {
        OUTLETS + 1
    }

    fn name_of(&self, outlet: u16) -> Option<String> {
        Some(format!("outlet-{outlet:02}"))
    }

    fn loads(&self, _: u16) -> Option<[Load; 2]> {
        Some([load(self.product.outlet), load(self.product.unit)])
    }

    fn consumers(&self) -> Option<Arc<dyn PduConsumers>> {
        Some(Arc::clone(&self.consumers) as Arc<dyn PduConsumers>)
    }
}

/// A node whose two power supplies hang on the outlets 1 and 2.
fn mains(first: Arc<dyn Pdu>, second: Arc<dyn Pdu>) -> Result<Arc<dyn Power>, Failure> {
    let mut providers = Providers::new();
    let site = step::site()?;
    let mut node = site.nodes.into_values().next().ok_or("the site has a node")?;
    node.outlets = vec!["pdu1/1".parse()?, "pdu2/2".parse()?];
    for (outlet, pdu) in node.outlets.iter().zip([first, second]) {
        providers.insert::<dyn Pdu>(&Subject::pdu(&outlet.pdu), pdu);
    }
    Ok(Arc::new(Mains::of(&node, &providers).ok_or("both PDUs are there")?))
}

impl MainsHarness for Rig {
    fn mains(&self) -> Arc<dyn Power> {
        mains(self.pdu(), self.pdu()).expect("the node is made here")
    }

    fn with_dead_feed(&self) -> Option<Arc<dyn Power>> {
        let dead = self.of_dead_server()?;
        Some(mains(self.pdu(), dead).expect("the node is made here"))
    }

    fn feeds(&self) -> [u16; 2] {
        [1, 2]
    }

    fn supplies(&self) -> Arc<dyn PduConsumers> {
        Arc::clone(&self.consumers) as Arc<dyn PduConsumers>
    }
}

impl Consumers {
    fn at(&self, outlet: u16) -> Result<&NodeDirectory, Failure> {
        self.0.get(&outlet).ok_or_else(|| format!("nothing is plugged into outlet {outlet}").into())
    }
}

#[async_trait]
impl PduConsumers for Consumers {
    async fn runs(&self, outlet: u16) -> Result<bool, Failure> {
        Ok(self.at(outlet)?.pid().is_some())
    }

    async fn starts(&self, outlet: u16) -> Result<usize, Failure> {
        let mut runs = false;
        let commands = self.at(outlet)?.commands();
        // Only what was off is started by power.
        let started = commands.iter().filter(|command| {
            let on = *command == "power 1";
            on && !std::mem::replace(&mut runs, on) || {
                runs = on;
                false
            }
        });
        Ok(started.count())
    }
}
