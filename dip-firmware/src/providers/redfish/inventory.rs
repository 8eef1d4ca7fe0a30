//! What a machine consists of.

use async_trait::async_trait;
use dip_core::hardware::MacAddr;
use dip_core::provider::ProviderError;

use super::answer::Resource;
use super::error::Failure;
use super::health::health;
use super::machine::Machine;
use super::members::Member;
use super::network_adapters::merge;
use super::resource::{
    self, Chassis, ComputerSystem, Maybe, Power, PowerSubsystem, PowerSupply, SimpleStorage, Status,
};
use crate::provider::{Disk, Hardware, Inventory, MemoryModule, NicPort, Part, Processor};
use crate::providers::told::told;

#[async_trait]
impl Inventory for Machine {
    async fn hardware(&self) -> Result<Hardware, ProviderError> {
        self.read_hardware().await.map_err(self.failed("list the parts of the machine"))
    }
}

impl Machine {
    async fn read_hardware(&self) -> Result<Hardware, Failure> {
        let system = self.system().await?.body;
        let processors = self.all::<resource::Processor>(system.processors.as_ref()).await?;
        let memory = self.all::<resource::Memory>(system.memory.as_ref()).await?;
        let nics = self.all::<resource::EthernetInterface>(system.ethernet_interfaces.as_ref()).await?;
        let boxes = self.chassis(&system).await?;
        let mut nics = nics.map(|all| taken(all, |it| &it.status, port));
        if let Some(more) = self.adapter_ports(&boxes).await? {
            merge(nics.get_or_insert_with(Vec::new), more);
        }
        Ok(Hardware {
            processors: processors.map(|all| taken(only_cpus(all), |it| &it.status, processor)),
            memory: memory.map(|all| taken(all, |it| &it.status, module)),
            nics,
            disks: self.disks(&system).await?,
            power_supplies: self.power_supplies(&boxes).await?,
        })
    }

    async fn disks(&self, system: &ComputerSystem) -> Result<Option<Vec<Disk>>, Failure> {
        let known =
            self.storage().await?.map(|known| known.into_iter().flat_map(|it| it.told.disks).collect::<Vec<_>>());
        if let Some(mut disks) = known.as_ref().filter(|disks| !disks.is_empty()).cloned() {
            distinguish(&mut disks);
            return Ok(Some(disks));
        }
        let simple = self.all::<SimpleStorage>(system.simple_storage.as_ref()).await?;
        let Some(simple) = simple else { return Ok(known) };
        let mut disks: Vec<_> =
            simple.into_iter().flat_map(|(member, it)| simple_disks(&member, it.unwrap_or_default())).collect();
        distinguish(&mut disks);
        Ok(Some(disks))
    }

    async fn power_supplies(&self, boxes: &[Resource<Chassis>]) -> Result<Option<Vec<Part>>, Failure> {
        let mut told: Option<Vec<Part>> = None;
        for chassis in boxes {
            let newer = self.client.follow::<PowerSubsystem>(chassis.body.power_subsystem.as_ref()).await?;
            let newer = newer.and_then(|it| it.body.power_supplies.0);
            let supplies = match self.all::<PowerSupply>(newer.as_ref()).await? {
                Some(all) => {
                    all.into_iter().map(|(member, it)| (member.id().to_owned(), it.unwrap_or_default())).collect()
                }
                None => match self.client.follow::<Power>(chassis.body.power.as_ref()).await? {
                    Some(older) => named(older.body.power_supplies.0.unwrap_or_default()),
                    None => continue,
                },
            };
            let present = supplies.into_iter().filter(|(_, it)| !is_absent(&it.status));
            told.get_or_insert_with(Vec::new).extend(present.map(|(slot, it)| supply(slot, &it)));
        }
        Ok(told)
    }
}

/// Without the graphics cards and other accelerators that services list among them.
fn only_cpus(all: Vec<(Member, Option<resource::Processor>)>) -> Vec<(Member, Option<resource::Processor>)> {
    let is_cpu = |it: &resource::Processor| it.processor_type.as_deref().is_none_or(|kind| kind == "CPU");
    all.into_iter().filter(|(_, it)| it.as_ref().is_none_or(is_cpu)).collect()
}

