//! Who a machine is: BMC firmware, system GUID, inventory.

use std::fmt;

use ipmi_rs_core::app::DeviceId;
use ipmi_rs_core::connection::{IpmiCommand, Message, NetFn};

use super::commands::Malformed;
use super::fru::FruInventory;

/// What a BMC tells about itself and its machine.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// IANA enterprise number of the BMC's maker; 674 is Dell, 11 HPE, 10876 Supermicro.
    pub maker: u32,
    /// The maker's own product number.
    pub product: u16,
    /// Version of the BMC's firmware.
    pub firmware: Firmware,
    /// System GUID; absent when the BMC has none.
    pub guid: Option<SystemGuid>,
    /// Inventory of the main FRU; absent when the BMC has none.
    pub fru: Option<FruInventory>,
}

impl Identity {
    pub(super) fn new(device: &DeviceId, guid: Option<SystemGuid>, fru: Option<FruInventory>) -> Self {
        Self {
            // Only 20 bits are the number (§20.1).
            maker: device.manufacturer_id & 0x000F_FFFF,
            product: device.product_id,
            firmware: Firmware::of(device),
            guid,
            fru,
        }
    }

    /// Manufacturer of the machine: of the product, else of the main board.
    pub fn manufacturer(&self) -> Option<&str> {
        let fru = self.fru.as_ref()?;
        first(&[fru.product.as_ref().map(|area| &area.manufacturer), fru.board.as_ref().map(|area| &area.manufacturer)])
    }

    /// Name of the product: of the product, else of the main board.
    pub fn product_name(&self) -> Option<&str> {
        let fru = self.fru.as_ref()?;
        first(&[fru.product.as_ref().map(|area| &area.name), fru.board.as_ref().map(|area| &area.name)])
    }

    /// Serial number of the machine: of the product, else of the chassis, else of the main board.
    pub fn serial(&self) -> Option<&str> {
        let fru = self.fru.as_ref()?;
        first(&[
            fru.product.as_ref().map(|area| &area.serial),
            fru.chassis.as_ref().map(|area| &area.serial),
            fru.board.as_ref().map(|area| &area.serial),
        ])
    }

    /// Serial number of the main board; absent where the machine's own number is all there is.
    pub fn board_serial(&self) -> Option<&str> {
        let board = first(&[self.fru.as_ref()?.board.as_ref().map(|area| &area.serial)]);
        board.filter(|serial| self.serial() != Some(serial))
    }
}

fn first<'a>(fields: &[Option<&'a Option<String>>]) -> Option<&'a str> {
    fields.iter().find_map(|field| field.and_then(Option::as_deref))
}

/// Version of a BMC's firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Firmware {
    /// Major revision.
    pub major: u8,
    /// Minor revision, two decimal digits.
    pub minor: u8,
}

impl Firmware {
    pub(super) fn of(device: &DeviceId) -> Self {
        Self { major: device.major_fw_revision, minor: device.minor_fw_revision }
    }
}

impl fmt::Display for Firmware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.major, self.minor)
    }
}

/// Get System GUID (§22.14).
#[derive(Clone, Copy, Debug)]
pub struct GetSystemGuid;

impl From<GetSystemGuid> for Message {
    fn from(_: GetSystemGuid) -> Self {
        Message::new_request(NetFn::App, 0x37, Vec::new())
    }
}

impl IpmiCommand for GetSystemGuid {
    type Output = SystemGuid;
    type Error = Malformed;

    fn parse_success_response(data: &[u8]) -> Result<SystemGuid, Malformed> {
        data.first_chunk().copied().map(SystemGuid).ok_or(Malformed("the GUID has fewer than 16 bytes"))
    }
}

/// The 16 bytes by which a system says who it is, in the order in which the BMC sent them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SystemGuid(
    /// The bytes as sent.
    pub [u8; 16],
);

/// In which order a BMC sends the bytes of a GUID: the specification wants one, makers use three.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GuidOrder {
    /// As IPMI says: all backwards, the node first (§20.8).
    Ipmi,
    /// As RFC 9562 writes a UUID.
    Rfc,
    /// As SMBIOS keeps it: the first three fields backwards. `dmidecode` shows this one as the system's UUID.
    Smbios,
}

impl SystemGuid {
    /// The UUID, if the bytes came in `order`: lower case, with hyphens.
    pub fn uuid(&self, order: GuidOrder) -> String {
        let hex: String = self.rfc_bytes(order).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }

    /// The order in which the bytes make a UUID of a known version, if there is exactly one.
    pub fn likely_order(&self) -> Option<GuidOrder> {
        let fits = |order: &GuidOrder| {
            let bytes = self.rfc_bytes(*order);
            matches!(bytes[6] >> 4, 1..=8) && bytes[8] >> 6 == 0b10
        };
        let mut fitting = [GuidOrder::Smbios, GuidOrder::Rfc, GuidOrder::Ipmi].into_iter().filter(fits);
        let only = fitting.next()?;
        fitting.next().is_none().then_some(only)
    }

    fn rfc_bytes(&self, order: GuidOrder) -> [u8; 16] {
        let mut bytes = self.0;
        match order {
            GuidOrder::Ipmi => bytes.reverse(),
            GuidOrder::Rfc => {}
            GuidOrder::Smbios => {
                bytes[..4].reverse();
                bytes[4..6].reverse();
                bytes[6..8].reverse();
            }
        }
        bytes
    }
}

impl fmt::Display for SystemGuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.uuid(self.likely_order().unwrap_or(GuidOrder::Smbios)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_three_orders_of_one_uuid_are_told_apart() {
        // Fields chosen so that only the right order gives version and variant.
        let uuid = "00112233-0455-4677-8899-2abbccddeeff";
        let rfc = [0x00, 0x11, 0x22, 0x33, 0x04, 0x55, 0x46, 0x77, 0x88, 0x99, 0x2a, 0xbb, 0xcc, 0xdd, 0xee, 0xff];
        for order in [GuidOrder::Ipmi, GuidOrder::Rfc] {
            // Each order is its own inverse.
            let sent = SystemGuid(SystemGuid(rfc).rfc_bytes(order));
            assert_eq!(sent.uuid(order), uuid);
        }
        let smbios = SystemGuid(SystemGuid(rfc).rfc_bytes(GuidOrder::Smbios));
        assert_eq!(smbios.uuid(GuidOrder::Smbios), uuid);
    }

    proptest! {
        #[test]
        fn a_guid_of_16_bytes_or_more_is_read(bytes in proptest::collection::vec(any::<u8>(), 0..24)) {
            let guid = GetSystemGuid::parse_success_response(&bytes);
            prop_assert_eq!(guid.is_ok(), bytes.len() >= 16);
            if let Ok(guid) = guid {
                prop_assert_eq!(guid.to_string().len(), 36);
            }
        }
    }
}
