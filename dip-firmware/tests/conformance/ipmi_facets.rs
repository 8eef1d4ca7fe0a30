//! All that IPMI offers beside power and boot device, against `ipmi_sim` and cross-checked with `ipmitool`.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::hardware::{Identity, PowerState};
use dip_core::secret::Secret;
use dip_firmware::conformance as conform;
use dip_firmware::conformance::BmcHarness;
use dip_firmware::provider::{Bmc, Hardware, Health, Part, Role, SensorReading, Unit};
use dip_lab::{IpmiSim, IpmiSimConfig, LabError};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::ipmi::{GUID, client, harness_of};
use crate::machine::{LabBmc, Machine, expect, trials_on};

pub(crate) async fn trials() -> Vec<Trial> {
    let mut trials = trials_on("ipmi_sim", start("facets").await, |started| {
        let harness = Arc::new(started) as Arc<dyn BmcHarness>;
        [
            conform::sensors(&harness),
            conform::event_log(&harness),
            conform::inventory(&harness),
            conform::identify_light(&harness),
            conform::accounts(&harness),
            conform::console(&harness),
            conform::controller(&harness),
        ]
        .into_iter()
        .flatten()
        .collect()
    });
    trials.extend(trials_on("ipmi_sim", start("compared").await, |started| {
        let started = Arc::new(started);
        let with = |name, story: fn(Arc<Facets>) -> Story| {
            let started = Arc::clone(&started);
            Trial::new(name, move || story(started))
        };
        vec![
            with("sensors_read_as_ipmitool_reads_them", |facets| Box::pin(sensors(facets))),
            with("the_event_log_is_the_one_that_ipmitool_reads", |facets| Box::pin(event_log(facets))),
            with("parts_are_those_that_ipmitool_prints", |facets| Box::pin(inventory(facets))),
            with("users_are_those_that_ipmitool_lists", |facets| Box::pin(users(facets))),
        ]
    }));
    trials
}

type Story = std::pin::Pin<Box<dyn Future<Output = Result<Verdict, Failure>> + Send>>;

/// A BMC whose machine echoes what is typed.
struct Facets {
    lab: LabBmc,
    sim: Arc<Mutex<IpmiSim>>,
    port: u16,
    serial_port: JoinHandle<()>,
}

async fn start(name: &str) -> Result<Facets, LabError> {
    let machine = Machine::new(name)?;
    let (console, serial_port) = echo().await.expect("a free port");
    let config = IpmiSimConfig { guid: GUID.to_owned(), console: Some(console), ..IpmiSimConfig::named(name) };
    let sim = IpmiSim::start(config, &machine.0).await?;
    let port = sim.addr.port();
    let sim = Arc::new(Mutex::new(sim));
    Ok(Facets { lab: harness_of(machine, port, "secret", Box::new(Arc::clone(&sim))), sim, port, serial_port })
}

impl Drop for Facets {
    fn drop(&mut self) {
        self.serial_port.abort();
    }
}

/// A serial port that sends back what it hears.
async fn echo() -> std::io::Result<(SocketAddr, JoinHandle<()>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    let task = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (mut read, mut write) = stream.split();
            // The simulator connects again when the connection ends.
            let _ = tokio::io::copy(&mut read, &mut write).await;
            let _ = write.shutdown().await;
        }
    });
    Ok((addr, task))
}

#[async_trait]
impl BmcHarness for Facets {
    fn bmc(&self) -> Arc<dyn Bmc> {
        self.lab.bmc()
    }

    fn with_wrong_password(&self) -> Option<Arc<dyn Bmc>> {
        self.lab.with_wrong_password()
    }

    fn of_nobody(&self) -> Option<Arc<dyn Bmc>> {
        self.lab.of_nobody()
    }

    fn identity(&self) -> Identity {
        self.lab.identity()
    }

    async fn bring(&self, state: PowerState) -> Result<(), Failure> {
        self.lab.bring(state).await
    }

    async fn starts(&self) -> Option<usize> {
        self.lab.starts().await
    }

    fn for_user(&self, name: &str, password: &Secret) -> Option<Arc<dyn Bmc>> {
        Some(crate::ipmi::client_for(self.port, name, password.expose()))
    }

    fn sensors(&self) -> Vec<SensorReading> {
        let reading = |name: &str, value, unit, health| SensorReading { name: name.to_owned(), value, unit, health };
        vec![
            reading("MBTemp", Some(32.0), Unit::Celsius, Some(Health::Ok)),
            reading("Main 12V", Some(191.0 * 0.063), Unit::Volts, Some(Health::Ok)),
            reading("Fan 1", Some(4096.0), Unit::Rpm, Some(Health::Ok)),
            reading("PSU 1 state", None, Unit::Other, None),
        ]
    }

    fn hardware(&self) -> Hardware {
        Hardware { power_supplies: Some(vec![power_supply()]), ..Hardware::default() }
    }

    async fn provoke_event(&self) -> Result<Option<String>, Failure> {
        self.heat(200).await?;
        self.heat(32).await?;
        Ok(Some("MBTemp".to_owned()))
    }

    fn echoes(&self) -> bool {
        true
    }
}

fn power_supply() -> Part {
    Part {
        slot: "PSU 1".to_owned(),
        manufacturer: Some("DIP Lab".to_owned()),
        model: Some("Simulated PSU 800W".to_owned()),
        serial: Some("PSU-SN-facets".to_owned()),
        health: None,
    }
}

