//! net-snmp's agent as a PDU of each product under trial; the processes behind its outlets tell what really came of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dip_core::conformance::expect::{fails, same};
use dip_core::conformance::{Failure, Trial, Verdict, not_installed};
use dip_core::hardware::PowerState;
use dip_core::provider::{ErrorKind, Power, ProviderError, Providers, sentence};
use dip_core::secret::{Secret, SecretError, SecretRef, Secrets};
use dip_core::subject::Subject;
use dip_lab::{NodeDirectory, PduConfig, Requirement};
use dip_network::conformance::{self, MainsHarness, PduConsumers, PduHarness};
use dip_network::provider::{Load, Milliamperes, Millivolts, Milliwatts, Pdu};
use dip_network::providers::Mains;
use dip_network::providers::snmp::SnmpPdu;
use dip_network::settings::{CommandObject, MibMap, SnmpDigest, SnmpSettings, SnmpVersion, StateObject};
use tokio::sync::Mutex;

use crate::{step, wait};

type Lab = dip_lab::SnmpPdu;

const OUTLETS: u16 = 8;

/// A product of the lab: what it says that it is, and what it measures.
#[derive(Debug, Clone, Copy)]
struct Product {
    name: &'static str,
    object_id: &'static str,
    /// Thousandths of watts, amperes and volts.
    outlet: [u64; 3],
    unit: [u64; 3],
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
const RPDU: Product = Product {
    name: "apc-rpdu",
    object_id: "1.3.6.1.4.1.318.1.3.4.5",
    outlet: [0; 3],
    unit: [2_296_000, 10_000, 230_000],
};
const RPDU2: Product = Product {
    name: "apc-rpdu2",
    object_id: "1.3.6.1.4.1.318.1.3.4.6",
    outlet: [287_000, 1_200, 0],
    unit: [2_290_000, 10_000, 230_000],
};
const RARITAN: Product = Product {
    name: "raritan-pdu2",
    object_id: "1.3.6.1.4.1.13742.6",
    outlet: [287_000, 1_250, 230_000],
    unit: [2_296_000, 10_000, 230_000],
};
const SENTRY3: Product = Product { name: "servertech-sentry3", object_id: "1.3.6.1.4.1.1718.3", ..RARITAN };
const SENTRY4: Product = Product { name: "servertech-sentry4", object_id: "1.3.6.1.4.1.1718.4", ..RARITAN };

/// How the provider logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    V2c,
    V3(SnmpDigest),
}

struct Rig {
    lab: Mutex<Lab>,
    settings: SnmpSettings,
    provider: Arc<SnmpPdu>,
    product: Product,
    access: Access,
    consumers: Arc<Consumers>,
}

struct Consumers(BTreeMap<u16, NodeDirectory>);

/// Secrets whose reference is what they are: tests have nothing to hide.
struct Open;

impl Secrets for Open {
    fn resolve(&self, reference: &SecretRef) -> Result<Secret, SecretError> {
        match reference {
            SecretRef::Env(text) => Ok(Secret::new(text.clone())),
            SecretRef::File(_) => Err(SecretError::Env(reference.clone())),
        }
    }
}

fn secret(text: &str) -> Option<SecretRef> {
    Some(SecretRef::Env(text.to_owned()))
}

pub(crate) async fn trials() -> Vec<Trial> {
    const SHA256: Access = Access::V3(SnmpDigest::Sha256);
    let rigs = [
        ("snmpd apc-rpdu2 v2c", RPDU2, Access::V2c),
        ("snmpd apc-rpdu2 v3 SHA-1", RPDU2, Access::V3(SnmpDigest::Sha1)),
        ("snmpd apc-rpdu2 v3", RPDU2, SHA256),
        ("snmpd apc-rpdu v3", RPDU, SHA256),
        ("snmpd raritan-pdu2 v3", RARITAN, SHA256),
        ("snmpd servertech-sentry3 v3", SENTRY3, SHA256),
        ("snmpd servertech-sentry4 v3", SENTRY4, SHA256),
    ];
    if let Err(missing) = Requirement::Snmp.check() {
        return vec![Trial::new("all_trials", move || async move { not_installed(missing.to_string()) }).on("snmpd")];
    }
    let mut trials = Vec::new();
    for (server, product, access) in rigs {
        match Rig::start(product, access).await {
            Ok(rig) => trials.extend(of(Arc::new(rig)).into_iter().map(|trial| trial.on(server))),
            Err(failure) => trials.push(Trial::new("it_starts", move || async move { Err(failure) }).on(server)),
        }
    }
    trials
}

