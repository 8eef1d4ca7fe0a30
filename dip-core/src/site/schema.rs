//! The shape of a site file as JSON Schema (draft 2020-12), for editors and for checks elsewhere.

use serde_json::{Map, Value, json};

use super::root::{Root, SECTIONS, VALUES};
use super::shape::{Field, Parsed, Presence, SettingsSchema, Shape, Variant};

/// The JSON Schema of a site file with the settings of these layers. It is of a base file: an overlay may leave out
/// what its base says. References, and what only several values together can break, it does not check.
#[must_use]
pub fn json_schema(settings: &SettingsSchema) -> Value {
    let root = Root::new(settings);
    let mut schema = object(&root.top, &[]);
    for (key, _, doc) in SECTIONS {
        let of = match key {
            "racks" => object(&root.rack, &[]),
            "switches" => managed(&root.switch),
            "pdus" => managed(&root.pdu),
            "networks" => object(&root.network, &[]),
            "profiles" => partial(object(&root.profile, &[])),
            // A node may leave out what its profile says.
            "nodes" => partial(object(&root.node, &[])),
            "services" => tagged(&root.services),
            _ => object(&root.cluster, &[]),
        };
        let section = json!({"type": ["object", "null"], "description": doc, "additionalProperties": of});
        schema["properties"][key] = section;
    }
    let (key, doc) = VALUES;
    schema["properties"][key] = json!({"type": ["object", "null"], "description": doc, "additionalProperties": true});
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("Site file of dip");
    schema
}

fn shape(of: &Shape) -> Value {
    match of {
        // A plain `007` or `no` is a text where a text is asked.
        Shape::Text => json!({"type": ["string", "number", "boolean"]}),
        Shape::Integer { min, max } => placed(&json!({"type": "integer", "minimum": min, "maximum": max})),
        Shape::Boolean => placed(&json!({"type": "boolean"})),
        Shape::Choice(words) => placed(&json!({"enum": words})),
        Shape::Parsed(what) => parsed(*what),
        Shape::Reference(noun) => {
            json!({"type": ["string", "integer"], "description": format!("The name of a {} of the site.", noun.as_str())})
        }
        Shape::List(of) => json!({"anyOf": [
            {"type": ["array", "null"], "items": shape(of)},
            // A value that is a list.
            {"type": "string", "pattern": "^\\$\\{[^}]*\\}$"},
        ]}),
        Shape::Map(of) => json!({"type": ["object", "null"], "additionalProperties": shape(of)}),
        Shape::Object(fields) => object(fields, &[]),
        Shape::Tagged(variants) => tagged(variants),
    }
}

/// A value, or a text with a placeholder that a range replaces.
fn placed(schema: &Value) -> Value {
    json!({"anyOf": [schema, {"type": "string", "pattern": "\\{.*\\}"}]})
}

