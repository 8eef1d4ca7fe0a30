//! All hosts files of a directory in memory: which names have which addresses, and whose they are.
//!
//! A site has one file, `dip-<site>`, whose first line is its mark. What stands in any other file is somebody else's.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;

use dip_core::id::SiteName;
use dip_core::provider::Holder;

use crate::provider::{HeldName, HostName};

/// Goes before the site's name in the first line of its file.
const MARK: &str = "# dip site=";

/// The lines of all files.
#[derive(Debug, Default)]
pub(super) struct Book {
    lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    address: IpAddr,
    /// The first one is also the reverse name.
    names: Vec<String>,
    owner: Option<SiteName>,
}

/// What all files say, by name and by address.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Index {
    pub(super) names: BTreeMap<String, HeldName>,
    pub(super) reverse: BTreeMap<IpAddr, BTreeSet<String>>,
}

/// Who has what is wanted, and what that is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) what: String,
    pub(super) holder: Holder,
}

/// The name of a site's file.
pub(super) fn file_name(site: &SiteName) -> String {
    format!("dip-{site}")
}

impl Book {
    /// Adds the lines of a file.
    pub(super) fn read(&mut self, text: &str) {
        let owner = text.lines().next().and_then(|first| SiteName::new(first.strip_prefix(MARK)?.trim()).ok());
        for line in text.lines() {
            let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
            let Some(address) = words.next().and_then(|word| word.parse().ok()) else { continue };
            let names: Vec<String> = words.map(|name| name.trim_end_matches('.').to_ascii_lowercase()).collect();
            if !names.is_empty() {
                self.lines.push(Line { address, names, owner: owner.clone() });
            }
        }
    }

    /// The text of a site's file.
    pub(super) fn write(&self, site: &SiteName) -> String {
        let mut text =
            format!("{MARK}{site}\n# dip writes this file anew at each change: what is added by hand is lost.\n");
        let lines: BTreeSet<(&Vec<String>, &IpAddr)> = self.of(site).map(|line| (&line.names, &line.address)).collect();
        for (names, address) in lines {
            let _ = writeln!(text, "{address} {}", names.join(" "));
        }
        text
    }

    pub(super) fn name(&self, name: &str) -> Option<HeldName> {
        let lines: Vec<&Line> = self.lines.iter().filter(|line| line.names.iter().any(|one| one == name)).collect();
        let first = lines.first()?;
        // A name that also stands in somebody's file is not ours.
        let owner = first.owner.clone().filter(|owner| lines.iter().all(|line| line.owner.as_ref() == Some(owner)));
        let addresses: BTreeSet<IpAddr> = lines.iter().map(|line| line.address).collect();
        Some(HeldName { addresses: addresses.into_iter().collect(), owner })
    }

    /// What is asked of it, in order.
    pub(super) fn index(&self) -> Index {
        let mut index = Index::default();
        for line in &self.lines {
            index.reverse.entry(line.address).or_default().extend(line.names.first().cloned());
            for name in &line.names {
                let held = index
                    .names
                    .entry(name.clone())
                    .or_insert_with(|| HeldName { addresses: Vec::new(), owner: line.owner.clone() });
                // A name that also stands in somebody's file is not ours.
                held.owner = held.owner.take().filter(|owner| line.owner.as_ref() == Some(owner));
                held.addresses.push(line.address);
            }
        }
        for held in index.names.values_mut() {
            held.addresses.sort_unstable();
            held.addresses.dedup();
        }
        index
    }

