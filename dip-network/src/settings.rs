//! The settings that this layer reads, as types and as the shape that the site file is checked against.

use std::path::PathBuf;

use dip_core::id::NetworkName;
use dip_core::secret::SecretRef;
use dip_core::site::{Field, Noun, Parsed, SettingsSchema, Shape, Variant};
use serde::{Deserialize, Serialize};

pub(crate) use crate::isc_dhcpd_settings::ISC_DHCPD;
pub use crate::isc_dhcpd_settings::{IscDhcpdSettings, KeyAlgorithm};
pub(crate) use crate::kea_settings::KEA;
pub use crate::kea_settings::{HostsDatabase, KeaBackend, KeaSettings};
pub(crate) use crate::pdu_settings::SNMP;
pub use crate::pdu_settings::{
    CommandObject, LoadObjects, MeasureObject, MibMap, NameObject, SnmpDigest, SnmpSecurity, SnmpSettings, SnmpVersion,
    StateObject,
};

use crate::provider::{BootClient, BootFiles};

/// The kinds of services that are DHCP servers.
pub const DHCP_KINDS: &[&str] = &[DNSMASQ, ISC_DHCPD, KEA];

/// The service kind `dnsmasq`.
pub(crate) const DNSMASQ: &str = "dnsmasq";

/// The switch kind `openvswitch`.
pub(crate) const OPENVSWITCH: &str = "openvswitch";

/// The switch kind `netconf`.
pub(crate) const NETCONF: &str = "netconf";

/// The kinds of switches that cannot tell what they hear over LLDP.
pub(crate) const MUTE_SWITCH_KINDS: &[&str] = &[OPENVSWITCH];

/// What every switch can say, whatever its kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchScope {
    /// Whether what it runs is saved as what it starts with, once its ports are as wanted.
    #[serde(default)]
    pub save: bool,
}

/// What every DHCP service can say, whatever its kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DhcpScope {
    /// The networks that it serves; empty for all.
    #[serde(default)]
    pub networks: Vec<NetworkName>,
    /// What the interfaces with a reservation are told to boot; nothing where it is left out.
    #[serde(default)]
    pub boot: Option<BootFiles>,
}

/// A DHCP service of kind `dnsmasq`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DnsmasqSettings {
    /// The directory that dnsmasq was given as `dhcp-hostsdir`.
    pub hosts_directory: PathBuf,
    /// The file that dnsmasq writes its process id to.
    pub pid_file: PathBuf,
    /// Further files of dnsmasq that may hold `dhcp-host` entries: its configuration, its `dhcp-hostsfile`. They are only read.
    #[serde(default)]
    pub hosts_files: Vec<PathBuf>,
    /// The file that it keeps its leases in (`dhcp-leasefile`), where a BMC is to be found by its MAC address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_file: Option<PathBuf>,
    /// The networks that it serves; empty for all.
    #[serde(default)]
    pub networks: Vec<NetworkName>,
    /// What the interfaces with a reservation are told to boot; nothing where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<BootFiles>,
}

/// A switch of kind `openvswitch`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenVSwitchSettings {
    /// Where its database listens: `tcp:10.0.9.1:6640` or `unix:/run/openvswitch/db.sock`.
    pub address: String,
    /// The bridge whose ports are the switch's ports; all bridges where it is left out.
    pub bridge: Option<String>,
}

/// A switch of kind `netconf`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetconfSettings {
    /// Its address or host name, with its port where that is not 830: `10.0.9.2`, `[fd00::2]:830`.
    pub address: String,
    /// The user that dip logs in as.
    pub user: String,
    /// Where the private key of the user is; this or `password`.
    pub key: Option<SecretRef>,
    /// Where the password of the user is; this or `key`.
    pub password: Option<SecretRef>,
    /// The host key of the switch, or its fingerprint.
    pub host_key: String,
    /// Whether what it runs is saved as what it starts with, once its ports are as wanted.
    #[serde(default)]
    pub save: bool,
}