fn object(fields: &[Field], more: &[(&str, Value)]) -> Value {
    let described = |field: &Field| {
        let mut of = shape(&field.shape);
        of["description"] = json!(field.doc);
        (field.name.to_owned(), of)
    };
    let mut properties: Map<String, Value> = fields.iter().map(described).collect();
    properties.extend(more.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
    let required = fields.iter().filter(|field| field.presence == Presence::Required).map(|field| field.name);
    let required: Vec<&str> = required.chain(more.iter().map(|(key, _)| *key)).collect();
    // An empty value stands for an object without keys where none must be there.
    let kinds = if required.is_empty() { json!(["object", "null"]) } else { json!("object") };
    json!({"type": kinds, "properties": properties, "required": required, "additionalProperties": false})
}

fn variant(of: &Variant) -> Value {
    let mut schema = object(&of.fields, &[("kind", json!({"const": of.kind}))]);
    schema["description"] = json!(of.doc);
    schema
}

fn tagged(variants: &[Variant]) -> Value {
    if variants.is_empty() {
        // No layer in use knows any kind: nothing can stand here.
        return json!({"not": {}});
    }
    json!({"oneOf": variants.iter().map(variant).collect::<Vec<_>>()})
}

fn managed((common, kinds): &(Vec<Field>, Vec<Variant>)) -> Value {
    let plain = object(common, &[]);
    json!({"oneOf": std::iter::once(plain).chain(kinds.iter().map(variant)).collect::<Vec<_>>()})
}

/// The same without keys that must be there, but for the `kind` that says which keys there are.
fn partial(mut schema: Value) -> Value {
    if let Some(object) = schema.as_object_mut() {
        let tagged =
            object.get("properties").and_then(|known| known.get("kind")).is_some_and(|kind| kind["const"].is_string());
        match object.get_mut("required") {
            Some(required) if tagged => *required = json!(["kind"]),
            Some(required) => *required = json!([]),
            None => {}
        }
    }
    match schema {
        Value::Object(object) => Value::Object(object.into_iter().map(|(key, value)| (key, partial(value))).collect()),
        Value::Array(items) => Value::Array(items.into_iter().map(partial).collect()),
        value => value,
    }
}

fn parsed(what: Parsed) -> Value {
    let (description, pattern) = match what {
        Parsed::Address => ("An IPv4 or IPv6 address.", None),
        Parsed::AddressV4 => ("An IPv4 address.", Some("\\.")),
        Parsed::AddressV6 => ("An IPv6 address.", Some(":")),
        Parsed::Prefix => ("An IP prefix, `10.1.0.0/24`.", Some("/")),
        Parsed::AddressRange => ("A range of addresses, `10.1.0.10-10.1.0.99`.", Some("-")),
        Parsed::Endpoint => ("An address or host name with an optional port.", None),
        Parsed::Station => {
            ("An address or host name with an optional port, or the MAC address by which the address is found.", None)
        }
        Parsed::Mac => ("A MAC address, `52:54:00:12:34:56`.", Some("[:-]")),
        Parsed::Duid => ("A DUID, `00:04:53:1a:...`.", Some(":")),
        Parsed::Pci => ("A PCI address, `0000:3b:00.1`.", None),
        Parsed::DomainName => ("A DNS name.", None),
        Parsed::NameTemplate => ("A DNS name with `{node}`, `{network}`, `{domain}` and `{site}` in it.", None),
        Parsed::Duration => ("A span of time, `30s`, `5m`, `1h`.", Some("(ms|s|m|h)$")),
        Parsed::Secret => ("Where a secret is, never the secret.", Some("^(env|file|store):")),
        Parsed::Path => ("A path where dip runs; a relative one starts at the file that it stands in.", None),
        Parsed::NodePath => ("An absolute path on a node.", Some("^/")),
        Parsed::Url => ("A URL.", Some("^https?://")),
        // YAML without quotes makes a number of it for other readers.
        Parsed::Mode => return json!({"type": ["string", "integer"], "description": "Permission bits in octal."}),
        Parsed::SwitchPort => ("A switch port, `switch/port`.", Some("/")),
        Parsed::Outlet => ("A PDU outlet, `pdu/outlet`.", Some("/")),
        Parsed::Moment => ("A moment, `2026-12-20T00:00:00Z`.", Some("(Z|[+-][0-9]{2}:[0-9]{2})$")),
        Parsed::TimeOfDay => ("A time of the day, `22:00`.", Some("^[0-9]{2}:[0-9]{2}")),
        Parsed::Zone => ("A time zone by its IANA name, `Europe/Berlin`.", None),
        Parsed::Sha256 => ("A SHA-256.", Some("^[0-9a-fA-F]{64}$")),
        Parsed::Name => return json!({"type": ["string", "integer"], "description": "A plain name."}),
    };
    match pattern {
        // A value may be put in where it stands.
        Some(pattern) => {
            json!({"type": "string", "description": description, "pattern": format!("{pattern}|\\$\\{{")})
        }
        None => json!({"type": "string", "description": description}),
    }
}
