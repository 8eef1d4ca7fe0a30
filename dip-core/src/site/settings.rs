//! Settings: values that core has checked against a layer's shape and that only that layer reads.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Origin;
use crate::id::{LayerId, Symbol};

/// The kind of a service, switch, BMC protocol or workload, with its fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Driver {
    /// Which kind.
    pub kind: Symbol,
    /// Its fields beside `kind`, an object.
    pub settings: Value,
    /// Where it stands in the site file.
    pub origin: Option<Origin>,
}

impl Driver {
    /// The settings as the type of the layer that knows this kind.
    ///
    /// # Errors
    /// Where they are not of that type: the layer's type and its shape disagree.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        T::deserialize(&self.settings)
    }
}

/// The settings of one node for all layers, its profiles already merged in.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct NodeSettings {
    /// An object for each layer that has settings.
    pub layers: BTreeMap<LayerId, Value>,
    /// Where each value comes from, by its path: `os.sysctl.vm.swappiness`.
    pub origins: BTreeMap<String, Origin>,
}

impl NodeSettings {
    /// The settings of a layer as its own type; `None` where the site says nothing for it.
    ///
    /// # Errors
    /// Where they are not of that type: the layer's type and its shape disagree.
    pub fn read<T: DeserializeOwned>(&self, layer: LayerId) -> Result<Option<T>, serde_json::Error> {
        self.layers.get(&layer).map(T::deserialize).transpose()
    }

    /// Where the value at a path comes from (`os`, `os.sysctl`): its own origin, or that of the nearest part that holds it.
    #[must_use]
    pub fn origin(&self, path: &str) -> Option<&Origin> {
        let mut path = path;
        loop {
            if let Some(origin) = self.origins.get(path) {
                return Some(origin);
            }
            path = path.rsplit_once('.')?.0;
        }
    }
}
