//! The parsers of bytes that come from the network, each as one function that must return whatever the bytes are: for fuzzers, and
//! for the test that replays what they found.

#[cfg(feature = "snmp")]
mod snmp;

/// A parser.
pub type Parser = fn(&[u8]);

/// Every parser with the name of its corpus, `fuzz/corpus/<name>/` at the top of the workspace.
pub const PARSERS: &[(&str, Parser)] = &[
    #[cfg(feature = "isc-dhcpd")]
    ("network_dhcpd_files", crate::providers::isc_dhcpd::fuzzing::file),
    ("network_lldp", lldp),
    #[cfg(feature = "netconf")]
    ("network_netconf_chunks", crate::providers::netconf::fuzzing::chunks),
    #[cfg(feature = "netconf")]
    ("network_netconf_marks", crate::providers::netconf::fuzzing::marks),
    #[cfg(feature = "netconf")]
    ("network_netconf_xml", crate::providers::netconf::fuzzing::xml),
    #[cfg(feature = "isc-dhcpd")]
    ("network_omapi", crate::providers::isc_dhcpd::fuzzing::stream),
    #[cfg(feature = "openvswitch")]
    ("network_ovsdb", crate::providers::openvswitch::fuzzing::stream),
    #[cfg(feature = "proxy")]
    ("network_proxy_dhcp", crate::proxy::fuzz),
    #[cfg(feature = "snmp")]
    ("network_snmp", snmp::snmp),
];

/// What `lldpcli -f json` prints on a node.
fn lldp(bytes: &[u8]) {
    std::hint::black_box(crate::lldpcli::read(bytes)).ok();
}
