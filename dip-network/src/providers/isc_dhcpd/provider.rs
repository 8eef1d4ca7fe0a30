//! The provider: reservations as host objects, checked against what others hold.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dip_core::hardware::MacAddr;
use dip_core::id::SiteName;
use dip_core::provider::{ErrorKind, Holder, ProviderError, sentence};
use dip_core::secret::Secrets;
use dip_core::site::{Endpoint, EndpointError};
use tokio::sync::Mutex;

use super::super::failure::Failure;
use super::super::host_name;
use super::files::{Entry, Files};
use super::host::{self, Host};
use super::session::{Session, Target};
use crate::provider::{BootFiles, Dhcp, Held, Reservation};
use crate::settings::IscDhcpdSettings;

const NAME: &str = "isc-dhcpd";

/// The port that dhcpd's manual gives to OMAPI.
const DEFAULT_PORT: u16 = 7911;

/// Why it tells no boot files over DHCPv6, and what to do.
const NO_DHCPV6: &str = "a host of OMAPI has no IPv6 address and no DUID, so this dhcpd tells nothing over DHCPv6; \
     give the boot files `server` alone, and serve DHCPv6 by Kea";

/// A lease that is given (`dhcpd(8)`, "The lease object").
const ACTIVE: u32 = 2;

/// The reservations of an ISC dhcpd for IPv4.
///
/// A reservation holds one IPv4 address. What OMAPI does not tell is read from dhcpd's files where the settings name them; without
/// them there is no list, and a host that somebody declared with an address that is wanted is not seen.
#[derive(Clone)]
pub struct IscDhcpd {
    shared: Arc<Shared>,
}

struct Shared {
    target: Target,
    files: Files,
    // Held for the whole of a change: it looks at what all hold before it writes, so no two may run at once.
    change: Mutex<()>,
}

impl fmt::Debug for IscDhcpd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IscDhcpd").field("address", &self.shared.target.address).finish_non_exhaustive()
    }
}

impl IscDhcpd {
    /// A provider for a server; nothing is sent before the first call.
    ///
    /// # Errors
    /// Why the settings cannot be used, as a sentence.
    pub fn new(settings: &IscDhcpdSettings, secrets: &dyn Secrets) -> Result<Self, String> {
        if let Some(server6) = settings.boot.as_ref().and_then(BootFiles::server6) {
            return Err(format!("`server6` ({server6}) of `boot`: {NO_DHCPV6}"));
        }
        let secret = secrets.resolve(&settings.secret).map_err(|error| sentence(&error))?;
        let secret = STANDARD
            .decode(secret.expose().trim())
            .map_err(|_| format!("`secret` ({}) is not in base64, as a key in dhcpd.conf is", settings.secret))?;
        let address: Endpoint = settings.address.parse().map_err(|error: EndpointError| error.to_string())?;
        let target = Target {
            address: address.with_port(DEFAULT_PORT),
            key: settings.key.clone(),
            algorithm: settings.algorithm,
            secret,
        };
        let files = Files::new(settings.hosts_files.clone(), settings.lease_file.clone());
        Ok(Self { shared: Arc::new(Shared { target, files, change: Mutex::new(()) }) })
    }
}

#[async_trait]
impl Dhcp for IscDhcpd {
    async fn reservation(&self, mac: MacAddr) -> Result<Option<Held>, ProviderError> {
        let looked = self.shared.reservation(mac).await;
        looked.map_err(|failure| failure.told(NAME, format!("look up the reservation of {mac}")))
    }

    async fn leases(&self, mac: MacAddr) -> Result<Vec<IpAddr>, ProviderError> {
        let looked = self.shared.leases(mac).await;
        looked.map_err(|failure| failure.told(NAME, format!("look up the leases of {mac}")))
    }

    async fn reserve(&self, reservation: &Reservation, owner: &SiteName) -> Result<(), ProviderError> {
        let done = self.shared.reserve(reservation, owner).await;
        done.map_err(|failure| failure.told(NAME, format!("reserve addresses for {}", reservation.mac)))
    }

    async fn claim(&self, mac: MacAddr, from: &Holder, owner: &SiteName) -> Result<(), ProviderError> {
        let done = self.shared.hand_over(mac, from, &Holder::Site(owner.clone())).await;
        done.map_err(|failure| failure.told(NAME, format!("claim the reservation of {mac}")))
    }

    async fn disown(&self, mac: MacAddr, owner: &SiteName) -> Result<(), ProviderError> {
        let done = self.shared.hand_over(mac, &Holder::Site(owner.clone()), &Holder::Nobody).await;
        done.map_err(|failure| failure.told(NAME, format!("take the mark off the reservation of {mac}")))
    }

