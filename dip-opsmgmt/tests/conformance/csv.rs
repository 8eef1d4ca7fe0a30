//! Tables of comma-separated values under trial.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use dip_core::conformance::expect::{refused, us};
use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::hardware::{Identity, MacAddr};
use dip_core::id::{NicName, NodeName, RackName};
use dip_core::provider::{ErrorKind, Inventory};
use dip_opsmgmt::conformance::{self, CmdbHarness, NativeNode};
use dip_opsmgmt::provider::{Cmdb, NicRecord, NodeRecord};
use dip_opsmgmt::providers::csv::Csv;
use dip_opsmgmt::settings::CsvSettings;
use serde_json::json;

use crate::is;

struct Rig {
    path: PathBuf,
    provider: Arc<Csv>,
    numbers: AtomicU16,
    /// One person at a time types into the table; dip itself notices others.
    typing: Mutex<()>,
}

impl Drop for Rig {
    fn drop(&mut self) {
        // Nothing is left to be done where it is gone already.
        let _ = self.path.parent().map(fs::remove_dir_all);
    }
}

pub(crate) fn trials() -> Vec<Trial> {
    let rig = match Rig::new("dip-opsmgmt-csv") {
        Ok(rig) => Arc::new(rig),
        Err(failure) => return vec![Trial::new("csv: it can be made", move || async move { Err(failure) })],
    };
    let mut trials = conformance::cmdb(Arc::clone(&rig) as Arc<dyn CmdbHarness>);
    trials.push(Trial::new("what_nobody_asked_for_stays_byte_by_byte", || async {
        what_nobody_asked_for_stays_byte_by_byte(&Rig::new("dip-opsmgmt-csv-bytes")?).await
    }));
    trials.push(Trial::new("its_rows_are_racks_and_nodes", || async {
        its_rows_are_racks_and_nodes(&Rig::new("dip-opsmgmt-csv-rows")?).await
    }));
    trials.into_iter().map(|trial| trial.on("csv")).collect()
}

impl Rig {
    fn new(name: &str) -> Result<Self, Failure> {
        let directory = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&directory)?;
        let path = directory.join("cmdb.csv");
        fs::write(&path, "name,owner,\"slots, all\"\r\n")?;
        let provider = Arc::new(Csv::new(CsvSettings { path: path.clone(), name: "name".to_owned() }));
        Ok(Self { path, provider, numbers: AtomicU16::new(1), typing: Mutex::new(()) })
    }

    /// Types a row, as somebody who closes the file before anybody else writes it.
    fn type_row(&self, row: &str) -> Result<(), Failure> {
        let _typing = self.typing.lock().unwrap_or_else(PoisonError::into_inner);
        let directory = fs::File::open(self.path.parent().ok_or("it is in a directory")?)?;
        directory.lock()?;
        let text = fs::read_to_string(&self.path)?;
        Ok(fs::write(&self.path, format!("{text}{row}\r\n"))?)
    }
}

#[async_trait]
impl CmdbHarness for Rig {
    fn cmdb(&self) -> Arc<dyn Cmdb> {
        Arc::clone(&self.provider) as Arc<dyn Cmdb>
    }

    fn with_wrong_credentials(&self) -> Option<Arc<dyn Cmdb>> {
        None
    }

    fn of_dead_server(&self) -> Option<Arc<dyn Cmdb>> {
        let path = PathBuf::from("/nonexistent/cmdb.csv");
        Some(Arc::new(Csv::new(CsvSettings { path, name: "name".to_owned() })))
    }

    fn fresh(&self) -> NodeRecord {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        NodeRecord {
            node: NodeName::new(&format!("h{number}")).expect("a plain word is a name"),
            host_name: format!("h{number}.lab.test"),
            addresses: vec![format!("10.3.0.{}", number % 250).parse().expect("an address")],
            rack: Some(RackName::new("r1").expect("a plain word is a name")),
            identity: Identity {
                serial: Some(format!("00{number}")),
                model: Some("a \"b\", c\nd".to_owned()),
                ..Identity::default()
            },
            nics: Vec::new(),
        }
    }