/// The parts whose slots are taken.
fn taken<T: Default, P>(
    all: Vec<(Member, Option<T>)>,
    status: impl Fn(&T) -> &Maybe<Status>,
    part: impl Fn(&Member, &T) -> P,
) -> Vec<P> {
    let told = all.into_iter().map(|(member, it)| (member, it.unwrap_or_default()));
    told.filter(|(_, it)| !is_absent(status(it))).map(|(member, it)| part(&member, &it)).collect()
}

fn is_absent(status: &Maybe<Status>) -> bool {
    status.as_ref().is_some_and(Status::is_absent)
}

fn processor(member: &Member, it: &resource::Processor) -> Processor {
    let part = Part {
        slot: told(it.socket.as_deref()).unwrap_or_else(|| member.id().to_owned()),
        manufacturer: told(it.manufacturer.as_deref()),
        model: told(it.model.as_deref()).or_else(|| told(it.part_number.as_deref())),
        serial: told(it.serial_number.as_deref()),
        health: health(it.status.as_ref()),
    };
    let number = |told: &Maybe<resource::Whole>| told.count().filter(|number| *number > 0);
    Processor { part, cores: number(&it.total_cores), threads: number(&it.total_threads) }
}

fn module(member: &Member, it: &resource::Memory) -> MemoryModule {
    let part = Part {
        slot: told(it.device_locator.as_deref()).unwrap_or_else(|| member.id().to_owned()),
        manufacturer: told(it.manufacturer.as_deref()),
        model: told(it.part_number.as_deref()),
        serial: told(it.serial_number.as_deref()),
        health: health(it.status.as_ref()),
    };
    MemoryModule { part, mebibytes: it.mebibytes.count().filter(|size| *size > 0) }
}

fn port(member: &Member, it: &resource::EthernetInterface) -> NicPort {
    let mac = |told: &Maybe<String>| told.as_deref().and_then(|text| text.parse::<MacAddr>().ok());
    let has_link = match it.link_status.as_deref() {
        Some("LinkUp") => Some(true),
        Some("LinkDown" | "NoLink") => Some(false),
        _ => None,
    };
    let part = Part { slot: member.id().to_owned(), health: health(it.status.as_ref()), ..Part::default() };
    NicPort { part, mac: mac(&it.permanent_mac).or_else(|| mac(&it.mac)), has_link }
}

fn simple_disks(member: &Member, storage: SimpleStorage) -> Vec<Disk> {
    let devices = storage.devices.0.unwrap_or_default().into_iter().enumerate();
    let present = devices.filter(|(_, it)| !is_absent(&it.status));
    let disk = |(number, it): (usize, resource::Device)| Disk {
        part: Part {
            slot: told(it.name.as_deref()).unwrap_or_else(|| number.to_string()),
            manufacturer: told(it.manufacturer.as_deref()),
            model: told(it.model.as_deref()),
            serial: None,
            health: health(it.status.as_ref()),
        },
        bytes: it.capacity_bytes.count().filter(|bytes| *bytes > 0),
        controller: Some(member.id().to_owned()),
        ..Disk::default()
    };
    present.map(disk).collect()
}

/// Slots of several controllers may be called alike; then the controller is said too.
fn distinguish(disks: &mut [Disk]) {
    let slots: Vec<_> = disks.iter().map(|disk| disk.part.slot.clone()).collect();
    for disk in disks {
        if slots.iter().filter(|slot| **slot == disk.part.slot).count() > 1 {
            let controller = disk.controller.as_deref().unwrap_or_default();
            disk.part.slot = format!("{controller}/{}", disk.part.slot);
        }
    }
}

/// Power supplies of the older form, each by its number or its place in the list.
fn named(supplies: Vec<PowerSupply>) -> Vec<(String, PowerSupply)> {
    let name = |(place, it): (usize, PowerSupply)| {
        let told =
            told(it.member_id.as_deref()).or_else(|| told(it.id.as_deref())).or_else(|| told(it.name.as_deref()));
        (told.unwrap_or_else(|| place.to_string()), it)
    };
    supplies.into_iter().enumerate().map(name).collect()
}

fn supply(slot: String, it: &PowerSupply) -> Part {
    Part {
        slot,
        manufacturer: told(it.manufacturer.as_deref()),
        model: told(it.model.as_deref()).or_else(|| told(it.part_number.as_deref())),
        serial: told(it.serial_number.as_deref()),
        health: health(it.status.as_ref()),
    }
}
