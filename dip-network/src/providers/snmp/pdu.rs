//! The provider: outlets and meters of one PDU, by its map.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_snmp::Oid;
use async_trait::async_trait;
use dip_core::hardware::PowerState;
use dip_core::provider::{ErrorKind, ProviderError, Retry};
use dip_core::secret::Secrets;
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};

use super::agent::{Agent, Unwritten};
use super::error::NAME;
use super::login::{Login, LoginError};
use super::map::{self, Map, MapError, Measures, Scale, Template};
use super::reading::{self, Misread};
use crate::pdu_settings::SnmpSettings;
use crate::provider::{Load, Metering, Milliamperes, Millivolts, Milliwatts, Pdu};

/// How long an outlet is without power where the PDU cannot cycle by itself: power supplies bridge parts of a second, and a
/// management controller must lose its memory. Five seconds are APC's own setting; twice that is on the safe side.
const WITHOUT_POWER: Duration = Duration::from_secs(10);
/// PDUs switch one outlet after the other, with pauses of seconds against inrush.
const SWITCHES: Duration = Duration::from_secs(30);
/// Between two looks at an outlet that is being switched.
const LOOK: Duration = Duration::from_millis(500);

/// A PDU by SNMP; clones are the same one.
#[derive(Clone)]
pub struct SnmpPdu(Arc<Inner>);

/// The settings of a PDU cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SnmpPduError {
    /// They do not say how to log in.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// Its map cannot be used.
    #[error(transparent)]
    Map(#[from] MapError),
    /// Both a product and a map are given.
    #[error("both `product` and `map` are given; take one of them out")]
    Both,
    /// The product is not known.
    #[error("the product `{0}` is not known; describe it by a `map`")]
    Product(String),
}

struct Inner {
    agent: Agent,
    /// The site's own index.
    index: Option<String>,
    /// Known from the settings, or found by the first call.
    map: OnceCell<Map>,
}

impl fmt::Debug for SnmpPdu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let product = self.0.map.get().map(|map| &map.product);
        f.debug_struct("SnmpPdu")
            .field("address", &self.0.agent.address())
            .field("product", &product)
            .finish_non_exhaustive()
    }
}

impl SnmpPdu {
    /// A PDU as the settings say; nothing is sent before the first call.
    ///
    /// # Errors
    /// Where the settings cannot be used, or a secret cannot be read.
    pub fn new(settings: &SnmpSettings, secrets: &dyn Secrets) -> Result<Self, SnmpPduError> {
        let described = match (&settings.product, &settings.map) {
            (Some(_), Some(_)) => return Err(SnmpPduError::Both),
            (Some(product), None) => Some(map::named(product).ok_or_else(|| SnmpPduError::Product(product.clone()))?),
            (None, own) => own.as_ref(),
        };
        let index = settings.index.clone();
        let map = described.map(|described| Map::new(described, index.as_deref())).transpose()?;
        let agent = Agent::new(&settings.address, Login::new(settings, secrets)?);
        Ok(Self(Arc::new(Inner { agent, index, map: OnceCell::new_with(map) })))
    }
}

impl Inner {
    /// The map: the one of the settings, or that of the product that the agent says it is.
    async fn map(&self, action: &str) -> Result<&Map, ProviderError> {
        let find = || async {
            let object_id = self.agent.object_id(action).await?;
            let unknown = || {
                ProviderError::new(ErrorKind::Unsupported, NAME, action)
                    .because(format!("nothing is known of a product with the sysObjectID {object_id}"))
                    .advise("name its `product`, or describe it by a `map`")
            };
            let known = map::recognised(&object_id).ok_or_else(unknown)?;
            tracing::info!(address = self.agent.address(), product = known.product, "the PDU is recognised");
            Map::new(known, self.index.as_deref())
                .map_err(|error| ProviderError::new(ErrorKind::Invalid, NAME, action).because(error))
        };
        self.map.get_or_try_init(find).await
    }

    fn action(&self, what: impl fmt::Display) -> String {
        format!("{what} of the PDU at {}", self.agent.address())
    }

    async fn state(&self, map: &Map, outlet: u16, action: &str) -> Result<PowerState, ProviderError> {
        let [value] = self.agent.read(action, [map.at(&map.state.object, outlet)]).await?;
        reading::state(&map.state.values, &value).map_err(|misread| misunderstood(misread, action, outlet))
    }

    /// Writes a command to an outlet that is there.
    async fn command(&self, map: &Map, outlet: u16, number: i32, action: &str) -> Result<(), Unwritten> {
        self.agent.write(action, &map.at(&map.command.object, outlet), number).await
    }

    async fn switch(&self, map: &Map, outlet: u16, state: PowerState, action: &str) -> Result<(), ProviderError> {
        let number = match state {
            PowerState::On => map.command.values.on,
            PowerState::Off => map.command.values.off,
        };
        match self.command(map, outlet, number, action).await {
            Ok(()) => Ok(()),
            Err(Unwritten::Refused(error)) => Err(error),
            // Only the answer may be lost: a look tells.
            Err(Unwritten::Lost(error)) => match self.state(map, outlet, action).await {
                Ok(now) if now == state => Ok(()),
                _ => Err(error),
            },
        }
    }

    /// Off, a pause, on: for a PDU that cannot do it by itself.
    async fn switch_twice(&self, map: &Map, outlet: u16, action: &str) -> Result<(), ProviderError> {
        self.switch(map, outlet, PowerState::Off, action).await?;
        let end = Instant::now() + SWITCHES;
        loop {
            match self.state(map, outlet, action).await {
                Ok(PowerState::Off) => break,
                Err(error) if error.kind() != ErrorKind::Busy => return Err(error),
                _ if Instant::now() > end => {
                    return Err(ProviderError::new(ErrorKind::Unexpected, NAME, action).because(format!(
                        "the outlet still has power {} s after it was switched off",
                        SWITCHES.as_secs()
                    )));
                }
                _ => sleep(LOOK).await,
            }
        }
        sleep(WITHOUT_POWER).await;
        self.switch(map, outlet, PowerState::On, action).await
    }