    async fn seed_other_fields(&self, record: &NodeRecord) -> Result<Option<()>, Failure> {
        self.type_row(&format!("{}, 'storage team' ,\"1,  \"\"2\"\"\"", record.node))?;
        Ok(Some(()))
    }

    async fn other_fields_are_untouched(&self, record: &NodeRecord) -> Result<(), Failure> {
        let text = fs::read_to_string(&self.path)?;
        let kept = format!("{}, 'storage team' ,\"1,  \"\"2\"\"\"", record.node);
        if text.contains(&kept) { Ok(()) } else { Err(format!("the file is now\n{text}").into()) }
    }

    async fn seed_unmarked(&self, record: &NodeRecord) -> Result<Option<()>, Failure> {
        // The columns are there once dip has written anything.
        self.provider.write(&self.fresh(), &us()).await?;
        let NodeRecord { node, host_name, addresses, identity, .. } = record;
        let (serial, address) = (identity.serial.clone().unwrap_or_default(), addresses[0]);
        self.type_row(&format!("{node},,,,{host_name},{address},r1,,\"a \"\"b\"\", c\nd\",{serial},,,"))?;
        Ok(Some(()))
    }

    async fn native(&self, _: &NodeRecord) -> Result<Option<NativeNode>, Failure> {
        Ok(None)
    }

    async fn seed_native(&self, _: &NodeRecord, _: &NicRecord) -> Result<(), Failure> {
        Err("it has no fields of its own for interfaces".into())
    }

    async fn change_native_mac(&self, _: &NodeRecord, _: &NicName, _: MacAddr) -> Result<(), Failure> {
        Err("it has no fields of its own for interfaces".into())
    }
}

async fn what_nobody_asked_for_stays_byte_by_byte(rig: &Rig) -> Result<Verdict, Failure> {
    rig.type_row("n0, 'x' ,\"1,2\"")?;
    let before = fs::read_to_string(&rig.path)?;
    let record = rig.fresh();
    rig.provider.write(&record, &us()).await?;
    rig.provider.remove(&record.node, &us()).await?;
    let after = fs::read_to_string(&rig.path)?;
    let columns = ",dip_site,dip_host_name,dip_addresses,dip_rack,dip_manufacturer,dip_model,dip_serial,dip_uuid,dip_board_serial,dip_nics";
    is("the file", &after, &before.replacen("all\"", &format!("all\"{columns}"), 1))?;
    rig.type_row("n0,again")?;
    let twice = NodeRecord { node: NodeName::new("n0")?, ..record };
    refused(rig.provider.write(&twice, &us()).await, ErrorKind::Conflict, "n0 stands twice")?;
    rig.type_row("n1,a,b,c,d,e,f,g,h,i,j,k,l,m,n")?;
    refused(rig.provider.list().await, ErrorKind::Unexpected, "row 4 of")?;
    Ok(Verdict::Passed)
}

async fn its_rows_are_racks_and_nodes(rig: &Rig) -> Result<Verdict, Failure> {
    let table = "Name,Rack,row,position,serial,nic,mac,address,link\nr1-n1,r1,A,3,007,,52:54:00:00:00:01,10.0.0.1 fd00::1,sw1/p1\n\
                 r1-n1,,,,,eth1,52:54:00:00:00:02,,\nr1-n2,r1,,,,,,,\n";
    fs::write(&rig.path, table)?;
    let stock = rig.provider.stock().await?;
    let told: Vec<_> = stock.iter().map(|item| json!({&item.name: item.says})).collect();
    let wanted = json!([
        {"r1": {"row": "A"}},
        {"r1-n1": {"rack": "r1", "serial": "007", "position": 3, "nics": {
            "eth0": {"mac": "52:54:00:00:00:01", "link": "sw1/p1", "addresses": ["10.0.0.1", "fd00::1"]},
            "eth1": {"mac": "52:54:00:00:00:02"},
        }}},
        {"r1-n2": {"rack": "r1"}},
    ]);
    is("the stock", &json!(told).to_string(), &wanted.to_string())?;
    fs::write(&rig.path, format!("{table}r1-n1,,,,,eth1,52:54:00:00:00:03,,\n"))?;
    refused(rig.provider.stock().await, ErrorKind::Invalid, "the interface `eth1` of r1-n1 once more")?;
    Ok(Verdict::Passed)
}
