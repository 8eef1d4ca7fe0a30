//! What an operator lives through with `dip`, from the first apply to other people's records.

use std::time::{Duration, Instant};

use dip_lab::Datacenter;

use crate::command::{Dip, Done, Told, Unexpected, expect};
use crate::state::verify;

/// From powered off to ready state; again; drift; other people's records; servers that are down.
pub(crate) async fn whole() -> Told {
    let mut lab = Datacenter::up().await?;
    let dip = Dip::of(&lab.layout)?;
    let site = dip.site();
    for host in &lab.hosts {
        expect(host.node().pid().is_none(), || format!("{} runs before anybody switched it on", host.name))?;
    }
    dip.run(&["check", &site])?.expect_status(0)?;
    addresses_of_others(&lab, &dip).await?;
    dip.run(&["plan", &site, "--exit-code"])?.expect_status(3)?.expect_text("power_on × 3")?;
    dip.run(&["apply", &site])?.expect_status(2)?.expect_text("apply with --yes")?;
    let told = dip.run(&["apply", &site, "--yes", "-vv"])?.expect_status(0)?.expect_text("is ready")?;
    calls_and_no_secrets(&lab, &told)?;
    let first = verify(&lab).await?;

    dip.run(&["apply", &site, "--yes"])?.expect_status(0)?.expect_text("Nothing to do")?;
    dip.run(&["drift", &site])?.expect_status(0)?.expect_text("No drift")?;
    drift(&lab, &dip).await?;
    let mended = verify(&lab).await?;
    by_hand(&dip)?;
    known_by_its_mac_address(&lab, &dip)?;
    expect(mended == first, || format!("after drift was mended the state is {mended:#?}\nand was {first:#?}"))?;

    wrong_key(&lab, &dip).await?;
    foreign_name(&lab, &dip).await?;
    dns_down(&mut lab, &dip).await
}

/// The most that can be logged tells each call of a server, and no secret that was used for it.
fn calls_and_no_secrets(lab: &Datacenter, told: &Done) -> Told {
    for provider in ["ipmi", "openvswitch", "rfc2136", "ssh"] {
        expect(told.err.contains(&format!("call{{provider=\"{provider}\" server=")), || {
            format!("the log tells no call by {provider}:\n{}", told.err)
        })?;
    }
    // The password of the BMCs is a word that paths have too.
    for name in ["ssh_key", "tsig"] {
        let secret = std::fs::read_to_string(lab.layout.secret_file(name))?;
        for line in secret.lines().filter(|line| !line.starts_with("-----")) {
            expect(!told.err.contains(line) && !told.out.contains(line), || format!("the secret {name} was told"))?;
        }
    }
    Ok(())
}

/// A person asks the BMCs, and switches none.
fn by_hand(dip: &Dip) -> Told {
    let site = dip.site();
    let told = dip.run(&["bmc", "--site", &site, "--all", "power"])?.expect_status(0)?.expect_text("3 on")?;
    expect(told.out.lines().count() == 3, || format!("not one line for each node: {}", told.out))?;
    dip.run(&["bmc", "--site", &site, "n1", "boot"])?.expect_status(0)?;
    dip.run(&["bmc", "--site", &site, "n1", "identity"])?.expect_status(0)?.expect_text("serial")?;
    dip.run(&["bmc", "--site", &site, "n*", "power", "off"])?.expect_status(130)?.expect_text("nothing was changed")?;
    Ok(())
}

/// A BMC that the site knows by its MAC address alone is found by what the DHCP server keeps for it: by hand, and in a run.
fn known_by_its_mac_address(lab: &Datacenter, dip: &Dip) -> Told {
    let (layout, site) = (&lab.layout, dip.site());
    let overlay = layout.dir.join("by-mac.yaml");
    std::fs::write(&overlay, "nodes:\n  n1:\n    bmc: {address: \"52:54:00:00:bc:01\"}\n")?;
    let overlay = overlay.display().to_string();
    let asked = ["bmc", "--site", &site, "--overlay", &overlay, "n1", "power"];
    dip.run(&asked)?.expect_status(4)?.expect_text("no DHCP server of the site knows it")?;
    let reservation = layout.dhcp_hosts_dir.join("bmc-n1");
    std::fs::write(&reservation, format!("52:54:00:00:bc:01,{},bmc-n1\n", layout.nodes[0].bmc.ip()))?;
    dip.run(&asked)?.expect_status(0)?.expect_text("on")?;
    let told = dip.run(&["drift", &site, "--overlay", &overlay])?.expect_status(0)?.expect_text("No drift")?;
    expect(!told.err.contains("DHCP server"), || format!("a BMC was not found:\n{}", told.err))?;
    std::fs::remove_file(&reservation)?;
    lab.dnsmasq.reload()?;
    Ok(())
}