fn of(rig: Arc<Rig>) -> Vec<Trial> {
    let mut trials = conformance::pdu(Arc::clone(&rig) as Arc<dyn PduHarness>);
    if rig.access == Access::V3(SnmpDigest::Sha256) && rig.product.name == RPDU2.name {
        trials.extend(conformance::mains(Arc::clone(&rig) as Arc<dyn MainsHarness>));
    }
    macro_rules! further {
        ($($name:ident)*) => {$({
            let rig = Arc::clone(&rig);
            trials.push(Trial::new(stringify!($name), move || async move { $name(&rig).await.map(|()| Verdict::Passed) }));
        })*};
    }
    match (rig.product.name, rig.access) {
        ("apc-rpdu2", Access::V2c) => {
            further! {
                a_wrong_community_is_silence_with_advice
                a_community_that_may_only_read_is_denied
                a_product_that_nobody_knows_is_told_and_a_map_of_the_site_serves
                a_map_without_a_cycle_is_switched_twice
            }
        }
        ("apc-rpdu2", Access::V3(SnmpDigest::Sha256)) => {
            further! {
                each_wrong_credential_is_told_as_far_as_the_agent_tells_it
                a_user_that_may_only_read_is_denied
                an_agent_that_restarted_is_reached_again
            a_card_that_was_replaced_is_reached_again
                a_cycle_is_written_once
                a_pdu_of_a_site_file_is_connected
            }
        }
        _ => {}
    }
    trials
}

