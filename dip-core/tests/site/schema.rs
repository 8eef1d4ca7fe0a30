//! The JSON Schema of a site file takes what is right and refuses what is wrong.

use dip_core::site::json_schema;
use serde_json::{Value, json};

use crate::rules::settings;

/// Whether a value fits a schema, for the words that our schemas use.
fn fits(value: &Value, schema: &Value) -> bool {
    let kind_fits = |kind: &Value| match kind.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some("null") => value.is_null(),
        other => panic!("our schemas have no type {other:?}"),
    };
    for (word, rule) in schema.as_object().expect("a schema is an object") {
        let fit = match word.as_str() {
            "$schema" | "title" | "description" => true,
            "type" => rule.as_array().map_or_else(|| kind_fits(rule), |kinds| kinds.iter().any(kind_fits)),
            "enum" => rule.as_array().expect("words").contains(value),
            "const" => rule == value,
            "not" => !fits(value, rule),
            "minimum" => value.as_i64().is_none_or(|number| number >= rule.as_i64().expect("a number")),
            "maximum" => value.as_i64().is_none_or(|number| number <= rule.as_i64().expect("a number")),
            "anyOf" => rule.as_array().expect("schemas").iter().any(|schema| fits(value, schema)),
            "oneOf" => rule.as_array().expect("schemas").iter().filter(|schema| fits(value, schema)).count() == 1,
            "items" => value.as_array().into_iter().flatten().all(|item| fits(item, rule)),
            "required" => {
                let has = |key: &Value| value.get(key.as_str().expect("a key")).is_some();
                !value.is_object() || rule.as_array().expect("keys").iter().all(has)
            }
            "properties" => {
                let entry = |(key, schema): (&String, &Value)| value.get(key).is_none_or(|value| fits(value, schema));
                rule.as_object().expect("schemas").iter().all(entry)
            }
            "additionalProperties" => {
                let known = |key: &String| schema.get("properties").is_some_and(|known| known.get(key).is_some());
                let mut more = value.as_object().into_iter().flatten().filter(|(key, _)| !known(key));
                more.all(|(_, value)| if rule.is_object() { fits(value, rule) } else { rule == &json!(true) })
            }
            // What must be between braces, or a letter or two; patterns are for editors.
            "pattern" => value.as_str().is_none_or(|text| {
                let braces = rule == "\\{.*\\}";
                let value = rule == "^\\$\\{[^}]*\\}$";
                (!braces || text.contains('{')) && (!value || text.starts_with("${"))
            }),
            other => panic!("our schemas have no word {other}"),
        };
        if !fit {
            return false;
        }
    }
    true
}

fn good() -> Value {
    json!({
        "version": 1,
        "site": "lab1",
        "racks": {"r1": {"row": "A"}, "r2": null},
        "switches": {"sw1": {"rack": "r1", "kind": "openvswitch", "address": "tcp:a:1"}, "sw2": {"rack": "r2"}},
        "pdus": {"pdu1": {"outlets": 24}},
        "networks": {"prod": {"vlan": 100, "prefixes": [{"prefix": "10.0.0.0/24"}]}},
        "services": {"time": {"kind": "ntp", "servers": ["10.0.0.1"]}},
        "profiles": {"base": {"bmc": {"user": "a", "protocols": [{"kind": "ipmi"}]}, "os": {"sysctl": {"a": 1}}}},
        "nodes": {"n{1..8}": {"profile": "base", "nics": {"e": {"link": "sw1/p{n}"}}, "os": {"ssh": {"port": "{n+22}"}}}},
        "clusters": {"store": {"workload": {"kind": "etcd"}, "members": {"member": ["n1"]}}},
    })
}

#[test]
fn a_good_site_fits() {
    assert!(fits(&good(), &json_schema(&settings())));
}

#[test]
fn what_the_check_refuses_does_not_fit() {
    let schema = json_schema(&settings());
    let wrong: [(&str, Value); 9] = [
        ("/version", json!(2)),
        ("/networks/prod/vlan", json!(5000)),
        ("/networks/prod/vlna", json!(5)),
        ("/services/time/kind", json!("ntpd")),
        ("/switches/sw1/adress", json!("a")),
        ("/pdus/pdu1", json!({})),
        ("/nodes/n{1..8}/state", json!("gone")),
        ("/nodes/n{1..8}/os/packages", json!("one")),
        ("/clusters/store", json!({"members": {}})),
    ];
    for (place, value) in wrong {
        let mut site = good();
        let (parent, key) = place.rsplit_once('/').expect("a path");
        site.pointer_mut(parent).expect("a part of the site")[key] = value;
        assert!(!fits(&site, &schema), "{place}");
    }
}

#[test]
fn every_key_is_described() {
    fn undescribed(schema: &Value, path: &str, found: &mut Vec<String>) {
        for (key, value) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if value.get("description").is_none() && value.get("const").is_none() {
                found.push(format!("{path}.{key}"));
            }
        }
        match schema {
            Value::Object(object) => {
                object.iter().for_each(|(key, value)| undescribed(value, &format!("{path}.{key}"), found))
            }
            Value::Array(items) => items.iter().for_each(|value| undescribed(value, path, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    undescribed(&json_schema(&settings()), "", &mut found);
    assert_eq!(found, Vec::<String>::new());
}