/// Four things go wrong by hand: `drift` names exactly those, `apply` mends exactly those.
async fn drift(lab: &Datacenter, dip: &Dip) -> Told {
    let site = dip.site();
    let name = |number: usize| format!("n{number}.{}", lab.layout.forward_zone);
    lab.bind.update(&[&format!("delete {} A", name(1))]).await?;
    lab.hosts[0].ssh("systemctl stop chrony").await?;
    lab.ovs.vsctl(&["set", "port", &lab.layout.nodes[1].port, &format!("tag={}", lab.layout.wrong_vlan)]).await?;
    lab.hosts[2].power_off().await?;

    let told = dip.run(&["drift", &site])?.expect_status(3)?;
    let differing: Vec<&str> = told.out.lines().filter_map(|line| line.strip_prefix("differs  ")).collect();
    let expected = [
        "network.set_port port/sw1/p2:",
        "node/n3 does not run its installed system:",
        "opsclients.follow_time node/n1:",
        "opsmgmt.register_name node/n1:",
    ];
    let named = expected.iter().all(|part| differing.iter().any(|line| line.starts_with(part)));
    expect(named && differing.len() == expected.len(), || format!("drift names {differing:#?}\n{}", told.out))?;

    let done = dip.run(&["apply", &site, "--yes"])?.expect_status(0)?.expect_text("is ready")?;
    let mut changed: Vec<&str> =
        done.out.lines().filter_map(|line| line.split_once("changed   ").map(|(_, step)| step)).collect();
    changed.sort_unstable();
    // Exactly these, and nothing that only followed from them: the boot device is a part of the boot of n3.
    let expected = [
        "firmware.power_on node/n3#1",
        "firmware.set_boot_device node/n3#1",
        "network.set_port port/sw1/p2",
        "opsclients.follow_time node/n1",
        "opsmgmt.register_name node/n1",
    ];
    expect(changed == expected, || format!("apply changed {changed:#?}"))
}

/// A wrong TSIG key is told as denied, at once, and other steps go on.
async fn wrong_key(lab: &Datacenter, dip: &Dip) -> Told {
    let site = dip.site();
    lab.bind.update(&[&format!("delete n1.{} A", lab.layout.forward_zone)]).await?;
    let key = lab.layout.secret_file("tsig");
    let right = std::fs::read(&key)?;
    std::fs::write(&key, "d3JvbmcgYW5kIGxvbmcgZW5vdWdoIGZvciBhIGtleSE=\n")?;
    let told = dip.run(&["apply", &site, "--yes"])?;
    std::fs::write(&key, &right)?;
    told.expect_status(1)?.expect_text("denied")?;
    dip.run(&["apply", &site, "--yes"])?.expect_status(0).map(drop)
}

/// A name that somebody else holds is told and left alone.
async fn foreign_name(lab: &Datacenter, dip: &Dip) -> Told {
    let site = dip.site();
    let name = format!("n2.{}", lab.layout.forward_zone);
    let held = lab.bind.transfer(&lab.layout.forward_zone).await?;
    let ours: Vec<String> = held
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter(|owner| owner.trim_end_matches('.').ends_with(&name))
        .map(|owner| format!("delete {owner}"))
        .collect();
    let mut changes: Vec<&str> = ours.iter().map(String::as_str).collect();
    let foreign = format!("add {name} 300 A 192.0.2.77");
    changes.push(&foreign);
    lab.bind.update(&changes).await?;
    let before = lab.bind.dig(&["+short", &name, "A"]).await?;
    dip.run(&["apply", &site, "--yes"])?.expect_status(1)?.expect_text("left alone")?.expect_text("conflict")?;
    let after = lab.bind.dig(&["+short", &name, "A"]).await?;
    expect(before == after && after.trim() == "192.0.2.77", || {
        format!("the foreign record was {before:?} and is {after:?}")
    })?;
    lab.bind.update(&[&format!("delete {name} A")]).await?;
    dip.run(&["apply", &site, "--yes"])?.expect_status(0).map(drop)
}