impl Rig {
    async fn start(product: Product, access: Access) -> Result<Self, Failure> {
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

    fn with(&self, change: impl FnOnce(&mut SnmpSettings)) -> Result<SnmpPdu, Failure> {
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

fn refused<T: std::fmt::Debug>(result: Result<T, ProviderError>, kind: ErrorKind, words: &str) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() == kind && sentence(&error).contains(words) => Ok(()),
        Err(error) => Err(format!("it should fail as {kind} with `{words}`: {}", sentence(&error)).into()),
        Ok(value) => Err(format!("it should fail as {kind} with `{words}` and gave {value:?}").into()),
    }
}

async fn a_wrong_community_is_silence_with_advice(rig: &Rig) -> Result<(), Failure> {
    let wrong = rig.with(|settings| settings.community = secret("not-the-community"))?;
    let error = wrong.outlet(1).await;
    if let Err(error) = &error
        && sentence(error).contains("not-the-community")
    {
        return Err("the community stands in the error".into());
    }
    refused(error, ErrorKind::Unreachable, "whether the community is right")
}

async fn a_community_that_may_only_read_is_denied(rig: &Rig) -> Result<(), Failure> {
    let reader = rig.with(|settings| settings.community = secret(Lab::READ_COMMUNITY))?;
    same("the state", &reader.outlet(5).await?, &PowerState::On)?;
    refused(reader.set_outlet(5, PowerState::Off).await, ErrorKind::Denied, "the right to write")?;
    refused(reader.cycle_outlet(5).await, ErrorKind::Denied, "the right to write")
}

async fn a_user_that_may_only_read_is_denied(rig: &Rig) -> Result<(), Failure> {
    let reader = rig.with(|settings| settings.user = Some(Lab::READ_USER.to_owned()))?;
    same("the state", &reader.outlet(5).await?, &PowerState::On)?;
    refused(reader.set_outlet(5, PowerState::Off).await, ErrorKind::Denied, "the right to write")
}

async fn each_wrong_credential_is_told_as_far_as_the_agent_tells_it(rig: &Rig) -> Result<(), Failure> {
    let stranger = rig.with(|settings| settings.user = Some("nobody".to_owned()))?;
    refused(stranger.outlet(1).await, ErrorKind::Denied, "does not know `user`")?;
    let digest = rig.with(|settings| settings.digest = SnmpDigest::Sha1)?;
    refused(digest.outlet(1).await, ErrorKind::Denied, "`digest`")?;
    // net-snmp drops what it cannot decrypt without a word.
    let privacy = rig.with(|settings| settings.privacy_password = secret("not-the-password"))?;
    refused(privacy.outlet(1).await, ErrorKind::Unreachable, "whether the privacy password is right")
}

async fn an_agent_that_restarted_is_reached_again(rig: &Rig) -> Result<(), Failure> {
    let pdu = &rig.provider;
    pdu.set_outlet(5, PowerState::Off).await?;
    // Its boots are counted up: what the provider knew of its time is out of the window (RFC 3414, section 3.2, step 7).
    wait(async { rig.lab.lock().await.restart().await })?;
    same("the state", &pdu.outlet(5).await?, &PowerState::Off)?;
    wait(async { rig.lab.lock().await.restart().await })?;
    pdu.set_outlet(5, PowerState::On).await?;
    same("the state", &pdu.outlet(5).await?, &PowerState::On)
}

async fn a_card_that_was_replaced_is_reached_again(rig: &Rig) -> Result<(), Failure> {
    let pdu = rig.with(|_| ())?;
    same("the state", &pdu.outlet(5).await?, &PowerState::On)?;
    wait(async { rig.lab.lock().await.replace_card().await })?;
    // Clients of this very moment are not made again.
    tokio::time::sleep(Duration::from_secs(5)).await;
    pdu.set_outlet(5, PowerState::Off).await?;
    same("the state", &pdu.outlet(5).await?, &PowerState::Off)?;
    pdu.set_outlet(5, PowerState::On).await?;
    Ok(())
}

async fn a_cycle_is_written_once(rig: &Rig) -> Result<(), Failure> {
    let writes =
        |lab: &Lab| lab.writes().into_iter().filter(|write| write == "1.3.6.1.4.1.318.1.1.26.9.2.4.1.5.6 3").count();
    let before = writes(&*rig.lab.lock().await);
    rig.provider.cycle_outlet(6).await?;
    tokio::time::sleep(Duration::from_millis(200)).await;
    same("the number of cycles written", &(writes(&*rig.lab.lock().await) - before), &1)?;
    // To a PDU that went away, it may have been written: nobody may write it again.
    let gone = rig.with(|settings| settings.product = Some(RPDU2.name.to_owned()))?;
    gone.outlet(6).await?;
    wait(async { rig.lab.lock().await.stop() });
    let failed = gone.cycle_outlet(6).await;
    wait(async { rig.lab.lock().await.restart().await })?;
    fails("a cycle of a PDU that is gone", failed, ErrorKind::Unreachable)
}

/// A map of a site: the objects of an APC, without a cycle.
fn own_map() -> MibMap {
    let object = |column: &str| format!("1.3.6.1.4.1.318.1.1.26.9.2.{column}.{{index}}");
    MibMap {
        product: "our own".to_owned(),
        index: "{outlet}".to_owned(),
        state: StateObject { object: object("3.1.5"), on: vec![2], off: vec![1], ..StateObject::default() },
        command: CommandObject { object: object("4.1.5"), on: 1, off: 2, ..CommandObject::default() },
        ..MibMap::default()
    }
}

async fn a_product_that_nobody_knows_is_told_and_a_map_of_the_site_serves(_: &Rig) -> Result<(), Failure> {
    // It looks like an APC and says that it is something else.
    let stranger = Product { object_id: "1.3.6.1.4.1.8072.3.2.10", ..RPDU2 };
    let rig = Rig::start(stranger, Access::V2c).await?;
    let pdu = rig.provider.outlet(1).await;
    refused(pdu, ErrorKind::Unsupported, "describe it by a `map`")?;
    let named = rig.with(|settings| settings.product = Some(RPDU2.name.to_owned()))?;
    same("the state", &named.outlet(1).await?, &PowerState::On)?;
    let mapped = rig.with(|settings| settings.map = Some(own_map()))?;
    mapped.set_outlet(1, PowerState::Off).await?;
    same("the state", &mapped.outlet(1).await?, &PowerState::Off)?;
    same("the name", &mapped.outlet_name(1).await?, &None)?;
    same("that it has meters", &mapped.metering().is_some(), &false)
}

async fn a_map_without_a_cycle_is_switched_twice(rig: &Rig) -> Result<(), Failure> {
    let pdu = rig.with(|settings| settings.map = Some(own_map()))?;
    pdu.set_outlet(1, PowerState::On).await?;
    let before = rig.consumers.starts(1).await?;
    pdu.cycle_outlet(1).await?;
    same("the state", &pdu.outlet(1).await?, &PowerState::On)?;
    same("the number of starts", &(rig.consumers.starts(1).await? - before), &1)
}

async fn a_pdu_of_a_site_file_is_connected(rig: &Rig) -> Result<(), Failure> {
    use dip_core::layer::Layer;
    use dip_core::site::{Format, Lock, Site, Source};
    let text = format!(
        "version: 1\nsite: lab\npdus:\n  pdu1:\n    outlets: 8\n    kind: snmp\n    address: {}\n    user: {}\n    \
         auth_password: env:{}\n    privacy_password: env:{}\n",
        rig.settings.address,
        Lab::USER,
        Lab::AUTH_PASSWORD,
        Lab::PRIVACY_PASSWORD
    );
    let source = Source::new("site.yaml", Format::Yaml, text);
    let site = Site::parse(&[source], &dip_network::NetworkLayer.settings(), &Lock::default())
        .map_err(|faults| faults.to_string())?
        .site;
    let mut providers = Providers::new();
    dip_network::NetworkLayer.connect(&site, &Open, &mut providers).map_err(|errors| format!("{errors:?}"))?;
    let name = site.pdus.keys().next().ok_or("the site has a PDU")?;
    let pdu = providers.find::<dyn Pdu>(&Subject::pdu(name))?;
    same("the name of an outlet", &pdu.outlet_name(3).await?, &Some("outlet-03".to_owned()))
}
