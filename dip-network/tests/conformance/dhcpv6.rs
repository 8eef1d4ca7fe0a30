//! IPv6 reservations of dnsmasq: a segment of two namespaces, dnsmasq in one, ISC dhclient in the other.

use std::fs;
use std::net::{IpAddr, Ipv6Addr};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use dip_core::conformance::Failure;
use dip_core::hardware::Duid;
use dip_core::id::SiteName;
use dip_network::provider::{Dhcp, Reservation};
use dip_network::providers::dnsmasq::Dnsmasq;
use dip_network::settings::DnsmasqSettings;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

const MAC: &str = "02:d1:70:00:06:01";
/// dhclient asks at once and again after a second; the rest is for a busy machine.
const ASKS: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(20);

/// What is reserved for a real DHCPv6 client is what it gets, at first and after a change.
pub(crate) async fn a_client_gets_the_ipv6_address_that_is_reserved_for_it() -> Result<(), Failure> {
    let segment = Segment::create().await?;
    let mut server = segment.serve()?;
    let tried = segment.try_client().await;
    server.kill().await?;
    tried
}

struct Segment {
    server: String,
    client: String,
    directory: PathBuf,
}

impl Segment {
    async fn create() -> Result<Self, Failure> {
        let id = std::process::id();
        let directory = std::env::temp_dir().join(format!("dip-network-v6-{id}"));
        fs::create_dir_all(directory.join("hosts"))?;
        let segment = Self { server: format!("dip6s{id}"), client: format!("dip6c{id}"), directory };
        let (server, client) = (segment.server.as_str(), segment.client.as_str());
        ip(&["netns", "add", server]).await?;
        ip(&["netns", "add", client]).await?;
        let peer = ["peer", "name", "eth0", "address", MAC, "netns", client];
        ip(&[&["-n", server, "link", "add", "v0", "type", "veth"], peer.as_slice()].concat()).await?;
        for (namespace, link) in [(server, "v0"), (client, "eth0")] {
            // Without it a link-local address may not be used for its first second.
            let no_dad = format!("echo 0 > /proc/sys/net/ipv6/conf/{link}/accept_dad");
            ip(&["netns", "exec", namespace, "sh", "-c", &no_dad]).await?;
            ip(&["-n", namespace, "link", "set", link, "up"]).await?;
        }
        ip(&["-n", server, "address", "add", "fd77::1/64", "dev", "v0", "nodad"]).await?;
        // Both talk from their link-local addresses, which come a moment after the links; dhclient gives up without one.
        for (namespace, link) in [(server, "v0"), (client, "eth0")] {
            let show = ["-n", namespace, "-6", "address", "show", "dev", link, "scope", "link", "-tentative"];
            let wait = async {
                while !ip(&show).await?.contains("fe80") {
                    sleep(LOOK).await;
                }
                Ok::<_, Failure>(())
            };
            timeout(ASKS, wait).await.map_err(|_| "there is no link-local address")??;
        }
        Ok(segment)
    }

    fn serve(&self) -> Result<Child, Failure> {
        let at = self.directory.display();
        let configuration = format!(
            "port=0\ninterface=v0\nexcept-interface=lo\nbind-interfaces\nuser=root\n\
             dhcp-range=fd77::100,fd77::1ff,64,10m\ndhcp-hostsdir={at}/hosts\ndhcp-leasefile={at}/leases\npid-file={at}/pid\n"
        );
        fs::write(self.directory.join("conf"), configuration)?;
        let child = Command::new("ip")
            .args(["netns", "exec", &self.server, "dnsmasq", "-k", "--log-facility=/dev/null", "-C"])
            .arg(self.directory.join("conf"))
            .kill_on_drop(true)
            .spawn()?;
        Ok(child)
    }

    async fn try_client(&self) -> Result<(), Failure> {
        let pid_file = self.directory.join("pid");
        until(|| pid_file.exists()).await?;
        let hosts_directory = self.directory.join("hosts");
        let settings = DnsmasqSettings {
            hosts_directory,
            pid_file,
            hosts_files: Vec::new(),
            lease_file: None,
            networks: Vec::new(),
            boot: None,
        };
        let (provider, us) = (Dnsmasq::new(settings), SiteName::new("conformance")?);
        let reserved = |address: &str, duid: Option<&Duid>| -> Result<Reservation, Failure> {
            let addresses = vec!["10.77.3.1".parse()?, address.parse::<IpAddr>()?];
            Ok(Reservation {
                mac: MAC.parse()?,
                addresses,
                host_name: Some("six".to_owned()),
                duid: duid.cloned(),
                boot: None,
            })
        };
        // The last one asks by the UUID of its machine.
        let uuid: Duid = "00:04:53:1a:6c:2e:00:11:22:33".parse()?;
        for (address, duid) in [("fd77::33", None), ("fd77::44", None), ("fd77::55", Some(&uuid))] {
            provider.reserve(&reserved(address, duid)?, &us).await?;
            same(self.lease(duid).await?, address.parse()?)?;
        }
        Ok(())
    }

    /// The address that a new client gets.
    async fn lease(&self, duid: Option<&Duid>) -> Result<Ipv6Addr, Failure> {
        let at = self.directory.display();
        let (script, got) = (self.directory.join("script"), self.directory.join("lease"));
        let text =
            format!("#!/bin/sh\ncase $reason in BOUND6) env > {at}/part && mv {at}/part {at}/lease ;; esac\nexit 0\n");
        fs::write(&script, text)?;
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
        for old in ["lease", "client.leases"] {
            fs::remove_file(self.directory.join(old)).ok();
        }
        if let Some(duid) = duid {
            // dhclient keeps its DUID among its leases, in octal.
            let octets: String = duid.octets().iter().map(|octet| format!("\\{octet:03o}")).collect();
            fs::write(self.directory.join("client.leases"), format!("default-duid \"{octets}\";\n"))?;
        }
        let mut client = Command::new("ip")
            .args(["netns", "exec", &self.client, "dhclient", "-6", "-1", "-d", "-D", "LL", "-sf"])
            .arg(script)
            .args(["-lf", &format!("{at}/client.leases"), "-pf", &format!("{at}/client.pid"), "eth0"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let bound = until(|| got.exists()).await;
        client.kill().await?;
        bound?;
        let text = fs::read_to_string(got)?;
        let address = text.lines().find_map(|line| line.strip_prefix("new_ip6_address="));
        Ok(address.ok_or_else(|| format!("dhclient told no address: {text}"))?.parse()?)
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        for namespace in [&self.server, &self.client] {
            std::process::Command::new("ip").args(["netns", "delete", namespace]).status().ok();
        }
        fs::remove_dir_all(&self.directory).ok();
    }
}

async fn ip(words: &[&str]) -> Result<String, Failure> {
    let output = Command::new("ip").args(words).output().await?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("ip {}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr)).into())
    }
}

async fn until(seen: impl Fn() -> bool) -> Result<(), Failure> {
    let wait = async {
        while !seen() {
            sleep(LOOK).await;
        }
    };
    timeout(ASKS, wait).await.map_err(|_| format!("nothing came within {ASKS:?}").into())
}

fn same(found: Ipv6Addr, wanted: Ipv6Addr) -> Result<(), Failure> {
    if found == wanted { Ok(()) } else { Err(format!("the client got {found} and should have got {wanted}").into()) }
}
