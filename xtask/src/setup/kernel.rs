//! The kernel of lab guests: Debian's own with its modules, unpacked and not installed.

use std::fs;
use std::process::Command;

use dip_lab::Cache;

use crate::tool::{Done, run};

/// The package that depends on the newest kernel. That for clouds lacks the drivers of management controllers.
const NEWEST: &str = "linux-image-amd64";

pub(crate) fn fetch() -> Done {
    let cache = Cache::open();
    let kernel = cache.kernel();
    if kernel.join("vmlinuz").exists() {
        println!("kernel: there in {}", kernel.display());
        return Ok(());
    }
    let told = run(Command::new("apt-cache").args(["depends", NEWEST]))?;
    let Some(package) = told.split_whitespace().find(|word| word.starts_with("linux-image-") && *word != NEWEST) else {
        println!("kernel: the package sources have no {NEWEST}; tests that need a guest are ignored");
        return Ok(());
    };
    println!("kernel: fetching {package}");
    let work = kernel.with_extension("work");
    let _ = fs::remove_dir_all(&work);
    fs::create_dir_all(&work)?;
    run(Command::new("apt-get").args(["download", package]).current_dir(&work))?;
    run(Command::new("sh").args(["-c", "dpkg-deb -x linux-image-*.deb root"]).current_dir(&work))?;
    // A directory with the final name is always whole.
    let version = package.trim_start_matches("linux-image-");
    let part = work.join("root/lib/modules").join(version).join("kernel");
    fs::copy(work.join("root/boot").join(format!("vmlinuz-{version}")), part.join("vmlinuz"))?;
    fs::rename(&part, &kernel)?;
    fs::remove_dir_all(&work)?;
    println!("kernel: unpacked to {}", kernel.display());
    Ok(())
}
