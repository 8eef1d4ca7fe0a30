//! A DNS server's names, and how nodes resolve them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use dip_core::id::SiteName;
use dip_core::provider::Holder;
use dip_core::site::Service;
use dip_opsmgmt::provider::{Entry, EntryData, HeldName, HostName};
use dip_opsmgmt::settings::{DNS_KINDS, RFC2136};

use super::World;

/// More aliases of aliases than any sound zone has.
const ALIASES: usize = 8;

/// The names of one server: forward by name, reverse by address.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(super) forward: BTreeMap<String, Row>,
    reverse: BTreeMap<IpAddr, Vec<String>>,
    /// The further records that were made for a node, by its first name.
    pub(super) made: BTreeMap<String, Vec<Entry>>,
}

/// All that stands at a name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row {
    pub(super) addresses: Vec<IpAddr>,
    pub(super) owner: Option<SiteName>,
    pub(super) data: BTreeSet<EntryData>,
    /// Whether a record of a type that dip does not know stands there too.
    pub(super) other: bool,
}

impl Row {
    pub(crate) fn held(&self) -> HeldName {
        HeldName { addresses: self.addresses.clone(), owner: self.owner.clone() }
    }

    pub(crate) const fn data(&self) -> &BTreeSet<EntryData> {
        &self.data
    }

