//! An Ethernet segment in namespaces, where a DHCP server answers real clients.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::daemon::{Daemon, daemon_command};
use crate::error::LabError;
use crate::namespace::Namespace;
use crate::ready::until;
use crate::scratch::{Scratch, write};

/// How long a client asks: two tries of dhclient fit in.
const ASKS: Duration = Duration::from_secs(8);

/// What a DHCP client got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The address.
    pub address: Ipv4Addr,
    /// The host name, if the server sent one.
    pub host_name: Option<String>,
    /// The routers, if the server sent some.
    pub routers: Vec<Ipv4Addr>,
    /// The name servers, if the server sent some.
    pub name_servers: Vec<Ipv4Addr>,
    /// The server that has the boot file, if one was named.
    pub next_server: Option<Ipv4Addr>,
    /// The boot file, out of the option for it or else the head of the packet.
    pub boot_file: Option<String>,
    /// The class that the answer is for, if the server sent one.
    pub vendor_class: Option<String>,
}

/// What a DHCPv6 client got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease6 {
    /// The address.
    pub address: Ipv6Addr,
    /// The boot file, if the server sent one.
    pub boot_url: Option<String>,
    /// The vendor class that the answer is for, in octets as `dhclient` writes them (`0:0:1:57:...`), if the server sent one.
    pub vendor_class: Option<String>,
}

/// What a client that boots from the network says of itself.
#[derive(Debug, Clone, Copy)]
pub struct BootQuestion {
    /// Its architecture (option 93; over DHCPv6 61).
    pub architecture: u16,
    /// Its class (option 60; over DHCPv6 16).
    pub vendor_class: &'static str,
    /// Its user class (option 77; over DHCPv6 15), which iPXE has.
    pub user_class: Option<&'static str>,
}

/// The kernel would else try a client's link-local address out for a second.
const NO_DAD: &str = "echo 0 > /proc/sys/net/ipv6/conf/eth0/accept_dad";

/// A client behind a relay.
struct Behind {
    number: u32,
    relay: Namespace,
    client: Namespace,
    scratch: Scratch,
}

/// A namespace for the server with the bridge `br0`, 10.77.0.1/16 and fd77::1/64, that clients are plugged into.
#[derive(Debug)]
pub struct Segment {
    namespace: Namespace,
    scratch: Scratch,
    clients: AtomicU32,
}