    async fn release(&self, mac: MacAddr, owner: &SiteName) -> Result<(), ProviderError> {
        let done = self.shared.release(mac, owner).await;
        done.map_err(|failure| failure.told(NAME, format!("release the reservation of {mac}")))
    }

    async fn list(&self) -> Result<Vec<Held>, ProviderError> {
        self.shared.list().await.map_err(|failure| failure.told(NAME, "list its reservations".to_owned()))
    }
}

impl Shared {
    async fn reservation(&self, mac: MacAddr) -> Result<Option<Held>, Failure> {
        let host = Session::open(&self.target).await?.host(host::by_mac(mac)).await?;
        let entries = self.files.read().await?;
        let held = entries.iter().filter(|entry| entry.declared.macs.contains(&mac)).flat_map(Entry::held);
        // Somebody else's declaration beside ours decides: it must be told, not hidden.
        let theirs = held.filter(|held| held.reservation.mac == mac).find(|held| held.owner.is_none());
        Ok(match (theirs, host) {
            (Some(theirs), _) => Some(theirs),
            (None, Some(host)) => Some(told(&host, mac)),
            (None, None) => None,
        })
    }

    async fn leases(&self, mac: MacAddr) -> Result<Vec<IpAddr>, Failure> {
        let lease = Session::open(&self.target).await?.lease(host::by_mac(mac)).await?;
        let given = lease.filter(|(state, _)| *state == ACTIVE);
        Ok(given.and_then(|(_, octets)| <[u8; 4]>::try_from(octets).ok()).map(IpAddr::from).into_iter().collect())
    }

    async fn reserve(&self, wanted: &Reservation, owner: &SiteName) -> Result<(), Failure> {
        let address = accepted(wanted)?;
        let _alone = self.change.lock().await;
        let mut session = Session::open(&self.target).await?;
        let former = session.host(host::by_mac(wanted.mac)).await?;
        let other = session.host(host::by_address(address)).await?;
        let us = Holder::Site(owner.clone());
        for (found, what) in [(&former, wanted.mac.to_string()), (&other, address.to_string())] {
            if let Some(host) = found.as_ref().filter(|host| host.holder() != us) {
                return Err(held_by(&what, &host.holder(), &host.name, "by OMAPI"));
            }
        }
        let entries = self.files.read().await?;
        let held = entries.iter().filter(|entry| entry.holds(wanted.mac, Some(address)));
        self.refuse_foreign(held, &us, wanted.mac, Some(address))?;
        if let Some(other) = other.filter(|host| host.mac != Some(wanted.mac)) {
            session.remove(&other).await?;
        }
        if let Some(former) = former {
            if former.says(wanted, owner) {
                return Ok(());
            }
            // dhcpd changes neither the name of a host nor its statements: it is made anew.
            session.remove(&former).await?;
        }
        session.make(host::pairs(wanted, address, &us)).await
    }

    async fn release(&self, mac: MacAddr, owner: &SiteName) -> Result<(), Failure> {
        let _alone = self.change.lock().await;
        let mut session = Session::open(&self.target).await?;
        let Some(found) = session.host(host::by_mac(mac)).await? else { return Ok(()) };
        let us = Holder::Site(owner.clone());
        if found.holder() != us {
            return Err(held_by(&mac.to_string(), &found.holder(), &found.name, "by OMAPI"));
        }
        let entries = self.files.read().await?;
        self.refuse_foreign(entries.iter().filter(|entry| entry.holds(mac, None)), &us, mac, None)?;
        session.remove(&found).await
    }

    async fn hand_over(&self, mac: MacAddr, from: &Holder, to: &Holder) -> Result<(), Failure> {
        let _alone = self.change.lock().await;
        let mut session = Session::open(&self.target).await?;
        let Some(found) = session.host(host::by_mac(mac)).await? else { return Ok(()) };
        let holder = found.holder();
        if holder == *to {
            return Ok(());
        }
        if holder != *from {
            return Err(Failure::new(
                ErrorKind::Conflict,
                format!("the host `{}` of {mac} carries {holder}", found.name),
            ));
        }
        let reservation = match found.marked() {
            Some(_) => told(&found, mac).reservation,
            None => self.unmarked(&found, mac).await?,
        };
        let [address] = found.addresses[..] else {
            let why = format!("the host `{}` of {mac} has {} addresses", found.name, found.addresses.len());
            return Err(Failure::new(ErrorKind::Conflict, why).advise("give it one IPv4 address first"));
        };
        session.remove(&found).await?;
        session.make(host::pairs(&reservation, address, to)).await
    }

