//! What a BMC tells, asked for by a person; changes nothing.

use std::sync::Arc;

use dip::core::provider::{ErrorKind, ProviderError};
use dip::firmware::provider::{Bmc, Disk, Health, Light, LogEntry, Part, SensorReading, Unit};
use serde_json::json;

use super::answer::{Answer, columns};

type Asked = Result<Answer, ProviderError>;

/// An ability, or the sentence that the BMC does not offer it.
pub(super) fn offered<T: ?Sized>(facet: Option<Arc<T>>, action: &str) -> Result<Arc<T>, ProviderError> {
    facet.ok_or_else(|| {
        ProviderError::new(ErrorKind::Unsupported, "bmc", action)
            .advise("none of the protocols that the site file lists for this BMC offers it")
    })
}

pub(super) async fn power(bmc: &dyn Bmc) -> Asked {
    let state = offered(bmc.power(), "read the power")?.state().await?;
    Ok(Answer::line(state.to_string(), json!({"power": state})))
}

pub(super) async fn boot(bmc: &dyn Bmc) -> Asked {
    let state = offered(bmc.boot(), "read the boot device")?.boot_override().await?;
    let device =
        state.device.map_or_else(|| "a device that dip has no word for".to_owned(), |device| device.to_string());
    let more = state.persistence.map(|persistence| persistence.to_string());
    let more: Vec<String> = more.into_iter().chain(state.mode.map(|mode| mode.to_string())).collect();
    let line = if more.is_empty() { device } else { format!("{device} ({})", more.join(", ")) };
    Ok(Answer::line(line, state))
}

pub(super) async fn identity(bmc: &dyn Bmc) -> Asked {
    let who = bmc.identity().await?;
    let offers: Vec<&str> = facets(bmc).into_iter().filter_map(|(name, is_there)| is_there.then_some(name)).collect();
    let rows = [
        ["maker".to_owned(), words(who.manufacturer.as_deref())],
        ["model".to_owned(), words(who.model.as_deref())],
        ["serial".to_owned(), words(who.serial.as_deref())],
        ["uuid".to_owned(), words(who.uuid.as_deref())],
        ["offers".to_owned(), offers.join(", ")],
    ];
    Ok(Answer::new(columns(&rows), json!({"identity": who, "offers": offers})))
}

