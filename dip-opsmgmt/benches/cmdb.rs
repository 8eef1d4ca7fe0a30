//! Ten thousand devices out of a real Nautobot, or as many as the argument says, beside a plain loop over its pages in the same run.
#![allow(clippy::print_stdout, reason = "a bench tells what it measured")]

use std::error::Error;
use std::time::{Duration, Instant};

use dip_core::provider::Inventory as _;
use dip_core::secret::{Secret, SecretRef};
use dip_lab::Nautobot;
use dip_opsmgmt::provider::Cmdb as _;
use dip_opsmgmt::providers::netbox::{Dialect, Netbox};
use dip_opsmgmt::settings::{Interfaces, NetboxSettings};
use serde_json::Value;

/// Where no other number is an argument.
const DEVICES: usize = 10_000;
const PAGE: u32 = 500;

/// Past the REST API, which makes some ten devices in a second.
const FILL: &str = "
from nautobot.dcim.models import Device, DeviceType, Location
from nautobot.extras.models import Role, Status
kind, place = DeviceType.objects.get(model='server'), Location.objects.get(name='lab')
role, status = Role.objects.get(name='server'), Status.objects.get(name='Active')
def device(n):
    record = {'site': 'lab', 'node': f'n{n}', 'host_name': f'n{n}.lab.test', 'addresses': [f'10.{n // 65536}.{n // 256 % 256}.{n % 256}'],
              'rack': None, 'identity': {'manufacturer': 'lab', 'model': 'server', 'serial': f'S{n}', 'uuid': None}}
    return Device(name=f'n{n}', device_type=kind, location=place, role=role, status=status, serial=f'S{n}', _custom_field_data={'dip': record})
Device.objects.bulk_create([device(n) for n in range(COUNT)], batch_size=1000)
";

fn main() -> Result<(), Box<dyn Error>> {
    // Asked for by `cargo test --benches`: that it builds is all that is wanted then.
    if !std::env::args().any(|word| word == "--bench") {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let devices = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(DEVICES);
    runtime.block_on(measure(devices))
}

async fn measure(devices: usize) -> Result<(), Box<dyn Error>> {
    let server = Nautobot::start().await?;
    server.python(&FILL.replace("COUNT", &devices.to_string())).await?;
    let settings = NetboxSettings {
        url: server.url(),
        token: SecretRef::Env("NAUTOBOT_TOKEN".to_owned()),
        ca_file: None,
        tls_fingerprint: None,
        field: "dip".to_owned(),
        filter: Default::default(),
        prefixes: None,
        bmc_protocols: None,
        status: None,
        create: None,
        interfaces: Interfaces::Write,
        owns: Vec::new(),
        page: PAGE,
    };
    let provider = Netbox::new(settings, Dialect::Nautobot, &Secret::new(server.token.to_owned()))?;
    // One page before anything is measured: the first answer of a process imports half of Django.
    page(&server, 0).await?;
    for round in 1..=3 {
        let plain = timed(devices, plain_loop(&server)).await?;
        let records = timed(devices, async { Ok(provider.list().await?.len()) }).await?;
        let stock = timed(devices, async { Ok(provider.stock().await?.len()) }).await?;
        println!("round {round}: plain loop {plain:.1?}, records {records:.1?}, stock {stock:.1?}");
    }
    Ok(())
}

async fn timed(
    devices: usize,
    work: impl Future<Output = Result<usize, Box<dyn Error>>>,
) -> Result<Duration, Box<dyn Error>> {
    let began = Instant::now();
    let found = work.await?;
    if found == devices { Ok(began.elapsed()) } else { Err(format!("{found} of {devices} devices came").into()) }
}

/// What anybody would write who reads all pages and looks at nothing in them.
async fn plain_loop(server: &Nautobot) -> Result<usize, Box<dyn Error>> {
    let mut found = 0;
    loop {
        let page = page(server, found).await?;
        found += page["results"].as_array().map_or(0, Vec::len);
        if page["next"].is_null() {
            return Ok(found);
        }
    }
}

async fn page(server: &Nautobot, offset: usize) -> Result<Value, Box<dyn Error>> {
    let url = format!("{}/api/dcim/devices/?limit={PAGE}&offset={offset}", server.url());
    let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build()?;
    let request = client.get(url).header("Authorization", format!("Token {}", server.token));
    Ok(serde_json::from_str(&request.send().await?.text().await?)?)
}