impl Segment {
    /// The server's own address.
    pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
    /// The same in IPv6.
    pub const ADDRESS6: Ipv6Addr = Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, 1);
    /// The server's interface.
    pub const INTERFACE: &'static str = "br0";

    pub(crate) async fn create(scratch: &Scratch) -> Result<Self, LabError> {
        let namespace = Namespace::create(scratch).await?;
        namespace.ip(&["link", "add", Self::INTERFACE, "type", "bridge"]).await?;
        namespace.ip(&["address", "add", "10.77.0.1/16", "dev", Self::INTERFACE]).await?;
        namespace.ip(&["link", "set", Self::INTERFACE, "up"]).await?;
        // A bridge without ports has no carrier once it had one, and Kea opens no socket on such an interface when it is configured anew.
        namespace.ip(&["link", "add", "carrier0", "type", "veth", "peer", "name", "carrier1"]).await?;
        namespace.ip(&["link", "set", "carrier0", "master", Self::INTERFACE, "up"]).await?;
        namespace.ip(&["link", "set", "carrier1", "up"]).await?;
        // A DHCPv6 server talks from its link-local address, which the kernel would try out for a second.
        for address in ["fe80::77/64", &format!("{}/64", Self::ADDRESS6)] {
            namespace.ip(&["address", "add", address, "dev", Self::INTERFACE, "nodad"]).await?;
        }
        Ok(Self { namespace, scratch: scratch.clone(), clients: AtomicU32::new(0) })
    }

    /// Where the server runs.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Plugs a client with this hardware address in and lets ISC dhclient ask; `None` if it got nothing.
    ///
    /// # Errors
    /// If the client cannot be plugged in.
    pub async fn lease(&self, mac: &str) -> Result<Option<Lease>, LabError> {
        self.ask(mac, None).await
    }

    /// The same for a client that boots from the network and says what it is, if it does.
    ///
    /// # Errors
    /// If the client cannot be plugged in.
    pub async fn ask(&self, mac: &str, says: Option<BootQuestion>) -> Result<Option<Lease>, LabError> {
        let (client, number) = self.plug(mac).await?;
        let scratch = self.scratch.within(&format!("client{number}"))?;
        let lease = ask(&client, &scratch, says).await;
        self.unplug(number).await?;
        lease
    }

    /// Plugs a client with this hardware address in and lets ISC dhclient ask for an IPv6 address, by a DUID of its own or by one of nothing
    /// but that hardware address, and for what to boot if it says what it is; `None` if it got nothing.
    ///
    /// # Errors
    /// If the client cannot be plugged in.
    pub async fn ask6(
        &self,
        mac: &str,
        duid: Option<&[u8]>,
        says: Option<BootQuestion>,
    ) -> Result<Option<Lease6>, LabError> {
        let (client, number) = self.plug(mac).await?;
        let scratch = self.scratch.within(&format!("client{number}"))?;
        let lease = ask6(&client, &scratch, duid, says).await;
        self.unplug(number).await?;
        lease
    }

    /// Lets a client in another network, 10.78.0.0/16, ask by ISC's relay, and for what to boot if it says what it is; `None` if it got
    /// nothing.
    ///
    /// # Errors
    /// If the relay or the client cannot be plugged in.
    pub async fn ask_behind_relay(&self, mac: &str, says: Option<BootQuestion>) -> Result<Option<Lease>, LabError> {
        let behind = self.relay(mac).await?;
        let Behind { number, relay, client, scratch, .. } = &behind;
        let mut line = daemon_command(Some(relay), "dhcrelay");
        line.args(["-4", "-d", "-pf"]).arg(scratch.path("relay.pid"));
        line.args(["-id", "down0", "-iu", "up0", &Self::ADDRESS.to_string()]);
        let relaying = Daemon::spawn(scratch, "dhcrelay", line)?;
        let lease = ask(client, scratch, says).await;
        drop(relaying);
        self.unplug(*number).await?;
        lease
    }

    /// The same for a DHCPv6 client in 2001:db8::/64.
    ///
    /// # Errors
    /// If the relay or the client cannot be plugged in.
    pub async fn ask6_behind_relay(&self, mac: &str, says: Option<BootQuestion>) -> Result<Option<Lease6>, LabError> {
        let behind = self.relay(mac).await?;
        let Behind { number, relay, client, scratch } = &behind;
        let mut line = daemon_command(Some(relay), "dhcrelay");
        line.args(["-6", "-d", "-pf"]).arg(scratch.path("relay.pid"));
        line.args(["-l", "down0", "-u", &format!("{}%up0", Self::ADDRESS6)]);
        let relaying = Daemon::spawn(scratch, "dhcrelay", line)?;
        let lease = ask6(client, scratch, None, says).await;
        drop(relaying);
        self.unplug(*number).await?;
        lease
    }

    /// Plugs a relay in with a client behind it, in 10.78.0.0/16 and 2001:db8::/64.
    async fn relay(&self, mac: &str) -> Result<Behind, LabError> {
        let number = self.clients.fetch_add(1, Ordering::Relaxed);
        let (relay, client) = (Namespace::create(&self.scratch).await?, Namespace::create(&self.scratch).await?);
        let port = format!("c{number}");
        let peer = ["link", "add", &port, "type", "veth", "peer", "name", "up0", "netns", relay.name()];
        self.namespace.ip(&peer).await?;
        self.namespace.ip(&["link", "set", &port, "master", Self::INTERFACE, "up"]).await?;
        let peer =
            ["link", "add", "down0", "type", "veth", "peer", "name", "eth0", "address", mac, "netns", client.name()];
        relay.ip(&peer).await?;
        client.run("sh", &["-c", NO_DAD]).await?;
        // Several relays may stand here at once: each has addresses of its own, and the server finds the way to the one that asked.
        let [high, low] = u16::try_from(number % 0xff00).unwrap_or_default().to_be_bytes();
        let (near, far) = (format!("10.77.{}.{low}", 250 - high), format!("10.78.{}.{low}", 250 - high));
        let (near6, far6) = (format!("fd77::fa:{number:x}"), format!("2001:db8::fa:{number:x}"));
        for (address, address6, link) in [(&near, &near6, "up0"), (&far, &far6, "down0")] {
            relay.ip(&["address", "add", &format!("{address}/16"), "dev", link]).await?;
            relay.ip(&["address", "add", &format!("{address6}/64"), "dev", link, "nodad"]).await?;
            relay.ip(&["link", "set", link, "up"]).await?;
        }
        client.ip(&["link", "set", "eth0", "up"]).await?;
        relay.run("sh", &["-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"]).await?;
        self.namespace.ip(&["route", "add", &format!("{far}/32"), "via", &near]).await?;
        let scratch = self.scratch.within(&format!("client{number}"))?;
        Ok(Behind { number, relay, client, scratch })
    }

    /// Plugs a host with this address in, at its `eth0`.
    pub(crate) async fn station(&self, address: Ipv4Addr) -> Result<Namespace, LabError> {
        let [.., high, low] = address.octets();
        let (host, _) = self.plug(&format!("02:77:00:00:{high:02x}:{low:02x}")).await?;
        host.ip(&["address", "add", &format!("{address}/16"), "dev", "eth0"]).await?;
        // Who announces routers of IPv6 has an address of IPv6.
        host.ip(&["address", "add", &format!("fd77::{low:x}/64"), "dev", "eth0", "nodad"]).await?;
        Ok(host)
    }

    /// Makes a port for a virtual machine, which runs in the server's namespace, and gives its name.
    pub(crate) async fn tap(&self) -> Result<String, LabError> {
        let port = format!("t{}", self.clients.fetch_add(1, Ordering::Relaxed));
        self.namespace.ip(&["tuntap", "add", &port, "mode", "tap"]).await?;
        self.namespace.ip(&["link", "set", &port, "master", Self::INTERFACE, "up"]).await?;
        Ok(port)
    }

    async fn plug(&self, mac: &str) -> Result<(Namespace, u32), LabError> {
        let number = self.clients.fetch_add(1, Ordering::Relaxed);
        let client = Namespace::create(&self.scratch).await?;
        let port = format!("c{number}");
        let peer =
            ["link", "add", &port, "type", "veth", "peer", "name", "eth0", "address", mac, "netns", client.name()];
        self.namespace.ip(&peer).await?;
        self.namespace.ip(&["link", "set", &port, "master", Self::INTERFACE, "up"]).await?;
        client.run("sh", &["-c", NO_DAD]).await?;
        client.ip(&["link", "set", "eth0", "up"]).await?;
        Ok((client, number))
    }

    async fn unplug(&self, number: u32) -> Result<(), LabError> {
        self.namespace.ip(&["link", "delete", &format!("c{number}")]).await.map(drop)
    }
}

