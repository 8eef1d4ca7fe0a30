//! A product's map, ready for use: names of objects as OIDs. The built-in maps are data, each with its source.

use std::sync::LazyLock;

use async_snmp::Oid;

use crate::pdu_settings::{CommandObject, LoadObjects, MeasureObject, MibMap, StateObject};

/// The built-in maps. Their objects and values were read in the MIBs that each names.
const BUILT_IN: [&str; 5] = [
    include_str!("maps/apc-rpdu.json"),
    include_str!("maps/apc-rpdu2.json"),
    include_str!("maps/raritan-pdu2.json"),
    include_str!("maps/servertech-sentry3.json"),
    include_str!("maps/servertech-sentry4.json"),
];

static MAPS: LazyLock<Vec<MibMap>> = LazyLock::new(|| {
    BUILT_IN.iter().map(|text| serde_json::from_str(text).expect("a test reads every built-in map")).collect()
});

/// All built-in maps.
pub(crate) fn built_in() -> &'static [MibMap] {
    &MAPS
}

/// The map of a product that tells this `sysObjectID`: the one that knows most of it.
pub(crate) fn recognised(object_id: &Oid) -> Option<&'static MibMap> {
    let known = |map: &MibMap| {
        let ids = map.recognised_by.iter().filter_map(|text| Oid::parse(text).ok());
        ids.filter(|id| object_id.starts_with(id)).map(|id| id.len()).max()
    };
    built_in().iter().filter_map(|map| Some((known(map)?, map))).max_by_key(|(length, _)| *length).map(|(_, map)| map)
}

/// The map of a product by its name.
pub(super) fn named(product: &str) -> Option<&'static MibMap> {
    built_in().iter().find(|map| map.product == product)
}

/// A map cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// A name of an object is not one.
    #[error(
        "`{text}` of `{key}` is not an OID; write the numbers of an instance, `{{index}}` for the outlet: `1.3.6.1.4.1.318.1.1.26.9.2.3.1.5.{{index}}`"
    )]
    Object {
        /// The key in the map.
        key: &'static str,
        /// What stands there.
        text: String,
    },
    /// An object of an outlet is the same for all outlets.
    #[error("`{0}` is an object of an outlet and has no `{{index}}`, so every outlet would be the same")]
    NoIndex(&'static str),
    /// The index is not one.
    #[error("the index `{0}` is not one; write numbers and `{{outlet}}`, for example `1.{{outlet}}`")]
    Index(String),
    /// The state cannot be told.
    #[error("`state` says of the value {0} that it is both; a value means on, off or changing")]
    Ambiguous(i32),
    /// A measure has no unit.
    #[error("`{0}` needs either `milli` or `digits`")]
    Scale(&'static str),
}

/// A map with its names taken apart.
#[derive(Debug, Clone)]
pub(crate) struct Map {
    pub(super) product: String,
    index: Template,
    pub(crate) state: State,
    pub(super) command: Command,
    pub(super) name: Option<Template>,
    pub(super) outlet_load: Option<Measures>,
    pub(super) unit_load: Option<Measures>,
}

#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) object: Template,
    pub(super) values: StateObject,
}

#[derive(Debug, Clone)]
pub(crate) struct Command {
    pub(super) object: Template,
    pub(super) values: CommandObject,
}

/// What is measured: power, current, voltage.
#[derive(Debug, Clone, Default)]
pub(crate) struct Measures(pub(super) [Option<Measure>; 3]);

#[derive(Debug, Clone)]
pub(crate) struct Measure {
    pub(super) object: Template,
    pub(super) scale: Scale,
}

#[derive(Debug, Clone)]
pub(crate) enum Scale {
    /// How many thousandths 1 means.
    Milli(u32),
    /// An object tells the number of decimal digits.
    Digits(Template),
}

/// Numbers of an OID, around one place that is filled in later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    before: Vec<u32>,
    /// What follows the place; `None` where there is none.
    after: Option<Vec<u32>>,
}