    async fn list(&self) -> Result<Vec<Held>, Failure> {
        Session::open(&self.target).await?;
        if !self.files.are_whole() {
            let why = "OMAPI does not list hosts";
            let advice = "name dhcpd's `lease_file`, and its configuration as `hosts_files`, where dip can read them";
            return Err(Failure::new(ErrorKind::Unsupported, why).advise(advice));
        }
        let mut all: Vec<Held> = self.files.read().await?.iter().flat_map(Entry::held).collect();
        all.sort_by_key(|held| held.reservation.mac);
        Ok(all)
    }

    /// What a host without a mark says, which is made anew to carry one: only dhcpd's files tell that nothing of it is lost.
    async fn unmarked(&self, found: &Host, mac: MacAddr) -> Result<Reservation, Failure> {
        let entries = self.files.read().await?;
        let mut same = entries.iter().filter(|entry| entry.declared.macs.contains(&mac));
        let (Some(entry), None) = (same.next(), same.next()) else {
            let why = format!(
                "the host `{}` of {mac} stands in no file that dip reads, or in several declarations",
                found.name
            );
            let advice = "name dhcpd's `lease_file` and `hosts_files`, and declare it once: OMAPI does not tell all that it says";
            return Err(Failure::new(ErrorKind::Conflict, why).advise(advice));
        };
        if !entry.declared.plain || entry.declared.macs.len() != 1 {
            let why = format!(
                "the host `{}` of {mac} in {} says more than address and host name",
                found.name,
                entry.file.display()
            );
            return Err(Failure::new(ErrorKind::Conflict, why).advise("dip would lose it; take it out first"));
        }
        let told = entry.held().next().map(|held| held.reservation);
        told.filter(|told| told.host_name.as_deref().is_none_or(host_name::is_label)).ok_or_else(|| {
            let why = format!("the host name of `{}` in {} has dots", found.name, entry.file.display());
            Failure::new(ErrorKind::Conflict, why).advise("give it one without a domain first")
        })
    }

    fn refuse_foreign<'e>(
        &self,
        mut held: impl Iterator<Item = &'e Entry>,
        us: &Holder,
        mac: MacAddr,
        address: Option<Ipv4Addr>,
    ) -> Result<(), Failure> {
        match held.find(|entry| entry.holder() != *us) {
            None => Ok(()),
            Some(entry) => {
                let what = match address.filter(|_| !entry.declared.macs.contains(&mac)) {
                    Some(address) => address.to_string(),
                    None => mac.to_string(),
                };
                Err(held_by(&what, &entry.holder(), &entry.declared.name, &format!("in {}", entry.file.display())))
            }
        }
    }
}

fn held_by(what: &str, holder: &Holder, name: &str, place: &str) -> Failure {
    let whose = match holder {
        Holder::Site(site) => format!("site `{site}`"),
        Holder::Nobody => "a host without a mark of dip".to_owned(),
    };
    let why = format!("{what} is held by {whose}, the host `{name}` found {place}");
    Failure::new(ErrorKind::Conflict, why).advise("remove it there first")
}

/// What OMAPI tells of a host; it does not tell the statements of one that dip did not make.
fn told(host: &Host, mac: MacAddr) -> Held {
    let marked = host.marked();
    let addresses = host.addresses.iter().copied().map(IpAddr::V4).collect();
    let (host_name, boot, owner) =
        marked.map_or((None, None, None), |marked| (marked.host_name, marked.boot, Some(marked.site)));
    Held { reservation: Reservation { mac, addresses, host_name, duid: None, boot }, owner }
}

/// The one address that dhcpd keeps.
fn accepted(wanted: &Reservation) -> Result<Ipv4Addr, Failure> {
    if let Some(v6) = wanted.addresses.iter().find(|address| address.is_ipv6()) {
        let why = format!("{v6} is an IPv6 address, which a host of OMAPI cannot have");
        let advice = "give the interface IPv4 alone in the networks of this service, or serve IPv6 by Kea or dnsmasq";
        return Err(Failure::new(ErrorKind::Unsupported, why).advise(advice));
    }
    if wanted.boot.as_ref().is_some_and(|boot| boot.server().is_none()) {
        return Err(
            Failure::new(ErrorKind::Unsupported, "boot files with `server6` alone are wanted").advise(NO_DHCPV6)
        );
    }
    if let Some(name) = wanted.host_name.as_ref().filter(|name| !host_name::is_label(name)) {
        let why = format!("`{name}` is no host name");
        return Err(Failure::new(ErrorKind::Invalid, why).advise("rename the node to letters, digits and `-`"));
    }
    match wanted.addresses[..] {
        [IpAddr::V4(v4)] => Ok(v4),
        _ => {
            let why = format!("{} addresses are wanted", wanted.addresses.len());
            Err(Failure::new(ErrorKind::Invalid, why).advise("give the interface one IPv4 address"))
        }
    }
}