/// What this layer adds to the shape of a site.
#[must_use]
pub fn schema() -> SettingsSchema {
    SettingsSchema {
        services: vec![dnsmasq(), crate::isc_dhcpd_settings::variant(), crate::kea_settings::variant()],
        switches: vec![netconf(), openvswitch()],
        pdus: vec![crate::pdu_settings::variant()],
        ..SettingsSchema::default()
    }
}

fn dnsmasq() -> Variant {
    Variant::new(
        DNSMASQ,
        "A DHCP server: dnsmasq, through its directory of DHCP hosts. dip must run where that directory is.",
        vec![
            Field::required(
                "hosts_directory",
                Shape::Parsed(Parsed::Path),
                "The directory that dnsmasq was given as `dhcp-hostsdir`.",
            ),
            Field::required("pid_file", Shape::Parsed(Parsed::Path), "The file that dnsmasq writes its process id to."),
            Field::optional(
                "hosts_files",
                Shape::list(Shape::Parsed(Parsed::Path)),
                "Further files of dnsmasq that may hold `dhcp-host` entries: its configuration, its `dhcp-hostsfile`. They are only read.",
            ),
            Field::optional(
                "lease_file",
                Shape::Parsed(Parsed::Path),
                "The file that it keeps its leases in (`dhcp-leasefile`), where a BMC is to be found by its MAC address.",
            ),
            Field::optional(
                "networks",
                Shape::list(Shape::Reference(Noun::Network)),
                "The networks that it serves; all where it is left out.",
            ),
            boot_field(),
        ],
    )
}

/// What every DHCP service can say of boot files.
pub(crate) fn boot_field() -> Field {
    let server = Field::optional(
        "server",
        Shape::Parsed(Parsed::AddressV4),
        "The IPv4 address of the server that has the files, by TFTP; nothing is told over DHCPv4 where it is left out.",
    );
    let server6 = Field::optional(
        "server6",
        Shape::Parsed(Parsed::AddressV6),
        "The IPv6 address of that server, for DHCPv6, which tells `tftp://[server6]/file`, and a URL at `server` as one at `server6`; nothing is told over DHCPv6 where it is left out.",
    );
    let file = |client: BootClient| Field::optional(client.word(), Shape::Text, boot_file(client));
    let fields = [server, server6].into_iter().chain(BootClient::ALL.map(file)).collect();
    let text = "What the interfaces with a reservation are told to boot from the network, by their firmware; nothing where it is left out.";
    Field::optional("boot", Shape::Object(fields), text)
}

const fn boot_file(client: BootClient) -> &'static str {
    use crate::provider::ClientArchitecture::{Bios, HttpArm64, HttpX64, UefiArm64, UefiX64};
    match client {
        BootClient::Ipxe => "The script of iPXE that was loaded already: a URL, or a file of the server.",
        BootClient::Firmware(Bios) => "The file of x86 with BIOS (architecture 0).",
        BootClient::Firmware(UefiX64) => "The file of x86-64 with UEFI (7 and 9).",
        BootClient::Firmware(UefiArm64) => "The file of 64-bit ARM with UEFI (11).",
        BootClient::Firmware(HttpX64) => "The URL of x86-64 with UEFI that loads over HTTP (16).",
        BootClient::Firmware(HttpArm64) => "The URL of 64-bit ARM with UEFI that loads over HTTP (19).",
    }
}