async fn ask(client: &Namespace, scratch: &Scratch, says: Option<BootQuestion>) -> Result<Option<Lease>, LabError> {
    let got = scratch.path("lease.env");
    // dhclient tells its script all it got as variables; the file is moved into place when it is whole.
    let script = format!(
        "#!/bin/sh\ncase $reason in BOUND|RENEW|REBIND|REBOOT) env > {0}.part && mv {0}.part {0} ;; esac\n",
        got.display()
    );
    let script = scratch.write("script", &script)?;
    make_executable(&script)?;
    let mut conf = "timeout 6;\nretry 1;\ninitial-interval 1;\n".to_owned();
    let mut wants = "subnet-mask, routers, domain-name-servers, host-name".to_owned();
    if let Some(BootQuestion { architecture, vendor_class, user_class }) = says {
        conf.push_str(&format!(
            "option architecture code 93 = unsigned integer 16;\nsend architecture {architecture};\n\
             send vendor-class-identifier \"{vendor_class}\";\n"
        ));
        conf.extend(user_class.map(|class| format!("send user-class \"{class}\";\n")));
        wants.push_str(", vendor-class-identifier, tftp-server-name, bootfile-name");
    }
    conf.push_str(&format!("request {wants};\n"));
    let conf = scratch.write("dhclient.conf", &conf)?;
    let mut line = daemon_command(Some(client), "dhclient");
    line.args(["-4", "-1", "-d", "-sf"]).arg(&script).arg("-cf").arg(&conf);
    line.arg("-lf").arg(scratch.path("leases")).arg("-pf").arg(scratch.path("pid")).arg("eth0");
    let dhclient = Daemon::spawn(scratch, "dhclient", line)?;
    let bound = until(ASKS, || async { got.exists() }).await;
    drop(dhclient);
    if !bound {
        return Ok(None);
    }
    let text = std::fs::read_to_string(&got).map_err(|source| LabError::file("read", &got, source))?;
    let variable = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    let list = |name: &str| {
        variable(name).into_iter().flat_map(|all| all.split(' ')).filter_map(|ip| ip.parse().ok()).collect()
    };
    let address = variable("new_ip_address")
        .and_then(|ip| ip.parse().ok())
        .ok_or_else(|| LabError::answer("dhclient", text.clone()))?;
    Ok(Some(Lease {
        address,
        host_name: variable("new_host_name").map(str::to_owned),
        routers: list("new_routers"),
        name_servers: list("new_domain_name_servers"),
        next_server: list("new_next_server").into_iter().find(|server| !server.is_unspecified()),
        boot_file: variable("new_bootfile_name").or_else(|| variable("new_filename")).map(str::to_owned),
        vendor_class: variable("new_vendor_class_identifier").map(str::to_owned),
    }))
}

