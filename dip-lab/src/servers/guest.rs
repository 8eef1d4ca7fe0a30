//! A virtual machine that runs one program of a test as its only task, with devices that no lab machine has; it is gone when the
//! program ends, or when it is switched off.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cache::Cache;
use crate::command::{command, output_within, run};
use crate::error::LabError;
use crate::requirement::Requirement;
use crate::scratch::Scratch;
use crate::servers::segment::make_executable;

/// Emulation is slow, and the machine has others to serve: a kernel is up in 5 s where it is idle.
const LIMIT: Duration = Duration::from_secs(240);

/// What a guest is made of.
#[derive(Debug, Clone, Copy)]
pub struct GuestConfig<'a> {
    /// The program; its libraries are copied.
    pub program: &'a Path,
    /// What it is told on its command line.
    pub arguments: &'a [&'a str],
    /// Kernel modules to load before, in order: `drivers/char/ipmi/ipmi_si`.
    pub modules: &'a [&'a str],
    /// Devices in QEMU's words: `isa-ipmi-kcs,bmc=bmc0`.
    pub devices: &'a [&'a str],
}

/// Runs a guest to its end and gives what it said on its serial port. `guest: the program ended with N` is its last word,
/// unless it was switched off before.
///
/// # Errors
/// If something is missing, or the guest does not end.
pub async fn run_guest(config: GuestConfig<'_>) -> Result<String, LabError> {
    Requirement::Guest.check()?;
    let scratch = Scratch::temporary()?;
    let initrd = initrd(&scratch, &config).await?;
    let mut line = command("timeout");
    // It ends with this process group if the test is cut off, and by itself if the guest hangs.
    line.arg(LIMIT.as_secs().to_string()).arg("qemu-system-x86_64");
    line.args(["-accel", "tcg", "-m", "512", "-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio"]);
    line.arg("-kernel").arg(Cache::open().kernel().join("vmlinuz")).arg("-initrd").arg(initrd);
    line.args(["-append", "console=ttyS0 quiet panic=-1"]);
    for device in config.devices {
        line.args(["-device", device]);
    }
    output_within(line, LIMIT + Duration::from_secs(10)).await
}

/// The guest's memory at its start: a shell, the modules, the program and its libraries.
async fn initrd(scratch: &Scratch, config: &GuestConfig<'_>) -> Result<PathBuf, LabError> {
    let root = scratch.within("root")?;
    for dir in ["bin", "dev", "modules", "proc", "sys", "tmp"] {
        root.within(dir)?;
    }
    let busybox = command("busybox").get_program().to_owned();
    copy(Path::new(&busybox), &root.path("bin/busybox"))?;
    let program = root.path("program");
    // What debuggers want is ten times the program.
    let words: [OsString; 3] = ["-o".into(), program.clone().into(), config.program.into()];
    run("strip", words).await?;
    make_executable(&program)?;
    for library in libraries(config.program).await? {
        copy(&library, &root.path(library.to_string_lossy().trim_start_matches('/')))?;
    }
    let mut init = "#!/bin/busybox sh\nb=/bin/busybox\n$b mount -t devtmpfs dev /dev\n$b mount -t proc proc /proc\n\
                    $b mount -t sysfs sys /sys\n"
        .to_owned();
    for module in config.modules {
        let name = module.rsplit('/').next().unwrap_or(module);
        copy(&Cache::open().kernel().join(format!("{module}.ko")), &root.path(&format!("modules/{name}.ko")))?;
        init += &format!("$b insmod /modules/{name}.ko\n");
    }
    init += &format!(
        "/program {} </dev/null\necho \"guest: the program ended with $?\"\n$b poweroff -f\n",
        config.arguments.join(" ")
    );
    make_executable(&root.write("init", &init)?)?;
    let archive = scratch.path("initrd");
    let pack = format!("cd '{}' && find . | cpio --quiet -o -H newc >'{}'", root.dir().display(), archive.display());
    run("sh", ["-c", &pack]).await?;
    Ok(archive)
}

/// The libraries that the loader finds for a program, and the loader itself.
async fn libraries(program: &Path) -> Result<BTreeSet<PathBuf>, LabError> {
    let told = run("ldd", [program]).await?;
    let words = told.split_whitespace().filter(|word| word.starts_with('/'));
    Ok(words.map(PathBuf::from).collect())
}

fn copy(from: &Path, to: &Path) -> Result<(), LabError> {
    let copied = to.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::copy(from, to));
    copied.map(drop).map_err(|source| LabError::file("copy", from, source))
}