impl Map {
    /// Takes a map apart, with another index than its own where one is given.
    pub(crate) fn new(map: &MibMap, index: Option<&str>) -> Result<Self, MapError> {
        let index = index.unwrap_or(&map.index);
        let place = Template::parse(index, "{outlet}").filter(|template| template.after.is_some());
        let MibMap { state, command, .. } = map;
        let twice = |value: &&i32| state.off.contains(value) || state.changing.contains(value);
        if let Some(value) =
            state.on.iter().find(twice).or_else(|| state.off.iter().find(|value| state.changing.contains(value)))
        {
            return Err(MapError::Ambiguous(*value));
        }
        Ok(Self {
            product: map.product.clone(),
            index: place.ok_or_else(|| MapError::Index(index.to_owned()))?,
            state: State { object: of_outlet("state", &state.object)?, values: state.clone() },
            command: Command { object: of_outlet("command", &command.object)?, values: command.clone() },
            name: map.name.as_ref().map(|name| of_outlet("name", &name.object)).transpose()?,
            outlet_load: map.outlet_load.as_ref().map(|load| measures(load, of_outlet)).transpose()?,
            unit_load: map.unit_load.as_ref().map(|load| measures(load, object)).transpose()?,
        })
    }

    /// The instance of an object for an outlet.
    pub(crate) fn at(&self, object: &Template, outlet: u16) -> Oid {
        Oid::new(object.filled(&self.index.filled(&[u32::from(outlet)])))
    }

    pub(super) fn measures_anything(&self) -> bool {
        self.outlet_load.is_some() || self.unit_load.is_some()
    }
}

type Named = fn(&'static str, &str) -> Result<Template, MapError>;

fn object(key: &'static str, text: &str) -> Result<Template, MapError> {
    let template =
        Template::parse(text, "{index}").filter(|template| Oid::from_slice(&template.before).validate_all().is_ok());
    template.ok_or_else(|| MapError::Object { key, text: text.to_owned() })
}

fn of_outlet(key: &'static str, text: &str) -> Result<Template, MapError> {
    let template = object(key, text)?;
    if template.after.is_some() { Ok(template) } else { Err(MapError::NoIndex(key)) }
}

fn measures(load: &LoadObjects, named: Named) -> Result<Measures, MapError> {
    let measure = |key: &'static str, of: &Option<MeasureObject>| {
        let Some(of) = of else { return Ok(None) };
        let scale = match (of.milli, &of.digits) {
            (Some(milli), None) => Scale::Milli(milli),
            (None, Some(digits)) => Scale::Digits(named(key, digits)?),
            _ => return Err(MapError::Scale(key)),
        };
        Ok(Some(Measure { object: named(key, &of.object)?, scale }))
    };
    Ok(Measures([
        measure("power", &load.power)?,
        measure("current", &load.current)?,
        measure("voltage", &load.voltage)?,
    ]))
}

impl Template {
    fn parse(text: &str, place: &str) -> Option<Self> {
        let numbers = |text: &str| -> Option<Vec<u32>> {
            if text.is_empty() { Some(Vec::new()) } else { text.split('.').map(|part| part.parse().ok()).collect() }
        };
        let text = text.strip_prefix('.').unwrap_or(text);
        let Some((before, after)) = text.split_once(place) else {
            return Some(Self { before: numbers(text)?, after: None });
        };
        let before = if before.is_empty() { before } else { before.strip_suffix('.')? };
        let after = if after.is_empty() { after } else { after.strip_prefix('.')? };
        Some(Self { before: numbers(before)?, after: Some(numbers(after)?) })
    }

