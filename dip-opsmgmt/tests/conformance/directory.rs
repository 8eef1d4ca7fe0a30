//! Directories of YAML and JSON files under trial.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use async_trait::async_trait;
use dip_core::conformance::expect::{refused, them, us};
use dip_core::conformance::{Failure, Trial, trials_of};
use dip_core::hardware::{Identity, MacAddr};
use dip_core::id::{NicName, NodeName, RackName, ServiceName};
use dip_core::provider::{ErrorKind, Ipam};
use dip_core::subject::Subject;
use dip_opsmgmt::conformance::{self, CmdbHarness, NativeNode};
use dip_opsmgmt::provider::{Cmdb, NicRecord, NodeRecord};
use dip_opsmgmt::providers::directory::Directory;
use dip_opsmgmt::settings::{DirectorySettings, FileFormat};
use serde_json::json;

use crate::{is, step};

struct Rig {
    path: PathBuf,
    format: FileFormat,
    provider: Arc<Directory>,
    numbers: AtomicU16,
}

impl Drop for Rig {
    fn drop(&mut self) {
        // Nothing is left to be done where it is gone already.
        let _ = fs::remove_dir_all(&self.path);
    }
}

pub(crate) fn trials() -> Vec<Trial> {
    let mut all = Vec::new();
    for (name, format) in [("yaml", FileFormat::Yaml), ("json", FileFormat::Json)] {
        let path = std::env::temp_dir().join(format!("dip-opsmgmt-{name}-{}", std::process::id()));
        if let Err(error) = fs::create_dir_all(&path) {
            all.push(Trial::new(format!("{name} directory: it can be made"), move || async move { Err(error.into()) }));
            continue;
        }
        let provider = Arc::new(Directory::new(DirectorySettings { path: path.clone(), format }));
        let rig = Arc::new(Rig { path, format, provider, numbers: AtomicU16::new(1) });
        let mut trials = conformance::cmdb(Arc::clone(&rig) as Arc<dyn CmdbHarness>);
        trials.extend(trials_of! {rig;
            the_step_records_a_node_and_mends_a_change_made_by_hand
            the_address_book_tells_whose_records_have_an_address
            a_file_that_cannot_be_read_is_told_and_left_alone
            many_programs_that_write_at_once_lose_nothing
            no_hidden_file_is_left_behind
        });
        all.extend(trials.into_iter().map(|trial| trial.on(&format!("{name} directory"))));
    }
    all
}

impl Rig {
    fn file(&self, node: &NodeName) -> PathBuf {
        self.path.join(format!("{node}.{}", self.extension()))
    }

    fn extension(&self) -> &'static str {
        match self.format {
            FileFormat::Yaml => "yaml",
            FileFormat::Json => "json",
        }
    }

    /// What a person wrote of a node.
    fn others(&self) -> &'static str {
        match self.format {
            FileFormat::Yaml => "# bought 2024\nowner:  'storage team'\nslots: [1,  2]\n",
            FileFormat::Json => "{\"owner\":  \"storage team\",\n\t\"slots\": [1,  2]\n}\n",
        }
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
        let path = PathBuf::from("/nonexistent/cmdb");
        Some(Arc::new(Directory::new(DirectorySettings { path, format: self.format })))
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
                model: Some("a \"b\": #c".to_owned()),
                ..Identity::default()
            },
            nics: Vec::new(),
        }
    }

    async fn seed_other_fields(&self, record: &NodeRecord) -> Result<Option<()>, Failure> {
        fs::write(self.file(&record.node), self.others())?;
        Ok(Some(()))
    }

    async fn other_fields_are_untouched(&self, record: &NodeRecord) -> Result<(), Failure> {
        let text = fs::read_to_string(self.file(&record.node))?;
        let kept = self.others().trim_end_matches(['}', '\n']);
        if text.starts_with(kept) { Ok(()) } else { Err(format!("the file is now\n{text}").into()) }
    }

    async fn seed_unmarked(&self, record: &NodeRecord) -> Result<Option<()>, Failure> {
        // JSON is YAML, too.
        fs::write(self.file(&record.node), json!({"dip": record}).to_string())?;
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

async fn the_step_records_a_node_and_mends_a_change_made_by_hand(rig: &Rig) -> Result<(), Failure> {
    let format = rig.extension();
    let site = step::site(&us(), "directory", json!({"path": rig.path, "format": format}), &["10.2.0.11"])?;
    let (providers, record) = step::connect(&site)?;
    step::bring_about(&record, &providers, "").await?;
    let file = rig.file(&NodeName::new("n1")?);
    let text = fs::read_to_string(&file)?;
    fs::write(&file, text.replace("\"007\"", "\"008\""))?;
    step::bring_about(&record, &providers, "").await?;
    is("the file", &fs::read_to_string(&file)?, &text)
}

async fn a_file_that_cannot_be_read_is_told_and_left_alone(rig: &Rig) -> Result<(), Failure> {
    let record = rig.fresh();
    let file = rig.file(&record.node);
    fs::write(&file, "- a list\n- is no record\n")?;
    let results = (rig.provider.read(&record.node).await, rig.provider.write(&record, &us()).await);
    let text = fs::read_to_string(&file)?;
    fs::remove_file(&file)?;
    refused(results.0, ErrorKind::Unexpected, &file.display().to_string())?;
    refused(results.1, ErrorKind::Unexpected, "one map of keys")?;
    is("the file", &text, "- a list\n- is no record\n")
}

async fn many_programs_that_write_at_once_lose_nothing(rig: &Rig) -> Result<(), Failure> {
    let record = rig.fresh();
    rig.seed_other_fields(&record).await?;
    let writers: Vec<_> = (0..20)
        .map(|number| {
            // Each has a provider of its own, as another program would.
            let provider = Directory::new(DirectorySettings { path: rig.path.clone(), format: rig.format });
            let record = NodeRecord { host_name: format!("w{number}.lab.test"), ..record.clone() };
            tokio::spawn(async move { provider.write(&record, &us()).await })
        })
        .collect();
    for writer in writers {
        writer.await??;
    }
    rig.other_fields_are_untouched(&record).await?;
    let held = rig.provider.read(&record.node).await?.ok_or("there is no record")?;
    is("that one of them wrote last", &held.record.host_name.starts_with('w').to_string(), "true")
}

async fn no_hidden_file_is_left_behind(rig: &Rig) -> Result<(), Failure> {
    let mut left = Vec::new();
    for entry in fs::read_dir(&rig.path)? {
        left.extend(Some(entry?.file_name().to_string_lossy().into_owned()).filter(|name| name.starts_with('.')));
    }
    is("what is left", &left.join(" "), "")
}

async fn the_address_book_tells_whose_records_have_an_address(rig: &Rig) -> Result<(), Failure> {
    let settings = json!({"path": rig.path, "format": rig.format});
    let (providers, _) = step::connect(&step::site(&us(), "directory", settings, &["10.3.9.1"])?)?;
    let book = providers.find::<dyn Ipam>(&Subject::service(&ServiceName::new("service")?))?;
    let address = "10.3.9.2".parse()?;
    let theirs = NodeRecord { addresses: vec![address], ..rig.fresh() };
    rig.provider.write(&theirs, &them()).await?;
    let told = book.holders(&["10.3.9.1".parse()?, address]).await?;
    let [(of, held)] = told.as_slice() else { return Err(format!("one holds it, not {told:?}").into()) };
    is("the address", &of.to_string(), "10.3.9.2")?;
    is("the holder", &held.holder.to_string(), "the mark of site `elsewhere`")?;
    is("its name", held.name.as_deref().unwrap_or_default(), theirs.node.as_str())
}
