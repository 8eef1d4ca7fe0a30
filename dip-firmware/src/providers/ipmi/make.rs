//! Who made a BMC, and so which quirks it has; asked once, and only where it matters.

use super::machine::Machine;
use crate::ipmi::{Identity, IpmiBmc, IpmiError};
use crate::providers::told::told;
use crate::quirks::{Make, Quirks, shipped};

/// Makers by their number (IANA Private Enterprise Numbers, in Get Device ID, 20.1); others are known by their inventory alone.
const MAKERS: [(u32, &str); 5] =
    [(11, "HPE"), (343, "Intel"), (674, "Dell"), (10876, "Supermicro"), (47488, "Supermicro")];

impl Machine {
    /// The quirks of the BMC.
    pub(super) async fn quirks(&self, bmc: &IpmiBmc) -> Result<&Quirks, IpmiError> {
        let read = || async { Ok(Quirks::of(&make(&bmc.identity().await?), shipped(), &self.told_quirks)) };
        self.quirks.get_or_try_init(read).await
    }
}

fn make(seen: &Identity) -> Make {
    let by_number = MAKERS.iter().find(|(number, _)| *number == seen.maker).map(|(_, name)| (*name).to_owned());
    Make {
        vendors: by_number.into_iter().chain(told(seen.manufacturer())).collect(),
        models: told(seen.product_name()).into_iter().collect(),
        firmware: Some(seen.firmware.to_string()),
    }
}