    pub(super) fn alias(&self) -> Option<&String> {
        self.data.iter().find_map(|data| match data {
            EntryData::Cname(to) => Some(to),
            _ => None,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.addresses.is_empty() && self.data.is_empty() && !self.other
    }
}

/// Somebody else holds a name.
#[derive(Debug, thiserror::Error)]
#[error("{what} {}", .owner.as_ref().map_or_else(|| "carries nobody's mark".to_owned(), |owner| format!("carries the mark of site `{owner}`")))]
pub(crate) struct ForeignName {
    pub(super) what: String,
    pub(super) owner: Option<SiteName>,
}

impl Names {
    pub(crate) fn find(&self, name: &str) -> Option<HeldName> {
        self.forward.get(&canonical(name)).map(Row::held)
    }

    pub(crate) fn reverse(&self, address: IpAddr) -> Vec<String> {
        self.reverse.get(&address).cloned().unwrap_or_default()
    }

    /// The addresses to which a name leads, over aliases.
    fn resolve(&self, name: &str) -> Vec<IpAddr> {
        let mut name = canonical(name);
        for _ in 0..ALIASES {
            match self.forward.get(&name).map(|row| (row.alias(), row)) {
                Some((Some(to), _)) => name.clone_from(to),
                Some((None, row)) => return row.addresses.clone(),
                None => break,
            }
        }
        Vec::new()
    }

    /// Whether a name and its addresses may be made known; nothing is changed.
    pub(super) fn may(&self, wanted: &HostName, owner: &SiteName) -> Result<(), ForeignName> {
        let name = canonical(&wanted.name);
        self.owned(&name, owner)?;
        if let Some(row) = self.forward.get(&name).filter(|row| row.alias().is_some()) {
            return Err(ForeignName { what: format!("the name `{name}` is an alias and"), owner: row.owner.clone() });
        }
        for address in &wanted.addresses {
            for other in self.reverse.get(address).into_iter().flatten().filter(|other| **other != name) {
                self.marked(other, owner).map_err(|holder| ForeignName {
                    what: format!("{address} is the address of `{other}`, which"),
                    owner: holder,
                })?;
            }
        }
        Ok(())
    }

    /// Makes a name and its addresses known in both directions; tells whether that changed anything.
    pub(crate) fn ensure(&mut self, wanted: &HostName, owner: &SiteName) -> Result<bool, ForeignName> {
        self.may(wanted, owner)?;
        let name = canonical(&wanted.name);
        let mut addresses = wanted.addresses.clone();
        addresses.sort_unstable();
        addresses.dedup();
        let row = self.forward.entry(name.clone()).or_default();
        let mut changed = row.addresses != addresses || row.owner.as_ref() != Some(owner);
        let before = std::mem::replace(&mut row.addresses, addresses.clone());
        row.owner = Some(owner.clone());
        for given_up in before.into_iter().filter(|old| !addresses.contains(old)) {
            changed |= self.forget(given_up, &name);
        }
        for address in addresses {
            changed |= self.reverse.insert(address, vec![name.clone()]).as_deref() != Some(std::slice::from_ref(&name));
        }
        Ok(changed)
    }

    /// Lets a name carry another mark, or none; tells whether that changed anything.
    pub(crate) fn hand_over(&mut self, name: &str, from: &Holder, to: &Holder) -> Result<bool, ForeignName> {
        let name = canonical(name);
        let Some(row) = self.forward.get_mut(&name) else { return Ok(false) };
        match Holder::from(row.owner.clone()) {
            holder if holder == *to => Ok(false),
            // A name with records of other types alone is none that dip could keep.
            holder if holder == *from && !(holder == Holder::Nobody && row.addresses.is_empty()) => {
                row.owner = to.site().cloned();
                Ok(true)
            }
            _ => Err(ForeignName { what: format!("the name `{name}`"), owner: row.owner.clone() }),
        }
    }

    /// The names at and below a domain that carry a site's mark.
    pub(crate) fn marked_below(&self, domain: &str, owner: &SiteName) -> Vec<String> {
        let domain = canonical(domain);
        let owned =
            self.forward.iter().filter(|(name, row)| is_below(name, &domain) && row.owner.as_ref() == Some(owner));
        owned.map(|(name, _)| name.clone()).collect()
    }

    /// The names at and below a domain that have addresses.
    pub(crate) fn below(&self, domain: &str) -> Vec<(String, HeldName)> {
        let domain = canonical(domain);
        let below = self.forward.iter().filter(|(name, row)| is_below(name, &domain) && !row.addresses.is_empty());
        below.map(|(name, row)| (name.clone(), row.held())).collect()
    }

    /// Takes a name away in both directions, with its mark; tells whether there was anything of it. Further records stay.
    pub(crate) fn remove(&mut self, name: &str, owner: &SiteName) -> Result<bool, ForeignName> {
        let name = canonical(name);
        self.owned(&name, owner)?;
        let Some(row) = self.forward.get_mut(&name) else { return Ok(false) };
        row.owner = None;
        let addresses = std::mem::take(&mut row.addresses);
        if row.is_empty() {
            self.forward.remove(&name);
        }
        for address in addresses {
            self.forget(address, &name);
        }
        self.made.remove(&name);
        Ok(true)
    }

    /// Takes all that stands at a name away, and its reverse names, whoever holds it.
    pub(crate) fn drop_name(&mut self, name: &str) {
        let name = canonical(name);
        for address in self.forward.remove(&name).into_iter().flat_map(|row| row.addresses) {
            self.forget(address, &name);
        }
    }

    /// Writes a name, with any mark or none; one without an address has a record of another type.
    pub(crate) fn put(&mut self, name: &str, held: HeldName) {
        let row = self.forward.entry(canonical(name)).or_default();
        row.other |= held.addresses.is_empty();
        (row.addresses, row.owner) = (held.addresses, held.owner);
    }

    /// Writes a reverse name beside others.
    pub(crate) fn point(&mut self, address: IpAddr, name: &str) {
        self.reverse.entry(address).or_default().push(canonical(name));
    }

    /// A name that is in use must carry the owner's mark.
    pub(super) fn owned(&self, name: &str, owner: &SiteName) -> Result<(), ForeignName> {
        match self.forward.get(name) {
            Some(row) if row.owner.as_ref() != Some(owner) => {
                Err(ForeignName { what: format!("the name `{name}`"), owner: row.owner.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Whether a name carries the owner's mark; else whose it carries. A name that is not in use carries none.
    fn marked(&self, name: &str, owner: &SiteName) -> Result<(), Option<SiteName>> {
        match self.forward.get(name).and_then(|row| row.owner.as_ref()) {
            Some(holder) if holder == owner => Ok(()),
            holder => Err(holder.cloned()),
        }
    }

    fn forget(&mut self, address: IpAddr, name: &str) -> bool {
        let Some(names) = self.reverse.get_mut(&address) else { return false };
        let before = names.len();
        names.retain(|held| held != name);
        let changed = names.len() != before;
        if names.is_empty() {
            self.reverse.remove(&address);
        }
        changed
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &Row)> {
        self.forward.iter()
    }

    pub(crate) fn pointers(&self) -> impl Iterator<Item = (&IpAddr, &Vec<String>)> {
        self.reverse.iter()
    }
}

fn is_below(name: &str, domain: &str) -> bool {
    name == domain || name.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

/// Names are compared without case and without the dot at their end (RFC 4343).
pub(super) fn canonical(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

impl World {
    /// What the site's DNS servers say of a name to somebody who asks at these addresses.
    pub(crate) fn resolve(&self, servers: &[IpAddr], name: &str) -> Vec<IpAddr> {
        self.site
            .services_of(DNS_KINDS)
            .filter(|service| answers_at(service, servers))
            .filter_map(|service| self.names(&service.name, |names| names.resolve(name)))
            .find(|addresses| !addresses.is_empty())
            .unwrap_or_default()
    }
}

/// Whether a service is asked at one of these addresses. One whose settings do not tell where it answers is asked at any.
fn answers_at(service: &Service, servers: &[IpAddr]) -> bool {
    let is_rfc2136 = service.driver.kind.as_str() == RFC2136;
    address(service).map_or(!is_rfc2136, |address| servers.contains(&address))
}

/// The address at which a service answers: the host of its setting `server`.
fn address(service: &Service) -> Option<IpAddr> {
    let server = service.driver.settings.get("server")?.as_str()?;
    server.parse().ok().or_else(|| server.parse::<SocketAddr>().ok().map(|server| server.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(name: &str) -> SiteName {
        SiteName::new(name).expect("a name")
    }

    fn wanted(name: &str, addresses: &[[u8; 4]]) -> HostName {
        HostName { name: name.to_owned(), addresses: addresses.iter().map(|address| IpAddr::from(*address)).collect() }
    }

    #[test]
    fn a_name_is_known_in_both_directions_and_gives_up_what_it_no_longer_has() {
        let mut names = Names::default();
        let (first, second) = ([10, 0, 0, 1], [10, 0, 0, 2]);
        assert_eq!(names.ensure(&wanted("n1.lab.example", &[first]), &site("lab")).ok(), Some(true));
        assert_eq!(names.ensure(&wanted("N1.lab.example.", &[first]), &site("lab")).ok(), Some(false));
        assert_eq!(names.ensure(&wanted("n1.lab.example", &[second]), &site("lab")).ok(), Some(true));
        assert!(names.reverse(first.into()).is_empty());
        assert_eq!(names.reverse(second.into()), ["n1.lab.example"]);
        assert_eq!(names.remove("n1.lab.example", &site("lab")).ok(), Some(true));
        assert!(names.reverse(second.into()).is_empty() && names.find("n1.lab.example").is_none());
    }

    #[test]
    fn what_others_hold_is_left_alone() {
        let mut names = Names::default();
        names.ensure(&wanted("n1.lab.example", &[[10, 0, 0, 1]]), &site("other")).expect("nobody holds it");
        assert!(names.ensure(&wanted("n1.lab.example", &[[10, 0, 0, 9]]), &site("lab")).is_err());
        let error = names.ensure(&wanted("n2.lab.example", &[[10, 0, 0, 1]]), &site("lab")).expect_err("theirs");
        assert!(error.to_string().contains("site `other`"), "{error}");
        assert!(names.find("n2.lab.example").is_none());
    }
}
