//! A site of two racks, and a layer that reserves addresses in its DHCP service.

use async_trait::async_trait;
use dip_core::fact::FactRegistry;
use dip_core::id::{LayerId, NodeName, ServiceName};
use dip_core::layer::{ConnectError, Layer, Layers, Note};
use dip_core::observed::Observed;
use dip_core::operation::{Applied, Check, Context, Gap, Operation, OperationError, Operations};
use dip_core::provider::Providers;
use dip_core::secret::Secrets;
use dip_core::site::{Field, Format, Lock, Noun, SettingsSchema, Shape, Site, Source, Variant};
use dip_core::step::{Boot, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

pub(super) const TEXT: &str = include_str!("../../golden/explain/site.yaml");

pub(super) fn layers() -> Layers {
    Layers::new().with(Lab)
}

/// The site with other words in its text; each must be there.
#[track_caller]
pub(super) fn site(changes: &[(&str, &str)]) -> Site {
    let text = changes.iter().fold(TEXT.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    let source = Source::new("site.yaml", Format::Yaml, text);
    let parsed = Site::parse(&[source], &layers().settings(), &Lock::default());
    parsed.unwrap_or_else(|faults| panic!("{faults}")).site
}

/// Reserves the address of a node.
#[derive(Debug, Serialize, Deserialize)]
struct Reserve {
    service: ServiceName,
    node: NodeName,
}

#[async_trait]
impl Operation for Reserve {
    const NAME: &'static str = "network.reserve_address";

    async fn check(&self, _: &Context<'_>) -> Result<Check, OperationError> {
        Ok(Check::Unknown(Gap::Unobservable("nobody looks in these tests".into())))
    }

    async fn apply(&self, _: &Context<'_>) -> Result<Applied, OperationError> {
        Ok(Applied::Done)
    }
}

#[derive(Debug)]
struct Lab;

impl Layer for Lab {
    fn id(&self) -> LayerId {
        LayerId::Network
    }

    fn facts(&self, _: &mut FactRegistry) {}

    fn operations(&self, known: &mut Operations) {
        known.register::<Reserve>();
    }

    fn settings(&self) -> SettingsSchema {
        let time = vec![Field::required("service", Shape::Reference(Noun::Service), "The time service.")];
        let networks = Field::optional("networks", Shape::list(Shape::Reference(Noun::Network)), "What it serves.");
        let servers = Field::required("servers", Shape::list(Shape::Text), "The servers.");
        SettingsSchema {
            node: [
                (LayerId::Os, vec![Field::optional("sysctl", Shape::map(Shape::Text), "Kernel settings.")]),
                (LayerId::OpsClients, vec![Field::optional("time", Shape::Object(time), "Time.")]),
            ]
            .into(),
            services: vec![
                Variant::new("dnsmasq", "A DHCP server.", vec![networks]),
                Variant::new("ntp", "Time.", vec![servers]),
            ],
            bmc_protocols: vec![
                Variant::new("ipmi", "IPMI.", Vec::new()),
                Variant::new("redfish", "Redfish.", Vec::new()),
            ],
            workloads: vec![Variant::new("etcd", "etcd.", Vec::new())],
            ..SettingsSchema::default()
        }
    }

    fn connect(&self, _: &Site, _: &dyn Secrets, _: &mut Providers) -> Result<(), Vec<ConnectError>> {
        Ok(())
    }

    fn propose(&self, site: &Site, _: &Observed) -> Result<Vec<Step>, Vec<Note>> {
        let dhcp = site.services_of(&["dnsmasq"]).next();
        let steps = dhcp.into_iter().flat_map(|dhcp| {
            site.ready_nodes().map(|node| {
                let reserve = Reserve { service: dhcp.name.clone(), node: node.name.clone() };
                Step::new(LayerId::Network, Subject::node(&node.name), &reserve).origin(node.origin.clone())
            })
        });
        Ok(steps.collect())
    }

    fn enter(&self, _: &Site, _: &Boot) -> Vec<Step> {
        Vec::new()
    }
}
