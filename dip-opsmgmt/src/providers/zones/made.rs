//! What was made for a node besides its names: a list beside its first name, `_dip-made.<name>`, with a TXT record for each further
//! record: `www.lab.example CNAME n1.lab.example`.
//!
//! By it dip knows what of a node's records the site no longer asks for, also where it may not list the zone, and tells its own
//! records from those that somebody wrote by hand beside them.

use dip_core::id::SiteName;
use dip_core::provider::ProviderError;

use super::edit::Edit;
use super::mark::{mark, mark_name, marked_by};
use super::names::{Zones, of, unanswered};
use super::record::{Data, Kind};
use super::server::{Look, ZoneServer};
use crate::provider::{Entry, EntryData};

/// The label of the list.
const LABEL: &str = "_dip-made.";

/// What is on the list of a node before a change, and what the site asks for.
pub(super) struct List<'a> {
    pub(super) name: &'a str,
    pub(super) owner: &'a SiteName,
    pub(super) ttl: u32,
    /// `None` where the name does not carry the owner's mark yet.
    pub(super) held: Option<Vec<Entry>>,
    pub(super) wanted: &'a [Entry],
}

impl List<'_> {
    /// What was made and is no longer asked for.
    pub(super) fn surplus(&self) -> Vec<Entry> {
        self.held.iter().flatten().filter(|entry| !entry.is_among(self.wanted)).cloned().collect()
    }

    /// Notes what will be made. This is on the list before it is in any other zone, so that nothing is ever made unnoted.
    pub(super) fn note(&self) -> Option<Edit> {
        let at = made_name(self.name);
        let held = self.held.as_deref().unwrap_or_default();
        let mut new = self.wanted.iter().filter(|entry| !entry.is_among(held)).peekable();
        new.peek()?;
        // Where the name is new, so is its mark; and a list that was left there is nobody's.
        let edit = match &self.held {
            Some(_) => self.if_ours(),
            None => Edit::default().clear(&at, Kind::Txt),
        };
        Some(new.fold(edit, |edit, entry| edit.add(&at, self.ttl, line(entry))))
    }

    /// Forgets what was taken away.
    pub(super) fn forget(&self) -> Option<Edit> {
        let at = made_name(self.name);
        let surplus = self.surplus();
        (!surplus.is_empty()).then(|| surplus.iter().fold(self.if_ours(), |edit, entry| edit.take(&at, line(entry))))
    }

    fn if_ours(&self) -> Edit {
        Edit::default().if_exactly(&mark_name(self.name), [mark(self.owner)])
    }
}

impl<S: ZoneServer> Zones<S> {
    /// What is on the list of a name; `None` where the name does not carry the owner's mark.
    pub(super) async fn made_for(
        &self,
        name: &str,
        owner: &SiteName,
        action: &str,
    ) -> Result<Option<Vec<Entry>>, ProviderError> {
        let zone = self.zone(name).await.map_err(of::<S>(action))?;
        let text = |name| Look { name, kinds: &[Kind::Txt] };
        let seen = self.look(&zone, vec![text(mark_name(name)), text(made_name(name))]).await;
        let seen = seen.map_err(of::<S>(action))?;
        let [marks, list] = &seen[..] else { return Err(unanswered().of(S::PRODUCT, action)) };
        if marks.data.iter().find_map(marked_by).as_ref() != Some(owner) {
            return Ok(None);
        }
        let mut made: Vec<Entry> = list.data.iter().filter_map(entry).collect();
        made.sort_unstable();
        Ok(Some(made))
    }
}

/// Where the list of a name stands.
pub(super) fn made_name(name: &str) -> String {
    format!("{LABEL}{name}")
}

fn line(entry: &Entry) -> Data {
    let name = &entry.name;
    Data::Txt(match &entry.data {
        EntryData::Cname(to) => format!("{name} CNAME {to}"),
        EntryData::Srv { priority, weight, port, target } => format!("{name} SRV {priority} {weight} {port} {target}"),
        EntryData::Txt(text) => format!("{name} TXT {text}"),
    })
}

fn entry(line: &Data) -> Option<Entry> {
    let Data::Txt(line) = line else { return None };
    let (name, rest) = line.split_once(' ')?;
    let (kind, says) = rest.split_once(' ')?;
    let data = match kind {
        "CNAME" => EntryData::Cname(says.to_owned()),
        "SRV" => {
            let mut words = says.split(' ');
            let mut number = || words.next()?.parse().ok();
            let (priority, weight, port) = (number()?, number()?, number()?);
            EntryData::Srv { priority, weight, port, target: words.next()?.to_owned() }
        }
        "TXT" => EntryData::Txt(says.to_owned()),
        _ => return None,
    };
    Some(Entry { name: name.to_owned(), ttl: None, data })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_is_read_off_the_list_as_it_was_noted() {
        let target = "n1.lab.example".to_owned();
        let all = [
            EntryData::Cname(target.clone()),
            EntryData::Srv { priority: 0, weight: 5, port: 2380, target },
            EntryData::Txt("two  blanks, \"quotes\" and ü ".to_owned()),
            EntryData::Txt(String::new()),
        ];
        for data in all {
            let noted = Entry { name: "_x._tcp.lab.example".to_owned(), ttl: None, data };
            assert_eq!(entry(&line(&noted)), Some(noted));
        }
        assert_eq!(entry(&Data::Txt("www.lab.example MX 10 mail".to_owned())), None);
        assert_eq!(entry(&Data::Txt("anything".to_owned())), None);
    }
}