fn netconf() -> Variant {
    Variant::new(
        NETCONF,
        "A switch over NETCONF (RFC 6241, 6242) that knows the models of OpenConfig.",
        vec![
            Field::required(
                "address",
                Shape::Parsed(Parsed::Endpoint),
                "Its address or host name, with its port where that is not 830.",
            ),
            Field::required("user", Shape::Text, "The user that dip logs in as."),
            Field::optional(
                "key",
                Shape::Parsed(Parsed::Secret),
                "Where the private key of the user is, `env:NAME` or `file:PATH`; this or `password`.",
            ),
            Field::optional(
                "password",
                Shape::Parsed(Parsed::Secret),
                "Where the password of the user is, `env:NAME` or `file:PATH`; this or `key`.",
            ),
            Field::required("host_key", Shape::Text, "The host key: `SHA256:...` or `ssh-ed25519 AAAA...`."),
            Field::optional(
                "save",
                Shape::Boolean,
                "Whether what it runs is saved as what it starts with, once its ports are as wanted; no where it is left out.",
            ),
        ],
    )
}

fn openvswitch() -> Variant {
    Variant::new(
        OPENVSWITCH,
        "Open vSwitch, through its database (OVSDB, RFC 7047).",
        vec![
            Field::required(
                "address",
                Shape::Text,
                "Where its database listens: `tcp:10.0.9.1:6640` or `unix:/run/openvswitch/db.sock`.",
            ),
            Field::optional(
                "bridge",
                Shape::Text,
                "The bridge whose ports are the switch's ports; the ports of all bridges where it is left out.",
            ),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Map, Value, json};

    /// An object with one value of the right form for each field of a variant.
    fn full(variant: &Variant) -> Value {
        object(&variant.fields)
    }

    fn object(fields: &[Field]) -> Value {
        let value = |field: &Field| match &field.shape {
            Shape::List(_) => json!(["a"]),
            Shape::Boolean => json!(true),
            Shape::Object(fields) => object(fields),
            Shape::Parsed(Parsed::Secret) => json!("env:A"),
            Shape::Choice(words) => json!(words[0]),
            Shape::Parsed(Parsed::AddressV4) => json!("10.0.0.5"),
            Shape::Parsed(Parsed::AddressV6) => json!("fd00::5"),
            Shape::Text if field.name.starts_with("http_") => json!("http://a/"),
            _ => json!("a"),
        };
        Value::Object(fields.iter().map(|field| (field.name.to_owned(), value(field))).collect::<Map<_, _>>())
    }

    fn keys(value: &Value) -> Vec<String> {
        value.as_object().map(|object| object.keys().cloned().collect()).unwrap_or_default()
    }

    #[test]
    fn the_types_and_the_shapes_know_the_same_keys() {
        let shape = full(&dnsmasq());
        let read = DnsmasqSettings::deserialize(&shape).expect("every field of the shape is known to the type");
        assert_eq!(keys(&serde_json::to_value(read).expect("plain data")), keys(&shape));

        let shape = full(&crate::kea_settings::variant());
        let read = KeaSettings::deserialize(&shape).expect("every field of the shape is known to the type");
        assert_eq!(keys(&serde_json::to_value(read).expect("plain data")), keys(&shape));

        let shape = full(&crate::isc_dhcpd_settings::variant());
        let read = IscDhcpdSettings::deserialize(&shape).expect("every field of the shape is known to the type");
        assert_eq!(keys(&serde_json::to_value(read).expect("plain data")), keys(&shape));

        let shape = full(&netconf());
        let read = NetconfSettings::deserialize(&shape).expect("every field of the shape is known to the type");
        assert_eq!(keys(&serde_json::to_value(read).expect("plain data")), keys(&shape));

        let shape = full(&openvswitch());
        let read = OpenVSwitchSettings::deserialize(&shape).expect("every field of the shape is known to the type");
        assert_eq!(keys(&serde_json::to_value(read).expect("plain data")), keys(&shape));
    }

    #[test]
    fn the_scope_of_a_dhcp_service_is_read_whatever_its_kind_says_beside() {
        let settings = json!({"hosts_directory": "/d", "pid_file": "/p", "networks": ["prod"]});
        let scope = DhcpScope::deserialize(&settings).expect("other keys are left to the kind");
        assert_eq!(scope.networks, [NetworkName::new("prod").expect("a name")]);
    }
}