    async fn load(
        &self,
        measures: &Measures,
        action: &str,
        at: impl Fn(&Template) -> Oid,
    ) -> Result<Load, ProviderError> {
        let mut oids = Vec::new();
        for measure in measures.0.iter().flatten() {
            oids.push(at(&measure.object));
            if let Scale::Digits(digits) = &measure.scale {
                oids.push(at(digits));
            }
        }
        let mut values = self.agent.read_all(action, &oids).await?.into_iter();
        let mut found = [None; 3];
        for (measure, found) in measures.0.iter().zip(&mut found) {
            let Some(measure) = measure else { continue };
            let value = values.next();
            let milli = match &measure.scale {
                Scale::Milli(milli) => Some(u64::from(*milli)),
                Scale::Digits(_) => values.next().and_then(|digits| reading::of_digits(&digits)),
            };
            *found = value.zip(milli).and_then(|(value, milli)| reading::thousandths(&value, milli));
        }
        let [power, current, voltage] = found;
        let load =
            Load { power: power.map(Milliwatts), current: current.map(Milliamperes), voltage: voltage.map(Millivolts) };
        if load.is_unknown() { Err(unmetered(action)) } else { Ok(load) }
    }
}

fn unmetered(action: &str) -> ProviderError {
    ProviderError::new(ErrorKind::Unsupported, NAME, action).because("the PDU does not measure it")
}

fn misunderstood(misread: Misread, action: &str, outlet: u16) -> ProviderError {
    let fail = |kind| ProviderError::new(kind, NAME, action);
    match misread {
        Misread::Absent => fail(ErrorKind::NotFound).advise(format!(
            "the PDU has no outlet {outlet} where its map looks for it; look whether `product` and `index` are right"
        )),
        Misread::Changing(_) => fail(ErrorKind::Busy).because(misread),
        Misread::Odd(_) => fail(ErrorKind::Unexpected).because(misread),
    }
}

#[async_trait]
impl Pdu for SnmpPdu {
    async fn outlet(&self, outlet: u16) -> Result<PowerState, ProviderError> {
        let action = self.0.action(format_args!("read outlet {outlet}"));
        let map = self.0.map(&action).await?;
        self.0.state(map, outlet, &action).await
    }

    async fn set_outlet(&self, outlet: u16, state: PowerState) -> Result<(), ProviderError> {
        let action = self.0.action(format_args!("switch {state} outlet {outlet}"));
        let map = self.0.map(&action).await?;
        // It tells a missing outlet and wrong credentials before anything is written. What it says of the state is no reason to
        // write nothing: a former command may still be on its way.
        match self.0.state(map, outlet, &action).await {
            Err(error) if error.kind() != ErrorKind::Busy => return Err(error),
            _ => {}
        }
        self.0.switch(map, outlet, state, &action).await
    }

    async fn cycle_outlet(&self, outlet: u16) -> Result<(), ProviderError> {
        let action = self.0.action(format_args!("switch off and on outlet {outlet}"));
        let map = self.0.map(&action).await?;
        // Products differ in what a cycle of an outlet without power does.
        if self.0.state(map, outlet, &action).await? == PowerState::Off {
            return self.0.switch(map, outlet, PowerState::On, &action).await;
        }
        let Some(cycle) = map.command.values.cycle else {
            return self.0.switch_twice(map, outlet, &action).await;
        };
        match self.0.command(map, outlet, cycle, &action).await {
            Ok(()) => Ok(()),
            Err(Unwritten::Refused(error)) => Err(error),
            Err(Unwritten::Lost(error)) => Err(error
                .retry_as(Retry::Never)
                .advise("the PDU did not answer and may have done it; look at the outlet before you ask again")),
        }
    }

    async fn outlet_name(&self, outlet: u16) -> Result<Option<String>, ProviderError> {
        let action = self.0.action(format_args!("read the name of outlet {outlet}"));
        let map = self.0.map(&action).await?;
        let Some(name) = &map.name else {
            return self.0.state(map, outlet, &action).await.map(|_| None);
        };
        let [value] = self.0.agent.read(&action, [map.at(name, outlet)]).await?;
        reading::name(&value).map_err(|misread| misunderstood(misread, &action, outlet))
    }

    fn metering(&self) -> Option<Arc<dyn Metering>> {
        // Before the product is known it may have meters.
        let meters = self.0.map.get().is_none_or(Map::measures_anything);
        meters.then(|| Arc::new(self.clone()) as Arc<dyn Metering>)
    }
}

#[async_trait]
impl Metering for SnmpPdu {
    async fn outlet_load(&self, outlet: u16) -> Result<Load, ProviderError> {
        let action = self.0.action(format_args!("measure outlet {outlet}"));
        let map = self.0.map(&action).await?;
        if let Err(error) = self.0.state(map, outlet, &action).await
            && error.kind() != ErrorKind::Busy
        {
            return Err(error);
        }
        let measures = map.outlet_load.as_ref().ok_or_else(|| unmetered(&action))?;
        self.0.load(measures, &action, |object| map.at(object, outlet)).await
    }

    async fn unit_load(&self) -> Result<Load, ProviderError> {
        let action = self.0.action("measure the load");
        let map = self.0.map(&action).await?;
        let measures = map.unit_load.as_ref().ok_or_else(|| unmetered(&action))?;
        // Objects of the whole PDU stand for no outlet.
        self.0.load(measures, &action, |object| map.at(object, 0)).await
    }
}