/// Addresses that others hold, by DNS, by the DHCP server and by the CMDB: what is chosen anew passes over them; what was chosen
/// before is told as a conflict, all at once, before anything is done.
async fn addresses_of_others(lab: &Datacenter, dip: &Dip) -> Told {
    let (layout, site) = (&lab.layout, dip.site());
    let [n1, n2, n3] = [0, 1, 2].map(|number| &layout.nodes[number]);
    let printer = format!("printer.{}", layout.forward_zone);
    let (reservation, record) = (layout.dhcp_hosts_dir.join("by-hand"), layout.cmdb_dir.join("sw7.yaml"));
    lab.bind.update(&[&format!("add {printer} 300 A {}", n1.address)]).await?;
    std::fs::write(&reservation, format!("52:54:00:00:77:77,{},scanner\n", n2.address))?;
    let fields = "host_name: \"sw7\"\n  identity: {\"manufacturer\": null, \"model\": null, \"serial\": null, \"uuid\": null}\n  node: \"sw7\"\n  rack: null";
    std::fs::write(&record, format!("dip:\n  addresses: [\"{}\"]\n  {fields}\n", n3.address))?;

    let told = dip.run(&["plan", &site])?.expect_status(0)?;
    for (node, who) in [(n1, &*printer), (n2, "(scanner)"), (n3, "sw7.yaml")] {
        let passed = |line: &str| line.contains(&format!("{} is passed over", node.address)) && line.contains(who);
        expect(told.err.lines().any(passed), || {
            format!("{} is not passed over for {who}:\n{}", node.address, told.err)
        })?;
    }
    expect(!told.out.contains("Held by"), || format!("what was passed over is in nobody's way:\n{}", told.out))?;

    let lock = layout.dir.join("dip.lock");
    let kept = [n1, n2, n3].map(|node| format!("\"{}/eth0/prod\": [\"{}\"]", node.name, node.address)).join(", ");
    std::fs::write(&lock, format!("{{\"version\": 1, \"addresses\": {{{kept}}}}}\n"))?;
    let told = dip.run(&["plan", &site])?.expect_status(0)?;
    // Lines are wrapped between words.
    for word in ["Held by somebody else", &printer, "(scanner)", "sw7.yaml"] {
        expect(told.out.contains(word), || format!("`{word}` is not told in:\n{}", told.out))?;
    }

    std::fs::remove_file(&lock)?;
    lab.bind.update(&[&format!("delete {printer} A")]).await?;
    std::fs::remove_file(&reservation)?;
    // dnsmasq sees what is added to its directory by itself, and what is taken away only then.
    let dnsmasq = std::fs::read_to_string(&layout.dhcp_pid_file)?;
    let told = std::process::Command::new("kill").args(["-HUP", dnsmasq.trim()]).status()?;
    expect(told.success(), || "dnsmasq does not run".to_owned())?;
    std::fs::remove_file(&record)?;
    let told = dip.run(&["plan", &site])?.expect_status(0)?;
    let nobody = !told.out.contains("Held by") && !told.err.contains("passed over");
    expect(nobody, || format!("nobody holds anything any more:\n{}\n{}", told.out, told.err))
}

/// A server that is down is told as such; nothing is made of it.
async fn dns_down(lab: &mut Datacenter, dip: &Dip) -> Told {
    let site = dip.site();
    lab.bind.stop();
    let told = dip.run(&["drift", &site])?;
    lab.bind.restart().await?;
    // The hosts' resolvers hang on the same server: that they fail may follow from it, and is not told as a cause.
    let told = told.expect_status(4)?.expect_text("unreachable")?;
    expect(!told.out.contains("differs"), || format!("a server that is down is told as a difference:\n{}", told.out))
}

/// A run that is killed in the middle and resumed ends in the same state as one that was not, and nothing is done twice.
pub(crate) async fn killed() -> Told {
    let lab = Datacenter::up().await?;
    let dip = Dip::of(&lab.layout)?;
    let site = dip.site();
    let mut child = dip.spawn(&["apply", &site, "--yes"])?;
    let deadline = Instant::now() + Duration::from_secs(120);
    // In the middle: ports, reservations and names are settled, machines are switched on, and boot.
    while dip.records("settled") < 9 {
        expect(Instant::now() < deadline, || "the run does not get to its middle".to_owned())?;
        if let Some(status) = child.try_wait()? {
            return Err(Unexpected::new(format!("the run ended with {status} before it could be killed")));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    child.kill()?;
    child.wait()?;
    dip.run(&["show"])?.expect_status(0)?.expect_text("not ended")?;
    dip.run(&["resume"])?.expect_status(0)?.expect_text("is ready")?;
    let resumed = verify(&lab).await?;
    for host in &lab.hosts {
        let switched_on = host.node().commands().iter().filter(|command| command.contains("power 1")).count();
        expect(switched_on == 1, || {
            format!("{} was switched on {switched_on} times: {:?}", host.name, host.node().commands())
        })?;
    }
    dip.run(&["apply", &site, "--yes"])?.expect_status(0)?.expect_text("Nothing to do")?;
    drop(lab);

    let lab = Datacenter::up().await?;
    let dip = Dip::of(&lab.layout)?;
    dip.run(&["apply", &dip.site(), "--yes"])?.expect_status(0)?;
    let straight = verify(&lab).await?;
    let same = |state: &crate::state::State| format!("{state:#?}");
    expect(resumed == straight, || format!("resumed: {}\nuninterrupted: {}", same(&resumed), same(&straight)))
}
