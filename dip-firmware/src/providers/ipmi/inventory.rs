//! The parts of a machine by IPMI: those that the repository says have an inventory of their own (34, 43.8).

use async_trait::async_trait;
use dip_core::provider::ProviderError;

use super::machine::Machine;
use crate::ipmi::{ErrorClass, FruInventory, FruLocator, SdrRecord};
use crate::provider::{Hardware, Inventory, MemoryModule, Part, Processor};
use crate::providers::told::told;

/// Address of the BMC: only what it keeps itself is read.
const BMC: u8 = 0x20;
/// Kinds of entities (Table 43-13).
const PROCESSOR: u8 = 3;
const MEMORY_MODULE: u8 = 8;
const POWER_SUPPLY: u8 = 10;
const MEMORY_DEVICE: u8 = 32;

#[async_trait]
impl Inventory for Machine {
    async fn hardware(&self) -> Result<Hardware, ProviderError> {
        let action = "read the inventory";
        let bmc = self.bmc(action).await?;
        let records = bmc.sdr().await.map_err(|error| self.failed(action, error))?;
        let mut hardware = Hardware::default();
        for record in records.iter() {
            let SdrRecord::Fru(locator) = record else { continue };
            let kind = locator.entity.id;
            if !matches!(kind, PROCESSOR | MEMORY_MODULE | MEMORY_DEVICE | POWER_SUPPLY) {
                continue;
            }
            let inventory = if locator.owner == BMC && locator.is_logical {
                match bmc.fru(locator.device).await {
                    Ok(inventory) => inventory.unwrap_or_default(),
                    // A place that is empty, or a part that cannot be read while the machine is off.
                    Err(error) if matches!(error.class(), ErrorClass::Invalid | ErrorClass::Unsupported) => continue,
                    Err(error) => return Err(self.failed(action, error)),
                }
            } else {
                FruInventory::default()
            };
            let part = part(locator, &inventory);
            match kind {
                PROCESSOR => {
                    hardware.processors.get_or_insert_default().push(Processor { part, ..Processor::default() })
                }
                POWER_SUPPLY => hardware.power_supplies.get_or_insert_default().push(part),
                _ => hardware.memory.get_or_insert_default().push(MemoryModule { part, ..MemoryModule::default() }),
            }
        }
        Ok(hardware)
    }
}

/// A part, in the words of its product area, else of its board area.
fn part(locator: &FruLocator, inventory: &FruInventory) -> Part {
    let (product, board) = (inventory.product.as_ref(), inventory.board.as_ref());
    let either = |of_product: Option<&String>, of_board: Option<&String>| {
        told(of_product.map(String::as_str)).or_else(|| told(of_board.map(String::as_str)))
    };
    Part {
        slot: locator.name.clone(),
        manufacturer: either(
            product.and_then(|area| area.manufacturer.as_ref()),
            board.and_then(|area| area.manufacturer.as_ref()),
        ),
        model: either(product.and_then(|area| area.name.as_ref()), board.and_then(|area| area.name.as_ref())),
        serial: either(product.and_then(|area| area.serial.as_ref()), board.and_then(|area| area.serial.as_ref())),
        health: None,
    }
}