impl Facets {
    /// Gives the board a temperature and waits until the simulator has looked at it, which it does each second.
    async fn heat(&self, celsius: u8) -> Result<(), Failure> {
        std::fs::write(self.lab.machine.0.dir().join("temperature"), format!("{celsius}\n"))?;
        tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
        Ok(())
    }

    async fn ipmitool(&self, words: &[&str]) -> Result<String, Failure> {
        Ok(self.sim.lock().await.ipmitool(words).await?)
    }

    fn client(&self) -> Arc<dyn Bmc> {
        client(self.port, "secret")
    }
}

/// The cells of the lines of a table.
fn table(text: &str) -> Vec<Vec<String>> {
    text.lines().map(|line| line.split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

async fn sensors(facets: Arc<Facets>) -> Result<Verdict, Failure> {
    let ours = facets.client().sensors().ok_or("it has sensors")?.readings().await?;
    let theirs = table(&facets.ipmitool(&["sensor"]).await?);
    for reading in ours.iter().filter(|reading| reading.value.is_some()) {
        let line = theirs.iter().find(|line| line[0] == reading.name).ok_or("ipmitool knows it")?;
        let told: f64 = line[1].parse()?;
        let near = reading.value.is_some_and(|value| (value - told).abs() < 0.01);
        expect(near, &format!("it reads {told}"), reading)?;
        expect((line[3] == "ok") == (reading.health == Some(Health::Ok)), &format!("it is {}", line[3]), reading)?;
    }
    let names = |filter: fn(&&SensorReading) -> bool| ours.iter().filter(filter).count();
    expect(names(|reading| reading.value.is_some()) == 3, "three have numbers", &ours)?;
    Ok(Verdict::Passed)
}

async fn event_log(facets: Arc<Facets>) -> Result<Verdict, Failure> {
    facets.heat(165).await?;
    let sensors = facets.client().sensors().ok_or("it has sensors")?.readings().await?;
    let hot = sensors.iter().find(|reading| reading.name == "MBTemp").ok_or("it is there")?;
    expect(hot.health == Some(Health::Critical), "it is too hot", hot)?;
    facets.heat(32).await?;
    // A maker's own record, by the raw command (Add SEL Entry, 31.6).
    let oem =
        ["raw", "0x0a", "0x44", "0", "0", "0xe0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13"];
    facets.ipmitool(&oem).await?;
    let ours = facets.client().event_log().ok_or("it has a log")?.entries().await?;
    let theirs = table(&facets.ipmitool(&["sel", "elist"]).await?);
    expect(ours.len() == theirs.len() && ours.len() >= 7, "as many entries", (&ours, &theirs))?;
    for (entry, line) in ours.iter().zip(&theirs) {
        expect(u16::from_str_radix(&line[0], 16)? == entry.id.parse::<u16>()?, "the same id", (entry, line))?;
        let Some(subject) = entry.subject.as_deref() else {
            expect(entry.message.contains("0xe0") && line.join(" ").contains("e0"), "a maker's record", (entry, line))?;
            continue;
        };
        expect(line[3].contains(subject), "about the same", (entry, line))?;
        let words =
            |text: &str| text.to_lowercase().replace(['-', ','], "").split_whitespace().collect::<Vec<_>>().join(" ");
        let told = words(&format!("{}, {}", line[4], line[5]));
        expect(told.starts_with(&words(&entry.message)), "the same event", (entry, line))?;
    }
    Ok(Verdict::Passed)
}

async fn inventory(facets: Arc<Facets>) -> Result<Verdict, Failure> {
    let seen = facets.client().inventory().ok_or("it has an inventory")?.hardware().await?;
    let supply = seen.power_supplies.as_deref().and_then(<[Part]>::first).ok_or("there is a power supply")?;
    let printed = facets.ipmitool(&["fru", "print", "1"]).await?;
    for (name, value) in [
        ("Product Manufacturer", &supply.manufacturer),
        ("Product Name", &supply.model),
        ("Product Serial", &supply.serial),
    ] {
        let line = printed.lines().find(|line| line.trim_start().starts_with(name)).ok_or("ipmitool prints it")?;
        let told = line.split_once(':').map(|(_, told)| told.trim());
        expect(told == value.as_deref(), name, (line, value))?;
    }
    Ok(Verdict::Passed)
}

async fn users(facets: Arc<Facets>) -> Result<Verdict, Failure> {
    let ours = facets.client().accounts().ok_or("it has users")?.list().await?;
    let listed = facets.ipmitool(&["-c", "user", "list", "1"]).await?;
    let theirs: Vec<(String, String, String)> = listed
        .lines()
        .map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>())
        .filter(|cells| cells.get(4).is_some_and(|messaging| messaging == "true"))
        .map(|cells| (cells[0].clone(), cells[1].clone(), cells[5].clone()))
        .collect();
    let role = |role| match role {
        Role::ReadOnly => "USER",
        Role::Operator => "OPERATOR",
        Role::Administrator => "ADMINISTRATOR",
        Role::None => "NO ACCESS",
    };
    let told: Vec<_> =
        ours.iter().map(|user| (user.id.clone(), user.name.clone(), role(user.role).to_owned())).collect();
    expect(told == theirs && told.len() == 3, "the same users", (&told, &theirs))?;
    Ok(Verdict::Passed)
}
