//! All that this layer adds to the shape of a site.

use std::collections::BTreeMap;

use dip_core::certificate::authority_kind;
use dip_core::id::LayerId;
use dip_core::site::SettingsSchema;

use super::{agents, node, services};

/// What this layer adds to the shape of a site.
#[must_use]
pub fn schema() -> SettingsSchema {
    SettingsSchema {
        node: BTreeMap::from([(LayerId::OpsClients, node::fields())]),
        services: services::variants().into_iter().chain(agents::variants()).chain([authority_kind()]).collect(),
        ..SettingsSchema::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::*;
    use dip_core::site::{Parsed, Shape};
    use serde::Serialize;
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    /// A value of the right form for a shape.
    fn example(shape: &Shape) -> Value {
        match shape {
            Shape::Integer { min, .. } => json!(min),
            Shape::Boolean => json!(false),
            Shape::Choice(words) => json!(words[0]),
            Shape::Parsed(Parsed::Address) => json!("10.0.0.1"),
            Shape::Parsed(Parsed::Secret) => json!("env:KEY"),
            Shape::List(of) => json!([example(of)]),
            Shape::Map(of) => json!({ "a": example(of) }),
            Shape::Object(fields) => {
                fields.iter().map(|field| (field.name.to_owned(), example(&field.shape))).collect()
            }
            _ => json!("a"),
        }
    }

    fn agree<T: DeserializeOwned + Serialize>(full: &Value) {
        let read = T::deserialize(full).expect("every field of the shape is known to the type");
        assert_eq!(&serde_json::to_value(read).expect("plain data"), full);
    }

    #[test]
    fn the_types_and_the_shapes_know_the_same_keys() {
        agree::<OpsClientsSettings>(&example(&Shape::Object(node::fields())));
        for kind in services::variants().into_iter().chain(agents::variants()) {
            let full = example(&Shape::Object(kind.fields));
            match kind.kind {
                NTP => agree::<NtpSettings>(&full),
                SYSLOG => agree::<SyslogSettings>(&full),
                SSH_AUTHORITY => agree::<SshAuthoritySettings>(&full),
                ANSIBLE => agree::<AnsibleSettings>(&full),
                PUPPET => agree::<PuppetSettings>(&full),
                SALT => agree::<SaltSettings>(&full),
                CINC => agree::<CincSettings>(&full),
                other => panic!("no type for `{other}`"),
            }
        }
    }
}
