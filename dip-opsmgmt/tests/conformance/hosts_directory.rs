//! Hosts files under trial; a real dnsmasq that follows their directory tells what came of them.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use dip_core::conformance::expect::{refused, us};
use dip_core::conformance::{Failure, Trial, on_server, trials_of};
use dip_core::provider::ErrorKind;
use dip_lab::{DnsmasqNames, Requirement};
use dip_opsmgmt::conformance::{self, DnsHarness};
use dip_opsmgmt::provider::{Dns, Entry, HostName};
use dip_opsmgmt::providers::hosts_directory::HostsDirectory;
use dip_opsmgmt::settings::HostsDirectorySettings;

use crate::{is, wait};

const SERVER: &str = "dnsmasq hosts";

/// dnsmasq sees a new file within some tens of milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

struct Rig {
    dnsmasq: DnsmasqNames,
    provider: Arc<HostsDirectory>,
    numbers: AtomicU16,
}

pub(crate) async fn trials() -> Vec<Trial> {
    let start = async {
        let dnsmasq = DnsmasqNames::start().await?;
        let provider = Arc::new(provider(&dnsmasq.hosts_dir));
        Ok(Rig { dnsmasq, provider, numbers: AtomicU16::new(1) })
    };
    on_server(SERVER, Requirement::check_all(&[Requirement::Dnsmasq, Requirement::Bind]), start, |rig| {
        let mut trials = conformance::dns(Arc::clone(&rig) as Arc<dyn DnsHarness>);
        trials.extend(trials_of! {rig;
            dnsmasq_serves_a_name_in_both_directions_and_forgets_it
            a_file_that_somebody_wrote_is_never_touched
            a_line_that_a_person_wrote_into_the_sites_file_is_told_to_be_lost_in_its_head
        });
        trials
    })
    .await
}

fn provider(path: &Path) -> HostsDirectory {
    HostsDirectory::new(HostsDirectorySettings { path: path.to_path_buf(), names: Vec::new() })
}

#[async_trait]
impl DnsHarness for Rig {
    fn dns(&self) -> Arc<dyn Dns> {
        Arc::clone(&self.provider) as Arc<dyn Dns>
    }

    fn with_wrong_credentials(&self) -> Option<Arc<dyn Dns>> {
        None
    }

    fn of_dead_server(&self) -> Option<Arc<dyn Dns>> {
        Some(Arc::new(provider(&self.dnsmasq.hosts_dir.join("not-mounted"))))
    }

    fn fresh(&self) -> HostName {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let [high, low] = number.to_be_bytes();
        let addresses = vec![IpAddr::from([10, 5, high, low]), IpAddr::from([0xfd93, 0, 0, 0, 0, 0, 5, number])];
        HostName { name: format!("h{number}.hosts.test"), addresses }
    }

    async fn seed_unmarked(&self, name: &HostName) -> Result<Option<()>, Failure> {
        let lines: String = name.addresses.iter().map(|address| format!("{address} {}\n", name.name)).collect();
        std::fs::write(self.dnsmasq.hosts_dir.join(format!("by-hand-{}", name.name)), lines)?;
        Ok(Some(()))
    }

    /// A hosts file has addresses alone.
    async fn seed_other_type(&self, _: &str) -> Result<Option<()>, Failure> {
        Ok(None)
    }

    async fn seed_entry(&self, _: &Entry) -> Result<Option<()>, Failure> {
        Ok(None)
    }
}

impl Rig {
    /// Asks dnsmasq until it answers what is wanted.
    fn serves(&self, query: &[&str], wanted: &str) -> Result<(), Failure> {
        let start = Instant::now();
        loop {
            let answer = wait(self.dnsmasq.dig(query))?;
            if answer.trim() == wanted || start.elapsed() > PATIENCE {
                return is(&query.join(" "), answer.trim(), wanted);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

async fn dnsmasq_serves_a_name_in_both_directions_and_forgets_it(rig: &Rig) -> Result<(), Failure> {
    let wanted = rig.fresh();
    let (v4, v6) = (wanted.addresses[0].to_string(), wanted.addresses[1].to_string());
    rig.provider.ensure(&wanted, &us()).await?;
    rig.serves(&[&wanted.name, "A"], &v4)?;
    rig.serves(&[&wanted.name, "AAAA"], &v6)?;
    rig.serves(&["-x", &v4], &format!("{}.", wanted.name))?;
    rig.serves(&["-x", &v6], &format!("{}.", wanted.name))?;
    rig.provider.remove(&wanted.name, &us()).await?;
    rig.serves(&[&wanted.name, "A"], "")?;
    rig.serves(&["-x", &v4], "")
}

async fn a_file_that_somebody_wrote_is_never_touched(rig: &Rig) -> Result<(), Failure> {
    let (theirs, wanted) = (rig.fresh(), rig.fresh());
    rig.seed_unmarked(&theirs).await?;
    let file = rig.dnsmasq.hosts_dir.join(format!("by-hand-{}", theirs.name));
    let before = (std::fs::read(&file)?, std::fs::metadata(&file)?.modified()?);
    rig.provider.ensure(&wanted, &us()).await?;
    let taken = HostName { name: theirs.name.clone(), ..wanted.clone() };
    refused(rig.provider.ensure(&taken, &us()).await, ErrorKind::Conflict, "nobody's mark")?;
    rig.provider.remove(&wanted.name, &us()).await?;
    if before != (std::fs::read(&file)?, std::fs::metadata(&file)?.modified()?) {
        return Err("the file was written".into());
    }
    Ok(())
}

async fn a_line_that_a_person_wrote_into_the_sites_file_is_told_to_be_lost_in_its_head(
    rig: &Rig,
) -> Result<(), Failure> {
    rig.provider.ensure(&rig.fresh(), &us()).await?;
    let text = std::fs::read_to_string(rig.dnsmasq.hosts_dir.join("dip-conformance"))?;
    let head: Vec<_> = text.lines().take(2).collect();
    is("its first line", head[0], "# dip site=conformance")?;
    is(
        "what it says of lines by hand",
        head[1].rsplit(':').next().unwrap_or_default(),
        " what is added by hand is lost.",
    )
}
