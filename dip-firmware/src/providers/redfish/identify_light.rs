//! The light by which a machine is found.

use async_trait::async_trait;
use dip_core::provider::ProviderError;
use serde_json::{Value, json};

use super::error::Failure;
use super::machine::Machine;
use super::resource::Maybe;
use crate::provider::{IdentifyLight, Light};

#[async_trait]
impl IdentifyLight for Machine {
    async fn state(&self) -> Result<Option<Light>, ProviderError> {
        let read = async { Ok(self.lamp().await?.map(|lamp| lamp.light)) };
        read.await.map_err(self.failed("ask whether the light shines"))
    }

    async fn set(&self, light: Light) -> Result<(), ProviderError> {
        self.set_light(light).await.map_err(self.failed("turn the light on or off"))
    }
}

/// A light, where it is, and in which words it is told of.
struct Lamp {
    path: String,
    light: Light,
    way: Way,
}

#[derive(Debug, Clone, Copy)]
enum Way {
    /// `LocationIndicatorActive`.
    Active,
    /// `IndicatorLED`, the older word.
    Led,
}

impl Machine {
    async fn lamp(&self) -> Result<Option<Lamp>, Failure> {
        let system = self.system().await?;
        if let Some((light, way)) = light(&system.body.location_indicator_active, &system.body.indicator_led) {
            return Ok(Some(Lamp { path: system.path().to_owned(), light, way }));
        }
        for chassis in self.chassis(&system.body).await? {
            if let Some((light, way)) = light(&chassis.body.location_indicator_active, &chassis.body.indicator_led) {
                return Ok(Some(Lamp { path: chassis.path().to_owned(), light, way }));
            }
        }
        Ok(None)
    }

    async fn set_light(&self, wanted: Light) -> Result<(), Failure> {
        let lamp = self.lamp().await?;
        let lamp = lamp.ok_or_else(|| Failure::Lacking { what: "the machine tells of no light".to_owned() })?;
        if lamp.light == wanted {
            return Ok(());
        }
        let body = match (lamp.way, wanted) {
            (Way::Active, light) => json!({ "LocationIndicatorActive": light == Light::On }),
            (Way::Led, Light::On) => json!({ "IndicatorLED": "Blinking" }),
            (Way::Led, Light::Off) => json!({ "IndicatorLED": "Off" }),
        };
        self.change(&lamp.path, |_: &Value| Ok(Some(body.clone()))).await.map(drop)
    }
}

fn light(active: &Maybe<bool>, led: &Maybe<String>) -> Option<(Light, Way)> {
    match (active.0, led.as_deref()) {
        (Some(true), _) => Some((Light::On, Way::Active)),
        (Some(false), _) => Some((Light::Off, Way::Active)),
        (None, Some("Lit" | "Blinking")) => Some((Light::On, Way::Led)),
        (None, Some("Off")) => Some((Light::Off, Way::Led)),
        (None, _) => None,
    }
}
