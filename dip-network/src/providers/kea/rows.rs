//! The rows of Kea's tables `hosts` and `ipv6_reservations`: which of them matter, and what they say.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use dip_core::hardware::{Duid, MacAddr};
use serde_json::Value;
use tokio_postgres::{GenericClient, Row};

use super::entry::{Client, Entry, Family, Fate, Standing, SubnetId};
use super::mark;
use super::store::Ask;

/// The types of client identifiers (table `host_identifier_type`).
const HW_ADDRESS: i16 = 0;
const DUID: i16 = 1;

const JOINED: &str = "SELECT h.host_id::bigint, h.dhcp_identifier, h.dhcp_identifier_type, h.dhcp4_subnet_id::bigint, \
     h.dhcp6_subnet_id::bigint, h.ipv4_address::bigint, h.hostname::text, h.user_context::text, r.address::text, h.dhcp4_client_classes::text, \
     h.dhcp6_client_classes::text \
     FROM hosts h LEFT JOIN ipv6_reservations r ON r.host_id = h.host_id AND r.type = 0";

/// The rows that matter for what is asked: of an interface, or with an address; all where the list is asked for.
#[derive(Debug, Default)]
pub(super) struct Matter {
    all: bool,
    macs: Vec<MacAddr>,
    duids: Vec<Duid>,
    addresses: Vec<IpAddr>,
}

impl Matter {
    pub(super) fn of(asks: &[Ask]) -> Self {
        let mut matter = Self::default();
        for ask in asks {
            match ask {
                Ask::List => matter.all = true,
                Ask::Reservation(mac) | Ask::Release(mac, _) | Ask::HandOver { mac, .. } => matter.macs.push(*mac),
                // Who has it is told with all that it has.
                Ask::Reserve(wanted, _) => {
                    matter.macs.push(wanted.mac);
                    matter.duids.extend(wanted.duid.clone());
                    matter.addresses.extend(&wanted.addresses);
                }
            }
        }
        matter
    }

    pub(super) async fn select(&self, database: &impl GenericClient) -> Result<Vec<Row>, tokio_postgres::Error> {
        if self.all {
            return database.query(&format!("{JOINED} ORDER BY h.host_id, r.address"), &[]).await;
        }
        let macs: Vec<&[u8]> = self.macs.iter().map(|mac| mac.0.as_slice()).collect();
        let identifiers: Vec<&[u8]> = macs.iter().copied().chain(self.duids.iter().map(Duid::octets)).collect();
        let noted: Vec<String> = self.macs.iter().map(ToString::to_string).collect();
        let v4: Vec<i64> = self.addresses.iter().filter_map(number).collect();
        let v6: Vec<String> =
            self.addresses.iter().filter(|address| address.is_ipv6()).map(ToString::to_string).collect();
        // The last six octets of an identifier are the interface where it is a MAC address or a DUID that is made of one; else dip notes it
        // beside the DUID. An address that somebody has is looked up with all else that its holder has.
        let query = format!(
            "WITH held AS (
                SELECT host_id FROM hosts WHERE dhcp_identifier = ANY($4)
                UNION SELECT host_id FROM hosts WHERE dhcp_identifier_type = 1
                    AND CASE WHEN user_context LIKE '%\"dip\"%' THEN user_context::jsonb #>> '{{dip,mac}}' END = ANY($5)
                UNION SELECT host_id FROM hosts WHERE dhcp_identifier_type = 1 AND length(dhcp_identifier) IN (10, 14)
                    AND substring(dhcp_identifier FROM length(dhcp_identifier) - 5) = ANY($1)
                UNION SELECT host_id FROM hosts WHERE ipv4_address = ANY($2)
                UNION SELECT host_id FROM ipv6_reservations WHERE type = 0 AND address::text = ANY($3)
            ), same AS (
                SELECT DISTINCT dhcp_identifier FROM hosts JOIN held USING (host_id)
            )
            {JOINED} WHERE h.dhcp_identifier IN (SELECT dhcp_identifier FROM same) ORDER BY h.host_id, r.address"
        );
        database.query(&query, &[&macs, &v4, &v6, &identifiers, &noted]).await
    }
}

fn number(address: &IpAddr) -> Option<i64> {
    match address {
        IpAddr::V4(v4) => Some(i64::from(v4.to_bits())),
        IpAddr::V6(_) => None,
    }
}

/// The entries of rows. A host may be of a DHCPv4 and a DHCPv6 subnet at once: it is an entry of each.
pub(super) fn entries(rows: &[Row]) -> Vec<Entry> {
    let mut all = Vec::<Entry>::new();
    let mut known = HashMap::<(i64, Family), usize>::new();
    for row in rows {
        let id: i64 = row.get(0);
        let (v4, v6): (Option<i64>, Option<i64>) = (row.get(3), row.get(4));
        for (family, subnet) in [(Family::V4, v4), (Family::V6, v6)] {
            let Some(subnet) = subnet.and_then(|subnet| u32::try_from(subnet).ok()) else { continue };
            let at = *known.entry((id, family)).or_insert_with(|| {
                let context: Option<String> = row.get(7);
                let context = context.and_then(|text| serde_json::from_str::<Value>(&text).ok());
                all.push(Entry {
                    standing: Standing::Stored(id),
                    fate: Fate::Same,
                    family,
                    subnet: SubnetId(subnet),
                    client: client(row.get(1), row.get(2), mark::interface(context.as_ref())),
                    duid: duid(row.get(1), row.get(2)),
                    addresses: Vec::new(),
                    host_name: row.get::<_, Option<String>>(6).filter(|name| !name.is_empty()),
                    classes: classes(match family {
                        Family::V4 => row.get(9),
                        Family::V6 => row.get(10),
                    }),
                    owner: mark::owner(context.as_ref()),
                });
                all.len() - 1
            });
            let addresses = &mut all[at].addresses;
            match family {
                Family::V4 if addresses.is_empty() => {
                    let v4 = row.get::<_, Option<i64>>(5).and_then(|bits| u32::try_from(bits).ok());
                    addresses.extend(v4.filter(|bits| *bits != 0).map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))));
                }
                Family::V4 => {}
                Family::V6 => {
                    let v6 = row.get::<_, Option<String>>(8);
                    addresses.extend(v6.and_then(|text| text.split('/').next()?.parse::<IpAddr>().ok()));
                }
            }
        }
    }
    all
}

/// The classes of a row, which stand in one text.
fn classes(text: Option<String>) -> Vec<String> {
    let text = text.unwrap_or_default();
    text.split(',').map(str::trim).filter(|class| !class.is_empty()).map(str::to_owned).collect()
}

fn duid(identifier: &[u8], kind: i16) -> Option<Duid> {
    Duid::new(identifier).filter(|_| kind == DUID)
}

fn client(identifier: &[u8], kind: i16, noted: Option<MacAddr>) -> Client {
    let hex: String = identifier.iter().map(|byte| format!("{byte:02x}")).collect();
    match (kind, <[u8; 6]>::try_from(identifier)) {
        (HW_ADDRESS, Ok(mac)) => Client::Mac(MacAddr(mac)),
        (DUID, _) => {
            let mac = duid(identifier, kind).and_then(|duid| duid.mac()).or(noted);
            mac.map_or_else(|| Client::Other(format!("DUID {hex}")), Client::Mac)
        }
        _ => Client::Other(format!("the identifier {hex} of type {kind}")),
    }
}
