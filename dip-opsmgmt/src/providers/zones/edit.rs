//! One change of a zone that is made whole or not at all: what must be the case, and what then changes.

use std::collections::BTreeSet;

use super::record::{Data, Kind};

/// A change that belongs together, of one zone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edit {
    pub(crate) expects: Vec<Expect>,
    pub(crate) changes: Vec<Change>,
}

/// What must be the case before anything of an edit is changed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Expect {
    /// The name has no records at all.
    Unused(String),
    /// The name has no records of the type.
    Absent(String, Kind),
    /// The records of the data's type are exactly these.
    Exactly(String, Vec<Data>),
}

/// What changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// A record is there, with this time to live in seconds.
    Add(String, u32, Data),
    /// No records of the type are there.
    Clear(String, Kind),
    /// A record is not there; others of its type stay.
    Take(String, Data),
}

impl Edit {
    pub(crate) fn if_unused(mut self, name: &str) -> Self {
        self.expects.push(Expect::Unused(name.to_owned()));
        self
    }

    pub(crate) fn if_absent(mut self, name: &str, kind: Kind) -> Self {
        self.expects.push(Expect::Absent(name.to_owned(), kind));
        self
    }

    pub(crate) fn if_exactly(mut self, name: &str, data: impl IntoIterator<Item = Data>) -> Self {
        self.expects.push(Expect::Exactly(name.to_owned(), data.into_iter().collect()));
        self
    }

    pub(crate) fn add(mut self, name: &str, ttl: u32, data: Data) -> Self {
        self.changes.push(Change::Add(name.to_owned(), ttl, data));
        self
    }

    pub(crate) fn clear(mut self, name: &str, kind: Kind) -> Self {
        self.changes.push(Change::Clear(name.to_owned(), kind));
        self
    }

    pub(crate) fn take(mut self, name: &str, data: Data) -> Self {
        self.changes.push(Change::Take(name.to_owned(), data));
        self
    }

    /// What it expects, and nothing that changes.
    pub(crate) fn without_changes(&self) -> Self {
        Self { expects: self.expects.clone(), changes: Vec::new() }
    }

    /// Both as one. What both expect is expected once.
    pub(crate) fn and(mut self, other: Self) -> Self {
        let expects = other.expects.into_iter().filter(|expect| !self.expects.contains(expect)).collect::<Vec<_>>();
        self.expects.extend(expects);
        let changes = other.changes.into_iter().filter(|change| !self.changes.contains(change)).collect::<Vec<_>>();
        self.changes.extend(changes);
        self
    }

    /// Whether both can be in one message though both say something of a name: they expect the same of it, and either do the
    /// same or add or take one record of a service each.
    pub(crate) fn adds_up_with(&self, other: &Self, name: &str) -> bool {
        let expects = |edit: &Self| edit.expects.iter().filter(|one| one.name() == name).cloned().collect::<Vec<_>>();
        let changes = |edit: &Self| edit.changes.iter().filter(|one| one.name() == name).cloned().collect::<Vec<_>>();
        let (ours, theirs) = (changes(self), changes(other));
        let adds = |all: &[Change]| all.iter().all(|one| matches!(one, Change::Add(_, _, Data::Srv { .. })));
        let takes = |all: &[Change]| all.iter().all(|one| matches!(one, Change::Take(_, Data::Srv { .. })));
        let together = (adds(&ours) && adds(&theirs)) || (takes(&ours) && takes(&theirs));
        expects(self) == expects(other) && (ours == theirs || together)
    }

    /// The names that it says anything of: two edits that share one can rarely be in one message, because a server looks at
    /// what must be the case once, before it changes anything.
    pub(crate) fn names(&self) -> BTreeSet<&str> {
        let expected = self.expects.iter().map(Expect::name);
        expected.chain(self.changes.iter().map(Change::name)).collect()
    }

    /// The most bytes that it takes in a DNS message: each record a name, ten bytes, and its data. Names count in full, because
    /// `hickory-proto` shortens only the first 120 of a message by pointers.
    pub(crate) fn weight(&self) -> usize {
        let data = |data: &Data| match data {
            Data::A(_) => 4,
            Data::Aaaa(_) => 16,
            Data::Cname(name) | Data::Ptr(name) => name.len() + 2,
            Data::Srv { target, .. } => target.len() + 8,
            Data::Txt(text) => text.len() + text.len() / 255 + 1,
        };
        let record = |name: &str, data: usize| name.len() + 12 + data;
        let expected = self.expects.iter().map(|expect| match expect {
            Expect::Unused(name) | Expect::Absent(name, _) => record(name, 0),
            Expect::Exactly(name, all) => all.iter().map(|one| record(name, data(one))).sum(),
        });
        let changed = self.changes.iter().map(|change| match change {
            Change::Add(name, _, one) | Change::Take(name, one) => record(name, data(one)),
            Change::Clear(name, _) => record(name, 0),
        });
        expected.chain(changed).sum()
    }
}

impl Expect {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Unused(name) | Self::Absent(name, _) | Self::Exactly(name, _) => name,
        }
    }
}

impl Change {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Add(name, ..) | Self::Clear(name, _) | Self::Take(name, _) => name,
        }
    }
}
