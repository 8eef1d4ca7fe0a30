//! The settings of some layers, as far as these tests need them.

use dip_core::id::LayerId;
use dip_core::site::{Field, Format, Lock, Noun, Parsed, Resolved, SettingsSchema, Shape, Site, Source, Variant};

pub(crate) const WHOLE: &str = include_str!("../golden/site/whole.yaml");

/// What the layers of these tests read.
pub(crate) fn settings() -> SettingsSchema {
    let text = |name| Field::optional(name, Shape::Text, "A text.");
    let port = |name| Field::optional(name, Shape::integer(1, 65535), "A port.");
    let ssh = vec![Field::optional("key", Shape::Parsed(Parsed::Secret), "The key."), port("port")];
    let file = vec![
        Field::required("path", Shape::Parsed(Parsed::NodePath), "Its path."),
        Field::required("content", Shape::Text, "Its text."),
        Field::optional("mode", Shape::Parsed(Parsed::Mode), "Its mode."),
    ];
    let os = vec![
        Field::optional("ssh", Shape::Object(ssh), "How it is reached."),
        Field::optional("sysctl", Shape::map(Shape::Text), "Kernel settings."),
        Field::optional("packages", Shape::list(Shape::Text), "Packages."),
        Field::optional("files", Shape::list(Shape::Object(file)), "Files."),
        Field::optional("firewall", Shape::Boolean, "Whether it is on."),
    ];
    let time = vec![Field::required("service", Shape::Reference(Noun::Service), "The time service.")];
    let opsclients = vec![Field::optional("time", Shape::Object(time), "Time.")];
    SettingsSchema {
        node: [(LayerId::Os, os), (LayerId::OpsClients, opsclients)].into(),
        services: vec![
            Variant::new(
                "dnsmasq",
                "A DHCP server.",
                vec![
                    Field::required("hosts_directory", Shape::Parsed(Parsed::Path), "Its directory."),
                    Field::optional("networks", Shape::list(Shape::Reference(Noun::Network)), "What it serves."),
                    Field::optional("pid_file", Shape::Parsed(Parsed::Path), "Its process id."),
                    Field::optional("lease", Shape::Parsed(Parsed::Duration), "How long leases last."),
                ],
            ),
            Variant::new("ntp", "Time.", vec![Field::required("servers", Shape::list(Shape::Text), "The servers.")]),
        ],
        switches: vec![Variant::new(
            "openvswitch",
            "Open vSwitch.",
            vec![Field::required("address", Shape::Text, "Where it listens."), text("bridge")],
        )],
        pdus: Vec::new(),
        bmc_protocols: vec![
            Variant::new("ipmi", "IPMI.", vec![port("port")]),
            Variant::new("redfish", "Redfish.", vec![port("port"), text("system")]),
        ],
        workloads: vec![Variant::new("etcd", "etcd.", vec![text("transport"), port("client_port")])],
    }
}

/// Reads one file of YAML.
pub(crate) fn parse(text: &str) -> Result<Resolved, dip_core::site::Faults> {
    parse_all(&[("site.yaml", Format::Yaml, text)])
}

/// Reads a base file and overlays.
pub(crate) fn parse_all(files: &[(&str, Format, &str)]) -> Result<Resolved, dip_core::site::Faults> {
    parse_locked(files, &Lock::default())
}

/// Reads a base file and overlays with what was chosen before.
pub(crate) fn parse_locked(files: &[(&str, Format, &str)], lock: &Lock) -> Result<Resolved, dip_core::site::Faults> {
    let sources: Vec<_> =
        files.iter().map(|(name, format, text)| Source::new(name, *format, *text).at("/etc/dip")).collect();
    Site::parse(&sources, &settings(), lock)
}
