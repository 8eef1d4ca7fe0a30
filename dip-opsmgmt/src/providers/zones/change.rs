//! A change of one name on behalf of one site.

use std::collections::BTreeSet;
use std::net::IpAddr;

use dip_core::id::SiteName;
use dip_core::provider::{ErrorKind, Holder, ProviderError};

use super::edit::Edit;
use super::made::made_name;
use super::mark::{mark, mark_name};
use super::names::{Pointers, Zones, of};
use super::record::{Data, Kind};
use super::server::{Outcome, ZoneServer};
use crate::provider::HeldName;

/// How often a change is tried that somebody else's change came before.
pub(super) const TRIES: usize = 3;

/// One name, and for whom it changes.
pub(super) struct NameChange<'a, S> {
    pub(super) zones: &'a Zones<S>,
    pub(super) zone: String,
    pub(super) name: String,
    pub(super) owner: &'a SiteName,
    pub(super) action: &'a str,
}

/// New addresses come before former ones go, so the name always leads somewhere; and former addresses go after their reverse
/// names, because nobody would know of these otherwise.
pub(super) struct Plan {
    /// The name with all addresses, new and former.
    pub(super) first: Option<Edit>,
    /// The reverse names that must be made or replaced.
    pub(super) missing: Vec<Pointers>,
    /// The addresses that go.
    pub(super) former: Vec<IpAddr>,
    /// The name without the former ones.
    pub(super) last: Option<Edit>,
}

