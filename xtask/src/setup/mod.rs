//! `cargo xtask setup`: what tests need, from the package managers of the machine; quick when all is there.

mod apt;
mod base_root;
mod kea;
mod kernel;
mod nautobot;
mod overlays;
mod python;
mod sources;

use crate::tool::Done;

pub(crate) fn run() -> Done {
    let packages = apt::missing();
    let root = dip_lab::is_root();
    if !packages.is_empty() && !root {
        println!("packages: missing, and only root can install them. As root run:");
        println!("  apt-get install --no-install-recommends {}", packages.join(" "));
        println!("tests that need them are ignored until then");
        return Ok(());
    }
    apt::install(&packages)?;
    // Nautobot and Salt wait for the network and one processor; what else there is to do is done beside them.
    std::thread::scope(|threads| {
        let nautobot = threads.spawn(|| nautobot::install().map_err(|error| error.to_string()));
        let wheels = threads
            .spawn(move || if root { overlays::fetch_salt().map_err(|error| error.to_string()) } else { Ok(()) });
        let mut others = python::install().and_then(|()| kernel::fetch());
        if root {
            others = others
                .and_then(|()| base_root::build())
                .and_then(|()| kea::build())
                .and_then(|()| overlays::build_of_debian());
        }
        wheels.join().map_err(|_| "fetching Salt panicked")??;
        if root {
            others = others.and_then(|()| overlays::build_salt());
        }
        let nautobot = nautobot.join().map_err(|_| "the installation of Nautobot panicked")?;
        others.and(nautobot.map_err(Into::into))
    })?;
    if !root && !dip_lab::Cache::open().base_root().exists() {
        println!(
            "base root: only root can build it; tests that need hosts are ignored until root runs `cargo xtask setup`"
        );
    }
    for requirement in dip_lab::Requirement::ALL {
        if let Err(missing) = requirement.check() {
            println!("tests with {requirement:?} are ignored: {missing}");
        }
    }
    println!("setup is complete");
    Ok(())
}
