//! The simulated BMC.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dip_core::conformance::{Failure, Trial};
use dip_core::hardware::{Identity, PowerState};
use dip_core::id::NodeName;
use dip_core::subject::Subject;
use dip_firmware::conformance::{self, BiosSample, BmcHarness, FirmwareSample, RaidSample};
use dip_firmware::provider::{BiosValue, Bmc};
use dip_sandbox::{Access, Sandbox};

use crate::datacenter::Datacenter;

struct Harness {
    datacenter: Arc<Datacenter>,
    node: NodeName,
    /// The manufacturer, the model and, where it is told, the serial number of the board.
    told: [Option<String>; 3],
}

/// The BMC of a node that no other trial needs.
pub(crate) fn harness(datacenter: &Arc<Datacenter>) -> Arc<dyn BmcHarness> {
    let node = NodeName::new("n3").expect("a name");
    let board = datacenter.sandbox.board_serial(&node);
    let told = [Some("Sandbox Systems".to_owned()), Some("SB-1U".to_owned()), Some(board)];
    Arc::new(Harness { datacenter: Arc::clone(datacenter), node, told })
}

/// The trials of a BMC of each maker, over the real Redfish provider.
#[cfg(feature = "models")]
pub(crate) fn of_makers() -> Vec<(&'static str, Vec<Trial>)> {
    let of = |maker: dip_firmware::models::Maker| {
        let datacenter = Arc::new(Datacenter::new());
        let node = NodeName::new("n3").expect("a name");
        datacenter.sandbox.by_hand().fit_bmc(&node, maker);
        let (manufacturer, model) = maker.machine();
        let told = [Some(manufacturer.to_owned()), Some(model.to_owned()), None];
        let harness: Arc<dyn BmcHarness> = Arc::new(Harness { datacenter, node, told });
        let drive = ["http://192.0.2.1/one.iso", "http://192.0.2.1/two.iso"];
        let lists = [
            conformance::bmc(&harness),
            of_firmware(&harness),
            conformance::secure_boot(&harness),
            conformance::virtual_media(&harness, drive),
        ];
        (maker.name(), lists.into_iter().flatten().collect())
    };
    dip_firmware::models::Maker::ALL.map(of).into()
}

/// The trials of all that the simulated BMC offers beside power and boot device.
pub(crate) fn abilities(harness: &Arc<dyn BmcHarness>) -> Vec<Trial> {
    let lists = [
        conformance::accounts(harness),
        of_firmware(harness),
        conformance::controller(harness),
        conformance::event_log(harness),
        conformance::identify_light(harness),
        conformance::inventory(harness),
        conformance::secure_boot(harness),
        conformance::sensors(harness),
    ];
    lists.into_iter().flatten().collect()
}

/// The trials of settings, images and volumes.
fn of_firmware(harness: &Arc<dyn BmcHarness>) -> Vec<Trial> {
    let text = |text: &str| BiosValue::Text(text.to_owned());
    let bios = BiosSample {
        settings: [
            ("ProcVirtualization", [text("Disabled"), text("Enabled")]),
            ("FanOffset", [BiosValue::Number(0), BiosValue::Number(20)]),
        ],
        refused: vec![
            ("NoSuchSetting", text("Enabled")),
            ("SystemServiceTag", text("X")),
            ("FanOffset", BiosValue::Number(101)),
        ],
    };
    let firmware = FirmwareSample {
        component: "BIOS",
        image: "http://images.demo.example/BIOS-2.10.0.bin".to_owned(),
        version: Some("2.10.0"),
    };
    let lists = [
        conformance::bios(harness, bios),
        conformance::firmware(harness, firmware),
        conformance::raid(harness, RaidSample { controller: "RAID.1", disks: ["1", "3"] }),
    ];
    lists.into_iter().flatten().collect()
}

impl Harness {
    fn of(&self, access: Access) -> Arc<dyn Bmc> {
        self.datacenter.provider(&Subject::node(&self.node), access)
    }

    fn sandbox(&self) -> &Sandbox {
        &self.datacenter.sandbox
    }
}

#[async_trait]
impl BmcHarness for Harness {
    fn bmc(&self) -> Arc<dyn Bmc> {
        self.of(Access::Granted)
    }

    fn with_wrong_password(&self) -> Option<Arc<dyn Bmc>> {
        Some(self.of(Access::WrongCredentials))
    }

    fn of_nobody(&self) -> Option<Arc<dyn Bmc>> {
        Some(self.of(Access::DeadServer))
    }

    fn identity(&self) -> Identity {
        Identity {
            manufacturer: self.told[0].clone(),
            model: self.told[1].clone(),
            serial: Some("S3".to_owned()),
            uuid: Some(self.sandbox().machine_uuid(&self.node)),
            board_serial: self.told[2].clone(),
        }
    }

    async fn bring(&self, state: PowerState) -> Result<(), Failure> {
        match state {
            PowerState::On => {
                self.sandbox().by_hand().power_on(&self.node);
                // A system that still boots would not notice its power button.
                tokio::time::sleep(Duration::from_secs(600)).await;
            }
            PowerState::Off => self.sandbox().by_hand().power_off(&self.node),
        }
        Ok(())
    }

    async fn starts(&self) -> Option<usize> {
        let boots = self.sandbox().boots(&self.node);
        usize::try_from(boots).ok()
    }
}