impl<S: ZoneServer> NameChange<'_, S> {
    /// What must be done so that the name has these addresses and each of them the name. Whatever stands in the way is told
    /// here, before anything is changed.
    pub(super) async fn plan(&self, addresses: &[IpAddr]) -> Result<Plan, ProviderError> {
        let wanted: BTreeSet<IpAddr> = addresses.iter().copied().collect();
        let held = self.ours().await?;
        let mut missing = Vec::new();
        for address in &wanted {
            missing.extend(self.missing(*address).await?);
        }
        let held: Option<BTreeSet<IpAddr>> = held.map(|held| held.addresses.into_iter().collect());
        let former: Vec<IpAddr> = held.iter().flat_map(|held| held.difference(&wanted)).copied().collect();
        let both: BTreeSet<IpAddr> = wanted.iter().chain(&former).copied().collect();
        let first = (held.as_ref() != Some(&both)).then(|| self.forward(held.is_some(), &both));
        let last = (!former.is_empty()).then(|| self.forward(true, &wanted));
        Ok(Plan { first, missing, former, last })
    }

    pub(super) async fn remove(&self) -> Result<(), ProviderError> {
        for _ in 0..TRIES {
            let Some(held) = self.ours().await? else { return Ok(()) };
            if self.turn(Vec::new(), &held.addresses).await? == Outcome::Prevented {
                continue;
            }
            let at = mark_name(&self.name);
            let edit = Edit::default()
                .if_exactly(&at, [mark(self.owner)])
                .clear(&self.name, Kind::A)
                .clear(&self.name, Kind::Aaaa)
                .clear(&made_name(&self.name), Kind::Txt)
                .clear(&at, Kind::Txt);
            if self.write(edit).await? == Outcome::Changed {
                return Ok(());
            }
        }
        Err(self.busy())
    }

    /// Marks the name as ours, if it is held as the claim saw it; the records themselves stay.
    pub(super) async fn claim(&self, from: &Holder) -> Result<(), ProviderError> {
        let at = mark_name(&self.name);
        for _ in 0..TRIES {
            let Some(held) = self.held().await? else { return Ok(()) };
            if held.owner.as_ref() == Some(self.owner) {
                return Ok(());
            }
            let other_types = held.owner.is_none() && held.addresses.is_empty();
            if Holder::from(held.owner.clone()) != *from || other_types {
                return Err(self.other(held));
            }
            let edit = match from {
                Holder::Nobody => Edit::default().if_unused(&at),
                Holder::Site(site) => Edit::default().if_exactly(&at, [mark(site)]).clear(&at, Kind::Txt),
            };
            if self.write(edit.add(&at, self.zones.server.ttl(), mark(self.owner))).await? == Outcome::Changed {
                return Ok(());
            }
        }
        Err(self.busy())
    }

    /// Takes our mark off the name; the records themselves stay.
    pub(super) async fn disown(&self) -> Result<(), ProviderError> {
        let at = mark_name(&self.name);
        for _ in 0..TRIES {
            match self.held().await? {
                Some(held) if held.owner.as_ref() == Some(self.owner) => {}
                Some(held) if held.owner.is_some() => return Err(self.other(held)),
                _ => return Ok(()),
            }
            let edit = Edit::default().if_exactly(&at, [mark(self.owner)]).clear(&at, Kind::Txt);
            if self.write(edit).await? == Outcome::Changed {
                return Ok(());
            }
        }
        Err(self.busy())
    }

    async fn held(&self) -> Result<Option<HeldName>, ProviderError> {
        self.zones.held(&self.zone, &self.name).await.map_err(of::<S>(self.action))
    }

    /// What the name has, if it carries our mark; `None` if nobody uses it; a conflict if anybody else does.
    pub(super) async fn ours(&self) -> Result<Option<HeldName>, ProviderError> {
        match self.held().await? {
            Some(held) if held.owner.as_ref() != Some(self.owner) => Err(self.other(held)),
            held => Ok(held),
        }
    }

    /// The conflict, if somebody else uses the name now or has made it an alias.
    pub(super) async fn tell_other(&self) -> Result<(), ProviderError> {
        self.ours().await?;
        let looks = vec![super::server::Look { name: self.name.clone(), kinds: &[] }];
        let seen = self.zones.look(&self.zone, looks).await.map_err(of::<S>(self.action))?;
        match seen.into_iter().find_map(|seen| seen.alias) {
            Some(alias) => Err(self.conflict(&format!("it was made an alias (CNAME) of {alias} by hand"))),
            None => Ok(()),
        }
    }

    pub(super) fn other(&self, held: HeldName) -> ProviderError {
        match held {
            HeldName { owner: Some(owner), .. } => self.conflict(&format!("it carries the mark of site `{owner}`")),
            HeldName { addresses, owner: None } if addresses.is_empty() => {
                self.conflict("it has records of another type, without a mark")
            }
            HeldName { addresses, owner: None } => {
                let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
                self.conflict(&format!("it has the address {} without a mark", addresses.join(" ")))
            }
        }
    }

    /// The name with these addresses.
    pub(super) fn forward(&self, ours: bool, wanted: &BTreeSet<IpAddr>) -> Edit {
        let (at, ttl) = (mark_name(&self.name), self.zones.server.ttl());
        let edit = if ours {
            Edit::default()
                .if_exactly(&at, [mark(self.owner)])
                .if_absent(&self.name, Kind::Cname)
                .clear(&self.name, Kind::A)
                .clear(&self.name, Kind::Aaaa)
        } else {
            Edit::default().if_unused(&self.name).if_unused(&at).add(&at, ttl, mark(self.owner))
        };
        wanted.iter().fold(edit, |edit, address| edit.add(&self.name, ttl, Data::from(*address)))
    }

    /// The reverse names of an address that must be replaced; `None` where they are as wanted.
    async fn missing(&self, address: IpAddr) -> Result<Option<Pointers>, ProviderError> {
        let pointers = self.zones.pointers(address).await.map_err(of::<S>(self.action))?;
        if pointers.names == [self.name.as_str()] {
            return Ok(None);
        }
        for other in pointers.names.iter().filter(|other| **other != self.name) {
            let owner = self.zones.owner(other).await.map_err(of::<S>(self.action))?;
            if owner.as_ref() != Some(self.owner) {
                let holder = format!("the reverse name of {address} is {other}, which is not this site's");
                return Err(self.conflict(&holder));
            }
        }
        Ok(Some(pointers))
    }

    /// Gives addresses the name, and takes it from former ones. `Prevented` where somebody changed one of them meanwhile, maybe
    /// another of our own nodes that gave it up: then what is there must be looked at again, which tells who holds it.
    pub(super) async fn turn(&self, missing: Vec<Pointers>, former: &[IpAddr]) -> Result<Outcome, ProviderError> {
        for pointers in missing {
            let edit = self.pointing(&pointers);
            if self.write_in(&pointers.zone, edit).await? == Outcome::Prevented {
                return Ok(Outcome::Prevented);
            }
        }
        for address in former {
            if self.unpoint(*address).await? == Outcome::Prevented {
                return Ok(Outcome::Prevented);
            }
        }
        Ok(Outcome::Changed)
    }

    /// The reverse names of an address replaced by the name.
    pub(super) fn pointing(&self, Pointers { at, names, .. }: &Pointers) -> Edit {
        let edit = if names.is_empty() {
            Edit::default().if_absent(at, Kind::Ptr).if_absent(at, Kind::Cname)
        } else {
            Edit::default().if_exactly(at, names.iter().cloned().map(Data::Ptr)).clear(at, Kind::Ptr)
        };
        edit.add(at, self.zones.server.ttl(), Data::Ptr(self.name.clone()))
    }

    /// Takes the reverse name of an address away if it is the name; others of the address stay.
    async fn unpoint(&self, address: IpAddr) -> Result<Outcome, ProviderError> {
        let Pointers { zone, at, names } = self.zones.pointers(address).await.map_err(of::<S>(self.action))?;
        if !names.contains(&self.name) {
            return Ok(Outcome::Changed);
        }
        let edit =
            Edit::default().if_exactly(&at, names.into_iter().map(Data::Ptr)).take(&at, Data::Ptr(self.name.clone()));
        self.write_in(&zone, edit).await
    }

    async fn write(&self, edit: Edit) -> Result<Outcome, ProviderError> {
        self.write_in(&self.zone, edit).await
    }

    pub(super) async fn write_in(&self, zone: &str, edit: Edit) -> Result<Outcome, ProviderError> {
        self.zones.write(zone, edit).await.map_err(of::<S>(self.action))
    }

    pub(super) fn conflict(&self, holder: &str) -> ProviderError {
        ProviderError::new(ErrorKind::Conflict, S::PRODUCT, self.action)
            .advise(format!("{holder}; remove it there, or give the node another name or address"))
    }

    pub(super) fn busy(&self) -> ProviderError {
        ProviderError::new(ErrorKind::Busy, S::PRODUCT, self.action)
            .advise("somebody else changes the name at the same time")
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::Table;
    use super::*;
    use crate::provider::{Dns, HostName};

    const AT: &str = "12.0.1.10.in-addr.arpa";

    fn owner() -> SiteName {
        SiteName::new("lab").expect("a name")
    }

    fn name(of: &str) -> Data {
        Data::Ptr(format!("{of}.lab.example"))
    }

    /// The name of `n2` has the address that `n1` is to have.
    fn table() -> Table {
        Table::with(&[
            ("n2.lab.example", Data::A([10, 1, 0, 12].into())),
            ("_dip.n2.lab.example", mark(&owner())),
            (AT, name("n2")),
        ])
    }

    async fn register(table: Table) -> (Result<(), ProviderError>, Zones<Table>) {
        let zones = Zones::of(table);
        let wanted =
            HostName { name: "n1.lab.example".to_owned(), addresses: vec!["10.1.0.12".parse().expect("an address")] };
        (zones.ensure(&wanted, &owner()).await, zones)
    }

    #[tokio::test]
    async fn a_node_takes_an_address_over_that_another_of_our_nodes_gives_up_in_the_same_moment() {
        let given_up = Edit::default().take(AT, name("n2"));
        let (made, zones) = register(table().meanwhile(AT, given_up)).await;
        made.expect("it looks again");
        assert_eq!(zones.server.at(AT, Kind::Ptr), [name("n1")]);
    }

    #[tokio::test]
    async fn an_address_that_somebody_else_takes_in_the_same_moment_is_a_conflict_that_tells_whose_it_is() {
        let theirs = Edit::default().clear(AT, Kind::Ptr).add(AT, 60, Data::Ptr("www.example.org".to_owned()));
        let (made, zones) = register(table().meanwhile(AT, theirs)).await;
        let error = made.expect_err("it is not ours");
        assert!(error.kind() == ErrorKind::Conflict && error.to_string().contains("www.example.org"), "{error}");
        assert_eq!(zones.server.at(AT, Kind::Ptr), [Data::Ptr("www.example.org".to_owned())]);
    }

    #[tokio::test]
    async fn a_name_goes_though_another_of_our_nodes_takes_its_reverse_name_in_the_same_moment() {
        let taken = Edit::default().clear(AT, Kind::Ptr).add(AT, 60, name("n1"));
        let zones = Zones::of(table().meanwhile(AT, taken));
        zones.remove("n2.lab.example", &owner()).await.expect("it looks again");
        assert_eq!(zones.server.at(AT, Kind::Ptr), [name("n1")]);
        assert_eq!(zones.server.at("_dip.n2.lab.example", Kind::Txt), []);
    }
}
