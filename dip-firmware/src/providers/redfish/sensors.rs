//! What a machine's sensors read.

use async_trait::async_trait;
use dip_core::provider::ProviderError;

use super::error::Failure;
use super::health::health;
use super::machine::Machine;
use super::members::Member;
use super::resource::{Chassis, Maybe, Number, Power, Sensor, Status, Thermal};
use crate::provider::{SensorReading, Sensors, Unit};

#[async_trait]
impl Sensors for Machine {
    async fn readings(&self) -> Result<Vec<SensorReading>, ProviderError> {
        self.read_sensors().await.map_err(self.failed("read the sensors"))
    }
}

impl Machine {
    async fn read_sensors(&self) -> Result<Vec<SensorReading>, Failure> {
        let system = self.system().await?.body;
        let mut told = None;
        for chassis in self.chassis(&system).await? {
            if let Some(readings) = self.sensors_of(&chassis.body).await? {
                told.get_or_insert_with(Vec::new).extend(readings);
            }
        }
        told.ok_or_else(|| Failure::Lacking { what: "the service tells of no sensors".to_owned() })
    }

    /// The sensors of a box, in the newer form or the older, whichever tells of more: some services list one or two in the newer and
    /// all of them in the older.
    async fn sensors_of(&self, chassis: &Chassis) -> Result<Option<Vec<SensorReading>>, Failure> {
        let newer = self.all::<Sensor>(chassis.sensors.as_ref()).await?;
        let newer: Option<Vec<_>> =
            newer.map(|all| all.iter().map(|(member, sensor)| reading(member, sensor.as_ref())).collect());
        let thermal = self.client.follow::<Thermal>(chassis.thermal.as_ref()).await?.map(|it| of_thermal(&it.body));
        let power = self.client.follow::<Power>(chassis.power.as_ref()).await?.map(|it| of_power(&it.body));
        let older = match (thermal, power) {
            (None, None) => None,
            (thermal, power) => Some([thermal.unwrap_or_default(), power.unwrap_or_default()].concat()),
        };
        Ok(match (newer, older) {
            (Some(newer), Some(older)) if older.len() > newer.len() => Some(older),
            (newer, older) => newer.or(older),
        })
    }
}

fn reading(member: &Member, sensor: Option<&Sensor>) -> SensorReading {
    let absent = Sensor::default();
    let sensor = sensor.unwrap_or(&absent);
    let name = sensor.name.0.clone().or_else(|| sensor.id.0.clone()).filter(|name| !name.trim().is_empty());
    let unit = unit(sensor.reading_units.as_deref(), sensor.reading_type.as_deref());
    told(name.unwrap_or_else(|| member.id().to_owned()), sensor.reading, unit, &sensor.status)
}

fn of_thermal(thermal: &Thermal) -> Vec<SensorReading> {
    let temperatures = thermal.temperatures.items().iter().filter(|it| !is_absent(&it.status));
    let temperatures =
        temperatures.map(|it| told(name(&it.name, "temperature"), it.celsius, Unit::Celsius, &it.status));
    let fans = thermal.fans.items().iter().filter(|it| !is_absent(&it.status)).map(|it| {
        let unit = match it.reading_units.as_deref() {
            Some("Percent" | "%") => Unit::Percent,
            _ => Unit::Rpm,
        };
        let called = if it.name.is_some() { &it.name } else { &it.fan_name };
        told(name(called, "fan"), Maybe(it.reading.0.or(it.rpm.0)), unit, &it.status)
    });
    temperatures.chain(fans).collect()
}

fn of_power(power: &Power) -> Vec<SensorReading> {
    let voltages = power.voltages.items().iter().filter(|it| !is_absent(&it.status));
    let voltages = voltages.map(|it| told(name(&it.name, "voltage"), it.volts, Unit::Volts, &it.status));
    let controls = power.power_control.items().iter().filter(|it| it.watts.is_some());
    let controls = controls.map(|it| told(name(&it.name, "power"), it.watts, Unit::Watts, &it.status));
    voltages.chain(controls).collect()
}

fn told(name: String, value: Maybe<Number>, unit: Unit, status: &Maybe<Status>) -> SensorReading {
    SensorReading { name, value: value.0.map(|number| number.0), unit, health: health(status.as_ref()) }
}

fn name(told: &Maybe<String>, what: &str) -> String {
    told.0.clone().filter(|name| !name.trim().is_empty()).unwrap_or_else(|| what.to_owned())
}

fn is_absent(status: &Maybe<Status>) -> bool {
    status.as_ref().is_some_and(Status::is_absent)
}

/// The unit by its sign (UCUM, as DSP0268 has it), else by what is measured.
fn unit(sign: Option<&str>, kind: Option<&str>) -> Unit {
    match (sign, kind) {
        (Some("Cel" | "C"), _) | (None, Some("Temperature")) => Unit::Celsius,
        (Some("RPM" | "{rev}/min"), _) | (None, Some("Rotational")) => Unit::Rpm,
        (Some("V"), _) | (None, Some("Voltage")) => Unit::Volts,
        (Some("A"), _) | (None, Some("Current")) => Unit::Amperes,
        (Some("W"), _) | (None, Some("Power")) => Unit::Watts,
        (Some("%" | "Percent"), _) | (None, Some("Percent")) => Unit::Percent,
        _ => Unit::Other,
    }
}