    fn filled(&self, place: &[u32]) -> Vec<u32> {
        let mut numbers = self.before.clone();
        if let Some(after) = &self.after {
            numbers.extend_from_slice(place);
            numbers.extend_from_slice(after);
        }
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdu_settings::PRODUCTS;

    fn map(product: &str) -> Map {
        Map::new(named(product).expect("it is built in"), None).expect("a test reads every built-in map")
    }

    #[test]
    fn every_built_in_map_can_be_used_and_names_its_sources() {
        let products: Vec<_> = built_in().iter().map(|map| map.product.as_str()).collect();
        assert_eq!(products, PRODUCTS, "the site file may name each of them");
        for of in built_in() {
            let map = Map::new(of, None).unwrap_or_else(|error| panic!("{}: {error}", of.product));
            assert!(of.source.as_ref().is_some_and(|source| source.contains("MIB")), "{}", of.product);
            assert!(of.state.source.is_some() && of.command.source.is_some(), "{}", of.product);
            assert!(of.command.cycle.is_some() && map.measures_anything(), "{}", of.product);
        }
    }

    #[test]
    fn an_outlet_is_the_instance_that_the_mib_says() {
        let at = |product: &str| {
            let map = map(product);
            (map.at(&map.state.object, 7).to_string(), map.at(&map.command.object, 7).to_string())
        };
        let pair = |state: &str, command: &str| (state.to_owned(), command.to_owned());
        assert_eq!(at("apc-rpdu"), pair("1.3.6.1.4.1.318.1.1.12.3.5.1.1.4.7", "1.3.6.1.4.1.318.1.1.12.3.3.1.1.4.7"));
        assert_eq!(at("raritan-pdu2"), pair("1.3.6.1.4.1.13742.6.4.1.2.1.3.1.7", "1.3.6.1.4.1.13742.6.4.1.2.1.2.1.7"));
        assert_eq!(
            at("servertech-sentry4"),
            pair("1.3.6.1.4.1.1718.4.1.8.3.1.1.1.1.7", "1.3.6.1.4.1.1718.4.1.8.5.1.2.1.1.7")
        );
        let second = Map::new(named("raritan-pdu2").expect("it is built in"), Some("2.{outlet}")).expect("an index");
        assert_eq!(second.at(&second.state.object, 7).to_string(), "1.3.6.1.4.1.13742.6.4.1.2.1.3.2.7");
    }

    #[test]
    fn a_product_is_known_by_its_object_id_and_a_stranger_is_not() {
        let of = |text: &str| recognised(&Oid::parse(text).expect("an OID")).map(|map| map.product.as_str());
        assert_eq!(of("1.3.6.1.4.1.318.1.3.4.6"), Some("apc-rpdu2"));
        assert_eq!(of("1.3.6.1.4.1.318.1.3.4.5"), Some("apc-rpdu"));
        assert_eq!(of("1.3.6.1.4.1.13742.6"), Some("raritan-pdu2"));
        assert_eq!(of("1.3.6.1.4.1.1718.3"), Some("servertech-sentry3"));
        assert_eq!(of("1.3.6.1.4.1.1718.4"), Some("servertech-sentry4"));
        assert_eq!(of("1.3.6.1.4.1.8072.3.2.10"), None);
    }

    #[test]
    fn a_map_that_cannot_be_used_says_what_is_wrong() {
        let of = |change: fn(&mut MibMap)| {
            let mut map = named("apc-rpdu2").expect("it is built in").clone();
            change(&mut map);
            Map::new(&map, None).expect_err("it is wrong")
        };
        assert_eq!(of(|map| map.index = "1.2".to_owned()), MapError::Index("1.2".to_owned()));
        assert_eq!(of(|map| map.state.object = "1.3.6".to_owned()), MapError::NoIndex("state"));
        assert_eq!(of(|map| map.state.on = vec![1]), MapError::Ambiguous(1));
        let wrong = of(|map| map.command.object = "apc.{index}".to_owned()).to_string();
        assert!(wrong.starts_with("`apc.{index}` of `command` is not an OID"), "{wrong}");
        let unscaled = of(|map| {
            if let Some(power) = map.unit_load.as_mut().and_then(|load| load.power.as_mut()) {
                power.milli = None;
            }
        });
        assert_eq!(unscaled, MapError::Scale("power"));
    }
}