fn facets(bmc: &dyn Bmc) -> [(&'static str, bool); 16] {
    [
        ("power", bmc.power().is_some()),
        ("boot", bmc.boot().is_some()),
        ("hardware", bmc.inventory().is_some()),
        ("sensors", bmc.sensors().is_some()),
        ("log", bmc.event_log().is_some()),
        ("events", bmc.events().is_some()),
        ("light", bmc.identify_light().is_some()),
        ("console", bmc.console().is_some()),
        ("media", bmc.virtual_media().is_some()),
        ("bios", bmc.bios().is_some()),
        ("secure boot", bmc.secure_boot().is_some()),
        ("storage", bmc.raid().is_some()),
        ("firmware", bmc.firmware().is_some()),
        ("tasks", bmc.tasks().is_some()),
        ("users", bmc.accounts().is_some()),
        ("controller", bmc.controller().is_some()),
    ]
}

pub(super) async fn hardware(bmc: &dyn Bmc) -> Asked {
    let hardware = offered(bmc.inventory(), "list the hardware")?.hardware().await?;
    let mut rows = Vec::new();
    let mut add = |kind: &str, part: &Part, what: String| {
        let health = part.health.map_or("", health_words).to_owned();
        let serial = part.serial.clone().unwrap_or_default();
        let maker = [&part.manufacturer, &part.model].into_iter().flatten().map(String::as_str).collect::<Vec<_>>();
        rows.push([kind.to_owned(), part.slot.clone(), what, maker.join(" "), serial, health]);
    };
    for cpu in hardware.processors.iter().flatten() {
        add("cpu", &cpu.part, cpu.cores.map_or_else(String::new, |cores| format!("{cores} cores")));
    }
    for module in hardware.memory.iter().flatten() {
        add("memory", &module.part, module.mebibytes.map_or_else(String::new, |size| bytes(size << 20)));
    }
    for nic in hardware.nics.iter().flatten() {
        add("nic", &nic.part, nic.mac.map_or_else(String::new, |mac| mac.to_string()));
    }
    for disk in hardware.disks.iter().flatten() {
        add("disk", &disk.part, disk_words(disk));
    }
    for supply in hardware.power_supplies.iter().flatten() {
        add("psu", supply, String::new());
    }
    let lines = if rows.is_empty() { vec!["the BMC tells of no parts".to_owned()] } else { columns(&rows) };
    Ok(Answer::new(lines, hardware))
}

pub(super) async fn sensors(bmc: &dyn Bmc, bad: bool) -> Asked {
    let mut readings = offered(bmc.sensors(), "read the sensors")?.readings().await?;
    if bad {
        readings.retain(|reading| reading.health.is_some_and(|health| health > Health::Ok));
    }
    let rows: Vec<[String; 3]> = readings
        .iter()
        .map(|reading| [reading.name.clone(), value(reading), reading.health.map_or("", health_words).to_owned()])
        .collect();
    let lines = match (rows.is_empty(), bad) {
        (true, true) => vec!["all sensors are as they should be".to_owned()],
        (true, false) => vec!["no sensors".to_owned()],
        _ => columns(&rows),
    };
    Ok(Answer::new(lines, readings))
}

fn value(reading: &SensorReading) -> String {
    let Some(value) = reading.value else { return "-".to_owned() };
    // Sensors of eight bits have no more digits that mean something.
    let digits = if value.fract() == 0.0 || value.abs() >= 100.0 { 0 } else { 2 };
    match reading.unit {
        Unit::Other => format!("{value:.digits$}"),
        unit => format!("{value:.digits$} {}", unit.sign()),
    }
}

pub(super) async fn log(bmc: &dyn Bmc, last: Option<usize>) -> Asked {
    let mut entries = offered(bmc.event_log(), "read the event log")?.entries().await?;
    if let Some(last) = last {
        entries.drain(..entries.len().saturating_sub(last));
    }
    let rows: Vec<[String; 4]> = entries.iter().map(row).collect();
    let lines = if rows.is_empty() { vec!["the log is empty".to_owned()] } else { columns(&rows) };
    Ok(Answer::new(lines, entries))
}

fn row(entry: &LogEntry) -> [String; 4] {
    [
        entry.at.map_or_else(|| "no time".to_owned(), |at| format!("{at:.0}")),
        entry.severity.map_or("", health_words).to_owned(),
        entry.subject.clone().unwrap_or_default(),
        entry.message.clone(),
    ]
}

pub(super) async fn light(bmc: &dyn Bmc) -> Asked {
    let state = offered(bmc.identify_light(), "look at the light")?.state().await?;
    let line = match state {
        Some(Light::On) => "on",
        Some(Light::Off) => "off",
        None => "the BMC does not tell",
    };
    Ok(Answer::line(line, json!({"light": state})))
}

pub(super) async fn users(bmc: &dyn Bmc) -> Asked {
    let users = offered(bmc.accounts(), "list the users")?.list().await?;
    let rows: Vec<[String; 4]> = users
        .iter()
        .map(|user| {
            let name = if user.name.is_empty() { "(anonymous)".to_owned() } else { user.name.clone() };
            let role = serde_json::to_value(user.role).ok().and_then(|role| role.as_str().map(str::to_owned));
            let enabled = if user.enabled { "" } else { "disabled" };
            [user.id.clone(), name, role.unwrap_or_default(), enabled.to_owned()]
        })
        .collect();
    Ok(Answer::new(columns(&rows), users))
}

pub(super) async fn bios(bmc: &dyn Bmc) -> Asked {
    let state = offered(bmc.bios(), "read the firmware settings")?.state().await?;
    let rows: Vec<[String; 2]> = state
        .current
        .iter()
        .map(|(name, now)| {
            let pending = state.pending.get(name).map_or_else(String::new, |next| format!(" → {next} after a reset"));
            [name.clone(), format!("{now}{pending}")]
        })
        .collect();
    Ok(Answer::new(columns(&rows), state))
}

pub(super) async fn firmware(bmc: &dyn Bmc) -> Asked {
    let components = offered(bmc.firmware(), "list the firmware")?.components().await?;
    let rows: Vec<[String; 3]> = components
        .iter()
        .map(|one| [one.id.clone(), words(one.version.as_deref()), one.name.clone().unwrap_or_default()])
        .collect();
    Ok(Answer::new(columns(&rows), components))
}

pub(super) async fn storage(bmc: &dyn Bmc) -> Asked {
    let controllers = offered(bmc.raid(), "list the storage")?.controllers().await?;
    let mut lines = Vec::new();
    for controller in &controllers {
        let model = controller.model.as_ref().map_or_else(String::new, |model| format!(" ({model})"));
        lines.push(format!("{}{model}", controller.id));
        let disks: Vec<[String; 4]> = controller
            .disks
            .iter()
            .map(|disk| {
                let serial = disk.part.serial.clone().unwrap_or_default();
                ["  disk".to_owned(), disk.part.slot.clone(), disk_words(disk), serial]
            })
            .collect();
        lines.extend(columns(&disks));
        let volumes: Vec<[String; 4]> = controller
            .volumes
            .iter()
            .map(|volume| {
                let name = volume.name.as_ref().unwrap_or(&volume.id).clone();
                let level = volume.level.map_or_else(|| "?".to_owned(), |level| level.to_string());
                let size = volume.bytes.map_or_else(String::new, bytes);
                ["  volume".to_owned(), name, format!("{level} {size}"), volume.disks.join(", ")]
            })
            .collect();
        lines.extend(columns(&volumes));
    }
    if lines.is_empty() {
        lines.push("no storage controllers".to_owned());
    }
    Ok(Answer::new(lines, controllers))
}

pub(super) async fn media(bmc: &dyn Bmc) -> Asked {
    let slots = offered(bmc.virtual_media(), "list the virtual drives")?.slots().await?;
    let rows: Vec<[String; 2]> =
        slots.iter().map(|slot| [slot.id.clone(), slot.image.clone().unwrap_or_else(|| "empty".to_owned())]).collect();
    Ok(Answer::new(columns(&rows), slots))
}

pub(super) async fn controller(bmc: &dyn Bmc) -> Asked {
    let state = offered(bmc.controller(), "look at the BMC itself")?.state().await?;
    let list = |all: &Option<Vec<String>>| match all {
        None => "not told".to_owned(),
        Some(all) if all.is_empty() => "none".to_owned(),
        Some(all) => all.join(", "),
    };
    let mut rows = vec![
        ["model".to_owned(), words(state.model.as_deref())],
        ["firmware".to_owned(), words(state.firmware.as_deref())],
        ["time from".to_owned(), list(&state.ntp)],
        ["log to".to_owned(), list(&state.syslog)],
        ["certificate".to_owned(), words(state.certificate.as_deref())],
    ];
    rows.extend(state.weaknesses.iter().map(|weakness| ["weak".to_owned(), weakness.clone()]));
    Ok(Answer::new(columns(&rows), state))
}

fn words(text: Option<&str>) -> String {
    text.unwrap_or("not told").to_owned()
}

pub(super) const fn health_words(health: Health) -> &'static str {
    match health {
        Health::Ok => "ok",
        Health::Warning => "warning",
        Health::Critical => "critical",
    }
}