async fn ask6(
    client: &Namespace,
    scratch: &Scratch,
    duid: Option<&[u8]>,
    says: Option<BootQuestion>,
) -> Result<Option<Lease6>, LabError> {
    let show = ["-6", "address", "show", "dev", "eth0", "scope", "link", "-tentative"];
    // dhclient gives up without a link-local address.
    until(ASKS, || async { client.ip(&show).await.is_ok_and(|told| told.contains("fe80")) }).await;
    let got = scratch.path("lease.env");
    let script =
        format!("#!/bin/sh\ncase $reason in BOUND6) env > {0}.part && mv {0}.part {0} ;; esac\n", got.display());
    let script = scratch.write("script", &script)?;
    make_executable(&script)?;
    if let Some(duid) = duid {
        // dhclient keeps its DUID among its leases, in octal.
        let octets: String = duid.iter().map(|octet| format!("\\{octet:03o}")).collect();
        scratch.write("leases", &format!("default-duid \"{octets}\";\n"))?;
    }
    let conf = says.map(says6).unwrap_or_default();
    let conf = scratch.write("dhclient6.conf", &conf)?;
    let mut line = daemon_command(Some(client), "dhclient");
    line.args(["-6", "-1", "-d", "-D", "LL", "-sf"]).arg(&script).arg("-cf").arg(&conf);
    line.arg("-lf").arg(scratch.path("leases")).arg("-pf").arg(scratch.path("pid")).arg("eth0");
    let dhclient = Daemon::spawn(scratch, "dhclient", line)?;
    let bound = until(ASKS, || async { got.exists() }).await;
    drop(dhclient);
    if !bound {
        return Ok(None);
    }
    let text = std::fs::read_to_string(&got).map_err(|source| LabError::file("read", &got, source))?;
    let variable = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    let address = variable("new_ip6_address")
        .and_then(|ip| ip.parse().ok())
        .ok_or_else(|| LabError::answer("dhclient", text.clone()))?;
    Ok(Some(Lease6 {
        address,
        boot_url: variable("new_dhcp6_boot_url").map(str::to_owned),
        vendor_class: variable("new_dhcp6_vendor_class").map(str::to_owned),
    }))
}

/// What a DHCPv6 client that boots says, in dhclient's words: each class has its length before it (RFC 8415, sections 21.15 and 21.16).
fn says6(BootQuestion { architecture, vendor_class, user_class }: BootQuestion) -> String {
    let class = |text: &str| {
        let length = u16::try_from(text.len()).unwrap_or_default().to_be_bytes();
        length.iter().chain(text.as_bytes()).map(|octet| format!("{octet:02x}")).collect::<Vec<_>>().join(":")
    };
    // 343 is the number that firmware has in its class.
    let mut conf = format!(
        "option dhcp6.architecture code 61 = unsigned integer 16;\noption dhcp6.boot-url code 59 = text;\n\
         option dhcp6.vendor-class code 16 = string;\noption dhcp6.user-class code 15 = string;\n\
         send dhcp6.architecture {architecture};\nsend dhcp6.vendor-class 00:00:01:57:{};\n",
        class(vendor_class)
    );
    conf.extend(user_class.map(|user| format!("send dhcp6.user-class {};\n", class(user))));
    conf.push_str("also request dhcp6.boot-url, dhcp6.vendor-class;\n");
    conf
}

pub(crate) fn make_executable(file: &Path) -> Result<(), LabError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(file, mode).map_err(|source| LabError::file("make executable", file, source))
}

/// Writes a script that can be run.
pub(crate) fn write_script(file: &Path, text: &str) -> Result<(), LabError> {
    write(file, text)?;
    make_executable(file)
}