    /// Gives a name its addresses, on behalf of a site. Addresses of its other names move.
    pub(super) fn ensure(&mut self, wanted: &HostName, site: &SiteName) -> Result<(), Held> {
        self.must_be(site, &wanted.name)?;
        let foreign = self.lines.iter().find(|line| {
            wanted.addresses.contains(&line.address)
                && line.owner.as_ref() != Some(site)
                && line.names.first() != Some(&wanted.name)
        });
        if let Some(line) = foreign {
            let what = format!("the reverse name of {} is {}, which", line.address, line.names.join(" "));
            return Err(Held { what, holder: Holder::from(line.owner.clone()) });
        }
        self.lines.retain(|line| {
            let ours = line.owner.as_ref() == Some(site);
            !(ours && (line.names.contains(&wanted.name) || wanted.addresses.contains(&line.address)))
        });
        let line =
            |address: &IpAddr| Line { address: *address, names: vec![wanted.name.clone()], owner: Some(site.clone()) };
        let addresses: BTreeSet<&IpAddr> = wanted.addresses.iter().collect();
        self.lines.extend(addresses.into_iter().map(line));
        Ok(())
    }

    pub(super) fn remove(&mut self, name: &str, site: &SiteName) -> Result<(), Held> {
        self.must_be(site, name)?;
        self.lines.retain(|line| line.owner.as_ref() != Some(site) || !line.names.iter().any(|one| one == name));
        Ok(())
    }

    fn of<'a>(&'a self, site: &'a SiteName) -> impl Iterator<Item = &'a Line> {
        self.lines.iter().filter(move |line| line.owner.as_ref() == Some(site))
    }

    fn must_be(&self, site: &SiteName, name: &str) -> Result<(), Held> {
        match self.name(name) {
            Some(held) if held.owner.as_ref() != Some(site) => {
                let addresses: Vec<_> = held.addresses.iter().map(ToString::to_string).collect();
                let what = format!("{name} has the address {}, which", addresses.join(" "));
                Err(Held { what, holder: Holder::from(held.owner) })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(name: &str) -> SiteName {
        SiteName::new(name).expect("a name")
    }

    fn wanted(name: &str, addresses: &[&str]) -> HostName {
        let addresses = addresses.iter().map(|text| text.parse().expect("an address")).collect();
        HostName { name: name.to_owned(), addresses }
    }

    #[test]
    fn a_sites_file_is_read_back_as_it_was_written_and_foreign_lines_are_never_in_it() {
        let mut book = Book::default();
        book.read("10.9.9.9 www.lab.example www # by hand\n\nnot an address\n");
        book.ensure(&wanted("n1.lab.example", &["fd93::1", "10.1.0.11"]), &site("lab")).expect("nobody has it");
        let text = book.write(&site("lab"));
        assert!(text.ends_with("\n10.1.0.11 n1.lab.example\nfd93::1 n1.lab.example\n"), "{text}");
        let mut again = Book::default();
        again.read(&text);
        assert_eq!(again.name("n1.lab.example"), book.name("n1.lab.example"));
        assert_eq!(again.name("www.lab.example"), None);
    }

    #[test]
    fn the_index_tells_of_each_name_what_its_lines_tell() {
        let mut book = Book::default();
        book.read("10.9.9.9 www.lab.example www\n10.1.0.12 both.lab.example\n");
        book.read("# dip site=lab\n10.1.0.11 n1.lab.example\nfd93::1 n1.lab.example\n10.1.0.13 both.lab.example\n");
        let index = book.index();
        assert_eq!(index.names.len(), 4);
        for (name, held) in &index.names {
            assert_eq!(book.name(name).as_ref(), Some(held));
        }
        assert_eq!(index.names["both.lab.example"].owner, None);
        assert_eq!(index.names["n1.lab.example"].owner, Some(site("lab")));
        let www = index.reverse.get(&"10.9.9.9".parse().expect("an address"));
        assert_eq!(www, Some(&["www.lab.example".to_owned()].into()));
    }

    #[test]
    fn whoever_holds_a_name_or_an_address_is_told() {
        let mut book = Book::default();
        book.read("10.9.9.9 www.lab.example\n");
        let name = book.ensure(&wanted("www.lab.example", &["10.1.0.1"]), &site("lab")).expect_err("it is theirs");
        assert!(name.what.contains("10.9.9.9"));
        let address = book.ensure(&wanted("n1.lab.example", &["10.9.9.9"]), &site("lab")).expect_err("it is theirs");
        assert!(address.what.contains("www.lab.example"));
        assert_eq!(address.holder, Holder::Nobody);
    }
}