fn disk_words(disk: &Disk) -> String {
    use dip::firmware::provider::DiskKind;
    let size = disk.bytes.map(decimal_bytes);
    let kind = disk.kind.map(|kind| match kind {
        DiskKind::Hdd => "HDD".to_owned(),
        DiskKind::Ssd => "SSD".to_owned(),
    });
    size.into_iter().chain(disk.protocol.clone()).chain(kind).collect::<Vec<_>>().join(" ")
}

/// Sizes of memory and of volumes: in powers of two.
fn bytes(bytes: u64) -> String {
    scaled(bytes, 1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB"])
}

/// Sizes of disks as their makers tell them: in powers of ten.
fn decimal_bytes(bytes: u64) -> String {
    scaled(bytes, 1000, ["B", "kB", "MB", "GB", "TB", "PB"])
}

fn scaled(bytes: u64, base: u64, units: [&str; 6]) -> String {
    let mut unit = 0;
    let mut scale = 1_u64;
    while unit + 1 < units.len() && bytes / scale >= base {
        scale *= base;
        unit += 1;
    }
    let value = bytes as f64 / scale as f64;
    let digits = usize::from(unit > 0 && value < 10.0 && value.fract() > 0.05);
    format!("{value:.digits$} {}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::{bytes, decimal_bytes};

    #[test]
    fn sizes_are_told_as_people_tell_them() {
        assert_eq!(bytes(34_359_738_368), "32 GiB");
        assert_eq!(decimal_bytes(480_103_981_056), "480 GB");
        assert_eq!(decimal_bytes(1_920_383_410_176), "1.9 TB");
        assert_eq!(bytes(512), "512 B");
    }
}
