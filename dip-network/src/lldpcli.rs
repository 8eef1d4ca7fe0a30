//! What a node hears over LLDP, as its `lldpcli` tells it in JSON.

use dip_core::hardware::MacAddr;
use dip_core::id::NodeName;
use dip_core::operation::OperationError;
use dip_core::provider::{Command, Host};
use serde_json::Value;

use crate::provider::Neighbour;

/// A node hears a few neighbours, of some kilobytes each; more is not the answer of an lldpd.
const LARGEST: usize = 1024 * 1024;

/// What `lldpcli` printed is not the list of neighbours that it should be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LldpError {
    #[error("it printed more than {LARGEST} bytes")]
    TooLarge,
    #[error("it printed no JSON")]
    NotJson(#[source] serde_json::Error),
    #[error("it printed JSON without the object `lldp`")]
    Foreign,
}

/// The neighbours of the interface that has this MAC address.
pub(crate) async fn neighbours_of(
    host: &dyn Host,
    node: &NodeName,
    mac: MacAddr,
) -> Result<Vec<Neighbour>, OperationError> {
    let command = Command::new("lldpcli").args(["-f", "json", "show", "neighbors", "details"]);
    let failed =
        |output: String| OperationError::Command { command: "lldpcli".to_owned(), node: node.to_string(), output };
    let output = host.run(&command).await?;
    if !output.succeeded() {
        return Err(failed(format!("{}; is lldpd installed and running there?", output.error_text())));
    }
    let heard = read(&output.stdout).map_err(|error| failed(dip_core::provider::sentence(&error)))?;
    let mut ours = Vec::new();
    for neighbour in heard {
        if mac_of(host, &neighbour.local).await? == Some(mac) {
            ours.push(neighbour);
        }
    }
    Ok(ours)
}

/// The MAC address that the maker gave an interface: a member of a bond shows the bond's otherwise.
async fn mac_of(host: &dyn Host, interface: &str) -> Result<Option<MacAddr>, OperationError> {
    // A name of an interface is a file's name; anything else came not from the kernel.
    if interface.is_empty() || interface.contains('/') || interface.starts_with('.') {
        return Ok(None);
    }
    for file in ["bonding_slave/perm_hwaddr", "address"] {
        if let Some(found) = host.read(&format!("/sys/class/net/{interface}/{file}")).await? {
            return Ok(String::from_utf8_lossy(&found.bytes).trim().parse().ok());
        }
    }
    Ok(None)
}

/// Reads what `lldpcli -f json show neighbors` prints: one thing stands alone, several in a list.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Neighbour>, LldpError> {
    if bytes.len() > LARGEST {
        return Err(LldpError::TooLarge);
    }
    let told: Value = serde_json::from_slice(bytes).map_err(LldpError::NotJson)?;
    let lldp = told.get("lldp").and_then(Value::as_object).ok_or(LldpError::Foreign)?;
    let interfaces = lldp.get("interface").map(named).unwrap_or_default();
    Ok(interfaces.into_iter().map(|(local, interface)| neighbour(local, interface)).collect())
}

fn neighbour(local: &str, interface: &Value) -> Neighbour {
    let (system, chassis) = match interface.get("chassis") {
        // The chassis stands under the name of its system where it tells one.
        Some(chassis) if chassis.get("id").is_some() => (None, Some(chassis)),
        Some(chassis) => match named(chassis).into_iter().next() {
            Some((name, inner)) => (Some(name.to_owned()), Some(inner)),
            None => (None, None),
        },
        None => (None, None),
    };
    let port = interface.get("port");
    let id = |of: Option<&Value>| text(of?.get("id")?.get("value")?);
    Neighbour {
        local: local.to_owned(),
        system,
        chassis: id(chassis),
        port: id(port),
        port_description: port.and_then(|port| text(port.get("descr")?)),
    }
}

/// `{"a": {..}, "b": {..}}`, or `[{"a": {..}}, {"b": {..}}]`, which is how several of one name are told.
fn named(value: &Value) -> Vec<(&str, &Value)> {
    match value {
        Value::Object(all) => all.iter().map(|(name, value)| (name.as_str(), value)).collect(),
        Value::Array(all) => {
            all.iter().filter_map(Value::as_object).flatten().map(|(name, value)| (name.as_str(), value)).collect()
        }
        _ => Vec::new(),
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ONE: &str = r#"{"lldp": {"interface": {"eth0": {"via": "LLDP", "rid": "1", "age": "0 day, 00:00:09",
        "chassis": {"sw2": {"id": {"type": "mac", "value": "52:54:00:00:00:99"}, "descr": "Debian"}},
        "port": {"id": {"type": "ifname", "value": "p7"}, "descr": "to n1", "ttl": "4"}}}}}"#;

    #[test]
    fn one_neighbour_and_several_are_read() {
        let one = Neighbour {
            local: "eth0".to_owned(),
            system: Some("sw2".to_owned()),
            chassis: Some("52:54:00:00:00:99".to_owned()),
            port: Some("p7".to_owned()),
            port_description: Some("to n1".to_owned()),
        };
        assert_eq!(read(ONE.as_bytes()).expect("sound"), [one]);
        let several = r#"{"lldp": {"interface": [{"a": {"chassis": {"id": {"value": "x"}}}}, {"a": {}}, {"b": 3}]}}"#;
        let heard = read(several.as_bytes()).expect("sound");
        assert_eq!(heard.len(), 3);
        assert_eq!((heard[0].system.as_deref(), heard[0].chassis.as_deref()), (None, Some("x")));
        assert!(read(br#"{"lldp": {}}"#).expect("nobody is heard").is_empty());
        assert!(read(b"{}").is_err() && read(b"").is_err() && read(&vec![b' '; LARGEST + 1]).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0..ONE.len()) {
            let _ = read(&bytes);
            let mut mangled = ONE.as_bytes().to_vec();
            let end = (at + bytes.len()).min(mangled.len());
            mangled.splice(at..end, bytes);
            let _ = read(&mangled);
        }
    }
}
