//! Racks and nodes of a table, in the words of a site file.

use std::collections::BTreeMap;

use async_trait::async_trait;
use dip_core::provider::{ErrorKind, Inventory, ProviderError, StockItem, StockSection};
use serde_json::{Map, Value, json};

use super::Csv;
use super::server::OneFile;

/// The interface of a row that names none.
const NIC: &str = "eth0";

#[async_trait]
impl Inventory for Csv {
    async fn stock(&self) -> Result<Vec<StockItem>, ProviderError> {
        self.with_file("read its racks and nodes".to_owned(), stock).await
    }
}

/// A node has a row, or several where it has several interfaces: then each names another one, and the first tells the rest.
fn stock(file: &OneFile) -> Result<Vec<StockItem>, ProviderError> {
    let text = file.text()?;
    let table = file.table(&text)?;
    let (name, header) = (file.name_column(&table)?, table.header());
    let mut racks: BTreeMap<String, StockItem> = BTreeMap::new();
    let mut nodes: BTreeMap<String, StockItem> = BTreeMap::new();
    for (index, row) in table.rows.iter().enumerate().skip(1).filter(|(_, row)| !row.is_blank()) {
        let cell = |column: &str| {
            let column = header.iter().position(|known| known.eq_ignore_ascii_case(column))?;
            Some(row.text(column)).filter(|text| !text.is_empty())
        };
        let record = format!("row {} of {}", index + 1, file.path().display());
        let item = |section, name: &str| StockItem {
            section,
            name: name.to_owned(),
            record: record.clone(),
            says: Map::new(),
            left_out: Vec::new(),
        };
        let named = row.text(name);
        if named.is_empty() {
            return Err(file
                .error(ErrorKind::Invalid)
                .advise(format!("{record} names no node; name it, or empty the row")));
        }
        if let Some(rack) = cell("rack") {
            let there = racks.entry(rack.clone()).or_insert_with(|| item(StockSection::Racks, &rack));
            there.says.extend(cell("row").map(|row| ("row".to_owned(), json!(row))));
        }
        let node = nodes.entry(named.clone()).or_insert_with(|| item(StockSection::Nodes, &named));
        for key in ["rack", "serial", "position"] {
            let Some(text) = cell(key) else { continue };
            // A number stays one; what is none is told with its place when the site is read.
            let value = if key == "position" {
                text.parse::<u16>().map_or_else(|_| json!(text), |unit| json!(unit))
            } else {
                json!(text)
            };
            node.says.entry(key).or_insert(value);
        }
        let mut nic = Map::new();
        nic.extend(cell("mac").map(|mac| ("mac".to_owned(), json!(mac))));
        nic.extend(cell("link").map(|link| ("link".to_owned(), json!(link))));
        let addresses = cell("address").map(|all| all.split_whitespace().map(Value::from).collect::<Vec<_>>());
        nic.extend(addresses.map(|addresses| ("addresses".to_owned(), Value::Array(addresses))));
        if nic.is_empty() {
            continue;
        }
        let of = cell("nic").unwrap_or_else(|| NIC.to_owned());
        let nics = node.says.entry("nics").or_insert_with(|| json!({}));
        if let Some(nics) = nics.as_object_mut()
            && nics.insert(of.clone(), Value::Object(nic)).is_some()
        {
            let text =
                format!("{record} tells the interface `{of}` of {named} once more; name another one under `nic`");
            return Err(file.error(ErrorKind::Invalid).advise(text));
        }
    }
    Ok(racks.into_values().chain(nodes.into_values()).collect())
}
